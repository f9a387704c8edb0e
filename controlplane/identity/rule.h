/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All headers about identity that an INVITE to a trunk gets, the trunk's own rules applied last.
 * Pure.
 */
#ifndef TD_IDENTITY_RULE_H
#define TD_IDENTITY_RULE_H

#include "config/config.h"
#include "events/record.h"
#include "sip/message.h"
#include "util/span.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>

/* A call on its way to a trunk. */
struct identity_call {
	const struct sip_message *invite; /* the caller's, NULL: none is left */
	const struct event_party *caller;
	const struct config_trunk *from; /* NULL: gone, and trusted with nothing */
	const struct config_trunk *to;
	struct td_ip own;   /* our address towards it */
	struct span target; /* request URI that the call goes to */
};

/* Writes complete header lines into buffer. Returns their length (0: none), -ENOSPC or
 * -EINVAL. */
td_must_check int identity_build_headers(
	const struct identity_call *call, char *buffer, size_t size);

/* True if a rule of the trunk removes that header. */
bool identity_removes(const struct config_trunk *to, const char *name);

#endif
