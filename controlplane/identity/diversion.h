/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a call was redirected before it came to us: Diversion (RFC 5806) and History-Info (RFC
 * 7044), read as one list and written as a trunk wants it (RFC 7544 between the two). Pure.
 */
#ifndef TD_IDENTITY_DIVERSION_H
#define TD_IDENTITY_DIVERSION_H

#include "config/config.h"
#include "sip/builder.h"
#include "sip/message.h"
#include "util/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DIVERSIONS_MAX = 8, /* beyond them the oldest and the latest are kept */
};

struct diversion {
	struct span uri; /* who redirected, without brackets */
	uint16_t
		cause; /* SIP status that stands for the reason (RFC 4458): 302, 486 ...; 0: unknown */
	bool is_private;
};

struct diversions {
	uint32_t count;
	struct diversion list[DIVERSIONS_MAX]; /* first redirection first */
};

/* Reads Diversion, or, if there is none, History-Info. Values that can't be parsed are left out.
 * Spans borrow from message. */
void identity_read_diversions(const struct sip_message *message, struct diversions *ret_diversions);

/* Writes the redirections of the caller's INVITE in the form that a trunk wants; target is the
 * request URI that the call goes to. At the border those that are private are left out. */
void identity_build_diversions(struct sip_builder *builder, const struct sip_message *invite,
	const struct config_trunk *to, struct span target);

#endif
