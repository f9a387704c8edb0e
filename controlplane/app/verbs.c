/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tandemctl can ask of a running control plane. Each verb fills one JSON object from what
 * the parts say of themselves; none decides anything.
 */
#include "api/control_socket.h"
#include "app/gauges.h"
#include "app/names.h"
#include "app/observation.h"
#include "app/transports.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "defence/input.h"
#include "events/kafka.h"
#include "events/log.h"
#include "events/sink.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "media/client.h"
#include "switchboard/switchboard.h"
#include "trunk/trunk.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
	VERB_ID_BYTES = 17,
	VERB_CALLS_MAX = 10000
};

/* jansson keeps no error state: a NULL object makes every later call fail harmlessly, and the
 * verb answers -ENOMEM at its end. */
static void put_count(json_t *object, const char *key, uint64_t value)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_text(json_t *object, const char *key, const char *text)
{
	(void)json_object_set_new(object, key, json_string(text));
}

static void put_object(json_t *object, const char *key, json_t *child)
{
	(void)json_object_set_new(object, key, child);
}

static int answer_with(json_t *result, json_t **ret_result)
{
	if (result == NULL)
		return -ENOMEM;
	*ret_result = result;
	return 0;
}

static const char *ledger_state_name(enum ledger_state state)
{
	static const char *const names[LEDGER_STATE_COUNT] = {
		"away", "greeting", "comparing", "ready"};

	return state < LEDGER_STATE_COUNT ? names[state] : "?";
}

/* --- status --------------------------------------------------------------------------------- */

static json_t *switchboard_json(const struct switchboard_counts *counts)
{
	json_t *object = json_object();

#define PUT_COUNTER(name, help) put_count(object, #name, counts->name);
	SWITCHBOARD_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	return object;
}

static json_t *defence_json(const struct wire *wire, const struct defence_counts *counts)
{
	json_t *object = json_object();

#define PUT_COUNTER(name, help) put_count(object, #name, counts->name);
	DEFENCE_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	put_count(object, "shedding_permille", counts->shedding_permille);
	put_count(object, "waiting", input_count(wire->input));
	put_count(object, "waiting_dropped", wire->intake_dropped);
	return object;
}

static json_t *transactions_json(const struct transaction_counts *counts)
{
	json_t *object = json_object();

	put_count(object, "clients", counts->clients);
	put_count(object, "servers", counts->servers);
	put_count(object, "retransmissions_sent", counts->retransmissions_sent);
	put_count(object, "retransmissions_absorbed", counts->retransmissions_absorbed);
	put_count(object, "timeouts", counts->timeouts);
	put_count(object, "fallbacks", counts->fallbacks);
	put_count(object, "refused_full", counts->refused_full);
	put_count(object, "stray_responses", counts->stray_responses);
	put_count(object, "memory_bytes", counts->memory_bytes);
	return object;
}

static json_t *loop_json(const struct wire *wire)
{
	const struct loop_metrics *metrics = loop_get_metrics(wire->loop);
	json_t *object = json_object();

#define PUT_METRIC(name, help) \
	put_count(object, #name, atomic_load_explicit(&metrics->name, memory_order_relaxed));
	LOOP_METRICS(PUT_METRIC)
#undef PUT_METRIC
	return object;
}

static json_t *journal_json(const struct wire *wire, const struct journal_stats *stats)
{
	json_t *object = json_object();

	put_count(object, "calls", stats->records[JOURNAL_CALL]);
	put_count(object, "events", stats->records[JOURNAL_EVENT]);
	put_count(object, "bindings", stats->records[JOURNAL_BINDINGS]);
	put_count(object, "registrations", stats->records[JOURNAL_REGISTRATION]);
	put_count(object, "file_bytes", stats->file_bytes);
	put_count(object, "live_bytes", stats->live_bytes);
	put_count(object, "written_bytes", stats->written_bytes);
	put_count(object, "commits", stats->commits);
	put_count(object, "commit_failures", stats->commit_failures);
	put_count(object, "compactions", stats->compactions);
	put_count(object, "turns_failed", wire->journal_failed);
	return object;
}

static json_t *events_json(const struct wire *wire)
{
	struct event_log_stats log = event_log_stats(wire->event_log);
	struct event_sink_stats sink = event_sink_stats(wire->event_sink);
	json_t *object = json_object();

	put_text(object, "directory", wire->config->events.directory);
	put_count(object, "node_epoch", log.node_epoch);
	put_count(object, "accepted_seq", log.accepted_seq);
	put_count(object, "durable_seq", log.durable_seq);
	put_count(object, "delivered_seq", log.delivered_seq);
	put_count(object, "log_bytes", log.log_bytes);
	put_count(object, "write_failures", log.write_failures);
	put_count(object, "sync_max_us", log.sync_max_us);
	put_count(object, "emitted", sink.emitted);
	put_count(object, "recovered", sink.recovered);
	put_count(object, "refused", sink.refused);
	put_count(object, "pending", sink.pending);
	return object;
}

static json_t *kafka_json(const struct wire *wire)
{
	struct kafka_stats stats;
	json_t *object;

	if (wire->kafka == NULL)
		return json_null();
	stats = kafka_producer_stats(wire->kafka);
	object = json_object();
	put_object(object, "connected", json_boolean(stats.is_connected));
	put_count(object, "produced", stats.produced);
	put_count(object, "delivered", stats.delivered);
	put_count(object, "failed", stats.failed);
	put_count(object, "dead_letters", stats.dead_letters);
	put_count(object, "recreated", stats.recreated);
	put_count(object, "in_flight", stats.in_flight);
	put_count(object, "backlog", stats.backlog);
	put_text(object, "last_error", stats.last_error);
	return object;
}

static json_t *dataplane_json(const struct wire *wire, const struct dataplane_gauges *gauges)
{
	const struct ledger *ledger = media_client_ledger(wire->media);
	const struct td_capabilities *capabilities = ledger_capabilities(ledger);
	struct ledger_counts counts = ledger_counts(ledger);
	json_t *object = json_object();

	put_text(object, "state", ledger_state_name(ledger_state(ledger)));
	put_count(object, "workers", capabilities->worker_count);
	put_count(object, "termination_capacity", capabilities->termination_capacity);
	put_count(object, "terminations", gauges->terminations_in_use);
	put_count(object, "contexts", gauges->contexts_in_use);
	put_count(object, "ports_resting", gauges->ports_resting);
	put_count(object, "fds", gauges->descriptors_open);
	put_count(object, "heartbeat_age_ms", gauges->heartbeat_age_ms);
	put_count(object, "rtp_relayed", gauges->rtp_relayed);
	put_count(object, "dropped", gauges->dropped);
	put_count(object, "commands_sent", counts.commands_sent);
	put_count(object, "commands_repeated", counts.commands_repeated);
	put_count(object, "commands_outstanding", counts.outstanding);
	put_count(object, "replies_refused", counts.replies_refused);
	put_count(object, "orphans_subtracted", counts.orphans_subtracted);
	return object;
}

static int verb_status(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	struct switchboard_counts counts = switchboard_get_counts(wire->switchboard);
	struct journal_stats journal = journal_stats(wire->journal);
	struct dataplane_gauges gauges = {0};
	json_t *object = json_object();

	(void)request;
	/* A dataplane that never ran has no counters file: zeros, and "state" says away. */
	(void)!gauges_read_dataplane(wire->config->run_dir, &gauges);
	put_text(object, "node", wire->config->node);
	put_count(object, "uptime_s",
		td_since(loop_now_ms(wire->loop), wire->started_ms) / TD_MS_PER_S);
	put_count(object, "calls", counts.calls);
	put_count(object, "legs", counts.legs);
	put_count(object, "dialogs", counts.dialogs);
	put_count(object, "transfers", counts.referrals);
	put_count(object, "subscriptions", counts.subscriptions);
	put_count(
		object, "transactions", counts.transactions.clients + counts.transactions.servers);
	put_count(object, "terminations", gauges.terminations_in_use);
	put_count(object, "terminations_wanted", counts.terminations);
	put_count(object, "ports_in_use", counts.ports_in_use);
	put_count(object, "call_memory_bytes", counts.call_memory_bytes);
	put_count(object, "mbufs_in_use", gauges.mbufs_in_use);
	put_count(object, "journal_records",
		journal.records[JOURNAL_CALL] + journal.records[JOURNAL_EVENT]);
	put_count(object, "fds", gauges_open_descriptors());
	put_object(object, "dataplane", dataplane_json(wire, &gauges));
	put_object(object, "signalling", switchboard_json(&counts));
	put_object(object, "defence", defence_json(wire, &counts.defence));
	put_object(object, "registrar", wire_registrar_json(&counts.registrar));
	put_object(object, "transaction_counts", transactions_json(&counts.transactions));
	put_object(object, "dns", names_status_json(wire));
	put_object(object, "transport", transports_json(wire));
	put_object(object, "loop", loop_json(wire));
	put_object(object, "journal", journal_json(wire, &journal));
	put_object(object, "events", events_json(wire));
	put_object(object, "kafka", kafka_json(wire));
	put_object(object, "trace", observation_status(wire));
	return answer_with(object, ret_result);
}

/* --- calls, trunks -------------------------------------------------------------------------- */

struct calls_list {
	json_t *array;
	uint64_t now_ms;
};

static void put_id(json_t *object, const char *key, uint64_t id)
{
	char text[VERB_ID_BYTES];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, id);
	put_text(object, key, text);
}

static void call_json(void *context, const struct switchboard_call *call)
{
	struct calls_list *list = context;
	json_t *object;

	if (json_array_size(list->array) >= VERB_CALLS_MAX)
		return;
	object = json_object();
	put_id(object, "call_id", call->call_id);
	put_id(object, "contact_id", call->contact_id);
	put_text(object, "state", call->state);
	put_text(object, "trunk_in", call->trunk_in);
	put_text(object, "trunk_out", call->trunk_out);
	put_text(object, "caller", call->caller);
	put_text(object, "callee", call->callee);
	put_text(object, "codec", call->codec);
	put_count(object, "age_s", td_since(list->now_ms, call->started_ms) / TD_MS_PER_S);
	put_count(object, "talk_s",
		call->answered_ms == 0 ? 0
				       : td_since(list->now_ms, call->answered_ms) / TD_MS_PER_S);
	put_object(object, "held", json_boolean(call->is_held));
	put_object(object, "recovered", json_boolean(call->is_recovered));
	(void)json_array_append_new(list->array, object);
}

static int verb_calls(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	struct calls_list list = {json_array(), loop_now_ms(wire->loop)};
	json_t *object = json_object();

	(void)request;
	switchboard_visit_calls(wire->switchboard, call_json, &list);
	put_object(object, "calls", list.array);
	put_count(object, "total", switchboard_get_counts(wire->switchboard).calls);
	return answer_with(object, ret_result);
}

static json_t *targets_json(const struct wire *wire, trunk_id id)
{
	const uint64_t now_ms = loop_now_ms(wire->loop);
	struct trunk_target_status status;
	json_t *array = json_array();
	uint32_t cursor = 0;

	while (trunk_next_target(switchboard_trunks(wire->switchboard), id, &cursor, &status)) {
		const struct resolver_target *target = &status.target;
		char endpoint[TD_ENDPOINT_TEXT_BYTES];
		json_t *object = json_object();

		put_text(object, "address", td_endpoint_format(&target->endpoint, endpoint));
		put_text(object, "transport",
			sip_transport_name((enum sip_transport)target->transport));
		put_text(object, "state", trunk_state_name(status.state));
		put_count(object, "rank", target->rank);
		put_count(object, "weight", target->weight);
		put_count(object, "state_for_s",
			td_since(now_ms, status.state_since_ms) / TD_MS_PER_S);
		put_count(object, "avoided_for_s",
			td_since(status.avoided_until_ms, now_ms) / TD_MS_PER_S);
		put_count(object, "options_sent", status.options_sent);
		put_count(object, "options_failed", status.options_failed);
		(void)json_array_append_new(array, object);
	}
	return array;
}

static json_t *trunk_json(const struct wire *wire, trunk_id id)
{
	const struct trunk_table *trunks = switchboard_trunks(wire->switchboard);
	const struct config_trunk *config = trunk_config(trunks, id);
	struct trunk_status status;
	json_t *object;
	json_t *name;

	if (config == NULL || trunk_get_status(trunks, id, &status) != 0)
		return NULL;
	object = json_object();
	put_text(object, "name", config->name);
	put_text(object, "state", trunk_state_name(status.state));
	put_text(object, "target", config->target.uri);
	put_count(object, "calls", status.calls);
	put_count(object, "max_calls", status.max_calls);
	put_count(object, "calls_total", status.calls_total);
	put_count(object, "calls_refused_full", status.calls_refused_full);
	put_count(object, "options_sent", status.options_sent);
	put_count(object, "options_failed", status.options_failed);
	put_count(object, "state_for_s",
		td_since(loop_now_ms(wire->loop), status.state_since_ms) / TD_MS_PER_S);
	put_object(object, "registration", wire_registration_json(wire, id));
	put_object(object, "retired", json_boolean(trunk_is_retired(trunks, id)));
	put_object(object, "targets", targets_json(wire, id));
	name = names_trunk_json(wire, id);
	put_object(object, "lookup",
		name != NULL ? json_incref(json_object_get(name, "state")) : json_null());
	put_object(object, "reason",
		name != NULL ? json_incref(json_object_get(name, "reason")) : json_null());
	put_object(object, "name_lookup", name != NULL ? name : json_null());
	return object;
}

static int verb_trunks(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	const uint32_t size = trunk_table_size(switchboard_trunks(wire->switchboard));
	json_t *object = json_object();
	json_t *array = json_array();

	(void)request;
	for (trunk_id id = 0; id < size; id++) {
		json_t *trunk = trunk_json(wire, id);

		if (trunk != NULL)
			(void)json_array_append_new(array, trunk);
	}
	put_object(object, "trunks", array);
	return answer_with(object, ret_result);
}

/* --- reload, drain -------------------------------------------------------------------------- */

static int verb_reload(void *context, const json_t *request, json_t **ret_result)
{
	struct wire *wire = context;
	json_t *object = json_object();

	(void)request;
	put_text(object, "file", wire->config_path);
	if (wire_reload(wire, object) != 0)
		put_object(object, "refused", json_true());
	return answer_with(object, ret_result);
}

static int verb_drain(void *context, const json_t *request, json_t **ret_result)
{
	struct wire *wire = context;
	bool is_on = !json_is_false(json_object_get(request, "on"));
	json_t *object = json_object();

	switchboard_set_gate(wire->switchboard, SWITCHBOARD_GATE_DRAINING, is_on);
	td_log(TD_LOG_INFO, "wire: %s: %s by the operator", wire->config->node,
		is_on ? "draining, new calls get 503" : "draining ended");
	put_object(object, "draining", json_boolean(is_on));
	put_count(object, "calls", switchboard_get_counts(wire->switchboard).calls);
	return answer_with(object, ret_result);
}

static int verb_events(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;

	(void)request;
	return answer_with(events_json(wire), ret_result);
}

static int verb_dataplane(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	struct dataplane_gauges gauges = {0};
	json_t *object;

	(void)request;
	(void)!gauges_read_dataplane(wire->config->run_dir, &gauges);
	object = dataplane_json(wire, &gauges);
	put_text(object, "run_dir", wire->config->run_dir);
	return answer_with(object, ret_result);
}

const struct control_verb *wire_verbs(size_t *ret_count)
{
	static const struct control_verb verbs[] = {
		{"status", verb_status},
		{"calls", verb_calls},
		{"trunks", verb_trunks},
		{"registrations", wire_verb_registrations},
		{"dataplane", verb_dataplane},
		{"events", verb_events},
		{"trace", observation_trace_verb},
		{"reload", verb_reload},
		{"drain", verb_drain},
		{"bans", wire_verb_bans},
		{"ban", wire_verb_ban},
		{"unban", wire_verb_unban},
		{"refer", wire_verb_refer},
		{"transfer", wire_verb_transfer},
	};

	*ret_count = TD_COUNT_OF(verbs);
	return verbs;
}
