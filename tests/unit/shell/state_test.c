/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files in the run directory: one dataplane at a time, no way out of the directory, and a full
 * file system is an error at launch, not a crash later.
 */
#include "control/state.h"

#include "termination/plan.h"

#include <tandem/endpoint.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PATH_BYTES = 256,
	CAPACITY = 64,
	CHILD_SKIPPED = 77,
};

static struct media_plan plan;
static char run_dir[] = "/tmp/tandem-state-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	return path;
}

static struct state_config make_config(uint32_t capacity)
{
	return (struct state_config){.run_dir = run_dir,
		.plan = &plan,
		.termination_capacity = capacity,
		.worker_count = 1};
}

static int set_up(void **state)
{
	struct td_ip ip;

	(void)state;
	memset(&plan, 0, sizeof(plan));
	plan.port_first = 20000;
	plan.port_last = 20999;
	plan.worker_count = 1;
	if (!td_ip_parse("192.0.2.1", strlen("192.0.2.1"), &ip) || media_plan_add(&plan, &ip) != 0)
		return -1;
	strcpy(run_dir + strlen(run_dir) - strlen("XXXXXX"), "XXXXXX");
	return mkdtemp(run_dir) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"dataplane.lock", "counters", "terminations", "neighbours", "target"};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(names); i++)
		(void)unlink(path_of(names[i])); /* not each is there */
	return rmdir(run_dir);
}

static void serves_one_at_a_time(void **context)
{
	struct state_config config = make_config(CAPACITY);
	struct state first;
	struct state second;

	(void)context;
	assert_int_equal(state_open(&first, &config), 0);
	assert_false(first.is_restarted);
	assert_int_equal(state_open(&second, &config), -EBUSY);
	state_close(&first);
	assert_int_equal(state_open(&second, &config), 0);
	assert_true(second.is_restarted);
	state_close(&second);
}

static void follows_no_link(void **context)
{
	static const char *const names[] = {"dataplane.lock", "counters", "terminations"};
	struct state_config config = make_config(CAPACITY);

	(void)context;
	for (size_t i = 0; i < TD_COUNT_OF(names); i++) {
		char target[PATH_BYTES];
		struct state state;

		(void)snprintf(target, sizeof(target), "%s/target", run_dir);
		(void)unlink(path_of(names[i])); /* of the round before */
		assert_int_equal(symlink(target, path_of(names[i])), 0);
		assert_int_equal(state_open(&state, &config), -ELOOP);
		assert_int_equal(access(target, F_OK), -1);
		assert_int_equal(unlink(path_of(names[i])), 0);
	}
}

/* In a child with a mount namespace of its own: 1 MB of file system for an arena of 2 MB. */
static int open_in_small_file_system(void)
{
	struct state_config config = make_config(CAPACITY);
	struct state state;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("tmpfs", run_dir, "tmpfs", 0, "size=1m") != 0)
		return CHILD_SKIPPED;
	return state_open(&state, &config) == -ENOSPC ? 0 : 1;
}

static void tells_of_a_full_file_system(void **context)
{
	int status = 0;
	pid_t child = fork();

	(void)context;
	assert_true(child >= 0);
	if (child == 0)
		_exit(open_in_small_file_system());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIPPED)
		skip(); /* needs root */
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(serves_one_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_no_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_of_a_full_file_system, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
