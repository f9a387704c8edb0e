/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds EAL's arguments, see eal.h. One process per hugepage set and run directory: no shared
 * configuration, no secondary processes, no telemetry socket.
 */
#include "eal.h"

#include "options.h"
#include "port/device.h"

#include <errno.h>
#include <glob.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Adds an argument (borrows). */
static void eal_add(struct eal_arguments *arguments, const char *value)
{
	if (arguments->count < EAL_ARGUMENTS_MAX)
		arguments->values[arguments->count] = (char *)(uintptr_t)value;
	arguments->count++; /* beyond the limit: eal_arguments_build refuses */
}

td_printf(2, 3) static void eal_add_text(struct eal_arguments *arguments, const char *format, ...)
{
	char *at = arguments->text + arguments->text_used;
	uint32_t left = EAL_TEXT_BYTES - arguments->text_used;
	va_list values;
	int written;

	va_start(values, format);
	written = vsnprintf(at, left, format, values);
	va_end(values);
	if (written < 0 || (uint32_t)written >= left) {
		arguments->count = EAL_ARGUMENTS_MAX + 1;
		return;
	}
	arguments->text_used += (uint32_t)written + 1;
	eal_add(arguments, at);
}

/* Lcore 0 is the control thread, on all allowed CPUs but the workers', or on all if they have
 * every one; lcore n + 1 is worker n, several of which may share a CPU. */
static void eal_add_lcores(struct eal_arguments *arguments, const struct options *options)
{
	char text[EAL_TEXT_BYTES / 2] = "0@(";
	size_t used = strlen(text);
	cpu_set_t allowed;
	cpu_set_t control;

	CPU_ZERO(&allowed);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		CPU_SET(options->worker_cpus[0], &allowed);
	control = allowed;
	for (uint32_t i = 0; i < options->worker_count; i++)
		CPU_CLR(options->worker_cpus[i], &control);
	if (CPU_COUNT(&control) == 0)
		control = allowed;
	for (unsigned cpu = 0, is_first = 1; cpu < CPU_SETSIZE && used < sizeof(text) - 16; cpu++) {
		if (!CPU_ISSET(cpu, &control))
			continue;
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%u", is_first ? "" : ",", cpu);
		is_first = 0;
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used, ")");
	for (uint32_t i = 0; i < options->worker_count && used < sizeof(text) - 16; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, ",%u@%u", i + 1, options->worker_cpus[i]);
	eal_add(arguments, "--lcores");
	eal_add_text(arguments, "%s", text);
	eal_add(arguments, "--main-lcore");
	eal_add(arguments, "0");
}

/* Instances differ by run directory, and one that was killed is followed by one of the same name,
 * so that nothing piles up. */
static void eal_add_prefix(struct eal_arguments *arguments, const char *run_dir)
{
	struct stat status = {0};

	(void)stat(run_dir, &status); /* it is locked already, so it exists */
	eal_add_text(arguments, "--file-prefix=tandem-%lx-%lx", (unsigned long)status.st_dev,
		(unsigned long)status.st_ino);
}

static void eal_add_devices(struct eal_arguments *arguments, const struct options *options,
	const struct device *devices)
{
	bool has_pci = false;

	for (uint32_t i = 0; i < options->port_count; i++) {
		eal_add_text(arguments, "%s=%s", devices[i].is_virtual ? "--vdev" : "--allow",
			devices[i].arguments);
		has_pci |= !devices[i].is_virtual;
	}
	if (!has_pci)
		eal_add(arguments, "--no-pci");
}

int eal_arguments_build(struct eal_arguments *arguments, const struct options *options,
	const struct device *devices, bool has_hugepages)
{
	arguments->count = 0;
	arguments->text_used = 0;
	eal_add(arguments, "tandem-dataplane");
	eal_add_lcores(arguments, options);
	eal_add(arguments, "--proc-type=primary");
	eal_add(arguments, "--no-telemetry");
	eal_add(arguments, "--log-level=lib.eal:warning");
	eal_add_prefix(arguments, options->run_dir);
	if (has_hugepages) {
		eal_add(arguments, "--in-memory"); /* nothing is left behind by kill -9 */
		eal_add_text(arguments, "--socket-mem=%u", options->memory_mb);
	} else {
		eal_add(arguments, "--no-huge");
		eal_add(arguments, "--no-shconf");
		eal_add(arguments, "-m");
		eal_add_text(arguments, "%u", options->memory_mb);
	}
	eal_add_devices(arguments, options, devices);
	for (uint32_t i = 0; i < options->eal_argument_count; i++)
		eal_add(arguments, options->eal_arguments[i]);
	if (arguments->count > EAL_ARGUMENTS_MAX)
		return -ENOSPC;
	arguments->values[arguments->count] = NULL;
	return 0;
}

bool eal_has_hugepages(uint32_t memory_mb)
{
	glob_t paths;
	uint64_t free_kb = 0;

	if (glob("/sys/kernel/mm/hugepages/hugepages-*kB/free_hugepages", 0, NULL, &paths) != 0)
		return false;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		const char *size_text = strstr(paths.gl_pathv[i], "hugepages-");
		FILE *file = fopen(paths.gl_pathv[i], "re");
		char line[32] = "";

		if (file == NULL)
			continue;
		if (fgets(line, sizeof(line), file) != NULL && size_text != NULL)
			free_kb += strtoull(line, NULL, 10) *
				   strtoull(size_text + strlen("hugepages-"), NULL, 10);
		(void)fclose(file);
	}
	globfree(&paths);
	return free_kb >= (uint64_t)memory_mb * 1024;
}

void eal_remove_runtime_dir(const char *path)
{
	(void)rmdir(path); /* in use or gone: nothing to do */
}
