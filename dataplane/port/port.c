/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configures NICs, see port.h. Every capability is asked for before it is used, because the
 * drivers from af_packet to mlx5 have nothing in common but the interface.
 */
#include "port/port.h"

#include "port/steering.h"
#include "port/tap.h"

#include <tandem/log.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	PORT_BURST_MAX = 32,
	PORT_RX_CHECKSUMS = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM,
};

/* Hash on the UDP destination port alone, and nothing that the device can't do. */
static uint64_t port_steering_types(const struct rte_eth_dev_info *device)
{
	uint64_t types = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

	return device->flow_type_rss_offloads & types;
}

static void port_choose(
	struct port *port, const struct rte_eth_dev_info *device, struct rte_eth_conf *conf)
{
	uint64_t rx = device->rx_offload_capa;
	uint64_t tx = device->tx_offload_capa;

	port->has_rx_checksum = (rx & PORT_RX_CHECKSUMS) == PORT_RX_CHECKSUMS;
	port->has_tx_ipv4_checksum = (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
	port->has_tx_udp_checksum = (tx & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
	if (port->has_rx_checksum)
		conf->rxmode.offloads |= PORT_RX_CHECKSUMS;
	if (port->has_tx_ipv4_checksum)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	if (port->has_tx_udp_checksum)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	conf->rxmode.mtu = port->mtu_bytes;
}

/* Tries to make the device deliver each media port to its owner. Without it the workers hand
 * packets over in software. */
static bool port_steer(struct port *port, const struct rte_eth_dev_info *device)
{
	struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	uint8_t key[STEERING_KEY_MAX_BYTES];
	struct rte_eth_rss_conf rss = {.rss_key = key,
		.rss_key_len = device->hash_key_size,
		.rss_hf = port_steering_types(device) | RTE_ETH_RSS_L4_DST_ONLY};

	if (port->rx_queue_count < 2 || port_steering_types(device) == 0 ||
		device->hash_key_size == 0 || device->hash_key_size > sizeof(key) ||
		device->reta_size < STEERING_TABLE_ENTRIES ||
		device->reta_size > RTE_ETH_RSS_RETA_SIZE_512)
		return false;
	steering_write_key(key, device->hash_key_size);
	if (rte_eth_dev_rss_hash_update(port->dpdk_id, &rss) != 0)
		return false;
	memset(table, 0, sizeof(table));
	for (uint32_t i = 0; i < device->reta_size; i++) {
		table[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			steering_queue(i % STEERING_TABLE_ENTRIES, port->rx_queue_count);
	}
	return rte_eth_dev_rss_reta_update(port->dpdk_id, table, device->reta_size) == 0;
}

static int port_setup_queues(struct port *port, const struct rte_eth_dev_info *device,
	const struct rte_eth_conf *conf, struct rte_mempool *pool)
{
	int socket_id = rte_eth_dev_socket_id(port->dpdk_id);
	struct rte_eth_rxconf rx = device->default_rxconf;
	struct rte_eth_txconf tx = device->default_txconf;
	uint16_t rx_descriptors = PORT_DESCRIPTORS;
	uint16_t tx_descriptors = PORT_DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_id, &rx_descriptors, &tx_descriptors);

	rx.offloads = conf->rxmode.offloads;
	tx.offloads = conf->txmode.offloads;
	for (uint16_t i = 0; rc == 0 && i < port->rx_queue_count; i++)
		rc = rte_eth_rx_queue_setup(
			port->dpdk_id, i, rx_descriptors, (unsigned)socket_id, &rx, pool);
	for (uint16_t i = 0; rc == 0 && i < port->tx_queue_count; i++)
		rc = rte_eth_tx_queue_setup(
			port->dpdk_id, i, tx_descriptors, (unsigned)socket_id, &tx);
	return rc;
}

static uint16_t port_least(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

int port_configure(struct port *port, uint16_t queues_max, struct rte_mempool *pool)
{
	struct rte_eth_conf conf;
	struct rte_eth_dev_info device;
	struct rte_ether_addr mac;
	int rc = rte_eth_dev_get_port_by_name(port->device.name, &port->dpdk_id);

	port->tap_descriptor = -1;
	if (rc == 0)
		rc = rte_eth_dev_info_get(port->dpdk_id, &device);
	if (rc != 0) {
		td_log(TD_LOG_ERR, "port: %s: device %s isn't there (%s)", port->name,
			port->device.name, strerror(-rc));
		return rc;
	}
	memset(&conf, 0, sizeof(conf));
	port->rx_queue_count = port_least(queues_max, device.max_rx_queues);
	port->tx_queue_count = port_least(queues_max, device.max_tx_queues);
	port->burst_max = PORT_BURST_MAX;
	if (port->device.frame_count != 0 && port->device.frame_count < port->burst_max)
		port->burst_max = port->device.frame_count;
	port_choose(port, &device, &conf);
	if (port->rx_queue_count > 1 && port_steering_types(&device) != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = port_steering_types(&device);
	}
	rc = rte_eth_dev_configure(
		port->dpdk_id, port->rx_queue_count, port->tx_queue_count, &conf);
	if (rc == 0)
		rc = rte_eth_dev_info_get(
			port->dpdk_id, &device); /* the table's size is known now */
	if (rc == 0)
		rc = port_setup_queues(port, &device, &conf, pool);
	if (rc == 0)
		rc = rte_eth_macaddr_get(port->dpdk_id, &mac);
	if (rc != 0) {
		td_log(TD_LOG_ERR,
			"port: %s: can't be configured (rx_queues=%u tx_queues=%u mtu=%u): %s",
			port->name, port->rx_queue_count, port->tx_queue_count, port->mtu_bytes,
			strerror(-rc));
		return rc;
	}
	memcpy(port->mac, &mac, sizeof(port->mac));
	return 0;
}

int port_start(struct port *port)
{
	struct rte_eth_dev_info device;
	int rc = rte_eth_dev_set_mtu(port->dpdk_id, port->mtu_bytes);

	if (rc != 0 && rc != -ENOTSUP)
		td_log(TD_LOG_WARN, "port: %s: MTU %u refused (%s), went on", port->name,
			port->mtu_bytes, strerror(-rc));
	rc = rte_eth_dev_start(port->dpdk_id);
	if (rc != 0) {
		td_log(TD_LOG_ERR, "port: %s: can't be started: %s", port->name, strerror(-rc));
		return rc;
	}
	port->is_started = true;
	if (rte_eth_dev_info_get(port->dpdk_id, &device) == 0)
		port->is_steered = port_steer(port, &device);
	rc = rte_eth_promiscuous_enable(port->dpdk_id);
	if (rc != 0 && rc != -ENOTSUP)
		td_log(TD_LOG_WARN, "port: %s: not promiscuous (%s), went on", port->name,
			strerror(-rc));
	if (port->tap_name[0] != '\0') {
		rc = tap_open(port->tap_name, port->mac, port->mtu_bytes);
		if (rc < 0) {
			td_log(TD_LOG_ERR, "port: %s: TAP %s can't be opened: %s", port->name,
				port->tap_name, strerror(-rc));
			return rc;
		}
		port->tap_descriptor = rc;
	}
	td_log(TD_LOG_INFO,
		"port: %s: started (device=%s rx_queues=%u tx_queues=%u mtu=%u vlan=%u tap=%s "
		"steered=%d rx_checksum=%d tx_udp_checksum=%d)",
		port->name, port->device.name, port->rx_queue_count, port->tx_queue_count,
		port->mtu_bytes, port->vlan_id, port->tap_name[0] == '\0' ? "-" : port->tap_name,
		port->is_steered, port->has_rx_checksum, port->has_tx_udp_checksum);
	return 0;
}

void port_stop(struct port *port)
{
	if (port->tap_descriptor >= 0)
		(void)close(port->tap_descriptor);
	port->tap_descriptor = -1;
	if (!port->is_started)
		return;
	port->is_started = false;
	/* at the end nothing can be done about a device that doesn't stop */
	(void)rte_eth_dev_stop(port->dpdk_id);
	(void)rte_eth_dev_close(port->dpdk_id);
}
