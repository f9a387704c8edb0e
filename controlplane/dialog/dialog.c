/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a dialog begins, what belongs to it, and how it follows its peer (RFC 3261 12.1, 12.2.2).
 */
#include "dialog/dialog.h"

#include "dialog/parts.h"

#include <errno.h>
#include <string.h>

enum {
	STATUS_FIRST_2XX = 200,
	STATUS_CALL_DOES_NOT_EXIST = 481,
	STATUS_SERVER_ERROR = 500,
};

/* A From or To value without its tag parameter, in buffer if something had to be cut out of the
 * middle. Empty if it can't be had. */
static struct span without_tag(const struct sip_name_addr *value, char buffer[DIALOG_TEXT_BYTES])
{
	const char *end = value->text.text + value->text.length;
	const char *after = value->tag.text + value->tag.length;
	const char *before = value->tag.text;
	size_t head_bytes;
	size_t tail_bytes;

	if (span_is_empty(value->tag))
		return value->text;
	while (before > value->text.text && *before != ';')
		before--;
	head_bytes = (size_t)(before - value->text.text);
	tail_bytes = (size_t)(end - after);
	if (head_bytes + tail_bytes > DIALOG_TEXT_BYTES)
		return (struct span){0};
	memcpy(buffer, value->text.text, head_bytes);
	memcpy(buffer + head_bytes, after, tail_bytes);
	return span_trim(
		(struct span){.text = buffer, .length = (uint32_t)(head_bytes + tail_bytes)});
}

static bool is_target(const struct sip_name_addr *contact)
{
	return !span_is_empty(contact->uri.text) &&
	       (contact->uri.scheme == SIP_SCHEME_SIP || contact->uri.scheme == SIP_SCHEME_SIPS);
}

int dialog_init_uac(struct dialog *dialog, const struct dialog_identity *identity,
	uint32_t first_cseq, const struct sip_flow *flow)
{
	struct sip_uri target;
	int error;

	memset(dialog, 0, sizeof(*dialog));
	dialog->state = DIALOG_EARLY;
	dialog->is_uac = 1;
	dialog->is_secure = sip_transport_is_secure(flow->transport) &&
			    sip_uri_parse(identity->remote_target, &target) == 0 &&
			    target.scheme == SIP_SCHEME_SIPS;
	dialog->local_cseq = first_cseq;
	dialog->flow = *flow;
	error = dialog_set_text(dialog, &dialog->call_id, identity->call_id);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->local_tag, identity->local_tag);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->local_uri, identity->local_uri);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->remote_uri, identity->remote_uri);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->remote_target, identity->remote_target);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->local_contact, identity->local_contact);
	return error;
}

/* Remote tag, route set and target from a response that makes or remakes the dialog. */
static int take_response(struct dialog *dialog, const struct sip_message *response)
{
	int error = dialog_set_text(dialog, &dialog->remote_tag, response->to.tag);

	if (error == 0)
		error = dialog_take_routes(dialog, response);
	if (error == 0)
		error = dialog_refresh_target(dialog, response);
	return error;
}

int dialog_accept_response(
	struct dialog *dialog, const struct sip_message *response, const struct sip_flow *flow)
{
	bool is_final = response->status >= STATUS_FIRST_2XX;
	struct dialog next;
	int error;

	if (span_is_empty(response->to.tag) ||
		!span_equal(response->call_id, dialog_span(dialog, dialog->call_id)) ||
		!span_equal(response->from.tag, dialog_span(dialog, dialog->local_tag)))
		return -EBADMSG;
	if (dialog->state != DIALOG_EARLY) {
		/* Confirmed: a repeated 2xx or a late 1xx changes nothing. */
		return span_equal(response->to.tag, dialog_span(dialog, dialog->remote_tag))
			       ? 0
			       : -EEXIST;
	}
	if (is_final && !is_target(&response->contact))
		return -EBADMSG;
	next = *dialog; /* all or nothing */
	error = take_response(&next, response);
	if (error != 0)
		return error;
	if (is_final)
		next.state = DIALOG_CONFIRMED;
	next.flow = *flow;
	*dialog = next;
	return 0;
}

int dialog_init_uas(struct dialog *dialog, const struct sip_message *request, struct span local_tag,
	struct span local_contact, const struct sip_flow *flow)
{
	char buffer[DIALOG_TEXT_BYTES];
	int error;

	if (!is_target(&request->contact))
		return -EBADMSG;
	memset(dialog, 0, sizeof(*dialog));
	dialog->state = DIALOG_EARLY;
	dialog->is_secure = sip_transport_is_secure(flow->transport) &&
			    request->request_uri.scheme == SIP_SCHEME_SIPS;
	dialog->remote_cseq = request->cseq.number;
	dialog->has_remote_cseq = 1;
	dialog->flow = *flow;
	error = dialog_set_text(dialog, &dialog->call_id, request->call_id);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->local_tag, local_tag);
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->remote_tag, request->from.tag);
	if (error == 0)
		error = dialog_set_text(
			dialog, &dialog->local_uri, without_tag(&request->to, buffer));
	if (error == 0)
		error = dialog_set_text(
			dialog, &dialog->remote_uri, without_tag(&request->from, buffer));
	if (error == 0)
		error = dialog_set_text(dialog, &dialog->local_contact, local_contact);
	if (error == 0)
		error = dialog_take_routes(dialog, request);
	if (error == 0)
		error = dialog_refresh_target(dialog, request);
	return error;
}

bool dialog_matches(const struct dialog *dialog, const struct sip_message *message)
{
	bool is_request = sip_message_is_request(message);
	struct span local_tag = is_request ? message->to.tag : message->from.tag;
	struct span remote_tag = is_request ? message->from.tag : message->to.tag;

	return span_equal(message->call_id, dialog_span(dialog, dialog->call_id)) &&
	       span_equal(local_tag, dialog_span(dialog, dialog->local_tag)) &&
	       span_equal(remote_tag, dialog_span(dialog, dialog->remote_tag));
}

unsigned dialog_accept_request(
	struct dialog *dialog, const struct sip_message *request, const struct sip_flow *flow)
{
	if (!dialog_matches(dialog, request))
		return STATUS_CALL_DOES_NOT_EXIST;
	/* ACK and CANCEL carry the number of their INVITE, whatever came meanwhile. */
	if (request->method != SIP_METHOD_ACK && request->method != SIP_METHOD_CANCEL) {
		if (dialog->has_remote_cseq && request->cseq.number < dialog->remote_cseq)
			return STATUS_SERVER_ERROR;
		dialog->remote_cseq = request->cseq.number;
		dialog->has_remote_cseq = 1;
	}
	dialog->flow = *flow;
	return 0;
}

int dialog_refresh_target(struct dialog *dialog, const struct sip_message *message)
{
	if (!is_target(&message->contact))
		return 0;
	return dialog_set_text(dialog, &dialog->remote_target, message->contact.uri.text);
}
