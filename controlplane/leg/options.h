/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tags (RFC 3261 19.2): what extensions a peer supports or insists on, as a set of bits,
 * and the headers that say the same of us. An extension becomes known by a row here. Pure.
 */
#ifndef TD_LEG_OPTIONS_H
#define TD_LEG_OPTIONS_H

#include "sip/builder.h"
#include "sip/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(CONSTANT, "tag") */
#define LEG_OPTIONS(X)                             \
	X(100REL, "100rel")	    /* RFC 3262 */ \
	X(TIMER, "timer")	    /* RFC 4028 */ \
	X(REPLACES, "replaces")	    /* RFC 3891 */ \
	X(NOREFERSUB, "norefersub") /* RFC 4488 */ \
	X(NOSUB, "nosub")	    /* RFC 7614 */ \
	X(PATH, "path")		    /* RFC 3327 */ \
	X(OUTBOUND, "outbound")	    /* RFC 5626 */

enum leg_option_index {
#define LEG_OPTION_INDEX(constant, tag) LEG_OPTION_INDEX_##constant,
	LEG_OPTIONS(LEG_OPTION_INDEX)
#undef LEG_OPTION_INDEX
	LEG_OPTION_COUNT
};

enum leg_option {
#define LEG_OPTION_BIT(constant, tag) LEG_OPTION_##constant = 1 << LEG_OPTION_INDEX_##constant,
	LEG_OPTIONS(LEG_OPTION_BIT)
#undef LEG_OPTION_BIT
};

/* The known tags that the message lists under that header (Supported, Require). */
uint32_t leg_options_listed(const struct sip_message *message, enum sip_header_id id);

/* Writes the tags under that header that aren't in known, separated by ", ", as the value of
 * Unsupported; what doesn't fit is left out. True if there is one. */
bool leg_options_unknown(const struct sip_message *message, enum sip_header_id id, uint32_t known,
	char *text, size_t size_bytes);

/* Adds "Supported: 100rel" or the like; nothing for an empty set. */
void leg_options_build(struct sip_builder *builder, enum sip_header_id id, uint32_t options);

#endif
