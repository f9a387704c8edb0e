/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandemctl dataplane: the counters as they lie in shared memory, without asking anyone. Works
 * whenever the dataplane has run, and shows what it saw last.
 */
#include "ctl/ctl.h"

#include <tandem/counters.h>
#include <tandem/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PATH_BYTES = 4096,
	HEARTBEAT_LATE_MS = 2000,
};

/* The run directory: as told, or the control socket's. */
static bool find_file(const struct ctl_options *options, char path[PATH_BYTES])
{
	const char *slash = strrchr(options->socket_path, '/');
	int length = slash == NULL ? 0 : (int)(slash - options->socket_path);

	if (options->run_dir != NULL)
		return snprintf(path, PATH_BYTES, "%s/counters", options->run_dir) < PATH_BYTES;
	return snprintf(path, PATH_BYTES, "%.*s/counters", length, options->socket_path) <
	       PATH_BYTES;
}

/* Maps the file and checks that it is what this program knows; NULL if not, having said why. */
static const struct td_counters *map_counters(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct td_counters *counters;
	struct stat status;
	void *bytes;

	if (fd < 0 || fstat(fd, &status) != 0) {
		(void)fprintf(stderr,
			"tandemctl: %s: %s. The dataplane has never run with this run directory; "
			"name another with --run-dir DIR.\n",
			path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	bytes = status.st_size < (off_t)sizeof(*counters)
			? MAP_FAILED
			: mmap(NULL, sizeof(*counters), PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd); /* the mapping stays */
	counters = bytes;
	if (bytes != MAP_FAILED && counters->magic == TD_COUNTERS_MAGIC &&
		counters->version == TD_COUNTERS_VERSION &&
		counters->worker_bytes == sizeof(struct td_worker_counters) &&
		counters->worker_count <= TD_WORKERS_MAX)
		return counters;
	(void)fprintf(
		stderr, "tandemctl: %s: not the counters of this version's dataplane\n", path);
	if (bytes != MAP_FAILED)
		(void)munmap(bytes, sizeof(*counters));
	return NULL;
}

static void put(json_t *object, const char *name, uint64_t value)
{
	(void)json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *gauges_json(const struct td_counters *counters)
{
	uint64_t heartbeat_ns = td_counter_read(&counters->heartbeat_mono_ns);
	uint64_t age_ms = td_since(td_mono_ns(), heartbeat_ns) / TD_NS_PER_MS;
	json_t *object = json_object();

	(void)json_object_set_new(
		object, "alive", json_boolean(heartbeat_ns != 0 && age_ms < HEARTBEAT_LATE_MS));
	put(object, "heartbeat_age_ms", age_ms);
	put(object, "terminations_in_use", td_counter_read(&counters->terminations_in_use));
	put(object, "contexts_in_use", td_counter_read(&counters->contexts_in_use));
	put(object, "ports_resting", td_counter_read(&counters->ports_resting));
	put(object, "mbufs_in_use", td_counter_read(&counters->mbufs_in_use));
	put(object, "descriptors_open", td_counter_read(&counters->descriptors_open));
	put(object, "commands_refused", td_counter_read(&counters->commands_refused));
	put(object, "messages_malformed", td_counter_read(&counters->messages_malformed));
	put(object, "notifications_lost", td_counter_read(&counters->notifications_lost));
	return object;
}

/* Counters of one worker, or their sum over all. */
static json_t *worker_json(const struct td_counters *counters, uint32_t first, uint32_t last)
{
	json_t *object = json_object();
	json_t *drops = json_object();
	uint64_t sum;

#define PUT_SUM(name, help)                                         \
	sum = 0;                                                    \
	for (uint32_t i = first; i <= last; i++)                    \
		sum += td_counter_read(&counters->workers[i].name); \
	put(object, #name, sum);
	TD_WORKER_COUNTERS(PUT_SUM)
#undef PUT_SUM
	for (unsigned reason = 1; reason < TD_DROP_REASON_COUNT; reason++) {
		sum = 0;
		for (uint32_t i = first; i <= last; i++)
			sum += td_counter_read(&counters->workers[i].drops[reason]);
		if (sum != 0)
			put(drops, td_drop_reason_name(reason), sum);
	}
	(void)json_object_set_new(object, "drops", drops);
	return object;
}

int ctl_show_dataplane(const struct ctl_options *options)
{
	const struct td_counters *counters;
	char path[PATH_BYTES];
	json_t *object;
	json_t *workers;

	if (!find_file(options, path))
		return CTL_USAGE;
	counters = map_counters(path);
	if (counters == NULL)
		return CTL_FAILED;
	object = gauges_json(counters);
	if (counters->worker_count != 0)
		(void)json_object_set_new(
			object, "total", worker_json(counters, 0, counters->worker_count - 1));
	workers = json_object();
	for (uint32_t i = 0; i < counters->worker_count; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "worker_%u", i);
		(void)json_object_set_new(workers, name, worker_json(counters, i, i));
	}
	if (counters->worker_count > 1 || options->is_json)
		(void)json_object_set(object, "workers", workers);
	json_decref(workers);
	if (options->is_json)
		ctl_print_json(object);
	else
		ctl_print_object(object);
	json_decref(object);
	(void)munmap((void *)(uintptr_t)counters, sizeof(*counters));
	return CTL_OK;
}
