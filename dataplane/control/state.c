/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared-memory files, see state.h. Nothing read from a file is trusted before it was checked;
 * a file that fails is moved aside for whoever wants to know why.
 */
#include "control/state.h"

#include "neighbour/list.h"
#include "termination/arena.h"

#include <tandem/counters.h>
#include <tandem/log.h>
#include <tandem/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATE_PATH_BYTES = 4096,
	STATE_HUGE_PAGE_BYTES = 2 << 20,
};

static int state_path(char *path, const char *run_dir, const char *name)
{
	int written = snprintf(path, STATE_PATH_BYTES, "%s/%s", run_dir, name);

	return written > 0 && written < STATE_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int state_lock(const char *run_dir, int *ret_lock)
{
	char path[STATE_PATH_BYTES];
	int rc = state_path(path, run_dir, "dataplane.lock");
	int lock;

	if (rc != 0)
		return rc;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return -errno;
	if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
		(void)close(lock);
		return rc;
	}
	*ret_lock = lock;
	return 0;
}

/* Gives a file all its memory now: a full file system is an error here, and SIGBUS later. */
static int state_allocate(int file, const struct stat *status, size_t size_bytes)
{
	enum {
		BLOCK_BYTES = 512 /* stat(2) */
	};

	if ((size_t)status->st_size >= size_bytes &&
		(size_t)status->st_blocks * BLOCK_BYTES >= size_bytes)
		return 0;
	return -posix_fallocate(file, 0, (off_t)size_bytes);
}

/* Maps a file, made or grown to size_bytes; *ret_old_bytes is what it had before. */
static int state_map(
	const char *path, size_t size_bytes, mode_t mode, void **ret_memory, size_t *ret_old_bytes)
{
	struct stat status;
	void *memory = MAP_FAILED;
	int rc = 0;
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

	if (file < 0)
		return -errno;
	if (fstat(file, &status) != 0)
		rc = -errno;
	else
		rc = state_allocate(file, &status, size_bytes);
	if (rc == 0) {
		memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (memory == MAP_FAILED)
			rc = -errno;
	}
	(void)close(file);
	if (rc != 0)
		return rc;
	*ret_memory = memory;
	*ret_old_bytes = (size_t)status.st_size;
	return 0;
}

/* Keeps a file that can't be used as NAME.bad; an older one is overwritten. */
static int state_put_aside(const char *path)
{
	char aside[STATE_PATH_BYTES];
	int written = snprintf(aside, sizeof(aside), "%s.bad", path);

	if (written < 0 || (size_t)written >= sizeof(aside))
		return -ENAMETOOLONG;
	return rename(path, aside) == 0 ? 0 : -errno;
}

static bool state_counters_are_usable(const struct td_counters *counters, size_t size_bytes)
{
	return size_bytes == sizeof(*counters) && counters->magic == TD_COUNTERS_MAGIC &&
	       counters->version == TD_COUNTERS_VERSION &&
	       counters->worker_bytes == sizeof(struct td_worker_counters);
}

static int state_open_counters(struct state *state, const struct state_config *config)
{
	char path[STATE_PATH_BYTES];
	struct td_counters *counters;
	size_t old_bytes = 0;
	void *memory = NULL;
	int rc = state_path(path, config->run_dir, "counters");

	/* anybody may read them */
	if (rc == 0)
		rc = state_map(path, sizeof(*counters), 0644, &memory, &old_bytes);
	if (rc != 0)
		return rc;
	counters = memory;
	if (old_bytes != 0 && !state_counters_are_usable(counters, old_bytes)) {
		td_log(TD_LOG_ERR, "state: %s can't be used, kept as %s.bad; counters start at 0",
			path, path);
		(void)munmap(memory, sizeof(*counters));
		rc = state_put_aside(path);
		if (rc == 0)
			rc = state_map(path, sizeof(*counters), 0644, &memory, &old_bytes);
		if (rc != 0)
			return rc;
		counters = memory;
	}
	counters->version = TD_COUNTERS_VERSION;
	counters->worker_count = config->worker_count;
	counters->worker_bytes = sizeof(struct td_worker_counters);
	counters->magic = TD_COUNTERS_MAGIC;
	state->counters = counters;
	return 0;
}

static int state_open_arena(struct state *state, const struct state_config *config)
{
	char path[STATE_PATH_BYTES];
	size_t size_bytes = arena_size_bytes(config->termination_capacity);
	enum arena_problem problem = ARENA_BAD_NONE;
	uint32_t slot = 0;
	size_t old_bytes = 0;
	int rc = state_path(path, config->run_dir, "terminations");

	state->arena_bytes = (size_bytes + STATE_HUGE_PAGE_BYTES - 1) / STATE_HUGE_PAGE_BYTES *
			     STATE_HUGE_PAGE_BYTES;
	if (rc == 0)
		rc = state_map(path, state->arena_bytes, 0600, &state->arena, &old_bytes);
	if (rc != 0)
		return rc;
	if (old_bytes != 0)
		problem = arena_attach(state->arena,
			old_bytes < state->arena_bytes ? old_bytes : state->arena_bytes,
			config->termination_capacity, config->plan, &slot);
	if (problem != ARENA_BAD_NONE) {
		td_log(TD_LOG_ERR,
			"state: %s can't be used, kept as %s.bad; all terminations are lost (record=%u): "
			"%s",
			path, path, slot, arena_problem_text(problem));
		(void)munmap(state->arena, state->arena_bytes);
		state->arena = NULL;
		rc = state_put_aside(path);
		if (rc == 0)
			rc = state_map(path, state->arena_bytes, 0600, &state->arena, &old_bytes);
		if (rc != 0)
			return rc;
	}
	if (old_bytes == 0)
		arena_format(state->arena, config->termination_capacity, config->worker_count);
	state->is_restarted = old_bytes != 0;
	/* advice: neither refusal matters */
	(void)madvise(state->arena, state->arena_bytes, MADV_HUGEPAGE);
	(void)madvise(state->arena, state->arena_bytes, MADV_DONTDUMP);
	return 0;
}

/* What is in it is checked by who reads it; one that had to grow is another version's. */
static int state_open_neighbours(struct state *state, const struct state_config *config)
{
	char path[STATE_PATH_BYTES];
	size_t old_bytes = 0;
	void *memory = NULL;
	int rc = state_path(path, config->run_dir, "neighbours");

	if (rc == 0)
		rc = state_map(path, sizeof(*state->neighbours), 0600, &memory, &old_bytes);
	if (rc != 0)
		return rc;
	state->neighbours = memory;
	if (old_bytes < sizeof(*state->neighbours))
		atomic_store_explicit(&state->neighbours->magic, 0, memory_order_relaxed);
	return 0;
}

int state_open(struct state *ret_state, const struct state_config *config)
{
	struct state state = {.lock = -1};
	int rc = state_lock(config->run_dir, &state.lock);

	if (rc == 0)
		rc = state_open_counters(&state, config);
	if (rc == 0)
		rc = state_open_arena(&state, config);
	if (rc == 0)
		rc = state_open_neighbours(&state, config);
	if (rc != 0) {
		state_close(&state);
		return rc;
	}
	*ret_state = state;
	return 0;
}

void state_close(struct state *state)
{
	if (state->counters != NULL)
		(void)munmap(state->counters, sizeof(*state->counters));
	if (state->arena != NULL)
		(void)munmap(state->arena, state->arena_bytes);
	if (state->neighbours != NULL)
		(void)munmap(state->neighbours, sizeof(*state->neighbours));
	if (state->lock >= 0)
		(void)close(state->lock);
	*state = (struct state){.lock = -1};
}
