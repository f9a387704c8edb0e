/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the far end alive?
 *
 *             answered                     failures >= 2
 *   UNKNOWN ------------> UP     UNKNOWN, UP ------------> DOWN
 *      ^                  ^                                 |  |
 *      |                  +---------------------------------+  |
 *      |                            answered                   |
 *      +-------------------------------------------------------+
 *              TIMER, if the trunk isn't asked by OPTIONS
 *
 * An OPTIONS that failed has had eleven retransmissions and counts twice; a failed call counts
 * once. While down, OPTIONS go out at growing intervals, up to the configured one.
 */
#include "trunk/trunk_table.h"

#include <tandem/time.h>

enum {
	FAILURES_DOWN = 2,
	FAILURE_OF_OPTIONS = 2,
	FAILURE_OF_CALL = 1,
	FIRST_ASK_SPREAD_MS = 5000, /* so that a start doesn't ask 1000 trunks at once */
	ANSWER_MAX_MS = 40000,	    /* longer than timer F, 64 * T1 (RFC 3261 17.1.2.2) */
	BACKOFF_FIRST_MS = 2000,
	BACKOFF_LAST_MS = 300000,
	JITTER_PARTS = 10, /* +-1/10 */
};

enum move {
	NOTHING,
	NOTE_LIFE,	     /* -> UP */
	NOTE_OPTIONS_LIFE,   /* the same, and OPTIONS are over for now */
	NOTE_FAILED_OPTIONS, /* -> DOWN */
	NOTE_FAILED_CALL,    /* -> DOWN if it is the second in a row */
	ASK,		     /* OPTIONS */
	ASK_OR_FORGET,	     /* OPTIONS, or -> UNKNOWN: the next call will tell */
};

static const enum move moves[TRUNK_STATE_COUNT][TRUNK_EVENT_COUNT] = {
	[TRUNK_UNKNOWN] = {[TRUNK_OPTIONS_ANSWERED] = NOTE_OPTIONS_LIFE,
		[TRUNK_OPTIONS_FAILED] = NOTE_FAILED_OPTIONS,
		[TRUNK_CALL_ANSWERED] = NOTE_LIFE,
		[TRUNK_CALL_FAILED] = NOTE_FAILED_CALL,
		[TRUNK_TIMER] = ASK},
	[TRUNK_UP] = {[TRUNK_OPTIONS_ANSWERED] = NOTE_OPTIONS_LIFE,
		[TRUNK_OPTIONS_FAILED] = NOTE_FAILED_OPTIONS,
		[TRUNK_CALL_ANSWERED] = NOTE_LIFE,
		[TRUNK_CALL_FAILED] = NOTE_FAILED_CALL,
		[TRUNK_TIMER] = ASK},
	[TRUNK_DOWN] = {[TRUNK_OPTIONS_ANSWERED] = NOTE_OPTIONS_LIFE,
		[TRUNK_OPTIONS_FAILED] = NOTE_FAILED_OPTIONS,
		[TRUNK_CALL_ANSWERED] = NOTE_LIFE,
		[TRUNK_CALL_FAILED] = NOTHING, /* tried as the last resort: nothing new */
		[TRUNK_TIMER] = ASK_OR_FORGET},
};

const char *trunk_state_name(enum trunk_state state)
{
	static const char *const names[TRUNK_STATE_COUNT] = {"unknown", "up", "down"};

	return (unsigned)state < TRUNK_STATE_COUNT ? names[state] : "?";
}

/* xorshift64* (Vigna 2016): only spreads load, guards nothing. */
static uint64_t next_random(struct trunk_table *table)
{
	uint64_t x = table->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	table->random = x;
	return x * 0x2545f4914f6cdd1dull;
}

static uint64_t with_jitter(struct trunk_table *table, uint64_t delay_ms)
{
	uint64_t part = delay_ms / JITTER_PARTS;

	return delay_ms - part + next_random(table) % (2 * part + 1);
}

static uint64_t options_interval_ms(const struct trunk *trunk)
{
	return (uint64_t)trunk->config.options_interval_s * TD_MS_PER_S;
}

/* When to look again at a trunk that is down. */
static uint64_t backoff_ms(struct trunk_table *table, const struct trunk *trunk)
{
	uint64_t limit = options_interval_ms(trunk);
	uint64_t delay = BACKOFF_FIRST_MS;

	if (limit == 0)
		limit = BACKOFF_LAST_MS;
	for (uint32_t i = 0; i < trunk->probes && delay < limit; i++)
		delay *= 2;
	return with_jitter(table, delay < limit ? delay : limit);
}

static void change_state(struct trunk *trunk, trunk_id id, enum trunk_state to, uint64_t now_ms,
	struct trunk_actions *actions)
{
	if (trunk->state == to)
		return;
	actions->list[actions->count++] = (struct trunk_action){
		.kind = TRUNK_STATE_CHANGED, .id = id, .from = trunk->state, .to = to};
	trunk->state = to;
	trunk->state_since_ms = now_ms;
}

static void schedule(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms)
{
	if (trunk->state == TRUNK_DOWN)
		trunk->due_ms = td_after(now_ms, backoff_ms(table, trunk));
	else if (options_interval_ms(trunk) != 0)
		trunk->due_ms = td_after(now_ms, with_jitter(table, options_interval_ms(trunk)));
	else
		trunk->due_ms = TD_NEVER;
}

static void note_life(struct trunk_table *table, trunk_id id, bool is_from_options, uint64_t now_ms,
	struct trunk_actions *actions)
{
	struct trunk *trunk = &table->slots[id];
	bool was_down = trunk->state == TRUNK_DOWN;

	trunk->failures = 0;
	trunk->probes = 0;
	change_state(trunk, id, TRUNK_UP, now_ms, actions);
	if (is_from_options || was_down)
		schedule(table, trunk, now_ms);
}

static void note_failure(struct trunk_table *table, trunk_id id, uint32_t weight, uint64_t now_ms,
	struct trunk_actions *actions)
{
	struct trunk *trunk = &table->slots[id];

	trunk->failures += weight;
	if (trunk->failures < FAILURES_DOWN)
		return;
	change_state(trunk, id, TRUNK_DOWN, now_ms, actions);
	schedule(table, trunk, now_ms);
	trunk->probes++;
}

static void ask(struct trunk *trunk, trunk_id id, uint64_t now_ms, struct trunk_actions *actions)
{
	trunk->options_sent++;
	trunk->due_ms = td_after(now_ms, ANSWER_MAX_MS);
	actions->list[actions->count++] =
		(struct trunk_action){.kind = TRUNK_SEND_OPTIONS, .id = id};
}

static void forget(struct trunk *trunk, trunk_id id, uint64_t now_ms, struct trunk_actions *actions)
{
	trunk->failures = FAILURES_DOWN - FAILURE_OF_CALL; /* one more is enough */
	trunk->due_ms = TD_NEVER;
	change_state(trunk, id, TRUNK_UNKNOWN, now_ms, actions);
}

static void recompute_due(struct trunk_table *table)
{
	table->due_ms = TD_NEVER;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		const struct trunk *trunk = &table->slots[i];

		if (trunk->is_used && !trunk->is_retired && trunk->due_ms < table->due_ms)
			table->due_ms = trunk->due_ms;
	}
}

void trunk_health_begin(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms)
{
	trunk->state = TRUNK_UNKNOWN;
	trunk->state_since_ms = now_ms;
	trunk->failures = 0;
	trunk->probes = 0;
	trunk->due_ms = TD_NEVER;
	if (trunk->config.options_interval_s != 0)
		trunk->due_ms = td_after(now_ms, next_random(table) % FIRST_ASK_SPREAD_MS);
	recompute_due(table);
}

void trunk_step(struct trunk_table *table, trunk_id id, enum trunk_event event, uint64_t now_ms,
	struct trunk_actions *actions)
{
	struct trunk *trunk;
	uint64_t due_before_ms;

	actions->count = 0;
	if (id >= table->slot_count || (unsigned)event >= TRUNK_EVENT_COUNT)
		return;
	trunk = &table->slots[id];
	if (!trunk->is_used || trunk->is_retired)
		return;
	due_before_ms = trunk->due_ms;
	if (event == TRUNK_OPTIONS_FAILED)
		trunk->options_failed++;
	switch (moves[trunk->state][event]) {
	case NOTHING:
		break;
	case NOTE_LIFE:
		note_life(table, id, false, now_ms, actions);
		break;
	case NOTE_OPTIONS_LIFE:
		note_life(table, id, true, now_ms, actions);
		break;
	case NOTE_FAILED_OPTIONS:
		note_failure(table, id, FAILURE_OF_OPTIONS, now_ms, actions);
		break;
	case NOTE_FAILED_CALL:
		note_failure(table, id, FAILURE_OF_CALL, now_ms, actions);
		break;
	case ASK_OR_FORGET:
		if (trunk->config.options_interval_s == 0) {
			forget(trunk, id, now_ms, actions);
			break;
		}
		ask(trunk, id, now_ms, actions);
		break;
	case ASK:
		ask(trunk, id, now_ms, actions);
		break;
	}
	/* Nearly every message is a step that changes no deadline: it mustn't visit all trunks. */
	if (trunk->due_ms != due_before_ms)
		recompute_due(table);
}

uint64_t trunk_deadline(const struct trunk_table *table)
{
	return table->due_ms;
}

trunk_id trunk_due(const struct trunk_table *table, uint64_t now_ms)
{
	if (table->due_ms > now_ms)
		return TRUNK_NONE;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		const struct trunk *trunk = &table->slots[i];

		if (trunk->is_used && !trunk->is_retired && trunk->due_ms <= now_ms)
			return i;
	}
	return TRUNK_NONE;
}
