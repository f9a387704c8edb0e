/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allow (RFC 3261 20.5): which methods a peer takes, as a set of bits, and what we say of
 * ourselves: what everybody may send (LEG_ALLOW), and what this peer may send beyond it. Pure.
 */
#ifndef TD_LEG_ALLOW_H
#define TD_LEG_ALLOW_H

#include "sip/builder.h"
#include "sip/message.h"

#include <stdbool.h>
#include <stdint.h>

/* The bit of a method in a set. That of SIP_METHOD_OTHER says that there was an Allow at all. */
#define LEG_METHOD(method) (1u << (method))

/* What the message's Allow lists; 0: it has none. */
uint32_t leg_allow_read(const struct sip_message *message);

/* Takes over what the message says, if it says anything. */
void leg_allow_learn(const struct sip_message *message, uint32_t *methods);

/* True if a peer that said methods takes that one, or never said what it takes. */
static inline bool leg_allows(uint32_t methods, enum sip_method method)
{
	return methods == 0 || (methods & LEG_METHOD(method)) != 0;
}

/* Adds our Allow: LEG_ALLOW, and the methods in more. */
void leg_allow_build(struct sip_builder *builder, uint32_t more);

#endif
