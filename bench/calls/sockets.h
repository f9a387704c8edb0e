/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator's UDP sockets: one for each end of each pair. A datagram is stamped by the kernel
 * when it comes in, so that the generator's own lateness in reading it is not taken for delay of
 * the system under test.
 */
#ifndef TD_CALLS_SOCKETS_H
#define TD_CALLS_SOCKETS_H

#include "calls/call.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdint.h>
#include <sys/socket.h>

struct sockets {
	int epoll_fd;
	uint32_t pair_count;
	int fds[CALL_PAIRS_MAX][CALL_SIDES];
	/* Where each sends. */
	struct sockaddr_storage to[CALL_PAIRS_MAX][CALL_SIDES];
	socklen_t to_length[CALL_PAIRS_MAX][CALL_SIDES];
	uint64_t send_failures;
	uint32_t kernel_drops[CALL_PAIRS_MAX][CALL_SIDES];
};

/* Binds all ends. target: where every end sends to; NULL: the other end of its pair. Negative
 * errno; *ret_what then says which address. */
td_must_check int sockets_open(struct sockets *sockets, const struct call_config *config,
	const struct td_endpoint *target, const char **ret_what);
void sockets_close(struct sockets *sockets);
/* Sends; a full buffer is as good as a loss in the network. Returns the time just before. */
uint64_t sockets_send(
	struct sockets *sockets, unsigned pair, enum call_side side, struct piece message);
/* Takes a datagram that is there. Its length, 0 if there is none. */
size_t sockets_receive(struct sockets *sockets, unsigned pair, enum call_side side, char *bytes,
	uint64_t *ret_arrived_ns);
/* Has sockets_wait() tell of that descriptor too. errno of epoll_ctl. */
td_must_check int sockets_watch(struct sockets *sockets, int fd);
/* Waits until something can be read or until_ns. True if it is the watched descriptor. */
bool sockets_wait(struct sockets *sockets, uint64_t until_ns);
/* Datagrams that our own receive buffers were too small for. */
uint64_t sockets_drops(const struct sockets *sockets);

#endif
