/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which registrations of ours there are: those of the configuration, and those that left it and
 * are being taken back.
 *
 * SIGTERM leaves them alone: the next start goes on with them, and calls that come meanwhile are
 * repeated by the peer. It is draining that takes them back.
 */
#include "switchboard/registration.h"

#include "util/format.h"
#include "util/siphash.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- events -------------------------------------------------------------------------------- */

void registrations_emit(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_event_kind kind, enum event_registration_reason reason)
{
	static const enum event_transport transports[SIP_TRANSPORT_COUNT] = {
		[SIP_TRANSPORT_UDP] = EVENT_TRANSPORT_UDP,
		[SIP_TRANSPORT_TCP] = EVENT_TRANSPORT_TCP,
		[SIP_TRANSPORT_TLS] = EVENT_TRANSPORT_TLS,
		[SIP_TRANSPORT_WS] = EVENT_TRANSPORT_WS,
		[SIP_TRANSPORT_WSS] = EVENT_TRANSPORT_WSS,
	};
	struct event_record record = {.kind = EVENT_RECORD_REGISTRATION};
	struct registration_event *told = &record.registration;

	*told = (struct registration_event){
		.registration_id = enrolment->id,
		.ordinal = enrolment->ordinal++,
		.kind = (uint8_t)kind,
		.direction = EVENT_DIRECTION_OUT,
		.reason = (uint8_t)reason,
		.transport = (uint8_t)transports[enrolment->flow.transport],
		.sip_status = enrolment->status,
		.expires_s = kind == REGISTRATION_EVENT_REGISTERED ? enrolment->granted_s : 0,
		.wall_ns = switchboard->now.wall_ns,
		.remote = enrolment->flow.remote,
	};
	event_text_set(told->trunk, sizeof(told->trunk), enrolment->name, strlen(enrolment->name));
	event_text_set(told->user, sizeof(told->user), enrolment->config.user,
		strlen(enrolment->config.user));
	switchboard->ports.emit(switchboard->ports.context, &record);
}

static enum event_registration_reason reason_of_end(
	const struct switchboard *switchboard, const struct enrolment *enrolment)
{
	if (enrolment->is_leaving)
		return EVENT_REASON_WITHDRAWN;
	return switchboard->registrations->is_draining ? EVENT_REASON_DRAINING
						       : EVENT_REASON_REQUEST;
}

/* ---- the machine --------------------------------------------------------------------------- */

static uint32_t spread_ms(const struct switchboard *switchboard)
{
	uint32_t window_ms = switchboard->registrations->count * REGISTRATION_SPREAD_MS;

	return window_ms < REGISTRATION_SPREAD_MAX_MS ? window_ms : REGISTRATION_SPREAD_MAX_MS;
}

static void forget(struct switchboard *switchboard, struct enrolment *enrolment)
{
	struct registrations *registrations = switchboard->registrations;

	wheel_stop(&registrations->wheel, &enrolment->timer);
	if (enrolment->is_journaled)
		switchboard->ports.journal_delete(switchboard->ports.context,
			SWITCHBOARD_JOURNAL_REGISTRATION, enrolment->id);
	heap_free(&switchboard->heap, enrolment->routes);
	td_wipe(enrolment, sizeof(*enrolment));
	registrations->count--;
}

static void perform(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_action action)
{
	switch (action) {
	case REGISTRATION_DO_SEND:
	case REGISTRATION_DO_REPEAT:
	case REGISTRATION_DO_TRY_NEXT:
	case REGISTRATION_DO_SEND_END:
	case REGISTRATION_DO_REPEAT_END:
		register_send(switchboard, enrolment, action);
		break;
	case REGISTRATION_TELL_REGISTERED:
		registrations_emit(
			switchboard, enrolment, REGISTRATION_EVENT_REGISTERED, EVENT_REASON_NONE);
		break;
	case REGISTRATION_TELL_FAILED:
		registrations_emit(switchboard, enrolment, REGISTRATION_EVENT_FAILED,
			(enum event_registration_reason)enrolment->reason);
		break;
	case REGISTRATION_TELL_EXPIRED:
		registrations_emit(
			switchboard, enrolment, REGISTRATION_EVENT_EXPIRED, EVENT_REASON_NONE);
		break;
	case REGISTRATION_TELL_ENDED:
		registrations_emit(switchboard, enrolment, REGISTRATION_EVENT_UNREGISTERED,
			reason_of_end(switchboard, enrolment));
		break;
	case REGISTRATION_DO_NOTHING:
	default:
		break;
	}
}

void registrations_tell(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_trigger event, uint32_t value)
{
	const struct registration_input input = {
		event, value, switchboard_random(switchboard), switchboard->now.mono_ms};
	bool has_changed;
	struct registration_actions actions;
	bool was_held = registration_holds(&enrolment->machine);

	if (registration_step(&enrolment->machine, &input, &actions) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	wheel_start(
		&switchboard->registrations->wheel, &enrolment->timer, enrolment->machine.due_ms);
	has_changed = event == REGISTRATION_ON_ACCEPTED ||
		      was_held != registration_holds(&enrolment->machine);
	for (unsigned i = 0; i < actions.count && enrolment->id != 0; i++)
		perform(switchboard, enrolment, (enum registration_action)actions.list[i]);
	if (enrolment->id == 0)
		return; /* over and forgotten meanwhile */
	if (enrolment->is_leaving && enrolment->machine.state == REGISTRATION_IDLE)
		forget(switchboard, enrolment);
	else if (has_changed || actions.count != 0)
		registrations_keep(switchboard, enrolment);
}

static void expire(void *context, struct wheel_timer *timer)
{
	registrations_tell(
		context, td_container_of(timer, struct enrolment, timer), REGISTRATION_ON_TIMER, 0);
}

/* ---- configuration ------------------------------------------------------------------------- */

/* What makes it another registration: its record with the registrar. */
static uint64_t identity_of(const struct config_trunk *trunk)
{
	static const uint8_t stable_seed[SIPHASH_SEED_BYTES] = "tandem-enrolment";
	const struct config_registration *config = &trunk->registration;
	char text[4 * CONFIG_TEXT_BYTES + CONFIG_NAME_BYTES + 8];
	int length = format_text(text, sizeof(text), "%s %s %s %s %s %u", trunk->name, config->user,
		config->domain, config->contact_user, config->registrar.uri, config->is_bulk);

	return siphash(stable_seed, text, length > 0 ? (size_t)length : 0);
}

static bool is_wanted(const struct config_trunk *trunk)
{
	return trunk->registration.is_enabled && trunk->registration.user[0] != '\0';
}

static void take_config(struct enrolment *enrolment, const struct config_trunk *trunk)
{
	enrolment->config = trunk->registration;
	enrolment->credentials = trunk->credentials;
	enrolment->has_own_target =
		strcmp(trunk->registration.registrar.uri, trunk->target.uri) != 0;
	enrolment->machine.retry_max_s = trunk->registration.retry_max_s;
	if (enrolment->machine.configured_s != trunk->registration.expires_s) {
		enrolment->machine.configured_s = trunk->registration.expires_s;
		enrolment->machine.wanted_s = trunk->registration.expires_s;
	}
}

static struct enrolment *take_place(struct registrations *registrations, uint32_t *ret_place)
{
	for (uint32_t i = 0; i < REGISTRATIONS_MAX; i++) {
		if (registrations->places[i] == NULL)
			registrations->places[i] = calloc(1, sizeof(struct enrolment));
		if (registrations->places[i] == NULL)
			return NULL;
		if (registrations->places[i]->id != 0)
			continue;
		*ret_place = i;
		return registrations->places[i];
	}
	return NULL;
}

struct enrolment *registrations_of(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct registrations *registrations = switchboard->registrations;

	return trunk < TRUNK_IDS_MAX && registrations->of_trunk[trunk] != 0
		       ? registrations->places[registrations->of_trunk[trunk] - 1]
		       : NULL;
}

static int begin(struct switchboard *switchboard, const struct config_trunk *trunk, uint32_t id)
{
	struct registrations *registrations = switchboard->registrations;
	uint32_t place;
	struct enrolment *enrolment = take_place(registrations, &place);

	if (enrolment == NULL)
		return -ENOMEM;
	registration_init(&enrolment->machine, trunk->registration.expires_s,
		trunk->registration.retry_max_s, switchboard->now.mono_ms);
	enrolment->id = switchboard_random(switchboard) | 1;
	enrolment->identity = identity_of(trunk);
	enrolment->trunk = id;
	enrolment->reason = EVENT_REASON_NO_RESPONSE;
	(void)format_text(enrolment->name, sizeof(enrolment->name), "%s", trunk->name);
	switchboard_random_text(switchboard, enrolment->call_id, sizeof(enrolment->call_id));
	switchboard_random_text(switchboard, enrolment->tag, sizeof(enrolment->tag));
	take_config(enrolment, trunk);
	registrations->of_trunk[id] = (uint16_t)(place + 1);
	registrations->count++;
	return 0;
}

/* What was refused before may be right now. */
static void change(struct switchboard *switchboard, struct enrolment *enrolment,
	const struct config_trunk *trunk)
{
	bool has_new_proof = memcmp(&enrolment->credentials, &trunk->credentials,
				     sizeof(trunk->credentials)) != 0;

	take_config(enrolment, trunk);
	if (has_new_proof)
		registrations_tell(switchboard, enrolment, REGISTRATION_ON_REACHABLE, 0);
}

/* Takes a registration back whose trunk doesn't want it any more, or is gone. */
static void leave(struct switchboard *switchboard, struct enrolment *enrolment)
{
	if (enrolment->trunk != TRUNK_NONE)
		switchboard->registrations->of_trunk[enrolment->trunk] = 0;
	enrolment->trunk = TRUNK_NONE;
	enrolment->is_leaving = true;
	registrations_tell(switchboard, enrolment, REGISTRATION_ON_STOP, 0);
}

/* Trunks that are gone, retired, or want another registration or none. */
static void leave_unwanted(struct switchboard *switchboard, const struct config *config)
{
	for (uint32_t i = 0; i < REGISTRATIONS_MAX; i++) {
		struct enrolment *enrolment = switchboard->registrations->places[i];
		uint32_t at;

		if (enrolment == NULL || enrolment->id == 0 || enrolment->is_leaving)
			continue;
		at = config_find_trunk(config, enrolment->name);
		if (at == CONFIG_TRUNK_ANY || !is_wanted(&config->trunks[at]) ||
			identity_of(&config->trunks[at]) != enrolment->identity)
			leave(switchboard, enrolment);
	}
}

int registrations_configure(struct switchboard *switchboard, const struct config *config)
{
	int result = 0;

	leave_unwanted(switchboard, config);
	for (uint32_t i = 0; i < config->trunk_count && result == 0; i++) {
		const struct config_trunk *trunk = &config->trunks[i];
		trunk_id id = trunk_find_by_name(switchboard->trunks, trunk->name);
		struct enrolment *enrolment = registrations_of(switchboard, id);

		if (!is_wanted(trunk) || id == TRUNK_NONE)
			continue;
		if (enrolment != NULL)
			change(switchboard, enrolment, trunk);
		else
			result = begin(switchboard, trunk, id);
	}
	/* When their number is known: the more there are, the longer it takes. */
	for (uint32_t i = 0; i < REGISTRATIONS_MAX && !switchboard->registrations->is_draining;
		i++) {
		struct enrolment *enrolment = switchboard->registrations->places[i];

		if (enrolment != NULL && enrolment->id != 0 && !enrolment->is_leaving &&
			!enrolment->machine.is_wanted)
			registrations_tell(switchboard, enrolment, REGISTRATION_ON_START,
				spread_ms(switchboard));
	}
	return result;
}

int registrations_create(struct switchboard *switchboard)
{
	switchboard->registrations = calloc(1, sizeof(*switchboard->registrations));
	if (switchboard->registrations == NULL)
		return -ENOMEM;
	wheel_init(&switchboard->registrations->wheel, switchboard->now.mono_ms);
	return registrations_configure(switchboard, switchboard->config);
}

void registrations_destroy(struct switchboard *switchboard)
{
	struct registrations *registrations = switchboard->registrations;

	for (uint32_t i = 0; registrations != NULL && i < REGISTRATIONS_MAX; i++) {
		if (registrations->places[i] == NULL)
			continue;
		heap_free(&switchboard->heap, registrations->places[i]->routes);
		td_wipe(registrations->places[i], sizeof(struct enrolment));
		free(registrations->places[i]);
	}
	free(registrations);
	switchboard->registrations = NULL;
}

/* ---- time ---------------------------------------------------------------------------------- */

static bool is_draining(const struct switchboard *switchboard)
{
	return (switchboard->gates & SWITCHBOARD_GATE_DRAINING) != 0;
}

/* The operator takes us out of service, or back. */
static void follow_gate(struct switchboard *switchboard)
{
	struct registrations *registrations = switchboard->registrations;

	if (registrations->is_draining == is_draining(switchboard))
		return;
	registrations->is_draining = is_draining(switchboard);
	for (uint32_t i = 0; i < REGISTRATIONS_MAX; i++) {
		struct enrolment *enrolment = registrations->places[i];

		if (enrolment != NULL && enrolment->id != 0 && !enrolment->is_leaving)
			registrations_tell(switchboard, enrolment,
				registrations->is_draining ? REGISTRATION_ON_STOP
							   : REGISTRATION_ON_START,
				registrations->is_draining ? 0 : spread_ms(switchboard));
	}
}

void registrations_advance(struct switchboard *switchboard)
{
	follow_gate(switchboard);
	(void)wheel_advance(&switchboard->registrations->wheel, switchboard->now.mono_ms, expire,
		switchboard); /* each tells of itself */
}

uint64_t registrations_deadline(const struct switchboard *switchboard)
{
	if (switchboard->registrations->is_draining != is_draining(switchboard))
		return switchboard->now.mono_ms;
	/* wheel_deadline() remembers what it found: the only write. */
	return wheel_deadline((struct wheel *)&switchboard->registrations->wheel);
}

void registrations_connection_ended(struct switchboard *switchboard, uint32_t connection_id)
{
	for (uint32_t i = 0; i < REGISTRATIONS_MAX; i++) {
		struct enrolment *enrolment = switchboard->registrations->places[i];

		if (enrolment == NULL)
			return; /* places are used in order */
		if (enrolment->id == 0 || enrolment->flow.connection_id != connection_id)
			continue;
		enrolment->flow.connection_id = 0;
		registrations_tell(
			switchboard, enrolment, REGISTRATION_ON_FLOW_LOST, spread_ms(switchboard));
	}
}

void registrations_reachable(struct switchboard *switchboard, uint32_t trunk)
{
	struct enrolment *enrolment = registrations_of(switchboard, trunk);

	if (enrolment != NULL)
		registrations_tell(
			switchboard, enrolment, REGISTRATION_ON_REACHABLE, spread_ms(switchboard));
}

/* ---- calls, displays ----------------------------------------------------------------------- */

bool registrations_are_missing(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct enrolment *enrolment = registrations_of(switchboard, trunk);

	return enrolment != NULL && !registration_holds(&enrolment->machine);
}

struct span registrations_routes(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct enrolment *enrolment = registrations_of(switchboard, trunk);

	if (enrolment == NULL || enrolment->routes == NULL ||
		!registration_holds(&enrolment->machine))
		return (struct span){0};
	return (struct span){enrolment->routes, enrolment->routes_length};
}

bool switchboard_get_registration(const struct switchboard *switchboard, uint32_t trunk,
	struct switchboard_registration *ret_registration)
{
	const struct enrolment *enrolment = registrations_of(switchboard, trunk);
	uint64_t now_ms = switchboard->now.mono_ms;

	if (enrolment == NULL)
		return false;
	*ret_registration = (struct switchboard_registration){
		.state = registration_state_name(enrolment->machine.state),
		.is_held = registration_holds(&enrolment->machine),
		.left_s = (uint32_t)(td_since(enrolment->machine.expires_ms, now_ms) / TD_MS_PER_S),
		.next_s = enrolment->machine.due_ms == TD_NEVER
				  ? 0
				  : (uint32_t)(td_since(enrolment->machine.due_ms, now_ms) /
					       TD_MS_PER_S),
		.failures = enrolment->machine.failures,
		.status = enrolment->status,
	};
	return true;
}
