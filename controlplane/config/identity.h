/* SPDX-License-Identifier: Apache-2.0 */
/* A trunk's callers, numbers and headers, as config/config.h has them. */
#ifndef TD_CONFIG_IDENTITY_H
#define TD_CONFIG_IDENTITY_H

#include "config/sizes.h"

#include <stdbool.h>
#include <stdint.h>

/* How a trunk tells redirections of a call (RFC 5806, RFC 7044; RFC 7544 between them). */
enum config_diversion {
	CONFIG_DIVERSION_AS_IS, /* in the form in which they came */
	CONFIG_DIVERSION_DIVERSION,
	CONFIG_DIVERSION_HISTORY_INFO,
	CONFIG_DIVERSION_BOTH,
	CONFIG_DIVERSION_DROP,
	CONFIG_DIVERSION_COUNT
};

/* Whom a trunk may name as the caller, and what it is told of callers. */
struct config_identity {
	bool is_trusted;       /* inside our trust domain (RFC 3325) */
	bool has_passports;    /* Identity headers (RFC 8224) are passed on to it */
	uint32_t diversion;    /* enum config_diversion */
	uint32_t caller_count; /* 0: an untrusted trunk may assert nobody */
	char callers[CONFIG_CALLERS_MAX][CONFIG_NUMBER_BYTES]; /* patterns */
	char from_domain[CONFIG_TEXT_BYTES];		       /* empty: our address */
};

/* What a number without any prefix is. */
enum config_bare_number {
	CONFIG_BARE_AS_IS,
	CONFIG_BARE_NATIONAL, /* a national (significant) number */
	CONFIG_BARE_E164,     /* an international one that lacks its '+' */
	CONFIG_BARE_COUNT
};

/* How numbers are written towards a trunk. */
enum config_number_form {
	CONFIG_NUMBER_AS_IS,
	CONFIG_NUMBER_E164,	     /* +4930123 */
	CONFIG_NUMBER_E164_BARE,     /* 4930123 */
	CONFIG_NUMBER_INTERNATIONAL, /* 004930123 */
	CONFIG_NUMBER_NATIONAL,	     /* 030123; abroad 0033... */
	CONFIG_NUMBER_FORM_COUNT
};

/* The numbering plan of a trunk (E.164 6, Annex A). */
struct config_numbers {
	char country_code[CONFIG_PREFIX_BYTES]; /* empty: numbers stay as they are */
	char international_prefix[CONFIG_PREFIX_BYTES];
	char national_prefix[CONFIG_PREFIX_BYTES];
	uint32_t bare;	       /* enum config_bare_number */
	uint32_t short_digits; /* so few digits are a short number, the same everywhere */
	uint32_t form;	       /* enum config_number_form */
};

enum config_header_action {
	CONFIG_HEADER_ADD,
	CONFIG_HEADER_REMOVE,
	CONFIG_HEADER_COPY,
	CONFIG_HEADER_ACTION_COUNT
};

/* One rule for the INVITE that goes to a trunk. */
struct config_header_rule {
	uint32_t action; /* enum config_header_action */
	char name[CONFIG_HEADER_NAME_BYTES];
	char value[CONFIG_TEXT_BYTES]; /* ADD */
};

#endif
