/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REGISTER requests of ours, where they go, and what the answers mean (RFC 3261 10.2, RFC 5626 4.2,
 * RFC 3608, RFC 6140).
 */
#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/screen.h"
#include "sip/contact.h"
#include "switchboard/registration.h"
#include "util/format.h"
#include "util/siphash.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

enum {
	URI_BYTES = 2 * CONFIG_TEXT_BYTES + 32,
	CONTACT_BYTES = LEG_CONTACT_BYTES + CONFIG_TEXT_BYTES + 96,
	INSTANCE_BYTES = 48,
	REDIRECTS_MAX = 2, /* in one round */
};

/* ---- what it says -------------------------------------------------------------------------- */

/* The registrar's domain as a URI; with the user it is the address of record. */
static void write_uri(const struct enrolment *enrolment, bool has_user, char uri[URI_BYTES])
{
	const struct config_registration *config = &enrolment->config;
	const struct config_target *registrar = &config->registrar;
	bool is_ipv6 = config->domain[0] == '\0' && strchr(registrar->host, ':') != NULL;
	uint16_t usual = sip_transport_port((enum sip_transport)registrar->transport);
	char port[8] = "";

	/* A domain has no port; an address may need one. */
	if (config->domain[0] == '\0' && registrar->endpoint.port != 0 &&
		registrar->endpoint.port != usual && !has_user)
		(void)format_text(port, sizeof(port), ":%u", registrar->endpoint.port);
	(void)format_text(uri, URI_BYTES, "%s:%s%s%s%s%s%s", registrar->is_sips ? "sips" : "sip",
		has_user ? config->user : "", has_user ? "@" : "", is_ipv6 ? "[" : "",
		config->domain[0] != '\0' ? config->domain : registrar->host, is_ipv6 ? "]" : "",
		port);
}

/* A name for this appliance that stays: a UUID made of the node's name (RFC 5626 4.1). */
static void write_instance(const struct switchboard *switchboard, char instance[INSTANCE_BYTES])
{
	static const uint8_t seeds[2][SIPHASH_SEED_BYTES] = {"tandem-instance", "tandem-Instance"};
	const char *node = switchboard->config->node;
	uint64_t high = siphash(seeds[0], node, strlen(node));
	uint64_t low = siphash(seeds[1], node, strlen(node));

	(void)format_text(instance, INSTANCE_BYTES, "urn:uuid:%08x-%04x-5%03x-8%03x-%012llx",
		(unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
		(unsigned)(low >> 48 & 0xfff), (unsigned long long)(low & 0xffffffffffffull));
}

/* URI of our Contact. */
static void write_contact(
	const struct enrolment *enrolment, const struct sip_flow *flow, char uri[CONTACT_BYTES])
{
	const struct config_registration *config = &enrolment->config;
	enum sip_scheme scheme = config->registrar.is_sips ? SIP_SCHEME_SIPS : SIP_SCHEME_SIP;
	char own[LEG_CONTACT_BYTES];
	struct span self = leg_contact(flow, scheme, own);
	const char *colon = memchr(self.text, ':', self.length);
	int scheme_length = (int)(colon - self.text) - 1;
	int rest_length = (int)(self.length - 3 - (uint32_t)scheme_length);
	const char *user = config->contact_user[0] != '\0' ? config->contact_user : config->user;

	/* RFC 6140 5.1: the registrar puts each number in. */
	(void)format_text(uri, CONTACT_BYTES, "%.*s:%s%s%.*s%s", scheme_length, self.text + 1,
		config->is_bulk ? "" : user, config->is_bulk ? "" : "@", rest_length, colon + 1,
		config->is_bulk ? ";bnc" : "");
}

static bool offers_outbound(const struct enrolment *enrolment)
{
	return enrolment->config.is_outbound && !enrolment->lacks_outbound;
}

static void build_contact(const struct switchboard *switchboard, const struct enrolment *enrolment,
	struct sip_builder *builder)
{
	char uri[CONTACT_BYTES];
	char instance[INSTANCE_BYTES];

	write_contact(enrolment, &enrolment->flow, uri);
	write_instance(switchboard, instance);
	if (offers_outbound(enrolment))
		sip_build_header_format(builder, SIP_HEADER_CONTACT,
			"<%s>;+sip.instance=\"<%s>\";reg-id=1", uri, instance);
	else
		sip_build_header_format(builder, SIP_HEADER_CONTACT, "<%s>", uri);
}

static void build_extensions(const struct enrolment *enrolment, struct sip_builder *builder)
{
	bool is_bulk = enrolment->config.is_bulk;

	sip_build_header_format(builder, SIP_HEADER_SUPPORTED, "path%s%s",
		offers_outbound(enrolment) ? ", outbound" : "", is_bulk ? ", gin" : "");
	if (is_bulk) {
		sip_build_header(builder, SIP_HEADER_REQUIRE, SPAN("gin"));
		sip_build_header(builder, SIP_HEADER_PROXY_REQUIRE, SPAN("gin"));
	}
}

/* Writes the request into the buffer. Its length, or a negative errno. */
static int build(struct switchboard *switchboard, struct enrolment *enrolment, bool is_end)
{
	char branch[TRANSACTION_BRANCH_BYTES];
	char uri[URI_BYTES];
	struct sip_builder builder;

	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	write_uri(enrolment, false, uri);
	sip_build_request_line(&builder, SPAN("REGISTER"), span_from(uri));
	leg_build_via(&builder, &enrolment->flow, branch);
	sip_build_header(&builder, SIP_HEADER_MAX_FORWARDS, SPAN("70"));
	write_uri(enrolment, true, uri);
	sip_build_header_format(&builder, SIP_HEADER_FROM, "<%s>;tag=%s", uri, enrolment->tag);
	sip_build_header_format(&builder, SIP_HEADER_TO, "<%s>", uri);
	sip_build_header(&builder, SIP_HEADER_CALL_ID, span_from(enrolment->call_id));
	sip_build_header_format(&builder, SIP_HEADER_CSEQ, "%u REGISTER", ++enrolment->cseq);
	build_contact(switchboard, enrolment, &builder);
	sip_build_header_format(
		&builder, SIP_HEADER_EXPIRES, "%u", is_end ? 0 : enrolment->machine.wanted_s);
	build_extensions(enrolment, &builder);
	leg_allow_build(&builder, 0);
	if (switchboard->authorization[0] != '\0')
		sip_build_header(&builder,
			switchboard->is_proxy_authorization ? SIP_HEADER_PROXY_AUTHORIZATION
							    : SIP_HEADER_AUTHORIZATION,
			span_from(switchboard->authorization));
	switchboard->authorization[0] = '\0';
	sip_build_header(&builder, SIP_HEADER_USER_AGENT, switchboard_user_agent(switchboard));
	return sip_builder_finish(&builder, SPAN(""), SPAN(""));
}

/* ---- where it goes ------------------------------------------------------------------------- */

/* To the address that the configuration names beside the trunk's target. */
static int own_target(struct switchboard *switchboard, struct enrolment *enrolment)
{
	const struct config_target *registrar = &enrolment->config.registrar;
	struct sip_flow flow = {
		.remote = registrar->endpoint,
		.transport = (enum sip_transport)registrar->transport,
		.server_id = registrar->server_id,
	};
	int result;

	if (enrolment->attempt.tried != 0)
		return -EHOSTDOWN;
	enrolment->attempt.tried = 1;
	flow.local.ip.family = registrar->endpoint.ip.family;
	result = trunk_local_end(switchboard->trunks, &flow);
	if (result == 0)
		enrolment->flow = flow;
	return result;
}

/* To the next target of the trunk: first those that live, then any. */
static int next_target(struct switchboard *switchboard, struct enrolment *enrolment)
{
	struct trunk_attempt *attempt = &enrolment->attempt;
	uint64_t now_ms = switchboard->now.mono_ms;
	struct sip_flow flow;
	int result;

	if (enrolment->has_own_target)
		return own_target(switchboard, enrolment);
	result = trunk_choose_target(switchboard->trunks, enrolment->trunk, attempt,
		switchboard_random(switchboard), now_ms);
	if (result == -EHOSTDOWN && !attempt->is_last_resort) {
		attempt->is_last_resort = true;
		result = trunk_choose_target(switchboard->trunks, enrolment->trunk, attempt,
			switchboard_random(switchboard), now_ms);
	}
	if (result == 0)
		result = trunk_target_flow(
			switchboard->trunks, enrolment->trunk, attempt->last, &flow);
	if (result == 0)
		enrolment->flow = flow;
	return result;
}

/* To where it was registered before, if that is still one of the trunk's targets. */
static bool same_target(struct switchboard *switchboard, struct enrolment *enrolment)
{
	trunk_target_id target;

	if (!registration_holds(&enrolment->machine) || enrolment->has_own_target)
		return false;
	target = trunk_find_target(switchboard->trunks, enrolment->trunk, &enrolment->flow);
	if (target == TRUNK_TARGET_NONE)
		return false;
	enrolment->attempt.last = target;
	enrolment->attempt.tried = trunk_target_bit(target);
	return true;
}

/* Sets where the request goes. -errno: nowhere. */
static int aim(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_action action)
{
	switch (action) {
	case REGISTRATION_DO_SEND:
		enrolment->attempt = (struct trunk_attempt){.last = TRUNK_TARGET_NONE};
		enrolment->redirects = 0;
		enrolment->challenges = 0;
		return same_target(switchboard, enrolment) ? 0
							   : next_target(switchboard, enrolment);
	case REGISTRATION_DO_TRY_NEXT:
		enrolment->challenges = 0;
		return next_target(switchboard, enrolment);
	case REGISTRATION_DO_SEND_END:
		enrolment->challenges = 0;
		return 0;
	case REGISTRATION_DO_REPEAT:
	case REGISTRATION_DO_REPEAT_END:
	case REGISTRATION_DO_NOTHING:
	case REGISTRATION_TELL_REGISTERED:
	case REGISTRATION_TELL_FAILED:
	case REGISTRATION_TELL_EXPIRED:
	case REGISTRATION_TELL_ENDED:
	default:
		return 0;
	}
}

static uint32_t place_of(const struct switchboard *switchboard, const struct enrolment *enrolment)
{
	uint32_t place = 0;

	while (switchboard->registrations->places[place] != enrolment)
		place++;
	return place;
}

void register_send(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_action action)
{
	bool is_end = action == REGISTRATION_DO_SEND_END || action == REGISTRATION_DO_REPEAT_END;
	bool has_choice = trunk_target_count(switchboard->trunks, enrolment->trunk) > 1;
	const struct transaction_options options = {
		.flow = &enrolment->flow,
		.user = SWITCHBOARD_TRUNK_USER | REGISTRATION_USER_BIT |
			place_of(switchboard, enrolment),
		/* Who has nowhere else to go may as well wait. */
		.timer_b_ms = has_choice ? switchboard->config->sip.invite_timeout_ms : 0,
	};
	int result = aim(switchboard, enrolment, action);
	int length;

	enrolment->transaction = 0;
	if (result != 0) {
		if (action == REGISTRATION_DO_SEND)
			enrolment->reason = EVENT_REASON_NO_TARGET;
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_NONE_LEFT, 0);
		return;
	}
	length = build(switchboard, enrolment, is_end);
	/* The number must be higher than any that was sent, whatever happens to us now. */
	registrations_keep(switchboard, enrolment);
	if (length > 0)
		result = transaction_request(switchboard->transactions,
			(struct span){switchboard->buffer, (uint32_t)length}, &options,
			switchboard->now.mono_ms, &enrolment->transaction);
	if (length <= 0 || result != 0) {
		switchboard->counts.refused_memory++;
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_NONE_LEFT, 0);
	}
}

/* ---- answers ------------------------------------------------------------------------------- */

/* The interval granted: that of our Contact, of the whole answer, or what we asked for. */
static uint32_t granted_s(const struct enrolment *enrolment, const struct sip_message *response)
{
	const struct sip_header *expires = sip_message_find(response, SIP_HEADER_EXPIRES);
	uint32_t seconds =
		expires != NULL ? sip_expires_parse(expires->value) : enrolment->machine.wanted_s;
	struct sip_contact_cursor cursor = {0};
	struct sip_contact contact;
	char text[CONTACT_BYTES];
	struct sip_uri own;

	write_contact(enrolment, &enrolment->flow, text);
	if (sip_uri_parse(span_from(text), &own) != 0)
		return seconds;
	while (sip_contact_next(response, &cursor, &contact) > 0)
		if (!contact.is_star && contact.has_expires &&
			sip_uri_equal(&own, &contact.name_addr.uri))
			return contact.expires_s;
	return seconds;
}

/* Takes over Service-Route (RFC 3608); what can't be kept is as if it weren't there. */
static void take_routes(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct sip_message *response)
{
	char lines[REGISTRATION_ROUTES_BYTES + 1];
	uint32_t length = 0;

	if (sip_routes_join(response, SIP_HEADER_SERVICE_ROUTE, lines, sizeof(lines), &length) !=
		0) {
		switchboard->counts.unexpected++;
		length = 0;
	}
	if (length == enrolment->routes_length &&
		(length == 0 || memcmp(lines, enrolment->routes, length) == 0))
		return;
	heap_free(&switchboard->heap, enrolment->routes);
	enrolment->routes = length != 0 ? heap_copy(&switchboard->heap, lines, length) : NULL;
	enrolment->routes_length = enrolment->routes != NULL ? length : 0;
}

static void take_accepted(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct transaction_indication *indication)
{
	uint32_t seconds = granted_s(enrolment, indication->message);

	if (enrolment->machine.state == REGISTRATION_UNREGISTERING) {
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_ACCEPTED, 1);
		return;
	}
	if (!enrolment->has_own_target)
		trunks_tell(switchboard, enrolment->trunk, &enrolment->flow, TRUNK_CALL_ANSWERED);
	if (indication->flow->transport == enrolment->flow.transport)
		enrolment->flow.connection_id = indication->flow->connection_id;
	take_routes(switchboard, enrolment, indication->message);
	enrolment->granted_s = seconds;
	registrations_tell(switchboard, enrolment,
		seconds != 0 ? REGISTRATION_ON_ACCEPTED : REGISTRATION_ON_REFUSED, seconds);
}

/* Follows a redirection to an address that we have a listener for. */
static bool follow(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct sip_message *response)
{
	const struct sip_uri *uri = &response->contact.uri;
	struct sip_flow flow = enrolment->flow;

	if (enrolment->redirects == REDIRECTS_MAX || uri->host_ip.family == TD_FAMILY_NONE ||
		uri->scheme != SIP_SCHEME_SIP)
		return false;
	if (uri->transport != SIP_TRANSPORT_UNKNOWN)
		flow.transport = uri->transport;
	if (sip_transport_is_secure(enrolment->flow.transport) &&
		!sip_transport_is_secure(flow.transport))
		return false; /* our proof isn't for everybody's ears */
	flow.connection_id = 0;
	flow.server_id = 0;
	memset(&flow.remote, 0, sizeof(flow.remote));
	flow.remote.ip = uri->host_ip;
	flow.remote.port = uri->port != 0 ? uri->port : sip_transport_port(flow.transport);
	if (flow.local.ip.family != uri->host_ip.family) {
		memset(&flow.local, 0, sizeof(flow.local));
		flow.local.ip.family = uri->host_ip.family;
	}
	if (trunk_local_end(switchboard->trunks, &flow) != 0)
		return false;
	enrolment->flow = flow;
	enrolment->redirects++;
	enrolment->challenges = 0;
	return true;
}

/* True if the next hop refuses what RFC 5626 offers, and we can do without. */
static bool can_do_without_outbound(struct enrolment *enrolment, unsigned status)
{
	if (status != 439 || !offers_outbound(enrolment))
		return false;
	enrolment->lacks_outbound = true;
	return true;
}

static bool can_prove(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct sip_message *response)
{
	struct auth_try attempt = {
		.credentials = &enrolment->credentials,
		.challenges = &enrolment->challenges,
		.method = SIP_METHOD_REGISTER,
	};
	char uri[URI_BYTES];

	write_uri(enrolment, false, uri);
	attempt.uri = span_from(uri);
	return auth_answer_for(switchboard, &attempt, response);
}

static void take_response(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct transaction_indication *indication)
{
	const struct sip_message *response = indication->message;
	const struct sip_header *minimum = sip_message_find(response, SIP_HEADER_MIN_EXPIRES);
	unsigned status = response->status;

	enrolment->status = (uint16_t)status;
	enrolment->reason = EVENT_REASON_REFUSED;
	if (status < 300) {
		take_accepted(switchboard, enrolment, indication);
	} else if ((status == 401 || status == 407) &&
		   can_prove(switchboard, enrolment, response)) {
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_CHALLENGED, 0);
	} else if (status == 423 && minimum != NULL) {
		enrolment->challenges = 0;
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_TOO_BRIEF,
			sip_expires_parse(minimum->value));
	} else if ((status < 400 && follow(switchboard, enrolment, response)) ||
		   can_do_without_outbound(enrolment, status)) {
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_REDIRECTED, 0);
	} else if (status == 408 || status / 100 == 5) {
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_TARGET_FAILED,
			outcome_retry_after_s(response));
	} else {
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_REFUSED, 0);
	}
}

void register_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	uint32_t place = (uint32_t)indication->user;
	struct enrolment *enrolment =
		place < REGISTRATIONS_MAX ? switchboard->registrations->places[place] : NULL;

	/* A later request may be out already: what becomes of this one is of no interest. */
	if (enrolment == NULL || enrolment->id == 0 || indication->id != enrolment->transaction)
		return;
	if (indication->event == TRANSACTION_RESPONSE && indication->message->status >= 200) {
		enrolment->transaction = 0;
		take_response(switchboard, enrolment, indication);
	} else if (indication->event == TRANSACTION_TIMEOUT ||
		   indication->event == TRANSACTION_TRANSPORT_ERROR) {
		enrolment->transaction = 0;
		enrolment->status = 0;
		enrolment->reason = EVENT_REASON_NO_RESPONSE;
		enrolment->flow.connection_id = 0;
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_TARGET_FAILED, 0);
	}
}
