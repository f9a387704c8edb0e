/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP, SIPS and tel URIs, and the name-addr around them (RFC 3261 19.1, 20.10; RFC 3966).
 * Pure: spans point into the text that was parsed.
 */
#ifndef TD_SIP_URI_H
#define TD_SIP_URI_H

#include "util/span.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where no port is named (RFC 3261 19.1.2, RFC 6455 3). */
enum {
	SIP_PORT = 5060,
	SIPS_PORT = 5061,
	SIP_WS_PORT = 80,
	SIP_WSS_PORT = 443,
};

enum sip_scheme {
	SIP_SCHEME_OTHER,
	SIP_SCHEME_SIP,
	SIP_SCHEME_SIPS,
	SIP_SCHEME_TEL
};

enum sip_transport {
	SIP_TRANSPORT_UNKNOWN,
	SIP_TRANSPORT_UDP,
	SIP_TRANSPORT_TCP,
	SIP_TRANSPORT_TLS,
	SIP_TRANSPORT_WS,
	SIP_TRANSPORT_WSS,
	SIP_TRANSPORT_COUNT
};

/* "UDP", "TCP", ...: as in Via; lower case in a URI's transport parameter. "?" for unknown. */
const char *sip_transport_name(enum sip_transport transport);
/* The transport of that name, case-insensitive; SIP_TRANSPORT_UNKNOWN if there is none. */
enum sip_transport sip_transport_find(struct span name);
/* The port that stands for none: SIP_PORT for UDP, TCP and unknown ones. */
uint16_t sip_transport_port(enum sip_transport transport);
/* True for TLS and WSS. */
bool sip_transport_is_secure(enum sip_transport transport);
/* True for WS and WSS: the peer has no address but its connection (RFC 7118 5). */
bool sip_transport_is_websocket(enum sip_transport transport);

/* The number of a name that a TLS peer's certificate must have (sip_flow.server_id): a hash of the
 * name in lower case without a dot at its end, never 0. Two names may share a number; whoever
 * collects names refuses that. */
uint32_t sip_server_id(struct span name);

struct sip_uri {
	struct span text; /* the whole URI */
	struct span scheme_text;
	struct span user; /* still escaped; tel: the number */
	struct span password;
	struct span host;     /* without brackets */
	struct span params;   /* after the first ';', without it */
	struct span headers;  /* after '?', without it */
	struct td_ip host_ip; /* family NONE if host is a name */
	enum sip_scheme scheme;
	enum sip_transport transport; /* of the transport parameter, UNKNOWN if absent */
	uint16_t port;		      /* 0 if absent */
	bool is_loose_router;	      /* ;lr */
};

struct sip_name_addr {
	struct span text;    /* the whole value */
	struct span display; /* without quotes, still escaped */
	struct sip_uri uri;
	struct span params; /* header parameters, after the first ';' that follows the URI */
	struct span tag;    /* value of the tag parameter, empty if absent */
};

/* Parses a URI that must fill text completely. Errors: -EINVAL (not a URI), -ENOTSUP (well
 * formed, but its scheme is none of ours: text, scheme_text are set). Never asks a name server. */
td_must_check int sip_uri_parse(struct span text, struct sip_uri *ret_uri);

/* Parses a name-addr or addr-spec; a comma-separated second value is an error. -EINVAL,
 * -ENOTSUP as above. */
td_must_check int sip_name_addr_parse(struct span text, struct sip_name_addr *ret_name_addr);

/* Finds parameter name (case-insensitive) in ";"-separated params. Returns false if absent;
 * *ret_value is empty if it has no "=". Quotes are stripped. */
bool sip_param_find(struct span params, const char *name, struct span *ret_value);

/* Writes the user part with %XX undone, zero-terminated. -EINVAL on a bad escape or %00,
 * -ENOSPC if it doesn't fit size bytes. */
td_must_check int sip_user_unescape(struct span user, char *buffer, size_t size);

/* Writes a user part with %XX for what may not stand in one (RFC 3261 25.1), zero-terminated.
 * Returns its length, -ENOSPC if it doesn't fit size bytes. */
td_must_check int sip_user_escape(struct span user, char *buffer, size_t size);

#endif
