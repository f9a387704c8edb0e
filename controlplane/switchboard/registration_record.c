/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a restart must know of a registration of ours. It goes on where its record ends, with the
 * same Call-ID and a higher CSeq, and is refreshed soon: the registrar may have forgotten it, or
 * its connection is gone.
 */
#include "switchboard/registration.h"
#include "util/serial.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	RECORD_MAGIC = 0x67657274, /* "treg" */
	RECORD_VERSION = 1,
	RECORD_BYTES = 4096,
	EXPIRES_MAX_S = 7 * 24 * 3600, /* a clock that jumped must not make it more */
};

void registrations_keep(struct switchboard *switchboard, struct enrolment *enrolment)
{
	uint64_t left_ms = td_since(enrolment->machine.expires_ms, switchboard->now.mono_ms);
	uint8_t record[RECORD_BYTES];
	struct serial_writer writer;
	size_t length;

	serial_writer_init(&writer, record, sizeof(record));
	serial_put_u32(&writer, RECORD_MAGIC);
	serial_put_u32(&writer, RECORD_VERSION);
	serial_put_u64(&writer, enrolment->identity);
	serial_put_span(&writer, span_from(enrolment->name));
	serial_put_fixed(&writer, enrolment->call_id, sizeof(enrolment->call_id));
	serial_put_fixed(&writer, enrolment->tag, sizeof(enrolment->tag));
	serial_put_u32(&writer, enrolment->ordinal);
	serial_put_u32(&writer, enrolment->cseq);
	serial_put_u32(&writer, enrolment->granted_s);
	serial_put_u8(&writer, enrolment->lacks_outbound);
	serial_put_u64(&writer, registration_holds(&enrolment->machine)
					? switchboard->now.wall_ns + left_ms * TD_NS_PER_MS
					: 0);
	serial_put_fixed(&writer, &enrolment->flow, sizeof(enrolment->flow));
	serial_put_bytes(&writer, enrolment->routes, enrolment->routes_length);
	if (serial_writer_finish(&writer, &length) != 0) {
		switchboard->counts.unexpected++; /* every part is bounded */
		return;
	}
	enrolment->is_journaled = true;
	switchboard->ports.journal_put(switchboard->ports.context, SWITCHBOARD_JOURNAL_REGISTRATION,
		enrolment->id, record, length);
}

/* Reads a record into *enrolment, which is otherwise empty; the spans borrow the record. */
static int read_record(const struct switchboard_snapshot *snapshot, struct enrolment *enrolment,
	struct span *ret_routes, uint64_t *ret_expires_wall_ns)
{
	struct serial_reader reader;

	serial_reader_init(&reader, snapshot->value, snapshot->length);
	if (serial_get_u32(&reader) != RECORD_MAGIC || serial_get_u32(&reader) != RECORD_VERSION)
		return -EBADMSG;
	enrolment->identity = serial_get_u64(&reader);
	(void)serial_get_bytes(&reader, enrolment->name, sizeof(enrolment->name) - 1);
	serial_get_fixed(&reader, enrolment->call_id, sizeof(enrolment->call_id));
	serial_get_fixed(&reader, enrolment->tag, sizeof(enrolment->tag));
	enrolment->ordinal = serial_get_u32(&reader);
	enrolment->cseq = serial_get_u32(&reader);
	enrolment->granted_s = serial_get_u32(&reader);
	enrolment->lacks_outbound = serial_get_u8(&reader) != 0;
	*ret_expires_wall_ns = serial_get_u64(&reader);
	serial_get_fixed(&reader, &enrolment->flow, sizeof(enrolment->flow));
	*ret_routes = serial_get_span(&reader);
	enrolment->call_id[sizeof(enrolment->call_id) - 1] = '\0';
	enrolment->tag[sizeof(enrolment->tag) - 1] = '\0';
	enrolment->flow.connection_id = 0; /* connections ended with the process */
	if (enrolment->flow.transport >= SIP_TRANSPORT_COUNT ||
		ret_routes->length > REGISTRATION_ROUTES_BYTES)
		serial_reader_fail(&reader);
	return serial_reader_finish(&reader);
}

/* Goes on where the record ends. */
static void resume(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct enrolment *kept, uint64_t expires_wall_ns)
{
	uint64_t wall_ns = switchboard->now.wall_ns;
	uint64_t now_ms = switchboard->now.mono_ms;
	uint64_t left_ms =
		expires_wall_ns > wall_ns ? (expires_wall_ns - wall_ns) / TD_NS_PER_MS : 0;

	memcpy(enrolment->call_id, kept->call_id, sizeof(enrolment->call_id));
	memcpy(enrolment->tag, kept->tag, sizeof(enrolment->tag));
	enrolment->ordinal = kept->ordinal;
	enrolment->cseq = kept->cseq;
	enrolment->granted_s = kept->granted_s;
	enrolment->lacks_outbound = kept->lacks_outbound;
	enrolment->flow = kept->flow;
	if (left_ms > (uint64_t)EXPIRES_MAX_S * TD_MS_PER_S)
		left_ms = (uint64_t)EXPIRES_MAX_S * TD_MS_PER_S;
	if (left_ms != 0)
		registration_restore(&enrolment->machine, td_after(now_ms, left_ms),
			enrolment->machine.due_ms, now_ms);
	else if (expires_wall_ns != 0)
		registrations_emit(
			switchboard, enrolment, REGISTRATION_EVENT_EXPIRED, EVENT_REASON_NONE);
	wheel_start(
		&switchboard->registrations->wheel, &enrolment->timer, enrolment->machine.due_ms);
}

int registrations_restore(
	struct switchboard *switchboard, const struct switchboard_snapshot *snapshot)
{
	struct enrolment kept = {.id = 0};
	struct enrolment *enrolment = NULL;
	uint64_t expires_wall_ns = 0;
	struct span routes;
	int result = read_record(snapshot, &kept, &routes, &expires_wall_ns);

	if (result == 0)
		enrolment = registrations_of(
			switchboard, trunk_find_by_name(switchboard->trunks, kept.name));
	if (enrolment == NULL || enrolment->identity != kept.identity || enrolment->is_journaled) {
		/* Of no use to anybody; what it says expires with the registrar. */
		switchboard->ports.journal_delete(
			switchboard->ports.context, SWITCHBOARD_JOURNAL_REGISTRATION, snapshot->id);
		switchboard->counts.recovery_failed += result != 0;
		return result;
	}
	enrolment->id = snapshot->id;
	enrolment->is_journaled = true;
	enrolment->routes = routes.length != 0
				    ? heap_copy(&switchboard->heap, routes.text, routes.length)
				    : NULL;
	enrolment->routes_length = enrolment->routes != NULL ? routes.length : 0;
	resume(switchboard, enrolment, &kept, expires_wall_ns);
	return 0;
}
