/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client and a server that exchange random transactions over the simulated network, and the
 * book that is kept on each: what was meant to happen, what did, and whether it ended.
 */
#ifndef TD_SIGNALLING_EXCHANGE_H
#define TD_SIGNALLING_EXCHANGE_H

#include "sim_net.h"
#include "transaction/transaction.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	EXCHANGE_REQUEST_BYTES = 768,
};

/* One transaction, at both ends. */
struct exchange_entry {
	struct exchange *exchange;
	uint32_t number;
	bool is_invite;
	bool is_canceled_by_client;
	bool never_answers; /* the server stays silent (not INVITE) */
	bool never_acknowledges;
	unsigned planned_status;
	uint32_t answer_after_ms;
	transaction_id client_id;
	transaction_id server_id;
	unsigned sent_status; /* final response that the server gave, 0: none */
	unsigned got_status;  /* first final response that the client was told */
	uint32_t finals;      /* told to the client; 2xx once each time */
	uint32_t timeouts;
	uint32_t client_ends;
	uint32_t server_begins; /* > 1: the request came again after its transaction's end */
	uint32_t server_ends;
	uint32_t request_bytes;
	char request[EXCHANGE_REQUEST_BYTES]; /* as the server got it */
};

struct exchange_end {
	struct exchange *exchange;
	struct transaction_table *table;
	struct sip_flow flow; /* towards the other end */
	int node;
};

struct exchange_config {
	const char *name;
	uint32_t transactions;
	uint32_t capacity;	  /* of the client's table */
	uint32_t server_capacity; /* 0: as the client's */
	uint32_t period_ms;	  /* over which they begin */
	enum sip_transport transport;
	struct sim_link link;
};

struct exchange {
	struct exchange_config config;
	struct sim_net *net;
	struct exchange_end client;
	struct exchange_end server;
	struct exchange_entry *entries;
	uint32_t strays;
	uint32_t refused; /* by the client's own table */
};

/* Makes both ends and plans all transactions. Fails the test on errors. */
struct exchange *exchange_create(const struct exchange_config *config, uint64_t seed);
void exchange_destroy(struct exchange *exchange);

#endif
