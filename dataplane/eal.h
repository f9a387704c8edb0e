/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the argument list for DPDK's EAL from the options.
 */
#ifndef TD_DATAPLANE_EAL_H
#define TD_DATAPLANE_EAL_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

struct device;
struct options;

enum {
	EAL_ARGUMENTS_MAX = 96,
	EAL_TEXT_BYTES = 16384
};

/* An argument list with its own storage. Too big for a stack frame of a thread. */
struct eal_arguments {
	int count;
	char *values[EAL_ARGUMENTS_MAX + 1]; /* into text or borrowed from options */
	char text[EAL_TEXT_BYTES];
	uint32_t text_used;
};

/* Fills *arguments; devices belong to options' ports one by one. -ENOSPC: too many arguments. */
td_must_check int eal_arguments_build(struct eal_arguments *arguments,
	const struct options *options, const struct device *devices, bool has_hugepages);

/* Removes the directory that EAL made for this instance (path from rte_eal_get_runtime_dir, copied
 * before rte_eal_cleanup), unless something is in it. */
void eal_remove_runtime_dir(const char *path);

/* True if at least memory_mb of hugepages are free. */
bool eal_has_hugepages(uint32_t memory_mb);

#endif
