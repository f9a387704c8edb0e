/* SPDX-License-Identifier: Apache-2.0 */
/* See record_json.h. The order of fields is that of the schemas in docs/events/schema. */
#include "events/record_json.h"

#include "events/json_writer.h"
#include "events/record_id.h"
#include "util/bytes.h"

#include <errno.h>
#include <string.h>

/* Text and length of what stands for a value of an enumeration. */
struct value_name {
	const char *text;
	size_t length;
};

#define NAME_OF(constant, name) {#name, sizeof(#name) - 1},
static const struct value_name call_event_names[] = {
#define CALL_EVENT_NAME(constant, name, help) {#name, sizeof(#name) - 1},
	CALL_EVENT_KINDS(CALL_EVENT_NAME)
#undef CALL_EVENT_NAME
};
static const struct value_name direction_names[] = {LEG_DIRECTIONS(NAME_OF)};
static const struct value_name release_names[] = {RELEASE_PARTIES(NAME_OF)};
static const struct value_name detail_names[] = {RELEASE_DETAILS(NAME_OF)};
static const struct value_name disposition_names[] = {CALL_DISPOSITIONS(NAME_OF)};
static const struct value_name ner_names[] = {NER_CLASSES(NAME_OF)};
static const struct value_name transport_names[] = {SIP_TRANSPORTS(NAME_OF)};
static const struct value_name verstat_names[] = {CALLER_VERSTATS(NAME_OF)};
static const struct value_name role_names[] = {LEG_ROLES(NAME_OF)};
static const struct value_name registration_event_names[] = {
#define REGISTRATION_EVENT_NAME(constant, name, help) {#name, sizeof(#name) - 1},
	REGISTRATION_EVENT_KINDS(REGISTRATION_EVENT_NAME)
#undef REGISTRATION_EVENT_NAME
};
static const struct value_name reason_names[] = {REGISTRATION_REASONS(NAME_OF)};
static const struct value_name transfer_origin_names[] = {TRANSFER_ORIGINS(NAME_OF)};
static const struct value_name transfer_outcome_names[] = {TRANSFER_OUTCOMES(NAME_OF)};
#undef NAME_OF

/* A record being written. */
struct encoder {
	struct json_writer json;
	const struct event_identity *identity;
	size_t node_length;
	bool is_node_plain; /* needs no escaping */
	bool is_bad;	    /* an enumeration was out of range */
};

/* A text that stands behind a quote, with room for another: plain if the node's name is. */
static void put_plain(struct encoder *encoder, struct json_key key, char *text, const char *end)
{
	size_t length = (size_t)(end - text);

	if (!encoder->is_node_plain) {
		json_writer_text(&encoder->json, key, text + 1, length - 1);
		return;
	}
	text[length] = '"';
	json_writer_put_key(&encoder->json, key);
	json_writer_put(&encoder->json, text, length + 1);
}

/* An id of ours; 0 becomes null. */
static void put_id(struct encoder *encoder, struct json_key key, uint64_t number)
{
	char id[EVENT_ID_TEXT_BYTES + 2];
	const char *end;

	if (number == 0) {
		json_writer_null(&encoder->json, key);
		return;
	}
	id[0] = '"';
	end = event_id_write(id + 1, encoder->identity->node, encoder->node_length, number);
	put_plain(encoder, key, id, end);
}

/* The name of an enumeration's value; the value 0 of those that have "none" becomes null. */
static void put_enum(struct encoder *encoder, struct json_key key, const struct value_name *names,
	unsigned count, unsigned value)
{
	if (value >= count) {
		encoder->is_bad = true;
		value = 0;
	}
	if (value == 0 && strcmp(names[0].text, "none") == 0)
		json_writer_null(&encoder->json, key);
	else
		json_writer_text(&encoder->json, key, names[value].text, names[value].length);
}
#define PUT_ENUM(encoder, key, names, value) \
	put_enum(encoder, key, names, TD_COUNT_OF(names), value)

static void put_number_or_null(
	struct encoder *encoder, struct json_key key, bool is_known, uint64_t value)
{
	if (is_known)
		json_writer_number(&encoder->json, key, value);
	else
		json_writer_null(&encoder->json, key);
}

static void put_endpoint(
	struct encoder *encoder, struct json_key key, const struct td_endpoint *endpoint)
{
	char buffer[TD_ENDPOINT_TEXT_BYTES];

	json_writer_string(&encoder->json, key,
		endpoint->ip.family == TD_FAMILY_NONE ? "" : td_endpoint_format(endpoint, buffer));
}

static void put_identity(struct encoder *encoder, const struct event_record *record)
{
	char id[EVENT_ID_BYTES];
	struct span event_id = event_record_id_write(encoder->identity, record, id);

	json_writer_number(&encoder->json, JSON_KEY("schema_version"), EVENT_SCHEMA_VERSION);
	json_writer_text(&encoder->json, JSON_KEY("event_id"), event_id.text, event_id.length);
	json_writer_string(&encoder->json, JSON_KEY("node"), encoder->identity->node);
	json_writer_number(&encoder->json, JSON_KEY("node_epoch"), encoder->identity->epoch);
	json_writer_number(&encoder->json, JSON_KEY("node_seq"), encoder->identity->seq);
}

static void put_release(struct encoder *encoder, const struct event_release *release)
{
	struct json_writer *json = &encoder->json;

	put_number_or_null(
		encoder, JSON_KEY("final_sip_code"), release->sip_status != 0, release->sip_status);
	json_writer_string(json, JSON_KEY("sip_reason"), release->reason);
	put_number_or_null(encoder, JSON_KEY("q850"), release->q850 != 0, release->q850);
	PUT_ENUM(encoder, JSON_KEY("release_by"), release_names, release->by);
	PUT_ENUM(encoder, JSON_KEY("release_detail"), detail_names, release->detail);
	PUT_ENUM(encoder, JSON_KEY("disposition"), disposition_names, release->disposition);
	PUT_ENUM(encoder, JSON_KEY("ner_class"), ner_names, release->ner_class);
}

static void put_transfer(struct encoder *encoder, const struct event_transfer *transfer)
{
	struct json_writer *json = &encoder->json;

	if (transfer->transfer_id == 0) {
		json_writer_null(json, JSON_KEY("transfer"));
		return;
	}
	json_writer_open(json, JSON_KEY("transfer"));
	put_id(encoder, JSON_KEY("transfer_id"), transfer->transfer_id);
	PUT_ENUM(encoder, JSON_KEY("origin"), transfer_origin_names, transfer->origin);
	PUT_ENUM(encoder, JSON_KEY("outcome"), transfer_outcome_names, transfer->outcome);
	put_number_or_null(
		encoder, JSON_KEY("sip_code"), transfer->sip_status != 0, transfer->sip_status);
	json_writer_string(json, JSON_KEY("target"), transfer->target);
	json_writer_string(json, JSON_KEY("replaces"), transfer->replaces);
	json_writer_string(json, JSON_KEY("referred_by"), transfer->referred_by);
	json_writer_close(json);
}

static void put_call(struct encoder *encoder, const struct call_event *call)
{
	struct json_writer *json = &encoder->json;

	PUT_ENUM(encoder, JSON_KEY("event"), call_event_names, call->kind);
	json_writer_time(json, JSON_KEY("time"), call->wall_ns);
	put_id(encoder, JSON_KEY("contact_id"), call->contact_id);
	put_id(encoder, JSON_KEY("call_id"), call->call_id);
	put_id(encoder, JSON_KEY("leg_id"), call->leg_id);
	json_writer_number(json, JSON_KEY("ordinal"), call->ordinal);
	json_writer_number(json, JSON_KEY("since_created_ms"), call->since_created_ms);
	PUT_ENUM(encoder, JSON_KEY("direction"), direction_names, call->direction);
	json_writer_string(json, JSON_KEY("trunk"), call->trunk);
	json_writer_string(json, JSON_KEY("caller"), call->caller);
	json_writer_string(json, JSON_KEY("callee"), call->callee);
	json_writer_string(json, JSON_KEY("sip_call_id"), call->sip_call_id);
	json_writer_string(json, JSON_KEY("codec"), call->codec);
	put_release(encoder, &call->release);
	put_transfer(encoder, &call->transfer);
}

static void put_party(struct encoder *encoder, struct json_key key, const struct event_party *party)
{
	struct json_writer *json = &encoder->json;
	const char attestation[] = {party->attestation, '\0'};

	json_writer_open(json, key);
	json_writer_string(json, JSON_KEY("user"), party->user);
	json_writer_string(json, JSON_KEY("display"), party->display);
	json_writer_string(json, JSON_KEY("p_asserted"), party->p_asserted);
	json_writer_bool(json, JSON_KEY("private"), party->is_private);
	json_writer_string(json, JSON_KEY("attestation"), attestation);
	PUT_ENUM(encoder, JSON_KEY("verstat"), verstat_names, party->verstat);
	json_writer_close(json);
}

static void put_times(struct encoder *encoder, const struct leg_cdr *cdr)
{
	struct json_writer *json = &encoder->json;
	const struct leg_times *times = &cdr->times;

	json_writer_time(json, JSON_KEY("t_invite"), times->invite_wall_ns);
	json_writer_time(json, JSON_KEY("t_100"), times->t100_wall_ns);
	json_writer_time(json, JSON_KEY("t_first_18x"), times->first_18x_wall_ns);
	json_writer_time(json, JSON_KEY("t_183_media"), times->early_media_wall_ns);
	json_writer_time(json, JSON_KEY("t_180"), times->t180_wall_ns);
	json_writer_time(json, JSON_KEY("t_answer"), times->answer_wall_ns);
	json_writer_time(json, JSON_KEY("t_ack"), times->ack_wall_ns);
	json_writer_time(json, JSON_KEY("t_first_rtp_rx"), cdr->media.first_rx_wall_ns);
	json_writer_time(json, JSON_KEY("t_first_rtp_tx"), cdr->media.first_tx_wall_ns);
	json_writer_time(json, JSON_KEY("t_bridge"), times->bridge_wall_ns);
	json_writer_time(json, JSON_KEY("t_end"), times->end_wall_ns);
	put_number_or_null(encoder, JSON_KEY("pdd_ms"),
		times->first_18x_wall_ns != 0 || times->answer_wall_ns != 0, cdr->pdd_ms);
	put_number_or_null(
		encoder, JSON_KEY("setup_ms"), times->answer_wall_ns != 0, cdr->setup_ms);
	put_number_or_null(
		encoder, JSON_KEY("ring_ms"), times->first_18x_wall_ns != 0, cdr->ring_ms);
	json_writer_number(json, JSON_KEY("talk_ms"), cdr->talk_ms);
	json_writer_number(json, JSON_KEY("hold_ms"), cdr->hold_ms);
	json_writer_number(json, JSON_KEY("bill_ms"), cdr->bill_ms);
}

/* Microseconds as milliseconds with three decimals. */
static void put_us_as_ms(struct encoder *encoder, struct json_key key, uint32_t value_us)
{
	json_writer_decimal(&encoder->json, key, value_us, 3);
}

static void put_score(
	struct encoder *encoder, struct json_key key, unsigned value, unsigned decimals)
{
	if (value == 0)
		json_writer_null(&encoder->json, key);
	else
		json_writer_decimal(&encoder->json, key, value, decimals);
}

static void put_media_rx(struct encoder *encoder, const struct td_termination_stats *media)
{
	struct json_writer *json = &encoder->json;

	json_writer_open(json, JSON_KEY("rx"));
	json_writer_number(json, JSON_KEY("packets"), media->rx_packets);
	json_writer_number(json, JSON_KEY("bytes"), media->rx_bytes);
	json_writer_number(json, JSON_KEY("lost"), media->lost_packets);
	json_writer_number(json, JSON_KEY("reordered"), media->reordered_packets);
	json_writer_number(json, JSON_KEY("duplicate"), media->duplicate_packets);
	json_writer_number(json, JSON_KEY("refused"), media->rx_refused);
	json_writer_number(json, JSON_KEY("source_switches"), media->source_switches);
	put_us_as_ms(encoder, JSON_KEY("jitter_ms"), media->jitter_us);
	put_us_as_ms(encoder, JSON_KEY("jitter_max_ms"), media->jitter_max_us);
	put_score(encoder, JSON_KEY("mos_lq"), media->mos_x100, 2);
	put_score(encoder, JSON_KEY("mos_lq_min"), media->mos_min_x100, 2);
	put_score(encoder, JSON_KEY("r_factor"), media->r_factor_x10, 1);
	json_writer_number(json, JSON_KEY("ssrc"), media->rx_ssrc);
	json_writer_time(json, JSON_KEY("t_last"), media->last_rx_wall_ns);
	json_writer_close(json);
}

static void put_media(struct encoder *encoder, const struct leg_cdr *cdr)
{
	struct json_writer *json = &encoder->json;
	const struct td_termination_stats *media = &cdr->media;

	json_writer_bool(json, JSON_KEY("media_stats_missing"), cdr->is_media_stats_missing);
	if (cdr->is_media_stats_missing) {
		json_writer_null(json, JSON_KEY("media"));
		return;
	}
	json_writer_open(json, JSON_KEY("media"));
	json_writer_string(json, JSON_KEY("mos_model"), media->mos_x100 == 0 ? "" : "G.107");
	put_media_rx(encoder, media);
	json_writer_open(json, JSON_KEY("tx"));
	json_writer_number(json, JSON_KEY("packets"), media->tx_packets);
	json_writer_number(json, JSON_KEY("bytes"), media->tx_bytes);
	json_writer_number(json, JSON_KEY("remote_lost"), media->remote_lost_packets);
	json_writer_decimal(
		json, JSON_KEY("remote_fraction_lost_pct"), media->remote_fraction_lost_ppm, 4);
	put_us_as_ms(encoder, JSON_KEY("remote_jitter_ms"), media->remote_jitter_us);
	json_writer_number(json, JSON_KEY("ssrc"), media->tx_ssrc);
	json_writer_close(json);
	if (media->rtt_us == 0)
		json_writer_null(json, JSON_KEY("rtt_ms"));
	else
		put_us_as_ms(encoder, JSON_KEY("rtt_ms"), media->rtt_us);
	json_writer_number(json, JSON_KEY("rtcp_rx"), media->rtcp_rx_packets);
	json_writer_number(json, JSON_KEY("rtcp_tx"), media->rtcp_tx_packets);
	put_endpoint(encoder, JSON_KEY("latched_addr"), &media->latched);
	json_writer_close(json);
}

static void put_cdr(struct encoder *encoder, const struct leg_cdr *cdr)
{
	struct json_writer *json = &encoder->json;

	put_id(encoder, JSON_KEY("contact_id"), cdr->contact_id);
	put_id(encoder, JSON_KEY("call_id"), cdr->call_id);
	put_id(encoder, JSON_KEY("leg_id"), cdr->leg_id);
	put_id(encoder, JSON_KEY("parent_leg_id"), cdr->parent_leg_id);
	put_id(encoder, JSON_KEY("related_leg_id"), cdr->related_leg_id);
	json_writer_number(json, JSON_KEY("leg_seq"), cdr->leg_seq);
	json_writer_number(json, JSON_KEY("attempt_no"), cdr->attempt_no);
	json_writer_number(json, JSON_KEY("partial_no"), cdr->partial_no);
	json_writer_bool(json, JSON_KEY("recovered"), cdr->is_recovered);
	PUT_ENUM(encoder, JSON_KEY("direction"), direction_names, cdr->direction);
	PUT_ENUM(encoder, JSON_KEY("leg_role"), role_names, cdr->role);
	json_writer_string(json, JSON_KEY("trunk"), cdr->trunk);
	json_writer_string(json, JSON_KEY("route"), cdr->route);
	json_writer_string(json, JSON_KEY("sip_call_id"), cdr->sip_call_id);
	json_writer_string(json, JSON_KEY("sip_local_tag"), cdr->sip_local_tag);
	json_writer_string(json, JSON_KEY("sip_remote_tag"), cdr->sip_remote_tag);
	put_endpoint(encoder, JSON_KEY("local_addr"), &cdr->local);
	put_endpoint(encoder, JSON_KEY("remote_addr"), &cdr->remote);
	PUT_ENUM(encoder, JSON_KEY("transport"), transport_names, cdr->transport);
	json_writer_string(json, JSON_KEY("user_agent"), cdr->user_agent);
	put_party(encoder, JSON_KEY("caller"), &cdr->caller);
	put_party(encoder, JSON_KEY("callee"), &cdr->callee);
	put_times(encoder, cdr);
	put_release(encoder, &cdr->release);
	json_writer_string(json, JSON_KEY("codec"), cdr->codec);
	put_number_or_null(encoder, JSON_KEY("ptime_ms"), cdr->ptime_ms != 0, cdr->ptime_ms);
	put_endpoint(encoder, JSON_KEY("media_local_addr"), &cdr->media_local);
	put_endpoint(encoder, JSON_KEY("media_remote_addr"), &cdr->media_remote);
	put_media(encoder, cdr);
}

static void put_contact(struct encoder *encoder, const struct contact_record *contact)
{
	struct json_writer *json = &encoder->json;
	char id[EVENT_ID_TEXT_BYTES + 2];

	put_id(encoder, JSON_KEY("contact_id"), contact->contact_id);
	put_id(encoder, JSON_KEY("call_id"), contact->call_id);
	json_writer_open_array(json, JSON_KEY("leg_ids"));
	for (uint32_t i = 0; i < contact->leg_count && i < EVENT_CALL_LEGS_MAX; i++) {
		const char *end;

		id[0] = '"';
		end = event_id_write(
			id + 1, encoder->identity->node, encoder->node_length, contact->leg_ids[i]);
		put_plain(encoder, JSON_ELEMENT, id, end);
	}
	json_writer_close_array(json);
	json_writer_number(json, JSON_KEY("leg_count"), contact->leg_count);
	json_writer_bool(json, JSON_KEY("recovered"), contact->is_recovered);
	PUT_ENUM(encoder, JSON_KEY("direction"), direction_names, contact->direction);
	json_writer_string(json, JSON_KEY("trunk_in"), contact->trunk_in);
	json_writer_string(json, JSON_KEY("trunk_out"), contact->trunk_out);
	json_writer_string(json, JSON_KEY("route"), contact->route);
	json_writer_string(json, JSON_KEY("caller"), contact->caller);
	json_writer_string(json, JSON_KEY("callee"), contact->callee);
	json_writer_time(json, JSON_KEY("t_start"), contact->start_wall_ns);
	json_writer_time(json, JSON_KEY("t_answer"), contact->answer_wall_ns);
	json_writer_time(json, JSON_KEY("t_end"), contact->end_wall_ns);
	json_writer_number(json, JSON_KEY("duration_ms"), contact->duration_ms);
	json_writer_number(json, JSON_KEY("talk_ms"), contact->talk_ms);
	json_writer_number(json, JSON_KEY("hold_ms"), contact->hold_ms);
	put_release(encoder, &contact->release);
}

static void put_registration(struct encoder *encoder, const struct registration_event *event)
{
	struct json_writer *json = &encoder->json;

	PUT_ENUM(encoder, JSON_KEY("event"), registration_event_names, event->kind);
	json_writer_time(json, JSON_KEY("time"), event->wall_ns);
	put_id(encoder, JSON_KEY("registration_id"), event->registration_id);
	json_writer_number(json, JSON_KEY("ordinal"), event->ordinal);
	PUT_ENUM(encoder, JSON_KEY("direction"), direction_names, event->direction);
	json_writer_string(json, JSON_KEY("trunk"), event->trunk);
	json_writer_string(json, JSON_KEY("user"), event->user);
	json_writer_string(json, JSON_KEY("contact"), event->contact);
	json_writer_string(json, JSON_KEY("instance"), event->instance);
	json_writer_string(json, JSON_KEY("user_agent"), event->user_agent);
	PUT_ENUM(encoder, JSON_KEY("transport"), transport_names, event->transport);
	put_endpoint(encoder, JSON_KEY("remote_addr"), &event->remote);
	json_writer_number(json, JSON_KEY("expires_s"), event->expires_s);
	put_number_or_null(
		encoder, JSON_KEY("sip_code"), event->sip_status != 0, event->sip_status);
	PUT_ENUM(encoder, JSON_KEY("reason"), reason_names, event->reason);
}

int event_record_to_json(const struct event_record *record, const struct event_identity *identity,
	char *json, size_t size_bytes, size_t *ret_length)
{
	struct encoder encoder = {.identity = identity, .node_length = strlen(identity->node)};
	const char *node_end = identity->node + encoder.node_length;

	encoder.is_node_plain = bytes_find_unplain(identity->node, node_end) == node_end;

	json_writer_begin(&encoder.json, json, size_bytes);
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
	return encoder.is_bad ? -EINVAL : json_writer_finish(&encoder.json, ret_length);
}
