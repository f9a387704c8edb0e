/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terms are agreed by the table of RFC 4028 section 9 (who refreshes), time by section 10.
 */
#include "leg/session_timer.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	AGAIN_PART = 16, /* of the interval, between two refreshes of which the first failed */
	AGAIN_MIN_MS = 5000,
	MARGIN_S = 32, /* RFC 4028 10: BYE so long before the end, or a third of it */
	MARGIN_PART = 3,
	REFRESH_PART = 2, /* RFC 4028 7.2: half of the interval */
	DIGITS_MAX = 10,
	/* Longer than a transaction lives: a refresh of which nothing was heard by then was given
	 * up for another offer that failed. */
	REFRESH_GUARD_MS = 40000,
};

struct session_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t action;
};

/*
 *             agreed: we refresh            due: refresh
 *      OFF ----------------------> OURS --------------------> REFRESHING --expired--> OFF
 *       |                           ^ 2xx                      |    ^          (and the leg ends)
 *       | agreed: the peer does     +--------------------------+    | due: refresh
 *       v                                             refused  v    |
 *     PEERS --expired--> OFF (and the leg ends)               AGAIN-+ --expired--> OFF
 *
 *  Each 2xx to an INVITE, re-INVITE or UPDATE, in either direction, agrees anew: from any state to
 *  OURS, PEERS or OFF.
 */
#define CELL(next_state, what)                                                   \
	{                                                                        \
		.is_expected = 1, .next = SESSION_##next_state, .action = (what) \
	}
#define GO(next_state)                                         \
	{                                                      \
		.is_expected = 1, .next = SESSION_##next_state \
	}
#define AGREES                                                                            \
	[SESSION_EVENT_AGREED_OURS] = GO(OURS), [SESSION_EVENT_AGREED_PEERS] = GO(PEERS), \
	[SESSION_EVENT_AGREED_NONE] = GO(OFF)

static const struct session_cell session_table[SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
	[SESSION_OFF] = {AGREES, [SESSION_EVENT_REFUSED] = GO(OFF)}, /* of a refresh from before */
	[SESSION_OURS] =
		{
			AGREES, [SESSION_EVENT_DUE] = CELL(REFRESHING, SESSION_DO_REFRESH),
			[SESSION_EVENT_EXPIRED] = CELL(OFF, SESSION_TELL_EXPIRED),
			[SESSION_EVENT_REFUSED] = GO(OURS), /* overtaken by another's 2xx */
		},
	[SESSION_REFRESHING] =
		{
			AGREES,
			[SESSION_EVENT_DUE] = CELL(REFRESHING, SESSION_DO_REFRESH),
			[SESSION_EVENT_EXPIRED] = CELL(OFF, SESSION_TELL_EXPIRED),
			[SESSION_EVENT_REFUSED] = GO(AGAIN),
		},
	[SESSION_AGAIN] =
		{
			AGREES,
			[SESSION_EVENT_DUE] = CELL(REFRESHING, SESSION_DO_REFRESH),
			[SESSION_EVENT_EXPIRED] = CELL(OFF, SESSION_TELL_EXPIRED),
			[SESSION_EVENT_REFUSED] = GO(AGAIN),
		},
	[SESSION_PEERS] =
		{
			AGREES, [SESSION_EVENT_EXPIRED] = CELL(OFF, SESSION_TELL_EXPIRED),
			[SESSION_EVENT_REFUSED] = GO(PEERS), /* the peer's came in between */
		},
};

void session_timer_init(struct session_timer *timer, enum session_policy policy, uint32_t wanted_s,
	uint32_t min_se_s)
{
	memset(timer, 0, sizeof(*timer));
	timer->policy = (uint8_t)policy;
	timer->min_se_s = min_se_s < SESSION_MIN_SE_S ? SESSION_MIN_SE_S : min_se_s;
	timer->wanted_s = wanted_s < timer->min_se_s ? timer->min_se_s : wanted_s;
	timer->deadline_ms = TD_NEVER;
	timer->expire_ms = TD_NEVER;
}

/* --- headers -------------------------------------------------------------------------------- */

/* Reads delta-seconds and what stands behind them. False: there are none. */
static bool read_seconds(struct span value, uint32_t *ret_seconds, struct span *ret_rest)
{
	uint64_t seconds = 0;
	uint32_t i = 0;

	while (i < value.length && value.text[i] >= '0' && value.text[i] <= '9') {
		if (i == DIGITS_MAX)
			return false;
		seconds = seconds * 10 + (uint32_t)(value.text[i++] - '0');
	}
	*ret_rest = span_trim((struct span){value.text + i, value.length - i});
	if (i == 0 || (!span_is_empty(*ret_rest) && ret_rest->text[0] != ';'))
		return false;
	*ret_seconds = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
	return true;
}

/* Finds ";refresher=" among the parameters. */
static uint8_t read_refresher(struct span rest)
{
	static const char name[] = "refresher";

	while (!span_is_empty(rest)) {
		const char *next = memchr(rest.text + 1, ';', rest.length - 1);
		uint32_t length = next != NULL ? (uint32_t)(next - rest.text) : rest.length;
		struct span parameter = span_trim((struct span){rest.text + 1, length - 1});
		const char *equals = memchr(parameter.text, '=', parameter.length);

		rest = (struct span){rest.text + length, rest.length - length};
		if (equals == NULL)
			continue;
		length = (uint32_t)(equals - parameter.text);
		if (!span_is(span_trim((struct span){parameter.text, length}), name))
			continue;
		parameter = span_trim((struct span){equals + 1, parameter.length - length - 1});
		if (span_is(parameter, "uac"))
			return SESSION_REFRESHER_UAC;
		return span_is(parameter, "uas") ? SESSION_REFRESHER_UAS : SESSION_REFRESHER_NONE;
	}
	return SESSION_REFRESHER_NONE;
}

int session_terms_read(const struct sip_message *message, struct session_terms *ret_terms)
{
	const struct sip_header *expires = sip_message_find(message, SIP_HEADER_SESSION_EXPIRES);
	const struct sip_header *min_se = sip_message_find(message, SIP_HEADER_MIN_SE);
	struct session_terms terms = {0};
	struct span rest;

	if (expires != NULL) {
		if (!read_seconds(expires->value, &terms.expires_s, &rest) || terms.expires_s == 0)
			return -EBADMSG;
		terms.refresher = read_refresher(rest);
	}
	if (min_se != NULL && !read_seconds(min_se->value, &terms.min_se_s, &rest))
		return -EBADMSG;
	terms.is_supported = sip_message_lists(message, SIP_HEADER_SUPPORTED, "timer");
	terms.is_required = sip_message_lists(message, SIP_HEADER_REQUIRE, "timer");
	*ret_terms = terms;
	return 0;
}

void session_terms_build(struct sip_builder *builder, const struct session_terms *terms)
{
	static const char *const refreshers[] = {"", ";refresher=uac", ";refresher=uas"};

	if (terms->expires_s != 0)
		sip_build_header_format(builder, SIP_HEADER_SESSION_EXPIRES, "%u%s",
			terms->expires_s, refreshers[terms->refresher]);
	if (terms->min_se_s != 0)
		sip_build_header_format(builder, SIP_HEADER_MIN_SE, "%u", terms->min_se_s);
}

/* --- agreeing ------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* A new life of interval_s seconds begins. */
static void agree(
	struct session_timer *timer, enum session_event event, uint32_t interval_s, uint64_t now_ms)
{
	timer->interval_s = interval_s;
	timer->too_small_count = 0;
	(void)session_timer_step(timer, event, now_ms); /* expected in every state, and silent */
}

/* The peer agreed to nothing. */
static void go_alone(struct session_timer *timer, uint64_t now_ms)
{
	timer->is_alone = timer->policy == SESSION_POLICY_REQUEST;
	if (timer->is_alone)
		agree(timer, SESSION_EVENT_AGREED_OURS, timer->wanted_s, now_ms);
	else
		agree(timer, SESSION_EVENT_AGREED_NONE, 0, now_ms);
}

unsigned session_timer_judge(const struct session_timer *timer, const struct session_terms *asked)
{
	/* Who doesn't know the timer doesn't know 422 either: a proxy asked in his name. */
	return timer->policy != SESSION_POLICY_OFF && asked->is_supported &&
			       asked->expires_s != 0 && asked->expires_s < timer->min_se_s
		       ? 422
		       : 0;
}

/* The interval that answers asked; 0: none. */
static uint32_t answer_interval(
	const struct session_timer *timer, const struct session_terms *asked)
{
	uint32_t wanted_s = larger(timer->wanted_s, asked->min_se_s);

	if (timer->policy == SESSION_POLICY_OFF)
		return 0;
	if (asked->expires_s == 0)
		return timer->policy == SESSION_POLICY_REQUEST ? wanted_s : 0;
	if (asked->expires_s < timer->min_se_s)
		return 0; /* may not be raised (RFC 4028 9), nor refused */
	return asked->expires_s < wanted_s ? asked->expires_s : wanted_s;
}

/* RFC 4028 9, table 2; where it leaves the choice to us: who asked for the timer refreshes, and a
 * refresher stays what he is. */
static bool is_answerer_refresher(
	const struct session_timer *timer, const struct session_terms *asked)
{
	if (!asked->is_supported || asked->refresher == SESSION_REFRESHER_UAS)
		return true;
	if (asked->refresher == SESSION_REFRESHER_UAC)
		return false;
	if (timer->state != SESSION_OFF)
		return timer->state != SESSION_PEERS;
	return asked->expires_s == 0;
}

void session_timer_prepare(struct session_timer *timer, const struct session_terms *asked)
{
	timer->is_asker_capable = asked->is_supported;
	timer->answer_s = answer_interval(timer, asked);
	timer->is_answer_ours = is_answerer_refresher(timer, asked);
}

void session_timer_repeat(const struct session_timer *timer, struct session_terms *ret_terms)
{
	memset(ret_terms, 0, sizeof(*ret_terms));
	ret_terms->is_supported = timer->policy != SESSION_POLICY_OFF;
	if (timer->answer_s == 0)
		return;
	ret_terms->expires_s = timer->answer_s;
	ret_terms->refresher =
		timer->is_answer_ours ? SESSION_REFRESHER_UAS : SESSION_REFRESHER_UAC;
	ret_terms->is_required = timer->is_asker_capable;
}

void session_timer_answer(
	struct session_timer *timer, uint64_t now_ms, struct session_terms *ret_terms)
{
	session_timer_repeat(timer, ret_terms);
	if (timer->answer_s == 0) {
		go_alone(timer, now_ms);
		return;
	}
	timer->is_alone = !timer->is_asker_capable;
	agree(timer, timer->is_answer_ours ? SESSION_EVENT_AGREED_OURS : SESSION_EVENT_AGREED_PEERS,
		timer->answer_s, now_ms);
}

void session_timer_offer(const struct session_timer *timer, struct session_terms *ret_terms)
{
	bool is_running = timer->state != SESSION_OFF && !timer->is_alone;

	memset(ret_terms, 0, sizeof(*ret_terms));
	if (timer->policy == SESSION_POLICY_OFF)
		return;
	ret_terms->is_supported = true;
	if (!is_running && timer->policy != SESSION_POLICY_REQUEST)
		return;
	ret_terms->expires_s =
		larger(is_running ? timer->interval_s : timer->wanted_s, timer->min_se_s);
	if (timer->min_se_s > SESSION_MIN_SE_S)
		ret_terms->min_se_s = timer->min_se_s;
	if (is_running)
		ret_terms->refresher = timer->state == SESSION_PEERS ? SESSION_REFRESHER_UAS
								     : SESSION_REFRESHER_UAC;
}

void session_timer_accept(
	struct session_timer *timer, const struct session_terms *answered, uint64_t now_ms)
{
	bool is_peers = answered->refresher == SESSION_REFRESHER_UAS;

	if (timer->policy == SESSION_POLICY_OFF || answered->expires_s == 0) {
		go_alone(timer, now_ms);
		return;
	}
	timer->is_alone = false;
	/* An interval below the smallest that exists would have us refresh without end. */
	agree(timer, is_peers ? SESSION_EVENT_AGREED_PEERS : SESSION_EVENT_AGREED_OURS,
		larger(answered->expires_s, SESSION_MIN_SE_S), now_ms);
}

bool session_timer_lengthen(struct session_timer *timer, const struct session_terms *answered)
{
	struct session_terms offer;

	session_timer_offer(timer, &offer);
	if (offer.expires_s == 0 || answered->min_se_s <= offer.expires_s ||
		timer->too_small_count == SESSION_TOO_SMALL_MAX)
		return false;
	timer->too_small_count++;
	timer->min_se_s = answered->min_se_s;
	timer->wanted_s = larger(timer->wanted_s, timer->min_se_s);
	return true;
}

/* --- time ----------------------------------------------------------------------------------- */

static uint64_t expire_after_ms(const struct session_timer *timer)
{
	uint32_t margin_s = timer->interval_s / MARGIN_PART;

	if (margin_s > MARGIN_S)
		margin_s = MARGIN_S;
	return (uint64_t)(timer->interval_s - margin_s) * TD_MS_PER_S;
}

static uint64_t again_after_ms(const struct session_timer *timer)
{
	uint64_t wait_ms = (uint64_t)timer->interval_s * TD_MS_PER_S / AGAIN_PART;

	return wait_ms > AGAIN_MIN_MS ? wait_ms : AGAIN_MIN_MS;
}

/* The deadline that the state it came to has. */
static void set_deadline(struct session_timer *timer, enum session_event event, uint64_t now_ms)
{
	bool is_new_life =
		event == SESSION_EVENT_AGREED_OURS || event == SESSION_EVENT_AGREED_PEERS;

	if (timer->state == SESSION_OFF) {
		timer->interval_s = 0;
		timer->deadline_ms = timer->expire_ms = TD_NEVER;
		return;
	}
	if (is_new_life)
		timer->expire_ms = td_after(now_ms, expire_after_ms(timer));
	if (timer->state == SESSION_OURS && is_new_life)
		timer->deadline_ms =
			td_after(now_ms, (uint64_t)timer->interval_s * TD_MS_PER_S / REFRESH_PART);
	else if (timer->state == SESSION_PEERS)
		timer->deadline_ms = timer->expire_ms;
	else if (timer->state == SESSION_REFRESHING)
		timer->deadline_ms = td_after(now_ms, REFRESH_GUARD_MS);
	else if (timer->state == SESSION_AGAIN)
		timer->deadline_ms = td_after(now_ms, again_after_ms(timer));
	if (timer->deadline_ms > timer->expire_ms)
		timer->deadline_ms = timer->expire_ms;
}

enum session_action session_timer_step(
	struct session_timer *timer, enum session_event event, uint64_t now_ms)
{
	const struct session_cell *cell = &session_table[timer->state][event];

	if (!cell->is_expected)
		return SESSION_ACTION_NONE;
	timer->state = cell->next;
	set_deadline(timer, event, now_ms);
	return (enum session_action)cell->action;
}

enum session_event session_timer_due(const struct session_timer *timer, uint64_t now_ms)
{
	return now_ms >= timer->expire_ms ? SESSION_EVENT_EXPIRED : SESSION_EVENT_DUE;
}

void session_timer_refused(struct session_timer *timer, uint64_t wait_ms, uint64_t now_ms)
{
	(void)session_timer_step(timer, SESSION_EVENT_REFUSED, now_ms); /* asks for nothing */
	if (timer->state != SESSION_AGAIN || wait_ms == 0)
		return;
	timer->deadline_ms = td_after(now_ms, wait_ms);
	if (timer->deadline_ms > timer->expire_ms)
		timer->deadline_ms = timer->expire_ms;
}

void session_timer_restore(struct session_timer *timer, uint64_t now_ms)
{
	uint64_t latest_ms = td_after(now_ms, SESSION_RESTART_MS);

	if (timer->state == SESSION_OFF)
		return;
	if (timer->expire_ms < latest_ms)
		timer->expire_ms = latest_ms;
	if (timer->state == SESSION_REFRESHING) {
		timer->state = SESSION_AGAIN;
		timer->deadline_ms = now_ms;
	} else if (timer->state == SESSION_PEERS) {
		timer->deadline_ms = timer->expire_ms;
	}
}

const char *session_state_name(unsigned state)
{
	static const char *const names[SESSION_STATE_COUNT] = {
#define SESSION_STATE_NAME(constant, name) #name,
		SESSION_STATES(SESSION_STATE_NAME)
#undef SESSION_STATE_NAME
	};

	return state < SESSION_STATE_COUNT ? names[state] : "?";
}
