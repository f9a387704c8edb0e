/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction table under test: writes down what it sends and tells, and makes the messages
 * that it is fed. Time is rig->now_ms.
 */
#ifndef TD_TRANSACTION_RIG_H
#define TD_TRANSACTION_RIG_H

#include "transaction/machine.h"
#include "transaction/transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RIG_LOG_MAX = 256,
	RIG_TEXT_BYTES = 2048,
	RIG_START_MS = 5000000,
	RIG_T1_MS = 500,
	RIG_T2_MS = 4000,
	RIG_T4_MS = 5000,
	RIG_TIMER_C_MS = 181000,
	RIG_64_T1_MS = 32000,
};

struct rig_sent {
	struct sip_flow flow;
	char text[RIG_TEXT_BYTES];
};

struct rig_told {
	enum transaction_event event;
	transaction_id id;
	uint64_t user;
	unsigned status; /* of the message, 0 for requests and none */
	char method[16]; /* of the message, "" if none */
	char to_tag[32];
};

struct rig {
	struct transaction_table *table;
	uint64_t now_ms;
	struct sip_flow flow; /* used for all that goes either way */
	uint32_t sent_count;
	uint32_t told_count;
	struct rig_sent sent[RIG_LOG_MAX];
	struct rig_told told[RIG_LOG_MAX];
	/* If set: called from inside the sink, to test re-entrance. */
	void (*on_told)(struct rig *rig, const struct rig_told *told);
	unsigned respond_status; /* for the test's own on_told */
};

/* Creates a table over transport with room for capacity transactions. */
struct rig *rig_create(enum sip_transport transport, uint32_t capacity);
/* Checks that nothing is outstanding if must_be_empty; frees. */
void rig_destroy(struct rig *rig, bool must_be_empty);

/* Forgets what was sent and told. */
void rig_clear(struct rig *rig);
/* Moves time and fires what is due. */
void rig_pass(struct rig *rig, uint64_t ms);

/* Feeds text as if it had come on rig->flow. */
void rig_receive(struct rig *rig, const char *text);
/* Feeds a request with that method and branch, CSeq 1 (the INVITE's), To tag or "". */
void rig_receive_request(
	struct rig *rig, const char *method, const char *branch, const char *to_tag);
/* Feeds a response to the request that was sent as number sent_index. */
void rig_receive_response(
	struct rig *rig, uint32_t sent_index, unsigned status, const char *to_tag);

/* Sends a request with a fresh branch; extra is whole header lines or "". */
transaction_id rig_request(struct rig *rig, const char *method, const char *extra);
/* The same with options. Returns the error. */
int rig_try_request(struct rig *rig, const char *method, const char *extra,
	const struct transaction_options *options, transaction_id *ret_id);
/* Writes a request into text; branch as given. */
void rig_write_request(struct rig *rig, const char *method, const char *branch, const char *extra,
	char text[RIG_TEXT_BYTES]);
/* Answers a server transaction with a plain response. Returns the error. */
int rig_respond(struct rig *rig, transaction_id id, unsigned status);
/* Makes a server transaction by a request and returns its id. */
transaction_id rig_server(struct rig *rig, const char *method, const char *branch);

/* True if exactly one indication was told since rig_clear(), and it is this one. */
bool rig_told_only(const struct rig *rig, enum transaction_event event);
uint32_t rig_told_times(const struct rig *rig, enum transaction_event event);
/* Value of the first header of that name in a sent message, in a static buffer; "" if absent. */
const char *rig_header(const struct rig *rig, uint32_t sent_index, const char *name);
/* State of a transaction; STATE_TERMINATED if it is gone. */
enum transaction_state rig_state(const struct rig *rig, transaction_id id);

#endif
