/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem-dataplane: reads the command line, starts everything, runs the control loop until
 * SIGTERM or SIGINT. Exit codes: 0 ended as asked, 1 couldn't start or go on, 2 wrong arguments.
 */
#include "control/control.h"
#include "launch.h"
#include "options.h"
#include "pipeline.h"

#include <tandem/counters.h>
#include <tandem/drop.h>
#include <tandem/log.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2
};

/* Blocks the signals that end the process, for all threads to come; returns a descriptor that
 * becomes readable when one arrives, or -errno. */
static int main_open_signals(void)
{
	sigset_t signals;
	int descriptor;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
		return -EINVAL;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN); /* nothing to reload: changes come as commands */
	descriptor = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	return descriptor >= 0 ? descriptor : -errno;
}

static int main_run(const struct options *options)
{
	struct dataplane *dataplane = NULL;
	int signals = main_open_signals();
	int rc;

	if (signals < 0) {
		td_log(TD_LOG_ERR, "main: signals can't be watched: %s", strerror(-signals));
		return EXIT_FAILED;
	}
	rc = dataplane_start(&dataplane, options, signals);
	if (rc != 0)
		return EXIT_FAILED;
	td_log(TD_LOG_INFO, "main: ready (workers=%u ports=%u terminations=%u poll=%s)",
		options->worker_count, options->port_count, options->termination_capacity,
		options->is_polling_adaptive ? "adaptive" : "busy");
	rc = control_run(dataplane_control(dataplane));
	if (rc < 0)
		td_log(TD_LOG_ERR, "main: control loop failed: %s", strerror(-rc));
	else
		td_log(TD_LOG_INFO, "main: %s, ends; terminations stay in %s", strsignal(rc),
			options->run_dir);
	dataplane_stop(dataplane);
	(void)close(signals);
	return rc < 0 ? EXIT_FAILED : EXIT_OK;
}

static void main_print_counters(void)
{
#define MAIN_PRINT_COUNTER(name, help) (void)printf("%-20s %s\n", #name, help);
	TD_WORKER_COUNTERS(MAIN_PRINT_COUNTER)
#undef MAIN_PRINT_COUNTER
}

static void main_print_drop_reasons(void)
{
	for (unsigned reason = TD_DROP_NONE + 1; reason < TD_DROP_REASON_COUNT; reason++)
		(void)printf(
			"%-20s %s\n", td_drop_reason_name(reason), td_drop_reason_help(reason));
}

int main(int argc, char *argv[])
{
	char error[OPTIONS_ERROR_BYTES];
	struct options options;

	if (options_parse(&options, argc, argv, error) != 0) {
		(void)fprintf(stderr, "tandem-dataplane: %s\n", error);
		return EXIT_USAGE;
	}
	if (options.wants_help) {
		options_print_help(stdout);
		return EXIT_OK;
	}
	if (options.wants_map) {
		pipeline_print_map(stdout);
		return EXIT_OK;
	}
	if (options.wants_counters) {
		main_print_counters();
		return EXIT_OK;
	}
	if (options.wants_drop_reasons) {
		main_print_drop_reasons();
		return EXIT_OK;
	}
	return main_run(&options);
}
