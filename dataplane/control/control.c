/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread's loop, see control.h. Workers never wake it: it looks at their rings every
 * millisecond while there is work, every few when there is none.
 */
#include "control/control.h"

#include "control/commander.h"
#include "control/server.h"
#include "control/state.h"
#include "control/watch.h"
#include "neighbour/mirror.h"
#include "port/kernel_path.h"
#include "port/port.h"
#include "termination/table.h"

#include <tandem/log.h>
#include <tandem/spsc_ring.h>
#include <tandem/time.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

enum {
	CONTROL_EVENTS = 16,
	CONTROL_POLL_ACTIVE_MS = 1,
	CONTROL_POLL_IDLE_MS = 4,
	CONTROL_ACTIVE_NS = 200 * TD_NS_PER_MS, /* still active so long after the last work */
	CONTROL_WAKE_NS = 50 * TD_NS_PER_MS,
	CONTROL_EVENTS_PER_TURN = 256, /* of each worker */
	CONTROL_AUDIT_PER_TURN = 512,
	CONTROL_PATH_BYTES = 108,
};

/* What an epoll event is about. */
enum control_source {
	CONTROL_SOURCE_LISTENER,
	CONTROL_SOURCE_CONNECTION,
	CONTROL_SOURCE_NETLINK,
	CONTROL_SOURCE_TAP,
	CONTROL_SOURCE_SIGNAL,
};

struct control {
	struct control_config config;
	struct termination_table *table; /* owns */
	struct server *server;		 /* owns */
	struct td_counters *counters;
	struct watch watch;
	int epoll;
	uint64_t now_ns;
	uint64_t active_ns; /* last time that there was work */
	uint64_t woken_ns;
	bool is_grace_running;
	_Atomic bool is_grace_over; /* w: call_rcu's thread, r: control */
	struct rcu_head grace;
	struct commander commander;
};

static bool control_send_change(
	void *sink, uint32_t worker, const struct termination_change *change)
{
	struct control *control = sink;

	return td_spsc_ring_push(control->config.workers[worker].changes, change);
}

static uint64_t control_random(void *sink)
{
	uint64_t value = 0;

	(void)sink;
	/* 8 bytes come whole, and the generator has been seeded since boot */
	while (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		continue;
	return value;
}

static void control_want(void *sink, const struct td_ip *destination)
{
	struct control *control = sink;

	mirror_want_destination(
		control->config.mirror, destination, control->now_ns / TD_NS_PER_MS);
}

static bool control_send(void *sink, const struct td_message *message)
{
	struct control *control = sink;

	return server_send(control->server, message);
}

static int control_add(struct control *control, int descriptor, enum control_source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return epoll_ctl(control->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

static void control_opened(void *sink)
{
	struct control *control = sink;

	/* a closed descriptor left the epoll set by itself */
	if (control_add(control, server_connection(control->server), CONTROL_SOURCE_CONNECTION) !=
		0)
		td_log(TD_LOG_ERR, "control: connection can't be watched: %s", strerror(errno));
	commander_open_session(&control->commander);
}

static void control_closed(void *sink)
{
	struct control *control = sink;

	commander_close_session(&control->commander);
}

static void control_received(void *sink, const void *bytes, size_t size_bytes)
{
	struct control *control = sink;

	commander_receive(&control->commander, bytes, size_bytes);
}

static void control_gone(void *sink, const struct termination_departure *gone)
{
	struct control *control = sink;

	commander_depart(&control->commander, gone);
}

static void control_end_grace(struct rcu_head *head)
{
	struct control *control = td_container_of(head, struct control, grace);

	/* partner: acquire load in control_reclaim */
	atomic_store_explicit(&control->is_grace_over, true, memory_order_release);
}

/* Moves removed terminations on: worker let go -> grace period -> reclaimed, port rests. */
static void control_reclaim(struct control *control)
{
	if (control->is_grace_running &&
		atomic_load_explicit(&control->is_grace_over, memory_order_acquire)) {
		control->is_grace_running = false;
		termination_table_reclaim(control->table, control->now_ns,
			control->commander.wall_offset_ns, control_gone);
	}
	if (!control->is_grace_running && termination_table_begin_grace(control->table) > 0) {
		control->is_grace_running = true;
		atomic_store_explicit(&control->is_grace_over, false, memory_order_relaxed);
		urcu_qsbr_call_rcu(&control->grace, control_end_grace);
	}
	if (td_since(control->now_ns, control->woken_ns) >= CONTROL_WAKE_NS) {
		control->woken_ns = control->now_ns;
		termination_table_wake(control->table, control->now_ns);
	}
}

static uint32_t control_serve_workers(struct control *control)
{
	uint64_t now_ms = control->now_ns / TD_NS_PER_MS;
	struct mirror_demand demand;
	struct td_notify event;
	uint32_t work = 0;

	for (uint32_t i = 0; i < control->config.worker_count; i++) {
		const struct control_worker *worker = &control->config.workers[i];
		uint32_t events = 0;

		while (events < CONTROL_EVENTS_PER_TURN &&
			td_spsc_ring_pop(worker->notifications, &event)) {
			commander_notify(&control->commander, &event);
			events++;
		}
		while (td_spsc_ring_pop(worker->demands, &demand))
			mirror_want(control->config.mirror, demand.port, &demand.next_hop, now_ms);
		work += events;
	}
	return work;
}

/* Watches for room in the socket only while something waits for it. */
static void control_watch_output(struct control *control)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = CONTROL_SOURCE_CONNECTION};
	int connection = server_connection(control->server);

	if (connection < 0)
		return;
	if (server_is_waiting(control->server))
		event.events = EPOLLOUT | (server_has_room(control->server) ? EPOLLIN : 0u);
	/* it is in the set, or control_opened has said that it isn't */
	(void)epoll_ctl(control->epoll, EPOLL_CTL_MOD, connection, &event);
}

static int control_take_signal(struct control *control)
{
	struct signalfd_siginfo signal;

	if (read(control->config.signals, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
		return 0;
	return (int)signal.ssi_signo;
}

static void control_set_time(struct control *control)
{
	control->now_ns = td_mono_ns();
	control->commander.now_ns = control->now_ns;
	control->commander.wall_offset_ns = td_wall_ns() - control->now_ns;
	/* partner: td_counter_read in whoever watches us */
	atomic_store_explicit(
		&control->counters->heartbeat_mono_ns, control->now_ns, memory_order_relaxed);
}

/* Serves what epoll reported; returns the number of a signal that ends the loop, or 0. */
static int control_dispatch(struct control *control, const struct epoll_event *events, int count)
{
	int signal = 0;

	for (int i = 0; i < count; i++) {
		switch ((enum control_source)events[i].data.u32) {
		case CONTROL_SOURCE_LISTENER:
			server_accept(control->server);
			break;
		case CONTROL_SOURCE_CONNECTION:
			server_receive(control->server);
			break;
		case CONTROL_SOURCE_NETLINK:
			mirror_receive(control->config.mirror, control->now_ns / TD_NS_PER_MS);
			break;
		case CONTROL_SOURCE_TAP:
			(void)kernel_path_collect(control->config.kernel_path);
			break;
		case CONTROL_SOURCE_SIGNAL:
			signal = control_take_signal(control);
			break;
		}
	}
	return signal;
}

static int control_turn(struct control *control)
{
	struct epoll_event events[CONTROL_EVENTS];
	bool is_active = control->is_grace_running || control->commander.audit.is_running ||
			 td_since(control->now_ns, control->active_ns) < CONTROL_ACTIVE_NS;
	uint32_t work;
	int signal;
	int count;

	urcu_qsbr_thread_offline();
	count = epoll_wait(control->epoll, events, CONTROL_EVENTS,
		is_active ? CONTROL_POLL_ACTIVE_MS : CONTROL_POLL_IDLE_MS);
	urcu_qsbr_thread_online();
	if (count < 0 && errno != EINTR)
		return -errno;
	control_set_time(control);
	signal = control_dispatch(control, events, count);
	work = control_serve_workers(control);
	work += kernel_path_deliver(control->config.kernel_path);
	control_reclaim(control);
	commander_continue_audit(&control->commander, CONTROL_AUDIT_PER_TURN);
	server_flush(control->server);
	control_watch_output(control);
	mirror_step(control->config.mirror, control->now_ns / TD_NS_PER_MS);
	watch_step(&control->watch, control->now_ns);
	if (work > 0 || count > 0)
		control->active_ns = control->now_ns;
	return signal;
}

int control_run(struct control *control)
{
	for (;;) {
		int rc = control_turn(control);

		if (rc != 0)
			return rc;
	}
}

static void control_fill_capabilities(struct control *control)
{
	struct td_capabilities *capabilities = &control->commander.capabilities;
	const struct control_config *config = &control->config;

	capabilities->dataplane_instance = control_random(control);
	capabilities->termination_capacity = config->termination_capacity;
	capabilities->worker_count = (uint16_t)config->worker_count;
	capabilities->media_port_first = config->plan->port_first;
	capabilities->media_port_last = config->plan->port_last;
	capabilities->media_address_count = (uint16_t)config->plan->address_count;
	capabilities->port_rest_ms = config->port_rest_ms;
	capabilities->is_restarted = config->state->is_restarted;
	atomic_store_explicit(&control->counters->dataplane_instance,
		capabilities->dataplane_instance, memory_order_relaxed);
}

static int control_open_table(struct control *control)
{
	const struct termination_table_config table = {
		.arena = control->config.state->arena,
		.plan = control->config.plan,
		.port_rest_ms = control->config.port_rest_ms,
		.send = control_send_change,
		.random = control_random,
		.sink = control,
	};

	return termination_table_create(&control->table, &table, td_mono_ns());
}

static int control_open_server(struct control *control)
{
	const struct server_events events = {.opened = control_opened,
		.closed = control_closed,
		.received = control_received,
		.sink = control};
	char path[CONTROL_PATH_BYTES];
	int written = snprintf(path, sizeof(path), "%s/dataplane.sock", control->config.run_dir);

	if (written < 0 || (size_t)written >= sizeof(path))
		return -ENAMETOOLONG;
	return server_create(&control->server, path, &events);
}

static int control_open_epoll(struct control *control)
{
	const struct kernel_path *path = control->config.kernel_path;
	int rc;

	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (control->epoll < 0)
		return -errno;
	rc = control_add(control, server_listener(control->server), CONTROL_SOURCE_LISTENER);
	if (rc == 0)
		rc = control_add(
			control, mirror_descriptor(control->config.mirror), CONTROL_SOURCE_NETLINK);
	if (rc == 0)
		rc = control_add(control, control->config.signals, CONTROL_SOURCE_SIGNAL);
	for (uint32_t i = 0; rc == 0 && i < path->port_count; i++) {
		if (path->ports[i].tap_descriptor >= 0)
			rc = control_add(
				control, path->ports[i].tap_descriptor, CONTROL_SOURCE_TAP);
	}
	return rc;
}

int control_create(struct control **ret_control, const struct control_config *config)
{
	struct control *control = calloc(1, sizeof(*control));
	int rc;

	if (control == NULL)
		return -ENOMEM;
	control->config = *config;
	control->counters = config->state->counters;
	control->epoll = -1;
	control_set_time(control);
	control_fill_capabilities(control);
	rc = control_open_table(control);
	if (rc != 0) {
		td_log(TD_LOG_ERR, "control: no table of terminations: %s", strerror(-rc));
		goto err_control;
	}
	control->commander.table = control->table;
	control->commander.counters = control->counters;
	control->commander.send = control_send;
	control->commander.want = control_want;
	control->commander.sink = control;
	watch_init(&control->watch, &control->config, control->table, &control->commander);
	rc = control_open_server(control);
	if (rc == 0)
		rc = control_open_epoll(control);
	if (rc != 0) {
		td_log(TD_LOG_ERR, "control: no command socket in %s: %s", config->run_dir,
			strerror(-rc));
		goto err_control;
	}
	*ret_control = control;
	return 0;
err_control:
	control_destroy(control);
	return rc;
}

void control_destroy(struct control *control)
{
	if (control == NULL)
		return;
	urcu_qsbr_barrier(); /* a grace period that is still running */
	if (control->epoll >= 0)
		(void)close(control->epoll);
	server_destroy(control->server);
	termination_table_destroy(control->table);
	free(control);
}

struct termination_table *control_table(struct control *control)
{
	return control->table;
}
