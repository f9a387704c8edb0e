/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests inside a dialog and where they go (RFC 3261 12.2.1.1). A first route without ;lr is a
 * strict router: it takes the place of the request URI, and the remote target goes last.
 */
#include "dialog/dialog.h"
#include "dialog/parts.h"
#include "util/text.h"

#include <tandem/endpoint.h>

#include <stdio.h>
#include <string.h>

enum {
	DIALOG_MAX_FORWARDS = 70,		     /* RFC 3261 8.1.1.6 */
	NAMED_URI_BYTES = DIALOG_TEXT_MAX_BYTES + 2, /* with < and > */
};

/* A URI as it may stand in a request line: without headers and the method parameter
 * (RFC 3261 19.1.1). */
static void append_request_uri(struct text *text, const struct sip_uri *uri)
{
	const char *params_end = uri->params.text + uri->params.length;
	struct span rest = uri->params;

	if (span_is_empty(uri->params)) {
		struct span head = uri->text;

		if (!span_is_empty(uri->headers))
			head.length = (uint32_t)(uri->headers.text - 1 - uri->text.text);
		text_append(text, head);
		return;
	}
	text_append(text, (struct span){.text = uri->text.text,
				  .length = (uint32_t)(uri->params.text - 1 - uri->text.text)});
	while (!span_is_empty(rest)) {
		const char *end = memchr(rest.text, ';', rest.length);
		struct span one = rest;

		if (end != NULL)
			one.length = (uint32_t)(end - one.text);
		rest.text += one.length + (end != NULL);
		rest.length = (uint32_t)(params_end - rest.text);
		if (one.length >= 7 && strncasecmp(one.text, "method=", 7) == 0)
			continue;
		text_append_char(text, ';');
		text_append(text, one);
	}
}

/* What does a request line get from a URI text; the text itself if it can't be parsed. */
static void append_uri(struct text *text, struct span uri_text)
{
	struct sip_uri uri;

	if (sip_uri_parse(uri_text, &uri) == 0)
		append_request_uri(text, &uri);
	else
		text_append(text, uri_text);
}

static void build_request_line_and_via(struct sip_builder *builder, enum sip_method method,
	struct span request_uri, const struct dialog_via *via)
{
	char local[TD_ENDPOINT_TEXT_BYTES];

	sip_build_request_line(builder, span_from(sip_method_name(method)), request_uri);
	sip_build_header_format(builder, SIP_HEADER_VIA, "SIP/2.0/%s %s;branch=%s;rport",
		sip_transport_name(via->hop->transport),
		td_endpoint_format(&via->hop->local, local), via->branch);
	sip_build_header_format(builder, SIP_HEADER_MAX_FORWARDS, "%d", DIALOG_MAX_FORWARDS);
}

static void build_routes(const struct dialog *dialog, struct sip_builder *builder,
	enum sip_method method, const struct dialog_via *via)
{
	struct span rest = dialog_span(dialog, dialog->routes);
	struct span target = dialog_span(dialog, dialog->remote_target);
	char bytes[NAMED_URI_BYTES + 1];
	struct sip_name_addr first;
	bool is_strict = dialog_first_route(dialog, &first) && !first.uri.is_loose_router;
	struct span route;
	struct text text;

	text_init(&text, bytes, sizeof(bytes));
	if (is_strict) {
		append_request_uri(&text, &first.uri);
		(void)dialog_next_route(&rest); /* it stands in the request line now */
	} else {
		append_uri(&text, target);
	}
	build_request_line_and_via(builder, method, text_span(&text), via);
	while (!span_is_empty(route = dialog_next_route(&rest)))
		sip_build_header(builder, SIP_HEADER_ROUTE, route);
	if (is_strict) {
		text_init(&text, bytes, sizeof(bytes));
		text_append_char(&text, '<');
		text_append(&text, target);
		text_append_char(&text, '>');
		sip_build_header(builder, SIP_HEADER_ROUTE, text_span(&text));
	}
}

void dialog_build_first_routes(const struct dialog *dialog, struct sip_builder *builder)
{
	struct span rest = dialog_span(dialog, dialog->routes);
	struct span route;

	while (!span_is_empty(route = dialog_next_route(&rest)))
		sip_build_header(builder, SIP_HEADER_ROUTE, route);
}

static void build_party(const struct dialog *dialog, struct sip_builder *builder,
	enum sip_header_id id, struct dialog_text uri, struct dialog_text tag)
{
	struct span value = dialog_span(dialog, uri);
	struct span tag_value = dialog_span(dialog, tag);

	if (span_is_empty(tag_value))
		sip_build_header(builder, id, value);
	else
		sip_build_header_format(
			builder, id, "%.*s;tag=%.*s", SPAN_ARGS(value), SPAN_ARGS(tag_value));
}

static bool is_target_refresh(enum sip_method method)
{
	return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE ||
	       method == SIP_METHOD_SUBSCRIBE || method == SIP_METHOD_NOTIFY ||
	       method == SIP_METHOD_REFER;
}

void dialog_build_request_by(struct dialog *dialog, struct sip_builder *builder,
	enum sip_method method, const struct dialog_via *via, uint32_t cseq_for_ack)
{
	uint32_t cseq = cseq_for_ack;

	if (method != SIP_METHOD_ACK && method != SIP_METHOD_CANCEL)
		cseq = ++dialog->local_cseq;
	build_routes(dialog, builder, method, via);
	build_party(dialog, builder, SIP_HEADER_FROM, dialog->local_uri, dialog->local_tag);
	build_party(dialog, builder, SIP_HEADER_TO, dialog->remote_uri, dialog->remote_tag);
	sip_build_header(builder, SIP_HEADER_CALL_ID, dialog_span(dialog, dialog->call_id));
	sip_build_header_format(builder, SIP_HEADER_CSEQ, "%u %s", cseq, sip_method_name(method));
	if (is_target_refresh(method))
		sip_build_header(
			builder, SIP_HEADER_CONTACT, dialog_span(dialog, dialog->local_contact));
}

void dialog_build_request(struct dialog *dialog, struct sip_builder *builder,
	enum sip_method method, const char *branch, uint32_t cseq_for_ack)
{
	struct sip_flow hop = dialog_next_hop(dialog);

	dialog_build_request_by(dialog, builder, method,
		&(const struct dialog_via){.branch = branch, .hop = &hop}, cseq_for_ack);
}

/* A SIPS URI is never reached in clear, whatever else it says (RFC 5630 3.1.3). Without a word on
 * it the transport that reached the peer so far reaches it again. */
static enum sip_transport uri_transport(const struct sip_uri *uri, enum sip_transport current)
{
	if (uri->scheme == SIP_SCHEME_SIPS)
		return SIP_TRANSPORT_TLS;
	return uri->transport != SIP_TRANSPORT_UNKNOWN ? uri->transport : current;
}

/* The address in a URI: its maddr if there is one, else its host. False if it is a name. */
static bool uri_address(const struct sip_uri *uri, struct td_ip *ret_ip)
{
	struct span maddr;

	if (sip_param_find(uri->params, "maddr", &maddr) && !span_is_empty(maddr)) {
		if (maddr.length > 2 && maddr.text[0] == '[') {
			maddr.text++;
			maddr.length -= 2;
		}
		return td_ip_parse(maddr.text, maddr.length, ret_ip);
	}
	*ret_ip = uri->host_ip;
	return uri->host_ip.family != TD_FAMILY_NONE;
}

struct sip_flow dialog_next_hop(const struct dialog *dialog)
{
	struct sip_flow hop = dialog->flow;
	struct sip_name_addr route;
	struct sip_uri uri;
	struct td_ip ip;
	uint16_t port;

	if (dialog->keeps_flow)
		return hop;
	if (dialog_first_route(dialog, &route))
		uri = route.uri;
	else if (sip_uri_parse(dialog_span(dialog, dialog->remote_target), &uri) != 0)
		return hop;
	/* A WebSocket peer has no address but its connection, whatever its URIs say. */
	if (sip_transport_is_websocket(hop.transport) ||
		sip_transport_is_websocket(uri.transport) || !uri_address(&uri, &ip))
		return hop;
	/* Of the other IP version: our end of the flow can't send there, but the peer was heard. */
	if (ip.family != hop.local.ip.family)
		return hop;
	hop.transport = uri_transport(&uri, dialog->flow.transport);
	port = sip_transport_port(hop.transport);
	memset(&hop.remote, 0, sizeof(hop.remote));
	hop.remote.ip = ip;
	hop.remote.port = uri.port != 0 ? uri.port : port;
	/* Its connection to us serves on, though its far port is not the one it listens on. */
	if (hop.transport != dialog->flow.transport ||
		!td_ip_equal(&hop.remote.ip, &dialog->flow.remote.ip))
		hop.connection_id = 0;
	return hop;
}
