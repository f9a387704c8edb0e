/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function per part, once for writing and once for reading, in the same order. Structs that
 * hold neither pointers nor free text are stored as they lie in memory: a change of their layout
 * needs another SNAPSHOT_VERSION.
 */
#include "call/snapshot.h"

#include "call/referral.h"
#include "call/snapshot_parts.h"
#include "util/serial.h"

#include <errno.h>
#include <string.h>

enum {
	SNAPSHOT_MAGIC = 0x6c6c6163, /* "call" */
	SNAPSHOT_VERSION = 6,
};

static void put_text(struct serial_writer *writer, const char *text)
{
	serial_put_span(writer, span_from(text));
}

static void get_text(struct serial_reader *reader, char *text, size_t size)
{
	size_t length = serial_get_bytes(reader, text, size - 1);

	text[length < size ? length : 0] = '\0';
}

static void put_trunk(
	struct serial_writer *writer, const struct trunk_table *trunks, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(trunks, trunk);

	put_text(writer, config != NULL ? config->name : "");
}

static uint32_t get_trunk(struct serial_reader *reader, const struct trunk_table *trunks)
{
	char name[CONFIG_NAME_BYTES];

	get_text(reader, name, sizeof(name));
	return trunk_find_by_name(trunks, name);
}

static void put_party(struct serial_writer *writer, const struct event_party *party)
{
	put_text(writer, party->user);
	put_text(writer, party->display);
	put_text(writer, party->p_asserted);
	serial_put_u8(writer, party->is_private);
	serial_put_u8(writer, (uint8_t)party->attestation);
	serial_put_u8(writer, party->verstat);
}

static void get_party(struct serial_reader *reader, struct event_party *party)
{
	get_text(reader, party->user, sizeof(party->user));
	get_text(reader, party->display, sizeof(party->display));
	get_text(reader, party->p_asserted, sizeof(party->p_asserted));
	party->is_private = serial_get_u8(reader) != 0;
	party->attestation = (char)serial_get_u8(reader);
	party->verstat = serial_get_u8(reader);
}

static void put_release(struct serial_writer *writer, const struct event_release *release)
{
	serial_put_u16(writer, release->sip_status);
	serial_put_u16(writer, release->q850);
	serial_put_u8(writer, release->by);
	serial_put_u8(writer, release->detail);
	put_text(writer, release->reason);
}

static void get_release(struct serial_reader *reader, struct event_release *release)
{
	release->sip_status = serial_get_u16(reader);
	release->q850 = serial_get_u16(reader);
	release->by = serial_get_u8(reader);
	release->detail = serial_get_u8(reader);
	get_text(reader, release->reason, sizeof(release->reason));
	if (release->by >= EVENT_RELEASE_COUNT || release->detail >= EVENT_DETAIL_COUNT)
		serial_reader_fail(reader);
}

static void put_leg(
	struct serial_writer *writer, const struct trunk_table *trunks, const struct leg *leg)
{
	serial_put_u64(writer, leg->leg_id);
	if (leg->leg_id == 0)
		return;
	serial_put_u8(writer, leg->state);
	serial_put_u8(writer, leg->is_uac);
	serial_put_u8(writer, leg->is_offer_late);
	serial_put_u8(writer, leg->is_recovered);
	serial_put_u8(writer, leg->has_final_body);
	serial_put_u8(writer, leg->provisional);
	serial_put_u16(writer, leg->refused_status);
	serial_put_u16(writer, leg->attempt_no);
	put_trunk(writer, trunks, leg->trunk);
	serial_put_u32(writer, leg->peer_methods);
	serial_put_u32(writer, leg->invite_cseq);
	serial_put_u32(writer, leg->peer_cseq);
	serial_put_u64(writer, leg->created_ms);
	serial_put_u64(writer, leg->first_18x_ms);
	serial_put_u64(writer, leg->answer_ms);
	serial_put_u64(writer, leg->end_ms);
	serial_put_u64(writer, leg->held_ms);
	serial_put_u64(writer, leg->hold_since_ms);
	serial_put_fixed(writer, &leg->times, sizeof(leg->times));
	serial_put_u32(writer, leg->ack_cseq);
	serial_put_bytes(writer, leg->ack_sdp, leg->ack_sdp_length);
	put_release(writer, &leg->release);
	put_text(writer, leg->user_agent);
	snapshot_put_dialog(writer, &leg->dialog);
	snapshot_put_request(writer, leg->invite);
	snapshot_put_negotiation(writer, &leg->negotiation);
	serial_put_fixed(writer, &leg->session, sizeof(leg->session));
	snapshot_put_reliable(writer, &leg->reliable);
	snapshot_put_forks(writer, leg);
}

static int get_leg(struct serial_reader *reader, const struct trunk_table *trunks,
	struct call *call, unsigned index)
{
	struct leg *leg = &call->legs[index];
	int result;

	leg->index = (uint8_t)index;
	leg->leg_id = serial_get_u64(reader);
	if (leg->leg_id == 0)
		return 0;
	leg->state = serial_get_u8(reader);
	leg->is_uac = serial_get_u8(reader) != 0;
	leg->is_offer_late = serial_get_u8(reader) != 0;
	leg->is_recovered = serial_get_u8(reader) != 0;
	leg->has_final_body = serial_get_u8(reader) != 0;
	leg->provisional = serial_get_u8(reader);
	leg->refused_status = serial_get_u16(reader);
	leg->attempt_no = serial_get_u16(reader);
	leg->trunk = get_trunk(reader, trunks);
	leg->peer_methods = serial_get_u32(reader);
	leg->invite_cseq = serial_get_u32(reader);
	leg->peer_cseq = serial_get_u32(reader);
	leg->created_ms = serial_get_u64(reader);
	leg->first_18x_ms = serial_get_u64(reader);
	leg->answer_ms = serial_get_u64(reader);
	leg->end_ms = serial_get_u64(reader);
	leg->held_ms = serial_get_u64(reader);
	leg->hold_since_ms = serial_get_u64(reader);
	serial_get_fixed(reader, &leg->times, sizeof(leg->times));
	leg->ack_cseq = serial_get_u32(reader);
	result = snapshot_get_owned(reader, call, &leg->ack_sdp, &leg->ack_sdp_length);
	get_release(reader, &leg->release);
	get_text(reader, leg->user_agent, sizeof(leg->user_agent));
	if (result == 0)
		result = snapshot_get_dialog(reader, &leg->dialog, call->heap);
	if (result == 0)
		result = snapshot_get_request(reader, call, &leg->invite);
	if (result == 0)
		result = snapshot_get_negotiation(reader, call, &leg->negotiation);
	serial_get_fixed(reader, &leg->session, sizeof(leg->session));
	snapshot_get_reliable(reader, &leg->reliable);
	if (result == 0)
		result = snapshot_get_forks(reader, call, leg);
	if (leg->state >= LEG_STATE_COUNT || leg->session.state >= SESSION_STATE_COUNT ||
		leg->session.policy >= SESSION_POLICY_COUNT ||
		leg->leg_id >> CALL_LEG_ID_BITS != call->call_id)
		serial_reader_fail(reader);
	return result;
}

static void put_media(struct serial_writer *writer, const struct call_media *media)
{
	serial_put_u8(writer, media->state);
	if (media->state == CALL_MEDIA_NONE)
		return;
	serial_put_u8(writer, media->has_remote);
	serial_put_u8(writer, media->stats != NULL);
	serial_put_u8(writer, media->has_port);
	serial_put_u16(writer, media->ptime_ms);
	serial_put_u32(writer, media->epoch);
	serial_put_u32(writer, media->latch_round);
	serial_put_u64(writer, media->termination_id);
	serial_put_fixed(writer, &media->local, sizeof(media->local));
	put_text(writer, media->codec);
	if (media->has_remote)
		serial_put_fixed(writer, &media->remote, sizeof(media->remote));
	if (media->stats != NULL)
		serial_put_fixed(writer, media->stats, sizeof(*media->stats));
}

static void get_stats(struct serial_reader *reader, struct call *call, unsigned index)
{
	struct td_termination_stats stats;

	serial_get_fixed(reader, &stats, sizeof(stats));
	call_take_stats(call, index, &stats);
}

static void get_media(struct serial_reader *reader, struct call *call, unsigned index)
{
	struct call_media *media = &call->media[index];
	bool has_stats;

	media->state = serial_get_u8(reader);
	if (media->state == CALL_MEDIA_NONE)
		return;
	media->has_remote = serial_get_u8(reader) != 0;
	has_stats = serial_get_u8(reader) != 0;
	media->has_port = serial_get_u8(reader) != 0;
	media->ptime_ms = serial_get_u16(reader);
	media->epoch = serial_get_u32(reader);
	media->latch_round = serial_get_u32(reader);
	media->termination_id = serial_get_u64(reader);
	serial_get_fixed(reader, &media->local, sizeof(media->local));
	get_text(reader, media->codec, sizeof(media->codec));
	if (media->has_remote)
		serial_get_fixed(reader, &media->remote, sizeof(media->remote));
	if (has_stats)
		get_stats(reader, call, index);
	if (media->state > CALL_MEDIA_REMOVED || media->remote.codec_count > TD_CODECS_MAX)
		serial_reader_fail(reader);
}

static void put_call(
	struct serial_writer *writer, const struct trunk_table *trunks, const struct call *call)
{
	serial_put_u64(writer, call->call_id);
	serial_put_u8(writer, call->state);
	serial_put_u8(writer, call->leg_count);
	serial_put_u8(writer, call->destination_count);
	serial_put_u8(writer, call->destination_at);
	serial_put_u8(writer, call->is_answered);
	serial_put_u8(writer, call->is_recorded);
	serial_put_u8(writer, call->exchange);
	serial_put_u8(writer, call->exchange_from);
	serial_put_u8(writer, call->is_realign_due);
	serial_put_u32(writer, call->epoch);
	serial_put_u32(writer, call->ordinal);
	serial_put_u32(writer, call->max_forwards);
	serial_put_u32(writer, call->retry_after_s);
	serial_put_u64(writer, call->created_ms);
	serial_put_u64(writer, call->deadline_ms);
	for (unsigned i = 0; i < call->destination_count; i++)
		put_trunk(writer, trunks, call->destinations[i]);
	put_text(writer, call->number);
	put_text(writer, call->route);
	put_party(writer, &call->caller);
	put_party(writer, &call->callee);
	serial_put_bytes(writer, call->offer, call->offer_length);
}

static int get_call(
	struct serial_reader *reader, const struct trunk_table *trunks, struct call *call)
{
	call->call_id = serial_get_u64(reader);
	call->state = serial_get_u8(reader);
	call->leg_count = serial_get_u8(reader);
	call->destination_count = serial_get_u8(reader);
	call->destination_at = serial_get_u8(reader);
	call->is_answered = serial_get_u8(reader) != 0;
	call->is_recorded = serial_get_u8(reader) != 0;
	call->exchange = serial_get_u8(reader);
	call->exchange_from = serial_get_u8(reader);
	call->is_realign_due = serial_get_u8(reader) != 0;
	call->epoch = serial_get_u32(reader);
	call->ordinal = serial_get_u32(reader);
	call->max_forwards = serial_get_u32(reader);
	call->retry_after_s = serial_get_u32(reader);
	call->created_ms = serial_get_u64(reader);
	call->deadline_ms = serial_get_u64(reader);
	if (call->state >= CALL_STATE_COUNT || call->exchange >= CALL_EXCHANGE_COUNT ||
		call->exchange_from >= CALL_LEGS ||
		call->destination_count > CALL_DESTINATIONS_MAX) {
		call->destination_count = 0;
		serial_reader_fail(reader);
	}
	for (unsigned i = 0; i < call->destination_count; i++)
		call->destinations[i] = get_trunk(reader, trunks);
	get_text(reader, call->number, sizeof(call->number));
	get_text(reader, call->route, sizeof(call->route));
	get_party(reader, &call->caller);
	get_party(reader, &call->callee);
	return snapshot_get_owned(reader, call, &call->offer, &call->offer_length);
}

int snapshot_write(const struct call *call, const struct trunk_table *trunks, void *bytes,
	size_t size_bytes, size_t *ret_length)
{
	struct serial_writer writer;

	serial_writer_init(&writer, bytes, size_bytes);
	serial_put_u32(&writer, SNAPSHOT_MAGIC);
	serial_put_u32(&writer, SNAPSHOT_VERSION);
	put_call(&writer, trunks, call);
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		put_leg(&writer, trunks, &call->legs[i]);
		put_media(&writer, &call->media[i]);
	}
	referral_put_all(&writer, call);
	return serial_writer_finish(&writer, ret_length);
}

int snapshot_read(
	struct call *call, const struct trunk_table *trunks, const void *bytes, size_t length)
{
	struct serial_reader reader;
	int result;

	serial_reader_init(&reader, bytes, length);
	if (serial_get_u32(&reader) != SNAPSHOT_MAGIC ||
		serial_get_u32(&reader) != SNAPSHOT_VERSION)
		return -EBADMSG;
	result = get_call(&reader, trunks, call);
	for (unsigned i = 0; i < CALL_LEGS && result == 0; i++) {
		result = get_leg(&reader, trunks, call, i);
		get_media(&reader, call, i);
	}
	if (result == 0)
		result = referral_get_all(&reader, call);
	if (result != 0)
		return result;
	return serial_reader_finish(&reader);
}
