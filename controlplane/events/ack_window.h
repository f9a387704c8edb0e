/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the records sent to Kafka have been confirmed: a bitmap over a window of sequences
 * above the low-water mark. Pure; belongs to the producer thread.
 */
#ifndef TD_EVENTS_ACK_WINDOW_H
#define TD_EVENTS_ACK_WINDOW_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

struct ack_window {
	uint64_t low_seq; /* all up to here are confirmed */
	uint32_t size;	  /* sequences in the window, a multiple of 64 */
	uint64_t *bitmap; /* owns; bit seq % size */
};

/* Prepares a window of at least size sequences above low_seq. -ENOMEM, -EINVAL (0). */
td_must_check int ack_window_init(struct ack_window *window, uint64_t low_seq, uint32_t size);
void ack_window_fini(struct ack_window *window);

/* True if seq may be sent: it lies within the window. */
bool ack_window_has_room(const struct ack_window *window, uint64_t seq);
/* True if seq has been confirmed. */
bool ack_window_is_acked(const struct ack_window *window, uint64_t seq);
/* Notes that seq is confirmed, and raises low_seq over all that are; false if seq was confirmed
 * before or lies outside. */
bool ack_window_ack(struct ack_window *window, uint64_t seq);
/* Raises low_seq to seq: nothing in between will ever be sent (sequences that don't exist). */
void ack_window_skip_to(struct ack_window *window, uint64_t seq);

#endif
