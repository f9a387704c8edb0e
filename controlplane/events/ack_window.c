/* SPDX-License-Identifier: Apache-2.0 */
/* See ack_window.h. A bit is cleared as low_seq passes it, so that the slot can be used again. */
#include "events/ack_window.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORD_BITS = 64,
};

int ack_window_init(struct ack_window *window, uint64_t low_seq, uint32_t size)
{
	uint32_t words = (size + WORD_BITS - 1) / WORD_BITS;

	if (size == 0)
		return -EINVAL;
	window->bitmap = calloc(words, sizeof(*window->bitmap));
	if (window->bitmap == NULL)
		return -ENOMEM;
	window->low_seq = low_seq;
	window->size = words * WORD_BITS;
	return 0;
}

void ack_window_fini(struct ack_window *window)
{
	free(window->bitmap);
	window->bitmap = NULL;
}

static uint64_t bit_of(uint64_t seq)
{
	return 1ull << seq % WORD_BITS;
}

static uint64_t *word_of(const struct ack_window *window, uint64_t seq)
{
	return &window->bitmap[seq % window->size / WORD_BITS];
}

bool ack_window_has_room(const struct ack_window *window, uint64_t seq)
{
	return seq > window->low_seq && seq - window->low_seq <= window->size;
}

bool ack_window_is_acked(const struct ack_window *window, uint64_t seq)
{
	if (seq <= window->low_seq)
		return true;
	if (!ack_window_has_room(window, seq))
		return false;
	return (*word_of(window, seq) & bit_of(seq)) != 0;
}

/* Moves low_seq over confirmed sequences. */
static void advance(struct ack_window *window)
{
	for (;;) {
		uint64_t *word = word_of(window, window->low_seq + 1);
		uint64_t bit = bit_of(window->low_seq + 1);

		if ((*word & bit) == 0)
			return;
		*word &= ~bit;
		window->low_seq++;
	}
}

bool ack_window_ack(struct ack_window *window, uint64_t seq)
{
	if (!ack_window_has_room(window, seq) || ack_window_is_acked(window, seq))
		return false;
	*word_of(window, seq) |= bit_of(seq);
	advance(window);
	return true;
}

void ack_window_skip_to(struct ack_window *window, uint64_t seq)
{
	if (seq > window->low_seq && seq - window->low_seq > window->size) {
		memset(window->bitmap, 0, window->size / CHAR_BIT);
		window->low_seq = seq;
	}
	while (window->low_seq < seq) {
		*word_of(window, window->low_seq + 1) &= ~bit_of(window->low_seq + 1);
		window->low_seq++;
	}
	advance(window);
}
