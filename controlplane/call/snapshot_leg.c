/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a leg that own memory: its dialogs and what is being agreed in them.
 */
#include "call/fork.h"
#include "call/snapshot_parts.h"

#include <errno.h>
#include <string.h>

/* Puts a heap-owned text back. */
int snapshot_get_owned(
	struct serial_reader *reader, struct call *call, char **text, uint32_t *length)
{
	return call_set_text(call, text, length, serial_get_span(reader));
}

/* The dialog's fixed part as it is, and its texts. */
void snapshot_put_dialog(struct serial_writer *writer, const struct dialog *dialog)
{
	serial_put_fixed(writer, dialog, offsetof(struct dialog, text));
	serial_put_bytes(writer, dialog->text, dialog->text_bytes);
}

int snapshot_get_dialog(struct serial_reader *reader, struct dialog *dialog, struct heap *heap)
{
	int result;

	serial_get_fixed(reader, dialog, offsetof(struct dialog, text));
	result = dialog_restore(dialog, heap, serial_get_span(reader));
	if (result == -EBADMSG)
		serial_reader_fail(reader);
	return result == -EBADMSG ? 0 : result;
}

/* Without its transaction: that is made anew. */
void snapshot_put_request(struct serial_writer *writer, const struct leg_request *request)
{
	serial_put_u8(writer, request != NULL ? request->method : SIP_METHOD_OTHER);
	if (request == NULL)
		return;
	serial_put_fixed(writer, &request->flow, sizeof(request->flow));
	serial_put_bytes(writer, request->bytes, request->length);
}

int snapshot_get_request(struct serial_reader *reader, struct call *call, struct leg_request **slot)
{
	uint8_t method = serial_get_u8(reader);
	struct sip_flow flow;

	if (method == SIP_METHOD_OTHER)
		return 0;
	serial_get_fixed(reader, &flow, sizeof(flow));
	if (method >= SIP_METHOD_COUNT)
		serial_reader_fail(reader);
	return call_keep_request(
		call, slot, (enum sip_method)method, serial_get_span(reader), &flow);
}

void snapshot_put_negotiation(struct serial_writer *writer, const struct negotiation *negotiation)
{
	serial_put_u8(writer, negotiation->state);
	serial_put_u8(writer, negotiation->glare_count);
	serial_put_u64(writer, negotiation->version);
	serial_put_bytes(writer, negotiation->local_sdp, negotiation->local_sdp_length);
	serial_put_bytes(writer, negotiation->remote_sdp, negotiation->remote_sdp_length);
	snapshot_put_request(writer, negotiation->asked);
	snapshot_put_request(writer, negotiation->sent);
	snapshot_put_request(writer, negotiation->prack);
	serial_put_u32(writer, negotiation->rseq);
}

int snapshot_get_negotiation(
	struct serial_reader *reader, struct call *call, struct negotiation *negotiation)
{
	int result;

	negotiation->state = serial_get_u8(reader);
	negotiation->glare_count = serial_get_u8(reader);
	negotiation->version = serial_get_u64(reader);
	if (negotiation->state >= NEGOTIATION_STATE_COUNT)
		serial_reader_fail(reader);
	result = snapshot_get_owned(
		reader, call, &negotiation->local_sdp, &negotiation->local_sdp_length);
	if (result == 0)
		result = snapshot_get_owned(
			reader, call, &negotiation->remote_sdp, &negotiation->remote_sdp_length);
	if (result == 0)
		result = snapshot_get_request(reader, call, &negotiation->asked);
	if (result == 0)
		result = snapshot_get_request(reader, call, &negotiation->sent);
	if (result == 0)
		result = snapshot_get_request(reader, call, &negotiation->prack);
	negotiation->rseq = serial_get_u32(reader);
	return result;
}

void snapshot_put_reliable(struct serial_writer *writer, const struct reliable *reliable)
{
	serial_put_u8(writer, reliable->use);
	serial_put_u8(writer, reliable->state);
	serial_put_u8(writer, reliable->status);
	serial_put_u8(writer, reliable->kept_status);
	serial_put_u8(writer, reliable->has_body);
	serial_put_u8(writer, reliable->has_kept_body);
	serial_put_u32(writer, reliable->rseq);
}

void snapshot_get_reliable(struct serial_reader *reader, struct reliable *reliable)
{
	reliable->use = serial_get_u8(reader);
	reliable->state = serial_get_u8(reader);
	reliable->status = serial_get_u8(reader);
	reliable->kept_status = serial_get_u8(reader);
	reliable->has_body = serial_get_u8(reader) != 0;
	reliable->has_kept_body = serial_get_u8(reader) != 0;
	reliable->rseq = serial_get_u32(reader);
	if (reliable->use >= RELIABLE_USE_COUNT || reliable->state >= RELIABLE_STATE_COUNT)
		serial_reader_fail(reader);
}

void snapshot_put_forks(struct serial_writer *writer, const struct leg *leg)
{
	serial_put_u8(writer, (uint8_t)call_count_forks(leg));
	for (const struct leg_fork *fork = leg->forks; fork != NULL; fork = fork->next) {
		serial_put_u32(writer, fork->peer_methods);
		snapshot_put_dialog(writer, &fork->dialog);
		snapshot_put_negotiation(writer, &fork->negotiation);
	}
}

static int get_fork(struct serial_reader *reader, struct call *call, struct leg_fork **link)
{
	struct leg_fork *fork = heap_alloc(call->heap, sizeof(*fork));
	int result;

	if (fork == NULL)
		return -ENOMEM;
	memset(fork, 0, sizeof(*fork));
	*link = fork; /* the leg's from now on, so that call_fini() finds it */
	fork->peer_methods = serial_get_u32(reader);
	result = snapshot_get_dialog(reader, &fork->dialog, call->heap);
	if (result == 0)
		result = snapshot_get_negotiation(reader, call, &fork->negotiation);
	return result;
}

int snapshot_get_forks(struct serial_reader *reader, struct call *call, struct leg *leg)
{
	unsigned count = serial_get_u8(reader);
	struct leg_fork **link = &leg->forks;
	int result = 0;

	if (count >= CALL_FORKS_MAX) {
		serial_reader_fail(reader);
		return 0;
	}
	for (unsigned i = 0; i < count && result == 0; i++) {
		result = get_fork(reader, call, link);
		if (*link != NULL)
			link = &(*link)->next;
	}
	return result;
}
