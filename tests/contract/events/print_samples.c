/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints every sample record as it would go to Kafka, one JSON object a line: topic, key,
 * headers, value. The contract test compares that with docs/events.
 */
#include "events/record_json.h"
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>

static void print_span(const char *before, struct span text)
{
	(void)printf("%s\"%.*s\"", before, SPAN_ARGS(text));
}

/* Prints record as the n-th of the node; false if it can't be encoded. */
static bool print_record(const struct event_record *record, uint64_t n)
{
	static uint8_t bytes[EVENT_FRAME_MAX_BYTES];
	struct event_identity identity = {
		.node = "n1", .epoch = 1, .seq = n, .wall_ns = 1760000000123456789};
	struct event_frame frame;
	size_t frame_bytes;

	if (event_record_to_frame(record, &identity, bytes, sizeof(bytes), &frame_bytes) != 0 ||
		event_frame_decode(bytes, frame_bytes, &frame, &frame_bytes) != 0)
		return false;
	/* Keys and headers hold nothing that needs escaping. */
	(void)printf("{\"topic\":\"%s\"", event_record_topic(frame.kind));
	print_span(",\"key\":", frame.key);
	(void)printf(",\"headers\":{");
	for (uint32_t i = 0; i < frame.header_count; i++) {
		print_span(i == 0 ? "" : ",", frame.headers[i].name);
		print_span(":", frame.headers[i].value);
	}
	(void)printf("},\"value\":%.*s}\n", SPAN_ARGS(frame.value));
	return true;
}

/* An event of a registration with the n-th value of every enumeration. */
static struct event_record registration_with(unsigned n)
{
	struct event_record record = sample_record(EVENT_RECORD_REGISTRATION * SAMPLES_PER_KIND);

	record.registration.kind = (uint8_t)(n % REGISTRATION_EVENT_KIND_COUNT);
	record.registration.direction = (uint8_t)(n % EVENT_DIRECTION_COUNT);
	record.registration.reason = (uint8_t)(n % EVENT_REASON_COUNT);
	record.registration.transport = (uint8_t)(n % EVENT_TRANSPORT_COUNT);
	record.registration.sip_status = (uint16_t)(n % 2 * 403);
	return record;
}

/* A CDR and an event that together take the n-th value of every enumeration. */
static void take_values(unsigned n, struct event_record *cdr, struct event_record *call)
{
	struct event_release release = {.by = (uint8_t)(n % EVENT_RELEASE_COUNT),
		.detail = (uint8_t)(n % EVENT_DETAIL_COUNT),
		.disposition = (uint8_t)(n % EVENT_DISPOSITION_COUNT),
		.ner_class = (uint8_t)(n % EVENT_NER_COUNT)};

	*cdr = sample_record(EVENT_RECORD_CDR * SAMPLES_PER_KIND);
	cdr->cdr.release = release;
	cdr->cdr.direction = (uint8_t)(n % EVENT_DIRECTION_COUNT);
	cdr->cdr.role = (uint8_t)(n % EVENT_ROLE_COUNT);
	cdr->cdr.transport = (uint8_t)(n % EVENT_TRANSPORT_COUNT);
	*call = sample_record(EVENT_RECORD_CALL * SAMPLES_PER_KIND);
	call->call.release = release;
	call->call.direction = cdr->cdr.direction;
	call->call.kind = (uint8_t)(n % CALL_EVENT_KIND_COUNT);
	call->call.transfer = (struct event_transfer){.transfer_id = n,
		.origin = (uint8_t)(n % EVENT_TRANSFER_ORIGIN_COUNT),
		.outcome = (uint8_t)(n % EVENT_TRANSFER_OUTCOME_COUNT),
		.sip_status = (uint16_t)(n * 100),
		.target = "sip:1001@example.net"};
}

int main(void)
{
	enum {
		VALUES_MAX = 32 /* more than any enumeration has */
	};
	uint64_t n = 0;
	bool is_well = true;

	for (unsigned sample = 0; sample < SAMPLE_COUNT; sample++) {
		struct event_record record = sample_record(sample);

		is_well = is_well && print_record(&record, ++n);
	}
	for (unsigned value = 0; value < VALUES_MAX; value++) {
		struct event_record cdr;
		struct event_record call;
		struct event_record registration = registration_with(value);

		take_values(value, &cdr, &call);
		is_well = is_well && print_record(&cdr, ++n) && print_record(&call, ++n) &&
			  print_record(&registration, ++n);
	}
	return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
