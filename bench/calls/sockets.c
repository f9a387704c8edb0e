/* SPDX-License-Identifier: Apache-2.0 */
/* See sockets.h. */
#include "calls/sockets.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	BUFFER_BYTES = 32 << 20,
	EVENTS_MAX = 32,
	EXTRA_EVENT = 1,
};

static int open_one(const struct td_endpoint *local, int *ret_fd)
{
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(local, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int bytes = BUFFER_BYTES;
	int on = 1;

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *)&address, length) != 0)
		return -errno;
	return 0;
}

int sockets_watch(struct sockets *sockets, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = EXTRA_EVENT}};

	return epoll_ctl(sockets->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int open_end(struct sockets *sockets, const struct call_config *config,
	const struct td_endpoint *target, unsigned pair, unsigned side)
{
	const struct td_endpoint *to =
		target != NULL ? target : &config->pairs[pair].ends[side ^ 1];
	struct epoll_event event = {.events = EPOLLIN};
	int *fd = &sockets->fds[pair][side];
	int error = open_one(&config->pairs[pair].ends[side], fd);

	sockets->to_length[pair][side] = td_endpoint_to_sockaddr(to, &sockets->to[pair][side]);
	if (error == 0 && epoll_ctl(sockets->epoll_fd, EPOLL_CTL_ADD, *fd, &event) != 0)
		error = -errno;
	return error;
}

int sockets_open(struct sockets *sockets, const struct call_config *config,
	const struct td_endpoint *target, const char **ret_what)
{
	*sockets = (struct sockets){.pair_count = config->pair_count};
	memset(sockets->fds, -1, sizeof(sockets->fds));
	*ret_what = "epoll";
	sockets->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sockets->epoll_fd < 0)
		return -errno;
	for (unsigned pair = 0; pair < config->pair_count; pair++) {
		for (unsigned side = 0; side < CALL_SIDES; side++) {
			int error = open_end(sockets, config, target, pair, side);

			*ret_what = config->pairs[pair].host[side];
			if (error != 0) {
				sockets_close(sockets);
				return error;
			}
		}
	}
	return 0;
}

void sockets_close(struct sockets *sockets)
{
	for (unsigned pair = 0; pair < sockets->pair_count; pair++)
		for (unsigned side = 0; side < CALL_SIDES; side++)
			if (sockets->fds[pair][side] >= 0)
				(void)close(sockets->fds[pair][side]); /* nothing to lose */
	(void)close(sockets->epoll_fd);
}

uint64_t sockets_send(
	struct sockets *sockets, unsigned pair, enum call_side side, struct piece message)
{
	uint64_t now_ns = td_mono_ns();

	if (sendto(sockets->fds[pair][side], message.text, message.length, MSG_DONTWAIT,
		    (const struct sockaddr *)&sockets->to[pair][side],
		    sockets->to_length[pair][side]) < 0)
		sockets->send_failures++;
	return now_ns;
}

/* When the datagram came, on the monotonic clock. */
static uint64_t read_control(struct msghdr *message, uint32_t *drops)
{
	uint64_t arrived_ns = td_mono_ns();

	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
		control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level != SOL_SOCKET)
			continue;
		if (control->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec stamp;
			uint64_t stamp_ns;

			memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
			stamp_ns = (uint64_t)stamp.tv_sec * TD_NS_PER_S + (uint64_t)stamp.tv_nsec;
			arrived_ns -= td_since(td_wall_ns(), stamp_ns);
		} else if (control->cmsg_type == SO_RXQ_OVFL) {
			memcpy(drops, CMSG_DATA(control), sizeof(*drops));
		}
	}
	return arrived_ns;
}

size_t sockets_receive(struct sockets *sockets, unsigned pair, enum call_side side, char *bytes,
	uint64_t *ret_arrived_ns)
{
	union {
		struct cmsghdr first; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
	} control;
	struct iovec piece = {.iov_base = bytes, .iov_len = CALL_MESSAGE_BYTES};
	struct msghdr message = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t length = recvmsg(sockets->fds[pair][side], &message, MSG_DONTWAIT);

	if (length <= 0)
		return 0;
	*ret_arrived_ns = read_control(&message, &sockets->kernel_drops[pair][side]);
	return (size_t)length;
}

bool sockets_wait(struct sockets *sockets, uint64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now_ns = td_mono_ns();
	uint64_t wait_ns = td_since(until_ns, now_ns);
	const struct timespec timeout = {.tv_sec = (time_t)(wait_ns / TD_NS_PER_S),
		.tv_nsec = (long)(wait_ns % TD_NS_PER_S)};
	int count = epoll_pwait2(sockets->epoll_fd, events, EVENTS_MAX,
		until_ns == TD_NEVER ? NULL : &timeout, NULL);

	for (int i = 0; i < count; i++)
		if (events[i].data.u64 == EXTRA_EVENT)
			return true;
	return false;
}

uint64_t sockets_drops(const struct sockets *sockets)
{
	uint64_t drops = 0;

	for (unsigned pair = 0; pair < sockets->pair_count; pair++)
		for (unsigned side = 0; side < CALL_SIDES; side++)
			drops += sockets->kernel_drops[pair][side];
	return drops;
}
