/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One contact of one user, and the flow on which it was registered.
 */
#ifndef TD_REGISTRAR_BINDING_H
#define TD_REGISTRAR_BINDING_H

#include "transaction/transaction.h"
#include "util/span.h"
#include "util/table.h"
#include "util/wheel.h"

#include <stdbool.h>
#include <stdint.h>

struct registrar_user;

enum {
	REGISTRAR_URI_MAX_BYTES = 512,
	REGISTRAR_INSTANCE_MAX_BYTES = 128,
	REGISTRAR_PATH_MAX_BYTES = 512, /* all values of Path together */
	REGISTRAR_AGENT_MAX_BYTES = 64, /* longer ones are cut */
};

struct registrar_binding {
	struct wheel_timer timer; /* deadline_ms: when it expires */
	struct registrar_user *user;
	struct registrar_binding *next;	 /* of the same user */
	struct table_node by_connection; /* key: flow.connection_id; streams only */
	uint64_t id;			 /* of its events; never 0 */
	uint64_t sequence;		 /* of its last refresh, among all bindings */
	uint64_t call_id_hash;		 /* of the REGISTER that refreshed it */
	uint64_t added_wall_ns;
	char *texts; /* owns: URI, instance, path, user agent, one after the other */
	uint32_t cseq;
	uint32_t ordinal;   /* events told so far */
	uint32_t reg_id;    /* RFC 5626; 0: none */
	uint32_t expires_s; /* granted last */
	uint16_t q_permille;
	uint16_t uri_bytes;
	uint16_t instance_bytes;
	uint16_t path_bytes;
	uint16_t agent_bytes;
	uint8_t slot; /* among the user's, stable */
	struct sip_flow flow;
};

/* Spans borrow the binding. */
struct span registrar_binding_uri(const struct registrar_binding *binding);
struct span registrar_binding_instance(const struct registrar_binding *binding);
struct span registrar_binding_path(const struct registrar_binding *binding);
struct span registrar_binding_agent(const struct registrar_binding *binding);

/* The way to it: the flow it registered by, with the contact's port if the contact is that very
 * host (a UDP phone without NAT may send from one port and listen on another, RFC 3261 18.2.2) and
 * neither proxy nor outbound flow stand between. */
struct sip_flow registrar_binding_flow(const struct registrar_binding *binding);

/* True if requests can go by its flow alone: it is behind NAT or a proxy, or keeps a flow. */
bool registrar_binding_keeps_flow(const struct registrar_binding *binding);

/* True if it can be reached although its connection has ended: the contact is the host that
 * registered, so that a new connection can be opened to it. */
bool registrar_binding_is_reachable(const struct registrar_binding *binding);

#endif
