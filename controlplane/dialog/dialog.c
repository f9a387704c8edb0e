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
static struct span without_tag(
	const struct sip_name_addr *value, char buffer[DIALOG_TEXT_MAX_BYTES])
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
	if (head_bytes + tail_bytes > DIALOG_TEXT_MAX_BYTES)
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
	const struct dialog_texts texts = {
		.call_id = identity->call_id,
		.local_tag = identity->local_tag,
		.local_uri = identity->local_uri,
		.remote_uri = identity->remote_uri,
		.remote_target = identity->remote_target,
		.local_contact = identity->local_contact,
		.routes = identity->routes,
	};
	struct sip_uri target;

	memset(dialog, 0, sizeof(*dialog));
	dialog->heap = identity->heap;
	dialog->state = DIALOG_EARLY;
	dialog->is_uac = 1;
	dialog->is_secure = sip_transport_is_secure(flow->transport) &&
			    sip_uri_parse(identity->remote_target, &target) == 0 &&
			    target.scheme == SIP_SCHEME_SIPS;
	dialog->local_cseq = first_cseq;
	dialog->flow = *flow;
	dialog->keeps_flow = identity->keeps_flow;
	dialog->route_count = dialog_count_routes(identity->routes);
	return dialog_set_texts(dialog, &texts);
}

/* Remote tag, route set and target from a response that makes or remakes the dialog. */
static int take_response(struct dialog *dialog, const struct sip_message *response)
{
	struct dialog_texts texts = dialog_get_texts(dialog);
	struct dialog_routes routes;
	int error = dialog_read_routes(response, &routes);

	if (error != 0)
		return error;
	texts.remote_tag = response->to.tag;
	texts.routes = (struct span){.text = routes.lines, .length = routes.length};
	if (is_target(&response->contact))
		texts.remote_target = response->contact.uri.text;
	error = dialog_set_texts(dialog, &texts);
	if (error == 0)
		dialog->route_count = routes.count;
	return error;
}

int dialog_accept_response(
	struct dialog *dialog, const struct sip_message *response, const struct sip_flow *flow)
{
	bool is_final = response->status >= STATUS_FIRST_2XX;
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
	error = take_response(dialog, response); /* all or nothing */
	if (error != 0)
		return error;
	if (is_final)
		dialog->state = DIALOG_CONFIRMED;
	dialog->flow = *flow;
	return 0;
}

int dialog_init_uas(struct dialog *dialog, const struct sip_message *request,
	const struct dialog_half *half, const struct sip_flow *flow)
{
	char local_uri[DIALOG_TEXT_MAX_BYTES];
	char remote_uri[DIALOG_TEXT_MAX_BYTES];
	struct dialog_routes routes;
	int error;

	if (!is_target(&request->contact))
		return -EBADMSG;
	error = dialog_read_routes(request, &routes);
	if (error != 0)
		return error;
	memset(dialog, 0, sizeof(*dialog));
	dialog->heap = half->heap;
	dialog->keeps_flow = half->keeps_flow;
	dialog->state = DIALOG_EARLY;
	dialog->is_secure = sip_transport_is_secure(flow->transport) &&
			    request->request_uri.scheme == SIP_SCHEME_SIPS;
	dialog->remote_cseq = request->cseq.number;
	dialog->has_remote_cseq = 1;
	dialog->route_count = routes.count;
	dialog->flow = *flow;
	return dialog_set_texts(
		dialog, &(const struct dialog_texts){
				.call_id = request->call_id,
				.local_tag = half->local_tag,
				.remote_tag = request->from.tag,
				.local_uri = without_tag(&request->to, local_uri),
				.remote_uri = without_tag(&request->from, remote_uri),
				.remote_target = request->contact.uri.text,
				.local_contact = half->local_contact,
				.routes = {.text = routes.lines, .length = routes.length},
			});
}

int dialog_fork(
	const struct dialog *dialog, struct span target, uint32_t cseq, struct dialog *ret_fork)
{
	struct dialog_texts texts = dialog_get_texts(dialog);
	struct dialog fork = {
		.state = DIALOG_EARLY,
		.is_uac = dialog->is_uac,
		.is_secure = dialog->is_secure,
		.local_cseq = cseq,
		.flow = dialog->flow,
		.heap = dialog->heap,
	};
	int error;

	texts.remote_tag = (struct span){0};
	texts.routes = (struct span){0};
	texts.remote_target = target;
	error = dialog_set_texts(&fork, &texts);
	if (error == 0)
		*ret_fork = fork;
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
	struct dialog_texts texts = dialog_get_texts(dialog);

	if (!is_target(&message->contact))
		return 0;
	texts.remote_target = message->contact.uri.text;
	return dialog_set_texts(dialog, &texts);
}
