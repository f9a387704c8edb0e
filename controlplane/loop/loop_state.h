/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of loop/ share. Internal to loop/. */
#ifndef TD_LOOP_LOOP_STATE_H
#define TD_LOOP_LOOP_STATE_H

#include "loop/loop.h"

#include <tandem/time.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LOOP_SIGNALS = 32 /* the classic ones; real-time signals are not for us */
};

/* What is known of a descriptor; its index is the descriptor. */
struct loop_watch {
	loop_fd_function *function; /* NULL: not watched */
	void *context;
	uint32_t generation; /* tells events of a former user of this number */
};

struct loop_wakeup {
	struct loop_wakeup *next;
	int event_fd;
	loop_function *function;
	void *context;
};

struct loop_signal {
	loop_signal_function *function; /* NULL: not caught */
	void *context;
};

struct loop {
	int epoll_fd;
	int signal_fd; /* -1: no signal is caught */
	bool is_stopped;
	bool lacks_pwait2; /* the kernel said so */
	uint32_t watch_count;
	struct loop_watch *watches; /* owns */
	struct loop_deadline deadline;
	loop_function *turn_end;
	void *turn_end_context;
	loop_delay_function *delay_hook;
	void *delay_context;
	td_ns_t now_mono_ns;
	td_ns_t last_poll_mono_ns; /* when the last poll returned */
	struct loop_metrics metrics;
	struct loop_wakeup *wakeups; /* owns */
	sigset_t caught;
	struct loop_signal signals[LOOP_SIGNALS];
};

/* Closes and frees wake-ups and the signal descriptor. */
void loop_free_wakeups(struct loop *loop);

#endif
