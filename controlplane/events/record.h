/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Tandem tells the world: call events, one immutable CDR per leg, one record per contact,
 * events of registrations. Plain bounded structs without pointers: machines fill them as data, the event sink
 * serialises them (record_json.h). Nothing here is ever rewritten once emitted.
 *
 * Conventions: a time of 0 and an empty text mean "not known" or "didn't happen" and appear as
 * null in JSON. *_wall_ns is wall-clock time since 1970 UTC; *_ms are monotonic differences, so
 * that a step of the wall clock never falsifies a duration. Texts end with a zero; fill them with
 * event_text_set(), which cuts what is too long between UTF-8 characters.
 */
#ifndef TD_EVENTS_RECORD_H
#define TD_EVENTS_RECORD_H

#include <tandem/contract.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	EVENT_NAME_BYTES = 32,	  /* trunk, route, codec */
	EVENT_PARTY_BYTES = 80,	  /* telephone number or user part */
	EVENT_TEXT_BYTES = 96,	  /* display name, reason, user agent */
	EVENT_SIP_ID_BYTES = 160, /* Call-ID, tags */
	EVENT_URI_BYTES = 200,
	EVENT_CALL_LEGS_MAX = 8,
};

/* X(CONSTANT, name, help): kinds of struct call_event. */
#define CALL_EVENT_KINDS(X)                                                            \
	X(CREATED, created, "an INVITE was accepted for routing")                      \
	X(PROGRESS, progress, "the called side is alerting or sends early media")      \
	X(ANSWERED, answered, "a leg was answered with 2xx")                           \
	X(BRIDGED, bridged, "both legs hear each other")                               \
	X(HELD, held, "a party put the other on hold")                                 \
	X(RESUMED, resumed, "the hold ended")                                          \
	X(MODIFIED, modified, "codec or media address changed in the dialog")          \
	X(MEDIA_TIMEOUT, media_timeout, "no media came from a party that should send") \
	X(MEDIA_RESUMED, media_resumed, "media came back after a timeout")             \
	X(TRANSFER_REQUESTED, transfer_requested, "a transfer was asked for")          \
	X(TRANSFER_ENDED, transfer_ended, "what became of it")                         \
	X(SESSION_EXPIRED, session_expired, "nobody refreshed the session (RFC 4028)") \
	X(ENDED, ended, "an answered call ended")                                      \
	X(FAILED, failed, "the call ended before it was answered")                     \
	X(RECOVERED, recovered, "the call was taken over from the journal after a restart")

enum call_event_kind {
#define CALL_EVENT_ENUM(constant, name, help) CALL_EVENT_##constant,
	CALL_EVENT_KINDS(CALL_EVENT_ENUM)
#undef CALL_EVENT_ENUM
	CALL_EVENT_KIND_COUNT
};

/* X(CONSTANT, name): the leg's direction, seen from Tandem. */
#define LEG_DIRECTIONS(X) X(NONE, none) X(IN, in) X(OUT, out)

/* X(CONSTANT, name): who ended it. */
#define RELEASE_PARTIES(X) \
	X(NONE, none) X(CALLER, caller) X(CALLEE, callee) X(SYSTEM, system) X(NETWORK, network)

/* X(CONSTANT, name): why, when it wasn't simply a party hanging up. */
#define RELEASE_DETAILS(X)              \
	X(NONE, none)                   \
	X(HANGUP, hangup)               \
	X(CANCEL, cancel)               \
	X(REJECTED, rejected)           \
	X(NO_ROUTE, no_route)           \
	X(POLICY, policy)               \
	X(ADMISSION, admission)         \
	X(TIMER, timer)                 \
	X(SESSION_TIMER, session_timer) \
	X(NO_RESPONSE, no_response)     \
	X(MEDIA_TIMEOUT, media_timeout) \
	X(MEDIA_REFUSED, media_refused) \
	X(TRANSPORT, transport)         \
	X(PROTOCOL, protocol)           \
	X(OPERATOR, operator)           \
	X(INTERNAL, internal)           \
	X(NO_TARGET, no_target)         \
	X(ABSENT, absent)

/* X(CONSTANT, name): how the attempt came out. */
#define CALL_DISPOSITIONS(X)      \
	X(NONE, none)             \
	X(ANSWERED, answered)     \
	X(BUSY, busy)             \
	X(NO_ANSWER, no_answer)   \
	X(CANCELED, canceled)     \
	X(REJECTED, rejected)     \
	X(FAILED, failed)         \
	X(CONGESTION, congestion) \
	X(BLOCKED, blocked)

/* X(CONSTANT, name): share of the attempt in the network effectiveness ratio (E.425). */
#define NER_CLASSES(X) X(NONE, none) X(SUCCESS, success) X(USER, user) X(NETWORK, network)

/* X(CONSTANT, name) */
#define SIP_TRANSPORTS(X) X(NONE, none) X(UDP, udp) X(TCP, tcp) X(TLS, tls) X(WS, ws) X(WSS, wss)

/* X(CONSTANT, name): what the caller's network found out about his number (TS 24.229 7.2A.20). */
#define CALLER_VERSTATS(X) \
	X(NONE, none)      \
	X(PASSED, passed)  \
	X(FAILED, failed)  \
	X(NO_VALIDATION, not_validated)

/* X(CONSTANT, name): what part the far end of a leg plays. */
#define LEG_ROLES(X) X(NONE, none) X(CUSTOMER, customer) X(AGENT, agent)

/* X(CONSTANT, name, help): kinds of struct registration_event. */
#define REGISTRATION_EVENT_KINDS(X)                                               \
	X(REGISTERED, registered,                                                 \
		"a contact was registered, or registered anew after it was lost") \
	X(MOVED, moved, "it was refreshed by another flow")                       \
	X(UNREGISTERED, unregistered, "it was taken back, or dropped")            \
	X(EXPIRED, expired, "it was not refreshed in time")                       \
	X(FAILED, failed, "an attempt of ours failed: another one follows")

/* X(CONSTANT, name): why a registration ended or failed. */
#define REGISTRATION_REASONS(X)                                                           \
	X(NONE, none)                                                                     \
	X(REQUEST, request)	    /* its owner asked for it */                          \
	X(FLOW_LOST, flow_lost)	    /* the connection ended and no other can be opened */ \
	X(EVICTED, evicted)	    /* for a newer contact of the same user */            \
	X(WITHDRAWN, withdrawn)	    /* it left the configuration */                       \
	X(DRAINING, draining)	    /* the operator takes us out of service */            \
	X(REFUSED, refused)	    /* the registrar refused it */                        \
	X(NO_RESPONSE, no_response) /* the registrar didn't answer */                     \
	X(NO_TARGET, no_target)	    /* the registrar's name has no meaning */

/* X(CONSTANT, name): how a transfer was asked for. */
#define TRANSFER_ORIGINS(X)                                            \
	X(NONE, none)                                                  \
	X(REFER, refer)	      /* by the leg's peer: REFER */           \
	X(REPLACES, replaces) /* by an INVITE that replaces the leg */ \
	X(OPERATOR, operator) /* by us, with a REFER to the leg's peer */

/* X(CONSTANT, name): what became of it, saying no more than is known. */
#define TRANSFER_OUTCOMES(X)                                            \
	X(NONE, none)                                                   \
	X(REFUSED, refused)	/* the request itself was refused */    \
	X(CONFIRMED, confirmed) /* the target answered */               \
	X(FAILED, failed)	/* it didn't */                         \
	X(PRESUMED, presumed)	/* the peer hung up without a report */ \
	X(UNKNOWN, unknown)	/* neither a report nor anything else says how it ended */

#define EVENT_ENUM_OF(prefix, constant) EVENT_##prefix##_##constant,
enum event_leg_direction {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(DIRECTION, constant)
	LEG_DIRECTIONS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_DIRECTION_COUNT
};

enum event_release_party {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(RELEASE, constant)
	RELEASE_PARTIES(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_RELEASE_COUNT
};

enum event_release_detail {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(DETAIL, constant)
	RELEASE_DETAILS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_DETAIL_COUNT
};

enum event_disposition {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(DISPOSITION, constant)
	CALL_DISPOSITIONS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_DISPOSITION_COUNT
};

enum event_ner_class {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(NER, constant)
	NER_CLASSES(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_NER_COUNT
};

enum event_transport {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(TRANSPORT, constant)
	SIP_TRANSPORTS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_TRANSPORT_COUNT
};

enum event_verstat {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(VERSTAT, constant)
	CALLER_VERSTATS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_VERSTAT_COUNT
};

enum registration_event_kind {
#define REGISTRATION_EVENT_ENUM(constant, name, help) REGISTRATION_EVENT_##constant,
	REGISTRATION_EVENT_KINDS(REGISTRATION_EVENT_ENUM)
#undef REGISTRATION_EVENT_ENUM
	REGISTRATION_EVENT_KIND_COUNT
};

enum event_registration_reason {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(REASON, constant)
	REGISTRATION_REASONS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_REASON_COUNT
};

enum event_transfer_origin {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(TRANSFER_ORIGIN, constant)
	TRANSFER_ORIGINS(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_TRANSFER_ORIGIN_COUNT
};

enum event_transfer_outcome {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(TRANSFER_OUTCOME, constant)
	TRANSFER_OUTCOMES(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_TRANSFER_OUTCOME_COUNT
};

enum event_leg_role {
#define EVENT_ENUM(constant, name) EVENT_ENUM_OF(ROLE, constant)
	LEG_ROLES(EVENT_ENUM)
#undef EVENT_ENUM
	EVENT_ROLE_COUNT
};
#undef EVENT_ENUM_OF

/* Why and by whom a call or leg ended. */
struct event_release {
	uint16_t sip_status; /* final SIP status; 0: none was sent or received */
	uint16_t q850;	     /* received Reason header, else the mapping of RFC 3398; 0: none */
	uint8_t by;	     /* enum event_release_party */
	uint8_t detail;	     /* enum event_release_detail */
	uint8_t disposition; /* enum event_disposition */
	uint8_t ner_class;   /* enum event_ner_class */
	char reason[EVENT_TEXT_BYTES];
};

/* A request to connect a party of the call with somebody else. */
struct event_transfer {
	uint64_t transfer_id;		   /* the same in its events; 0: there is none */
	uint8_t origin;			   /* enum event_transfer_origin */
	uint8_t outcome;		   /* enum event_transfer_outcome; NONE until it ended */
	uint16_t sip_status;		   /* of REFUSED and FAILED; 0: none */
	char target[EVENT_URI_BYTES];	   /* URI that the party is to be connected with */
	char replaces[EVENT_SIP_ID_BYTES]; /* Call-ID of the dialog to be replaced */
	char referred_by[EVENT_URI_BYTES]; /* URI of who says he asks */
};

/* One thing that happened to a call. */
struct call_event {
	uint64_t contact_id;
	uint64_t call_id;
	uint64_t leg_id;   /* 0: concerns the whole call */
	uint32_t ordinal;  /* counts the events of this call from 0; kept in the journal, so that a
			   * repeat after a restart has the same event_id */
	uint8_t kind;	   /* enum call_event_kind */
	uint8_t direction; /* enum event_leg_direction of leg_id */
	uint64_t wall_ns;
	uint64_t since_created_ms;
	char trunk[EVENT_NAME_BYTES];
	char caller[EVENT_PARTY_BYTES];
	char callee[EVENT_PARTY_BYTES];
	char sip_call_id[EVENT_SIP_ID_BYTES];
	char codec[EVENT_NAME_BYTES]; /* ANSWERED, BRIDGED, MODIFIED */
	struct event_release release; /* PROGRESS, ANSWERED: sip_status only; ENDED, FAILED: all */
	struct event_transfer transfer; /* TRANSFER_REQUESTED, TRANSFER_ENDED */
};

/* A party as signalled. */
struct event_party {
	char user[EVENT_PARTY_BYTES];
	char display[EVENT_TEXT_BYTES];
	char p_asserted[EVENT_PARTY_BYTES];
	bool is_private;  /* Privacy: id or anonymous From */
	char attestation; /* 'A', 'B' or 'C' as claimed by its PASSporT; 0: none */
	uint8_t verstat;  /* enum event_verstat */
};

/* Points of a leg's life on the wall clock; 0: didn't happen. */
struct leg_times {
	uint64_t invite_wall_ns;
	uint64_t t100_wall_ns;
	uint64_t first_18x_wall_ns;
	uint64_t t180_wall_ns;
	uint64_t early_media_wall_ns; /* 183 (or 18x) with SDP */
	uint64_t answer_wall_ns;      /* 2xx */
	uint64_t ack_wall_ns;
	uint64_t bridge_wall_ns;
	uint64_t end_wall_ns;
};

/* The immutable record of one leg. */
struct leg_cdr {
	uint64_t contact_id;
	uint64_t call_id;
	uint64_t leg_id;
	uint64_t parent_leg_id;	     /* the leg that caused this one; 0: none */
	uint64_t related_leg_id;     /* the leg it was bridged with; 0: none */
	uint32_t leg_seq;	     /* 0, 1, … in order of creation within the call */
	uint32_t attempt_no;	     /* 1: first destination tried */
	uint32_t partial_no;	     /* 0: final record; n: n-th record of a call in progress */
	uint8_t direction;	     /* enum event_leg_direction */
	uint8_t role;		     /* enum event_leg_role */
	uint8_t transport;	     /* enum event_transport */
	bool is_recovered;	     /* a restart lay within the leg's life */
	bool is_media_stats_missing; /* the dataplane couldn't tell; media is zero */
	char trunk[EVENT_NAME_BYTES];
	char route[EVENT_NAME_BYTES];
	char sip_call_id[EVENT_SIP_ID_BYTES];
	char sip_local_tag[EVENT_SIP_ID_BYTES];
	char sip_remote_tag[EVENT_SIP_ID_BYTES];
	char user_agent[EVENT_TEXT_BYTES];
	struct td_endpoint local;  /* SIP */
	struct td_endpoint remote; /* SIP */
	struct event_party caller;
	struct event_party callee;
	struct leg_times times;
	uint64_t pdd_ms;   /* INVITE to first ringing or 2xx; valid if one of them came */
	uint64_t setup_ms; /* INVITE to 2xx */
	uint64_t ring_ms;  /* first 18x to 2xx or end */
	uint64_t talk_ms;  /* 2xx to end, less hold_ms */
	uint64_t hold_ms;
	uint64_t bill_ms; /* 2xx to end; 0 if never answered */
	struct event_release release;
	char codec[EVENT_NAME_BYTES]; /* "PCMA/8000"; empty: none was negotiated */
	uint16_t ptime_ms;
	struct td_endpoint media_local;
	struct td_endpoint media_remote; /* as signalled; media.latched says where it went */
	struct td_termination_stats media;
};

/* One customer's journey; in this release a contact has one call. */
struct contact_record {
	uint64_t contact_id;
	uint64_t call_id;
	uint64_t leg_ids[EVENT_CALL_LEGS_MAX];
	uint32_t leg_count; /* legs beyond EVENT_CALL_LEGS_MAX are counted, not listed */
	uint8_t direction;  /* of the first leg */
	bool is_recovered;
	char trunk_in[EVENT_NAME_BYTES];
	char trunk_out[EVENT_NAME_BYTES];
	char route[EVENT_NAME_BYTES];
	char caller[EVENT_PARTY_BYTES];
	char callee[EVENT_PARTY_BYTES];
	uint64_t start_wall_ns;
	uint64_t answer_wall_ns;
	uint64_t end_wall_ns;
	uint64_t duration_ms; /* start to end */
	uint64_t talk_ms;
	uint64_t hold_ms;
	struct event_release release;
};

/* One thing that happened to a registration: of somebody with us (direction in), or of ours with
 * somebody else (out). */
struct registration_event {
	uint64_t registration_id; /* of this contact, from REGISTERED to its end */
	uint32_t ordinal;	  /* counts its events from 0; kept in the journal */
	uint8_t kind;		  /* enum registration_event_kind */
	uint8_t direction;	  /* enum event_leg_direction */
	uint8_t reason;		  /* enum event_registration_reason */
	uint8_t transport;	  /* enum event_transport */
	uint16_t sip_status;	  /* out: of the registrar's answer; 0: none */
	uint32_t expires_s;	  /* granted; 0: not registered */
	uint64_t wall_ns;
	struct td_endpoint remote; /* where it came from; out: where it went */
	char trunk[EVENT_NAME_BYTES];
	char user[EVENT_PARTY_BYTES]; /* of the address of record */
	char contact[EVENT_SIP_ID_BYTES];
	char instance[EVENT_TEXT_BYTES];
	char user_agent[EVENT_TEXT_BYTES];
};

/* X(CONSTANT, member, topic, CloudEvents type): kinds of record, one Kafka topic each. */
#define EVENT_RECORD_KINDS(X)                                       \
	X(CALL, call, "tandem.call.events.v1", "tandem.call.event") \
	X(CDR, cdr, "tandem.cdr.v1", "tandem.cdr.leg")              \
	X(CONTACT, contact, "tandem.contact.v1", "tandem.contact")  \
	X(REGISTRATION, registration, "tandem.registration.v1", "tandem.registration.event")

enum event_record_kind {
#define EVENT_RECORD_ENUM(constant, member, topic, type) EVENT_RECORD_##constant,
	EVENT_RECORD_KINDS(EVENT_RECORD_ENUM)
#undef EVENT_RECORD_ENUM
	EVENT_RECORD_KIND_COUNT
};

struct event_record {
	uint8_t kind; /* enum event_record_kind */
	union {
		struct call_event call;
		struct leg_cdr cdr;
		struct contact_record contact;
		struct registration_event registration;
	};
};

/* Kafka topic of a kind; NULL out of range. */
const char *event_record_topic(unsigned kind);
/* Name of a kind ("call", "cdr", "contact", "registration"); NULL out of range. */
const char *event_record_kind_name(unsigned kind);

/* Sets a bounded text from length bytes (no terminating zero needed; NULL only if length is 0).
 * Cuts what is too long between UTF-8 characters. */
static inline void event_text_set(char *text, size_t text_bytes, const char *from, size_t length)
{
	if (length >= text_bytes) {
		length = text_bytes - 1;
		while (length != 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
			length--;
	}
	if (length != 0)
		memcpy(text, from, length);
	text[length] = '\0';
}

#endif
