/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each header means to the parser: whether it may repeat, whether it is a list to be
 * split, and the check of its value. Private to sip/.
 */
#ifndef TD_SIP_HEADER_H
#define TD_SIP_HEADER_H

#include "sip/message.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

/* State of one parse. */
struct sip_parse {
	char *at;
	char *end;
	const char *begin;
	struct sip_message *message;
	struct sip_parse_error *error; /* reason NULL: none yet */
	uint64_t seen;		       /* bit per header id */
	uint32_t content_length;       /* valid if Content-Length was seen */
	uint32_t route_count;
	uint32_t record_route_count;
	bool is_via_good;
};

/* Remembers the first error; parsing goes on for the sake of an answer. */
void sip_parse_fail(
	struct sip_parse *parse, unsigned status, const char *reason, const char *where);

/* Files one header field: splits lists, checks its value, fills the message. */
void sip_header_take(struct sip_parse *parse, struct span name, struct span value);

/* Checks what needs all headers: presence, and agreement with the start line. */
void sip_headers_finish(struct sip_parse *parse);

/* True if each value of its comma-separated list is filed as a header of its own. */
static inline bool sip_header_is_split(enum sip_header_id id)
{
	return id == SIP_HEADER_VIA || id == SIP_HEADER_ROUTE || id == SIP_HEADER_RECORD_ROUTE;
}

static inline bool sip_header_was_seen(const struct sip_parse *parse, enum sip_header_id id)
{
	return (parse->seen >> id & 1) != 0;
}

#endif
