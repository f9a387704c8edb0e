/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the swarm, both ends of it: the caller's side (UAC) and the called side (UAS) stand
 * in the same record, so that a message that goes into the system under test at one end is
 * recognised when it comes out at the other. The machines (caller.c, callee.c) take messages and
 * time and give messages; RFC 3261's timers A, B, E, F and those of a 2xx are theirs. No clock,
 * no I/O.
 */
#ifndef TD_CALLS_CALL_H
#define TD_CALLS_CALL_H

#include "calls/calendar.h"
#include "calls/histogram.h"
#include "calls/sip_text.h"

#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	CALL_PAIRS_MAX = 8,
	CALL_TAG_BYTES = 48,
	CALL_TARGET_BYTES = 80,
	CALL_MESSAGE_BYTES = 4096,
	CALL_ID_DIGITS = 10,
};

/* X(CONSTANT, name, help): how a call can fail. */
#define CALL_FAILURES(X)                                                              \
	X(NONE, none, "it didn't")                                                    \
	X(REFUSED_503, refused_503, "503 to the INVITE: load was shed")               \
	X(REFUSED, refused, "another refusal of the INVITE")                          \
	X(NO_RESPONSE, no_response, "no response to the INVITE at all")               \
	X(NO_ANSWER, no_answer, "provisional responses, but no final one")            \
	X(BYE_REFUSED, bye_refused, "a refusal of the BYE")                           \
	X(BYE_UNANSWERED, bye_unanswered, "no response to the BYE")                   \
	X(ENDED_EARLY, ended_early, "BYE came for a call that was to be held")        \
	X(HALF, half, "the caller's side went well, the called side didn't")          \
	X(WRONG, wrong, "a message contradicted the call: body, Contact, tag, order") \
	X(UNFINISHED, unfinished, "not over when the trial ended")

enum call_failure {
#define CALL_FAILURE_ENUM(constant, name, help) CALL_FAILURE_##constant,
	CALL_FAILURES(CALL_FAILURE_ENUM)
#undef CALL_FAILURE_ENUM
	CALL_FAILURE_COUNT
};

/* X(CONSTANT, name): messages that pass through the system under test. */
#define CALL_CROSSINGS(X) X(INVITE, invite) X(RINGING, ringing) X(ANSWER, answer) X(BYE, bye)

enum call_crossing {
#define CALL_CROSSING_ENUM(constant, name) CALL_CROSSING_##constant,
	CALL_CROSSINGS(CALL_CROSSING_ENUM)
#undef CALL_CROSSING_ENUM
	CALL_CROSSING_COUNT
};

enum caller_state {
	CALLER_WAITING,	   /* for its time */
	CALLER_CALLING,	   /* INVITE sent */
	CALLER_PROCEEDING, /* 1xx came */
	CALLER_HOLDING,	   /* answered and acknowledged */
	CALLER_ENDING,	   /* BYE sent */
	CALLER_OVER,
};

enum callee_state {
	CALLEE_IDLE,
	CALLEE_RINGING,	  /* 180 sent */
	CALLEE_ANSWERED,  /* 200 sent, no ACK yet */
	CALLEE_CONFIRMED, /* ACK came */
	CALLEE_OVER,	  /* BYE came and was answered */
	CALLEE_CANCELLED,
};

enum call_side {
	CALL_SIDE_CALLER,
	CALL_SIDE_CALLEE,
	CALL_SIDES
};

struct call {
	struct calendar_date dates[CALL_SIDES];
	uint64_t intended_ns; /* when its INVITE should leave */
	uint64_t entered_ns[CALL_CROSSING_COUNT];
	uint64_t left_ns[CALL_CROSSING_COUNT];
	uint64_t give_up_ns[CALL_SIDES];
	uint64_t retransmit_ns[CALL_SIDES];
	uint64_t hang_up_ns; /* TD_NEVER: when told to */
	uint64_t interval_ns[CALL_SIDES];
	char *response; /* owns: the callee's last, for repeats; NULL after ACK */
	uint32_t id;
	uint16_t response_length;
	uint8_t pair;
	uint8_t caller;	 /* enum caller_state */
	uint8_t callee;	 /* enum callee_state */
	uint8_t failure; /* enum call_failure */
	uint8_t ringings;
	bool is_held;	  /* established before the load, counted apart */
	bool is_measured; /* its times enter the histograms */
	bool was_confirmed;
	char tag[CALL_TAG_BYTES];	/* To tag that the caller was given */
	char target[CALL_TARGET_BYTES]; /* where the caller's BYE and ACK go */
};

/* Where a pair of agents is. */
struct call_pair {
	struct td_endpoint ends[CALL_SIDES];
	char ip[CALL_SIDES][TD_IP_TEXT_BYTES];
	char host[CALL_SIDES][TD_ENDPOINT_TEXT_BYTES]; /* with port */
};

struct call_config {
	struct call_pair pairs[CALL_PAIRS_MAX];
	uint32_t pair_count;
	char target_host[TD_ENDPOINT_TEXT_BYTES]; /* the system under test */
	uint64_t ring_ns;
	uint64_t t1_ns;
	uint64_t t2_ns;
	bool has_retransmissions;
	bool is_direct; /* callers reach callees without a system in between */
};

/* X(name, help) */
#define CALL_COUNTERS(X)                                         \
	X(begun, "calls whose INVITE was sent")                  \
	X(over, "calls that are over for the caller")            \
	X(sent, "SIP messages sent")                             \
	X(received, "SIP messages received")                     \
	X(retransmitted, "of those sent: repeats by our timers") \
	X(repeated, "of those received: repeats")                \
	X(unreadable, "datagrams that are no SIP message")       \
	X(strays, "messages that belong to no call of this run") \
	X(unexpected, "messages that a call had no place for, and answered")

struct call_measures {
	struct histogram trying;  /* intended INVITE to 100 */
	struct histogram ringing; /* intended INVITE to 180 */
	struct histogram setup;	  /* intended INVITE to 200, less the callee's time */
	struct histogram added[CALL_CROSSING_COUNT]; /* time inside the system under test */
	struct histogram bye;			     /* BYE to its 200 */
	struct histogram lag;			     /* how late INVITEs left */
#define CALL_COUNTER_FIELD(name, help) uint64_t name;
	CALL_COUNTERS(CALL_COUNTER_FIELD)
#undef CALL_COUNTER_FIELD
};

/* What the machines work with. */
struct call_stage {
	const struct call_config *config; /* borrows */
	struct calendar *calendar;	  /* borrows */
	struct call_measures *measures;	  /* borrows */
	void *context;
	/* Sends from that side of the pair to the other side's way; returns the time just before. */
	uint64_t (*send)(void *context, unsigned pair, enum call_side side, struct piece message);
};

/* Begins: the INVITE leaves now. */
void caller_begin(const struct call_stage *stage, struct call *call, uint64_t now_ns);
/* A message for the caller arrived at arrived_ns. */
void caller_receive(const struct call_stage *stage, struct call *call, const struct sip_view *view,
	uint64_t arrived_ns);
/* Its date has come. */
void caller_due(const struct call_stage *stage, struct call *call, uint64_t now_ns);
/* Hangs up a held call now. */
void caller_hang_up(const struct call_stage *stage, struct call *call, uint64_t now_ns);

void callee_receive(const struct call_stage *stage, struct call *call, const struct sip_view *view,
	uint64_t arrived_ns);
void callee_due(const struct call_stage *stage, struct call *call, uint64_t now_ns);

/* Frees what the call owns. */
void call_fini(struct call *call);
/* The verdict at the end of a trial: NONE if both sides went well. */
enum call_failure call_verdict(const struct call *call);
const char *call_failure_name(enum call_failure failure);
const char *call_crossing_name(enum call_crossing crossing);

/* ---- shared by caller.c and callee.c (call.c) ---- */

/* Notes a failure; the first stays. */
void call_fail(struct call *call, enum call_failure failure);
/* Notes that a message has come out, and how long it was inside; the first time counts. */
void call_note_left(const struct call_stage *stage, struct call *call, enum call_crossing crossing,
	uint64_t arrived_ns);
/* Starts repeating what was sent: interval T1, until 64*T1. */
void call_start_repeats(
	const struct call_stage *stage, struct call *call, enum call_side side, uint64_t now_ns);
/* Doubles the interval up to limit_ns. */
void call_next_repeat(const struct call_stage *stage, struct call *call, enum call_side side,
	uint64_t limit_ns, uint64_t now_ns);
/* Sets the date to what comes first: repeat, giving up, or at_ns. */
void call_schedule(
	const struct call_stage *stage, struct call *call, enum call_side side, uint64_t at_ns);
void call_stop_repeats(struct call *call, enum call_side side);

/* ---- message.c ---- */

/* Each writes into bytes of CALL_MESSAGE_BYTES and returns its length; 0: it doesn't fit. */
size_t message_invite(const struct call_config *config, const struct call *call, char *bytes);
size_t message_ack(const struct call_config *config, const struct call *call, char *bytes);
/* ACK to a refusal: the INVITE's branch, the To that came. */
size_t message_ack_refusal(const struct call_config *config, const struct call *call,
	const struct sip_view *response, char *bytes);
size_t message_bye(const struct call_config *config, const struct call *call, char *bytes);
/* A response to a request; has_sdp: 200 with a session description. */
size_t message_response(const struct call_config *config, const struct call *call,
	const struct sip_view *request, unsigned status, char *bytes);

/* The id in a Call-ID of a caller, or in a number dialled. False: not ours. */
bool message_caller_id(const struct sip_view *view, uint32_t *ret_id);
bool message_callee_id(const struct sip_view *view, uint32_t *ret_id);

#endif
