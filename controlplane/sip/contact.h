/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What REGISTER and its answers hold (RFC 3261 10, RFC 5626 4, RFC 3327, RFC 3608): Contact values
 * one at a time, with the parameters that concern a binding; routes; times. Pure: spans point into the message.
 */
#ifndef TD_SIP_CONTACT_H
#define TD_SIP_CONTACT_H

#include "sip/message.h"
#include "sip/uri.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	SIP_Q_MAX = 1000,	      /* q=1, which is meant where none is given */
	SIP_EXPIRES_MALFORMED = 3600, /* s; what is meant by nonsense (RFC 3261 20.19) */
};

struct sip_contact {
	struct sip_name_addr name_addr; /* not set if is_star */
	struct span instance;		/* +sip.instance without quotes; empty: none */
	uint32_t expires_s;		/* valid if has_expires */
	uint32_t reg_id;		/* 0: none */
	uint16_t q_permille;
	bool has_expires;
	bool is_star; /* "*" */
};

/* Where a walk over the Contact values of a message stands; all zero: before the first. */
struct sip_contact_cursor {
	uint32_t header;
	struct span rest;
};

/* Gives the next value: 1, 0 at the end, -EBADMSG (no name-addr, q or reg-id malformed), -ENOTSUP
 * (a scheme other than sip, sips and tel). */
td_must_check int sip_contact_next(const struct sip_message *message,
	struct sip_contact_cursor *cursor, struct sip_contact *ret_contact);

/* Writes the values of a header of routes (Path, Service-Route), in order, one per line and zero-
 * terminated; the length through *ret_length. -EBADMSG (no SIP URI among them), -ENOSPC. */
td_must_check int sip_routes_join(const struct sip_message *message, enum sip_header_id id,
	char *lines, size_t size_bytes, uint32_t *ret_length);

/* Seconds of an Expires value; SIP_EXPIRES_MALFORMED if it isn't a number below 2^32. */
uint32_t sip_expires_parse(struct span text);

/* True if both URIs mean the same by RFC 3261 19.1.4. Both have been parsed. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);

/* Writes a Date value, "Sat, 13 Nov 2010 23:29:00 GMT" (RFC 3261 20.17), zero-terminated, and
 * returns it. */
enum {
	SIP_DATE_BYTES = 32
};
char *sip_date_format(uint64_t wall_ns, char date[SIP_DATE_BYTES]);

#endif
