/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools and rings, see frames.h. Frames from the kernel have a pool of their own, so that no
 * flood on the ports can keep signalling from leaving.
 */
#include "frames.h"

#include "port/port.h"
#include "worker.h"

#include <tandem/log.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdio.h>

enum {
	FRAMES_CACHE = 256, /* of each lcore */
	FRAMES_EXCEPTION = 4095,
	FRAMES_BYTES = RTE_MBUF_DEFAULT_BUF_SIZE, /* headroom and an MTU of 1500 */
	FRAMES_ETHERNET_BYTES = 14 + 4 + 4,	  /* header, tag, checksum */
};

static uint32_t frames_count(const struct frames_config *config)
{
	return 2u * PORT_DESCRIPTORS * config->queue_count +
	       WORKER_RING_FRAMES * (2 * config->worker_count + 2) +
	       FRAMES_CACHE * 2 * (config->worker_count + 1);
}

static int frames_create_pools(struct frames *frames, const struct frames_config *config)
{
	uint32_t count = frames_count(config);
	uint32_t all = count + FRAMES_EXCEPTION;
	uint16_t bytes =
		(uint16_t)(config->mtu_bytes + FRAMES_ETHERNET_BYTES + RTE_PKTMBUF_HEADROOM);

	if (bytes < FRAMES_BYTES)
		bytes = FRAMES_BYTES;
	frames->forward_pool =
		rte_pktmbuf_pool_create("forward", count, FRAMES_CACHE, 0, bytes, SOCKET_ID_ANY);
	frames->exception_pool = rte_pktmbuf_pool_create(
		"exception", FRAMES_EXCEPTION, FRAMES_CACHE, 0, bytes, SOCKET_ID_ANY);
	if (frames->forward_pool != NULL && frames->exception_pool != NULL)
		return 0;
	td_log(TD_LOG_ERR,
		"launch: no memory for %u frames of %u bytes, give at least --memory-mb %u: %s",
		all, bytes, all / 1024 * (bytes + 256u) / 1024 + 32, rte_strerror(rte_errno));
	return -ENOMEM;
}

static struct rte_ring *frames_create_ring(const char *purpose, uint32_t index, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	(void)snprintf(name, sizeof(name), "%s-%u", purpose, index);
	return rte_ring_create(name, WORKER_RING_FRAMES, SOCKET_ID_ANY, flags | RING_F_SC_DEQ);
}

static int frames_create_rings(struct frames *frames, uint32_t worker_count)
{
	bool has_all = true;

	frames->to_kernel = frames_create_ring("to-kernel", 0, 0);
	frames->from_kernel = frames_create_ring("from-kernel", 0, RING_F_SP_ENQ);
	for (uint32_t i = 0; i < worker_count; i++) {
		frames->handoffs[i] = frames_create_ring("handoff", i, 0);
		frames->transmits[i] = frames_create_ring("transmit", i, 0);
		has_all = has_all && frames->handoffs[i] != NULL && frames->transmits[i] != NULL;
	}
	if (has_all && frames->to_kernel != NULL && frames->from_kernel != NULL)
		return 0;
	td_log(TD_LOG_ERR, "launch: no memory for rings: %s", rte_strerror(rte_errno));
	return -ENOMEM;
}

int frames_create(struct frames *ret_frames, const struct frames_config *config)
{
	struct frames frames = {0};
	int rc = frames_create_pools(&frames, config);

	if (rc == 0)
		rc = frames_create_rings(&frames, config->worker_count);
	if (rc == 0)
		*ret_frames = frames;
	return rc;
}

uint32_t frames_taken(const struct frames *frames)
{
	return rte_mempool_in_use_count(frames->forward_pool) +
	       rte_mempool_in_use_count(frames->exception_pool);
}
