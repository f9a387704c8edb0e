/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages made from messages: CANCEL and the ACK to a failure from the INVITE (RFC 3261 9.1,
 * 17.1.1.3), and answers to requests that get no transaction. All are built in the table's
 * scratch buffer, which holds one message until it is sent or stored.
 */
#include "sip/builder.h"
#include "transaction/machine.h"

#include <errno.h>
#include <string.h>

enum {
	DERIVED_MAX_FORWARDS = 70, /* RFC 3261 8.1.1.6 */
};

/* What ACK and CANCEL share: request URI, one Via, Route, From, Call-ID and the CSeq number of
 * the INVITE. to is the INVITE's own, or the response's for ACK. */
static void derive_head(struct sip_builder *builder, enum sip_method method,
	const struct sip_message *invite, struct span to)
{
	const char *name = sip_method_name(method);

	sip_build_request_line(builder, span_from(name), invite->request_uri.text);
	sip_build_header(builder, SIP_HEADER_VIA, invite->via.text);
	sip_build_header_format(builder, SIP_HEADER_MAX_FORWARDS, "%d", DERIVED_MAX_FORWARDS);
	sip_build_copy(builder, invite, SIP_HEADER_ROUTE);
	sip_build_header(builder, SIP_HEADER_FROM, invite->from.text);
	sip_build_header(builder, SIP_HEADER_TO, to);
	sip_build_header(builder, SIP_HEADER_CALL_ID, invite->call_id);
	sip_build_header_format(builder, SIP_HEADER_CSEQ, "%u %s", invite->cseq.number, name);
}

int transaction_derive_cancel(
	struct transaction_table *table, const struct sip_message *invite, struct span reason)
{
	struct sip_builder builder;

	sip_builder_init(&builder, table->scratch, SIP_MESSAGE_MAX_BYTES);
	derive_head(&builder, SIP_METHOD_CANCEL, invite, invite->to.text);
	if (!span_is_empty(reason))
		sip_build_header(&builder, SIP_HEADER_REASON, reason);
	return sip_builder_finish(&builder, SPAN(""), SPAN(""));
}

int transaction_derive_ack(struct transaction_table *table, const struct sip_message *invite,
	const struct sip_message *response)
{
	struct sip_builder builder;

	sip_builder_init(&builder, table->scratch, SIP_MESSAGE_MAX_BYTES);
	derive_head(&builder, SIP_METHOD_ACK, invite, response->to.text);
	return sip_builder_finish(&builder, SPAN(""), SPAN(""));
}

int transaction_derive_response(struct transaction_table *table, const struct sip_message *request,
	const struct sip_flow *flow, unsigned status, struct span to_tag)
{
	struct sip_builder builder;

	sip_builder_init(&builder, table->scratch, SIP_MESSAGE_MAX_BYTES);
	sip_build_response_head(&builder, request, &flow->remote, status, to_tag);
	if (status == 503)
		sip_build_header_format(
			&builder, SIP_HEADER_RETRY_AFTER, "%d", REFUSAL_RETRY_AFTER_S);
	return sip_builder_finish(&builder, SPAN(""), SPAN(""));
}

struct sip_flow transaction_reply_flow(
	const struct sip_message *request, const struct sip_flow *flow)
{
	struct sip_flow reply = *flow;

	bool is_by_port = flow->transport == SIP_TRANSPORT_UDP
				  ? !request->via.has_rport
				  : flow->transport == SIP_TRANSPORT_TCP ||
					    flow->transport == SIP_TRANSPORT_TLS;

	if (is_by_port)
		reply.remote.port = request->via.port != 0 ? request->via.port
							   : sip_transport_port(flow->transport);
	return reply;
}

void transaction_answer(struct transaction_table *table, const struct sip_message *request,
	const struct sip_flow *flow, unsigned status)
{
	struct sip_flow reply = transaction_reply_flow(request, flow);
	char tag[TRANSACTION_TAG_BYTES];
	int length;

	transaction_tag(table, request, tag);
	length = transaction_derive_response(table, request, flow, status, span_from(tag));
	if (length > 0)
		table->sink.send(table->sink.context, &reply, table->scratch, (size_t)length);
}

int transaction_parse_stored(struct transaction *transaction, struct sip_message *ret_message)
{
	if (transaction->bytes == NULL)
		return -EBADMSG;
	return sip_message_skim(
		(struct span){transaction->bytes, transaction->bytes_length}, ret_message);
}
