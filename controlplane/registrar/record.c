/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's bindings as a record in the journal. Expiry is written by the wall clock: it goes on
 * while the process, or the machine, is away.
 */
#include "registrar/store.h"
#include "util/serial.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	RECORD_MAGIC = 0x646e6962, /* "bind" */
	RECORD_VERSION = 1,
	EXPIRES_MAX_S =
		604800, /* the schema's longest: a clock that jumped must not make it more */
};

static void put_binding(struct serial_writer *writer, const struct registrar_binding *binding,
	const struct td_now *now)
{
	uint64_t left_ms = td_since(binding->timer.deadline_ms, now->mono_ms);

	serial_put_u64(writer, binding->id);
	serial_put_u64(writer, binding->sequence);
	serial_put_u64(writer, binding->call_id_hash);
	serial_put_u64(writer, binding->added_wall_ns);
	serial_put_u64(writer, now->wall_ns + left_ms * TD_NS_PER_MS);
	serial_put_u32(writer, binding->cseq);
	serial_put_u32(writer, binding->ordinal);
	serial_put_u32(writer, binding->reg_id);
	serial_put_u32(writer, binding->expires_s);
	serial_put_u16(writer, binding->q_permille);
	serial_put_u8(writer, binding->slot);
	serial_put_fixed(writer, &binding->flow, sizeof(binding->flow));
	serial_put_span(writer, registrar_binding_uri(binding));
	serial_put_span(writer, registrar_binding_instance(binding));
	serial_put_span(writer, registrar_binding_path(binding));
	serial_put_span(writer, registrar_binding_agent(binding));
}

int registrar_record_write(const struct registrar_user *user, struct td_now now, void *bytes,
	size_t size_bytes, size_t *ret_length)
{
	struct serial_writer writer;

	serial_writer_init(&writer, bytes, size_bytes);
	serial_put_u32(&writer, RECORD_MAGIC);
	serial_put_u32(&writer, RECORD_VERSION);
	serial_put_span(&writer, span_from(registrar_user_trunk(user)));
	serial_put_span(&writer, span_from(registrar_user_name(user)));
	serial_put_u8(&writer, user->binding_count);
	for (const struct registrar_binding *one = user->bindings; one != NULL; one = one->next)
		put_binding(&writer, one, &now);
	return serial_writer_finish(&writer, ret_length);
}

/* A binding as the record tells it. */
struct kept {
	struct binding_terms terms;
	struct sip_flow flow;
	uint64_t id;
	uint64_t sequence;
	uint64_t added_wall_ns;
	uint64_t expires_wall_ns;
	uint32_t ordinal;
	uint8_t slot;
};

static void get_binding(struct serial_reader *reader, struct kept *kept)
{
	memset(kept, 0, sizeof(*kept));
	kept->id = serial_get_u64(reader);
	kept->sequence = serial_get_u64(reader);
	kept->terms.call_id_hash = serial_get_u64(reader);
	kept->added_wall_ns = serial_get_u64(reader);
	kept->expires_wall_ns = serial_get_u64(reader);
	kept->terms.cseq = serial_get_u32(reader);
	kept->ordinal = serial_get_u32(reader);
	kept->terms.reg_id = serial_get_u32(reader);
	kept->terms.expires_s = serial_get_u32(reader);
	kept->terms.q_permille = serial_get_u16(reader);
	kept->slot = serial_get_u8(reader);
	serial_get_fixed(reader, &kept->flow, sizeof(kept->flow));
	kept->terms.uri = serial_get_span(reader);
	kept->terms.instance = serial_get_span(reader);
	kept->terms.path = serial_get_span(reader);
	kept->terms.agent = serial_get_span(reader);
	if (kept->id == 0 || kept->terms.uri.length == 0 ||
		kept->terms.uri.length > REGISTRAR_URI_MAX_BYTES ||
		kept->terms.instance.length > REGISTRAR_INSTANCE_MAX_BYTES ||
		kept->terms.path.length > REGISTRAR_PATH_MAX_BYTES ||
		kept->terms.agent.length > REGISTRAR_AGENT_MAX_BYTES ||
		kept->terms.q_permille > SIP_Q_MAX || kept->slot >= REGISTRAR_CONTACTS_MAX ||
		kept->flow.transport >= SIP_TRANSPORT_COUNT)
		serial_reader_fail(reader);
	kept->flow.connection_id = 0; /* connections ended with the process */
}

/* Puts a binding into the slot that it had. -ENOSPC, -ENOMEM. */
static int restore(struct registrar *registrar, struct registrar_user *user,
	const struct kept *kept, struct td_now now)
{
	struct registrar_binding *binding = store_add(registrar, user);
	struct binding_terms terms = kept->terms;
	uint64_t left_ms = kept->expires_wall_ns > now.wall_ns
				   ? (kept->expires_wall_ns - now.wall_ns) / TD_NS_PER_MS
				   : 0;
	int error;

	if (binding == NULL)
		return -ENOSPC;
	if (left_ms > (uint64_t)EXPIRES_MAX_S * TD_MS_PER_S)
		left_ms = (uint64_t)EXPIRES_MAX_S * TD_MS_PER_S;
	terms.flow = &kept->flow;
	terms.expires_ms = td_after(now.mono_ms, left_ms);
	error = store_prepare(registrar, NULL, &terms);
	if (error != 0)
		return error;
	store_set(registrar, binding, &terms);
	user->slots &= (uint8_t) ~(1u << binding->slot);
	user->slots |= (uint8_t)(1u << kept->slot);
	binding->slot = kept->slot;
	binding->id = kept->id;
	binding->ordinal = kept->ordinal;
	binding->added_wall_ns = kept->added_wall_ns;
	binding->sequence = kept->sequence;
	if (registrar->sequence < kept->sequence)
		registrar->sequence = kept->sequence;
	return 0;
}

/* Tells of what didn't outlive the restart. */
static void sort_out(struct registrar *registrar, struct registrar_user *user, uint64_t now_ms)
{
	struct registrar_binding *next;
	bool has_changed = false;

	for (struct registrar_binding *one = user->bindings; one != NULL; one = next) {
		bool is_over = one->timer.deadline_ms <= now_ms;

		next = one->next;
		if (!is_over && registrar_binding_is_reachable(one))
			continue;
		store_drop(registrar, one, is_over ? REGISTRAR_EXPIRED : REGISTRAR_FLOW_LOST);
		has_changed = true;
	}
	if (has_changed)
		registrar->sink.keep(registrar->sink.context, user);
}

/* Takes back what a failed reading has brought in, without a word. */
static void forget_all(struct registrar *registrar, struct registrar_user *user)
{
	while (user->bindings != NULL) {
		heap_free(&registrar->heap, user->bindings->texts);
		user->bindings->texts = NULL;
		store_drop(registrar, user->bindings, REGISTRAR_REMOVED);
	}
}

int registrar_record_read(
	struct registrar *registrar, const void *bytes, size_t length, struct td_now now)
{
	struct kept kept[REGISTRAR_CONTACTS_MAX];
	struct registrar_user *user;
	struct serial_reader reader;
	char trunk[CONFIG_NAME_BYTES] = "";
	uint32_t slots = 0;
	uint8_t count;
	struct span name;
	int error = 0;

	serial_reader_init(&reader, bytes, length);
	if (serial_get_u32(&reader) != RECORD_MAGIC || serial_get_u32(&reader) != RECORD_VERSION)
		return -EBADMSG;
	(void)serial_get_bytes(&reader, trunk, sizeof(trunk) - 1); /* a failure is told below */
	name = serial_get_span(&reader);
	count = serial_get_u8(&reader);
	if (count > REGISTRAR_CONTACTS_MAX)
		return -EBADMSG;
	for (uint8_t i = 0; i < count; i++) {
		get_binding(&reader, &kept[i]);
		if (kept[i].slot >= REGISTRAR_CONTACTS_MAX || (slots >> kept[i].slot & 1) != 0)
			return -EBADMSG;
		slots |= 1u << kept[i].slot;
	}
	if (serial_reader_finish(&reader) != 0)
		return -EBADMSG;
	user = registrar_find(registrar, trunk, name);
	if (user == NULL || user->bindings != NULL)
		return -ENOENT;
	for (uint8_t i = count; i != 0 && error == 0; i--) /* the list begins with the newest */
		error = restore(registrar, user, &kept[i - 1], now);
	if (error != 0) {
		forget_all(registrar, user);
		return error;
	}
	sort_out(registrar, user, now.mono_ms);
	return 0;
}
