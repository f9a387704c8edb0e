/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "loop/loop_state.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	EVENTS_PER_TURN = 128,
	WATCHES_FIRST = 64,
	/* A poll that returns faster than this found its events waiting: they may have become
	 * ready at any time since the poll before. */
	POLL_SLEPT_NS = 50 * TD_NS_PER_US,
	DELAY_NOTED_US = 10 * TD_US_PER_MS,
};

/* Only the loop's thread writes: a plain load and store. Partner: readers of the metrics. */
static void metric_set(_Atomic uint64_t *metric, uint64_t value)
{
	atomic_store_explicit(metric, value, memory_order_relaxed);
}

static void metric_add(_Atomic uint64_t *metric, uint64_t amount)
{
	metric_set(metric, atomic_load_explicit(metric, memory_order_relaxed) + amount);
}

static void metric_raise(_Atomic uint64_t *metric, uint64_t value)
{
	if (value > atomic_load_explicit(metric, memory_order_relaxed))
		metric_set(metric, value);
}

int loop_create(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (loop == NULL)
		return -ENOMEM;
	loop->signal_fd = -1;
	(void)sigemptyset(&loop->caught); /* can't fail */
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		error = -errno;
		free(loop);
		return error;
	}
	loop->now_mono_ns = td_mono_ns();
	loop->last_poll_mono_ns = loop->now_mono_ns;
	*ret_loop = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop_free_wakeups(loop);
	(void)close(loop->epoll_fd); /* nothing can be lost */
	free(loop->watches);
	free(loop);
}

static uint32_t to_epoll(uint32_t interest)
{
	return ((interest & LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0u) |
	       ((interest & LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0u);
}

static uint32_t from_epoll(uint32_t events)
{
	return ((events & EPOLLIN) != 0 ? (uint32_t)LOOP_READ : 0u) |
	       ((events & EPOLLOUT) != 0 ? (uint32_t)LOOP_WRITE : 0u) |
	       ((events & (EPOLLERR | EPOLLHUP)) != 0 ? (uint32_t)LOOP_ERROR : 0u);
}

static int make_room(struct loop *loop, int fd)
{
	uint32_t wanted = loop->watch_count != 0 ? loop->watch_count : WATCHES_FIRST;
	struct loop_watch *larger;

	while (wanted <= (uint32_t)fd)
		wanted *= 2;
	if (wanted == loop->watch_count)
		return 0;
	larger = realloc(loop->watches, wanted * sizeof(*larger));
	if (larger == NULL)
		return -ENOMEM;
	memset(larger + loop->watch_count, 0, (wanted - loop->watch_count) * sizeof(*larger));
	loop->watches = larger;
	loop->watch_count = wanted;
	return 0;
}

static int control(struct loop *loop, int operation, int fd, uint32_t interest)
{
	struct epoll_event event = {.events = to_epoll(interest)};

	event.data.u64 = (uint64_t)loop->watches[fd].generation << 32 | (uint32_t)fd;
	return epoll_ctl(loop->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int loop_add(
	struct loop *loop, int fd, uint32_t interest, loop_fd_function *function, void *context)
{
	struct loop_watch *watch;
	int error = fd < 0 ? -EBADF : make_room(loop, fd);

	if (error != 0)
		return error;
	watch = &loop->watches[fd];
	if (watch->function != NULL)
		return -EEXIST;
	watch->generation++;
	error = control(loop, EPOLL_CTL_ADD, fd, interest);
	if (error != 0)
		return error;
	watch->function = function;
	watch->context = context;
	return 0;
}

int loop_change(struct loop *loop, int fd, uint32_t interest)
{
	if (fd < 0 || (uint32_t)fd >= loop->watch_count || loop->watches[fd].function == NULL)
		return -ENOENT;
	return control(loop, EPOLL_CTL_MOD, fd, interest);
}

void loop_remove(struct loop *loop, int fd)
{
	if (fd < 0 || (uint32_t)fd >= loop->watch_count || loop->watches[fd].function == NULL)
		return;
	(void)control(loop, EPOLL_CTL_DEL, fd, 0); /* closed already: gone from the set too */
	loop->watches[fd].function = NULL;
	loop->watches[fd].generation++;
}

void loop_set_deadline(struct loop *loop, const struct loop_deadline *deadline)
{
	loop->deadline = *deadline;
}

void loop_set_turn_end(struct loop *loop, loop_function *function, void *context)
{
	loop->turn_end = function;
	loop->turn_end_context = context;
}

void loop_set_delay_hook(struct loop *loop, loop_delay_function *function, void *context)
{
	loop->delay_hook = function;
	loop->delay_context = context;
}

const struct loop_metrics *loop_get_metrics(const struct loop *loop)
{
	return &loop->metrics;
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_mono_ns / TD_NS_PER_MS;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}

static uint64_t next_deadline_ms(const struct loop *loop)
{
	return loop->deadline.next_ms != NULL ? loop->deadline.next_ms(loop->deadline.context)
					      : TD_NEVER;
}

/* Waits for wait_ns (TD_NEVER: for ever). Where epoll_pwait2 doesn't exist (before Linux 5.11,
 * under valgrind), the wait is rounded up to whole milliseconds. Returns as epoll_wait(). */
static int wait_for_events(struct loop *loop, td_ns_t wait_ns, struct epoll_event *events)
{
	const struct timespec timeout = {.tv_sec = (time_t)(wait_ns / TD_NS_PER_S),
		.tv_nsec = (long)(wait_ns % TD_NS_PER_S)};
	td_ns_t wait_ms = (wait_ns + TD_NS_PER_MS - 1) / TD_NS_PER_MS;
	int count = -1;

	if (!loop->lacks_pwait2) {
		count = epoll_pwait2(loop->epoll_fd, events, EVENTS_PER_TURN,
			wait_ns == TD_NEVER ? NULL : &timeout, NULL);
		if (count >= 0 || errno != ENOSYS)
			return count;
		loop->lacks_pwait2 = true;
	}
	return epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN,
		wait_ns == TD_NEVER ? -1
		: wait_ms > INT_MAX ? INT_MAX
				    : (int)wait_ms);
}

/* Sleeps until something is ready, the deadline has come or max_wait_ms are over. Returns the
 * number of events or a negative errno. */
static int poll_events(
	struct loop *loop, uint64_t max_wait_ms, struct epoll_event events[EVENTS_PER_TURN])
{
	uint64_t deadline_ms = next_deadline_ms(loop);
	td_ns_t start_ns = td_mono_ns();
	td_ns_t wait_ns =
		max_wait_ms > TD_NEVER / TD_NS_PER_MS ? TD_NEVER : max_wait_ms * TD_NS_PER_MS;
	int count;

	if (deadline_ms <= TD_NEVER / TD_NS_PER_MS &&
		td_since(deadline_ms * TD_NS_PER_MS, start_ns) < wait_ns)
		wait_ns = td_since(deadline_ms * TD_NS_PER_MS, start_ns);
	count = wait_for_events(loop, wait_ns, events);
	if (count < 0 && errno != EINTR)
		return -errno;
	loop->now_mono_ns = td_mono_ns();
	if (td_since(loop->now_mono_ns, start_ns) >= POLL_SLEPT_NS)
		loop->last_poll_mono_ns = loop->now_mono_ns;
	return count < 0 ? 0 : count;
}

static void handle_events(struct loop *loop, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		uint32_t fd = (uint32_t)events[i].data.u64;
		const struct loop_watch *watch = &loop->watches[fd];

		/* Removed, or its number given to another, since the poll. */
		if (watch->function == NULL || watch->generation != events[i].data.u64 >> 32)
			continue;
		metric_add(&loop->metrics.events, 1);
		watch->function(watch->context, from_epoll(events[i].events));
		loop->now_mono_ns = td_mono_ns();
	}
}

static void expire(struct loop *loop)
{
	uint64_t deadline_ms = next_deadline_ms(loop);
	uint64_t now_ms = loop_now_ms(loop);

	if (deadline_ms > now_ms)
		return;
	metric_add(&loop->metrics.expirations, 1);
	metric_raise(&loop->metrics.late_ms_max, now_ms - deadline_ms);
	loop->deadline.expire(loop->deadline.context, now_ms);
	loop->now_mono_ns = td_mono_ns();
}

/* The last handler of the turn had waited longest: since the poll that could have told of it. */
static void measure(struct loop *loop, td_ns_t woken_ns, int count)
{
	uint64_t delay_us = td_since(loop->now_mono_ns, loop->last_poll_mono_ns) / TD_NS_PER_US;

	if (count == 0)
		delay_us = 0;
	metric_add(&loop->metrics.turns, 1);
	metric_add(&loop->metrics.busy_us, td_since(td_mono_ns(), woken_ns) / TD_NS_PER_US);
	metric_set(&loop->metrics.delay_us_last, delay_us);
	metric_raise(&loop->metrics.delay_us_max, delay_us);
	if (delay_us > DELAY_NOTED_US)
		metric_add(&loop->metrics.delays_over_10ms, 1);
	if (loop->delay_hook != NULL)
		loop->delay_hook(loop->delay_context, delay_us);
}

int loop_turn(struct loop *loop, uint64_t max_wait_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = poll_events(loop, max_wait_ms, events);
	td_ns_t woken_ns = loop->now_mono_ns;
	td_ns_t handled_ns;

	if (count < 0)
		return count;
	handle_events(loop, events, count);
	handled_ns = loop->now_mono_ns;
	expire(loop);
	if (loop->turn_end != NULL)
		loop->turn_end(loop->turn_end_context);
	loop->now_mono_ns = handled_ns;
	measure(loop, woken_ns, count);
	loop->last_poll_mono_ns = woken_ns;
	loop->now_mono_ns = td_mono_ns();
	return 0;
}

int loop_run(struct loop *loop)
{
	int error = 0;

	loop->is_stopped = false;
	while (!loop->is_stopped && error == 0)
		error = loop_turn(loop, TD_NEVER);
	return error;
}
