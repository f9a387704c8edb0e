/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The insides of the switchboard, for the files that it is divided into. Nobody else includes
 * this. Functions are named by the file they stand in: receive, request, legs, calls, exchange,
 * media, auth, trunks, restore.
 *
 * One step: an entry point of switchboard.h sets now, runs machines (which mark lines as dirty
 * and put messages into the outbox), then switchboard_commit() closes what is over, writes the
 * journal record of each dirty line and lets the outbox go.
 */
#ifndef TD_SWITCHBOARD_STATE_H
#define TD_SWITCHBOARD_STATE_H

#include "call/call.h"
#include "call/media_plan.h"
#include "config/config.h"
#include "defence/defence.h"
#include "leg/reply.h"
#include "media/port_pool.h"
#include "route/route.h"
#include "sip/digest.h"
#include "sip/rack.h"
#include "switchboard/outbox.h"
#include "switchboard/switchboard.h"
#include "trunk/trunk.h"
#include "util/heap.h"
#include "util/slab.h"
#include "util/table.h"
#include "util/wheel.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SWITCHBOARD_TAG_BYTES = 17,	/* 16 hexadecimal digits */
	SWITCHBOARD_CALL_ID_BYTES = 33, /* 32 of them */
	SWITCHBOARD_AUTHORIZATION_BYTES = 1024,
	SWITCHBOARD_JOURNAL_BYTES = 256 * 1024, /* two INVITEs of the largest size, and bodies */
	SWITCHBOARD_PORT_TRIES = 4,		/* pairs tried if the dataplane refuses one */
	SWITCHBOARD_NO_STREAMS = 64,		/* peers that TCP does not reach, remembered */
	SWITCHBOARD_NONCES = 1024,		/* whose use is remembered */
	LINE_SESSION = CALL_LEGS + 1,
	SWITCHBOARD_BOOT_BITS = 27, /* random part of call ids; see call_id below 2^59 */
};

/* Marks transactions that belong to a trunk (OPTIONS), not to a leg. */
#define SWITCHBOARD_TRUNK_USER (1ull << 63)

struct leg_screening;
struct line;
struct registrations;
struct usages;
struct watch;

/* What the session description in an 18x is. */
enum progress_body {
	PROGRESS_PLAIN, /* there is none, or it doesn't count */
	PROGRESS_ANSWER,
	PROGRESS_OFFER,
};

/* Wakes a line. */
struct line_timer {
	struct wheel_timer timer;
	struct line *line;
	uint8_t leg_index; /* CALL_LEGS: the call's own state; LINE_SESSION: session timers */
};

/* Finds a leg by the tag that we gave its dialog. */
struct line_tag {
	struct table_node node; /* key: text */
	struct line *line;
	uint8_t leg_index;
	char text[SWITCHBOARD_TAG_BYTES];
};

/* A call and what the switchboard needs to find and wake it. */
struct line {
	struct call call;
	struct line_timer timer;	     /* of the call's state */
	struct line_timer pauses[CALL_LEGS]; /* after 491 */
	struct line_timer session;	     /* the earlier of both legs' session timers */
	transaction_id infos[CALL_LEGS];     /* INFO relayed to that side */
	transaction_id refreshes[CALL_LEGS]; /* UPDATE or OPTIONS of ours that keeps a session */
	struct table_node by_id;	     /* key: call.call_id */
	struct line_tag tags[CALL_LEGS];
	struct table_node by_origin; /* key: origin */
	struct watch *watch;	     /* owned by usages.heap; NULL: nobody may watch it */
	struct line *next_dirty;
	uint64_t origin; /* of the caller's INVITE: finds merged requests (RFC 3261 8.2.2.2) */
	uint8_t port_tries;
	bool is_dirty;
	bool is_journaled;
	bool has_place[CALL_LEGS];	   /* counted in the trunk's calls */
	uint32_t trace_handles[CALL_LEGS]; /* of trace_tell_dialog() */
};

/* How far a nonce of ours was used. */
struct nonce_use {
	uint64_t hash; /* 0: none */
	uint64_t copy_hash;
	uint32_t count;
};

/* Counters that tell what became of a message. */
struct switchboard_fate {
	uint64_t repeated;
	uint64_t unmatched;
	uint64_t refused;
};

/* A peer that TCP didn't reach. */
struct switchboard_no_stream {
	struct td_endpoint remote;
	uint64_t until_ms;
};

struct switchboard {
	const struct config *config; /* borrows */
	struct switchboard_ports ports;
	struct td_now now; /* of the step */
	uint8_t seed[SWITCHBOARD_SEED_BYTES];
	uint64_t random_count;
	uint64_t call_id_base;
	uint32_t call_count;
	uint32_t gates; /* enum switchboard_gate, closed ones */
	enum ledger_state media_state;

	struct transaction_table *transactions;
	struct trunk_table *trunks;
	struct registrar *registrar;
	struct defence *defence;
	struct route_table *routes;
	struct usages *usages;		     /* switchboard/usage.h */
	struct registrations *registrations; /* switchboard/registration.h */
	struct port_pool *pool;
	struct outbox *outbox;
	struct slab *lines;
	struct table *by_id;
	struct table *by_tag;
	struct table *by_origin;
	struct wheel wheel;
	struct heap heap;
	struct line *dirty;
	struct digest_server digest;
	struct nonce_use nonces[SWITCHBOARD_NONCES]; /* by hash; a newer one takes the place */
	struct switchboard_no_stream no_streams[SWITCHBOARD_NO_STREAMS]; /* the same */
	struct switchboard_counts counts;
	struct trace *trace;	      /* borrows; NULL: none */
	struct switchboard_fate fate; /* before the message */
	bool is_traced;		      /* the message was added to the trace */
	bool is_trace_waiting;	      /* it will be, if it isn't turned away: enough others were */
	uint32_t shed_count;	      /* messages turned away within shed_second */
	uint64_t shed_second;

	/* What the step is about; valid while a machine runs. */
	const struct sip_message *message;
	const struct sip_flow *flow;
	transaction_id transaction;  /* of message */
	struct overload_wait wait;   /* of message */
	enum progress_body progress; /* of the 18x that has come, or is to be sent */
	bool is_proxy_authorization;
	uint64_t copy_hash;	/* of a request whose copy is answered alike; 0: no copy is taken */
	uint32_t reject_status; /* of a negotiation */
	uint32_t pause_ms;	/* before an offer is repeated; 0: as RFC 3261 14.1 says */
	const char *warning;	/* static text for the next refusal, or NULL */
	char authorization[SWITCHBOARD_AUTHORIZATION_BYTES]; /* empty: none */

	char buffer[SIP_MESSAGE_MAX_BYTES]; /* where messages are built */
	uint8_t journal[SWITCHBOARD_JOURNAL_BYTES];
};

/* ---- switchboard.c ---- */
/* What every step ends with. */
void switchboard_commit(struct switchboard *switchboard);
void switchboard_mark(struct switchboard *switchboard, struct line *line);
uint64_t switchboard_random(struct switchboard *switchboard);
/* Writes digits - 1 random hexadecimal digits and a zero. */
void switchboard_random_text(struct switchboard *switchboard, char *text, size_t digits);
struct line *switchboard_find_call(const struct switchboard *switchboard, uint64_t call_id);
/* The leg of that id, or NULL; its line and index. */
struct leg *switchboard_find_leg(const struct switchboard *switchboard, uint64_t leg_id,
	struct line **ret_line, unsigned *ret_index);
/* Takes an empty line. NULL: none left. */
struct line *switchboard_take_line(struct switchboard *switchboard, uint64_t call_id);
void switchboard_drop_line(struct switchboard *switchboard, struct line *line);
/* Makes a leg findable by our tag. */
void switchboard_index_leg(struct switchboard *switchboard, struct line *line, unsigned index);
/* Sends bytes outside any transaction (ACK, stateless answers). */
void switchboard_send(struct switchboard *switchboard, const struct sip_flow *flow,
	const char *bytes, size_t length);
void switchboard_emit_event(struct switchboard *switchboard, struct line *line,
	enum call_event_kind kind, unsigned leg_index);
struct span switchboard_user_agent(const struct switchboard *switchboard);
/* (Re)starts the timer of the call's state; TD_NEVER stops it. */
void switchboard_arm(struct switchboard *switchboard, struct line *line, uint64_t deadline_ms);

/* ---- switchboard_receive.c ---- */
void receive_message(struct switchboard *switchboard, const struct switchboard_message *received);
void receive_indication(void *context, const struct transaction_indication *indication);
void receive_send(void *context, const struct sip_flow *flow, const char *bytes, size_t length);
/* Answers a request without a transaction. */
void receive_answer_stateless(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow, const struct leg_reply *reply);
/* Answers a request in its transaction, with a fresh To tag if it needs one. */
void receive_answer(struct switchboard *switchboard, transaction_id id,
	const struct sip_message *request, const struct sip_flow *flow,
	const struct leg_reply *reply);
/* Writes a tag of a number's digits. */
struct span receive_tag(uint64_t number, char tag[SWITCHBOARD_TAG_BYTES]);
uint64_t receive_origin(const struct switchboard *switchboard, const struct sip_message *request);

/* ---- guard.c ---- */
/* What a peer did wrong, or proved. */
void guard_note_fault(
	struct switchboard *switchboard, const struct sip_flow *flow, enum source_fault fault);
void guard_note_proof(struct switchboard *switchboard, const struct sip_flow *flow);
/* True if the request can't be a forgery: its sender has heard from us. */
bool guard_believes(const struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow);
/* True if a request that was read is too large, and has been refused. */
bool guard_finds_too_large(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow);
/* True if a request, read or only glanced at, has been dealt with: nobody else need see it. */
bool guard_turns_away(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow, trunk_id trunk);

/* ---- switchboard_request.c ---- */
/* A request outside a dialog, in its new transaction. */
void request_begin(struct switchboard *switchboard, const struct transaction_indication *request);
void request_answer_status(struct switchboard *switchboard,
	const struct transaction_indication *request, unsigned status, uint32_t retry_after_s);
void request_answer_screening(struct switchboard *switchboard,
	const struct transaction_indication *request, const struct leg_screening *screening);
void request_answer_options(
	struct switchboard *switchboard, const struct transaction_indication *request);

/* ---- switchboard_in_dialog.c ---- */
/* A request inside a dialog. */
void request_in_dialog(
	struct switchboard *switchboard, const struct transaction_indication *request);
/* An ACK to a 2xx. */
void request_ack(struct switchboard *switchboard, const struct transaction_indication *ack);
/* The leg whose dialog a message with our tag belongs to, NULL if none. */
struct leg *request_find_leg(const struct switchboard *switchboard,
	const struct sip_message *message, struct span our_tag, struct line **ret_line,
	unsigned *ret_index);

/* ---- switchboard_response.c ---- */
void response_for_leg(struct switchboard *switchboard,
	const struct transaction_indication *response, struct line *line, unsigned index);
/* ACK and BYE to a 2xx that no leg wants: a fork, or one that comes too late. */
void response_reject_2xx(struct switchboard *switchboard, const struct sip_message *response,
	const struct sip_flow *flow);
/* The peer acknowledged our refusal. */
void response_confirmed(struct switchboard *switchboard, struct line *line, unsigned index);
/* A transaction of the leg ended without a response: status stands for it. */
void response_missing(struct switchboard *switchboard, transaction_id id, unsigned status,
	struct line *line, unsigned index);

/* ---- switchboard_leg.c ---- */
void legs_step(
	struct switchboard *switchboard, struct line *line, unsigned index, enum leg_event event);
/* Sets why a leg ends; the first reason stays. */
void legs_release(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct event_release *release);
void legs_forget_dialog(struct switchboard *switchboard, struct line *line, unsigned index);

/* ---- switchboard_outgoing.c ---- */
/* Parses a request that was kept. False if there is none. */
bool legs_read(struct leg_request *request, struct sip_message *ret_message);
/* Where a request of the dialog goes. Its peer may ask for another transport than it came by: then
 * ours must have a listener of that one, which the Via names. */
struct sip_flow legs_next_hop(const struct switchboard *switchboard, const struct dialog *dialog);
/* The body of a request that was kept; empty if there is none, or no request. */
struct span legs_body(const struct leg_request *request);
/* The extensions that we offer the leg's peer (leg/options.h). */
uint32_t legs_options(const struct switchboard *switchboard, const struct leg *leg);
/* The last body that the leg's peer was sent. */
struct span legs_told(const struct leg *leg);
/* Answers a request of the leg's peer that was kept. False: its transaction is gone. */
bool legs_respond(struct switchboard *switchboard, struct line *line, unsigned index,
	struct leg_request *to, struct leg_reply *reply);
/* A request of ours inside the dialog. */
struct legs_outgoing {
	enum sip_method method;
	struct span body;
	struct span content_type;  /* of body; empty: a session description */
	struct leg_request **keep; /* where it is kept while it is in progress; NULL: nowhere */
	transaction_id *ret_id;	   /* of one that isn't kept; NULL: nobody asks */
	struct sip_rack rack;	   /* PRACK */
};
/* Sends it. -errno of transaction_request() or of the builder, -ENOMEM. */
td_must_check int legs_request(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct legs_outgoing *outgoing);
/* Makes local_sdp the answer that the next ACK, and each repeat of it, holds. False: no memory. */
bool legs_answer_in_ack(struct switchboard *switchboard, struct line *line, unsigned index);
void legs_acknowledge(
	struct switchboard *switchboard, struct line *line, unsigned index, uint32_t cseq);

/* ---- switchboard_call.c ---- */
void calls_step(struct switchboard *switchboard, struct line *line, enum call_trigger trigger);
/* What the leg machines tell of how a call comes up. */
void calls_answered(struct switchboard *switchboard, struct line *line);
void calls_confirmed(struct switchboard *switchboard, struct line *line);

/* ---- switchboard_ending.c ---- */
/* Ends both legs for a reason of our own; trigger is what the call machine is told. */
void calls_clear(struct switchboard *switchboard, struct line *line, enum call_trigger trigger,
	const struct event_release *release);
/* Puts a new called leg towards trunk, whose place trunks_choose() has taken. */
void calls_begin_callee(struct switchboard *switchboard, struct line *line, uint32_t trunk);
/* What the leg machines and timers tell of how it comes down. */
void calls_refused(struct switchboard *switchboard, struct line *line);
void calls_gone(struct switchboard *switchboard, struct line *line, unsigned index);
void calls_timeout(struct switchboard *switchboard, struct line *line);
void calls_record(struct switchboard *switchboard, struct line *line);
/* Advances what waits for others: SETTLED, OVER. True if the line was dropped. */
bool calls_settle(struct switchboard *switchboard, struct line *line);
struct record_names;
void calls_names(const struct switchboard *switchboard, const struct line *line,
	struct record_names *ret_names);

/* ---- switchboard_media.c ---- */
void media_reply(struct switchboard *switchboard, const struct td_reply *reply);
void media_notify(struct switchboard *switchboard, const struct td_notify *notify);
/* Takes a port pair for a leg's termination. -ENOSPC, -EAFNOSUPPORT. */
td_must_check int media_take_port(struct switchboard *switchboard, struct line *line,
	unsigned index, enum td_family family, unsigned worker);
void media_add(struct switchboard *switchboard, struct line *line, unsigned index);
void media_modify(struct switchboard *switchboard, struct line *line, unsigned index);
void media_subtract(struct switchboard *switchboard, struct line *line, unsigned index);
void media_release_port(struct switchboard *switchboard, struct line *line, unsigned index);
/* After a restart: gives the last command again, for a dataplane that may not have heard it. */
void media_repeat(struct switchboard *switchboard, struct line *line, unsigned index);
bool media_is_ready(const struct line *line);
/* Says SUBTRACT's figures will not come. */
void media_give_up(struct switchboard *switchboard, struct line *line);

/* ---- switchboard_auth.c ---- */
/* For the digest server: true if that count of a nonce wasn't used before. */
bool auth_accept_count(void *context, struct span nonce, uint32_t count);
/* True if the response is a challenge that the trunk's credentials can answer; then
 * authorization is ready for the next request of that method to that URI. */
bool auth_answer(struct switchboard *switchboard, struct leg *leg,
	const struct sip_message *response, enum sip_method method, struct span uri);
/* The same for a request that is no leg's. */
struct auth_try {
	const struct config_credentials *credentials; /* NULL: those of trunk */
	uint32_t trunk;
	uint8_t *challenges; /* answered so far; raised */
	enum sip_method method;
	struct span uri;
};
bool auth_answer_for(struct switchboard *switchboard, const struct auth_try *attempt,
	const struct sip_message *response);
/* A request that is to prove who sent it. */
struct auth_request {
	const struct sip_message *message;
	const struct sip_flow *flow;
	transaction_id id; /* 0: answered without a transaction */
};
/* What it must prove. */
struct auth_demand {
	struct span realm;
	uint32_t algorithm;			/* enum config_digest */
	const struct digest_credentials *given; /* to be judged */
	const struct digest_secret *secret;
};
enum digest_verdict auth_verify(struct switchboard *switchboard, const struct auth_request *request,
	const struct auth_demand *demand);
/* Asks for a proof; verdict is how the last one came out. */
void auth_challenge(struct switchboard *switchboard, const struct auth_request *request,
	const struct auth_demand *demand, enum digest_verdict verdict);
/* True if the request may pass; else it has been answered. */
bool auth_admit(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct config_trunk *trunk);

/* ---- bindings.c ---- */
td_must_check int bindings_create(struct switchboard *switchboard);
/* True if the message was a REGISTER for a registrar of ours: it has been answered. */
bool bindings_take(struct switchboard *switchboard, uint32_t trunk,
	const struct sip_message *message, const struct sip_flow *flow);
/* Judges the credentials of a request by the users of a registrar. *demand becomes what to ask
 * for; *ret_user who he says he is, NULL if nobody is called so. */
enum digest_verdict bindings_verify(struct switchboard *switchboard,
	const struct config_trunk *trunk, const struct auth_request *request,
	struct auth_demand *demand, struct registrar_user **ret_user);
/* True if calls to the trunk go to what registered with it. */
bool bindings_serve(const struct switchboard *switchboard, uint32_t trunk);
/* Picks a binding of the dialled user beside those tried. False: none is left. */
bool bindings_choose(
	struct switchboard *switchboard, struct call *call, uint32_t trunk, uint32_t tried);
/* After a refusal that speaks of this one phone: picks another one of its user. False: none is
 * left, or there was no such refusal. */
bool bindings_choose_next(struct switchboard *switchboard, struct line *line);
/* The binding that was picked. -EHOSTUNREACH: it is gone. */
td_must_check int bindings_target(
	struct switchboard *switchboard, struct line *line, struct registrar_target *ret_target);
/* -ENXIO: the trunk has no such user; -EHOSTUNREACH: he isn't there. */
int bindings_reason_for_none(
	const struct switchboard *switchboard, const struct call *call, uint32_t trunk);
/* True if the phone that sent the INVITE is reached by flow alone. */
bool bindings_keep_flow(const struct switchboard *switchboard, uint32_t trunk,
	const struct sip_message *invite, const struct sip_flow *flow);
/* After a restart: takes a record back. -errno of registrar_record_read(). */
td_must_check int bindings_restore(
	struct switchboard *switchboard, const struct switchboard_snapshot *snapshot);

/* ---- switchboard_trunk.c ---- */
/* Where the called leg's INVITE goes, and what it is addressed to. */
struct call_address {
	struct sip_flow flow;
	struct span uri;    /* borrows text, or a binding */
	struct span routes; /* Route values, one per line */
	bool keeps_flow;
	char text[TRUNK_URI_BYTES];
};
/* -errno of trunks_next_hop() and callers_uri(). */
td_must_check int trunks_address(
	struct switchboard *switchboard, struct line *line, struct call_address *ret_address);

/* Tells the health of trunk's target that flow leads to, or came from. */
void trunks_tell(struct switchboard *switchboard, uint32_t trunk, const struct sip_flow *flow,
	enum trunk_event event);
/* The same of a response to INVITE, and heeds its Retry-After. */
void trunks_answered(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response);
void trunks_advance(struct switchboard *switchboard);
void trunks_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication);
/* Takes a place on the next destination from call.destination_at on, and picks a target there.
 * -ENOENT: none is left; -EDESTADDRREQ: and the reason is that names mean nothing. */
td_must_check int trunks_choose(
	struct switchboard *switchboard, struct line *line, uint32_t *ret_trunk);
/* After a failed try: picks what is tried next, another target of the same trunk if
 * is_target_at_fault. Returns as above. *ret_trunk may be the same trunk: its place is kept. */
td_must_check int trunks_choose_next(struct switchboard *switchboard, struct line *line,
	bool is_target_at_fault, uint32_t *ret_trunk);
/* Flow to the target that was picked, or to another one if it is gone meanwhile. -ENOENT,
 * -EDESTADDRREQ, -EAFNOSUPPORT. */
td_must_check int trunks_next_hop(
	struct switchboard *switchboard, struct line *line, struct sip_flow *ret_flow);
void trunks_leave(struct switchboard *switchboard, struct line *line, unsigned index);

/* ---- switchboard_caller.c ---- */
/* Takes caller and callee of the call from the caller's INVITE, as far as his trunk may say it. */
void callers_read(
	struct switchboard *switchboard, struct line *line, const struct sip_message *invite);
/* The number that the caller dialled, in E.164 if his trunk's numbering plan makes it that.
 * Errors of route_number(). */
td_must_check int callers_number(const struct switchboard *switchboard, const struct line *line,
	const struct sip_message *invite, char number[ROUTE_NUMBER_BYTES]);
/* Request URI and From towards the called leg's trunk. -ENOENT, -ENOSPC. */
td_must_check int callers_uri(
	const struct switchboard *switchboard, const struct line *line, char uri[TRUNK_URI_BYTES]);
td_must_check int callers_from(const struct switchboard *switchboard, const struct line *line,
	const struct sip_flow *flow, char *from, size_t size);
/* Header lines about the caller for the called leg's INVITE. Their length, -ENOSPC, -EINVAL. */
td_must_check int callers_headers(
	const struct switchboard *switchboard, const struct line *line, char *buffer, size_t size);
/* User-Agent towards the called leg's trunk, empty if it shall get none. */
struct span callers_user_agent(const struct switchboard *switchboard, const struct line *line);

/* The extensions that we offer a trunk's peers (leg/options.h). */
uint32_t trunks_options(const struct switchboard *switchboard, uint32_t trunk);

/* ---- switchboard_restore.c ---- */
void restore_line(struct switchboard *switchboard, struct line *line, bool is_other_boot);

/* ---- oversize.c ---- */
/* True if an INVITE goes by TCP for its size: then its Via says so, and flow leads there. */
bool oversize_divert(struct switchboard *switchboard, uint32_t trunk, char *bytes, size_t length,
	struct sip_flow *flow);
/* A flow has failed: what was diverted to that peer isn't for a while. */
void oversize_note_failure(struct switchboard *switchboard, const struct sip_flow *flow);

#endif
