/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses and first INVITEs as text. The order of headers is the one that readers of traces
 * expect: routing, identity, session, extras.
 */
#include "leg/reply.h"

#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "util/format.h"

int leg_build_reply(char *buffer, size_t size_bytes, const struct sip_message *request,
	const struct td_endpoint *source, const struct leg_reply *reply)
{
	struct sip_builder builder;

	sip_builder_init(&builder, buffer, size_bytes);
	sip_build_response_head(&builder, request, source, reply->status, reply->to_tag);
	if (!span_is_empty(reply->contact)) {
		sip_build_copy(&builder, request, SIP_HEADER_RECORD_ROUTE);
		sip_build_header(&builder, SIP_HEADER_CONTACT, reply->contact);
	}
	if (reply->has_allow)
		leg_allow_build(&builder, reply->methods);
	if (reply->has_accept)
		sip_build_header(&builder, SIP_HEADER_ACCEPT, SPAN(LEG_ACCEPT));
	if (reply->rseq != 0)
		sip_build_header_format(&builder, SIP_HEADER_RSEQ, "%u", reply->rseq);
	leg_options_build(&builder, SIP_HEADER_SUPPORTED, reply->supported);
	leg_options_build(&builder, SIP_HEADER_REQUIRE, reply->require);
	session_terms_build(&builder, &reply->session);
	if (!span_is_empty(reply->unsupported))
		sip_build_header(&builder, SIP_HEADER_UNSUPPORTED, reply->unsupported);
	for (size_t i = 0; i < TD_COUNT_OF(reply->authenticate); i++)
		if (reply->authenticate[i] != NULL)
			sip_build_header(&builder, SIP_HEADER_WWW_AUTHENTICATE,
				span_from(reply->authenticate[i]));
	cause_build_reason(&builder, reply->q850);
	if (reply->warning != NULL)
		sip_build_header_format(
			&builder, SIP_HEADER_WARNING, "399 tandem \"%s\"", reply->warning);
	if (reply->retry_after_s != 0)
		sip_build_header_format(
			&builder, SIP_HEADER_RETRY_AFTER, "%u", reply->retry_after_s);
	for (size_t i = 0; i < TD_COUNT_OF(reply->more); i++)
		if (reply->more[i].id != SIP_HEADER_OTHER)
			sip_build_header(&builder, reply->more[i].id, reply->more[i].value);
	if (!span_is_empty(reply->server))
		sip_build_header(&builder, SIP_HEADER_SERVER, reply->server);
	return sip_builder_finish(&builder, SPAN("application/sdp"), reply->body);
}

struct span leg_contact(
	const struct sip_flow *flow, enum sip_scheme scheme, char contact[LEG_CONTACT_BYTES])
{
	/* RFC 7118 has one word for both kinds of WebSocket. */
	static const char *const parameters[SIP_TRANSPORT_COUNT] = {
		[SIP_TRANSPORT_TCP] = ";transport=tcp",
		[SIP_TRANSPORT_TLS] = ";transport=tls",
		[SIP_TRANSPORT_WS] = ";transport=ws",
		[SIP_TRANSPORT_WSS] = ";transport=ws",
	};
	bool is_sips = scheme == SIP_SCHEME_SIPS && sip_transport_is_secure(flow->transport);
	const char *parameter = parameters[flow->transport];
	char endpoint[TD_ENDPOINT_TEXT_BYTES];
	int length;

	if (parameter == NULL || (is_sips && flow->transport == SIP_TRANSPORT_TLS))
		parameter = "";
	length = format_text(contact, LEG_CONTACT_BYTES, "<%s:%s%s>", is_sips ? "sips" : "sip",
		td_endpoint_format(&flow->local, endpoint), parameter);

	return (struct span){contact, length > 0 ? (uint32_t)length : 0};
}

void leg_build_via(struct sip_builder *builder, const struct sip_flow *flow, const char *branch)
{
	char endpoint[TD_ENDPOINT_TEXT_BYTES];

	sip_build_header_format(builder, SIP_HEADER_VIA, "SIP/2.0/%s %s;branch=%s;rport",
		sip_transport_name(flow->transport), td_endpoint_format(&flow->local, endpoint),
		branch);
}

int leg_build_invite(char *buffer, size_t size_bytes, const struct leg_invite *invite)
{
	const struct dialog *dialog = invite->dialog;
	struct sip_builder builder;
	struct span from = dialog_span(dialog, dialog->local_uri);
	struct span tag = dialog_span(dialog, dialog->local_tag);

	sip_builder_init(&builder, buffer, size_bytes);
	sip_build_request_line(
		&builder, SPAN("INVITE"), dialog_span(dialog, dialog->remote_target));
	leg_build_via(&builder, &dialog->flow, invite->branch);
	dialog_build_first_routes(dialog, &builder);
	sip_build_header_format(&builder, SIP_HEADER_MAX_FORWARDS, "%u", invite->max_forwards);
	sip_build_header_format(
		&builder, SIP_HEADER_FROM, "%.*s;tag=%.*s", SPAN_ARGS(from), SPAN_ARGS(tag));
	sip_build_header(&builder, SIP_HEADER_TO, dialog_span(dialog, dialog->remote_uri));
	sip_build_header(&builder, SIP_HEADER_CALL_ID, dialog_span(dialog, dialog->call_id));
	sip_build_header_format(&builder, SIP_HEADER_CSEQ, "%u INVITE", dialog->local_cseq);
	sip_build_header(&builder, SIP_HEADER_CONTACT, dialog_span(dialog, dialog->local_contact));
	sip_build_lines(&builder, invite->headers);
	if (invite->authorization != NULL)
		sip_build_header(&builder,
			invite->is_proxy_authorization ? SIP_HEADER_PROXY_AUTHORIZATION
						       : SIP_HEADER_AUTHORIZATION,
			span_from(invite->authorization));
	leg_allow_build(&builder, invite->methods);
	leg_options_build(&builder, SIP_HEADER_SUPPORTED, invite->supported);
	leg_options_build(&builder, SIP_HEADER_REQUIRE, invite->require);
	session_terms_build(&builder, &invite->session);
	if (!span_is_empty(invite->user_agent))
		sip_build_header(&builder, SIP_HEADER_USER_AGENT, invite->user_agent);
	return sip_builder_finish(&builder, SPAN("application/sdp"), invite->body);
}
