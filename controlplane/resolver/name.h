/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host and service names of the DNS (RFC 1035 3.1, 4.1.4), in text, lower case, without the dot
 * of the root. Only letters, digits, '-' and '_' may stand in a label: SIP needs no others, and
 * nothing else has to be escaped in logs. Pure.
 */
#ifndef TD_RESOLVER_NAME_H
#define TD_RESOLVER_NAME_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_TEXT_BYTES =
		254, /* 253 characters (RFC 1035 2.3.4: 255 bytes on the wire), and a zero */
	NAME_LABEL_MAX = 63,
};

struct name {
	uint8_t length; /* 0: the root, "." */
	char text[NAME_TEXT_BYTES];
};

/* Takes a name as people write it; a dot at the end is left out. -EINVAL. */
td_must_check int name_parse(struct span text, struct name *ret_name);

/* Puts a prefix such as "_sip._udp" and a dot before a name. -ENAMETOOLONG. */
td_must_check int name_prefix(const char *prefix, const struct name *name, struct name *ret_name);

/*
 * Reads a name at *offset of a DNS message and moves *offset behind it. Pointers must lead
 * backwards, so that it ends. -EBADMSG: it isn't one, *offset is as it was. -EINVAL: well-formed,
 * but with characters that no name of ours has; *offset is behind it.
 */
td_must_check int name_read(
	const uint8_t *message, size_t length, size_t *offset, struct name *ret_name);

static inline bool name_equal(const struct name *a, const struct name *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static inline struct span name_span(const struct name *name)
{
	return (struct span){name->text, name->length};
}

#endif
