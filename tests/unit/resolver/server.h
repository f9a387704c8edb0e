/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resolver with a name server of its own: questions are answered from a zone when the test says
 * so, or not at all. Time is server->now_ms.
 */
#ifndef TD_RESOLVER_SERVER_H
#define TD_RESOLVER_SERVER_H

#include "resolver/resolver.h"
#include "zone.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SERVER_QUESTIONS_MAX = 256,
};

struct server_question {
	cache_id id;
	uint16_t type;
	char name[256];
};

struct server {
	struct resolver *resolver;
	struct zone zone;
	uint64_t now_ms;
	bool is_silent; /* no answer, as if the network were down */
	uint32_t question_count;
	struct server_question questions[SERVER_QUESTIONS_MAX]; /* not answered yet */
	uint64_t asked;
	uint64_t changes;
	uint32_t watch; /* of the last change */
	uint32_t count;
	struct resolver_target targets[RESOLVER_TARGETS_MAX];
};

/* UDP, TCP and TLS over IPv4, then IPv6; 64 watches; 256 names. */
struct resolver_config server_config(void);
void server_init(struct server *server, const struct resolver_config *config, const char *lines);
void server_fini(struct server *server);
/* Watches a SIP URI without its user part: "sip:host:port;transport=x". */
void server_watch(struct server *server, uint32_t watch, const char *uri);
/* Answers every question, and those that follow, or says that no answer came. */
void server_answer(struct server *server);
/* Lets time pass, deadline by deadline, with answers at once. */
void server_pass(struct server *server, uint64_t ms);
/* The list as "RANK SERVER WEIGHT TRANSPORT ENDPOINT", a line each. Static text. */
const char *server_list(const struct server *server);

#endif
