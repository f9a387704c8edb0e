/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our registrations with the registrars of trunks, for the switchboard's files alone:
 * registration.c (which there are, their timers and use for calls), registration_record.c (what a
 * restart must know) and register.c (the requests and what the answers mean). The machine is trunk/registration.h.
 */
#ifndef TD_SWITCHBOARD_REGISTRATION_H
#define TD_SWITCHBOARD_REGISTRATION_H

#include "switchboard/state.h"
#include "trunk/registration.h"
#include "trunk/trunk.h"
#include "util/wheel.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	/* One per trunk, and as many that take their leave. */
	REGISTRATIONS_MAX = 2 * CONFIG_TRUNKS_MAX,
	REGISTRATION_ROUTES_BYTES = 512,    /* Service-Route values that are kept, all together */
	REGISTRATION_SPREAD_MS = 20,	    /* each: so many begin 50 a second, */
	REGISTRATION_SPREAD_MAX_MS = 60000, /* or within this */
};

/* Marks its transactions, beside SWITCHBOARD_TRUNK_USER and below the marks of usage.h; the place is
 * in the low bits. */
#define REGISTRATION_USER_BIT (1ull << 60)

/* One registration of ours. */
struct enrolment {
	struct registration machine;
	struct wheel_timer timer;
	uint64_t id;	   /* of its events and its record; 0: the place is free */
	uint64_t identity; /* hash of what makes it another one if it changes */
	uint32_t trunk;	   /* TRUNK_NONE: its trunk is gone */
	uint32_t ordinal;  /* events told so far */
	uint32_t cseq;	   /* of the last REGISTER */
	uint32_t granted_s;
	bool is_leaving; /* ends, and goes then */
	bool is_journaled;
	bool lacks_outbound;	    /* the first hop can't: 439 */
	uint8_t challenges;	    /* answered, of the request that is out */
	uint8_t redirects;	    /* followed, of this round */
	uint8_t reason;		    /* enum event_registration_reason: of the last failure */
	uint16_t status;	    /* of the last answer; 0: there was none */
	transaction_id transaction; /* that is out; 0: none */
	struct trunk_attempt attempt;
	struct sip_flow flow; /* of the request that is out, or of the registration */
	char *routes;	      /* Service-Route, one per line; NULL: none. Owned by the heap */
	uint32_t routes_length;
	char name[CONFIG_NAME_BYTES]; /* of its trunk */
	char call_id[SWITCHBOARD_CALL_ID_BYTES];
	char tag[SWITCHBOARD_TAG_BYTES];
	struct config_registration config;
	struct config_credentials credentials;
	bool has_own_target; /* config.registrar isn't the trunk's target */
};

struct registrations {
	struct wheel wheel;
	uint32_t count; /* places in use */
	bool is_draining;
	struct enrolment *places[REGISTRATIONS_MAX]; /* owned; NULL: never used */
	uint16_t of_trunk[TRUNK_IDS_MAX];	     /* place + 1 of the trunk's; 0: none */
};

/* ---- registration.c ---- */
td_must_check int registrations_create(struct switchboard *switchboard);
void registrations_destroy(struct switchboard *switchboard);
/* Takes the configuration: begins, changes and ends what it says. -ENOMEM: as far as it came. */
td_must_check int registrations_configure(
	struct switchboard *switchboard, const struct config *config);
void registrations_advance(struct switchboard *switchboard);
uint64_t registrations_deadline(const struct switchboard *switchboard);
void registrations_tell(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_trigger event, uint32_t value);
/* Tells the world. */
void registrations_emit(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_event_kind kind, enum event_registration_reason reason);
/* The trunk's, or NULL. */
struct enrolment *registrations_of(const struct switchboard *switchboard, uint32_t trunk);
/* A connection has ended. */
void registrations_connection_ended(struct switchboard *switchboard, uint32_t connection_id);
/* The trunk can be reached again, or for the first time. */
void registrations_reachable(struct switchboard *switchboard, uint32_t trunk);
/* True if the trunk wants us to be registered and we aren't. */
bool registrations_are_missing(const struct switchboard *switchboard, uint32_t trunk);
/* Route values that calls to the trunk begin with (RFC 3608). Empty: none. */
struct span registrations_routes(const struct switchboard *switchboard, uint32_t trunk);

/* ---- registration_record.c ---- */
void registrations_keep(struct switchboard *switchboard, struct enrolment *enrolment);
/* After a restart: -EBADMSG; one that nobody wants any more is deleted. */
td_must_check int registrations_restore(
	struct switchboard *switchboard, const struct switchboard_snapshot *snapshot);

/* ---- register.c ---- */
/* Sends REGISTER for the machine; DO_SEND to DO_REPEAT_END. */
void register_send(struct switchboard *switchboard, struct enrolment *enrolment,
	enum registration_action action);
/* News of a transaction. */
void register_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication);

#endif
