/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries bytes, time and actions between the parts. The order at the end of a turn is the
 * promise of the whole process: nothing leaves the machine before the journal knows of it.
 */
#include "app/carry.h"

#include "api/control_socket.h"
#include "app/hep_sender.h"
#include "app/intake.h"
#include "app/names.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "events/sink.h"
#include "journal/journal.h"
#include "switchboard/outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
	CARRY_TICK_MS = 1000,
	CARRY_JOURNAL_RETRY_MS = 50,
	/* Longest that listening waits for the dataplane: half of T1, so that who sent an INVITE
	 * before hears of it no later than with his first repeat. Usual is 1 ms. */
	CARRY_DATAPLANE_WAIT_MS = 250,
	/* Flushing may cause output of its own (a command answered from the ledger's book): each
	 * round needs one more journal write, two are usual. */
	CARRY_ROUNDS_MAX = 8,
	CARRY_LOG_BURST = 5,
};

struct td_now wire_now(const struct wire *wire)
{
	return (struct td_now){loop_now_ms(wire->loop), td_wall_ns()};
}

/* One rate-limited complaint about something that may happen with every message. */
static void complain(struct wire *wire, const char *what, int result)
{
	uint32_t swallowed;

	if (td_log_allowed(&wire->log_limit, CARRY_LOG_BURST, loop_now_ms(wire->loop) / TD_MS_PER_S,
		    &swallowed))
		td_log(TD_LOG_ERR, "carry: %s (error=%s swallowed=%u)", what, strerror(-result),
			swallowed);
}

/* --- switchboard -> out --------------------------------------------------------------------- */

static void port_send_sip(
	void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct wire *wire = context;
	int result = outbox_add_sip(wire->outbox, flow, bytes, length);

	if (result != 0) {
		wire->outbox_lost++;
		complain(wire, "SIP message dropped, the peer will repeat", result);
	}
}

static void port_media_command(void *context, const struct media_command *command)
{
	struct wire *wire = context;
	int result = outbox_add_media(wire->outbox, command);

	if (result != 0) {
		wire->outbox_lost++;
		complain(wire, "media command dropped, its guard timer will act", result);
	}
}

static const enum journal_kind journal_kinds[SWITCHBOARD_JOURNAL_COUNT] = {
	[SWITCHBOARD_JOURNAL_CALL] = JOURNAL_CALL,
	[SWITCHBOARD_JOURNAL_BINDINGS] = JOURNAL_BINDINGS,
	[SWITCHBOARD_JOURNAL_REGISTRATION] = JOURNAL_REGISTRATION,
	[SWITCHBOARD_JOURNAL_SUBSCRIPTION] = JOURNAL_SUBSCRIPTION,
};

static void port_journal_put(
	void *context, enum switchboard_journal kind, uint64_t id, const void *value, size_t length)
{
	struct wire *wire = context;
	int result = journal_put(wire->journal, journal_kinds[kind], id, value, length);

	if (result != 0) {
		wire->journal_failed++;
		complain(wire, "journal: change not recorded, a restart now would lose it", result);
	}
}

static void port_journal_delete(void *context, enum switchboard_journal kind, uint64_t id)
{
	struct wire *wire = context;
	int result = journal_delete(wire->journal, journal_kinds[kind], id);

	if (result != 0) {
		wire->journal_failed++;
		complain(wire, "journal: what is over not deleted", result);
	}
}

static void port_emit(void *context, const struct event_record *record)
{
	struct wire *wire = context;
	int result = event_sink_emit(wire->event_sink, record, td_wall_ns());

	if (result != 0)
		complain(wire, "events: record refused and counted", result);
}

struct switchboard_ports carry_switchboard_ports(struct wire *wire)
{
	return (struct switchboard_ports){
		.context = wire,
		.send_sip = port_send_sip,
		.media_command = port_media_command,
		.journal_put = port_journal_put,
		.journal_delete = port_journal_delete,
		.emit = port_emit,
	};
}

/* --- in -> switchboard ---------------------------------------------------------------------- */

static bool sip_admits(void *context, const struct td_ip *source, enum sip_transport transport)
{
	const struct wire *wire = context;

	return switchboard_admits(wire->switchboard, source, transport);
}

static void sip_failed(void *context, const struct sip_flow *flow)
{
	struct wire *wire = context;

	switchboard_transport_failed(wire->switchboard, flow, wire_now(wire));
}

static void sip_ended(void *context, uint32_t connection_id)
{
	struct wire *wire = context;

	switchboard_connection_closed(wire->switchboard, connection_id, wire_now(wire));
}

struct transport_sink carry_transport_sink(struct wire *wire)
{
	return (struct transport_sink){wire, sip_admits, intake_receive, sip_failed, sip_ended};
}

static void media_reply(void *context, const struct td_reply *reply)
{
	struct wire *wire = context;

	switchboard_media_reply(wire->switchboard, reply, wire_now(wire));
}

static void media_notify(void *context, const struct td_notify *notify)
{
	struct wire *wire = context;

	switchboard_media_notify(wire->switchboard, notify, wire_now(wire));
}

/* Takes SIP from here on. */
static void listen_now(struct wire *wire)
{
	int result = transport_listen(wire->transport);

	wire->listen_ms = TD_NEVER;
	if (result != 0) {
		(void)wire_complain("transport", "cannot listen for SIP", result);
		loop_stop(wire->loop); /* deaf, it would be of no use: the next start may hear */
	}
}

static void media_state(void *context, enum ledger_state state)
{
	struct wire *wire = context;

	switchboard_media_state(wire->switchboard, state, wire_now(wire));
	/* A call that came a moment earlier would have been refused for want of media. */
	if (state == LEDGER_READY && wire->listen_ms != TD_NEVER)
		listen_now(wire);
}

struct media_client_sink carry_media_sink(struct wire *wire)
{
	return (struct media_client_sink){wire, media_reply, media_notify, media_state};
}

void carry_queue_delay(void *context, uint64_t delay_us)
{
	struct wire *wire = context;

	wire->turn_delay_us = delay_us;
}

void carry_event_progress(void *context, uint32_t ready)
{
	struct wire *wire = context;

	(void)ready;
	(void)event_sink_reap(wire->event_sink); /* the count is for tests */
}

void carry_control_ready(void *context, uint32_t ready)
{
	struct wire *wire = context;

	(void)ready;
	control_socket_run(wire->control, loop_now_ms(wire->loop));
}

/* --- time ----------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static uint64_t deadline_next_ms(void *context)
{
	const struct wire *wire = context;
	/* listen_ms 0: the first turn decides, at once */
	uint64_t listen_ms = wire->listen_ms == 0 ? loop_now_ms(wire->loop) : wire->listen_ms;
	uint64_t next_ms = earlier(wire->tick_ms, listen_ms);

	next_ms = earlier(next_ms, switchboard_deadline(wire->switchboard));
	next_ms = earlier(next_ms, media_client_deadline(wire->media));
	next_ms = earlier(next_ms, transport_deadline(wire->transport));
	next_ms = earlier(next_ms, names_deadline(wire));
	if (intake_waits(wire))
		next_ms = loop_now_ms(wire->loop);
	if (wire->is_journal_stuck)
		next_ms = earlier(next_ms, loop_now_ms(wire->loop) + CARRY_JOURNAL_RETRY_MS);
	return next_ms;
}

static void deadline_expired(void *context, uint64_t now_ms)
{
	struct wire *wire = context;
	struct td_now now = {now_ms, td_wall_ns()};

	switchboard_advance(wire->switchboard, now);
	media_client_advance(wire->media, now_ms);
	transport_advance(wire->transport, now_ms);
	names_advance(wire, now_ms);
	if (wire->listen_ms == 0)
		wire->listen_ms = now_ms + CARRY_DATAPLANE_WAIT_MS;
	else if (wire->listen_ms <= now_ms)
		listen_now(wire); /* new calls get 503 until the dataplane is there */
	if (wire->tick_ms <= now_ms) {
		wire->tick_ms = now_ms + CARRY_TICK_MS;
		control_socket_expire(wire->control, now_ms);
		switchboard_set_gate(wire->switchboard, SWITCHBOARD_GATE_EVENTS,
			event_sink_pressure(wire->event_sink) != EVENT_PRESSURE_NONE);
	}
}

struct loop_deadline carry_deadline(struct wire *wire)
{
	return (struct loop_deadline){wire, deadline_next_ms, deadline_expired};
}

/* --- end of a turn -------------------------------------------------------------------------- */

static void flush_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct wire *wire = context;

	transport_send(wire->transport, flow, bytes, length);
}

static void flush_media(void *context, const struct media_command *command)
{
	struct wire *wire = context;
	int result = media_client_command(wire->media, command, loop_now_ms(wire->loop));

	if (result != 0)
		complain(wire, "media: ledger is full, the call's guard timer will act", result);
}

/* True if the turn's records are safe, so that its output may go. */
static bool journal_is_written(struct wire *wire)
{
	int result = journal_commit(wire->journal);
	bool is_stuck = result != 0;

	if (is_stuck) {
		wire->journal_failed++;
		complain(
			wire, "journal cannot be written: new calls refused, output waits", result);
	}
	if (is_stuck != wire->is_journal_stuck)
		switchboard_set_gate(wire->switchboard, SWITCHBOARD_GATE_JOURNAL, is_stuck);
	wire->is_journal_stuck = is_stuck;
	return !is_stuck;
}

void carry_turn_end(void *context)
{
	struct wire *wire = context;
	const struct outbox_ports ports = {wire, flush_sip, flush_media};

	intake_serve(wire);
	for (int round = 0; round < CARRY_ROUNDS_MAX; round++) {
		if (!journal_is_written(wire))
			return;
		event_sink_flush(wire->event_sink);
		if (outbox_waiting_bytes(wire->outbox) == 0)
			break;
		outbox_flush(wire->outbox, &ports);
	}
	hep_sender_run(wire->hep_sender);
}
