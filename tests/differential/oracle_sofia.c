/* SPDX-License-Identifier: Apache-2.0 */
/* Sofia-SIP, in the state of 2011 that Debian has. Its session description parser isn't asked: a
 * wrong m= line makes it loop for ever. */
#include "differential/oracle.h"

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

static bool begin(void)
{
	return true;
}

static bool accepts(const char *bytes, size_t length)
{
	msg_t *message = msg_make(sip_default_mclass(), 0, bytes, (ssize_t)length);
	sip_t *sip = message != NULL ? sip_object(message) : NULL;
	bool is_good = sip != NULL && sip->sip_error == NULL &&
		       (sip->sip_flags & (MSG_FLG_ERROR | MSG_FLG_TRUNC)) == 0 &&
		       sip_sanity_check(sip) == 0;

	msg_destroy(message);
	return is_good;
}

const struct oracle oracle_sofia = {.name = "sofia", .begin = begin, .accepts = accepts};
