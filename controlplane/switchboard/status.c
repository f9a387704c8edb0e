/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the switchboard shows of itself: counters, gauges, the list of calls. Changes nothing.
 */
#include "switchboard/switchboard.h"
#include "switchboard/usage.h"

struct switchboard_counts switchboard_get_counts(const struct switchboard *switchboard)
{
	struct switchboard_counts counts = switchboard->counts;
	uint32_t cursor = 0;
	const struct line *line;

	counts.calls = slab_in_use(switchboard->lines);
	counts.ports_in_use = 2 * port_pool_pairs_in_use(switchboard->pool);
	counts.call_memory_bytes = (uint64_t)counts.calls * sizeof(struct line) +
				   heap_footprint_bytes(&switchboard->heap);
	if (switchboard->usages->subscriptions != NULL)
		counts.subscriptions = slab_in_use(switchboard->usages->subscriptions);
	counts.transactions = transaction_table_counts(switchboard->transactions);
	counts.defence = defence_get_counts(switchboard->defence);
	counts.registrar = registrar_get_counts(switchboard->registrar);
	while ((line = slab_next(switchboard->lines, &cursor)) != NULL) {
		for (const struct referral *at = line->call.referrals; at != NULL; at = at->next)
			counts.referrals++;
		for (unsigned i = 0; i < CALL_LEGS; i++) {
			const struct leg *leg = &line->call.legs[i];
			const struct call_media *media = &line->call.media[i];

			counts.legs += !leg_is_over(leg);
			counts.dialogs += !leg_is_over(leg) && leg->dialog.remote_tag.length != 0;
			counts.terminations += media->state == CALL_MEDIA_ADDING ||
					       media->state == CALL_MEDIA_PRESENT;
		}
	}
	return counts;
}

static const char *trunk_name(const struct switchboard *switchboard, const struct leg *leg)
{
	const struct config_trunk *trunk =
		leg->leg_id != 0 ? trunk_config(switchboard->trunks, leg->trunk) : NULL;

	return trunk != NULL ? trunk->name : "";
}

void switchboard_visit_calls(
	const struct switchboard *switchboard, switchboard_visit_fn *visit, void *context)
{
	uint32_t cursor = 0;
	const struct line *line;

	while ((line = slab_next(switchboard->lines, &cursor)) != NULL) {
		const struct call *call = &line->call;
		const struct switchboard_call shown = {
			.call_id = call->call_id,
			.contact_id = call->call_id,
			.state = call_state_name(call->state),
			.trunk_in = trunk_name(switchboard, &call->legs[CALL_CALLER]),
			.trunk_out = trunk_name(switchboard, &call->legs[CALL_CALLEE]),
			.caller = call->caller.user,
			.callee = call->callee.user,
			.codec = call->media[CALL_CALLEE].codec,
			.started_ms = call->created_ms,
			.answered_ms = call->legs[CALL_CALLER].answer_ms,
			.is_held = call->is_answered && call_is_on_hold(call),
			.is_recovered = call->is_recovered,
		};

		visit(context, &shown);
	}
}

struct visiting {
	const struct switchboard *switchboard;
	switchboard_binding_fn *visit;
	void *context;
};

static void show_binding(void *context, const struct registrar_binding *binding)
{
	const struct visiting *visiting = context;
	uint64_t left_ms = td_since(binding->timer.deadline_ms, visiting->switchboard->now.mono_ms);
	const struct switchboard_binding shown = {
		.binding = binding,
		.trunk = registrar_user_trunk(binding->user),
		.user = registrar_user_name(binding->user),
		.left_s = (uint32_t)(left_ms / TD_MS_PER_S),
		.failures = registrar_user_failures(binding->user),
	};

	visiting->visit(visiting->context, &shown);
}

void switchboard_visit_bindings(
	const struct switchboard *switchboard, switchboard_binding_fn *visit, void *context)
{
	struct visiting visiting = {switchboard, visit, context};

	registrar_visit(switchboard->registrar, show_binding, &visiting);
}

const struct trunk_table *switchboard_trunks(const struct switchboard *switchboard)
{
	return switchboard->trunks;
}
