/* SPDX-License-Identifier: Apache-2.0 */
/* See record_id.h. */
#include "events/record_id.h"

#include "util/digits.h"

#include <string.h>

char *event_id_write(char *at, const char *node, size_t node_length, uint64_t number)
{
	memcpy(at, node, node_length);
	at[node_length] = '-';
	return digits_hex(at + node_length + 1, number);
}

struct span event_record_id_write(const struct event_identity *identity,
	const struct event_record *record, char id[EVENT_ID_BYTES])
{
	uint64_t number = 0;
	uint32_t ordinal = 0;
	char *at;

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
	at = stpcpy(id, identity->node);
	*at++ = '-';
	at = stpcpy(at,
		record->kind < EVENT_RECORD_KIND_COUNT ? event_record_kind_name(record->kind) : "");
	at = event_id_write(at, "", 0, number);
	*at++ = '-';
	at = digits_decimal(at, ordinal);
	return (struct span){id, (uint32_t)(at - id)};
}
