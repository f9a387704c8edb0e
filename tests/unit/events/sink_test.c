/* SPDX-License-Identifier: Apache-2.0 */
/* The sink, journal and log together: kill -9 at any instant costs no event and repeats none. */
#include "events/sink.h"

#include "events/log.h"
#include "events/reader.h"
#include "journal/journal.h"
#include "samples.h"
#include "scratch.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	WALL_NS = 1000,
};

/* All that the loop would hold. */
struct node {
	struct journal *journal;
	struct event_log *log;
	struct event_sink *sink;
};

static struct node open_node(void)
{
	struct node node = {0};
	char path[96];
	struct journal_config journal = {.dir = path};
	struct event_sink_config sink = {0};

	(void)snprintf(path, sizeof(path), "%s/journal", scratch_dir);
	assert_int_equal(journal_open(&journal, &node.journal), 0);
	node.log = scratch_log(NULL, false);
	sink.journal = node.journal;
	sink.log = node.log;
	sink.pending_bytes = 64 * 1024;
	assert_int_equal(event_sink_create(&sink, &node.sink), 0);
	return node;
}

static void close_node(struct node *node)
{
	event_sink_destroy(node->sink);
	assert_int_equal(event_log_close(node->log, 1000), 0);
	journal_close(node->journal);
}

static void emit(struct node *node)
{
	struct event_record record = sample_record(0);

	assert_int_equal(event_sink_emit(node->sink, &record, WALL_NS), 0);
}

static void event_leaves_the_journal_when_it_is_safe(void **state)
{
	struct node node = open_node();
	struct pollfd waits = {.fd = event_sink_fd(node.sink), .events = POLLIN};

	(void)state;
	emit(&node);
	emit(&node);
	assert_int_equal(journal_stats(node.journal).records[JOURNAL_EVENT], 2);
	assert_int_equal(event_sink_stats(node.sink).pending, 2);
	assert_int_equal(journal_commit(node.journal), 0);
	event_sink_flush(node.sink);
	scratch_wait_durable(node.log, 2);
	assert_int_equal(poll(&waits, 1, 5000), 1);
	assert_int_equal(event_sink_reap(node.sink), 2);
	assert_int_equal(journal_commit(node.journal), 0);
	assert_int_equal(journal_stats(node.journal).records[JOURNAL_EVENT], 0);
	assert_int_equal(event_sink_stats(node.sink).pending, 0);
	assert_int_equal(poll(&waits, 1, 0), 0);
	close_node(&node);
	scratch_check_log(1, 2);
}

static void committed_event_survives_without_flush(void **state)
{
	struct node node = open_node();

	(void)state;
	emit(&node);
	assert_int_equal(journal_commit(node.journal), 0);
	emit(&node); /* not committed: never happened */
	close_node(&node);
	node = open_node();
	assert_int_equal(event_sink_stats(node.sink).recovered, 1);
	emit(&node);
	assert_int_equal(journal_commit(node.journal), 0);
	event_sink_flush(node.sink);
	scratch_wait_durable(node.log, 2);
	assert_int_equal(event_sink_reap(node.sink), 2);
	close_node(&node);
	scratch_check_log(1, 2);
}

static void logged_event_isnt_logged_again(void **state)
{
	struct node node = open_node();

	(void)state;
	emit(&node);
	assert_int_equal(journal_commit(node.journal), 0);
	event_sink_flush(node.sink);
	scratch_wait_durable(node.log, 1);
	close_node(&node); /* died before it could reap */
	node = open_node();
	assert_int_equal(event_sink_stats(node.sink).recovered, 0);
	assert_int_equal(journal_stats(node.journal).records[JOURNAL_EVENT], 0);
	close_node(&node);
	scratch_check_log(1, 1);
}

static void full_is_said_before_anything_changes(void **state)
{
	struct node node = open_node();
	struct event_record record = sample_record(EVENT_RECORD_CDR * SAMPLES_PER_KIND);
	unsigned emitted = 0;

	(void)state;
	assert_int_equal(event_sink_pressure(node.sink), EVENT_PRESSURE_NONE);
	while (event_sink_emit(node.sink, &record, WALL_NS) == 0)
		emitted++;
	assert_true(emitted > 10);
	assert_int_equal(event_sink_pressure(node.sink), EVENT_PRESSURE_FULL);
	assert_int_equal(event_sink_stats(node.sink).refused, 1);
	assert_int_equal(event_sink_emit(node.sink, &record, WALL_NS), -ENOSPC);
	assert_int_equal(journal_commit(node.journal), 0);
	event_sink_flush(node.sink);
	assert_int_equal(event_sink_pressure(node.sink), EVENT_PRESSURE_NONE);
	scratch_wait_durable(node.log, emitted);
	assert_int_equal(event_sink_reap(node.sink), emitted);
	close_node(&node);
	scratch_check_log(1, emitted);
}

/* A loop that emits, commits and flushes until it is killed; says how many it has committed. */
static void run_until_killed(int report_fd)
{
	struct event_record record = sample_record(0);
	struct node node = open_node();

	for (;;) {
		unsigned wanted = 1 + (unsigned)rand() % 5;
		uint64_t emitted = 0;

		while (emitted < wanted && event_sink_emit(node.sink, &record, WALL_NS) == 0)
			emitted++;
		if (journal_commit(node.journal) != 0)
			_exit(1);
		if (emitted != 0 && write(report_fd, &emitted, sizeof(emitted)) != sizeof(emitted))
			_exit(1);
		event_sink_flush(node.sink);
		(void)event_sink_reap(node.sink);
		if (emitted < wanted)
			scratch_nap(); /* back-pressure: the log's thread is behind */
	}
}

static void kill_minus_nine_loses_and_repeats_nothing(void **state)
{
	uint64_t total = 0;
	struct node node;

	(void)state;
	for (unsigned round = 0; round < 15; round++) {
		uint64_t count;
		int pipe_fds[2];
		unsigned reports = 0;
		pid_t child;

		assert_int_equal(pipe(pipe_fds), 0);
		child = fork();
		if (child == 0) {
			srand(round);
			close(pipe_fds[0]);
			run_until_killed(pipe_fds[1]);
		}
		close(pipe_fds[1]);
		while (reports < 5 + round * 7 &&
			read(pipe_fds[0], &count, sizeof(count)) == sizeof(count)) {
			total += count;
			reports++;
		}
		assert_int_equal(reports, 5 + round * 7);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(pipe_fds[0], &count, sizeof(count)) == sizeof(count))
			total += count;
		close(pipe_fds[0]);
	}
	node = open_node();
	/* The last turn of each round may have been committed without being reported. */
	for (int i = 0; i < 10000 && event_sink_stats(node.sink).pending != 0; i++) {
		event_sink_flush(node.sink);
		(void)event_sink_reap(node.sink);
		scratch_nap();
	}
	assert_true(event_log_last(node.log) >= total);
	assert_true(event_log_last(node.log) <= total + 15 * 5);
	total = event_log_last(node.log);
	close_node(&node);
	scratch_check_log(1, total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
		CASE(event_leaves_the_journal_when_it_is_safe),
		CASE(committed_event_survives_without_flush),
		CASE(logged_event_isnt_logged_again),
		CASE(full_is_said_before_anything_changes),
		CASE(kill_minus_nine_loses_and_repeats_nothing),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
