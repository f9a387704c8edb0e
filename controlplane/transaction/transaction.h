/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP transactions (RFC 3261 17, RFC 6026, RFC 4320) as pure machines: messages and time go in,
 * messages to send and indications to the transaction user come out through a sink. No socket,
 * no clock, no randomness but the branch seed given at creation. All timers are O(1).
 *
 * One table serves one SIP loop; not thread-safe.
 */
#ifndef TD_TRANSACTION_TRANSACTION_H
#define TD_TRANSACTION_TRANSACTION_H

#include "sip/message.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a message came from or goes to. */
struct sip_flow {
	struct td_endpoint local; /* address and port of our listener */
	struct td_endpoint remote;
	enum sip_transport transport;
	uint32_t connection_id; /* stream transports: the connection to use, 0: any or a new one */
	uint32_t server_id;	/* TLS: sip_server_id() of the name that the peer's certificate must
				 * have if we connect; 0: its IP address */
};

/* Handle of a transaction: slot and generation. 0 is none. A handle of a transaction that has
 * ended is recognised and answered with -ENOENT, never confused with a newer one. */
typedef uint64_t transaction_id;

enum transaction_event {
	TRANSACTION_REQUEST,   /* a new request: respond with transaction_respond() */
	TRANSACTION_ACK,       /* ACK for a 2xx: no transaction (id is 0) */
	TRANSACTION_CANCEL,    /* the INVITE server transaction id was cancelled by its sender;
				    * the CANCEL itself has been answered 200 */
	TRANSACTION_RESPONSE,  /* response to our request id; each 2xx to INVITE, also later
				    * ones from other forks while Accepted (RFC 6026) */
	TRANSACTION_STRAY_2XX, /* 2xx to an INVITE with no transaction any more: TU sends ACK
				    * and BYE; id is 0 */
	TRANSACTION_TIMEOUT,   /* client: timer B or F (treat as 408), or C. An INVITE's transaction
				* lives on to end cleanly: CANCEL is sent, after B as soon as a late
				* provisional response asks for it, and only a 2xx that crosses is
				* still indicated. No final response 64 * T1 after a CANCEL.
				* Server: timer H, no ACK to a non-2xx; timer L: no ACK to the 2xx.
				* INVITE server before a final response: no PRACK; it lives on */
	TRANSACTION_CONFIRMED, /* INVITE server: ACK to our refusal has come: the peer knows */
	TRANSACTION_TRANSPORT_ERROR, /* nothing could be sent (treat as 503). A server transaction
				      * goes on (RFC 6026), a client transaction has ended */
	TRANSACTION_TERMINATED,	     /* id is gone; always the last indication of a transaction */
};

struct transaction_indication {
	enum transaction_event event;
	transaction_id id;
	uint64_t user;			   /* as given at creation; 0 for new requests */
	const struct sip_message *message; /* borrows until the sink returns; NULL for timeouts */
	const struct sip_flow *flow;	   /* borrows until the sink returns */
};

/* Where the machines put their actions. The functions are called during receive, send and
 * advance; they may call back into the table only through the functions marked re-entrant. */
struct transaction_sink {
	void *context;
	/* Sends bytes to flow; a failure is told later by transaction_transport_failed(). */
	void (*send)(void *context, const struct sip_flow *flow, const char *bytes, size_t length);
	void (*indicate)(void *context, const struct transaction_indication *indication);
};

struct transaction_config {
	uint32_t t1_ms;	     /* 500 */
	uint32_t t2_ms;	     /* 4000 */
	uint32_t t4_ms;	     /* 5000 */
	uint32_t timer_c_ms; /* > 3 min (RFC 3261 16.6) */
	uint32_t capacity;   /* transactions; further requests get 503 without one */
	uint8_t seed[16];    /* keys the hash and the branches; random in production */
};

struct transaction_table;

/* Creates an empty table. sink is copied. -ENOMEM, -EINVAL. */
td_must_check int transaction_table_create(const struct transaction_config *config,
	const struct transaction_sink *sink, struct transaction_table **ret_table);
void transaction_table_destroy(struct transaction_table *table);

/* Feeds a well-formed message that came in on flow. Retransmissions are absorbed here. */
void transaction_receive(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms);

/* Where the answers to a request go that came on flow: back, but over UDP to the port that its
 * topmost Via names, unless that asks for the port it came from (RFC 3261 18.2.2, RFC 3581 4).
 * Over TCP and TLS by the same connection, and to the Via's port only if that has gone.
 * For answers without a transaction; transactions follow it by themselves. */
struct sip_flow transaction_reply_flow(
	const struct sip_message *request, const struct sip_flow *flow);

/* Fires every timer due at now_ms. */
void transaction_advance(struct transaction_table *table, uint64_t now_ms);
/* When transaction_advance() should be called next: not after the earliest timer. TD_NEVER if
 * there is none. */
uint64_t transaction_deadline(const struct transaction_table *table);

/* Where a client transaction goes and how it differs from the default. */
struct transaction_options {
	const struct sip_flow *flow; /* borrows until the function returns */
	uint64_t user;		     /* comes back in every indication */
	uint32_t timer_b_ms;	     /* timer B / F; 0: 64 * T1. Trunk failover wants 2 to 4 s */
	bool is_proceeding;	     /* restore: a provisional response had come */
	bool may_fall_back; /* INVITE over TCP for its size alone (RFC 3261 18.1.1): if that fails,
			     * or says nothing for 2 * T1, it goes by UDP to the same end point */
};

/*
 * Sends a request, the complete message, in a new client transaction; its topmost Via must carry a branch from transaction_branch(). Copies what it must retransmit. ACK to 2xx is
 * not for here (send it yourself). Re-entrant.
 * Errors: -EMFILE (table full), -EINVAL (not a request, or its branch is in use), -ENOMEM.
 */
td_must_check int transaction_request(struct transaction_table *table, struct span request,
	const struct transaction_options *options, uint64_t now_ms, transaction_id *ret_id);

/* Writes a fresh, unguessable branch (with magic cookie), zero-terminated. Re-entrant. */
enum {
	TRANSACTION_BRANCH_BYTES = 40
};
void transaction_branch(struct transaction_table *table, char branch[TRANSACTION_BRANCH_BYTES]);

/*
 * Sends a response, the complete message, in a server transaction; status is its code.
 * After a 2xx to INVITE the transaction (Accepted) retransmits the 2xx with T1 doubling to T2
 * over any transport until transaction_acknowledged() or 64 * T1 (RFC 3261 13.3.1.4), then
 * indicates TRANSACTION_TIMEOUT. Re-entrant. Errors: -ENOENT (gone), -EALREADY (a final response
 * went out), -EINVAL (status outside 100..699, no bytes), -ENOMEM (nothing was sent; ask again).
 *
 * Of other methods than INVITE (RFC 4320): provisional responses are swallowed, for the table
 * sends the one permitted 100 itself, when it is due; 408 is swallowed and ends the matter; a
 * request not answered within 64 * T1 ends with TRANSACTION_TERMINATED alone.
 */
td_must_check int transaction_respond(struct transaction_table *table, transaction_id id,
	unsigned status, struct span response, uint64_t now_ms);

/*
 * Sends a reliable provisional response (RFC 3262 3), the complete message, to an INVITE: repeated
 * over any transport with T1 doubling, until transaction_acknowledged(), another response, or
 * 64 * T1: then TRANSACTION_TIMEOUT is indicated and the INVITE is still to be answered.
 * Re-entrant. Errors as of transaction_respond().
 */
td_must_check int transaction_respond_reliably(
	struct transaction_table *table, transaction_id id, struct span response, uint64_t now_ms);

/* The dialog got its ACK, or its PRACK: stop retransmitting the 2xx, or the reliable provisional
 * response. -ENOENT. Re-entrant. */
int transaction_acknowledged(struct transaction_table *table, transaction_id id);

/*
 * Cancels an INVITE client transaction: now, or as soon as a provisional response has come
 * (RFC 3261 9.1). A 2xx that crosses is still indicated. reason is the value of a Reason header
 * or empty. Asking twice is asking once. -ENOENT, -EALREADY (final response has come), -EINVAL
 * (reason can't stand in a header), -ENOMEM. Re-entrant.
 */
td_must_check int transaction_cancel(
	struct transaction_table *table, transaction_id id, struct span reason, uint64_t now_ms);

/* The shell could not send on this flow (connection refused, unreachable). */
void transaction_transport_failed(
	struct transaction_table *table, const struct sip_flow *flow, uint64_t now_ms);

/* Puts back, after a restart, a transaction that was pending when the process ended: a server
 * transaction without an answer from the request's bytes (of options flow and user count), or a
 * client transaction from our own request's bytes: an INVITE in Calling (retransmits at once) or
 * Proceeding; other methods begin anew. -EMFILE (full), -EINVAL (no such request, or it is there
 * already), -ENOMEM. */
td_must_check int transaction_restore_server(struct transaction_table *table,
	const struct sip_message *request, const struct transaction_options *options,
	uint64_t now_ms, transaction_id *ret_id);
td_must_check int transaction_restore_client(struct transaction_table *table, struct span request,
	const struct transaction_options *options, uint64_t now_ms, transaction_id *ret_id);

/* Binds a server transaction to its owner, so that later indications carry user. -ENOENT. */
int transaction_set_user(struct transaction_table *table, transaction_id id, uint64_t user);

struct transaction_counts {
	uint32_t clients;
	uint32_t servers;
	uint64_t retransmissions_sent;
	uint64_t retransmissions_absorbed;
	uint64_t timeouts;
	uint64_t fallbacks; /* INVITEs that TCP was too much for */
	uint64_t refused_full;
	uint64_t stray_responses;
	uint64_t unexpected;   /* events that their transaction's state doesn't provide for */
	uint64_t memory_bytes; /* of all transactions, with the messages that they keep */
};
struct transaction_counts transaction_table_counts(const struct transaction_table *table);

#endif
