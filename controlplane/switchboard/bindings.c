/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the peers and the registrar: who may register, what he is answered, what is recorded of
 * it, and which of a user's contacts a call goes to.
 *
 * A REGISTER makes no transaction (RFC 3261 8.2.7): what must be remembered of it stands in the
 * binding, so a storm of them costs no memory, and one without credentials leaves nothing behind.
 */
#include "call/outcome.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "switchboard/state.h"
#include "util/siphash.h"

#include <errno.h>
#include <string.h>

enum {
	STATUS_BAD_EXTENSION = 420,
	STATUS_INTERVAL_TOO_BRIEF = 423,
};

static enum event_transport event_transport_of(enum sip_transport transport)
{
	static const enum event_transport transports[SIP_TRANSPORT_COUNT] = {
		[SIP_TRANSPORT_UDP] = EVENT_TRANSPORT_UDP,
		[SIP_TRANSPORT_TCP] = EVENT_TRANSPORT_TCP,
		[SIP_TRANSPORT_TLS] = EVENT_TRANSPORT_TLS,
		[SIP_TRANSPORT_WS] = EVENT_TRANSPORT_WS,
		[SIP_TRANSPORT_WSS] = EVENT_TRANSPORT_WSS,
	};

	return transport < SIP_TRANSPORT_COUNT ? transports[transport] : EVENT_TRANSPORT_NONE;
}

static void set_text(char *text, size_t size_bytes, struct span from)
{
	event_text_set(text, size_bytes, from.text, from.length);
}

static void tell(void *context, enum registrar_event event, const struct registrar_binding *binding)
{
	static const struct {
		enum registration_event_kind kind;
		enum event_registration_reason reason;
	} kinds[REGISTRAR_EVENT_COUNT] = {
		[REGISTRAR_ADDED] = {REGISTRATION_EVENT_REGISTERED, EVENT_REASON_NONE},
		[REGISTRAR_MOVED] = {REGISTRATION_EVENT_MOVED, EVENT_REASON_NONE},
		[REGISTRAR_REMOVED] = {REGISTRATION_EVENT_UNREGISTERED, EVENT_REASON_REQUEST},
		[REGISTRAR_EXPIRED] = {REGISTRATION_EVENT_EXPIRED, EVENT_REASON_NONE},
		[REGISTRAR_FLOW_LOST] = {REGISTRATION_EVENT_UNREGISTERED, EVENT_REASON_FLOW_LOST},
		[REGISTRAR_EVICTED] = {REGISTRATION_EVENT_UNREGISTERED, EVENT_REASON_EVICTED},
		[REGISTRAR_WITHDRAWN] = {REGISTRATION_EVENT_UNREGISTERED, EVENT_REASON_WITHDRAWN},
	};
	struct switchboard *switchboard = context;
	struct event_record record = {.kind = EVENT_RECORD_REGISTRATION};
	struct registration_event *told = &record.registration;
	bool is_there = event == REGISTRAR_ADDED || event == REGISTRAR_MOVED;

	*told = (struct registration_event){
		.registration_id = binding->id,
		.ordinal = binding->ordinal,
		.kind = (uint8_t)kinds[event].kind,
		.direction = EVENT_DIRECTION_IN,
		.reason = (uint8_t)kinds[event].reason,
		.transport = (uint8_t)event_transport_of(binding->flow.transport),
		.expires_s = is_there ? binding->expires_s : 0,
		.wall_ns = switchboard->now.wall_ns,
		.remote = binding->flow.remote,
	};
	set_text(told->trunk, sizeof(told->trunk), span_from(registrar_user_trunk(binding->user)));
	set_text(told->user, sizeof(told->user), span_from(registrar_user_name(binding->user)));
	set_text(told->contact, sizeof(told->contact), registrar_binding_uri(binding));
	set_text(told->instance, sizeof(told->instance), registrar_binding_instance(binding));
	set_text(told->user_agent, sizeof(told->user_agent), registrar_binding_agent(binding));
	switchboard->ports.emit(switchboard->ports.context, &record);
}

static void keep(void *context, const struct registrar_user *user)
{
	struct switchboard *switchboard = context;
	const struct switchboard_ports *ports = &switchboard->ports;
	uint64_t id = registrar_user_id(user);
	size_t length;

	if (registrar_user_binding_count(user) == 0)
		ports->journal_delete(ports->context, SWITCHBOARD_JOURNAL_BINDINGS, id);
	else if (registrar_record_write(user, switchboard->now, switchboard->journal,
			 sizeof(switchboard->journal), &length) == 0)
		ports->journal_put(ports->context, SWITCHBOARD_JOURNAL_BINDINGS, id,
			switchboard->journal, length);
	else
		switchboard->counts.unexpected++; /* a record is bounded far below the buffer */
}

int bindings_create(struct switchboard *switchboard)
{
	struct registrar_setup setup = {
		.capacity = switchboard->config->sip.max_bindings,
		.sink = {.context = switchboard, .tell = tell, .keep = keep},
	};
	int result;

	for (size_t i = 0; i < sizeof(setup.seed); i += sizeof(uint64_t)) {
		char label[] = "registrar #"; /* longer than what numbers are drawn from */
		uint64_t random;

		label[sizeof(label) - 2] = (char)('a' + i);
		random = siphash(switchboard->seed + SIPHASH_SEED_BYTES, label, sizeof(label));
		memcpy(setup.seed + i, &random, sizeof(random));
	}
	result = registrar_create(&setup, switchboard->now.mono_ms, &switchboard->registrar);
	return result == 0 ? registrar_configure(switchboard->registrar, switchboard->config)
			   : result;
}

/* ---- REGISTER ------------------------------------------------------------------------------ */

/* A REGISTER on its way through. */
struct registering {
	const struct sip_message *message;
	const struct sip_flow *flow;
	const struct config_trunk *trunk;
	struct registrar_user *user; /* proven; NULL before */
	struct registrar_verdict verdict;
	char unsupported[SCREEN_TEXT_BYTES];
};

static void answer(struct switchboard *switchboard, const struct registering *registering)
{
	const struct sip_message *message = registering->message;
	const struct registrar_verdict *verdict = &registering->verdict;
	const struct sip_flow back = transaction_reply_flow(message, registering->flow);
	char tag[SWITCHBOARD_TAG_BYTES];
	struct sip_builder builder;
	int length;

	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	sip_build_response_head(&builder, message, &registering->flow->remote, verdict->status,
		receive_tag(receive_origin(switchboard, message), tag));
	if (verdict->status == 200)
		registrar_build_answer(&builder, registering->user,
			&(const struct registrar_request){message, registering->flow,
				&registering->trunk->bindings, switchboard->now},
			verdict);
	if (verdict->status == STATUS_INTERVAL_TOO_BRIEF)
		sip_build_header_format(
			&builder, SIP_HEADER_MIN_EXPIRES, "%u", verdict->min_expires_s);
	if (verdict->status == STATUS_BAD_EXTENSION)
		sip_build_header(
			&builder, SIP_HEADER_UNSUPPORTED, span_from(registering->unsupported));
	if (verdict->status == 503) /* not all at once again */
		sip_build_header_format(&builder, SIP_HEADER_RETRY_AFTER, "%u",
			defence_retry_after_s(
				switchboard->defence, receive_origin(switchboard, message)));
	if (verdict->reason != NULL)
		sip_build_header_format(
			&builder, SIP_HEADER_WARNING, "399 tandem \"%s\"", verdict->reason);
	sip_build_header(&builder, SIP_HEADER_SERVER, switchboard_user_agent(switchboard));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	if (length > 0)
		switchboard_send(switchboard, &back, switchboard->buffer, (size_t)length);
}

static void refuse(struct switchboard *switchboard, struct registering *registering,
	unsigned status, const char *reason)
{
	registering->verdict = (struct registrar_verdict){.status = status, .reason = reason};
	answer(switchboard, registering);
}

enum digest_verdict bindings_verify(struct switchboard *switchboard,
	const struct config_trunk *trunk, const struct auth_request *request,
	struct auth_demand *demand, struct registrar_user **ret_user)
{
	const struct config_bindings *bindings = &trunk->bindings;
	enum digest_verdict verdict;
	struct digest_credentials given;
	struct registrar_user *user;

	*ret_user = NULL;
	demand->realm =
		span_from(bindings->realm[0] != '\0' ? bindings->realm : switchboard->config->node);
	demand->algorithm = bindings->algorithm;
	if (digest_credentials_find(request->message, demand->realm, false, &given) != 0)
		return DIGEST_NONCE_FOREIGN;
	user = registrar_find(switchboard->registrar, trunk->name, given.username);
	demand->given = &given;
	demand->secret = registrar_secret(switchboard->registrar, user);
	verdict = auth_verify(switchboard, request, demand);
	if (verdict == DIGEST_OK && user == NULL)
		verdict = DIGEST_WRONG;
	if (verdict == DIGEST_OK || verdict == DIGEST_WRONG)
		registrar_note_proof(switchboard->registrar, user, verdict == DIGEST_OK);
	demand->given = NULL;
	*ret_user = user;
	return verdict;
}

/* The same for a copy that the network made, and for nothing else: the proof covers neither
 * contacts nor expiry, so that who overheard it could say something else with it. */
static uint64_t hash_copy(const struct switchboard *switchboard, const struct sip_message *message)
{
	uint64_t parts[] = {1, 0};

	for (uint32_t i = 0; i < message->header_count; i++) {
		const struct sip_header *header = &message->headers[i];

		parts[1] = siphash(switchboard->seed, header->value.text, header->value.length);
		parts[0] = siphash(switchboard->seed, parts, sizeof(parts));
	}
	return parts[0] | 1;
}

/* True if the sender is a user; else he has been asked for a proof. */
static bool prove(struct switchboard *switchboard, struct registering *registering)
{
	const struct auth_request request = {registering->message, registering->flow, 0};
	struct auth_demand demand;
	enum digest_verdict verdict;

	/* A copy of a REGISTER is answered as the first one: no harm, so no challenge. */
	switchboard->copy_hash = hash_copy(switchboard, registering->message);
	verdict = bindings_verify(
		switchboard, registering->trunk, &request, &demand, &registering->user);
	switchboard->copy_hash = 0;
	if (verdict == DIGEST_OK)
		return true;
	auth_challenge(switchboard, &request, &demand, verdict);
	return false;
}

/* True if the address of record is the sender's own. */
static bool is_own_record(const struct registering *registering)
{
	const struct sip_uri *uri = &registering->message->to.uri;
	char user[CONFIG_NUMBER_BYTES];

	return (uri->scheme == SIP_SCHEME_SIP || uri->scheme == SIP_SCHEME_SIPS) &&
	       sip_user_unescape(uri->user, user, sizeof(user)) == 0 &&
	       strcmp(user, registrar_user_name(registering->user)) == 0;
}

static void carry_out(struct switchboard *switchboard, struct registering *registering)
{
	const struct sip_message *message = registering->message;

	if (message->to.tag.length != 0) {
		refuse(switchboard, registering, 481, "REGISTER belongs to no dialog");
	} else if ((switchboard->gates & SWITCHBOARD_GATE_JOURNAL) != 0) {
		refuse(switchboard, registering, 503, "nothing can be recorded");
	} else if (message->request_uri.scheme != SIP_SCHEME_SIP &&
		   message->request_uri.scheme != SIP_SCHEME_SIPS) {
		refuse(switchboard, registering, 416, "request URI is neither sip nor sips");
	} else if (leg_options_unknown(message, SIP_HEADER_REQUIRE,
			   LEG_OPTION_PATH | LEG_OPTION_OUTBOUND, registering->unsupported,
			   sizeof(registering->unsupported))) {
		refuse(switchboard, registering, STATUS_BAD_EXTENSION, "extension isn't supported");
	} else if (prove(switchboard, registering)) {
		if (!is_own_record(registering)) {
			switchboard->counts.refused_policy++;
			refuse(switchboard, registering, 403, "not your address of record");
			return;
		}
		registrar_register(switchboard->registrar, registering->user,
			&(const struct registrar_request){message, registering->flow,
				&registering->trunk->bindings, switchboard->now},
			&registering->verdict);
		answer(switchboard, registering);
	}
}

bool bindings_take(struct switchboard *switchboard, uint32_t trunk,
	const struct sip_message *message, const struct sip_flow *flow)
{
	struct registering registering = {
		.message = message,
		.flow = flow,
		.trunk = trunk_config(switchboard->trunks, trunk),
	};

	if (message->method != SIP_METHOD_REGISTER || !sip_message_is_request(message) ||
		registering.trunk == NULL || !registering.trunk->is_registrar)
		return false;
	switchboard->counts.registers++;
	carry_out(switchboard, &registering);
	return true;
}

/* ---- calls --------------------------------------------------------------------------------- */

bool bindings_serve(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);

	return config != NULL && config->is_registrar;
}

static struct registrar_user *dialled_user(
	const struct switchboard *switchboard, const struct call *call, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);

	return config != NULL ? registrar_find(switchboard->registrar, config->name,
					span_from(call->number))
			      : NULL;
}

bool bindings_choose(
	struct switchboard *switchboard, struct call *call, uint32_t trunk, uint32_t tried)
{
	const struct registrar_user *user = dialled_user(switchboard, call, trunk);
	struct registrar_target target;

	if (user == NULL || registrar_choose(user, tried, &target) != 0)
		return false;
	call->target = target.slot;
	call->targets_tried = tried | 1u << target.slot;
	return true;
}

/* Bindings by which the flow could have been chosen: what a call tried before a restart. */
static uint32_t tried_by(const struct registrar_user *user, const struct sip_flow *flow)
{
	struct registrar_target target;
	uint32_t seen = 0;
	uint32_t tried = 0;

	while (user != NULL && registrar_choose(user, seen, &target) == 0) {
		seen |= 1u << target.slot;
		if (target.flow.transport == flow->transport &&
			td_endpoint_equal(&target.flow.remote, &flow->remote))
			tried |= 1u << target.slot;
	}
	return tried;
}

bool bindings_choose_next(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	const struct leg *leg = &call->legs[CALL_CALLEE];
	const struct registrar_user *user = dialled_user(switchboard, call, leg->trunk);
	unsigned status = leg->release.sip_status;
	bool is_absent = status == 404 || status == 408 || status == 410 || status == 430 ||
			 status == 480; /* this phone can't be had, its user perhaps can */

	return bindings_serve(switchboard, leg->trunk) &&
	       (is_absent || outcome_is_route_failure(&leg->release)) &&
	       bindings_choose(switchboard, call, leg->trunk,
		       call->targets_tried != 0 ? call->targets_tried
						: tried_by(user, &leg->dialog.flow));
}

int bindings_target(
	struct switchboard *switchboard, struct line *line, struct registrar_target *ret_target)
{
	struct call *call = &line->call;
	uint32_t trunk = call->legs[CALL_CALLEE].trunk;
	const struct registrar_user *user = dialled_user(switchboard, call, trunk);

	/* After a restart nothing is chosen any more. */
	if (call->targets_tried == 0 && !bindings_choose(switchboard, call, trunk, 0))
		return -EHOSTUNREACH;
	if (user == NULL || call->target >= REGISTRAR_CONTACTS_MAX ||
		registrar_target_at(user, (uint8_t)call->target, ret_target) != 0)
		return -EHOSTUNREACH;
	return 0;
}

int bindings_reason_for_none(
	const struct switchboard *switchboard, const struct call *call, uint32_t trunk)
{
	const struct registrar_user *user = dialled_user(switchboard, call, trunk);

	if (user == NULL)
		return -ENXIO;
	return registrar_user_binding_count(user) == 0 ? -EHOSTUNREACH : -ENOENT;
}

bool bindings_keep_flow(const struct switchboard *switchboard, uint32_t trunk,
	const struct sip_message *invite, const struct sip_flow *flow)
{
	return bindings_serve(switchboard, trunk) &&
	       !td_ip_equal(&invite->contact.uri.host_ip, &flow->remote.ip);
}

/* ---- restart ------------------------------------------------------------------------------- */

int bindings_restore(struct switchboard *switchboard, const struct switchboard_snapshot *snapshot)
{
	int result = registrar_record_read(
		switchboard->registrar, snapshot->value, snapshot->length, switchboard->now);

	if (result == 0)
		return 0;
	switchboard->counts.recovery_failed += result != -ENOENT;
	if (result == -EBADMSG || result == -ENOENT) /* no later start will find it of use */
		switchboard->ports.journal_delete(
			switchboard->ports.context, SWITCHBOARD_JOURNAL_BINDINGS, snapshot->id);
	return result == -ENOENT ? 0 : result;
}
