/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registrar on a desk: requests come as text, time is desk->now, what it tells is noted.
 */
#ifndef TD_REGISTRAR_DESK_H
#define TD_REGISTRAR_DESK_H

#include "config/config.h"
#include "registrar/registrar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DESK_CAPACITY = 12,
	DESK_NOTES_BYTES = 4096,
};

#define DESK_HEAD                                         \
	"node: t\nsip: {listen: [{address: 10.0.0.1}]}\n" \
	"media: {addresses: [10.0.0.1]}\n"                \
	"dataplane: {ports: [{device: net_null0}]}\n"     \
	"trunks:\n"
#define DESK_TRUNK                           \
	"  - name: p\n    registrar: true\n" \
	"    bindings: {min_expires_s: 60, max_expires_s: 7200, expires_s: 600, max_per_user: 3}\n"
#define DESK_USERS \
	DESK_TRUNK "    users: [{username: alice, password: a}, {username: bob, password: b}]\n"

struct desk {
	struct config *config;
	struct registrar *registrar;
	struct registrar_user *user; /* who sends */
	struct sip_flow flow;	     /* by which it comes */
	struct td_now now;
	char notes[DESK_NOTES_BYTES]; /* "+" added, ">" moved, "-" removed, "x" expired, "f" flow
				       * lost, "e" evicted, "w" withdrawn, and the contact's user */
	char answer[4096];
	unsigned kept;				/* records written or deleted */
	uint8_t record[REGISTRAR_RECORD_BYTES]; /* alice's last */
	size_t record_length;			/* 0: deleted */
};

/* Starts with alice sending by UDP from 192.0.2.9:5060. */
void desk_init(struct desk *desk, const char *config_text);
void desk_fini(struct desk *desk);
/* Another registrar in the place of the old one. */
void desk_restart(struct desk *desk);
/* Takes another configuration. */
void desk_configure(struct desk *desk, const char *config_text);

/* Sends a REGISTER with these headers ("Contact: ...\r\n"), returns the status. What a 200 says
 * of the bindings is in desk->answer. */
unsigned desk_register(struct desk *desk, const char *call_id, uint32_t cseq, const char *headers);
/* What was noted since the last time. */
const char *desk_notes(struct desk *desk);
/* Contacts of the user who sends, best first: "a b". */
const char *desk_contacts(struct desk *desk);
/* Time goes on. */
void desk_wait(struct desk *desk, uint64_t ms);

#endif
