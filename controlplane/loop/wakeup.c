/* SPDX-License-Identifier: Apache-2.0 */
/* What comes into the loop from elsewhere: other threads and signals. */
#include "loop/loop_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void wakeup_ready(void *context, uint32_t ready)
{
	struct loop_wakeup *wakeup = context;
	uint64_t count;

	(void)ready;
	/* Cleared before the function runs: a signal during it means another turn. */
	(void)!read(wakeup->event_fd, &count, sizeof(count)); /* EAGAIN: cleared already */
	wakeup->function(wakeup->context);
}

int loop_wakeup_create(
	struct loop *loop, loop_function *function, void *context, struct loop_wakeup **ret_wakeup)
{
	struct loop_wakeup *wakeup = calloc(1, sizeof(*wakeup));
	int error;

	if (wakeup == NULL)
		return -ENOMEM;
	wakeup->function = function;
	wakeup->context = context;
	wakeup->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = wakeup->event_fd < 0 ? -errno : 0;
	if (error == 0)
		error = loop_add(loop, wakeup->event_fd, LOOP_READ, wakeup_ready, wakeup);
	if (error != 0) {
		if (wakeup->event_fd >= 0)
			(void)close(wakeup->event_fd); /* nothing can be lost */
		free(wakeup);
		return error;
	}
	wakeup->next = loop->wakeups;
	loop->wakeups = wakeup;
	*ret_wakeup = wakeup;
	return 0;
}

void loop_wakeup_signal(struct loop_wakeup *wakeup)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so the loop will wake anyway. */
	(void)!write(wakeup->event_fd, &one, sizeof(one));
}

static void signal_ready(void *context, uint32_t ready)
{
	struct loop *loop = context;
	struct signalfd_siginfo caught;

	(void)ready;
	while (read(loop->signal_fd, &caught, sizeof(caught)) == (ssize_t)sizeof(caught)) {
		const struct loop_signal *signal = &loop->signals[caught.ssi_signo % LOOP_SIGNALS];

		if (signal->function != NULL)
			signal->function(signal->context, (int)caught.ssi_signo);
	}
}

int loop_catch_signal(
	struct loop *loop, int signal_number, loop_signal_function *function, void *context)
{
	sigset_t caught = loop->caught;
	int error;
	int fd;

	assert(signal_number > 0 && signal_number < LOOP_SIGNALS && "a classic signal");
	if (loop->signals[signal_number].function != NULL)
		return -EEXIST;
	(void)sigaddset(&caught, signal_number); /* the number was checked */
	error = pthread_sigmask(SIG_BLOCK, &caught, NULL);
	if (error != 0)
		return -error;
	fd = signalfd(loop->signal_fd, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	error = loop->signal_fd < 0 ? loop_add(loop, fd, LOOP_READ, signal_ready, loop) : 0;
	if (error != 0) {
		(void)close(fd); /* nothing can be lost */
		return error;
	}
	loop->signal_fd = fd;
	loop->caught = caught;
	loop->signals[signal_number] = (struct loop_signal){function, context};
	return 0;
}

void loop_wakeup_destroy(struct loop *loop, struct loop_wakeup *wakeup)
{
	struct loop_wakeup **link = &loop->wakeups;

	if (wakeup == NULL)
		return;
	while (*link != wakeup)
		link = &(*link)->next;
	*link = wakeup->next;
	loop_remove(loop, wakeup->event_fd);
	(void)close(wakeup->event_fd); /* nothing can be lost */
	free(wakeup);
}

void loop_free_wakeups(struct loop *loop)
{
	while (loop->wakeups != NULL)
		loop_wakeup_destroy(loop, loop->wakeups);
	if (loop->signal_fd >= 0) {
		loop_remove(loop, loop->signal_fd);
		(void)close(loop->signal_fd); /* pending signals stay pending */
		loop->signal_fd = -1;
	}
}
