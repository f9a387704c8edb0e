/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the dataplane up and down, see launch.h. Order matters: state before ports, so that a
 * second instance is refused before it disturbs anything; workers last.
 */
#include "launch.h"

#include "control/control.h"
#include "control/state.h"
#include "eal.h"
#include "frames.h"
#include "neighbour/mirror.h"
#include "options.h"
#include "port/kernel_path.h"
#include "port/port.h"
#include "privilege.h"
#include "termination/arena.h"
#include "termination/plan.h"
#include "termination/table.h"
#include "worker.h"

#include <tandem/log.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

struct launch_worker {
	struct worker worker;
	struct termination_change changes[WORKER_CHANGES];
	struct td_notify notifications[WORKER_NOTIFICATIONS];
	struct mirror_demand demands[WORKER_DEMANDS];
};

struct dataplane {
	const struct options *options;
	struct media_plan plan;
	struct state state;
	struct port ports[OPTIONS_PORTS_MAX];
	struct frames frames;
	struct kernel_path kernel_path;
	struct mirror *mirror;
	struct control *control;
	struct launch_worker *workers;	     /* owns: options->worker_count */
	struct eal_arguments *eal_arguments; /* owns */
	uint32_t running_count;
	uint32_t idle_mbufs; /* what queues hold when nothing happens */
	bool has_eal;
	bool has_rcu;
};

static int launch_plan(struct dataplane *dataplane)
{
	const struct options *options = dataplane->options;

	dataplane->plan.port_first = options->media_port_first;
	dataplane->plan.port_last = options->media_port_last;
	dataplane->plan.worker_count = options->worker_count;
	for (uint32_t i = 0; i < options->media_address_count; i++) {
		int rc = media_plan_add(&dataplane->plan, &options->media_addresses[i]);

		if (rc != 0) {
			td_log(TD_LOG_ERR, "launch: media address %u can't be used: %s", i,
				strerror(-rc));
			return rc;
		}
	}
	return 0;
}

static int launch_state(struct dataplane *dataplane)
{
	const struct state_config config = {
		.run_dir = dataplane->options->run_dir,
		.plan = &dataplane->plan,
		.termination_capacity = dataplane->options->termination_capacity,
		.worker_count = dataplane->options->worker_count,
	};
	int rc = state_open(&dataplane->state, &config);

	if (rc == -EBUSY)
		td_log(TD_LOG_ERR, "launch: %s: another tandem-dataplane runs there",
			config.run_dir);
	else if (rc != 0)
		td_log(TD_LOG_ERR, "launch: %s: can't be used: %s", config.run_dir, strerror(-rc));
	return rc;
}

static int launch_eal(struct dataplane *dataplane)
{
	const struct options *options = dataplane->options;
	struct eal_arguments *arguments = calloc(1, sizeof(*arguments));
	struct device devices[OPTIONS_PORTS_MAX];
	bool has_hugepages = !options->has_no_huge && eal_has_hugepages(options->memory_mb);
	int rc;

	if (arguments == NULL)
		return -ENOMEM;
	dataplane->eal_arguments = arguments; /* EAL keeps pointers to some of them */
	if (!has_hugepages && !options->has_no_huge)
		td_log(TD_LOG_WARN, "launch: less than %u MB of free hugepages, went on without",
			options->memory_mb);
	for (uint32_t i = 0; i < options->port_count; i++)
		devices[i] = dataplane->ports[i].device;
	rc = eal_arguments_build(arguments, options, devices, has_hugepages);
	if (rc == 0 && rte_eal_init(arguments->count, arguments->values) < 0)
		rc = rte_errno != 0 ? -rte_errno : -EINVAL;
	dataplane->has_eal = rc == 0;
	if (rc != 0)
		td_log(TD_LOG_ERR, "launch: DPDK can't start (memory=%u MB, hugepages=%d): %s",
			options->memory_mb, has_hugepages, strerror(-rc));
	return rc;
}

static uint16_t launch_queues(const struct dataplane *dataplane, uint32_t port)
{
	const struct options *options = dataplane->options;
	uint32_t wanted = options->ports[port].queues;

	return (uint16_t)(wanted == 0 || wanted > options->worker_count ? options->worker_count
									: wanted);
}

static int launch_devices(struct dataplane *dataplane)
{
	const struct options *options = dataplane->options;

	for (uint32_t i = 0; i < options->port_count; i++) {
		const struct options_port *from = &options->ports[i];
		struct port *port = &dataplane->ports[i];
		int rc;

		memcpy(port->name, from->name, sizeof(port->name));
		memcpy(port->tap_name, from->tap_name, sizeof(port->tap_name));
		port->mtu_bytes = from->mtu_bytes;
		port->vlan_id = from->vlan_id;
		port->is_checksum_trusted = from->is_checksum_trusted;
		port->tap_descriptor = -1;
		rc = device_parse(&port->device, from->device, launch_queues(dataplane, i));
		if (rc != 0) {
			td_log(TD_LOG_ERR,
				"launch: port %s: '%.100s': expected a PCI address or a virtual "
				"device (net_…)",
				port->name, from->device);
			return rc;
		}
	}
	return 0;
}

static int launch_frames(struct dataplane *dataplane)
{
	struct frames_config config = {.worker_count = dataplane->options->worker_count};

	for (uint32_t i = 0; i < dataplane->options->port_count; i++) {
		config.queue_count += launch_queues(dataplane, i);
		if (dataplane->options->ports[i].mtu_bytes > config.mtu_bytes)
			config.mtu_bytes = dataplane->options->ports[i].mtu_bytes;
	}
	return frames_create(&dataplane->frames, &config);
}

static int launch_ports(struct dataplane *dataplane)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < dataplane->options->port_count; i++)
		rc = port_configure(&dataplane->ports[i], launch_queues(dataplane, i),
			dataplane->frames.forward_pool);
	for (uint32_t i = 0; rc == 0 && i < dataplane->options->port_count; i++)
		rc = port_start(&dataplane->ports[i]);
	dataplane->kernel_path = (struct kernel_path){
		.ports = dataplane->ports,
		.port_count = dataplane->options->port_count,
		.to_kernel = dataplane->frames.to_kernel,
		.from_kernel = dataplane->frames.from_kernel,
		.pool = dataplane->frames.exception_pool,
	};
	return rc;
}

static int launch_mirror(struct dataplane *dataplane)
{
	struct mirror_port ports[OPTIONS_PORTS_MAX] = {0};
	int rc;

	for (uint32_t i = 0; i < dataplane->options->port_count; i++) {
		const struct port *port = &dataplane->ports[i];

		ports[i].tap_name = port->tap_name[0] == '\0' ? NULL : port->tap_name;
		ports[i].device_name =
			port->device.interface[0] == '\0' ? NULL : port->device.interface;
		memcpy(ports[i].link.mac, port->mac, sizeof(ports[i].link.mac));
		ports[i].link.vlan_id = port->vlan_id;
		ports[i].link.mtu_bytes = port->mtu_bytes;
	}
	rc = mirror_create(&dataplane->mirror, ports, dataplane->options->port_count,
		dataplane->state.neighbours);
	if (rc != 0)
		td_log(TD_LOG_ERR, "launch: the kernel's routes can't be read: %s", strerror(-rc));
	return rc;
}

/* control_config.count_mbufs */
static uint64_t launch_count_mbufs(void *sink)
{
	const struct dataplane *dataplane = sink;
	uint32_t taken = frames_taken(&dataplane->frames);

	return taken > dataplane->idle_mbufs ? taken - dataplane->idle_mbufs : 0;
}

static int launch_control(struct dataplane *dataplane, int signals)
{
	const struct options *options = dataplane->options;
	struct control_config config = {
		.run_dir = options->run_dir,
		.plan = &dataplane->plan,
		.state = &dataplane->state,
		.mirror = dataplane->mirror,
		.kernel_path = &dataplane->kernel_path,
		.worker_count = options->worker_count,
		.termination_capacity = options->termination_capacity,
		.port_rest_ms = options->rest_ms,
		.signals = signals,
		.count_mbufs = launch_count_mbufs,
		.sink = dataplane,
	};

	for (uint32_t i = 0; i < options->worker_count; i++) {
		struct launch_worker *from = &dataplane->workers[i];
		struct worker *worker = &from->worker;

		td_spsc_ring_init(
			&worker->changes, from->changes, WORKER_CHANGES, sizeof(from->changes[0]));
		td_spsc_ring_init(&worker->notifications, from->notifications, WORKER_NOTIFICATIONS,
			sizeof(from->notifications[0]));
		td_spsc_ring_init(
			&worker->demands, from->demands, WORKER_DEMANDS, sizeof(from->demands[0]));
		config.workers[i] = (struct control_worker){
			&worker->changes, &worker->notifications, &worker->demands};
	}
	return control_create(&dataplane->control, &config);
}

static void launch_worker_ports(struct dataplane *dataplane, struct worker *worker)
{
	worker->port_count = dataplane->options->port_count;
	for (uint32_t i = 0; i < worker->port_count; i++) {
		const struct port *port = &dataplane->ports[i];
		struct worker_port *to = &worker->ports[i];
		struct stage_port *stage = &worker->context.ports[i];

		to->dpdk_id = port->dpdk_id;
		to->burst_max = port->burst_max;
		to->has_rx_queue = worker->index < port->rx_queue_count;
		to->has_rx_checksum = port->has_rx_checksum;
		if (worker->index >= port->tx_queue_count)
			to->sender =
				dataplane->frames.transmits[worker->index % port->tx_queue_count];
		worker->port_of_dpdk[port->dpdk_id] = (uint8_t)i;
		memcpy(stage->mac, port->mac, sizeof(stage->mac));
		stage->vlan_id = port->vlan_id;
		stage->is_udp_verified = !port->is_checksum_trusted;
		stage->has_tx_ipv4_checksum = port->has_tx_ipv4_checksum;
		stage->has_tx_udp_checksum = port->has_tx_udp_checksum;
	}
}

static void launch_prepare_worker(struct dataplane *dataplane, uint32_t index)
{
	struct worker *worker = &dataplane->workers[index].worker;
	struct stage_context *context = &worker->context;
	struct termination_table *table = control_table(dataplane->control);

	worker->index = index;
	worker->is_adaptive = dataplane->options->is_polling_adaptive;
	worker->mirror = dataplane->mirror;
	worker->pool = dataplane->frames.forward_pool;
	worker->handoff = dataplane->frames.handoffs[index];
	worker->transmit = dataplane->frames.transmits[index];
	worker->from_kernel = index == 0 ? dataplane->frames.from_kernel : NULL;
	worker->to_kernel = dataplane->frames.to_kernel;
	worker->handoffs = dataplane->frames.handoffs;
	context->plan = &dataplane->plan;
	for (uint32_t i = 0; i < dataplane->plan.address_count; i++)
		context->indexes[i] = termination_table_index(table, i);
	context->terminations = arena_terminations(dataplane->state.arena);
	context->counters = &dataplane->state.counters->workers[index];
	context->port_count = dataplane->options->port_count;
	context->worker = index;
	context->worker_count = dataplane->options->worker_count;
	worker->sweep.terminations = context->terminations;
	worker->sweep.owners = termination_table_owners(table);
	worker->sweep.capacity = dataplane->options->termination_capacity;
	worker->sweep.worker = index;
	launch_worker_ports(dataplane, worker);
}

/* On EAL's interrupt thread, which was started with all privileges. */
static void launch_drop_privileges(void *unused)
{
	(void)unused;
	if (privilege_drop(false) != 0)
		td_log(TD_LOG_WARN, "launch: EAL's interrupt thread keeps its privileges");
}

/* On an EAL thread. */
static int launch_run_worker(void *argument)
{
	struct worker *worker = argument;
	int rc = privilege_drop(false);

	if (rc != 0)
		td_log(TD_LOG_WARN, "worker: %u: keeps its privileges: %s", worker->index,
			strerror(-rc));
	return worker_main(worker);
}

static int launch_workers(struct dataplane *dataplane)
{
	atomic_store_explicit(
		&dataplane->state.counters->tsc_hz, rte_get_tsc_hz(), memory_order_relaxed);
	dataplane->idle_mbufs = frames_taken(&dataplane->frames);
	for (uint32_t i = 0; i < dataplane->options->worker_count; i++) {
		int rc;

		launch_prepare_worker(dataplane, i);
		rc = rte_eal_remote_launch(launch_run_worker, &dataplane->workers[i].worker, i + 1);
		if (rc != 0) {
			td_log(TD_LOG_ERR, "launch: worker %u can't run: %s", i, strerror(-rc));
			return rc;
		}
		dataplane->running_count++;
	}
	return 0;
}

static int launch_all(struct dataplane *dataplane, int signals)
{
	int rc = launch_devices(dataplane);

	if (rc == 0)
		rc = launch_plan(dataplane);
	if (rc == 0)
		rc = launch_state(dataplane);
	if (rc == 0)
		rc = launch_eal(dataplane);
	if (rc != 0)
		return rc;
	urcu_qsbr_register_thread();
	dataplane->has_rcu = true;
	rc = launch_frames(dataplane);
	if (rc == 0)
		rc = launch_ports(dataplane);
	if (rc == 0)
		rc = launch_mirror(dataplane);
	if (rc == 0)
		rc = launch_control(dataplane, signals);
	if (rc == 0)
		rc = launch_workers(dataplane);
	return rc;
}

int dataplane_start(struct dataplane **ret_dataplane, const struct options *options, int signals)
{
	struct dataplane *dataplane = calloc(1, sizeof(*dataplane));
	int rc;

	if (dataplane == NULL)
		return -ENOMEM;
	dataplane->options = options;
	dataplane->state.lock = -1;
	/* whole cache lines: the rings' ends are aligned to them */
	dataplane->workers = aligned_alloc(
		TD_CACHE_LINE_BYTES, options->worker_count * sizeof(*dataplane->workers));
	if (dataplane->workers == NULL) {
		dataplane_stop(dataplane);
		return -ENOMEM;
	}
	memset(dataplane->workers, 0, options->worker_count * sizeof(*dataplane->workers));
	rc = launch_all(dataplane, signals);
	if (rc == 0) {
		(void)rte_eal_alarm_set(1, launch_drop_privileges, NULL);
		if (privilege_drop(true) != 0)
			td_log(TD_LOG_WARN, "launch: the control thread keeps its privileges");
	}
	if (rc != 0) {
		dataplane_stop(dataplane);
		return rc;
	}
	*ret_dataplane = dataplane;
	return 0;
}

struct control *dataplane_control(struct dataplane *dataplane)
{
	return dataplane->control;
}

void dataplane_stop(struct dataplane *dataplane)
{
	if (dataplane == NULL)
		return;
	for (uint32_t i = 0; i < dataplane->running_count; i++)
		/* partner: acquire load in worker_main */
		atomic_store_explicit(
			&dataplane->workers[i].worker.is_stopping, true, memory_order_release);
	if (dataplane->has_rcu)
		urcu_qsbr_thread_offline(); /* a worker's grace period may need us */
	if (dataplane->has_eal)
		rte_eal_mp_wait_lcore();
	if (dataplane->has_rcu)
		urcu_qsbr_thread_online();
	control_destroy(dataplane->control);
	mirror_destroy(dataplane->mirror);
	for (uint32_t i = 0; i < dataplane->options->port_count; i++)
		port_stop(&dataplane->ports[i]);
	if (dataplane->has_rcu)
		urcu_qsbr_unregister_thread();
	if (dataplane->has_eal) {
		char runtime_dir[PATH_MAX];

		(void)snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
		(void)rte_eal_cleanup(); /* the process ends anyway */
		eal_remove_runtime_dir(runtime_dir);
	}
	state_close(&dataplane->state);
	free(dataplane->eal_arguments);
	free(dataplane->workers);
	free(dataplane);
}
