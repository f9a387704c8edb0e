/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The netlink socket and the limit on requests, see asker.h.
 */
#include "neighbour/asker.h"

#include <tandem/time.h>

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	ASKER_RECEIVE_BUFFER_BYTES = 4 << 20,
};

bool asker_may_ask(
	struct asker *asker, uint16_t port, const struct td_ip *next_hop, uint64_t now_ms)
{
	struct asker_entry *entry = NULL;

	for (uint32_t i = 0; i < ASKER_ENTRIES && entry == NULL; i++) {
		if (asker->entries[i].port == port && td_ip_equal(&asker->entries[i].ip, next_hop))
			entry = &asker->entries[i];
	}
	if (entry != NULL && td_since(now_ms, entry->asked_ms) < ASKER_INTERVAL_MS)
		return false;
	if (entry == NULL)
		entry = &asker->entries[asker->next++ % ASKER_ENTRIES];
	entry->port = port;
	entry->ip = *next_hop;
	entry->asked_ms = now_ms;
	return true;
}

int asker_open_socket(uint32_t patience_ms)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
			     RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	struct timeval patience = {.tv_sec = patience_ms / TD_MS_PER_S};
	int size_bytes = ASKER_RECEIVE_BUFFER_BYTES;
	int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int rc;

	if (descriptor < 0)
		return -errno;
	/* a smaller buffer only means more full dumps */
	if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size_bytes, sizeof(size_bytes)) !=
		0)
		(void)setsockopt(
			descriptor, SOL_SOCKET, SO_RCVBUF, &size_bytes, sizeof(size_bytes));
	if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
		bind(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
		rc = -errno;
		(void)close(descriptor);
		return rc;
	}
	return descriptor;
}
