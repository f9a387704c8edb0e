/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question to the trace names a call by any of its names; where a number fits several calls,
 * those are told instead.
 */
#include "app/observation.h"

#include "app/hep_sender.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "trace/hep.h"
#include "trace/trace.h"
#include "util/span.h"

#include <tandem/endpoint.h>
#include <tandem/time.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	TEXT_MAX_BYTES = 8 << 20, /* of one answer; the control socket's limit is above it */
	CALLS_MAX = 50,		  /* of one number, told at a time */
	CALL_ID_DIGITS = 16,
	BYTES_PER_MB = 1 << 20,
};

/* --- life ----------------------------------------------------------------------------------- */

static int build_export(struct wire *wire)
{
	const struct config_hep *hep = &wire->config->trace.hep;
	const struct hep_sender_config config = {
		.trace = wire->trace,
		.collector = &hep->endpoint,
		.capture_id = hep->capture_id,
		.password = hep->password,
	};
	int result;

	if (hep->collector[0] == '\0')
		return 0;
	result = hep_sender_create(&config, &wire->hep_sender);
	if (result == -ENOMEM)
		return wire_complain("hep", "cannot be created", result);
	if (result != 0) /* calls matter more */
		td_log(TD_LOG_WARN, "hep: %s: cannot be reached, nothing is exported (error=%s)",
			hep->collector, strerror(-result));
	return 0;
}

int observation_build(struct wire *wire)
{
	uint8_t seed[TRACE_SEED_BYTES];
	const struct trace_setup setup = {
		.memory_bytes = (size_t)wire->config->trace.memory_mb * BYTES_PER_MB, .seed = seed};
	int result;

	if (wire->config->trace.memory_mb == 0)
		return 0;
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return wire_complain("random", "the kernel gave no random bytes", -EIO);
	result = trace_create(&setup, &wire->trace);
	if (result != 0)
		return wire_complain("trace", "cannot be created", result);
	return build_export(wire);
}

void observation_take_down(struct wire *wire)
{
	hep_sender_destroy(wire->hep_sender);
	trace_destroy(wire->trace);
}

/* --- status --------------------------------------------------------------------------------- */

static void put_count(json_t *object, const char *key, uint64_t value)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *hep_status(const struct wire *wire)
{
	struct hep_sender_counters counters;
	json_t *object;

	if (wire->hep_sender == NULL)
		return json_null();
	counters = hep_sender_get_counters(wire->hep_sender);
	object = json_object();
#define PUT_COUNTER(name, help) put_count(object, #name, counters.name);
	HEP_SENDER_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	return object;
}

json_t *observation_status(const struct wire *wire)
{
	struct trace_counts counts;
	json_t *object;

	if (wire->trace == NULL)
		return json_null();
	counts = trace_get_counts(wire->trace);
	object = json_object();
#define PUT_COUNTER(name, help) put_count(object, #name, counts.name);
	TRACE_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	put_count(object, "reaches_back_s",
		counts.oldest_wall_ns == 0
			? 0
			: td_since(td_wall_ns(), counts.oldest_wall_ns) / TD_NS_PER_S);
	(void)json_object_set_new(object, "hep", hep_status(wire));
	return object;
}

/* --- the verb ------------------------------------------------------------------------------- */

struct telling {
	json_t *array; /* borrows */
	size_t text_bytes;
	uint64_t call_id; /* of the last message or call */
	bool is_cut;
};

/* Bytes as a JSON text: what isn't UTF-8 goes as '?'. */
static json_t *text_json(struct span bytes)
{
	json_t *text = json_stringn(bytes.length != 0 ? bytes.text : "", bytes.length);
	char *copy;

	if (text != NULL || bytes.length == 0)
		return text;
	copy = malloc(bytes.length);
	if (copy == NULL)
		return NULL;
	for (uint32_t i = 0; i < bytes.length; i++)
		copy[i] = (char)((bytes.text[i] & 0x80) != 0 ? '?' : bytes.text[i]);
	text = json_stringn(copy, bytes.length);
	free(copy);
	return text;
}

static void tell_message(void *context, const struct trace_entry *entry)
{
	static const char *const directions[] = {"in", "out", "event"};
	struct telling *telling = context;
	char local[TD_ENDPOINT_TEXT_BYTES];
	char remote[TD_ENDPOINT_TEXT_BYTES];
	json_t *object;

	telling->text_bytes += entry->bytes.length;
	telling->is_cut = telling->is_cut || telling->text_bytes > TEXT_MAX_BYTES;
	if (telling->is_cut)
		return;
	if (entry->call_id != 0)
		telling->call_id = entry->call_id;
	object = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "time_us",
		(json_int_t)(entry->wall_ns / TD_NS_PER_US), "direction",
		directions[entry->direction], "transport",
		sip_transport_name(entry->flow->transport), "local",
		td_endpoint_format(&entry->flow->local, local), "remote",
		td_endpoint_format(&entry->flow->remote, remote), "note",
		trace_note_name(entry->note));
	if (entry->reason != NULL)
		(void)json_object_set_new(object, "reason", json_string(entry->reason));
	(void)json_object_set_new(object, "text", text_json(entry->bytes));
	(void)json_array_append_new(telling->array, object);
}

static void put_call_id(json_t *object, uint64_t call_id)
{
	char text[HEP_CORRELATION_BYTES];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, call_id);
	(void)json_object_set_new(object, "call_id", json_string(text));
}

static void tell_call(void *context, const struct trace_call *call)
{
	struct telling *telling = context;
	json_t *object =
		json_pack("{s:I,s:s,s:s}", "time_us", (json_int_t)(call->wall_ns / TD_NS_PER_US),
			"caller", call->caller, "callee", call->callee);

	telling->call_id = call->call_id;
	put_call_id(object, call->call_id);
	(void)json_array_append_new(telling->array, object);
}

/* The number in "NODE-0123456789abcdef", or in its digits alone; 0: it is no call id. */
static uint64_t read_call_id(const char *text)
{
	size_t length = strlen(text);
	const char *digits = length >= CALL_ID_DIGITS ? text + length - CALL_ID_DIGITS : text;
	char *end = NULL;
	uint64_t call_id = strtoull(digits, &end, 16);

	if (length < CALL_ID_DIGITS || end != text + length || digits[0] == '-' ||
		(digits != text && digits[-1] != '-'))
		return 0;
	return call_id;
}

/* Finds the call's messages, or those of a SIP Call-ID that belongs to none. Returns how many. */
static uint32_t tell_messages(const struct trace *trace, const char *id, struct telling *telling)
{
	uint64_t call_id = read_call_id(id);
	uint32_t count = 0;

	if (call_id != 0)
		count = trace_visit_call(trace, call_id, tell_message, telling);
	if (count != 0)
		return count;
	call_id = trace_find_call(trace, span_from(id));
	if (call_id != 0)
		return trace_visit_call(trace, call_id, tell_message, telling);
	return trace_visit_sip_call(trace, span_from(id), tell_message, telling);
}

/* Finds calls by number; if it is one, its messages. */
static void tell_number(
	const struct trace *trace, const char *id, struct telling *calls, struct telling *messages)
{
	if (trace_visit_number(trace, span_from(id), CALLS_MAX, tell_call, calls) == 1)
		(void)trace_visit_call(trace, calls->call_id, tell_message, messages);
}

static int refuse(const char *why, int error, json_t **ret_result)
{
	*ret_result = json_string(why);
	return error;
}

int observation_trace_verb(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	const char *id = json_string_value(json_object_get(request, "id"));
	struct telling messages = {.array = json_array()};
	struct telling calls = {.array = json_array()};
	json_t *result = json_object();

	if (wire->trace == NULL || id == NULL || id[0] == '\0') {
		json_decref(messages.array);
		json_decref(calls.array);
		json_decref(result);
		return wire->trace == NULL
			       ? refuse("no trace is kept: trace.memory_mb is 0", -ENOENT,
					 ret_result)
			       : refuse("which call? \"id\" is missing", -EINVAL, ret_result);
	}
	if (tell_messages(wire->trace, id, &messages) == 0)
		tell_number(wire->trace, id, &calls, &messages);
	if (messages.call_id != 0)
		put_call_id(result, messages.call_id);
	(void)json_object_set_new(result, "messages", messages.array);
	(void)json_object_set_new(result, "calls", calls.array);
	(void)json_object_set_new(result, "is_cut", json_boolean(messages.is_cut));
	if (result == NULL)
		return -ENOMEM;
	*ret_result = result;
	return 0;
}
