/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory in which all terminations lie, and which outlives the process: a header that says
 * what lies here, then the records. The shell maps a file in shared memory and hands it in; after
 * a restart it is attached, and nothing in it is trusted before it was checked.
 */
#ifndef TD_TERMINATION_ARENA_H
#define TD_TERMINATION_ARENA_H

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

struct media_plan;
struct termination;

enum {
	ARENA_MAGIC = 0x544e4d41, /* "TNMA" */
	ARENA_VERSION = 2,
	ARENA_HEADER_BYTES = 4096, /* a page, so that records are aligned */
	ARENA_CAPACITY_MAX = 1 << 20
};

struct arena_header {
	uint32_t magic;
	uint32_t version;
	uint64_t layout_hash; /* of the records' sizes and offsets */
	uint32_t capacity;
	uint32_t record_bytes;
	uint32_t generation_last; /* w: control: the last one given away */
	uint32_t worker_count;	  /* owners follow from it */
};

/* X(CONSTANT, help): why an arena can't be used. */
#define ARENA_PROBLEMS(X)                                                     \
	X(NONE, "usable")                                                     \
	X(MEMORY, "no memory to check it")                                    \
	X(SIZE, "file is shorter than its header says")                       \
	X(MAGIC, "not an arena, or never finished")                           \
	X(VERSION, "written by another version")                              \
	X(LAYOUT, "records have another layout")                              \
	X(CAPACITY, "holds another number of terminations than configured")   \
	X(STATE, "a record's state is none")                                  \
	X(FIELD, "a record has a field out of its range")                     \
	X(PLAN, "a record's local address or port isn't configured any more") \
	X(IDENTITY, "two records share an id or a port")                      \
	X(PEER, "a record's peer isn't one")                                  \
	X(CONTEXT, "a context has too many parties")                          \
	X(WORKERS, "ports were dealt to another number of workers")

enum arena_problem {
#define ARENA_PROBLEM_ENUM(constant, help) ARENA_BAD_##constant,
	ARENA_PROBLEMS(ARENA_PROBLEM_ENUM)
#undef ARENA_PROBLEM_ENUM
	ARENA_BAD_COUNT
};

/* One sentence for the log. */
const char *arena_problem_text(enum arena_problem problem);

/* Bytes of memory for capacity terminations. */
size_t arena_size_bytes(uint32_t capacity);

/* Makes memory (64-byte aligned, arena_size_bytes(capacity)) an empty arena; magic is written
 * last. Launch only. */
void arena_format(void *memory, uint32_t capacity, uint32_t worker_count);

/* Checks the header and every record against plan. Anything but ARENA_BAD_NONE: the arena can't be
 * trusted; *ret_slot is the offending record, if it is one. Changes nothing. Launch only. */
td_must_check enum arena_problem arena_attach(const void *memory, size_t size_bytes,
	uint32_t capacity, const struct media_plan *plan, uint32_t *ret_slot);

/* The records of a formatted or attached arena. */
struct termination *arena_terminations(void *memory);

#endif
