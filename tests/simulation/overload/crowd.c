/* SPDX-License-Identifier: Apache-2.0 */
#include "simulation/overload/crowd_parts.h"

#include <tandem/contract.h>
#include <tandem/time.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD_CONFIG                                                                            \
	"node: crowd\n"                                                                         \
	"sip: {listen: [{address: 10.0.0.1}], max_calls: 20000, max_transactions: 400000, "     \
	"overload_queue_delay_ms: 20, user_agent: \"\"}\n"                                      \
	"media: {addresses: [10.0.0.1], ports: 10000-65535, rest_s: 0}\n"                       \
	"dataplane: {ports: [{device: net_null0}]}\n"                                           \
	"trunks:\n"                                                                             \
	"  - {name: a, sources: [10.1.0.1], target: \"sip:10.1.0.1\", options_interval_s: 0}\n" \
	"  - {name: b, sources: [10.2.0.1], target: \"sip:10.2.0.1\", options_interval_s: 0}\n" \
	"routes: [{from: a, pattern: \"*\", to: [b]}]\n"

static void media_command(void *context, const struct media_command *command)
{
	struct crowd *crowd = context;

	assert(crowd->command_count < COMMANDS_MAX && "more commands than a call has");
	crowd->commands[crowd->command_count++] = *command;
}

static void journal_put(
	void *context, enum switchboard_journal kind, uint64_t id, const void *value, size_t length)
{
	(void)context;
	(void)kind;
	(void)id;
	(void)value;
	(void)length;
}

static void journal_delete(void *context, enum switchboard_journal kind, uint64_t id)
{
	(void)context;
	(void)kind;
	(void)id;
}

static void emit(void *context, const struct event_record *record)
{
	(void)context;
	(void)record;
}

/* --- the server ----------------------------------------------------------------------------- */

static struct td_now server_now(const struct crowd *crowd)
{
	return (struct td_now){1000000 + crowd->now_us / 1000,
		1767225600000000000ull + crowd->now_us * TD_NS_PER_US};
}

/* The dataplane does what it is told at once. */
static void answer_media(struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->command_count; i++) {
		const struct media_command command = crowd->commands[i];
		const struct td_reply reply = {
			.termination_id = command.spec.termination_id,
			.applied_epoch = command.spec.epoch,
			.command_type = command.kind == MEDIA_SUBTRACT ? TD_MESSAGE_SUBTRACT
					: command.kind == MEDIA_ADD    ? TD_MESSAGE_ADD
								       : TD_MESSAGE_MODIFY,
		};

		switchboard_media_reply(crowd->switchboard, &reply, server_now(crowd));
	}
	crowd->command_count = 0;
}

static void advance(struct crowd *crowd)
{
	switchboard_advance(crowd->switchboard, server_now(crowd));
	answer_media(crowd);
}

static void hand_over(struct crowd *crowd, const struct waiting *waiting)
{
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	char text[TEXT_BYTES];
	struct switchboard_message message = {.bytes = text,
		.flow = &flow,
		.wait = {crowd->now_us - waiting->since_us, crowd->fresh.count != 0}};

	crowd_write(crowd, waiting, text);
	message.length = strlen(text);
	(void)td_ip_parse(
		waiting->kind >= CALLEE_180 ? "10.2.0.1" : "10.1.0.1", 8, &flow.remote.ip);
	(void)td_ip_parse("10.0.0.1", 8, &flow.local.ip);
	flow.remote.port = flow.local.port = 5060;
	switchboard_receive_sip(crowd->switchboard, &message, server_now(crowd));
	answer_media(crowd);
}

/* Handles a message; returns what that cost. */
static uint64_t work(struct crowd *crowd, const struct waiting *waiting)
{
	static const uint32_t costs_us[TO_SERVER_COUNT] = {
		[CALLER_INVITE] = CROWD_INVITE_US,
		[CALLER_ACK] = CROWD_ACK_US,
		[CALLER_REFUSAL_ACK] = CROWD_ABSORBED_US,
		[CALLER_BYE] = CROWD_BYE_US,
		[CALLEE_180] = CROWD_RESPONSE_US,
		[CALLEE_200] = CROWD_RESPONSE_US,
		[CALLEE_BYE_200] = CROWD_RESPONSE_US,
	};
	uint64_t started = switchboard_get_counts(crowd->switchboard).calls_started;

	crowd->has_refused = false;
	hand_over(crowd, waiting);
	if (waiting->kind != CALLER_INVITE)
		return costs_us[waiting->kind];
	if (crowd->has_refused)
		return CROWD_REFUSAL_US;
	return switchboard_get_counts(crowd->switchboard).calls_started != started
		       ? CROWD_INVITE_US
		       : CROWD_ABSORBED_US;
}

static void note_wait(struct crowd *crowd, const struct waiting *waiting)
{
	uint64_t wait_us = crowd->now_us - waiting->since_us;
	unsigned which = waiting->kind != CALLER_INVITE && waiting->kind != CALLER_REFUSAL_ACK;

	if (wait_us > crowd->result->max_wait_us)
		crowd->result->max_wait_us = wait_us;
	if (crowd->now_us >= crowd->plan->warm_up_s * 1000000ull &&
		crowd->wait_counts[which] < WAITS_MAX)
		crowd->waits[which][crowd->wait_counts[which]++] = (uint32_t)wait_us;
}

static void serve(struct crowd *crowd)
{
	struct queue *queue = crowd->urgent.count != 0 ? &crowd->urgent : &crowd->fresh;
	struct waiting waiting;

	if (queue->count == 0) {
		crowd->is_busy = false;
		advance(crowd);
		return;
	}
	waiting = queue->list[queue->head];
	queue->head = (queue->head + 1) % QUEUE_MAX;
	queue->count--;
	note_wait(crowd, &waiting);
	crowd_schedule(crowd, work(crowd, &waiting), SERVER_READY, 0, 0);
	advance(crowd);
}

static void arrive(struct crowd *crowd, const struct event *event)
{
	bool is_urgent = event->kind != CALLER_INVITE && event->kind != CALLER_REFUSAL_ACK;
	struct queue *queue =
		crowd->plan->orders_input && is_urgent ? &crowd->urgent : &crowd->fresh;

	assert(queue->count < QUEUE_MAX && "the queue has run over");
	queue->list[(queue->head + queue->count++) % QUEUE_MAX] =
		(struct waiting){crowd->now_us, event->kind, event->one};
	if (!crowd->is_busy) {
		crowd->is_busy = true;
		serve(crowd);
	}
}

/* --- the crowd ------------------------------------------------------------------------------ */

static void caller_comes(struct crowd *crowd)
{
	uint64_t mean_us = (uint64_t)(CROWD_CALL_US / crowd->plan->load);
	uint32_t number = crowd->one_count++;
	struct one *one;

	if (crowd->one_count > crowd->one_room) {
		crowd->one_room = crowd->one_room * 2 + 1024;
		crowd->ones = realloc(crowd->ones, crowd->one_room * sizeof(crowd->ones[0]));
		assert(crowd->ones != NULL && "no memory for the test");
	}
	one = &crowd->ones[number];
	*one = (struct one){.begin_us = crowd->now_us,
		.is_emergency = crowd->plan->emergency_every != 0 &&
				number % crowd->plan->emergency_every == 0};
	crowd->result->callers++;
	crowd->result->emergencies += one->is_emergency;
	crowd_send(crowd, 0, CALLER_INVITE, number);
	crowd_schedule(crowd, T1_US, CALLER_REPEATS_INVITE, number, T1_US);
	if (crowd->now_us < crowd->plan->seconds * 1000000ull)
		crowd_schedule(crowd, 1 + crowd_random(crowd) % (2 * mean_us), CALLER_COMES, 0, 0);
}

static void repeat_invite(struct crowd *crowd, const struct event *event)
{
	struct one *one = &crowd->ones[event->one];

	if (one->state != CALLER_INVITING)
		return;
	if (crowd->now_us - one->begin_us >= TIMER_B_US) {
		one->state = CALLER_DONE;
		crowd->result->gave_up++;
		return;
	}
	crowd_send(crowd, 0, CALLER_INVITE, event->one);
	crowd_schedule(crowd, 2 * event->interval_us, CALLER_REPEATS_INVITE, event->one,
		2 * event->interval_us);
}

static void repeat_bye(struct crowd *crowd, const struct event *event)
{
	struct one *one = &crowd->ones[event->one];
	uint64_t next_us = event->interval_us < T2_US / 2 ? 2 * event->interval_us : T2_US;

	if (one->state == CALLER_UP) {
		one->state = CALLER_ENDING;
		one->bye_us = crowd->now_us;
	}
	if (one->state != CALLER_ENDING)
		return;
	if (crowd->now_us - one->bye_us >= TIMER_B_US) {
		one->state = CALLER_DONE;
		crowd->result->lost_dialogs++;
		return;
	}
	crowd_send(crowd, 0, CALLER_BYE, event->one);
	crowd_schedule(crowd, event->interval_us, CALLER_REPEATS_BYE, event->one, next_us);
}

static void repeat_200(struct crowd *crowd, const struct event *event)
{
	const struct one *one = &crowd->ones[event->one];
	uint64_t next_us = event->interval_us < T2_US / 2 ? 2 * event->interval_us : T2_US;

	if (one->is_callee_acked || one->is_callee_over ||
		crowd->now_us - one->begin_us > 2 * TIMER_B_US)
		return;
	crowd_send(crowd, 0, CALLEE_200, event->one);
	crowd_schedule(crowd, event->interval_us, CALLEE_REPEATS_200, event->one, next_us);
}

static void happen(struct crowd *crowd, const struct event *event)
{
	if (event->kind < TO_SERVER_COUNT)
		arrive(crowd, event);
	else if (event->kind == CALLER_COMES)
		caller_comes(crowd);
	else if (event->kind == CALLER_REPEATS_INVITE)
		repeat_invite(crowd, event);
	else if (event->kind == CALLER_HANGS_UP)
		repeat_bye(crowd, &(const struct event){.one = event->one, .interval_us = T1_US});
	else if (event->kind == CALLER_REPEATS_BYE)
		repeat_bye(crowd, event);
	else if (event->kind == CALLEE_REPEATS_200)
		repeat_200(crowd, event);
	else
		serve(crowd);
}

static int compare_waits(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static uint64_t p99_of(uint32_t *waits, uint32_t count)
{
	if (count == 0)
		return 0;
	qsort(waits, count, sizeof(waits[0]), compare_waits);
	return waits[(uint64_t)count * 99 / 100];
}

static void begin(struct crowd *crowd)
{
	const struct switchboard_ports ports = {
		crowd, crowd_hear, media_command, journal_put, journal_delete, emit, NULL};
	const uint8_t seed[SWITCHBOARD_SEED_BYTES] = {(uint8_t)crowd->plan->seed, [17] = 3};
	struct config_errors errors;

	if (config_load_text(
		    CROWD_CONFIG, strlen(CROWD_CONFIG), "crowd", &crowd->config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		abort();
	}
	crowd->urgent.list = calloc(QUEUE_MAX, sizeof(struct waiting));
	crowd->fresh.list = calloc(QUEUE_MAX, sizeof(struct waiting));
	for (unsigned i = 0; i < 2; i++)
		crowd->waits[i] = calloc(WAITS_MAX, sizeof(uint32_t));
	if (crowd->urgent.list == NULL || crowd->fresh.list == NULL || crowd->waits[0] == NULL ||
		crowd->waits[1] == NULL ||
		switchboard_create(
			&(const struct switchboard_setup){.config = crowd->config, .seed = seed},
			&ports, server_now(crowd), &crowd->switchboard) != 0)
		abort();
	switchboard_media_state(crowd->switchboard, LEDGER_READY, server_now(crowd));
}

static void end(struct crowd *crowd)
{
	switchboard_destroy(crowd->switchboard);
	config_destroy(crowd->config);
	for (uint32_t i = 0; i < crowd->one_count; i++) {
		free(crowd->ones[i].invite);
		free(crowd->ones[i].bye);
	}
	for (unsigned i = 0; i < 2; i++)
		free(crowd->waits[i]);
	free(crowd->urgent.list);
	free(crowd->fresh.list);
	free(crowd->events);
	free(crowd->ones);
}

void crowd_run(const struct crowd_plan *plan, struct crowd_result *ret_result)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));

	assert(crowd != NULL && "no memory for the test");
	memset(ret_result, 0, sizeof(*ret_result));
	crowd->plan = plan;
	crowd->result = ret_result;
	crowd->random = plan->seed | 1;
	begin(crowd);
	crowd_schedule(crowd, 0, CALLER_COMES, 0, 0);
	while (crowd->event_count != 0) {
		struct event event = crowd_next_event(crowd);

		crowd->now_us = event.at_us;
		happen(crowd, &event);
	}
	ret_result->counts = switchboard_get_counts(crowd->switchboard);
	ret_result->goodput = (double)ret_result->finished_warm * CROWD_CALL_US /
			      ((plan->seconds - plan->warm_up_s) * 1e6);
	ret_result->new_wait_p99_us = p99_of(crowd->waits[0], crowd->wait_counts[0]);
	ret_result->dialog_wait_p99_us = p99_of(crowd->waits[1], crowd->wait_counts[1]);
	end(crowd);
	free(crowd);
}
