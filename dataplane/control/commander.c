/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executes commands, see commander.h. Every path ends in exactly one reply, except SUBTRACT of a
 * live termination, whose reply follows when its worker has let go of it.
 */
#include "control/commander.h"

#include "control/message.h"
#include "termination/table.h"

#include <tandem/time.h>

#include <string.h>

enum {
	COMMANDER_LOG_PER_S = 5
};

static void commander_refuse_log(
	struct commander *commander, const struct td_message *header, enum td_result result)
{
	uint32_t swallowed;

	if (td_log_allowed(&commander->log_limit, COMMANDER_LOG_PER_S,
		    commander->now_ns / TD_NS_PER_S, &swallowed))
		td_log(TD_LOG_WARN,
			"command: %llu: refused, changed nothing (type=%u result=%s swallowed=%u)",
			(unsigned long long)header->command_id, header->type,
			td_result_name(result), swallowed);
}

/* Fills what every reply has; applied_epoch is the termination's, if there is one. */
static void commander_reply_init(const struct commander *commander, struct td_reply *reply,
	const struct td_message *header, uint64_t termination_id)
{
	const struct termination *termination =
		termination_id == 0 ? NULL
				    : termination_table_find(commander->table, termination_id);

	message_init(&reply->message, TD_MESSAGE_REPLY, sizeof(*reply), header->command_id);
	reply->command_type = header->type;
	reply->termination_id = termination_id;
	if (termination != NULL)
		reply->applied_epoch = termination->spec.epoch;
}

/* Counts and sends a reply. One that finds no room is lost: the command is repeated then. */
static void commander_reply(struct commander *commander, struct td_reply *reply,
	const struct td_message *header, enum td_result result)
{
	reply->result = (uint16_t)result;
	if (result != TD_RESULT_OK) {
		td_counter_add(&commander->counters->commands_refused, 1);
		commander_refuse_log(commander, header, result);
	}
	(void)commander->send(commander->sink, &reply->message);
}

static void commander_hello(struct commander *commander, const struct td_command_hello *hello)
{
	struct termination_table_gauges gauges;
	struct td_reply reply;

	commander->is_greeted = true;
	commander->audit.is_running = false;
	termination_table_gauges(commander->table, &gauges);
	commander_reply_init(commander, &reply, &hello->message, 0);
	reply.capabilities = commander->capabilities;
	reply.capabilities.terminations_in_use = gauges.live;
	td_log(TD_LOG_INFO, "control: session %llu: control plane %016llx greets (terminations=%u)",
		(unsigned long long)commander->session,
		(unsigned long long)hello->controlplane_instance, gauges.live);
	commander_reply(commander, &reply, &hello->message, TD_RESULT_OK);
}

/* ADD and MODIFY. */
static void commander_change(struct commander *commander, const struct td_command_add *command)
{
	const struct td_termination_spec *spec = &command->spec;
	bool is_add = command->message.type == TD_MESSAGE_ADD;
	enum td_result result =
		is_add ? termination_table_add(commander->table, spec, commander->now_ns)
		       : termination_table_modify(commander->table, spec);
	const struct termination *termination;
	struct td_reply reply;

	commander_reply_init(commander, &reply, &command->message, spec->termination_id);
	termination = termination_table_find(commander->table, spec->termination_id);
	if (!is_add && termination != NULL)
		termination_snapshot(termination, commander->wall_offset_ns, &reply.stats);
	if (result == TD_RESULT_OK) {
		if (spec->remote.ip.family != TD_FAMILY_NONE)
			commander->want(commander->sink, &spec->remote.ip);
		if (spec->remote_rtcp.ip.family != TD_FAMILY_NONE)
			commander->want(commander->sink, &spec->remote_rtcp.ip);
	}
	commander_reply(commander, &reply, &command->message, result);
}

static void commander_subtract(
	struct commander *commander, const struct td_command_subtract *command)
{
	uint64_t cookie = ++commander->cookie_last;
	struct commander_pending *pending = &commander->pending[cookie % COMMANDER_PENDING];
	struct termination_departure gone;
	struct td_reply reply;
	bool has_departed = false;
	enum td_result result =
		termination_table_subtract(commander->table, command, cookie, &has_departed);

	if (result == TD_RESULT_OK && !has_departed) {
		*pending = (struct commander_pending){.cookie = cookie,
			.command_id = command->message.command_id,
			.session = commander->session};
		return;
	}
	commander_reply_init(commander, &reply, &command->message, command->termination_id);
	if (has_departed && termination_table_find_departed(commander->table,
				    command->termination_id, commander->wall_offset_ns, &gone)) {
		reply.applied_epoch = gone.epoch;
		reply.stats = gone.stats;
	}
	commander_reply(commander, &reply, &command->message, result);
}

static void commander_move(struct commander *commander, const struct td_command_move *command)
{
	enum td_result result = termination_table_move(
		commander->table, command->termination_id, command->context_id, command->epoch);
	struct td_reply reply;

	commander_reply_init(commander, &reply, &command->message, command->termination_id);
	commander_reply(commander, &reply, &command->message, result);
}

/* Repeats what may have happened while nobody listened; false: no room. */
static bool commander_repeat_timeout(
	struct commander *commander, const struct termination *termination)
{
	struct td_notify notify;

	/* partner: relaxed store in the sweep */
	if (atomic_load_explicit(&termination->rx.is_timed_out, memory_order_relaxed) == 0)
		return true;
	message_init(&notify.message, TD_MESSAGE_NOTIFY, sizeof(notify), 0);
	notify.termination_id = termination->id;
	notify.wall_ns = commander->now_ns + commander->wall_offset_ns;
	notify.kind = TD_NOTIFY_MEDIA_TIMEOUT;
	notify.epoch = termination->spec.epoch;
	termination_snapshot(termination, commander->wall_offset_ns, &notify.stats);
	return commander->send(commander->sink, &notify.message);
}

static bool commander_send_item(
	struct commander *commander, const struct termination *termination, uint64_t command_id)
{
	struct td_audit_item item;

	if (!commander_repeat_timeout(commander, termination))
		return false;
	message_init(&item.message, TD_MESSAGE_AUDIT_ITEM, sizeof(item), command_id);
	item.spec = termination->spec;
	termination_snapshot(termination, commander->wall_offset_ns, &item.stats);
	return commander->send(commander->sink, &item.message);
}

static void commander_audit(struct commander *commander, const struct td_command_audit *command)
{
	const struct termination *termination;
	enum td_result result = TD_RESULT_OK;
	struct td_reply reply;

	if (command->termination_id == 0) {
		/* one audit at a time: a second one starts over under its own id */
		commander->audit = (struct commander_audit){
			.is_running = true, .command_id = command->message.command_id};
		return;
	}
	termination = termination_table_find(commander->table, command->termination_id);
	if (termination == NULL)
		result = TD_RESULT_UNKNOWN;
	else if (!commander_send_item(commander, termination, command->message.command_id))
		result = TD_RESULT_BUSY;
	commander_reply_init(commander, &reply, &command->message, command->termination_id);
	commander_reply(commander, &reply, &command->message, result);
}

void commander_continue_audit(struct commander *commander, uint32_t items)
{
	struct commander_audit *audit = &commander->audit;
	struct td_message header = {.type = TD_MESSAGE_AUDIT, .command_id = audit->command_id};

	while (audit->is_running && items-- > 0) {
		uint32_t cursor = audit->cursor;
		const struct termination *termination =
			termination_table_next(commander->table, &cursor);

		if (termination == NULL) {
			struct td_reply reply;

			audit->is_running = false;
			commander_reply_init(commander, &reply, &header, 0);
			commander_reply(commander, &reply, &header, TD_RESULT_OK);
			return;
		}
		if (!commander_send_item(commander, termination, audit->command_id))
			return;
		audit->cursor = cursor;
	}
}

void commander_open_session(struct commander *commander)
{
	commander->session++;
	commander->is_greeted = false;
	commander->audit.is_running = false;
}

void commander_close_session(struct commander *commander)
{
	commander->is_greeted = false;
	commander->audit.is_running = false;
}

void commander_receive(struct commander *commander, const void *bytes, size_t size_bytes)
{
	union message_command command;
	enum td_result result = message_read(bytes, size_bytes, commander->is_greeted, &command);

	if (result != TD_RESULT_OK) {
		struct td_reply reply;

		if (result != TD_RESULT_OUT_OF_ORDER)
			td_counter_add(&commander->counters->messages_malformed, 1);
		commander_reply_init(commander, &reply, &command.message, 0);
		commander_reply(commander, &reply, &command.message, result);
		return;
	}
	switch ((enum td_message_type)command.message.type) {
	case TD_MESSAGE_HELLO:
		commander_hello(commander, &command.hello);
		break;
	case TD_MESSAGE_ADD:
	case TD_MESSAGE_MODIFY:
		commander_change(commander, &command.add);
		break;
	case TD_MESSAGE_SUBTRACT:
		commander_subtract(commander, &command.subtract);
		break;
	case TD_MESSAGE_MOVE:
		commander_move(commander, &command.move);
		break;
	case TD_MESSAGE_AUDIT:
		commander_audit(commander, &command.audit);
		break;
	case TD_MESSAGE_NONE:
	case TD_MESSAGE_REPLY:
	case TD_MESSAGE_AUDIT_ITEM:
	case TD_MESSAGE_NOTIFY:
	case TD_MESSAGE_TYPE_COUNT:
		break; /* message_read refused them */
	}
}

void commander_depart(struct commander *commander, const struct termination_departure *gone)
{
	struct commander_pending *pending = &commander->pending[gone->cookie % COMMANDER_PENDING];
	struct td_message header = {.type = TD_MESSAGE_SUBTRACT, .command_id = pending->command_id};
	struct td_reply reply;

	if (gone->cookie == 0 || pending->cookie != gone->cookie ||
		pending->session != commander->session)
		return; /* nobody waits for it; a repeated SUBTRACT is told */
	pending->cookie = 0;
	commander_reply_init(commander, &reply, &header, gone->termination_id);
	reply.applied_epoch = gone->epoch;
	reply.stats = gone->stats;
	commander_reply(commander, &reply, &header, TD_RESULT_OK);
}

void commander_notify(struct commander *commander, const struct td_notify *event)
{
	struct td_notify notify = *event;

	message_init(&notify.message, TD_MESSAGE_NOTIFY, sizeof(notify.message), 0);
	notify.message.length_bytes = sizeof(notify);
	if (event->kind == TD_NOTIFY_LATCHED)
		commander->want(commander->sink, &event->stats.latched.ip);
	if (!commander->is_greeted || !commander->send(commander->sink, &notify.message))
		td_counter_add(&commander->counters->notifications_lost, 1);
}
