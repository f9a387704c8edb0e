/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out in a leg's dialog: answers to requests that were kept, requests of ours, ACKs.
 */
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "switchboard/usage.h"

#include <errno.h>
#include <string.h>

bool legs_read(struct leg_request *request, struct sip_message *ret_message)
{
	struct sip_parse_error error;

	/* Parsed once before: a second time changes no byte. */
	return request != NULL &&
	       sip_message_parse(request->bytes, request->length, false, ret_message, &error) == 0;
}

struct span legs_body(const struct leg_request *request)
{
	return request != NULL ? sip_message_body((struct span){request->bytes, request->length})
			       : (struct span){0};
}

struct span legs_told(const struct leg *leg)
{
	return (struct span){leg->negotiation.local_sdp, leg->negotiation.local_sdp_length};
}

uint32_t legs_options(const struct switchboard *switchboard, const struct leg *leg)
{
	return trunks_options(switchboard, leg->trunk);
}

bool legs_respond(struct switchboard *switchboard, struct line *line, unsigned index,
	struct leg_request *to, struct leg_reply *reply)
{
	const struct leg *leg = &line->call.legs[index];
	struct sip_message request;
	struct span bytes;
	int length;
	int result;

	if (to == NULL || sip_message_skim((struct span){to->bytes, to->length}, &request) != 0)
		return false;
	if (reply->status > 100)
		reply->to_tag = dialog_span(&leg->dialog, leg->dialog.local_tag);
	if (reply->status > 100 && reply->status < 300 && to->method != SIP_METHOD_PRACK) {
		reply->supported |= legs_options(switchboard, leg);
		reply->contact = dialog_span(&leg->dialog, leg->dialog.local_contact);
	}
	reply->methods |= usages_methods(switchboard, leg->trunk);
	reply->server = switchboard_user_agent(switchboard);
	length = leg_build_reply(switchboard->buffer, sizeof(switchboard->buffer), &request,
		&to->flow.remote, reply);
	bytes = (struct span){switchboard->buffer, length > 0 ? (uint32_t)length : 0};
	if (length <= 0)
		result = -EINVAL;
	else if (reply->rseq != 0)
		result = transaction_respond_reliably(switchboard->transactions, to->transaction,
			bytes, switchboard->now.mono_ms);
	else
		result = transaction_respond(switchboard->transactions, to->transaction,
			reply->status, bytes, switchboard->now.mono_ms);
	switchboard->counts.unmatched += result != 0;
	return result == 0;
}

/* Adds what a request of ours inside the dialog carries beyond its head. */
static void build_extras(struct switchboard *switchboard, const struct leg *leg,
	const struct legs_outgoing *outgoing, struct sip_builder *builder)
{
	enum sip_method method = outgoing->method;
	struct session_terms terms;

	if (switchboard->authorization[0] != '\0') {
		sip_build_header(builder,
			switchboard->is_proxy_authorization ? SIP_HEADER_PROXY_AUTHORIZATION
							    : SIP_HEADER_AUTHORIZATION,
			span_from(switchboard->authorization));
		switchboard->authorization[0] = '\0';
	}
	if (method == SIP_METHOD_BYE)
		cause_build_reason(builder, leg->release.q850);
	if (method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE) {
		leg_allow_build(builder, usages_methods(switchboard, leg->trunk));
		session_timer_offer(&leg->session, &terms);
		leg_options_build(builder, SIP_HEADER_SUPPORTED, legs_options(switchboard, leg));
		session_terms_build(builder, &terms);
	}
	if (outgoing->method == SIP_METHOD_PRACK)
		sip_rack_build(builder, &outgoing->rack);
	sip_build_header(builder, SIP_HEADER_USER_AGENT, switchboard_user_agent(switchboard));
}

struct sip_flow legs_next_hop(const struct switchboard *switchboard, const struct dialog *dialog)
{
	struct sip_flow hop = dialog_next_hop(dialog);

	if (hop.transport != dialog->flow.transport &&
		trunk_local_end(switchboard->trunks, &hop) != 0)
		return dialog->flow; /* it was heard from there */
	return hop;
}

/* Writes the request into the buffer. Its length, or a negative errno. */
static int build_request(struct switchboard *switchboard, struct leg *leg,
	const struct legs_outgoing *outgoing, const struct sip_flow *next_hop)
{
	char branch[TRANSACTION_BRANCH_BYTES];
	const struct dialog_via via = {.branch = branch, .hop = next_hop};
	struct sip_builder builder;

	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	dialog_build_request_by(&leg->dialog, &builder, outgoing->method, &via, 0);
	build_extras(switchboard, leg, outgoing, &builder);
	return sip_builder_finish(&builder,
		span_is_empty(outgoing->content_type) ? SPAN("application/sdp")
						      : outgoing->content_type,
		outgoing->body);
}

int legs_request(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct legs_outgoing *outgoing)
{
	struct leg *leg = &line->call.legs[index];
	struct sip_flow next_hop = legs_next_hop(switchboard, &leg->dialog);
	const struct transaction_options options = {.flow = &next_hop, .user = leg->leg_id};
	int length = build_request(switchboard, leg, outgoing, &next_hop);
	struct span bytes = {switchboard->buffer, length > 0 ? (uint32_t)length : 0};
	transaction_id id = 0;
	int result;

	if (length <= 0)
		return length < 0 ? length : -EINVAL;
	if (outgoing->keep != NULL) {
		result = call_keep_request(
			&line->call, outgoing->keep, outgoing->method, bytes, &next_hop);
		if (result != 0)
			return result;
	}
	result = transaction_request(
		switchboard->transactions, bytes, &options, switchboard->now.mono_ms, &id);
	/* The transaction may have told of its end already: then nothing is kept any more. */
	if (outgoing->keep != NULL && *outgoing->keep != NULL) {
		if (result == 0)
			(*outgoing->keep)->transaction = id;
		else
			call_drop_request(&line->call, outgoing->keep);
	}
	if (result == 0 && outgoing->ret_id != NULL)
		*outgoing->ret_id = id;
	return result;
}

bool legs_answer_in_ack(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	switchboard_mark(switchboard, line);
	leg->ack_cseq = leg->invite_cseq;
	return call_set_text(&line->call, &leg->ack_sdp, &leg->ack_sdp_length, legs_told(leg)) == 0;
}

void legs_acknowledge(
	struct switchboard *switchboard, struct line *line, unsigned index, uint32_t cseq)
{
	struct leg *leg = &line->call.legs[index];
	struct sip_flow next_hop = legs_next_hop(switchboard, &leg->dialog);
	char branch[TRANSACTION_BRANCH_BYTES];
	const struct dialog_via via = {.branch = branch, .hop = &next_hop};
	struct sip_builder builder;
	struct span body = {0};
	int length;

	if (leg->ack_sdp_length != 0 && cseq == leg->ack_cseq)
		body = (struct span){leg->ack_sdp, leg->ack_sdp_length};
	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	dialog_build_request_by(&leg->dialog, &builder, SIP_METHOD_ACK, &via, cseq);
	length = sip_builder_finish(&builder, SPAN("application/sdp"), body);
	if (length > 0)
		switchboard_send(switchboard, &next_hop, switchboard->buffer, (size_t)length);
	if (leg->times.ack_wall_ns == 0)
		leg->times.ack_wall_ns = switchboard->now.wall_ns;
}
