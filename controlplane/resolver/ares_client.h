/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts questions to name servers: c-ares over UDP, TCP where an answer doesn't fit, in the loop,
 * without a thread and without a wait. It reads no answer but hands the bytes on. Shell.
 *
 * Each question has a random id, and each group of questions that are out together a port of its
 * own that the kernel chose at random: between two groups the sockets are closed.
 */
#ifndef TD_RESOLVER_ARES_CLIENT_H
#define TD_RESOLVER_ARES_CLIENT_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stddef.h>
#include <stdint.h>

struct loop;

enum {
	ARES_CLIENT_SERVERS_MAX = 4,
};

struct ares_client_config {
	uint32_t server_count; /* 0: those of /etc/resolv.conf */
	struct td_endpoint servers[ARES_CLIENT_SERVERS_MAX];
	uint32_t timeout_ms; /* of the first try at each server */
	uint32_t tries;
};

struct ares_client_sink {
	void *context;
	/* The answer to a question; message borrows until the function returns, NULL: none came.
	 * May ask again. May be called from inside ares_client_ask(). */
	void (*answer)(void *context, uint64_t id, const uint8_t *message, size_t length);
};

struct ares_client;

/* Reads /etc/resolv.conf if no servers are given: not for later than the start. -ENOMEM, -EINVAL
 * (addresses that c-ares can't use). */
td_must_check int ares_client_create(struct loop *loop, const struct ares_client_config *config,
	const struct ares_client_sink *sink, struct ares_client **ret_client);
/* Ends it; nothing more is told. NULL is allowed. */
void ares_client_destroy(struct ares_client *client);
/* Reads /etc/resolv.conf again; what is out goes unanswered. Errors as above: nothing changed. */
td_must_check int ares_client_renew(struct ares_client *client);

/* Asks for a type (enum dns_type) of name, which ends with a zero and is copied. */
void ares_client_ask(struct ares_client *client, uint64_t id, const char *name, uint16_t type);

/* Earliest timeout, TD_NEVER if nothing is out, and what to do then. */
uint64_t ares_client_deadline(const struct ares_client *client);
void ares_client_advance(struct ares_client *client);

/* X(name, help) */
#define ARES_CLIENT_COUNTERS(X)                                         \
	X(asked, "questions sent to name servers, repeats not counted") \
	X(answered, "answers received")                                 \
	X(timeouts, "rounds in which a name server was silent")         \
	X(unanswered, "questions given up")                             \
	X(refused_memory, "questions not asked for want of memory or sockets")

struct ares_client_counts {
#define ARES_CLIENT_COUNTER_FIELD(name, help) uint64_t name;
	ARES_CLIENT_COUNTERS(ARES_CLIENT_COUNTER_FIELD)
#undef ARES_CLIENT_COUNTER_FIELD
	uint32_t in_flight;
};
struct ares_client_counts ares_client_get_counts(const struct ares_client *client);

#endif
