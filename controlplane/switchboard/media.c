/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports and terminations of a call: commands to the dataplane, its replies and notifications.
 */
#include "call/outcome.h"
#include "leg/cause.h"
#include "switchboard/state.h"

#include <errno.h>
#include <string.h>

static struct media_policy policy_of(
	const struct switchboard *switchboard, const struct line *line, unsigned index)
{
	const struct config_media *media = &switchboard->config->media;
	const struct config_trunk *trunk =
		trunk_config(switchboard->trunks, line->call.legs[index].trunk);

	return (struct media_policy){
		.latch = (uint8_t)(trunk != NULL ? trunk->latch : media->latch),
		.latch_prefix_bits = (uint8_t)media->latch_prefix_bits,
		.media_timeout_s =
			(uint16_t)(trunk != NULL ? trunk->media_timeout_s : media->timeout_s),
		.latch_window_ms = media->latch_window_ms,
	};
}

static void repeat(struct switchboard *switchboard, struct line *line, unsigned index,
	enum media_command_kind kind)
{
	const struct media_policy policy = policy_of(switchboard, line, index);
	struct media_command wanted = {.kind = kind};

	media_plan_spec(&line->call, index, &policy, &wanted.spec);
	switchboard_mark(switchboard, line);
	/* No memory: the guard timer of the state answers for it. */
	if (outbox_add_media(switchboard->outbox, &wanted) != 0)
		switchboard->counts.refused_memory++;
}

static void command(struct switchboard *switchboard, struct line *line, unsigned index,
	enum media_command_kind kind)
{
	line->call.media[index].epoch++;
	repeat(switchboard, line, index, kind);
}

void media_repeat(struct switchboard *switchboard, struct line *line, unsigned index)
{
	uint8_t state = line->call.media[index].state;

	if (state == CALL_MEDIA_ADDING || state == CALL_MEDIA_PRESENT)
		repeat(switchboard, line, index, MEDIA_ADD);
	else if (state == CALL_MEDIA_REMOVING)
		repeat(switchboard, line, index, MEDIA_SUBTRACT);
}

int media_take_port(struct switchboard *switchboard, struct line *line, unsigned index,
	enum td_family family, unsigned worker)
{
	struct call_media *media = &line->call.media[index];
	struct td_ip address =
		trunk_media_address(switchboard->trunks, line->call.legs[index].trunk, family);
	struct td_endpoint local;
	int at;
	int result;

	if (address.family == TD_FAMILY_NONE)
		return -EAFNOSUPPORT;
	at = port_pool_find_address(switchboard->pool, &address);
	if (at < 0)
		return at;
	result = port_pool_take(
		switchboard->pool, (uint32_t)at, worker, switchboard->now.mono_ms, &local);
	if (result != 0)
		return result;
	media->local = local;
	media->has_port = true;
	media->termination_id = line->call.legs[index].leg_id;
	media->state = CALL_MEDIA_NONE;
	call_take_stats(&line->call, index, NULL);
	return 0;
}

void media_release_port(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call_media *media = &line->call.media[index];

	/* The record still wants the address: only the claim on the port is given up. */
	if (media->has_port)
		port_pool_release(switchboard->pool, &media->local, switchboard->now.mono_ms);
	media->has_port = false;
}

void media_add(struct switchboard *switchboard, struct line *line, unsigned index)
{
	line->call.media[index].state = CALL_MEDIA_ADDING;
	command(switchboard, line, index, MEDIA_ADD);
}

void media_modify(struct switchboard *switchboard, struct line *line, unsigned index)
{
	uint8_t state = line->call.media[index].state;

	if (state == CALL_MEDIA_ADDING || state == CALL_MEDIA_PRESENT)
		command(switchboard, line, index, MEDIA_MODIFY);
}

void media_subtract(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call_media *media = &line->call.media[index];

	if (media->state != CALL_MEDIA_ADDING && media->state != CALL_MEDIA_PRESENT)
		return;
	media->state = CALL_MEDIA_REMOVING;
	command(switchboard, line, index, MEDIA_SUBTRACT);
}

bool media_is_ready(const struct line *line)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		if (line->call.media[i].state != CALL_MEDIA_PRESENT)
			return false;
	return true;
}

void media_give_up(struct switchboard *switchboard, struct line *line)
{
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		struct call_media *media = &line->call.media[i];

		if (media->state != CALL_MEDIA_REMOVING)
			continue;
		media->state = CALL_MEDIA_REMOVED;
		media_release_port(switchboard, line, i);
	}
}

/* The line and leg index of a termination; NULL if it is none of ours (any more). */
static struct line *find_termination(
	const struct switchboard *switchboard, uint64_t termination_id, unsigned *ret_index)
{
	struct line *line = switchboard_find_call(switchboard, termination_id >> CALL_LEG_ID_BITS);

	for (unsigned i = 0; line != NULL && i < CALL_LEGS; i++) {
		if (line->call.media[i].termination_id != termination_id)
			continue;
		*ret_index = i;
		return line;
	}
	return NULL;
}

/* The pool and the dataplane differ on which ports rest (after a restart they may): takes
 * another pair. False if there is none or too many were tried. */
static bool retry_port(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call_media *media = &line->call.media[index];
	enum td_family family = (enum td_family)media->local.ip.family;
	unsigned worker =
		td_port_owner(media->local.port, switchboard->config->dataplane.worker_count);
	uint64_t termination_id = media->termination_id;

	if (line->port_tries++ >= SWITCHBOARD_PORT_TRIES)
		return false;
	media_release_port(switchboard, line, index);
	if (media_take_port(switchboard, line, index, family, worker) != 0)
		return false;
	media->termination_id = termination_id;
	media_add(switchboard, line, index);
	return true;
}

static void reply_to_add(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct td_reply *reply)
{
	struct call_media *media = &line->call.media[index];
	struct event_release release;

	if (media->state != CALL_MEDIA_ADDING) {
		switchboard->counts.unexpected += reply->result != TD_RESULT_OK;
		return;
	}
	if (reply->result == TD_RESULT_OK) {
		/* Not worth a journal record of its own: after a restart it is added again. */
		media->state = CALL_MEDIA_PRESENT;
		if (line->call.state == CALL_PREPARING && media_is_ready(line))
			calls_step(switchboard, line, CALL_ON_MEDIA_READY);
		return;
	}
	if ((reply->result == TD_RESULT_PORT_RESTING || reply->result == TD_RESULT_PORT_IN_USE) &&
		line->call.state == CALL_PREPARING && retry_port(switchboard, line, index))
		return;
	/* It isn't there, so nothing of it is to be removed. */
	media->state = CALL_MEDIA_REMOVED;
	media_release_port(switchboard, line, index);
	switchboard->counts.refused_media++;
	line->call.retry_after_s = switchboard->config->sip.retry_after_s;
	outcome_set(&release, 503, CAUSE_RESOURCE_UNAVAILABLE, EVENT_RELEASE_SYSTEM,
		EVENT_DETAIL_MEDIA_REFUSED);
	calls_clear(switchboard, line,
		line->call.state == CALL_PREPARING ? CALL_ON_MEDIA_REFUSED : CALL_ON_CLEAR,
		&release);
}

void media_reply(struct switchboard *switchboard, const struct td_reply *reply)
{
	unsigned index = 0;
	struct line *line = find_termination(switchboard, reply->termination_id, &index);
	struct call_media *media;

	if (line == NULL)
		return;
	if (reply->command_type != TD_MESSAGE_SUBTRACT) {
		reply_to_add(switchboard, line, index, reply);
		return;
	}
	media = &line->call.media[index];
	if (media->state != CALL_MEDIA_REMOVING)
		return;
	media->state = CALL_MEDIA_REMOVED;
	if (reply->result == TD_RESULT_OK)
		call_take_stats(&line->call, index, &reply->stats);
	media_release_port(switchboard, line, index);
	switchboard_mark(switchboard, line);
}

void media_notify(struct switchboard *switchboard, const struct td_notify *notify)
{
	unsigned index = 0;
	struct line *line = find_termination(switchboard, notify->termination_id, &index);
	struct event_release release;

	if (line == NULL || !line->call.is_answered || line->call.state >= CALL_CLEARING)
		return;
	if (notify->kind == TD_NOTIFY_MEDIA_RESUMED) {
		if (line->call.media[index].has_timed_out)
			switchboard_emit_event(switchboard, line, CALL_EVENT_MEDIA_RESUMED, index);
		line->call.media[index].has_timed_out = false;
	} else if (notify->kind == TD_NOTIFY_MEDIA_TIMEOUT) {
		if (!line->call.media[index].has_timed_out)
			switchboard_emit_event(switchboard, line, CALL_EVENT_MEDIA_TIMEOUT, index);
		line->call.media[index].has_timed_out = true;
		if (call_is_on_hold(&line->call))
			return; /* silence is what hold sounds like with many phones */
		switchboard->counts.media_timeouts++;
		outcome_set(&release, 200, CAUSE_TEMPORARY_FAILURE, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_MEDIA_TIMEOUT);
		calls_clear(switchboard, line, CALL_ON_MEDIA_LOST, &release);
	}
}
