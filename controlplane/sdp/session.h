/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A received session description (RFC 8866, as used by RFC 3264) as an index into its text: one
 * strict pass, bounded, no allocation. Addresses are IP literals; a host name is kept as text
 * and marked, never looked up. Lines that Tandem has no use for are kept as spans. Pure.
 */
#ifndef TD_SDP_SESSION_H
#define TD_SDP_SESSION_H

#include "util/span.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SDP_MAX_BYTES = 32768,
	SDP_MEDIA_MAX = 16,	  /* m= lines */
	SDP_FORMATS_MAX = 32,	  /* formats of one m= line */
	SDP_ATTRIBUTES_MAX = 256, /* a= lines of all levels together */
};

enum sdp_direction {
	SDP_DIRECTION_NONE, /* not stated: sendrecv (RFC 3264 5.1) */
	SDP_SENDRECV,
	SDP_SENDONLY,
	SDP_RECVONLY,
	SDP_INACTIVE,
	SDP_DIRECTION_COUNT
};

/* "sendrecv"; "" for NONE. */
const char *sdp_direction_name(enum sdp_direction direction);

enum sdp_protocol {
	SDP_PROTOCOL_OTHER,
	SDP_RTP_AVP,
	SDP_RTP_AVPF,
	SDP_RTP_SAVP,
	SDP_RTP_SAVPF,
	SDP_DTLS_SAVP,	/* UDP/TLS/RTP/SAVP */
	SDP_DTLS_SAVPF, /* UDP/TLS/RTP/SAVPF */
	SDP_PROTOCOL_COUNT
};

enum sdp_kind {
	SDP_KIND_OTHER,
	SDP_AUDIO,
	SDP_VIDEO,
	SDP_IMAGE,
	SDP_APPLICATION,
	SDP_TEXT,
	SDP_MESSAGE
};

/* c= or the address part of o=. */
struct sdp_address {
	struct span text;
	struct td_ip ip; /* family NONE: text is a host name */
	bool is_present;
	bool is_multicast; /* or has a /ttl */
};

/* One a= line: "name" or "name:value". */
struct sdp_attribute {
	struct span name;
	struct span value;
	uint8_t media; /* index of its m= line; SDP_MEDIA_MAX: session level */
};

struct sdp_format {
	struct span text;     /* as in the m= line */
	uint8_t payload_type; /* 0..127; RTP only */
	bool has_rtpmap;
	struct span encoding; /* of rtpmap, or of the static type (RFC 3551); empty if unknown */
	uint32_t clock_hz;    /* 0 if unknown */
	uint8_t channels;     /* 1 if not stated */
	struct span rtpmap;   /* value after the payload type; empty if none */
	struct span fmtp;     /* value after the payload type; empty if none */
};

struct sdp_media {
	struct span line; /* the m= value */
	struct span kind_text;
	struct span protocol_text;
	enum sdp_kind kind;
	enum sdp_protocol protocol;
	uint16_t port; /* 0: refused or disabled */
	uint16_t port_count;
	struct sdp_address connection; /* of this m=, or the session's */
	enum sdp_direction
		direction; /* effective: media level, else session level, else sendrecv */
	uint16_t ptime_ms; /* 0: not stated */
	uint16_t maxptime_ms;
	bool has_rtcp; /* a=rtcp (RFC 3605) */
	uint16_t rtcp_port;
	struct sdp_address rtcp_address; /* if a=rtcp gave one */
	bool has_rtcp_mux;
	uint8_t format_count;
	struct sdp_format formats[SDP_FORMATS_MAX];
};

struct sdp_session {
	struct span bytes;  /* the whole body; all spans borrow it */
	struct span origin; /* the o= value */
	struct span origin_user;
	struct span origin_id;
	struct span origin_version; /* digits, may exceed 64 bits */
	struct sdp_address origin_address;
	struct span name; /* s= */
	struct sdp_address connection;
	enum sdp_direction direction; /* session level */
	uint8_t media_count;
	uint16_t attribute_count;
	struct sdp_media media[SDP_MEDIA_MAX];
	struct sdp_attribute attributes[SDP_ATTRIBUTES_MAX];
};

/* Why a body was refused; goes into a Warning header and the log. */
struct sdp_error {
	const char *reason; /* static text */
	uint32_t line;	    /* 1 for the first */
};

/*
 * Parses a body. Lines may end in CRLF or LF. Unknown line types and attributes are passed over;
 * a malformed line that matters is an error, as is a bound exceeded. *ret_session is valid on
 * success only.
 * Errors: -EBADMSG with *ret_error filled.
 */
td_must_check int sdp_session_parse(
	struct span body, struct sdp_session *ret_session, struct sdp_error *ret_error);

/* First attribute of that name (case-sensitive, RFC 8866 5.13) at media index, or SDP_MEDIA_MAX
 * for session level. NULL if there is none. */
const struct sdp_attribute *sdp_attribute_find(
	const struct sdp_session *session, unsigned media, const char *name);

/* True if that stream is held by its sender: no media wanted (sendonly, inactive, or the old
 * style c=0.0.0.0 / c=::). */
bool sdp_media_is_hold(const struct sdp_media *media);

#endif
