/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A received SIP message as an index into its bytes: one strict pass, bounded, no allocation, no
 * clock, no I/O. Whatever RFC 3261 and RFC 4475 call an error is one here, with the status that
 * a server would answer and a reason that a human can act on. Never asks a name server.
 */
#ifndef TD_SIP_MESSAGE_H
#define TD_SIP_MESSAGE_H

#include "sip/uri.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIP_MESSAGE_MAX_BYTES = 65535,
	SIP_HEADERS_MAX =
		128, /* header field values, comma lists of Via, Route and Record-Route split */
	SIP_VIAS_MAX = 70,	  /* the usual Max-Forwards; RFC 4475's longreq has 34 */
	SIP_URI_MAX_BYTES = 2048, /* request URI; longer: 414 */
	SIP_ROUTES_MAX = 16,	  /* Route, and Record-Route, values */
};

/* X(NAME): methods we know; others keep their text and are SIP_METHOD_OTHER. */
#define SIP_METHODS(X) \
	X(INVITE)      \
	X(ACK)         \
	X(BYE)         \
	X(CANCEL)      \
	X(OPTIONS)     \
	X(REGISTER)    \
	X(PRACK)       \
	X(UPDATE)      \
	X(INFO)        \
	X(REFER)       \
	X(NOTIFY)      \
	X(SUBSCRIBE)   \
	X(MESSAGE)     \
	X(PUBLISH)

enum sip_method {
	SIP_METHOD_OTHER,
#define SIP_METHOD_ENUM(name) SIP_METHOD_##name,
	SIP_METHODS(SIP_METHOD_ENUM)
#undef SIP_METHOD_ENUM
	SIP_METHOD_COUNT
};

/* X(CONSTANT, "canonical name", 'compact form or 0') */
#define SIP_HEADERS(X)                                     \
	X(VIA, "Via", 'v')                                 \
	X(FROM, "From", 'f')                               \
	X(TO, "To", 't')                                   \
	X(CALL_ID, "Call-ID", 'i')                         \
	X(CSEQ, "CSeq", 0)                                 \
	X(CONTACT, "Contact", 'm')                         \
	X(MAX_FORWARDS, "Max-Forwards", 0)                 \
	X(ROUTE, "Route", 0)                               \
	X(RECORD_ROUTE, "Record-Route", 0)                 \
	X(CONTENT_LENGTH, "Content-Length", 'l')           \
	X(CONTENT_TYPE, "Content-Type", 'c')               \
	X(CONTENT_ENCODING, "Content-Encoding", 'e')       \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0)   \
	X(ALLOW, "Allow", 0)                               \
	X(SUPPORTED, "Supported", 'k')                     \
	X(REQUIRE, "Require", 0)                           \
	X(PROXY_REQUIRE, "Proxy-Require", 0)               \
	X(UNSUPPORTED, "Unsupported", 0)                   \
	X(ACCEPT, "Accept", 0)                             \
	X(AUTHORIZATION, "Authorization", 0)               \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0)   \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0)         \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0)     \
	X(REASON, "Reason", 0)                             \
	X(RETRY_AFTER, "Retry-After", 0)                   \
	X(WARNING, "Warning", 0)                           \
	X(USER_AGENT, "User-Agent", 0)                     \
	X(SERVER, "Server", 0)                             \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0)   \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0) \
	X(PRIVACY, "Privacy", 0)                           \
	X(DIVERSION, "Diversion", 0)                       \
	X(HISTORY_INFO, "History-Info", 0)                 \
	X(IDENTITY, "Identity", 'y')                       \
	X(RSEQ, "RSeq", 0)                                 \
	X(RACK, "RAck", 0)                                 \
	X(SESSION_EXPIRES, "Session-Expires", 'x')         \
	X(MIN_SE, "Min-SE", 0)                             \
	X(REFER_TO, "Refer-To", 'r')                       \
	X(REFERRED_BY, "Referred-By", 'b')                 \
	X(REPLACES, "Replaces", 0)                         \
	X(EVENT, "Event", 'o')                             \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0)     \
	X(EXPIRES, "Expires", 0)                           \
	X(DATE, "Date", 0)                                 \
	X(SUBJECT, "Subject", 's')                         \
	X(MIME_VERSION, "MIME-Version", 0)                 \
	X(ALLOW_EVENTS, "Allow-Events", 'u')               \
	X(REFER_SUB, "Refer-Sub", 0)                       \
	X(TARGET_DIALOG, "Target-Dialog", 0)               \
	X(INFO_PACKAGE, "Info-Package", 0)                 \
	X(RECV_INFO, "Recv-Info", 0)                       \
	X(MIN_EXPIRES, "Min-Expires", 0)                   \
	X(PATH, "Path", 0)                                 \
	X(SERVICE_ROUTE, "Service-Route", 0)               \
	X(FLOW_TIMER, "Flow-Timer", 0)                     \
	X(SESSION_ID, "Session-ID", 0)                     \
	X(USER_TO_USER, "User-to-User", 0)                 \
	X(CALL_INFO, "Call-Info", 0)                       \
	X(RESOURCE_PRIORITY, "Resource-Priority", 0)

enum sip_header_id {
	SIP_HEADER_OTHER,
#define SIP_HEADER_ENUM(constant, name, compact) SIP_HEADER_##constant,
	SIP_HEADERS(SIP_HEADER_ENUM)
#undef SIP_HEADER_ENUM
	SIP_HEADER_COUNT
};

struct sip_header {
	struct span name;  /* as received */
	struct span value; /* unfolded, trimmed */
	enum sip_header_id id;
};

struct sip_via {
	struct span text;
	struct span host; /* sent-by host, without brackets */
	struct span branch;
	struct span received;
	struct span params;
	enum sip_transport transport;
	uint16_t port;	 /* of sent-by; 0 if absent */
	uint16_t rport;	 /* value of rport, 0 if it has none */
	bool has_rport;	 /* ;rport present (RFC 3581) */
	bool is_rfc3261; /* branch begins with the magic cookie z9hG4bK */
};

struct sip_cseq {
	uint32_t number; /* < 2^31 */
	enum sip_method method;
	struct span method_text;
};

/* A parsed message. All spans borrow the caller's buffer. Mandatory headers are always present
 * and well formed after a successful parse: Via, From, To, Call-ID, CSeq (RFC 3261 8.1.1). */
struct sip_message {
	struct span bytes; /* the whole message, as parsed (folds replaced by spaces) */
	struct span body;

	enum sip_method method; /* request: of the start line; response: of CSeq */
	struct span method_text;
	struct sip_uri
		request_uri; /* request; scheme OTHER is possible (416 is the TU's to send) */
	uint16_t status;     /* response 100..699; 0: this is a request */
	struct span reason_phrase;

	struct sip_via via; /* topmost */
	struct sip_name_addr from;
	struct sip_name_addr to;
	struct span call_id;
	struct sip_cseq cseq;
	struct sip_name_addr contact; /* first; uri.text empty if none, or "*" */
	uint32_t contact_count;
	uint32_t via_count;
	uint32_t max_forwards;	  /* SIP_MAX_FORWARDS_ABSENT if the header is missing */
	struct span content_type; /* media type only, without parameters; empty if absent */

	uint64_t present; /* a bit for each header id that stands in headers */
	uint32_t header_count;
	struct sip_header headers[SIP_HEADERS_MAX]; /* in order of appearance */
};

#define SIP_MAX_FORWARDS_ABSENT UINT32_MAX

/* Why a message was refused, and what may be answered. */
struct sip_parse_error {
	uint16_t status;    /* 400, 413, 414, 505 ...; 0: don't answer (responses, hopeless text) */
	const char *reason; /* static text: "CSeq method differs from the request's" */
	uint32_t offset;    /* byte at which parsing stopped */
	/* Enough was understood to answer: via, from, to, call_id, cseq of *ret_message are set. */
	bool is_answerable;
};

/*
 * Parses one complete message (a datagram, or what sip_frame_length() cut out of a stream).
 * bytes is modified: folded lines are joined in place. *ret_message is valid on success; after
 * -EBADMSG only as far as error->is_answerable promises.
 *
 * Strictness: RFC 4475 section 3.1.2's verdicts; a datagram shorter than its Content-Length is
 * an error, bytes after it are ignored (RFC 3261 18.3); on a stream Content-Length is mandatory.
 * Errors: -EBADMSG with *ret_error filled.
 */
td_must_check int sip_message_parse(char *bytes, size_t size_bytes, bool is_stream,
	struct sip_message *ret_message, struct sip_parse_error *ret_error);

/* True if bytes look like a request that may begin something, or undo that (CANCEL): one without a
 * To tag. A guess that costs little, for those who order what waits. */
bool sip_message_is_initial(const char *bytes, size_t size_bytes);

/*
 * Reads once more, at a third of the price, the bytes of a message that sip_message_parse() has
 * accepted (message.bytes), or that sip_builder has made. Set as there: status, method,
 * request_uri.text, via, from.text, to.text and to.tag, call_id, cseq, headers, bytes, body; the
 * rest is empty. Changes no byte. -EBADMSG: it is no such message.
 */
td_must_check int sip_message_skim(struct span bytes, struct sip_message *ret_message);
/* The body of such a message; empty if it has none. */
struct span sip_message_body(struct span bytes);
/* Method and topmost Via of a request that begins with its Via, as sip_builder writes them.
 * -EBADMSG: it doesn't. */
td_must_check int sip_request_peek(
	struct span bytes, struct span *ret_method, struct sip_via *ret_via);

/*
 * Looks at a request without reading it: finds just what an answer repeats, and whose it is. Sets
 * method, method_text, request_uri.text, via, via_count, the tags of from and to, call_id, cseq,
 * and as headers those of Via (not split), From, To, Call-ID, CSeq, User-Agent and
 * Resource-Priority. Enough for sip_build_response_head(). bytes stay as they are. -EBADMSG: not a
 * request, of no method that we know, or not plain (folded lines, lists of Via in the first line,
 * repeats, whatever the parser must judge): ask sip_message_parse(). What has been glanced at may
 * still be refused by the parser.
 */
td_must_check int sip_message_glance(
	const char *bytes, size_t size_bytes, struct sip_message *ret_message);

/*
 * Finds the end of the first message in a stream (RFC 3261 18.3). Returns its length in bytes,
 * 0 if more bytes are needed, -EBADMSG if it never will be one (no Content-Length, header
 * section longer than SIP_MESSAGE_MAX_BYTES). Leading CRLF pairs are counted in
 * *ret_skip_bytes (keep-alives, RFC 5626) and are not part of the length.
 */
td_must_check int sip_frame_length(const char *bytes, size_t size_bytes, uint32_t *ret_skip_bytes);

/* First header with that id at or after index *from (0 to begin); *from becomes the index after
 * it. NULL if there is no more. */
const struct sip_header *sip_message_next(
	const struct sip_message *message, enum sip_header_id id, uint32_t *from);
/* First header with that id, or NULL. */
const struct sip_header *sip_message_find(const struct sip_message *message, enum sip_header_id id);
/* True if a comma-separated header of that id (Require, Supported, Allow ...) lists token. */
bool sip_message_lists(const struct sip_message *message, enum sip_header_id id, const char *token);

static inline bool sip_message_is_request(const struct sip_message *message)
{
	return message->status == 0;
}

const char *sip_method_name(enum sip_method method);  /* "INVITE"; "?" for OTHER */
const char *sip_header_name(enum sip_header_id id);   /* "Call-ID" */
const char *sip_status_phrase(unsigned status);	      /* "Busy Here"; "" if unknown */
enum sip_method sip_method_find(struct span name);    /* case-sensitive */
enum sip_header_id sip_header_find(struct span name); /* case-insensitive, compact forms too */

/* Parses a Via value (no comma). -EBADMSG. */
td_must_check int sip_via_parse(struct span text, struct sip_via *ret_via);

#endif
