/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See record_json.h. Ids are "<node>-<16 hex digits>": unique among appliances. The order of
 * fields is that of the schemas in docs/events/schema.
 */
#include "events/record_json.h"

#include "events/json_writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_OF(constant, name) #name,
static const char *const call_event_names[] = {
#define CALL_EVENT_NAME(constant, name, help) #name,
	CALL_EVENT_KINDS(CALL_EVENT_NAME)
#undef CALL_EVENT_NAME
};
static const char *const direction_names[] = {LEG_DIRECTIONS(NAME_OF)};
static const char *const release_names[] = {RELEASE_PARTIES(NAME_OF)};
static const char *const detail_names[] = {RELEASE_DETAILS(NAME_OF)};
static const char *const disposition_names[] = {CALL_DISPOSITIONS(NAME_OF)};
static const char *const ner_names[] = {NER_CLASSES(NAME_OF)};
static const char *const transport_names[] = {SIP_TRANSPORTS(NAME_OF)};
static const char *const verstat_names[] = {CALLER_VERSTATS(NAME_OF)};
static const char *const role_names[] = {LEG_ROLES(NAME_OF)};
static const char *const registration_event_names[] = {
#define REGISTRATION_EVENT_NAME(constant, name, help) #name,
	REGISTRATION_EVENT_KINDS(REGISTRATION_EVENT_NAME)
#undef REGISTRATION_EVENT_NAME
};
static const char *const reason_names[] = {REGISTRATION_REASONS(NAME_OF)};
#undef NAME_OF

static const char *const cloud_event_types[EVENT_RECORD_KIND_COUNT] = {
#define TYPE(constant, member, topic, type) type,
	EVENT_RECORD_KINDS(TYPE)
#undef TYPE
};

enum {
	ID_TEXT_BYTES = EVENT_NODE_BYTES + 20,
	NUMBER_TEXT_BYTES = 24,
	SOURCE_BYTES = EVENT_NODE_BYTES + 16,
	SCHEMA_BYTES = 64,
};

/* A record being written. */
struct encoder {
	struct json_writer json;
	const struct event_identity *identity;
	bool is_bad; /* an enumeration was out of range */
};

static char *format_id(const char *node, uint64_t number, char id[ID_TEXT_BYTES])
{
	(void)snprintf(id, ID_TEXT_BYTES, "%s-%016llx", node, (unsigned long long)number);
	return id;
}

/* An id of ours; 0 becomes null. */
static void put_id(struct encoder *encoder, const char *name, uint64_t number)
{
	char id[ID_TEXT_BYTES];

	json_writer_string(&encoder->json, name,
		number == 0 ? "" : format_id(encoder->identity->node, number, id));
}

/* The name of an enumeration's value; the value 0 of those that have "none" becomes null. */
static void put_enum(struct encoder *encoder, const char *name, const char *const *names,
	unsigned count, unsigned value)
{
	if (value >= count) {
		encoder->is_bad = true;
		value = 0;
	}
	json_writer_string(
		&encoder->json, name, strcmp(names[value], "none") == 0 ? "" : names[value]);
}
#define PUT_ENUM(encoder, name, names, value) \
	put_enum(encoder, name, names, TD_COUNT_OF(names), value)

static void put_number_or_null(
	struct encoder *encoder, const char *name, bool is_known, uint64_t value)
{
	if (is_known)
		json_writer_number(&encoder->json, name, value);
	else
		json_writer_null(&encoder->json, name);
}

static void put_endpoint(
	struct encoder *encoder, const char *name, const struct td_endpoint *endpoint)
{
	char buffer[TD_ENDPOINT_TEXT_BYTES];

	json_writer_string(&encoder->json, name,
		endpoint->ip.family == TD_FAMILY_NONE ? "" : td_endpoint_format(endpoint, buffer));
}

static void put_identity(struct encoder *encoder, const struct event_record *record)
{
	char id[EVENT_ID_BYTES];

	json_writer_number(&encoder->json, "schema_version", EVENT_SCHEMA_VERSION);
	json_writer_string(
		&encoder->json, "event_id", event_record_id(encoder->identity->node, record, id));
	json_writer_string(&encoder->json, "node", encoder->identity->node);
	json_writer_number(&encoder->json, "node_epoch", encoder->identity->epoch);
	json_writer_number(&encoder->json, "node_seq", encoder->identity->seq);
}

static void put_release(struct encoder *encoder, const struct event_release *release)
{
	struct json_writer *json = &encoder->json;

	put_number_or_null(
		encoder, "final_sip_code", release->sip_status != 0, release->sip_status);
	json_writer_string(json, "sip_reason", release->reason);
	put_number_or_null(encoder, "q850", release->q850 != 0, release->q850);
	PUT_ENUM(encoder, "release_by", release_names, release->by);
	PUT_ENUM(encoder, "release_detail", detail_names, release->detail);
	PUT_ENUM(encoder, "disposition", disposition_names, release->disposition);
	PUT_ENUM(encoder, "ner_class", ner_names, release->ner_class);
}

static void put_call(struct encoder *encoder, const struct call_event *call)
{
	struct json_writer *json = &encoder->json;

	PUT_ENUM(encoder, "event", call_event_names, call->kind);
	json_writer_time(json, "time", call->wall_ns);
	put_id(encoder, "contact_id", call->contact_id);
	put_id(encoder, "call_id", call->call_id);
	put_id(encoder, "leg_id", call->leg_id);
	json_writer_number(json, "ordinal", call->ordinal);
	json_writer_number(json, "since_created_ms", call->since_created_ms);
	PUT_ENUM(encoder, "direction", direction_names, call->direction);
	json_writer_string(json, "trunk", call->trunk);
	json_writer_string(json, "caller", call->caller);
	json_writer_string(json, "callee", call->callee);
	json_writer_string(json, "sip_call_id", call->sip_call_id);
	json_writer_string(json, "codec", call->codec);
	put_release(encoder, &call->release);
}

static void put_party(struct encoder *encoder, const char *name, const struct event_party *party)
{
	struct json_writer *json = &encoder->json;
	const char attestation[] = {party->attestation, '\0'};

	json_writer_open(json, name);
	json_writer_string(json, "user", party->user);
	json_writer_string(json, "display", party->display);
	json_writer_string(json, "p_asserted", party->p_asserted);
	json_writer_bool(json, "private", party->is_private);
	json_writer_string(json, "attestation", attestation);
	PUT_ENUM(encoder, "verstat", verstat_names, party->verstat);
	json_writer_close(json);
}

static void put_times(struct encoder *encoder, const struct leg_cdr *cdr)
{
	struct json_writer *json = &encoder->json;
	const struct leg_times *times = &cdr->times;

	json_writer_time(json, "t_invite", times->invite_wall_ns);
	json_writer_time(json, "t_100", times->t100_wall_ns);
	json_writer_time(json, "t_first_18x", times->first_18x_wall_ns);
	json_writer_time(json, "t_183_media", times->early_media_wall_ns);
	json_writer_time(json, "t_180", times->t180_wall_ns);
	json_writer_time(json, "t_answer", times->answer_wall_ns);
	json_writer_time(json, "t_ack", times->ack_wall_ns);
	json_writer_time(json, "t_first_rtp_rx", cdr->media.first_rx_wall_ns);
	json_writer_time(json, "t_first_rtp_tx", cdr->media.first_tx_wall_ns);
	json_writer_time(json, "t_bridge", times->bridge_wall_ns);
	json_writer_time(json, "t_end", times->end_wall_ns);
	put_number_or_null(encoder, "pdd_ms",
		times->first_18x_wall_ns != 0 || times->answer_wall_ns != 0, cdr->pdd_ms);
	put_number_or_null(encoder, "setup_ms", times->answer_wall_ns != 0, cdr->setup_ms);
	put_number_or_null(encoder, "ring_ms", times->first_18x_wall_ns != 0, cdr->ring_ms);
	json_writer_number(json, "talk_ms", cdr->talk_ms);
	json_writer_number(json, "hold_ms", cdr->hold_ms);
	json_writer_number(json, "bill_ms", cdr->bill_ms);
}

/* Microseconds as milliseconds with three decimals. */
static void put_us_as_ms(struct encoder *encoder, const char *name, uint32_t value_us)
{
	json_writer_decimal(&encoder->json, name, value_us, 3);
}

static void put_score(struct encoder *encoder, const char *name, unsigned value, unsigned decimals)
{
	if (value == 0)
		json_writer_null(&encoder->json, name);
	else
		json_writer_decimal(&encoder->json, name, value, decimals);
}

static void put_media_rx(struct encoder *encoder, const struct td_termination_stats *media)
{
	struct json_writer *json = &encoder->json;

	json_writer_open(json, "rx");
	json_writer_number(json, "packets", media->rx_packets);
	json_writer_number(json, "bytes", media->rx_bytes);
	json_writer_number(json, "lost", media->lost_packets);
	json_writer_number(json, "reordered", media->reordered_packets);
	json_writer_number(json, "duplicate", media->duplicate_packets);
	json_writer_number(json, "refused", media->rx_refused);
	json_writer_number(json, "source_switches", media->source_switches);
	put_us_as_ms(encoder, "jitter_ms", media->jitter_us);
	put_us_as_ms(encoder, "jitter_max_ms", media->jitter_max_us);
	put_score(encoder, "mos_lq", media->mos_x100, 2);
	put_score(encoder, "mos_lq_min", media->mos_min_x100, 2);
	put_score(encoder, "r_factor", media->r_factor_x10, 1);
	json_writer_number(json, "ssrc", media->rx_ssrc);
	json_writer_time(json, "t_last", media->last_rx_wall_ns);
	json_writer_close(json);
}

static void put_media(struct encoder *encoder, const struct leg_cdr *cdr)
{
	struct json_writer *json = &encoder->json;
	const struct td_termination_stats *media = &cdr->media;

	json_writer_bool(json, "media_stats_missing", cdr->is_media_stats_missing);
	if (cdr->is_media_stats_missing) {
		json_writer_null(json, "media");
		return;
	}
	json_writer_open(json, "media");
	json_writer_string(json, "mos_model", media->mos_x100 == 0 ? "" : "G.107");
	put_media_rx(encoder, media);
	json_writer_open(json, "tx");
	json_writer_number(json, "packets", media->tx_packets);
	json_writer_number(json, "bytes", media->tx_bytes);
	json_writer_number(json, "remote_lost", media->remote_lost_packets);
	json_writer_decimal(json, "remote_fraction_lost_pct", media->remote_fraction_lost_ppm, 4);
	put_us_as_ms(encoder, "remote_jitter_ms", media->remote_jitter_us);
	json_writer_number(json, "ssrc", media->tx_ssrc);
	json_writer_close(json);
	if (media->rtt_us == 0)
		json_writer_null(json, "rtt_ms");
	else
		put_us_as_ms(encoder, "rtt_ms", media->rtt_us);
	json_writer_number(json, "rtcp_rx", media->rtcp_rx_packets);
	json_writer_number(json, "rtcp_tx", media->rtcp_tx_packets);
	put_endpoint(encoder, "latched_addr", &media->latched);
	json_writer_close(json);
}

static void put_cdr(struct encoder *encoder, const struct leg_cdr *cdr)
{
	struct json_writer *json = &encoder->json;

	put_id(encoder, "contact_id", cdr->contact_id);
	put_id(encoder, "call_id", cdr->call_id);
	put_id(encoder, "leg_id", cdr->leg_id);
	put_id(encoder, "parent_leg_id", cdr->parent_leg_id);
	put_id(encoder, "related_leg_id", cdr->related_leg_id);
	json_writer_number(json, "leg_seq", cdr->leg_seq);
	json_writer_number(json, "attempt_no", cdr->attempt_no);
	json_writer_number(json, "partial_no", cdr->partial_no);
	json_writer_bool(json, "recovered", cdr->is_recovered);
	PUT_ENUM(encoder, "direction", direction_names, cdr->direction);
	PUT_ENUM(encoder, "leg_role", role_names, cdr->role);
	json_writer_string(json, "trunk", cdr->trunk);
	json_writer_string(json, "route", cdr->route);
	json_writer_string(json, "sip_call_id", cdr->sip_call_id);
	json_writer_string(json, "sip_local_tag", cdr->sip_local_tag);
	json_writer_string(json, "sip_remote_tag", cdr->sip_remote_tag);
	put_endpoint(encoder, "local_addr", &cdr->local);
	put_endpoint(encoder, "remote_addr", &cdr->remote);
	PUT_ENUM(encoder, "transport", transport_names, cdr->transport);
	json_writer_string(json, "user_agent", cdr->user_agent);
	put_party(encoder, "caller", &cdr->caller);
	put_party(encoder, "callee", &cdr->callee);
	put_times(encoder, cdr);
	put_release(encoder, &cdr->release);
	json_writer_string(json, "codec", cdr->codec);
	put_number_or_null(encoder, "ptime_ms", cdr->ptime_ms != 0, cdr->ptime_ms);
	put_endpoint(encoder, "media_local_addr", &cdr->media_local);
	put_endpoint(encoder, "media_remote_addr", &cdr->media_remote);
	put_media(encoder, cdr);
}

static void put_contact(struct encoder *encoder, const struct contact_record *contact)
{
	struct json_writer *json = &encoder->json;
	char id[ID_TEXT_BYTES];

	put_id(encoder, "contact_id", contact->contact_id);
	put_id(encoder, "call_id", contact->call_id);
	json_writer_open_array(json, "leg_ids");
	for (uint32_t i = 0; i < contact->leg_count && i < EVENT_CALL_LEGS_MAX; i++)
		json_writer_string(
			json, NULL, format_id(encoder->identity->node, contact->leg_ids[i], id));
	json_writer_close_array(json);
	json_writer_number(json, "leg_count", contact->leg_count);
	json_writer_bool(json, "recovered", contact->is_recovered);
	PUT_ENUM(encoder, "direction", direction_names, contact->direction);
	json_writer_string(json, "trunk_in", contact->trunk_in);
	json_writer_string(json, "trunk_out", contact->trunk_out);
	json_writer_string(json, "route", contact->route);
	json_writer_string(json, "caller", contact->caller);
	json_writer_string(json, "callee", contact->callee);
	json_writer_time(json, "t_start", contact->start_wall_ns);
	json_writer_time(json, "t_answer", contact->answer_wall_ns);
	json_writer_time(json, "t_end", contact->end_wall_ns);
	json_writer_number(json, "duration_ms", contact->duration_ms);
	json_writer_number(json, "talk_ms", contact->talk_ms);
	json_writer_number(json, "hold_ms", contact->hold_ms);
	put_release(encoder, &contact->release);
}

static void put_registration(struct encoder *encoder, const struct registration_event *event)
{
	struct json_writer *json = &encoder->json;

	PUT_ENUM(encoder, "event", registration_event_names, event->kind);
	json_writer_time(json, "time", event->wall_ns);
	put_id(encoder, "registration_id", event->registration_id);
	json_writer_number(json, "ordinal", event->ordinal);
	PUT_ENUM(encoder, "direction", direction_names, event->direction);
	json_writer_string(json, "trunk", event->trunk);
	json_writer_string(json, "user", event->user);
	json_writer_string(json, "contact", event->contact);
	json_writer_string(json, "instance", event->instance);
	json_writer_string(json, "user_agent", event->user_agent);
	PUT_ENUM(encoder, "transport", transport_names, event->transport);
	put_endpoint(encoder, "remote_addr", &event->remote);
	json_writer_number(json, "expires_s", event->expires_s);
	put_number_or_null(encoder, "sip_code", event->sip_status != 0, event->sip_status);
	PUT_ENUM(encoder, "reason", reason_names, event->reason);
}

char *event_record_id(const char *node, const struct event_record *record, char id[EVENT_ID_BYTES])
{
	uint64_t number = 0;
	uint32_t ordinal = 0;

	switch ((enum event_record_kind)record->kind) {
	case EVENT_RECORD_CALL:
		number = record->call.call_id;
		ordinal = record->call.ordinal;
		break;
	case EVENT_RECORD_CDR:
		number = record->cdr.leg_id;
		ordinal = record->cdr.partial_no;
		break;
	case EVENT_RECORD_CONTACT:
		number = record->contact.contact_id;
		break;
	case EVENT_RECORD_REGISTRATION:
		number = record->registration.registration_id;
		ordinal = record->registration.ordinal;
		break;
	case EVENT_RECORD_KIND_COUNT:
		break;
	}
	(void)snprintf(id, EVENT_ID_BYTES, "%s-%s-%016llx-%u", node,
		record->kind < EVENT_RECORD_KIND_COUNT ? event_record_kind_name(record->kind) : "",
		(unsigned long long)number, ordinal);
	return id;
}

int event_record_to_json(const struct event_record *record, const struct event_identity *identity,
	char *json, size_t size_bytes, size_t *ret_length)
{
	struct encoder encoder = {.identity = identity};

	json_writer_init(&encoder.json, json, size_bytes);
	json_writer_open(&encoder.json, NULL);
	put_identity(&encoder, record);
	switch ((enum event_record_kind)record->kind) {
	case EVENT_RECORD_CALL:
		put_call(&encoder, &record->call);
		break;
	case EVENT_RECORD_CDR:
		put_cdr(&encoder, &record->cdr);
		break;
	case EVENT_RECORD_CONTACT:
		put_contact(&encoder, &record->contact);
		break;
	case EVENT_RECORD_REGISTRATION:
		put_registration(&encoder, &record->registration);
		break;
	case EVENT_RECORD_KIND_COUNT:
	default:
		return -EINVAL;
	}
	json_writer_close(&encoder.json);
	if (encoder.is_bad)
		return -EINVAL;
	if (encoder.json.text.has_overflowed)
		return -ENOSPC;
	*ret_length = encoder.json.text.length;
	return 0;
}

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
	char key[ID_TEXT_BYTES];
	char source[SOURCE_BYTES];
	char schema[SCHEMA_BYTES];
	char time[JSON_TIME_BYTES];
	char epoch[NUMBER_TEXT_BYTES];
	char seq[NUMBER_TEXT_BYTES];
};

static void add_header(struct event_frame *frame, const char *name, const char *value)
{
	frame->headers[frame->header_count++] =
		(struct event_header){.name = span_from(name), .value = span_from(value)};
}

/* CloudEvents 1.0 in Kafka's binary mode, and the identity that consumers check. */
static void add_headers(struct event_frame *frame, const struct event_record *record,
	const struct event_identity *identity, struct header_texts *texts)
{
	(void)snprintf(texts->source, sizeof(texts->source), "/tandem/%s", identity->node);
	(void)snprintf(texts->schema, sizeof(texts->schema), "urn:tandem:schema:%s:v1",
		event_record_kind_name(record->kind));
	(void)snprintf(texts->epoch, sizeof(texts->epoch), "%u", identity->epoch);
	(void)snprintf(texts->seq, sizeof(texts->seq), "%llu", (unsigned long long)identity->seq);
	add_header(frame, "ce_specversion", "1.0");
	add_header(frame, "ce_id", event_record_id(identity->node, record, texts->id));
	add_header(frame, "ce_source", texts->source);
	add_header(frame, "ce_type", cloud_event_types[record->kind]);
	add_header(frame, "ce_time", json_writer_time_format(identity->wall_ns, texts->time));
	add_header(frame, "ce_subject", texts->key);
	add_header(frame, "ce_partitionkey", texts->key);
	add_header(frame, "ce_dataschema", texts->schema);
	add_header(frame, "content-type", "application/json");
	add_header(frame, "node", identity->node);
	add_header(frame, "node_epoch", texts->epoch);
	add_header(frame, "node_seq", texts->seq);
}

int event_record_to_frame(const struct event_record *record, const struct event_identity *identity,
	uint8_t *bytes, size_t size_bytes, size_t *ret_frame_bytes)
{
	char json[EVENT_JSON_MAX_BYTES];
	struct header_texts texts;
	struct event_frame frame = {.epoch = identity->epoch,
		.kind = record->kind,
		.seq = identity->seq,
		.wall_ns = identity->wall_ns};
	size_t length;
	int error = event_record_to_json(record, identity, json, sizeof(json), &length);

	if (error != 0)
		return error;
	frame.key = span_from(format_id(identity->node, key_of(record), texts.key));
	frame.value = (struct span){.text = json, .length = (uint32_t)length};
	add_headers(&frame, record, identity, &texts);
	return event_frame_encode(&frame, bytes, size_bytes, ret_frame_bytes);
}
