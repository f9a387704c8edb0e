/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the secrets out of a copy of a SIP message before anybody keeps it: digest responses and
 * other credentials, SDP keys, passwords in URIs, digits that a caller pressed. Each secret byte
 * becomes '*', so that lengths and everything else stay as they were. Also finds the Call-ID on
 * its way, for the bytes need no parser to be masked: what no parser takes is masked too. Pure.
 */
#ifndef TD_TRACE_MASK_H
#define TD_TRACE_MASK_H

#include "util/span.h"

#include <stddef.h>

/* Masks bytes in place. Returns the value of the first Call-ID header, a span into bytes; empty if
 * there is none. */
struct span trace_mask(char *bytes, size_t length);

#endif
