/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is calling: as the trunk that the call comes from may say it, and as the trunk that it goes
 * to may learn it (RFC 3323, RFC 3325). Inside the trust domain identities are passed on, with the
 * wish for privacy beside them; at its border that wish is carried out. Pure.
 */
#ifndef TD_IDENTITY_CALLER_H
#define TD_IDENTITY_CALLER_H

#include "config/config.h"
#include "events/record.h"
#include "sip/builder.h"
#include "sip/message.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stddef.h>

/* Takes caller and callee of an INVITE that came from a trunk: users in E.164 by its numbering
 * plan, P-Asserted-Identity only as far as the trunk may assert it (p_asserted is empty
 * otherwise), and what its Identity header and its "verstat" say. */
void identity_read_parties(const struct sip_message *invite, const struct config_trunk *from,
	struct event_party *ret_caller, struct event_party *ret_callee);

/* Writes the From value, without tag, that a trunk gets: "<sip:user@host>", host being the
 * trunk's from_domain or our address; anonymous at the border if the caller wants that. -ENOSPC. */
td_must_check int identity_write_from(const struct event_party *caller,
	const struct config_trunk *to, const struct td_ip *own, char *from, size_t size);

/* Writes P-Asserted-Identity for a trusted trunk, if the network vouches for somebody. invite is
 * the caller's, for the name that stands there, if its trunk is trusted; else NULL. */
void identity_build_asserted(struct sip_builder *builder, const struct event_party *caller,
	const struct sip_message *invite, const struct config_trunk *to, const struct td_ip *own);

#endif
