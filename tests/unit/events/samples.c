/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"

#include <string.h>

#define SET(text, value) event_text_set(text, sizeof(text), value, strlen(value))

static const uint64_t noon_wall_ns = 1760000000123456789;

static struct event_release normal_release(void)
{
	struct event_release release = {.sip_status = 200,
		.q850 = 16,
		.by = EVENT_RELEASE_CALLER,
		.detail = EVENT_DETAIL_HANGUP,
		.disposition = EVENT_DISPOSITION_ANSWERED,
		.ner_class = EVENT_NER_SUCCESS};

	SET(release.reason, "Normal call clearing");
	return release;
}

static struct event_record ordinary_call(void)
{
	struct event_record record = {.kind = EVENT_RECORD_CALL};
	struct call_event *call = &record.call;

	*call = (struct call_event){.contact_id = 0xc1,
		.call_id = 0xa1,
		.leg_id = 0x11,
		.ordinal = 2,
		.kind = CALL_EVENT_ANSWERED,
		.direction = EVENT_DIRECTION_OUT,
		.wall_ns = noon_wall_ns,
		.since_created_ms = 1840,
		.release = {.sip_status = 200}};
	SET(call->trunk, "carrier-a");
	SET(call->caller, "+49301234567");
	SET(call->callee, "+4915112345678");
	SET(call->sip_call_id, "3848276298220188511@example.net");
	SET(call->codec, "PCMA/8000");
	return record;
}

static void fill_parties(struct leg_cdr *cdr)
{
	SET(cdr->caller.user, "+49301234567");
	SET(cdr->caller.display, "B\xc3\xa4"
				 "cker \"M\xc3\xbcller\"");
	SET(cdr->callee.user, "+4915112345678");
	SET(cdr->callee.p_asserted, "+4915112345678");
	(void)td_ip_parse("192.0.2.1", 9, &cdr->local.ip);
	cdr->local.port = 5060;
	(void)td_ip_parse("2001:db8::7", 11, &cdr->remote.ip);
	cdr->remote.port = 5062;
	cdr->media_local = cdr->local;
	cdr->media_remote = cdr->remote;
	cdr->media.latched = cdr->remote;
}

static struct event_record ordinary_cdr(void)
{
	struct event_record record = {.kind = EVENT_RECORD_CDR};
	struct leg_cdr *cdr = &record.cdr;

	*cdr = (struct leg_cdr){.contact_id = 0xc1,
		.call_id = 0xa1,
		.leg_id = 0x11,
		.related_leg_id = 0x12,
		.leg_seq = 1,
		.attempt_no = 1,
		.direction = EVENT_DIRECTION_OUT,
		.role = EVENT_ROLE_CUSTOMER,
		.transport = EVENT_TRANSPORT_UDP,
		.times = {.invite_wall_ns = noon_wall_ns,
			.t100_wall_ns = noon_wall_ns + 20000000,
			.first_18x_wall_ns = noon_wall_ns + 900000000,
			.t180_wall_ns = noon_wall_ns + 900000000,
			.answer_wall_ns = noon_wall_ns + 4000000000,
			.ack_wall_ns = noon_wall_ns + 4010000000,
			.bridge_wall_ns = noon_wall_ns + 4000000000,
			.end_wall_ns = noon_wall_ns + 64000000000},
		.pdd_ms = 900,
		.setup_ms = 4000,
		.ring_ms = 3100,
		.talk_ms = 50000,
		.hold_ms = 10000,
		.bill_ms = 60000,
		.ptime_ms = 20,
		.release = normal_release(),
		.media = {.rx_packets = 2990,
			.rx_bytes = 478400,
			.tx_packets = 3000,
			.tx_bytes = 480000,
			.first_rx_wall_ns = noon_wall_ns + 4020000000,
			.lost_packets = 10,
			.jitter_us = 1234,
			.rtt_us = 25000,
			.mos_x100 = 441,
			.mos_min_x100 = 402,
			.r_factor_x10 = 931,
			.remote_fraction_lost_ppm = 3300}};
	SET(cdr->trunk, "carrier-a");
	SET(cdr->route, "mobile");
	SET(cdr->sip_call_id, "3848276298220188511@example.net");
	SET(cdr->sip_local_tag, "x9");
	SET(cdr->sip_remote_tag, "y8");
	SET(cdr->user_agent, "Example/1.0");
	SET(cdr->codec, "PCMA/8000");
	fill_parties(cdr);
	return record;
}

static struct event_record ordinary_contact(void)
{
	struct event_record record = {.kind = EVENT_RECORD_CONTACT};
	struct contact_record *contact = &record.contact;

	*contact = (struct contact_record){.contact_id = 0xc1,
		.call_id = 0xa1,
		.leg_ids = {0x11, 0x12},
		.leg_count = 2,
		.direction = EVENT_DIRECTION_IN,
		.start_wall_ns = noon_wall_ns,
		.answer_wall_ns = noon_wall_ns + 4000000000,
		.end_wall_ns = noon_wall_ns + 64000000000,
		.duration_ms = 64000,
		.talk_ms = 50000,
		.hold_ms = 10000,
		.release = normal_release()};
	SET(contact->trunk_in, "carrier-a");
	SET(contact->trunk_out, "phones");
	SET(contact->caller, "+49301234567");
	SET(contact->callee, "200");
	return record;
}

static struct event_record ordinary_registration(void)
{
	struct event_record record = {.kind = EVENT_RECORD_REGISTRATION};
	struct registration_event *event = &record.registration;

	*event = (struct registration_event){.registration_id = 0xb1,
		.ordinal = 1,
		.kind = REGISTRATION_EVENT_MOVED,
		.direction = EVENT_DIRECTION_IN,
		.transport = EVENT_TRANSPORT_TLS,
		.expires_s = 3600,
		.wall_ns = noon_wall_ns};
	SET(event->trunk, "phones");
	SET(event->user, "100");
	SET(event->contact, "sip:100@192.0.2.7:5060;transport=tls");
	SET(event->instance, "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>");
	SET(event->user_agent, "Example/1.0");
	(void)td_ip_parse("2001:db8::7", 11, &event->remote.ip);
	event->remote.port = 40062;
	return record;
}

/* Fills every text with the same hostile bytes. */
#define HOSTILE(text)                                                       \
	do {                                                                \
		memset(text, hostile_byte, sizeof(text) - 1);               \
		memcpy(text, "\"\\\n\x01\xff\xc0\xed\xa0\x80\xf0\x9f", 11); \
	} while (0)

static const int hostile_byte = 0x02; /* six bytes when escaped: the longest JSON there is */

static struct event_record hostile(unsigned kind)
{
	struct event_record record = {.kind = (uint8_t)kind};
	struct event_release *release = NULL;

	if (kind == EVENT_RECORD_CALL) {
		HOSTILE(record.call.trunk);
		HOSTILE(record.call.caller);
		HOSTILE(record.call.callee);
		HOSTILE(record.call.sip_call_id);
		HOSTILE(record.call.codec);
		HOSTILE(record.call.transfer.target);
		HOSTILE(record.call.transfer.replaces);
		HOSTILE(record.call.transfer.referred_by);
		record.call.transfer.transfer_id = UINT64_MAX;
		record.call.since_created_ms = UINT64_MAX;
		release = &record.call.release;
	} else if (kind == EVENT_RECORD_CDR) {
		memset(&record.cdr.media, 0xff, sizeof(record.cdr.media));
		memset(&record.cdr.times, 0xff, sizeof(record.cdr.times));
		HOSTILE(record.cdr.trunk);
		HOSTILE(record.cdr.route);
		HOSTILE(record.cdr.sip_call_id);
		HOSTILE(record.cdr.sip_local_tag);
		HOSTILE(record.cdr.sip_remote_tag);
		HOSTILE(record.cdr.user_agent);
		HOSTILE(record.cdr.caller.user);
		HOSTILE(record.cdr.caller.display);
		HOSTILE(record.cdr.caller.p_asserted);
		HOSTILE(record.cdr.callee.user);
		HOSTILE(record.cdr.callee.display);
		HOSTILE(record.cdr.callee.p_asserted);
		HOSTILE(record.cdr.codec);
		record.cdr.media.latched = (struct td_endpoint){0};
		record.cdr.media.mos_x100 = 100;
		release = &record.cdr.release;
	} else if (kind == EVENT_RECORD_REGISTRATION) {
		HOSTILE(record.registration.trunk);
		HOSTILE(record.registration.user);
		HOSTILE(record.registration.contact);
		HOSTILE(record.registration.instance);
		HOSTILE(record.registration.user_agent);
		return record;
	} else {
		memset(record.contact.leg_ids, 0xff, sizeof(record.contact.leg_ids));
		record.contact.leg_count = 1000;
		HOSTILE(record.contact.trunk_in);
		HOSTILE(record.contact.trunk_out);
		HOSTILE(record.contact.route);
		HOSTILE(record.contact.caller);
		HOSTILE(record.contact.callee);
		release = &record.contact.release;
	}
	HOSTILE(release->reason);
	return record;
}

struct event_record sample_record(unsigned n)
{
	unsigned kind = n / SAMPLES_PER_KIND;
	struct event_record record = {.kind = (uint8_t)kind};

	if (n % SAMPLES_PER_KIND == 2)
		return hostile(kind);
	if (n % SAMPLES_PER_KIND == 1) {
		if (kind == EVENT_RECORD_CDR)
			record.cdr.is_media_stats_missing = true;
		return record;
	}
	switch ((enum event_record_kind)kind) {
	case EVENT_RECORD_CALL:
		return ordinary_call();
	case EVENT_RECORD_CDR:
		return ordinary_cdr();
	case EVENT_RECORD_CONTACT:
		return ordinary_contact();
	case EVENT_RECORD_REGISTRATION:
		return ordinary_registration();
	case EVENT_RECORD_KIND_COUNT:
		break;
	}
	return record;
}
