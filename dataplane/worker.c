/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poll loop, see worker.h. What a packet means is decided by the stages; here is only what
 * must be done with each verdict, and the order of work in one turn.
 */
#include "worker.h"

#include "neighbour/mirror.h"
#include "port/exception.h"
#include "stage/originate.h"

#include <tandem/counters.h>
#include <tandem/cycles.h>
#include <tandem/time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include <assert.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

enum {
	WORKER_TX_RETRIES = 3,
	WORKER_CHANGES_PER_TURN = 32,
	WORKER_DEMAND_NS = 5 * TD_NS_PER_MS, /* next hops are asked for at most so often */
	WORKER_REBASE_MS = 100,		     /* 500 ppm of NTP slew are 50 us in that time */

	/* Adaptive polling: a packet waits at most WORKER_SLEEP_MAX_NS (and the kernel's timer
	 * slack of 50 us) for an idle worker; at 50,000 packets a second that is 28 packets. */
	WORKER_IDLE_TURNS = 64,
	WORKER_SLEEP_MIN_NS = 50 * TD_NS_PER_US,
	WORKER_SLEEP_MAX_NS = 500 * TD_NS_PER_US,
};
static_assert(sizeof(struct exception_limits) <= sizeof(((struct worker *)0)->exception_full_ns),
	"room for the limits");
static_assert((int)WORKER_DPDK_PORTS_MAX == (int)RTE_MAX_ETHPORTS, "every port has an entry");

static void worker_clock_rebase(struct worker_clock *clock, uint64_t cycles)
{
	clock->base_ns = td_mono_ns(); /* vDSO, not a system call */
	clock->wall_offset_ns = td_wall_ns() - clock->base_ns;
	clock->base_cycles = cycles;
}

static void worker_clock_init(struct worker_clock *clock)
{
	uint64_t hz = rte_get_tsc_hz();

	clock->ns_per_cycle = (double)TD_NS_PER_S / (double)hz;
	clock->rebase_cycles = hz / TD_MS_PER_S * WORKER_REBASE_MS;
	clock->last_ns = 0;
	worker_clock_rebase(clock, td_cycles());
}

static uint64_t worker_clock_now(struct worker_clock *clock)
{
	uint64_t cycles = td_cycles();
	uint64_t now_ns;

	if (td_since(cycles, clock->base_cycles) > clock->rebase_cycles)
		worker_clock_rebase(clock, cycles);
	now_ns = clock->base_ns +
		 (uint64_t)((double)td_since(cycles, clock->base_cycles) * clock->ns_per_cycle);
	if (now_ns > clock->last_ns)
		clock->last_ns = now_ns;
	return clock->last_ns;
}

static void worker_count_drops(struct worker *worker, enum td_drop_reason reason, uint32_t count)
{
	td_counter_add(&worker->context.counters->drops[reason], count);
}

/* Gives frames to the device; what it doesn't take after a few tries is dropped. */
static void worker_transmit(
	struct worker *worker, uint32_t port_index, struct rte_mbuf **frames, uint32_t count)
{
	struct worker_port *port = &worker->ports[port_index];
	uint64_t bytes = 0;
	uint32_t sent = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += frames[i]->pkt_len;
	/* an af_packet device whose interface is down would block the thread */
	if (td_likely(mirror_port_is_up(worker->mirror, (uint16_t)port_index))) {
		for (uint32_t tries = 0; sent < count && tries <= WORKER_TX_RETRIES; tries++) {
			uint32_t left = count - sent;

			sent += rte_eth_tx_burst(port->dpdk_id, (uint16_t)worker->index,
				frames + sent,
				(uint16_t)(left < port->burst_max ? left : port->burst_max));
		}
	}
	for (uint32_t i = sent; i < count; i++)
		bytes -= frames[i]->pkt_len;
	if (sent < count) {
		rte_pktmbuf_free_bulk(frames + sent, count - sent);
		worker_count_drops(worker, TD_DROP_TX_FULL, count - sent);
	}
	td_counter_add(&worker->context.counters->tx_packets, sent);
	td_counter_add(&worker->context.counters->tx_bytes, bytes);
}

/* Sends what the burst left for each port, or gives it to the worker that can. */
static void worker_flush(struct worker *worker)
{
	for (uint32_t i = 0; i < worker->port_count; i++) {
		struct worker_port *port = &worker->ports[i];
		uint32_t count = port->held_count;
		uint32_t taken;

		if (count == 0)
			continue;
		port->held_count = 0;
		if (port->sender == NULL) {
			worker_transmit(worker, i, port->held, count);
			continue;
		}
		taken = rte_ring_enqueue_burst(port->sender, (void **)port->held, count, NULL);
		if (taken < count) {
			rte_pktmbuf_free_bulk(port->held + taken, count - taken);
			worker_count_drops(worker, TD_DROP_TX_FULL, count - taken);
		}
	}
}

/* Puts what the stages made of the frame back into its mbuf and holds it for its port. */
static void worker_hold(struct worker *worker, const struct packet *packet)
{
	struct worker_port *port = &worker->ports[packet->tx_port];
	struct rte_mbuf *frame = packet->handle;

	frame->data_off = (uint16_t)(packet->bytes - (uint8_t *)frame->buf_addr);
	frame->data_len = packet->length_bytes;
	frame->pkt_len = packet->length_bytes;
	frame->port = port->dpdk_id;
	frame->ol_flags = 0;
	if (packet->tx_offload != 0) {
		frame->tx_offload = rte_mbuf_tx_offload(
			packet->tx_l2_bytes, packet->tx_l3_bytes, 0, 0, 0, 0, 0);
		frame->ol_flags = (packet->tx_offload & TX_OFFLOAD_IPV4) != 0 ? RTE_MBUF_F_TX_IPV4
									      : RTE_MBUF_F_TX_IPV6;
		if ((packet->tx_offload & TX_OFFLOAD_IPV4_CHECKSUM) != 0)
			frame->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		if ((packet->tx_offload & TX_OFFLOAD_UDP_CHECKSUM) != 0)
			frame->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	}
	port->held[port->held_count++] = frame;
}

static void worker_except(struct worker *worker, struct packet *packet)
{
	struct exception_limits *limits = (void *)worker->exception_full_ns;
	struct rte_mbuf *frame = packet->handle;
	enum td_drop_reason reason = TD_DROP_EXCEPTION_LIMITED;

	if (exception_allow(limits, exception_classify(packet->bytes, packet->length_bytes),
		    worker->context.now_ns)) {
		if (rte_ring_enqueue(worker->to_kernel, frame) == 0) {
			td_counter_add(&worker->context.counters->exception_sent, 1);
			return;
		}
		reason = TD_DROP_EXCEPTION_FULL;
	}
	worker_count_drops(worker, reason, 1);
	rte_pktmbuf_free(frame);
}

static void worker_hand_off(struct worker *worker, struct packet *packet)
{
	struct rte_mbuf *frame = packet->handle;

	assert(packet->handoff_worker < worker->context.worker_count && "stages check owners");
	if (rte_ring_enqueue(worker->handoffs[packet->handoff_worker], frame) == 0) {
		td_counter_add(&worker->context.counters->handoff_sent, 1);
		return;
	}
	worker_count_drops(worker, TD_DROP_HANDOFF_FULL, 1);
	rte_pktmbuf_free(frame);
}

/* Does what the verdicts say. Drops were counted by the last stage. */
static void worker_act(struct worker *worker, struct burst *burst)
{
	struct rte_mbuf *dropped[BURST_PACKETS_MAX];
	uint32_t dropped_count = 0;

	for (uint32_t i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];

		switch ((enum packet_verdict)packet->verdict) {
		case VERDICT_TRANSMIT:
			worker_hold(worker, packet);
			break;
		case VERDICT_EXCEPTION:
			worker_except(worker, packet);
			break;
		case VERDICT_HANDOFF:
			worker_hand_off(worker, packet);
			break;
		case VERDICT_DROP:
		case VERDICT_CONTINUE:
		case VERDICT_COUNT:
			dropped[dropped_count++] = packet->handle;
			break;
		}
	}
	if (dropped_count > 0)
		rte_pktmbuf_free_bulk(dropped, dropped_count);
	worker_flush(worker);
}

static uint8_t worker_checksum(uint64_t flags, uint64_t good, uint64_t bad)
{
	/* NONE (both bits) means that the checksum is wrong, the content said to be right */
	return (flags & good) != 0  ? CHECKSUM_GOOD
	       : (flags & bad) != 0 ? CHECKSUM_BAD
				    : CHECKSUM_UNKNOWN;
}

/* Runs the pipeline over received frames (takes). */
static void worker_process(struct worker *worker, struct rte_mbuf **frames, uint32_t count)
{
	struct burst *burst = &worker->burst;

	burst->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct rte_mbuf *frame = frames[i];
		struct packet *packet = &burst->packets[burst->count];

		if (td_unlikely(frame->nb_segs != 1 && rte_pktmbuf_linearize(frame) != 0)) {
			worker_count_drops(worker, TD_DROP_TOO_BIG, 1);
			rte_pktmbuf_free(frame);
			continue;
		}
		packet_init(packet, rte_pktmbuf_mtod(frame, uint8_t *), frame->data_len,
			rte_pktmbuf_headroom(frame));
		packet->handle = frame;
		packet->rx_port = worker->port_of_dpdk[frame->port];
		if (worker->ports[packet->rx_port].has_rx_checksum) {
			packet->rx_ip_checksum = worker_checksum(frame->ol_flags,
				RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_BAD);
			packet->rx_udp_checksum = worker_checksum(frame->ol_flags,
				RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD);
		}
		burst->count++;
	}
	pipeline_run(&worker->pipeline, burst, &worker->context);
	worker_act(worker, burst);
}

static uint32_t worker_poll_ports(struct worker *worker)
{
	struct rte_mbuf *frames[BURST_PACKETS_MAX];
	uint32_t total = 0;

	for (uint32_t i = 0; i < worker->port_count; i++) {
		struct worker_port *port = &worker->ports[i];
		uint64_t bytes = 0;
		uint16_t count;

		if (!port->has_rx_queue)
			continue;
		count = rte_eth_rx_burst(
			port->dpdk_id, (uint16_t)worker->index, frames, port->burst_max);
		if (count == 0)
			continue;
		for (uint16_t j = 0; j < count; j++) {
			rte_prefetch0(rte_pktmbuf_mtod(frames[j], void *));
			bytes += frames[j]->pkt_len;
			frames[j]->port = port->dpdk_id; /* not every driver says so */
		}
		td_counter_add(&worker->context.counters->rx_packets, count);
		td_counter_add(&worker->context.counters->rx_bytes, bytes);
		worker_process(worker, frames, count);
		total += count;
	}
	return total;
}

static uint32_t worker_poll_handoff(struct worker *worker)
{
	struct rte_mbuf *frames[BURST_PACKETS_MAX];
	uint32_t count =
		rte_ring_dequeue_burst(worker->handoff, (void **)frames, BURST_PACKETS_MAX, NULL);

	if (count > 0) {
		td_counter_add(&worker->context.counters->handoff_received, count);
		worker_process(worker, frames, count);
	}
	return count;
}

/* Sends finished frames of others: of the kernel, and of workers without a queue of their own. */
static uint32_t worker_poll_finished(struct worker *worker, struct rte_ring *ring)
{
	struct rte_mbuf *frames[BURST_PACKETS_MAX];
	uint32_t count = rte_ring_dequeue_burst(ring, (void **)frames, BURST_PACKETS_MAX, NULL);

	for (uint32_t i = 0; i < count; i++) {
		struct worker_port *port = &worker->ports[worker->port_of_dpdk[frames[i]->port]];

		port->held[port->held_count++] = frames[i];
	}
	worker_flush(worker);
	return count;
}

/* termination_sweep.emit: copies an RTCP packet into a buffer; it goes out with the others. */
static void worker_send_originated(struct worker *worker)
{
	if (worker->originated.count == 0)
		return;
	pipeline_run_originated(&worker->originated, &worker->context);
	worker_act(worker, &worker->originated);
	worker->originated.count = 0;
}

static bool worker_emit(
	void *sink, struct termination *termination, const uint8_t *rtcp, uint16_t size_bytes)
{
	struct worker *worker = sink;
	struct rte_mbuf *frame = rte_pktmbuf_alloc(worker->pool);
	struct packet *packet;

	if (frame == NULL) {
		worker_count_drops(worker, TD_DROP_NO_MBUF, 1);
		return false;
	}
	if (worker->originated.count == BURST_PACKETS_MAX)
		worker_send_originated(worker);
	packet = &worker->originated.packets[worker->originated.count++];
	memcpy(rte_pktmbuf_mtod(frame, uint8_t *), rtcp, size_bytes);
	packet_originate_rtcp(packet, termination, rte_pktmbuf_mtod(frame, uint8_t *), size_bytes,
		rte_pktmbuf_headroom(frame));
	packet->handle = frame;
	return true;
}

static bool worker_notify(void *sink, const struct td_notify *event)
{
	struct worker *worker = sink;

	return td_spsc_ring_push(&worker->notifications, event);
}

static uint32_t worker_poll_changes(struct worker *worker)
{
	struct termination_change change;
	uint32_t count = 0;

	while (count < WORKER_CHANGES_PER_TURN && td_spsc_ring_pop(&worker->changes, &change)) {
		termination_change_run(&worker->sweep, &change, worker->context.now_ns);
		count++;
	}
	if (count > 0)
		td_counter_add(&worker->context.counters->commands, count);
	return count;
}

/* Tells the control thread which next hops packets are waiting for. */
static void worker_send_demand(struct worker *worker)
{
	struct fib_demand *demand = &worker->demand;

	if (demand->count == 0 ||
		td_since(worker->context.now_ns, worker->demand_sent_ns) < WORKER_DEMAND_NS)
		return;
	worker->demand_sent_ns = worker->context.now_ns;
	for (uint32_t i = 0; i < demand->count; i++) {
		struct mirror_demand one = {
			.next_hop = demand->next_hops[i], .port = demand->ports[i]};

		if (!td_spsc_ring_push(&worker->demands, &one))
			break; /* the next packet asks again */
	}
	demand->count = 0;
}

/* One turn; returns how much there was to do. */
static uint32_t worker_turn(struct worker *worker)
{
	struct stage_context *context = &worker->context;
	uint32_t work;

	context->now_ns = worker_clock_now(&worker->clock);
	context->fib = mirror_fib(worker->mirror);
	worker->sweep.wall_offset_ns = worker->clock.wall_offset_ns;
	work = worker_poll_changes(worker);
	work += worker_poll_ports(worker);
	work += worker_poll_handoff(worker);
	work += worker_poll_finished(worker, worker->transmit);
	if (worker->from_kernel != NULL) {
		uint32_t count = worker_poll_finished(worker, worker->from_kernel);

		if (count > 0)
			td_counter_add(&context->counters->exception_received, count);
		work += count;
	}
	termination_sweep_run(&worker->sweep, context->now_ns);
	work += worker->originated.count;
	worker_send_originated(worker);
	worker_send_demand(worker);
	return work;
}

/* Sleeps longer the longer nothing came; other readers' grace periods don't wait meanwhile. */
static void worker_rest(struct worker *worker, uint32_t idle_turns)
{
	uint32_t doublings = (idle_turns - WORKER_IDLE_TURNS) / 4;
	struct timespec pause = {.tv_nsec = WORKER_SLEEP_MAX_NS};

	if (doublings < 4 && WORKER_SLEEP_MIN_NS << doublings < WORKER_SLEEP_MAX_NS)
		pause.tv_nsec = WORKER_SLEEP_MIN_NS << doublings;
	if (idle_turns == WORKER_IDLE_TURNS) {
		for (uint32_t i = 0; i < worker->port_count; i++) {
			/* gives back what the device has sent; few drivers need or know it */
			if (worker->ports[i].sender == NULL)
				(void)rte_eth_tx_done_cleanup(
					worker->ports[i].dpdk_id, (uint16_t)worker->index, 0);
		}
	}
	urcu_qsbr_thread_offline();
	(void)nanosleep(&pause, NULL); /* woken early: one more empty turn */
	urcu_qsbr_thread_online();
}

static void worker_prepare(struct worker *worker)
{
	worker_clock_init(&worker->clock);
	worker->context.sweep = &worker->sweep;
	worker->context.demand = &worker->demand;
	worker->sweep.emit = worker_emit;
	worker->sweep.notify = worker_notify;
	worker->sweep.sink = worker;
}

int worker_main(void *argument)
{
	struct worker *worker = argument;
	struct td_worker_counters *counters = worker->context.counters;
	uint32_t idle_turns = 0;
	uint64_t before_cycles;

	worker_prepare(worker);
	urcu_qsbr_register_thread();
	before_cycles = td_cycles();
	/* partner: release store in launch when the process ends */
	while (!atomic_load_explicit(&worker->is_stopping, memory_order_acquire)) {
		uint32_t work;
		uint64_t after_cycles;

		work = worker_turn(worker);
		urcu_qsbr_quiescent_state();
		idle_turns = work > 0 ? 0 : idle_turns + 1;
		if (idle_turns > 0 && !worker->is_adaptive)
			rte_pause();
		else if (idle_turns >= WORKER_IDLE_TURNS)
			worker_rest(worker, idle_turns);
		after_cycles = td_cycles();
		td_counter_add(work > 0 ? &counters->busy_cycles : &counters->idle_cycles,
			td_since(after_cycles, before_cycles));
		before_cycles = after_cycles;
		td_counter_add(&counters->loops, 1);
	}
	urcu_qsbr_unregister_thread();
	return 0;
}
