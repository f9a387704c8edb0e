/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes SIP messages into a bounded buffer. Values that come from outside are refused if they
 * hold CR, LF or NUL, so that no message of ours can be split by somebody else's text. Overflow
 * and refusal are remembered and told once, by sip_builder_finish().
 */
#ifndef TD_SIP_BUILDER_H
#define TD_SIP_BUILDER_H

#include "sip/message.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>

struct sip_builder {
	char *bytes;	   /* borrows */
	size_t size_bytes; /* room */
	size_t used_bytes;
	int error; /* 0, -ENOSPC or -EINVAL */
};

void sip_builder_init(struct sip_builder *builder, char *bytes, size_t size_bytes);

/* "INVITE sip:a@b SIP/2.0" */
void sip_build_request_line(struct sip_builder *builder, struct span method, struct span uri);
/* "SIP/2.0 180 Ringing"; phrase NULL: the standard one. */
void sip_build_status_line(struct sip_builder *builder, unsigned status, const char *phrase);
/* One header, value given as a span. */
void sip_build_header(struct sip_builder *builder, enum sip_header_id id, struct span value);
/* One header, value by printf format; refuses CR, LF and NUL in the result. */
td_printf(3, 4) void sip_build_header_format(
	struct sip_builder *builder, enum sip_header_id id, const char *format, ...);
/* A header outside the table. */
void sip_build_other_header(struct sip_builder *builder, struct span name, struct span value);
/* Copies every header with that id from message, in order. */
void sip_build_copy(
	struct sip_builder *builder, const struct sip_message *message, enum sip_header_id id);

/* Complete header lines, each ended by CRLF, that a builder wrote before. */
void sip_build_lines(struct sip_builder *builder, struct span lines);

/* What every response takes from its request (RFC 3261 8.2.6.2, 18.2.1): a status line with the
 * standard phrase, Via as received, with
 * received and rport filled from source, From, To (plus to_tag if the request had none and
 * to_tag isn't empty), Call-ID, CSeq, and for 100 Timestamp. */
void sip_build_response_head(struct sip_builder *builder, const struct sip_message *request,
	const struct td_endpoint *source, unsigned status, struct span to_tag);

/* Ends the message: Content-Type (unless body is empty), Content-Length, empty line, body.
 * Returns the length in bytes (> 0), -ENOSPC or -EINVAL. */
td_must_check int sip_builder_finish(
	struct sip_builder *builder, struct span content_type, struct span body);

/* Makes the topmost Via of a message that was built here name UDP in TCP's place, or TCP in UDP's:
 * no other byte changes. False if it names neither. */
bool sip_via_rename(char *bytes, size_t length, enum sip_transport to);

#endif
