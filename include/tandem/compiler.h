/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only place where GNU extensions get a name. Everything else in the tree is ISO C17.
 */
#ifndef TD_TANDEM_COMPILER_H
#define TD_TANDEM_COMPILER_H

#define td_must_check __attribute__((warn_unused_result))
#define td_printf(format_index, first_argument) \
	__attribute__((format(printf, format_index, first_argument)))
#define td_likely(x) __builtin_expect(!!(x), 1)
#define td_unlikely(x) __builtin_expect(!!(x), 0)
#define td_prefetch(address) __builtin_prefetch(address)
#define td_cache_aligned __attribute__((aligned(64)))
#define td_unused __attribute__((unused))
/* Compiles a function for instructions that not every processor has: ask before calling it. */
#define td_target(instructions) __attribute__((target(instructions)))
#define td_noinline __attribute__((noinline))

enum {
	TD_CACHE_LINE_BYTES = 64
};

/* Number of elements of an array (not of a pointer). */
#define TD_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The object that contains member, given a pointer to the member. */
#define td_container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Pins the size of a structure that crosses a process boundary. */
#define TD_WIRE_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " changed size")

#endif
