/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of reliable provisional responses (RFC 3262 7): RSeq in the response, RAck in the
 * PRACK that acknowledges it. Pure; bounded.
 */
#ifndef TD_SIP_RACK_H
#define TD_SIP_RACK_H

#include "sip/builder.h"
#include "sip/message.h"

#include <tandem/compiler.h>

#include <stdint.h>

struct sip_rack {
	uint32_t rseq; /* never 0 */
	uint32_t cseq; /* of the INVITE */
	enum sip_method method;
};

/* Reads the message's RAck. -ENOENT (none), -EBADMSG. */
td_must_check int sip_rack_read(const struct sip_message *message, struct sip_rack *ret_rack);

/* Reads the message's RSeq: 1 to 2^32 - 1 (RFC 3262 7.1). -ENOENT (none), -EBADMSG. */
td_must_check int sip_rseq_read(const struct sip_message *message, uint32_t *ret_rseq);

/* Adds "RAck: 776656 1 INVITE". */
void sip_rack_build(struct sip_builder *builder, const struct sip_rack *rack);

#endif
