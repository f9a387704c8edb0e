/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a frame of the event log: Kafka key, CloudEvents headers, JSON value. */
#include "events/json_writer.h"
#include "events/record_id.h"
#include "events/record_json.h"
#include "util/digits.h"

#include <string.h>

static const struct span cloud_event_types[EVENT_RECORD_KIND_COUNT] = {
#define TYPE(constant, member, topic, type) {type, sizeof(type) - 1},
	EVENT_RECORD_KINDS(TYPE)
#undef TYPE
};
static const struct span schema_names[EVENT_RECORD_KIND_COUNT] = {
#define SCHEMA(constant, member, topic, type) \
	{"urn:tandem:schema:" #member ":v1", sizeof("urn:tandem:schema:" #member ":v1") - 1},
	EVENT_RECORD_KINDS(SCHEMA)
#undef SCHEMA
};

#define SOURCE_PREFIX "/tandem/"

enum {
	SOURCE_BYTES = EVENT_NODE_BYTES + sizeof(SOURCE_PREFIX),
};

/* What its order matters within: records of one key stay in order. */
static uint64_t key_of(const struct event_record *record)
{
	switch ((enum event_record_kind)record->kind) {
	case EVENT_RECORD_CALL:
		return record->call.contact_id;
	case EVENT_RECORD_CDR:
		return record->cdr.contact_id;
	case EVENT_RECORD_CONTACT:
		return record->contact.contact_id;
	case EVENT_RECORD_REGISTRATION:
		return record->registration.registration_id;
	case EVENT_RECORD_KIND_COUNT:
		break;
	}
	return 0;
}

/* Texts that the headers of a frame point into. */
struct header_texts {
	char id[EVENT_ID_BYTES];
	char source[SOURCE_BYTES];
	char time[JSON_TIME_LENGTH];
	char epoch[DIGITS_DECIMAL_MAX];
	char seq[DIGITS_DECIMAL_MAX];
};

static struct span between(const char *from, const char *to)
{
	return (struct span){.text = from, .length = (uint32_t)(to - from)};
}

static void add_header(struct event_frame *frame, struct span name, struct span value)
{
	frame->headers[frame->header_count++] = (struct event_header){.name = name, .value = value};
}

/* CloudEvents 1.0 in Kafka's binary mode, and the identity that consumers check. */
static void add_headers(struct event_frame *frame, const struct event_record *record,
	const struct event_identity *identity, struct header_texts *texts)
{
	const char *source_end = stpcpy(stpcpy(texts->source, SOURCE_PREFIX), identity->node);
	const char *time_end = json_writer_time_format(texts->time, identity->wall_ns);
	const char *epoch_end = digits_decimal(texts->epoch, identity->epoch);
	const char *seq_end = digits_decimal(texts->seq, identity->seq);

	add_header(frame, SPAN("ce_specversion"), SPAN("1.0"));
	add_header(frame, SPAN("ce_id"), event_record_id_write(identity, record, texts->id));
	add_header(frame, SPAN("ce_source"), between(texts->source, source_end));
	add_header(frame, SPAN("ce_type"), cloud_event_types[record->kind]);
	add_header(frame, SPAN("ce_time"), between(texts->time, time_end));
	add_header(frame, SPAN("ce_subject"), frame->key);
	add_header(frame, SPAN("ce_partitionkey"), frame->key);
	add_header(frame, SPAN("ce_dataschema"), schema_names[record->kind]);
	add_header(frame, SPAN("content-type"), SPAN("application/json"));
	add_header(frame, SPAN("node"), span_from(identity->node));
	add_header(frame, SPAN("node_epoch"), between(texts->epoch, epoch_end));
	add_header(frame, SPAN("node_seq"), between(texts->seq, seq_end));
}

int event_record_to_frame(const struct event_record *record, const struct event_identity *identity,
	uint8_t *bytes, size_t size_bytes, size_t *ret_frame_bytes)
{
	char json[EVENT_JSON_MAX_BYTES];
	char key[EVENT_ID_TEXT_BYTES];
	struct header_texts texts;
	struct event_frame frame = {.epoch = identity->epoch,
		.kind = record->kind,
		.seq = identity->seq,
		.wall_ns = identity->wall_ns};
	size_t length;
	int error = event_record_to_json(record, identity, json, sizeof(json), &length);

	if (error != 0)
		return error;
	frame.key = between(
		key, event_id_write(key, identity->node, strlen(identity->node), key_of(record)));
	frame.value = (struct span){.text = json, .length = (uint32_t)length};
	add_headers(&frame, record, identity, &texts);
	return event_frame_encode(&frame, bytes, size_bytes, ret_frame_bytes);
}
