/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTCP of one termination: what it tells its remote end, what that tells it, and the quality that
 * follows. Owner's thread, or the control thread once the owner let go.
 */
#ifndef TD_TERMINATION_REPORT_H
#define TD_TERMINATION_REPORT_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct termination;
struct rtcp_news;

/* When a report is made, and whether it is the last. */
struct report_request {
	uint64_t now_ns;
	uint64_t wall_offset_ns;
	bool has_bye;
};

/* Writes a compound report; returns its length in bytes, 0 if size_bytes is too short. Begins a
 * new loss interval. */
size_t report_build(struct termination *termination, const struct report_request *request,
	uint8_t *packet, size_t size_bytes);

/* Takes over what an RTCP packet of the remote end said. */
void report_take(struct termination *termination, const struct rtcp_news *news, uint64_t now_ns,
	uint64_t wall_offset_ns);

/* Brings jitter and MOS up to date: MOS over the whole call, its minimum over intervals that are
 * long enough to tell. */
void report_rate(struct termination *termination);

/* Publishes the jitter of the current source. */
void report_jitter(struct termination *termination);

/* Nanoseconds until the next report: 5 s times 0.5 to 1.5 (RFC 3550 6.2, 6.3.1). */
uint64_t report_next_interval_ns(struct termination *termination);

#endif
