/* SPDX-License-Identifier: Apache-2.0 */
/* libre, baresip's library. */
#define HAVE_INET6 1
#define HAVE_STDBOOL_H 1
#define HAVE_INTTYPES_H 1

#include "differential/oracle.h"

#include <re.h>

static bool begin(void)
{
	return libre_init() == 0;
}

static bool accepts(const char *bytes, size_t length)
{
	struct mbuf *buffer = mbuf_alloc(length);
	struct sip_msg *message = NULL;
	bool is_good;

	if (buffer == NULL)
		return false;
	(void)mbuf_write_mem(buffer, (const uint8_t *)bytes, length); /* it has the room */
	mbuf_set_pos(buffer, 0);
	is_good = sip_msg_decode(&message, buffer) == 0;
	mem_deref(message);
	mem_deref(buffer);
	return is_good;
}

const struct oracle oracle_libre = {.name = "libre", .begin = begin, .accepts = accepts};
