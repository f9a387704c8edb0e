/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switchboard carries each SIP message, media reply and timer to the machine it concerns, and
 * that machine's actions to the next: transport bytes -> message -> transaction -> dialog -> leg
 * -> call -> media command, journal record, event, SIP out. It is the one place that knows all
 * machines. Pure: no socket, clock, thread or random number; everything leaves through the
 * ports, in the order events, journal, then SIP and media of one step.
 *
 * One thread.
 */
#ifndef TD_SWITCHBOARD_SWITCHBOARD_H
#define TD_SWITCHBOARD_SWITCHBOARD_H

#include "defence/defence.h"
#include "events/record.h"
#include "media/command.h"
#include "media/ledger.h"
#include "registrar/registrar.h"
#include "transaction/transaction.h"
#include "util/now.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct switchboard;
struct trace;
struct transfer_request;
struct trunk_table;

enum {
	SWITCHBOARD_SEED_BYTES = 32
};

/* What a record in the journal is about; each kind has ids of its own. */
enum switchboard_journal {
	SWITCHBOARD_JOURNAL_CALL,
	SWITCHBOARD_JOURNAL_BINDINGS,	  /* contacts of one who registered with us */
	SWITCHBOARD_JOURNAL_REGISTRATION, /* of ours with somebody else */
	SWITCHBOARD_JOURNAL_SUBSCRIPTION, /* of somebody to the states of our calls */
	SWITCHBOARD_JOURNAL_COUNT
};

/* Where actions go. The functions copy what they are given and must not call back. */
struct switchboard_ports {
	void *context;
	void (*send_sip)(
		void *context, const struct sip_flow *flow, const char *bytes, size_t length);
	void (*media_command)(void *context, const struct media_command *command);
	/* A snapshot; replaces the former one of the same kind and id. */
	void (*journal_put)(void *context, enum switchboard_journal kind, uint64_t id,
		const void *value, size_t length);
	void (*journal_delete)(void *context, enum switchboard_journal kind, uint64_t id);
	void (*emit)(void *context, const struct event_record *record);
	/* A peer asks for a transfer. 0: it will be carried out, and
	 * switchboard_report_transfer() tells of it; else the final status that declines it. With
	 * is_invite it must be declined. NULL: there is nobody to ask, all are declined. */
	unsigned (*transfer)(void *context, const struct transfer_request *request);
};

/* What a switchboard begins with. */
struct switchboard_setup {
	const struct config *config; /* borrowed until the next reconfigure, or destroy */
	const uint8_t *seed;	 /* SWITCHBOARD_SEED_BYTES, secret, random in production; copied */
	uint32_t restored_calls; /* calls in the journal: there is room for them even if
				      * sip.max_calls was lowered meanwhile */
	struct trace *trace; /* where messages are kept; borrowed until destroy. NULL: nowhere */
};

/* Creates a switchboard without calls. ports is copied. -ENOMEM, -EINVAL. */
td_must_check int switchboard_create(const struct switchboard_setup *setup,
	const struct switchboard_ports *ports, struct td_now now,
	struct switchboard **ret_switchboard);
/* Frees everything without ending a call: the journal keeps them. Accepts NULL. */
void switchboard_destroy(struct switchboard *switchboard);

/* A journaled record. is_other_boot: it is from before the machine booted, so media and monotonic
 * times are gone: a call is ended toward both sides and its CDRs emitted. */
struct switchboard_snapshot {
	enum switchboard_journal kind;
	uint64_t id;
	const void *value; /* borrows until the function returns */
	size_t length;
	bool is_other_boot;
};

/* After a restart, before anything else: gives back one journaled record. -EBADMSG (not a record
 * of ours: counted and deleted, nothing else changes), -ENOSPC, -ENOMEM. */
td_must_check int switchboard_restore(struct switchboard *switchboard,
	const struct switchboard_snapshot *snapshot, struct td_now now);
/* All records have been given back. */
void switchboard_restored(struct switchboard *switchboard, struct td_now now);

/* True if a trunk claims that source: for the transport, before a byte is looked at. */
bool switchboard_admits(const struct switchboard *switchboard, const struct td_ip *source,
	enum sip_transport transport);
/* A complete SIP message came. bytes may be modified. */
struct switchboard_message {
	char *bytes; /* borrows until the function returns */
	size_t length;
	const struct sip_flow *flow;
	struct overload_wait wait; /* that it had, if it is a new request */
	bool is_stream;
};
void switchboard_receive_sip(struct switchboard *switchboard,
	const struct switchboard_message *message, struct td_now now);
/* Nothing could be sent by that flow. */
void switchboard_transport_failed(
	struct switchboard *switchboard, const struct sip_flow *flow, struct td_now now);

/* A connection that messages came by has ended. */
void switchboard_connection_closed(
	struct switchboard *switchboard, uint32_t connection_id, struct td_now now);

void switchboard_media_reply(
	struct switchboard *switchboard, const struct td_reply *reply, struct td_now now);
void switchboard_media_notify(
	struct switchboard *switchboard, const struct td_notify *notify, struct td_now now);
/* Whether the dataplane can be reached; while it can't, new calls get 503. */
void switchboard_media_state(
	struct switchboard *switchboard, enum ledger_state state, struct td_now now);

/* Fires what is due. */
void switchboard_advance(struct switchboard *switchboard, struct td_now now);
/* When switchboard_advance() should be called next, in monotonic ms: not after the earliest timer.
 * TD_NEVER if there is none. */
uint64_t switchboard_deadline(const struct switchboard *switchboard);

/* Takes a new configuration: trunks, routes, limits and timers for new calls. Calls that are up
 * keep what they have. -ENOMEM: nothing has changed. */
td_must_check int switchboard_reconfigure(
	struct switchboard *switchboard, const struct config *config, struct td_now now);

struct resolver_target;
/* What the name of a trunk's target means now. -ENOMEM: see trunk_set_targets(). */
td_must_check int switchboard_set_targets(struct switchboard *switchboard, uint32_t trunk,
	const struct resolver_target *targets, uint32_t count, struct td_now now);

/* Refuse new calls with 503 and Retry-After, for the named reason (bits may be combined). */
enum switchboard_gate {
	SWITCHBOARD_GATE_DRAINING = 1, /* the operator asked for it */
	SWITCHBOARD_GATE_EVENTS = 2,   /* the way of CDRs to the disk is clogged */
	SWITCHBOARD_GATE_JOURNAL = 4,  /* the journal can't be written */
};
void switchboard_set_gate(
	struct switchboard *switchboard, enum switchboard_gate gate, bool is_closed);

/* X(name, help): counters since the start. */
#define SWITCHBOARD_COUNTERS(X)                                                             \
	X(messages, "SIP messages received")                                                \
	X(strangers, "messages from addresses that no trunk claims: dropped in silence")    \
	X(malformed, "messages that failed the parser")                                     \
	X(unmatched, "requests and responses that belong to no dialog or transaction")      \
	X(calls_started, "INVITEs accepted for routing")                                    \
	X(calls_answered, "calls answered")                                                 \
	X(calls_ended, "calls whose records were emitted")                                  \
	X(calls_recovered, "calls taken over from the journal")                             \
	X(recovery_failed, "journal records that couldn't be taken over")                   \
	X(refused_draining, "new calls refused: draining")                                  \
	X(refused_limit, "new calls refused: sip.max_calls or a trunk's max_calls reached") \
	X(refused_overload, "new calls refused: the loop or the way to the disk is late")   \
	X(refused_media, "new calls refused: dataplane away or no media ports")             \
	X(refused_memory, "new calls refused: out of memory or transactions")               \
	X(refused_policy, "requests refused: method, extension, body or credentials")       \
	X(refers_received, "requests for a transfer: REFER, INVITE with Replaces or Join")  \
	X(refers_declined, "of those, declined at once")                                    \
	X(refers_sent, "REFERs of ours")                                                    \
	X(subscriptions_taken, "subscriptions, and fetches, to the states of calls")        \
	X(subscriptions_refused, "SUBSCRIBEs refused: what they ask, or no room")           \
	X(dialogs_untold, "calls that a subscription had no room for")                      \
	X(notifies_sent, "NOTIFYs of ours")                                                 \
	X(notifies_failed, "NOTIFYs of ours refused or not answered")                       \
	X(infos_relayed, "INFO requests relayed to the other side")                         \
	X(infos_refused, "INFO requests refused: package, size, or nobody who takes them")  \
	X(session_refreshes, "session refreshes sent: UPDATE, re-INVITE or OPTIONS")        \
	X(session_too_small, "requests refused with 422: session interval too small")       \
	X(sessions_expired, "calls ended because the peer sent no session refresh")         \
	X(sessions_lost, "calls ended because a session refresh found the peer gone")       \
	X(media_timeouts, "calls ended because media stopped")                              \
	X(prack_missing, "calls refused: no PRACK for a reliable provisional response")     \
	X(provisional_dropped, "reliable provisional responses repeated or out of order")   \
	X(forks_refused, "early dialogs beyond the limit, or without memory")               \
	X(registers, "REGISTER requests for a registrar of ours")                           \
	X(unexpected, "events that a machine had no place for")

struct switchboard_counts {
#define SWITCHBOARD_COUNTER_FIELD(name, help) uint64_t name;
	SWITCHBOARD_COUNTERS(SWITCHBOARD_COUNTER_FIELD)
#undef SWITCHBOARD_COUNTER_FIELD
	/* gauges */
	uint32_t calls;
	uint32_t legs;
	uint32_t dialogs;
	uint32_t referrals; /* REFERs in progress */
	uint32_t subscriptions;
	uint32_t terminations;	    /* wanted in the dataplane */
	uint32_t ports_in_use;	    /* local media ports: two per pair */
	uint64_t call_memory_bytes; /* of all calls, with what their blocks cost beyond their bytes;
				     * transactions apart */
	struct transaction_counts transactions;
	struct defence_counts defence;
	struct registrar_counts registrar;
};
struct switchboard_counts switchboard_get_counts(const struct switchboard *switchboard);

/* An operator's order: the peer of a leg is to call somebody else (REFER in the dialog). */
struct switchboard_refer {
	uint64_t call_id;
	bool is_callee;	      /* the leg: who was called, or who called */
	const char *target;   /* URI, or number on the leg's trunk */
	const char *replaces; /* "CALL-ID;to-tag=TAG;from-tag=TAG" at the target, or NULL */
};
/* Sends it. NULL, and *ret_id names it; or why it can't be (static text). */
const char *switchboard_refer(struct switchboard *switchboard,
	const struct switchboard_refer *order, struct td_now now, uint64_t *ret_id);
/* How far it has come; texts are static. */
struct switchboard_refer_status {
	const char *state;   /* "sent" ... "over" */
	const char *outcome; /* empty until it is known: refused, confirmed, ... */
	unsigned sip_status; /* last one heard; 0: none */
};
/* -ENOENT: there was no such order, or its outcome is too long ago. */
td_must_check int switchboard_find_refer(const struct switchboard *switchboard, uint64_t call_id,
	uint64_t id, struct switchboard_refer_status *ret_status);

/* What became of a transfer that the transfer port took: any number of provisional statuses, one
 * final one. -ENOENT (no such transfer, or it is decided), -EINVAL (no status). */
struct switchboard_transfer_report {
	uint64_t call_id;
	uint64_t transfer_id;
	unsigned sip_status;
};
td_must_check int switchboard_report_transfer(struct switchboard *switchboard,
	const struct switchboard_transfer_report *report, struct td_now now);

/* What a list of calls shows. */
struct switchboard_call {
	uint64_t call_id;
	uint64_t contact_id;
	const char *state; /* static text */
	const char *trunk_in;
	const char *trunk_out; /* "" while there is none */
	const char *caller;
	const char *callee;
	const char *codec;    /* "" while there is none */
	uint64_t started_ms;  /* monotonic */
	uint64_t answered_ms; /* monotonic; 0: not yet */
	bool is_held;
	bool is_recovered;
};
/* Tells visit each call; it must not call back. */
typedef void switchboard_visit_fn(void *context, const struct switchboard_call *call);
void switchboard_visit_calls(
	const struct switchboard *switchboard, switchboard_visit_fn *visit, void *context);

/* Tells visit what is registered with us; left_s: until it expires, failures: wrong passwords for
 * its user since the last right one. */
struct switchboard_binding {
	const struct registrar_binding *binding; /* borrows until visit returns */
	const char *trunk;
	const char *user;
	uint32_t left_s;
	uint32_t failures;
};
typedef void switchboard_binding_fn(void *context, const struct switchboard_binding *binding);
void switchboard_visit_bindings(
	const struct switchboard *switchboard, switchboard_binding_fn *visit, void *context);

/* What is remembered of addresses that requests come from. */
struct sources *switchboard_sources(const struct switchboard *switchboard);
/* Bans an address until then. -EPERM: it is a trunk's alone, and would end the trunk; -ENOSPC. */
td_must_check int switchboard_ban(struct switchboard *switchboard, const struct td_ip *ip,
	uint64_t until_ms, uint64_t now_ms);
/* Our registration with a trunk's registrar. */
struct switchboard_registration {
	const char *state; /* static text */
	bool is_held;	   /* the registrar has it */
	uint32_t left_s;   /* until it expires; 0: it isn't held */
	uint32_t next_s;   /* until the next attempt; 0: one is out, or none is planned */
	uint32_t failures; /* rounds in a row */
	uint16_t status;   /* of the registrar's last answer; 0: there was none */
};
/* False: the trunk has none. */
bool switchboard_get_registration(const struct switchboard *switchboard, uint32_t trunk,
	struct switchboard_registration *ret_registration);

/* The trunks, for status displays. */
const struct trunk_table *switchboard_trunks(const struct switchboard *switchboard);

#endif
