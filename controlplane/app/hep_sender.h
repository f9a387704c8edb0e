/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends what the trace takes in to a HEP collector, by UDP, at the end of each turn of the loop.
 * Never waits: what can't be sent at once is dropped and counted, for a collector must not slow
 * down a call. Loop thread.
 */
#ifndef TD_APP_HEP_SENDER_H
#define TD_APP_HEP_SENDER_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdint.h>

struct hep_sender;
struct trace;

/* X(name, help) */
#define HEP_SENDER_COUNTERS(X)                                                        \
	X(sent, "HEP packets sent")                                                   \
	X(sent_bytes, "bytes of those packets")                                       \
	X(dropped_full, "messages not sent because the send buffer was full")         \
	X(dropped_error, "messages not sent: collector unreachable or another error") \
	X(dropped_too_long, "messages not sent because no datagram holds them")       \
	X(overwritten_bytes, "bytes of trace memory that were used again before they were sent")

struct hep_sender_counters {
#define HEP_SENDER_FIELD(name, help) uint64_t name;
	HEP_SENDER_COUNTERS(HEP_SENDER_FIELD)
#undef HEP_SENDER_FIELD
};

struct hep_sender_config {
	const struct trace *trace; /* borrowed until destroy */
	const struct td_endpoint *collector;
	uint32_t capture_id;
	const char *password; /* borrowed until destroy; empty: none */
};

/* Opens the socket; sends what the trace takes in from now on. -ENOMEM, errno of socket, connect. */
td_must_check int hep_sender_create(
	const struct hep_sender_config *config, struct hep_sender **ret_sender);
/* Accepts NULL. */
void hep_sender_destroy(struct hep_sender *sender);

/* Sends what has come since the last time. Accepts NULL. */
void hep_sender_run(struct hep_sender *sender);

struct hep_sender_counters hep_sender_get_counters(const struct hep_sender *sender);

#endif
