/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way in: looks at each request before it is read, and turns away what must not cost more
 * than a look. What belongs to a dialog always passes.
 */
#include "leg/cause.h"
#include "route/route.h"
#include "switchboard/state.h"

#include <errno.h>
#include <string.h>

enum {
	TRANSACTIONS_RESERVED_PART = 8, /* of all, for requests in dialogs */
};

/* Tells tags of refusals without a transaction from those of other answers to the same request. */
static const uint64_t refusal_mark = 0x7265667573656421ull;

/* True if the transactions that are left are for the calls that are up. */
static bool transactions_are_short(const struct switchboard *switchboard)
{
	struct transaction_counts counts = transaction_table_counts(switchboard->transactions);
	uint64_t in_use = (uint64_t)counts.clients + counts.servers;
	uint32_t capacity = switchboard->config->sip.max_transactions;

	return in_use >= capacity - capacity / TRANSACTIONS_RESERVED_PART;
}

/* True if no new call may begin now; counts why. */
static bool gate_is_closed(struct switchboard *switchboard)
{
	const struct config_sip *sip = &switchboard->config->sip;
	struct switchboard_counts *counts = &switchboard->counts;

	if ((switchboard->gates & SWITCHBOARD_GATE_DRAINING) != 0)
		counts->refused_draining++;
	else if (switchboard->gates != 0)
		counts->refused_overload++;
	else if (slab_in_use(switchboard->lines) >= sip->max_calls ||
		 slab_in_use(switchboard->lines) >= slab_capacity(switchboard->lines))
		counts->refused_limit++;
	else if (switchboard->media_state != LEDGER_READY)
		counts->refused_media++;
	else
		return false;
	return true;
}

/* True if the number called is one of those that must always be reached (RFC 5031, or by list). */
static bool is_emergency(const struct switchboard *switchboard, const struct sip_message *invite)
{
	static const struct span sos = {.text = "urn:service:sos", .length = 15};
	const struct config_defence *defence = &switchboard->config->sip.defence;
	struct span text = invite->request_uri.text;
	char number[ROUTE_NUMBER_BYTES];
	struct sip_uri uri;

	if (text.length >= sos.length && strncasecmp(text.text, sos.text, sos.length) == 0)
		return true;
	if (sip_uri_parse(text, &uri) != 0 || route_number(&uri, number) != 0)
		return false;
	for (uint32_t i = 0; i < defence->emergency_number_count; i++)
		if (strcmp(number, defence->emergency_numbers[i]) == 0)
			return true;
	return false;
}

/* How much a new request matters. */
static enum overload_class class_of(const struct switchboard *switchboard,
	const struct sip_message *request, const struct config_limits *limits)
{
	if (request->method == SIP_METHOD_OPTIONS)
		return OVERLOAD_HIGH; /* costs little, and tells the peer whether we live */
	if (request->method != SIP_METHOD_INVITE)
		return OVERLOAD_LOW;
	if (defence_is_shedding(switchboard->defence) && is_emergency(switchboard, request))
		return OVERLOAD_EMERGENCY;
	if (limits->priority == CONFIG_PRIORITY_HIGH ||
		(limits->has_resource_priority &&
			sip_message_find(request, SIP_HEADER_RESOURCE_PRIORITY) != NULL))
		return OVERLOAD_HIGH;
	return limits->priority == CONFIG_PRIORITY_LOW ? OVERLOAD_LOW : OVERLOAD_NORMAL;
}

static struct span refusal_tag(uint64_t origin, char tag[SWITCHBOARD_TAG_BYTES])
{
	return receive_tag(origin ^ refusal_mark, tag);
}

static void refuse(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow, uint64_t origin)
{
	char tag[SWITCHBOARD_TAG_BYTES];
	const struct leg_reply reply = {
		.status = 503,
		.to_tag = refusal_tag(origin, tag),
		.q850 = CAUSE_CONGESTION,
		.retry_after_s = defence_retry_after_s(switchboard->defence, origin),
	};

	receive_answer_stateless(switchboard, request, flow, &reply);
}

/* True if there is no room, or no time, for a new request; counts why. */
static bool must_refuse(struct switchboard *switchboard, const struct sip_message *request,
	trunk_id trunk, uint64_t origin)
{
	const struct config_limits *limits = &trunk_config(switchboard->trunks, trunk)->limits;
	enum overload_class class = class_of(switchboard, request, limits);
	bool is_invite = request->method == SIP_METHOD_INVITE;

	if (is_invite && gate_is_closed(switchboard))
		return true;
	if (request->method != SIP_METHOD_OPTIONS && transactions_are_short(switchboard)) {
		switchboard->counts.refused_memory++;
		return true;
	}
	if (defence_sheds(switchboard->defence, class, origin))
		return true;
	return is_invite && class != OVERLOAD_EMERGENCY &&
	       !defence_admit_call(switchboard->defence, trunk, limits, switchboard->now.mono_ms);
}

/* An ACK to a refusal of ours has nobody to go to. */
static bool is_ack_to_refusal(
	const struct switchboard *switchboard, const struct sip_message *request)
{
	char tag[SWITCHBOARD_TAG_BYTES];

	return request->method == SIP_METHOD_ACK &&
	       span_equal(request->to.tag, refusal_tag(receive_origin(switchboard, request), tag));
}

/* True if the address is a trunk's alone: it has only the trunk's limits, and can't be banned for
 * what somebody sent in its name. */
static bool is_single(const struct switchboard *switchboard, const struct sip_flow *flow)
{
	return trunk_source_is_single(switchboard->trunks, &flow->remote.ip, flow->transport);
}

/* True if the request belongs to a dialog of ours, by a tag that nobody can guess. */
static bool is_in_dialog(const struct switchboard *switchboard, const struct sip_message *request)
{
	struct span tag = request->to.tag;

	return tag.length != 0 && table_find(switchboard->by_tag, tag.text, tag.length) != NULL;
}

bool guard_believes(const struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow)
{
	return flow->transport != SIP_TRANSPORT_UDP || is_in_dialog(switchboard, request);
}

void guard_note_fault(
	struct switchboard *switchboard, const struct sip_flow *flow, enum source_fault fault)
{
	const struct source_deed deed = {fault, flow->transport == SIP_TRANSPORT_UDP};

	if (!is_single(switchboard, flow))
		defence_note_fault(
			switchboard->defence, &flow->remote.ip, &deed, switchboard->now.mono_ms);
}

void guard_note_proof(struct switchboard *switchboard, const struct sip_flow *flow)
{
	if (!is_single(switchboard, flow))
		sources_note_proof(defence_sources(switchboard->defence), &flow->remote.ip,
			switchboard->now.mono_ms);
}

/* Scanners, and who has been banned; neither is a peer, and both get silence. */
static bool is_unwelcome(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow)
{
	const struct leg_reply reply = {.status = 403};
	uint64_t now_ms = switchboard->now.mono_ms;

	if (is_in_dialog(switchboard, request))
		return false;
	if (defence_is_banned(switchboard->defence, &flow->remote.ip, now_ms)) {
		defence_drop_banned(switchboard->defence);
		return true;
	}
	if (request->to.tag.length != 0 || !defence_is_scanner(switchboard->defence, request))
		return false;
	guard_note_fault(switchboard, flow, SOURCE_FAULT_SCANNER);
	if (switchboard->config->sip.defence.answers_scanners && request->method != SIP_METHOD_ACK)
		receive_answer_stateless(switchboard, request, flow, &reply);
	return true;
}

bool guard_turns_away(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow, trunk_id trunk)
{
	uint64_t now_ms = switchboard->now.mono_ms;
	bool is_invite = request->method == SIP_METHOD_INVITE;
	uint64_t origin;

	if (is_unwelcome(switchboard, request, flow))
		return true;
	if (request->to.tag.length != 0) {
		if (!is_ack_to_refusal(switchboard, request))
			return false;
		defence_absorb_ack(switchboard->defence);
		return true;
	}
	if (request->method == SIP_METHOD_ACK || request->method == SIP_METHOD_CANCEL)
		return false;
	/* What belongs to dialogs may have overtaken this: its wait says nothing. */
	defence_note_wait(switchboard->defence, &switchboard->wait, now_ms);
	origin = receive_origin(switchboard, request);
	/* A repeat of an INVITE that was taken goes to its transaction. */
	if (is_invite && table_find(switchboard->by_origin, &origin, sizeof(origin)) != NULL)
		return false;
	if (!is_single(switchboard, flow) &&
		!defence_admit_source(switchboard->defence, &flow->remote.ip, now_ms)) {
		refuse(switchboard, request, flow, origin);
		return true;
	}
	if (!(is_invite && defence_was_refused(switchboard->defence, origin, now_ms)) &&
		!must_refuse(switchboard, request, trunk, origin))
		return false;
	if (is_invite)
		defence_remember_refusal(switchboard->defence, origin, now_ms);
	refuse(switchboard, request, flow, origin);
	return true;
}

bool guard_finds_too_large(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow)
{
	enum defence_limit limit = defence_check_size(switchboard->defence, request);
	const struct leg_reply reply = {
		.status = limits_status(limit), .warning = limits_text(limit)};

	if (limit == DEFENCE_LIMIT_NONE)
		return false;
	if (request->method != SIP_METHOD_ACK)
		receive_answer_stateless(switchboard, request, flow, &reply);
	return true;
}

struct sources *switchboard_sources(const struct switchboard *switchboard)
{
	return defence_sources(switchboard->defence);
}

int switchboard_ban(
	struct switchboard *switchboard, const struct td_ip *ip, uint64_t until_ms, uint64_t now_ms)
{
	for (int transport = SIP_TRANSPORT_UDP; transport < SIP_TRANSPORT_COUNT; transport++)
		if (trunk_source_is_single(switchboard->trunks, ip, (enum sip_transport)transport))
			return -EPERM;
	return sources_ban(defence_sources(switchboard->defence), ip, until_ms, now_ms);
}
