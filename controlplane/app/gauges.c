/* SPDX-License-Identifier: Apache-2.0 */
/* The counters file lies on tmpfs: read() sees what the dataplane's mapping holds. */
#include "app/gauges.h"

#include <tandem/counters.h>
#include <tandem/time.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	GAUGES_PATH_BYTES = 256
};

static int read_counters(const char *path, struct td_counters *counters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, counters, sizeof(*counters));
	if (length < 0)
		length = -errno;
	(void)close(fd); /* only read */
	if (length < 0)
		return (int)length;
	if (length != sizeof(*counters) || counters->magic != TD_COUNTERS_MAGIC ||
		counters->version != TD_COUNTERS_VERSION ||
		counters->worker_bytes != sizeof(counters->workers[0]) ||
		counters->worker_count > TD_WORKERS_MAX)
		return -EBADMSG;
	return 0;
}

static void sum_workers(const struct td_counters *counters, struct dataplane_gauges *gauges)
{
	for (uint32_t i = 0; i < counters->worker_count; i++) {
		const struct td_worker_counters *worker = &counters->workers[i];

		gauges->rtp_relayed += td_counter_read(&worker->rtp_relayed);
		for (unsigned reason = 1; reason < TD_DROP_REASON_COUNT; reason++)
			if (reason != TD_DROP_RTCP_CONSUMED)
				gauges->dropped += td_counter_read(&worker->drops[reason]);
	}
}

int gauges_read_dataplane(const char *run_dir, struct dataplane_gauges *ret_gauges)
{
	struct td_counters *counters = calloc(1, sizeof(*counters)); /* 50 kB: not for the stack */
	char path[GAUGES_PATH_BYTES];
	int result;

	if (counters == NULL)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "%s/counters", run_dir);
	result = read_counters(path, counters);
	if (result == 0) {
		*ret_gauges = (struct dataplane_gauges){
			.terminations_in_use = td_counter_read(&counters->terminations_in_use),
			.contexts_in_use = td_counter_read(&counters->contexts_in_use),
			.ports_resting = td_counter_read(&counters->ports_resting),
			.mbufs_in_use = td_counter_read(&counters->mbufs_in_use),
			.descriptors_open = td_counter_read(&counters->descriptors_open),
			.heartbeat_age_ms = td_since(td_mono_ns(),
						    td_counter_read(&counters->heartbeat_mono_ns)) /
					    TD_NS_PER_MS,
			.worker_count = counters->worker_count,
		};
		sum_workers(counters, ret_gauges);
	}
	free(counters);
	return result;
}

uint32_t gauges_open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint32_t count = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	(void)closedir(directory);	   /* only read */
	return count == 0 ? 0 : count - 1; /* the directory's own */
}
