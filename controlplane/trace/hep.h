/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a stored SIP message as a packet of HEP version 3, the capture protocol of Homer and
 * its kin: chunks of vendor, type, length and value, all in network order. What is written is
 * what the trace holds: masked. Pure; who sends it is app/hep_sender.c.
 */
#ifndef TD_TRACE_HEP_H
#define TD_TRACE_HEP_H

#include "trace/trace.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

enum {
	HEP_PACKET_MAX_BYTES = 65507, /* what an IPv4 datagram holds */
	HEP_CORRELATION_BYTES = 17,   /* a call id as operators see it: 16 digits and a zero */
};

struct hep_options {
	uint32_t capture_id;
	const char *password; /* empty: none is sent */
};

/* Writes entry into buffer. Its correlation id is the id of the call, if one is known. Returns the
 * length, -EINVAL (not a message, or without addresses of one family), -EMSGSIZE (longer than
 * buffer or than a datagram). */
td_must_check int hep_encode(uint8_t *buffer, size_t size_bytes, const struct hep_options *options,
	const struct trace_entry *entry);

#endif
