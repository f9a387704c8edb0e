/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a request may be: what the parser takes, within its own limits, is held here to those
 * of the configuration. Pure.
 */
#ifndef TD_DEFENCE_LIMITS_H
#define TD_DEFENCE_LIMITS_H

#include "config/config.h"
#include "sip/message.h"

/* X(NAME, status, text): what can be too much. */
#define DEFENCE_LIMITS(X)                                  \
	X(MESSAGE, 513, "message is too long")             \
	X(HEADER, 513, "header field is too long")         \
	X(HEADERS, 513, "more header fields than allowed") \
	X(BODY, 413, "body is too long")                   \
	X(VIAS, 483, "more Via values than allowed")       \
	X(ROUTES, 513, "more Route values than allowed")   \
	X(CONTACTS, 400, "more Contact values than allowed")

enum defence_limit {
	DEFENCE_LIMIT_NONE,
#define DEFENCE_LIMIT_ENUM(name, status, text) DEFENCE_LIMIT_##name,
	DEFENCE_LIMITS(DEFENCE_LIMIT_ENUM)
#undef DEFENCE_LIMIT_ENUM
};

/* The first limit that a parsed request exceeds, or NONE. */
enum defence_limit limits_check(
	const struct sip_message *request, const struct config_defence *config);
/* What to answer then. */
unsigned limits_status(enum defence_limit limit);
const char *limits_text(enum defence_limit limit);

#endif
