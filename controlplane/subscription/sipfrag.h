/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a NOTIFY about a REFER: message/sipfrag whose first line is a status line
 * (RFC 3420, RFC 3515 2.4.5). Pure.
 */
#ifndef TD_SUBSCRIPTION_SIPFRAG_H
#define TD_SUBSCRIPTION_SIPFRAG_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

#define SIPFRAG_TYPE "message/sipfrag"

enum {
	SIPFRAG_BYTES = 256, /* a status line, and a Warning of ours */
};

struct sipfrag {
	uint16_t status;    /* 100..699 */
	struct span phrase; /* borrows the body */
};

/* Reads the status line that a sipfrag begins with; what follows it is of no concern. -EBADMSG if
 * there is none. */
td_must_check int sipfrag_parse(struct span body, struct sipfrag *ret_frag);

/* Writes a status line with the standard phrase, and a Warning 399 unless warning is NULL. Returns
 * the length in bytes (> 0), or -ENOSPC. */
td_must_check int sipfrag_build(
	char *buffer, size_t size_bytes, unsigned status, const char *warning);

#endif
