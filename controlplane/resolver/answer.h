/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what a name server has answered to one question: the records that SIP can use, the
 * CNAMEs on the way followed, bounded in every direction. Anyone who can send us datagrams may
 * have written it. The additional section is not looked at: nobody asked for it. Pure.
 */
#ifndef TD_RESOLVER_ANSWER_H
#define TD_RESOLVER_ANSWER_H

#include "resolver/name.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ANSWER_RECORDS_MAX = 32, /* kept of one set; more are left out */
	ANSWER_LINES_MAX = 256,	 /* records of a message that are looked at */
	ANSWER_ALIASES_MAX = 8,	 /* CNAMEs in a row */
	ANSWER_NAMES_BYTES = 2048,
};

/* As in RFC 1035 3.2.2, 3596, 2782, 3403. */
enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_NAPTR = 35,
};

/* "A", "SRV", ...; "?" for others. */
const char *dns_type_name(uint16_t type);

enum answer_outcome {
	ANSWER_FOUND,	/* records */
	ANSWER_ALIAS,	/* a CNAME whose end the message doesn't hold: ask for alias */
	ANSWER_ABSENT,	/* the name, or this type of it, does not exist */
	ANSWER_REFUSED, /* the server can't or won't say */
};

struct answer_record {
	struct td_ip ip;      /* A, AAAA */
	uint16_t order;	      /* SRV priority, NAPTR order */
	uint16_t preference;  /* SRV weight, NAPTR preference */
	uint16_t port;	      /* SRV */
	uint16_t name_offset; /* in names: SRV target, NAPTR replacement */
	uint8_t name_length;  /* 0: "." */
	uint8_t transport; /* NAPTR: enum sip_transport; UNKNOWN: a SIP service that isn't ours */
	bool is_secure;	   /* NAPTR: SIPS */
};

struct answer {
	enum answer_outcome outcome;
	bool has_ttl; /* ABSENT: false if no SOA said how long (RFC 2308 5) */
	uint32_t ttl_s;
	uint32_t left_out; /* records that couldn't be used, or were too many */
	uint32_t record_count;
	uint32_t names_used;
	struct name alias; /* ALIAS */
	struct answer_record records[ANSWER_RECORDS_MAX];
	char names[ANSWER_NAMES_BYTES]; /* without zeros between */
};

/* Reads a message that answers the question for type (A, AAAA, SRV, NAPTR) of name. -EBADMSG: it
 * isn't one, and *ret_answer says nothing. */
td_must_check int answer_read(const uint8_t *message, size_t length, const struct name *name,
	uint16_t type, struct answer *ret_answer);

/* The name in a record. Borrows from names. */
static inline struct span answer_name(const struct answer_record *record, const char *names)
{
	return (struct span){names + record->name_offset, record->name_length};
}

#endif
