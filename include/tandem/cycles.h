/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPU's cycle counter: for measuring, never for deciding.
 */
#ifndef TD_TANDEM_CYCLES_H
#define TD_TANDEM_CYCLES_H

#include <stdint.h>

/* Cycles since some start, at the counter's constant rate. Not ordered with other instructions. */
static inline uint64_t td_cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t cycles;

	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(cycles));
	return cycles;
#else
#error "no cycle counter known for this CPU"
#endif
}

#endif
