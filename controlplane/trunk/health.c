/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the far end alive? One machine for each target:
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
 * once, but one that nobody answered counts twice if the trunk has another target: the next call
 * must not wait as long. While down, OPTIONS go out at growing intervals, up to the configured
 * one; without OPTIONS a call tries again, after waits that grow in the same way.
 */
#include "trunk/trunk_table.h"

#include <tandem/time.h>

enum {
	FAILURES_DOWN = 2,
	FAILURE_OF_OPTIONS = 2,
	FAILURE_OF_CALL = 1,
	FAILURE_WITH_ALTERNATIVE = 2,
	FIRST_ASK_SPREAD_MS = 5000, /* so that a start doesn't ask 1000 trunks at once */
	ANSWER_MAX_MS = 40000,	    /* longer than timer F, 64 * T1 (RFC 3261 17.1.2.2) */
	BACKOFF_FIRST_MS = 2000,
	BACKOFF_LAST_MS = 300000,
	JITTER_PARTS = 10, /* +-1/10 */
};

/* The target that a step is about. */
struct target {
	struct trunk_table *table;
	struct trunk *trunk;
	struct trunk_health *health;
	struct trunk_actions *actions;
	uint64_t now_ms;
	trunk_id id;
	unsigned slot;
};

enum move {
	NOTHING,
	NOTE_LIFE,	     /* -> UP */
	NOTE_OPTIONS_LIFE,   /* the same, and OPTIONS are over for now */
	NOTE_FAILED_OPTIONS, /* -> DOWN */
	NOTE_FAILED_CALL,    /* -> DOWN if it is the second in a row */
	NOTE_SILENCE,	     /* the same, or at once if there is another target */
	ASK,		     /* OPTIONS */
	ASK_OR_FORGET,	     /* OPTIONS, or -> UNKNOWN: the next call will tell */
};

static const enum move moves[TRUNK_STATE_COUNT][TRUNK_EVENT_COUNT] = {
	[TRUNK_UNKNOWN] = {[TRUNK_OPTIONS_ANSWERED] = NOTE_OPTIONS_LIFE,
		[TRUNK_OPTIONS_FAILED] = NOTE_FAILED_OPTIONS,
		[TRUNK_CALL_ANSWERED] = NOTE_LIFE,
		[TRUNK_CALL_FAILED] = NOTE_FAILED_CALL,
		[TRUNK_CALL_UNANSWERED] = NOTE_SILENCE,
		[TRUNK_TIMER] = ASK},
	[TRUNK_UP] = {[TRUNK_OPTIONS_ANSWERED] = NOTE_OPTIONS_LIFE,
		[TRUNK_OPTIONS_FAILED] = NOTE_FAILED_OPTIONS,
		[TRUNK_CALL_ANSWERED] = NOTE_LIFE,
		[TRUNK_CALL_FAILED] = NOTE_FAILED_CALL,
		[TRUNK_CALL_UNANSWERED] = NOTE_SILENCE,
		[TRUNK_TIMER] = ASK},
	[TRUNK_DOWN] = {[TRUNK_OPTIONS_ANSWERED] = NOTE_OPTIONS_LIFE,
		[TRUNK_OPTIONS_FAILED] = NOTE_FAILED_OPTIONS,
		[TRUNK_CALL_ANSWERED] = NOTE_LIFE,
		[TRUNK_CALL_FAILED] = NOTHING, /* tried as the last resort: nothing new */
		[TRUNK_CALL_UNANSWERED] = NOTHING,
		[TRUNK_TIMER] = ASK_OR_FORGET},
};

const char *trunk_state_name(enum trunk_state state)
{
	static const char *const names[TRUNK_STATE_COUNT] = {"unknown", "up", "down", "no_target"};

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

/* When to look again at a target that is down. */
static uint64_t backoff_ms(const struct target *target)
{
	uint64_t limit = options_interval_ms(target->trunk);
	uint64_t delay = BACKOFF_FIRST_MS;

	if (limit == 0)
		limit = BACKOFF_LAST_MS;
	for (uint32_t i = 0; i < target->health->probes && delay < limit; i++)
		delay *= 2;
	return with_jitter(target->table, delay < limit ? delay : limit);
}

static void change_state(const struct target *target, enum trunk_state to)
{
	if (target->health->state == to)
		return;
	target->health->state = (uint8_t)to;
	target->health->state_since_ms = target->now_ms;
}

static void schedule(const struct target *target)
{
	uint64_t interval_ms = options_interval_ms(target->trunk);
	struct trunk_health *health = target->health;

	if (health->state == TRUNK_DOWN)
		health->due_ms = td_after(target->now_ms, backoff_ms(target));
	else if (interval_ms != 0)
		health->due_ms = td_after(target->now_ms, with_jitter(target->table, interval_ms));
	else
		health->due_ms = TD_NEVER;
}

static void note_life(const struct target *target, bool is_from_options)
{
	bool was_down = target->health->state == TRUNK_DOWN;

	target->health->failures = 0;
	target->health->probes = 0;
	change_state(target, TRUNK_UP);
	if (is_from_options || was_down)
		schedule(target);
}

static void note_failure(const struct target *target, uint16_t weight)
{
	struct trunk_health *health = target->health;

	health->failures = (uint16_t)(health->failures + weight);
	if (health->failures < FAILURES_DOWN)
		return;
	health->failures = FAILURES_DOWN;
	change_state(target, TRUNK_DOWN);
	schedule(target);
	health->probes++;
}

static void note_silence(const struct target *target)
{
	bool has_other = (target->trunk->listed & ~(1u << target->slot)) != 0;

	note_failure(target, has_other ? FAILURE_WITH_ALTERNATIVE : FAILURE_OF_CALL);
}

static void ask(const struct target *target)
{
	target->trunk->options_sent++;
	target->health->options_sent++;
	target->health->due_ms = td_after(target->now_ms, ANSWER_MAX_MS);
	target->actions->list[target->actions->count++] = (struct trunk_action){
		.kind = TRUNK_SEND_OPTIONS,
		.id = target->id,
		.target = trunk_targets_id(target->trunk, target->slot),
	};
}

static void forget(const struct target *target)
{
	/* One more is enough. */
	target->health->failures = FAILURES_DOWN - FAILURE_OF_CALL;
	target->health->due_ms = TD_NEVER;
	change_state(target, TRUNK_UNKNOWN);
}

void trunk_health_schedule(struct trunk_table *table)
{
	table->due_ms = TD_NEVER;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		const struct trunk *trunk = &table->slots[i];

		if (trunk->is_used && !trunk->is_retired && trunk->due_ms < table->due_ms)
			table->due_ms = trunk->due_ms;
	}
}

static void sum_due(struct trunk_table *table, struct trunk *trunk)
{
	trunk->due_ms = TD_NEVER;
	for (uint32_t rest = trunk->listed; rest != 0; rest &= rest - 1) {
		const struct trunk_health *health = &trunk->health[__builtin_ctz(rest)];

		if (health->due_ms < trunk->due_ms)
			trunk->due_ms = health->due_ms;
	}
	trunk_health_schedule(table);
}

/* The state of the best target. */
static enum trunk_state sum_state(const struct trunk *trunk)
{
	enum trunk_state best = trunk->listed != 0 ? TRUNK_DOWN : TRUNK_NO_TARGET;

	if (trunk->config.is_registrar) /* whether a phone is there its binding says */
		return TRUNK_UP;
	for (uint32_t rest = trunk->listed; rest != 0; rest &= rest - 1) {
		uint8_t state = trunk->health[__builtin_ctz(rest)].state;

		if (state == TRUNK_UP)
			return TRUNK_UP;
		if (state == TRUNK_UNKNOWN)
			best = TRUNK_UNKNOWN;
	}
	return best;
}

void trunk_health_sum(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms)
{
	enum trunk_state state = sum_state(trunk);

	if (trunk->state != state)
		trunk->state_since_ms = now_ms;
	trunk->state = (uint8_t)state;
	sum_due(table, trunk);
}

void trunk_health_begin(
	struct trunk_table *table, struct trunk *trunk, unsigned slot, uint64_t now_ms)
{
	uint8_t generation = (uint8_t)(trunk->health[slot].generation + 1);

	trunk->health[slot] = (struct trunk_health){
		.state = TRUNK_UNKNOWN,
		.generation = generation,
		.state_since_ms = now_ms,
		.due_ms = TD_NEVER,
	};
	if (trunk->config.options_interval_s != 0)
		trunk->health[slot].due_ms =
			td_after(now_ms, next_random(table) % FIRST_ASK_SPREAD_MS);
}

static void move(const struct target *target, enum trunk_event event)
{
	switch (moves[target->health->state][event]) {
	case NOTHING:
		break;
	case NOTE_LIFE:
		note_life(target, false);
		break;
	case NOTE_OPTIONS_LIFE:
		note_life(target, true);
		break;
	case NOTE_FAILED_OPTIONS:
		note_failure(target, FAILURE_OF_OPTIONS);
		break;
	case NOTE_FAILED_CALL:
		note_failure(target, FAILURE_OF_CALL);
		break;
	case NOTE_SILENCE:
		note_silence(target);
		break;
	case ASK_OR_FORGET:
		if (target->trunk->config.options_interval_s == 0)
			forget(target);
		else
			ask(target);
		break;
	case ASK:
		ask(target);
		break;
	}
}

/* Tells of the trunk what its target's change made of it. */
static void sum_up(const struct target *target, uint8_t state_before)
{
	struct trunk *trunk = target->trunk;
	enum trunk_state before = (enum trunk_state)trunk->state;

	if (target->health->state == state_before)
		return;
	trunk->state = (uint8_t)sum_state(trunk);
	if (trunk->state == before)
		return;
	trunk->state_since_ms = target->now_ms;
	target->actions->list[target->actions->count++] =
		(struct trunk_action){.kind = TRUNK_STATE_CHANGED,
			.id = target->id,
			.target = trunk_targets_id(trunk, target->slot),
			.from = before,
			.to = (enum trunk_state)trunk->state};
}

void trunk_step(struct trunk_table *table, const struct trunk_news *news, uint64_t now_ms,
	struct trunk_actions *actions)
{
	struct target target = {
		.table = table, .actions = actions, .now_ms = now_ms, .id = news->id};
	uint64_t due_before_ms;
	uint8_t state_before;

	actions->count = 0;
	target.trunk = trunk_at(table, news->id);
	if (target.trunk == NULL || target.trunk->is_retired ||
		(unsigned)news->event >= TRUNK_EVENT_COUNT)
		return;
	target.slot = trunk_targets_slot(target.trunk, news->target);
	if (target.slot == RESOLVER_SELECT_MAX)
		return;
	target.health = &target.trunk->health[target.slot];
	due_before_ms = target.health->due_ms;
	state_before = target.health->state;
	if (news->event == TRUNK_OPTIONS_FAILED) {
		target.trunk->options_failed++;
		target.health->options_failed++;
	}
	move(&target, news->event);
	sum_up(&target, state_before);
	/* Nearly every message is a step that changes no deadline: it mustn't visit all trunks. */
	if (target.health->due_ms != due_before_ms)
		sum_due(table, target.trunk);
}

uint64_t trunk_deadline(const struct trunk_table *table)
{
	return table->due_ms;
}

/* The slot of a trunk's target that is due; there is one. */
static unsigned due_slot(const struct trunk *trunk)
{
	for (uint32_t rest = trunk->listed; rest != 0; rest &= rest - 1) {
		unsigned slot = (unsigned)__builtin_ctz(rest);

		if (trunk->health[slot].due_ms == trunk->due_ms)
			return slot;
	}
	return RESOLVER_SELECT_MAX;
}

bool trunk_due(const struct trunk_table *table, uint64_t now_ms, struct trunk_news *ret_news)
{
	if (table->due_ms > now_ms)
		return false;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		const struct trunk *trunk = &table->slots[i];
		unsigned slot;

		if (!trunk->is_used || trunk->is_retired || trunk->due_ms > now_ms)
			continue;
		slot = due_slot(trunk);
		if (slot == RESOLVER_SELECT_MAX)
			continue;
		*ret_news = (struct trunk_news){i, trunk_targets_id(trunk, slot), TRUNK_TIMER};
		return true;
	}
	return false;
}

void trunk_avoid(struct trunk_table *table, trunk_id id, trunk_target_id target, uint64_t until_ms)
{
	struct trunk *trunk = trunk_at(table, id);
	unsigned slot = trunk != NULL ? trunk_targets_slot(trunk, target) : RESOLVER_SELECT_MAX;

	if (slot < RESOLVER_SELECT_MAX)
		trunk->health[slot].avoided_until_ms = until_ms;
}
