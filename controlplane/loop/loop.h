/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread that decides: an epoll loop over descriptors, signals, wake-ups from other
 * threads and one deadline. It sleeps exactly until the next deadline, and measures how long
 * what was ready had to wait. It knows nothing of SIP; app/wire.c owns one and hangs everything
 * into it. Shell code: it reads the clock so that the machines needn't.
 */
#ifndef TD_LOOP_LOOP_H
#define TD_LOOP_LOOP_H

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <stdatomic.h>
#include <stdint.h>

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_ERROR = 4, /* error or hang-up; told even if not asked for */
};

struct loop;
struct loop_wakeup;

/* Called when fd is ready; ready is LOOP_ bits. */
typedef void loop_fd_function(void *context, uint32_t ready);
typedef void loop_function(void *context);
typedef void loop_signal_function(void *context, int signal_number);

/* The deadline source: what time the next timer is due (TD_NEVER: none), and what to do then. */
struct loop_deadline {
	void *context;
	uint64_t (*next_ms)(void *context);
	void (*expire)(void *context, uint64_t now_ms);
};

/* Creates a loop. Negative errno of epoll_create1, eventfd; -ENOMEM. */
td_must_check int loop_create(struct loop **ret_loop);
/* Frees the loop, its wake-ups and its signal descriptor; blocked signals stay blocked. The
 * caller's descriptors stay open. NULL is allowed. Not from inside the loop. */
void loop_destroy(struct loop *loop);

/* Watches fd (borrowed: remove it before it is closed). -EEXIST, -ENOMEM, errno of epoll_ctl. */
td_must_check int loop_add(
	struct loop *loop, int fd, uint32_t interest, loop_fd_function *function, void *context);
/* Changes what fd is watched for. -ENOENT, errno of epoll_ctl. */
td_must_check int loop_change(struct loop *loop, int fd, uint32_t interest);
/* Stops watching. What is ready for fd in this turn is not told any more. */
void loop_remove(struct loop *loop, int fd);

/* Sets the deadline source (copied). */
void loop_set_deadline(struct loop *loop, const struct loop_deadline *deadline);
/* Sets what is called at the end of each turn, after all that was ready and due has been
 * handled and before the loop sleeps: the place to write the journal and flush output. */
void loop_set_turn_end(struct loop *loop, loop_function *function, void *context);

/* Takes a signal out of its default handling for the whole thread (and for threads created
 * later: call it before they are) and tells it in the loop. errno of signalfd, -EEXIST. */
td_must_check int loop_catch_signal(
	struct loop *loop, int signal_number, loop_signal_function *function, void *context);

/* Creates a means for other threads to have function called in the loop. -ENOMEM, errno of
 * eventfd. Lives until loop_wakeup_destroy() or loop_destroy(). */
td_must_check int loop_wakeup_create(
	struct loop *loop, loop_function *function, void *context, struct loop_wakeup **ret_wakeup);
/* Has the function called soon, once for any number of calls. Any thread, never blocks; also
 * from inside the loop, then in the next turn. */
void loop_wakeup_signal(struct loop_wakeup *wakeup);

/* Takes a wake-up away; no thread may signal it any more. NULL is allowed. */
void loop_wakeup_destroy(struct loop *loop, struct loop_wakeup *wakeup);

/* Runs turns until loop_stop(). errno of epoll_pwait2. */
td_must_check int loop_run(struct loop *loop);
/* Ends loop_run() after this turn. From inside the loop, or from any thread by a wake-up. */
void loop_stop(struct loop *loop);
/* Runs one turn that sleeps at most max_wait_ms. errno of epoll_pwait2. */
td_must_check int loop_turn(struct loop *loop, uint64_t max_wait_ms);

/* Monotonic time: of this turn's awakening, or of the latest handler call. Same clock as all
 * deadlines. */
uint64_t loop_now_ms(const struct loop *loop);

/* X(name, help) */
#define LOOP_METRICS(X)                                                                           \
	X(turns, "awakenings of the control plane's loop")                                        \
	X(events, "descriptors handled")                                                          \
	X(expirations, "times a deadline was due")                                                \
	X(late_ms_max, "worst lateness of a deadline, in ms")                                     \
	X(delay_us_last, "longest that something ready waited in the last turn, in microseconds") \
	X(delay_us_max, "the same, worst since the start")                                        \
	X(delays_over_10ms, "turns in which something ready waited for more than 10 ms")          \
	X(busy_us, "time spent awake, in microseconds")

/* w: loop thread, r: anyone (relaxed) */
struct loop_metrics {
#define LOOP_METRIC_FIELD(name, help) _Atomic uint64_t name;
	LOOP_METRICS(LOOP_METRIC_FIELD)
#undef LOOP_METRIC_FIELD
};
const struct loop_metrics *loop_get_metrics(const struct loop *loop);

/* Sets what is told the longest wait of each turn (overload control). NULL: nobody. */
typedef void loop_delay_function(void *context, uint64_t delay_us);
void loop_set_delay_hook(struct loop *loop, loop_delay_function *function, void *context);

#endif
