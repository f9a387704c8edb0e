/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refer-To (RFC 3515 2.1): whom to call, and the headers that the URI carries for that call,
 * above all an escaped Replaces. Reads what peers send and writes what we send. Pure.
 */
#ifndef TD_SUBSCRIPTION_REFER_TO_H
#define TD_SUBSCRIPTION_REFER_TO_H

#include "sip/uri.h"
#include "subscription/headers.h"
#include "util/span.h"
#include "util/text.h"

#include <tandem/compiler.h>

#include <stdbool.h>

enum {
	REFER_TO_REPLACES_BYTES = 384, /* a Replaces value with its escapes undone */
	REFER_TO_HEADERS_MAX = 16,     /* of one URI */
};

struct refer_to {
	struct sip_name_addr address;
	struct span target; /* the URI without its headers and without method= */
	struct span method; /* as named by the URI; empty: INVITE */
	bool has_replaces;
	struct dialog_name replaces; /* valid if has_replaces; its spans point into replaces_text */
	char replaces_text[REFER_TO_REPLACES_BYTES];
	char target_text[REFER_TO_REPLACES_BYTES];
};

/* Parses a Refer-To value. -EBADMSG (no address, a bad escape, a Replaces that is none or stands
 * there twice), -ENOTSUP (another scheme than sip, sips and tel), -ENOSPC (URI or Replaces longer
 * than its text has room for). The result points into itself: it must not be copied. */
td_must_check int refer_to_parse(struct span value, struct refer_to *ret_refer_to);

/* Writes "<uri>" or "<uri?Replaces=...>" with everything escaped that a URI's header may not
 * hold. replaces NULL: none. Overflow shows in text. uri must have no headers of its own. */
void refer_to_build(struct text *text, struct span uri, const struct dialog_name *replaces);

#endif
