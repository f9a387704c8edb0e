/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STUN as far as RFC 5626 4.4.2 needs it: a plain binding request (RFC 5389) gets the address that
 * it came from. Nothing else is answered; an answer is never more than 24 bytes longer than its
 * request. Pure.
 */
#ifndef TD_TRANSPORT_STUN_H
#define TD_TRANSPORT_STUN_H

#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STUN_RESPONSE_MAX_BYTES = 44, /* header, XOR-MAPPED-ADDRESS of IPv6 */
};

/* True if a datagram is STUN's and can't be SIP: no SIP message begins with two zero bits. */
bool stun_is_message(const uint8_t *bytes, size_t size);
/* Writes the answer to a binding request from source. Its length, or 0: none is due. */
size_t stun_answer(const uint8_t *bytes, size_t size, const struct td_endpoint *source,
	uint8_t response[STUN_RESPONSE_MAX_BYTES]);

#endif
