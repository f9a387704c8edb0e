/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of durations with a bounded relative error over the whole range of 64 bits: each
 * power of two is cut into equal parts. Adding costs a few instructions and never allocates, so
 * that measuring does not disturb what is measured. No clock, no I/O.
 */
#ifndef TD_CALLS_HISTOGRAM_H
#define TD_CALLS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_PART_BITS = 7, /* error of a percentile: below 1 % */
	HISTOGRAM_PARTS = 1 << HISTOGRAM_PART_BITS,
	/* Values below HISTOGRAM_PARTS are exact; each further power of two has one row. */
	HISTOGRAM_CELLS = (64 - HISTOGRAM_PART_BITS + 1) * HISTOGRAM_PARTS,
};

/* All zero is an empty one. */
struct histogram {
	uint64_t count;
	uint64_t max_ns;
	double sum_ns;
	uint64_t cells[HISTOGRAM_CELLS];
};

/* Adds one duration. */
void histogram_add(struct histogram *histogram, uint64_t value_ns);
/* Adds all of another. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);
/* The duration that share (0 to 1) of all do not exceed, rounded up to its cell's end but never
 * above the largest; 0 if there is none. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);
/* Mean; 0 if there is none. */
double histogram_mean(const struct histogram *histogram);
/* Largest value of a cell: for printing the cells. */
uint64_t histogram_cell_end(size_t cell);

#endif
