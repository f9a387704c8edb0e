/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of transaction/: what a transaction is, and the frame in which its four machines
 * run. Each machine is a table [state][input] in a file of its own; table.c holds the
 * transactions and their timers. Nobody outside this folder and its tests includes this.
 *
 * Life: a transaction that enters STATE_TERMINATED leaves the indexes and the wheel at once, but
 * its memory stays until the outermost call into the table returns. So an action may go on using
 * it after the transaction user has answered, cancelled or asked for more from inside a sink.
 */
#ifndef TD_TRANSACTION_MACHINE_H
#define TD_TRANSACTION_MACHINE_H

#include "transaction/transaction.h"
#include "util/heap.h"
#include "util/siphash.h"
#include "util/slab.h"
#include "util/table.h"
#include "util/wheel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TIMER_EXPIRY_FACTOR = 64,   /* timers B, F, H, J, L, M: 64 * T1 (RFC 3261 17, RFC 6026) */
	TIMER_D_MIN_MS = 32000,	    /* RFC 3261 17.1.1.2: at least 32 s */
	REFUSAL_RETRY_AFTER_S = 5,  /* of the 503 when the table is full */
	TRANSACTION_TAG_BYTES = 17, /* 64 bits in hexadecimal */
};

enum transaction_state {
	STATE_TRYING, /* INVITE client: Calling */
	STATE_PROCEEDING,
	STATE_ACCEPTED, /* RFC 6026: a 2xx to INVITE has passed */
	STATE_COMPLETED,
	STATE_CONFIRMED,
	STATE_TERMINATED,
	STATE_COUNT
};

/* What happens to a transaction. Responses come from the wire to a client, and from the
 * transaction user to a server. */
enum transaction_input {
	INPUT_START,	/* client: send the request for the first time */
	INPUT_REQUEST,	/* server: the request again */
	INPUT_ACK,	/* INVITE server */
	INPUT_CANCELED, /* INVITE server: a CANCEL has come, and was answered */
	INPUT_1XX,
	INPUT_1XX_RELIABLE, /* INVITE server: one to be repeated until PRACK (RFC 3262 3) */
	INPUT_2XX,
	INPUT_FINAL,	    /* 300 to 699 */
	INPUT_ACKNOWLEDGED, /* INVITE server: the dialog has the ACK to the 2xx, or the PRACK */
	INPUT_CANCEL,	    /* INVITE client: the user wants out */
	INPUT_RETRANSMIT,   /* timers A, E, G, and those of the 2xx and of RFC 4320's 100 */
	INPUT_EXPIRE,	    /* timers B, C, D, F, H, I, J, K, L, M */
	INPUT_TRANSPORT_ERROR,
	INPUT_COUNT
};

/* How far the CANCEL of an INVITE client transaction has come. */
enum cancel_progress {
	CANCEL_NONE,
	CANCEL_WANTED, /* waits for a provisional response (RFC 3261 9.1) */
	CANCEL_SENT
};

/* 128 bits of keyed hash over what identifies a transaction: equal means the same. */
struct transaction_key {
	uint64_t words[2];
};

struct transaction_timer {
	struct wheel_timer timer;
	uint8_t input; /* enum transaction_input: what it means when it fires */
};

struct transaction {
	struct transaction_timer retransmit;
	struct transaction_timer expire;
	struct table_node key_node;
	struct table_node peer_node;   /* by flow.remote: for transport failures */
	struct table_node merged_node; /* servers before a final response: merged requests */
	struct transaction_key key;
	struct transaction_key merged_key;
	struct sip_flow flow;
	uint64_t user;
	transaction_id id;
	const struct transaction_machine *machine;
	struct transaction *next_ended;
	char *bytes;	    /* owns: what is sent again. Client: the request, or its skeleton */
	char *cancel_bytes; /* owns: CANCEL that waits for a provisional response */
	uint32_t bytes_length;
	uint32_t cancel_length;
	uint32_t interval_ms; /* of the retransmission timer */
	uint32_t timer_b_ms;
	uint8_t state;	    /* enum transaction_state */
	uint8_t cancel;	    /* enum cancel_progress */
	bool is_internal;   /* our CANCEL: nobody is told anything */
	bool is_given_up;   /* timer C has fired: the user thinks it is over */
	bool is_skeleton;   /* bytes is a CANCEL, made from the request */
	bool may_fall_back; /* INVITE client: by UDP, if TCP comes to nothing */
	bool is_answered;   /* INVITE server: ACK to the 2xx has come */
};

/* One event with what came along; unused members are zero. */
struct transaction_stimulus {
	enum transaction_input input;
	uint64_t now_ms;
	const struct sip_message *message;
	const struct sip_flow *flow;
	const char *bytes; /* response of the transaction user; CANCEL to send */
	size_t length;
};

/* Does a transition; transaction->state is the new state already. A negative errno takes the
 * state back: nothing must have been sent or told then. */
typedef int transaction_action(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);

/* No action: unexpected in that state. */
struct transaction_cell {
	transaction_action *action;
	uint8_t next; /* enum transaction_state */
};

struct transaction_machine {
	const char *name;
	const struct transaction_cell (*cells)[INPUT_COUNT]; /* STATE_COUNT rows */
	bool is_server;
	bool is_invite;
};

extern const struct transaction_machine transaction_client_invite;
extern const struct transaction_machine transaction_client_other;
extern const struct transaction_machine transaction_server_invite;
extern const struct transaction_machine transaction_server_other;

struct transaction_table {
	struct transaction_config config;
	struct transaction_sink sink;
	struct slab *slab;     /* owns */
	struct table *by_key;  /* owns */
	struct table *by_peer; /* owns */
	struct table *merged;  /* owns */
	struct wheel *wheel;   /* owns */
	char *scratch;	       /* owns: SIP_MESSAGE_MAX_BYTES, for one message being built */
	struct heap heap;
	struct transaction *ended; /* ended inside the running call, oldest first */
	struct transaction **ended_tail;
	uint32_t depth; /* calls into the table that are running */
	uint64_t branches;
	struct transaction_counts counts;
};

/* table.c: the frame */

/* Begins and ends a call into the table; the outermost end buries what ended meanwhile. */
void transaction_enter(struct transaction_table *table);
void transaction_leave(struct transaction_table *table);
/* Makes a transaction, not yet reachable by key. NULL if the table is full. */
struct transaction *transaction_create(struct transaction_table *table,
	const struct transaction_machine *machine, const struct sip_flow *flow);
/* Puts it into the index under its key. */
void transaction_publish(struct transaction_table *table, struct transaction *transaction);
/* The living transaction of that id, or NULL. */
struct transaction *transaction_find(const struct transaction_table *table, transaction_id id);
/* Runs the machine: 0, the action's error, or -EPROTO if the cell is empty. */
int transaction_step(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);
/* Ends it now: out of the indexes, timers stopped. Its last indication follows. */
void transaction_end(struct transaction_table *table, struct transaction *transaction);

/* step.c: what the machines' actions are made of */

void transaction_start_retransmit(struct transaction_table *table, struct transaction *transaction,
	uint32_t interval_ms, uint64_t now_ms);
/* Sends the stored bytes again and starts the timer with the next interval: doubled up to
 * limit_ms (TD_NEVER: without a limit). */
void transaction_resend(struct transaction_table *table, struct transaction *transaction,
	uint64_t limit_ms, uint64_t now_ms);
void transaction_start_expire(struct transaction_table *table, struct transaction *transaction,
	uint64_t delay_ms, uint64_t now_ms);
void transaction_stop_retransmit(struct transaction_table *table, struct transaction *transaction);
/* Sends the stored bytes. */
void transaction_send(struct transaction_table *table, struct transaction *transaction);
/* Stores a copy of bytes as what is sent again. -ENOMEM: the old ones stay. */
td_must_check int transaction_store(struct transaction_table *table,
	struct transaction *transaction, const char *bytes, size_t length);
void transaction_forget_bytes(struct transaction_table *table, struct transaction *transaction);
/* Tells the transaction user, unless the transaction is internal. */
void transaction_indicate(struct transaction_table *table, const struct transaction *transaction,
	enum transaction_event event, const struct transaction_stimulus *stimulus);
uint64_t transaction_64_t1_ms(const struct transaction_table *table);
bool transaction_is_reliable(const struct transaction *transaction);
/* The action of an event that is expected and changes nothing. */
int transaction_ignore(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);
/* The action of an event after which nothing is left to do. */
int transaction_finish(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);
/* The same, told as TRANSACTION_TIMEOUT or TRANSACTION_TRANSPORT_ERROR first. */
int transaction_finish_timeout(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);
int transaction_finish_error(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);
/* A transport failure that doesn't end a server transaction (RFC 6026 7.1, 17.2.4 as amended). */
int transaction_tell_error(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus);

/* match.c: who a message belongs to */

/* branch: of the topmost Via; method: of the request, which a response's CSeq repeats. */
struct transaction_key transaction_key_client(
	const struct transaction_table *table, struct span branch, struct span method);
/* method: of the request that made the transaction (INVITE for ACK and CANCEL). */
struct transaction_key transaction_key_server(const struct transaction_table *table,
	const struct sip_message *request, struct span method);
/* What requests that were merged on their way have in common (RFC 3261 8.2.2.2). */
struct transaction_key transaction_key_merged(
	const struct transaction_table *table, const struct sip_message *request);
struct transaction *transaction_match(
	const struct transaction_table *table, const struct transaction_key *key);
/* A To tag of our own for an answer without a transaction: the same for the same request. */
void transaction_tag(const struct transaction_table *table, const struct sip_message *request,
	char tag[TRANSACTION_TAG_BYTES]);

/* derive.c: messages made from messages */

/* Builds CANCEL from an INVITE (or its skeleton) in scratch. Length, or -ENOSPC, -EINVAL. */
td_must_check int transaction_derive_cancel(
	struct transaction_table *table, const struct sip_message *invite, struct span reason);
/* Builds the ACK to a non-2xx response in scratch. Length, or -ENOSPC, -EINVAL. */
td_must_check int transaction_derive_ack(struct transaction_table *table,
	const struct sip_message *invite, const struct sip_message *response);
/* Builds a response without a body in scratch. Length, or -ENOSPC, -EINVAL. */
td_must_check int transaction_derive_response(struct transaction_table *table,
	const struct sip_message *request, const struct sip_flow *flow, unsigned status,
	struct span to_tag);
/* Answers a request that gets no transaction of its own. */
void transaction_answer(struct transaction_table *table, const struct sip_message *request,
	const struct sip_flow *flow, unsigned status);
/* Reads the stored bytes of a transaction: what sip_message_skim() sets. -EBADMSG. */
td_must_check int transaction_parse_stored(
	struct transaction *transaction, struct sip_message *ret_message);

#endif
