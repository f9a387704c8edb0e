/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character classes and small scanners that the parsers of SIP values share, here and in
 * subscription/. For parsers only: every function stays within [at, end) and never fails but by
 * not advancing.
 */
#ifndef TD_SIP_SCAN_H
#define TD_SIP_SCAN_H

#include "util/span.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of sip_char_classes[]; names of RFC 3261 25.1. */
enum {
	SIP_CHAR_TOKEN = 1,
	SIP_CHAR_DIGIT = 2,
	SIP_CHAR_HEX = 4,
	SIP_CHAR_USER = 8,   /* unreserved / user-unreserved; not "%" */
	SIP_CHAR_PARAM = 16, /* param-unreserved / unreserved; not "%" */
	SIP_CHAR_HOST = 32,  /* letters, digits, "-", ".", and "_", which carriers use */
	SIP_CHAR_VALUE = 64, /* in unquoted header parameter values: visible, no separator */
	SIP_CHAR_VISIBLE = 128,
};

extern const uint8_t sip_char_classes[256];

static inline bool sip_char_is(char c, unsigned classes)
{
	return (sip_char_classes[(uint8_t)c] & classes) != 0;
}

static inline const char *sip_scan_class(const char *at, const char *end, unsigned classes)
{
	while (at != end && sip_char_is(*at, classes))
		at++;
	return at;
}

/* Skips spaces and tabs (folds have become spaces). */
static inline const char *sip_scan_space(const char *at, const char *end)
{
	while (at != end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static inline struct span sip_span_between(const char *from, const char *to)
{
	return (struct span){.text = from, .length = (uint32_t)(to - from)};
}

static inline const char *sip_span_end(struct span text)
{
	return text.length == 0 ? text.text : text.text + text.length;
}

/* at stands on a quote: returns what follows the closing one, or NULL if there is none. */
const char *sip_scan_quoted(const char *at, const char *end);

/* True if every "%" is followed by two hexadecimal digits. */
bool sip_escapes_are_valid(struct span text);

/* Reads decimal digits that fill text. False if text is empty, has anything else, or its value
 * is above max. Leading zeros are harmless. */
bool sip_number_parse(struct span text, uint64_t max, uint64_t *ret_number);

/* Cuts the first value off a comma-separated list: commas inside quotes and <> don't count.
 * Returns false at the end of the list; *list becomes the rest. Values are trimmed; an empty one
 * is given as empty. */
bool sip_list_next(struct span *list, struct span *ret_value);

/* One ";name[=value]" of a parameter list. */
struct sip_param {
	struct span name;
	struct span value; /* without quotes */
	struct span text;  /* name and value as they stand */
	bool has_value;
};

/* Cuts the first parameter off params (which stands after its ';'). Returns 1, 0 at the end of
 * params, -EBADMSG if it is malformed (empty name, bad value, unbalanced quote). */
td_must_check int sip_param_next(struct span *params, struct sip_param *ret_param);

/* 0 if the whole list is well formed, -EBADMSG otherwise. */
td_must_check int sip_params_check(struct span params);

struct sip_host_port {
	struct span host; /* without brackets */
	struct td_ip ip;  /* family NONE if host is a name */
	uint16_t port;	  /* 0: absent */
};

/* Reads "host" or "[v6]" and an optional ":port" at the beginning of [at, end); spaces around
 * the colon are allowed if may_space. What follows, or NULL if that isn't a host and port. */
const char *sip_host_port_scan(
	const char *at, const char *end, bool may_space, struct sip_host_port *ret_host);

#endif
