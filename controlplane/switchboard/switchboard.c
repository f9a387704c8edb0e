/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switchboard's entry points, and what every step ends with.
 */
#include "switchboard/switchboard.h"

#include "call/record.h"
#include "call/snapshot.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/registration.h"
#include "switchboard/session.h"
#include "switchboard/trace.h"
#include "switchboard/usage.h"
#include "util/siphash.h"

#include <errno.h>
#include <string.h>

uint64_t switchboard_random(struct switchboard *switchboard)
{
	uint64_t count = ++switchboard->random_count;

	/* The second half of the seed: the first keys the tables. */
	return siphash(switchboard->seed + SIPHASH_SEED_BYTES, &count, sizeof(count));
}

void switchboard_random_text(struct switchboard *switchboard, char *text, size_t digits)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t random = 0;

	for (size_t i = 0; i + 1 < digits; i++) {
		if (i % 16 == 0)
			random = switchboard_random(switchboard);
		text[i] = hex[random & 15];
		random >>= 4;
	}
	text[digits - 1] = '\0';
}

struct span switchboard_user_agent(const struct switchboard *switchboard)
{
	return span_from(switchboard->config->sip.user_agent);
}

void switchboard_mark(struct switchboard *switchboard, struct line *line)
{
	if (line->is_dirty)
		return;
	line->is_dirty = true;
	line->next_dirty = switchboard->dirty;
	switchboard->dirty = line;
}

void switchboard_send(struct switchboard *switchboard, const struct sip_flow *flow,
	const char *bytes, size_t length)
{
	traces_send(switchboard, flow, (struct span){bytes, (uint32_t)length});
	/* No memory: as if the network had lost it, which SIP repairs. */
	if (outbox_add_sip(switchboard->outbox, flow, bytes, length) != 0)
		switchboard->counts.refused_memory++;
}

void switchboard_arm(struct switchboard *switchboard, struct line *line, uint64_t deadline_ms)
{
	line->call.deadline_ms = deadline_ms;
	wheel_start(&switchboard->wheel, &line->timer.timer, deadline_ms);
}

void switchboard_emit_event(struct switchboard *switchboard, struct line *line,
	enum call_event_kind kind, unsigned leg_index)
{
	struct record_names names;
	struct event_record record;

	calls_names(switchboard, line, &names);
	record_fill_event(&line->call, kind, leg_index, &names, &record);
	switchboard->ports.emit(switchboard->ports.context, &record);
	switchboard_mark(switchboard, line);
}

struct line *switchboard_find_call(const struct switchboard *switchboard, uint64_t call_id)
{
	struct table_node *node = table_find_hashed(
		switchboard->by_id, &call_id, sizeof(call_id), table_id_hash(call_id));

	return node == NULL ? NULL : td_container_of(node, struct line, by_id);
}

struct leg *switchboard_find_leg(const struct switchboard *switchboard, uint64_t leg_id,
	struct line **ret_line, unsigned *ret_index)
{
	struct line *line = switchboard_find_call(switchboard, leg_id >> CALL_LEG_ID_BITS);

	if (line == NULL)
		return NULL;
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		if (line->call.legs[i].leg_id != leg_id)
			continue;
		*ret_line = line;
		*ret_index = i;
		return &line->call.legs[i];
	}
	return NULL;
}

struct line *switchboard_take_line(struct switchboard *switchboard, uint64_t call_id)
{
	slab_handle_t handle;
	struct line *line = slab_take(switchboard->lines, &handle);

	if (line == NULL)
		return NULL;
	line->call.call_id = call_id;
	line->call.heap = &switchboard->heap;
	line->call.deadline_ms = TD_NEVER;
	line->timer.line = line;
	line->timer.leg_index = CALL_LEGS;
	line->session.line = line;
	line->session.leg_index = LINE_SESSION;
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		line->pauses[i].line = line;
		line->pauses[i].leg_index = (uint8_t)i;
	}
	table_insert_hashed(switchboard->by_id, &line->by_id, &line->call.call_id,
		sizeof(line->call.call_id), table_id_hash(call_id));
	return line;
}

void switchboard_index_leg(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct line_tag *tag = &line->tags[index];

	table_remove(switchboard->by_tag, &tag->node);
	tag->line = line;
	tag->leg_index = (uint8_t)index;
	table_insert(switchboard->by_tag, &tag->node, tag->text, SWITCHBOARD_TAG_BYTES - 1);
}

void switchboard_drop_line(struct switchboard *switchboard, struct line *line)
{
	wheel_stop(&switchboard->wheel, &line->timer.timer);
	referrals_stop(switchboard, line);
	wheel_stop(&switchboard->wheel, &line->session.timer);
	watches_drop(switchboard, line);
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		wheel_stop(&switchboard->wheel, &line->pauses[i].timer);
		table_remove(switchboard->by_tag, &line->tags[i].node);
		media_release_port(switchboard, line, i);
		trunks_leave(switchboard, line, i);
	}
	table_remove(switchboard->by_id, &line->by_id);
	table_remove(switchboard->by_origin, &line->by_origin);
	call_fini(&line->call);
	slab_release(switchboard->lines, line);
}

static void journal_line(struct switchboard *switchboard, struct line *line)
{
	size_t length;

	if (snapshot_write(&line->call, switchboard->trunks, switchboard->journal,
		    sizeof(switchboard->journal), &length) != 0) {
		/* Bodies are bounded far below the buffer: only a programmer's error gets here. */
		switchboard->counts.unexpected++;
		return;
	}
	line->is_journaled = true;
	switchboard->ports.journal_put(switchboard->ports.context, SWITCHBOARD_JOURNAL_CALL,
		line->call.call_id, switchboard->journal, length);
}

static void commit_line(struct switchboard *switchboard, struct line *line)
{
	uint64_t call_id = line->call.call_id;
	bool is_journaled = line->is_journaled;

	traces_keep(switchboard, line);
	/* Still marked while it settles, so that it isn't queued again. */
	referrals_commit(switchboard, line);
	early_advance(switchboard, line);
	watches_note(switchboard, line);
	if (!calls_settle(switchboard, line)) {
		journal_line(switchboard, line);
		line->is_dirty = false;
	} else if (is_journaled) {
		switchboard->ports.journal_delete(
			switchboard->ports.context, SWITCHBOARD_JOURNAL_CALL, call_id);
	}
}

/* The order here is "journal first, then act". */
void switchboard_commit(struct switchboard *switchboard)
{
	const struct outbox_ports to = {
		.context = switchboard->ports.context,
		.send_sip = switchboard->ports.send_sip,
		.media_command = switchboard->ports.media_command,
	};

	while (switchboard->dirty != NULL) {
		struct line *line = switchboard->dirty;

		switchboard->dirty = line->next_dirty;
		commit_line(switchboard, line);
	}
	subscriptions_commit(switchboard);
	outbox_flush(switchboard->outbox, &to);
	switchboard->message = NULL;
	switchboard->flow = NULL;
}

/* What stands in a record that couldn't be read owns no port. */
static void drop_unread(struct switchboard *switchboard, struct line *line)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		line->call.media[i].has_port = false;
	switchboard_drop_line(switchboard, line);
	switchboard->counts.recovery_failed++;
}

int switchboard_restore(struct switchboard *switchboard,
	const struct switchboard_snapshot *snapshot, struct td_now now)
{
	uint64_t call_id = snapshot->id;
	struct line *line;
	int result;

	switchboard->now = now;
	switchboard->usages->is_restoring = true;
	if (snapshot->kind == SWITCHBOARD_JOURNAL_BINDINGS)
		return bindings_restore(switchboard, snapshot);
	if (snapshot->kind == SWITCHBOARD_JOURNAL_SUBSCRIPTION)
		return subscriptions_restore(switchboard, snapshot);
	if (snapshot->kind == SWITCHBOARD_JOURNAL_REGISTRATION)
		return registrations_restore(switchboard, snapshot);
	line = switchboard_find_call(switchboard, call_id) == NULL
		       ? switchboard_take_line(switchboard, call_id)
		       : NULL;
	if (line == NULL) {
		switchboard->counts.recovery_failed++;
		return -ENOSPC;
	}
	result = snapshot_read(&line->call, switchboard->trunks, snapshot->value, snapshot->length);
	if (result == 0 && line->call.call_id != call_id)
		result = -EBADMSG;
	line->call.call_id = call_id;
	if (result != 0) {
		drop_unread(switchboard, line);
		if (result == -EBADMSG) /* nor will a later start be able to read it */
			switchboard->ports.journal_delete(
				switchboard->ports.context, SWITCHBOARD_JOURNAL_CALL, call_id);
		return result;
	}
	line->is_journaled = true;
	restore_line(switchboard, line, snapshot->is_other_boot);
	switchboard->counts.calls_recovered++;
	switchboard_commit(switchboard);
	return 0;
}

void switchboard_restored(struct switchboard *switchboard, struct td_now now)
{
	switchboard->now = now;
	subscriptions_restored(switchboard);
	switchboard_advance(switchboard, now);
}

bool switchboard_admits(const struct switchboard *switchboard, const struct td_ip *source,
	enum sip_transport transport)
{
	/* A datagram may belong to a dialog that is up, whatever is known of its address. */
	if (transport != SIP_TRANSPORT_UDP &&
		defence_is_banned(switchboard->defence, source, switchboard->now.mono_ms) &&
		!trunk_source_is_single(switchboard->trunks, source, transport))
		return false;
	return trunk_find_by_source(switchboard->trunks, source, transport) != TRUNK_NONE;
}

void switchboard_receive_sip(struct switchboard *switchboard,
	const struct switchboard_message *message, struct td_now now)
{
	switchboard->now = now;
	receive_message(switchboard, message);
	traces_conclude(switchboard);
	switchboard_commit(switchboard);
}

void switchboard_transport_failed(
	struct switchboard *switchboard, const struct sip_flow *flow, struct td_now now)
{
	switchboard->now = now;
	oversize_note_failure(switchboard, flow);
	transaction_transport_failed(switchboard->transactions, flow, now.mono_ms);
	switchboard_commit(switchboard);
}

void switchboard_connection_closed(
	struct switchboard *switchboard, uint32_t connection_id, struct td_now now)
{
	switchboard->now = now;
	registrar_connection_closed(switchboard->registrar, connection_id);
	registrations_connection_ended(switchboard, connection_id);
	switchboard_commit(switchboard);
}

void switchboard_media_reply(
	struct switchboard *switchboard, const struct td_reply *reply, struct td_now now)
{
	switchboard->now = now;
	media_reply(switchboard, reply);
	switchboard_commit(switchboard);
}

void switchboard_media_notify(
	struct switchboard *switchboard, const struct td_notify *notify, struct td_now now)
{
	switchboard->now = now;
	media_notify(switchboard, notify);
	switchboard_commit(switchboard);
}

void switchboard_media_state(
	struct switchboard *switchboard, enum ledger_state state, struct td_now now)
{
	switchboard->now = now;
	switchboard->media_state = state;
}

static void expire(void *context, struct wheel_timer *timer)
{
	struct switchboard *switchboard = context;
	struct line_timer *which = td_container_of(timer, struct line_timer, timer);

	if (which->leg_index < CALL_LEGS) {
		offer_pause_over(switchboard, which->line, which->leg_index);
		return;
	}
	if (which->leg_index == LINE_SESSION) {
		sessions_due(switchboard, which->line);
		return;
	}
	which->line->call.deadline_ms = TD_NEVER;
	calls_timeout(switchboard, which->line);
}

void switchboard_advance(struct switchboard *switchboard, struct td_now now)
{
	switchboard->now = now;
	transaction_advance(switchboard->transactions, now.mono_ms);
	(void)wheel_advance(&switchboard->wheel, now.mono_ms, expire, switchboard);
	usages_advance(switchboard);
	registrar_advance(switchboard->registrar, now.mono_ms);
	registrations_advance(switchboard);
	trunks_advance(switchboard);
	switchboard_commit(switchboard);
}

uint64_t switchboard_deadline(const struct switchboard *switchboard)
{
	/* wheel_wake_ms() remembers what it found: the only write. */
	uint64_t deadline = wheel_wake_ms((struct wheel *)&switchboard->wheel);
	uint64_t other = transaction_deadline(switchboard->transactions);

	deadline = other < deadline ? other : deadline;
	other = usages_deadline(switchboard);
	deadline = other < deadline ? other : deadline;
	other = registrations_deadline(switchboard);
	deadline = other < deadline ? other : deadline;
	other = registrar_deadline(switchboard->registrar);
	deadline = other < deadline ? other : deadline;
	other = trunk_deadline(switchboard->trunks);
	return other < deadline ? other : deadline;
}

/* Ids of trunks that no call uses may be given to others: only the one in use stays. */
static void forget_alternatives(struct switchboard *switchboard)
{
	uint32_t cursor = 0;
	struct line *line;

	while ((line = slab_next(switchboard->lines, &cursor)) != NULL)
		if (line->call.destination_count > line->call.destination_at + 1)
			line->call.destination_count = (uint8_t)(line->call.destination_at + 1);
}

int switchboard_reconfigure(
	struct switchboard *switchboard, const struct config *config, struct td_now now)
{
	struct route_table *routes;
	int result;

	switchboard->now = now;
	result = registrar_configure(switchboard->registrar, config);
	if (result != 0)
		return result;
	result = trunk_table_reload(switchboard->trunks, config, now.mono_ms);
	if (result != 0)
		return result;
	result = route_table_create(
		config, switchboard->trunks, switchboard_random(switchboard), &routes);
	if (result != 0)
		return result;
	route_table_destroy(switchboard->routes);
	switchboard->routes = routes;
	forget_alternatives(switchboard);
	switchboard->config = config;
	subscriptions_reconfigure(switchboard);
	defence_configure(switchboard->defence, &config->sip);
	result = registrations_configure(switchboard, config);
	switchboard_commit(switchboard);
	return result;
}

int switchboard_set_targets(struct switchboard *switchboard, uint32_t trunk,
	const struct resolver_target *targets, uint32_t count, struct td_now now)
{
	int result;

	switchboard->now = now;
	result = trunk_set_targets(switchboard->trunks, trunk, targets, count, now.mono_ms);
	if (result == 0 && count != 0)
		registrations_reachable(switchboard, trunk);
	return result;
}

void switchboard_set_gate(
	struct switchboard *switchboard, enum switchboard_gate gate, bool is_closed)
{
	if (is_closed && gate == SWITCHBOARD_GATE_DRAINING)
		switchboard->usages->must_withdraw = true;
	if (is_closed)
		switchboard->gates |= (uint32_t)gate;
	else
		switchboard->gates &= ~(uint32_t)gate;
}
