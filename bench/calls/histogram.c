/* SPDX-License-Identifier: Apache-2.0 */
/* See histogram.h. */
#include "calls/histogram.h"

/* Row 0 holds the exact values, row r those with r + HISTOGRAM_PART_BITS significant bits. */
static size_t cell_of(uint64_t value)
{
	unsigned bits = value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
	unsigned row = bits > HISTOGRAM_PART_BITS ? bits - HISTOGRAM_PART_BITS : 0;
	uint64_t part = row == 0 ? value : value >> (row - 1) & (HISTOGRAM_PARTS - 1);

	/* From row 1 on the mask takes the leading bit off: the row implies it. */
	return (size_t)row * HISTOGRAM_PARTS + (size_t)part;
}

uint64_t histogram_cell_end(size_t cell)
{
	uint64_t row = cell / HISTOGRAM_PARTS;
	uint64_t part = cell % HISTOGRAM_PARTS;
	unsigned shift;

	if (row == 0)
		return part;
	shift = (unsigned)row - 1;
	/* The leading bit stands above the parts. */
	return (((uint64_t)HISTOGRAM_PARTS | part) << shift) + ((1ull << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value_ns)
{
	histogram->count++;
	histogram->sum_ns += (double)value_ns;
	if (value_ns > histogram->max_ns)
		histogram->max_ns = value_ns;
	histogram->cells[cell_of(value_ns)]++;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	histogram->count += other->count;
	histogram->sum_ns += other->sum_ns;
	if (other->max_ns > histogram->max_ns)
		histogram->max_ns = other->max_ns;
	for (size_t i = 0; i < HISTOGRAM_CELLS; i++)
		histogram->cells[i] += other->cells[i];
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->count + 0.999999);
	uint64_t seen = 0;

	if (histogram->count == 0)
		return 0;
	if (wanted == 0)
		wanted = 1;
	for (size_t i = 0; i < HISTOGRAM_CELLS; i++) {
		seen += histogram->cells[i];
		if (seen >= wanted) {
			uint64_t end = histogram_cell_end(i);

			return end < histogram->max_ns ? end : histogram->max_ns;
		}
	}
	return histogram->max_ns;
}

double histogram_mean(const struct histogram *histogram)
{
	return histogram->count == 0 ? 0 : histogram->sum_ns / (double)histogram->count;
}
