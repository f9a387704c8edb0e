/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams. One socket per configured address, so that answers leave from where they were asked.
 * A socket is drained up to a batch per turn; more waits, so that TCP and timers get their share.
 */
#include "sip/message.h"
#include "transport/stun.h"
#include "transport/transport_state.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	UDP_SLICE_US = 4000, /* of a turn, for one socket */
	UDP_LOOK_EVERY = 16, /* datagrams between two looks at the clock */
};

/* What the kernel says besides the bytes. */
struct datagram_facts {
	struct td_endpoint source;
	uint64_t queue_delay_us;
	bool is_truncated;
};

static void set_option(int fd, int level, int name)
{
	int on = 1;

	(void)setsockopt(fd, level, name, &on, sizeof(on)); /* optional: we do without */
}

static void read_control(
	struct listener *listener, struct msghdr *message, struct datagram_facts *facts)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
		control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level != SOL_SOCKET)
			continue;
		if (control->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec stamp;
			td_ns_t stamp_ns;

			memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
			stamp_ns = (td_ns_t)stamp.tv_sec * TD_NS_PER_S + (td_ns_t)stamp.tv_nsec;
			facts->queue_delay_us = td_since(td_wall_ns(), stamp_ns) / TD_NS_PER_US;
		} else if (control->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;

			memcpy(&drops, CMSG_DATA(control), sizeof(drops));
			listener->transport->counters.udp_kernel_drops +=
				drops - listener->kernel_drops;
			listener->all_kernel_drops += drops - listener->kernel_drops;
			listener->kernel_drops = drops;
		}
	}
}

/* Takes one datagram. Returns its length or a negative errno. */
static ssize_t receive_one(struct listener *listener, char *bytes, struct datagram_facts *facts)
{
	/* Aligned for struct cmsghdr. */
	union {
		struct cmsghdr first;
		char bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
	} control;
	struct sockaddr_storage from;
	struct iovec piece = {.iov_base = bytes, .iov_len = SIP_MESSAGE_MAX_BYTES};
	struct msghdr message = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t length = recvmsg(listener->fd, &message, MSG_DONTWAIT);

	if (length < 0)
		return -errno;
	memset(facts, 0, sizeof(*facts));
	facts->source = td_endpoint_from_sockaddr(&from);
	facts->is_truncated = (message.msg_flags & MSG_TRUNC) != 0;
	read_control(listener, &message, facts);
	return length;
}

static bool is_blank(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '\0')
			return false;
	}
	return true;
}

/* RFC 5626 4.4.2: phones behind NAT learn their address and keep it. Answered like any request:
 * to where it came from, and only to those who may speak at all. */
static void answer_stun(
	struct listener *listener, size_t length, const struct datagram_facts *facts)
{
	struct transport_counters *counters = &listener->transport->counters;
	const struct sip_flow flow = {
		.local = listener->local, .remote = facts->source, .transport = SIP_TRANSPORT_UDP};
	uint8_t response[STUN_RESPONSE_MAX_BYTES];
	size_t response_length = stun_answer(
		(const uint8_t *)listener->transport->datagram, length, &facts->source, response);

	if (response_length == 0) {
		counters->udp_stun_ignored++;
		return;
	}
	counters->udp_stun_answered++;
	udp_send(listener, &flow, (const char *)response, response_length);
}

static void deliver(struct listener *listener, size_t length, const struct datagram_facts *facts)
{
	struct transport *transport = listener->transport;
	struct transport_message message = {.bytes = transport->datagram,
		.length = length,
		.queue_delay_us = facts->queue_delay_us};

	transport->counters.udp_received++;
	transport->counters.udp_received_bytes += length;
	if (facts->source.ip.family == TD_FAMILY_NONE || facts->source.port == 0)
		return;
	if (!transport_admits(transport, &facts->source.ip, SIP_TRANSPORT_UDP))
		return;
	if (facts->is_truncated) {
		transport->counters.udp_truncated++;
		return;
	}
	if (stun_is_message((const uint8_t *)message.bytes, length)) {
		answer_stun(listener, length, facts);
		return;
	}
	/* Keep-alives of phones that hold a NAT's door open; no answer is due. */
	if (is_blank(message.bytes, length)) {
		transport->counters.udp_keepalives++;
		return;
	}
	message.flow.local = listener->local;
	message.flow.remote = facts->source;
	message.flow.transport = SIP_TRANSPORT_UDP;
	transport->sink.receive(transport->sink.context, &message);
}

/* Reads what ICMP said of datagrams we sent (RFC 3261 18.4: unreachable is a failure). */
static void drain_errors(struct listener *listener)
{
	struct transport *transport = listener->transport;
	union {
		struct cmsghdr first;
		char bytes[256];
	} control;
	struct sockaddr_storage to;
	char quoted[64];
	struct iovec piece = {.iov_base = quoted, .iov_len = sizeof(quoted)};

	for (uint32_t i = 0; i < transport->config.udp_batch; i++) {
		struct sip_flow flow = {.local = listener->local, .transport = SIP_TRANSPORT_UDP};
		struct msghdr message = {.msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = &piece,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes)};

		if (recvmsg(listener->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		flow.remote = td_endpoint_from_sockaddr(&to);
		transport->counters.udp_unreachable++;
		if (flow.remote.ip.family != TD_FAMILY_NONE)
			transport_note_failure(transport, &flow);
	}
}

static void udp_ready(void *context, uint32_t ready)
{
	struct listener *listener = context;
	struct transport *transport = listener->transport;
	td_ns_t begin_ns = td_mono_ns();

	if ((ready & LOOP_ERROR) != 0)
		drain_errors(listener);
	for (uint32_t i = 0; i < transport->config.udp_batch; i++) {
		struct datagram_facts facts;
		ssize_t length;

		if (i % UDP_LOOK_EVERY == UDP_LOOK_EVERY - 1 &&
			td_since(td_mono_ns(), begin_ns) > UDP_SLICE_US * TD_NS_PER_US)
			return; /* more waits; what hangs on other sockets has its turn */
		length = receive_one(listener, transport->datagram, &facts);

		if (length == -EAGAIN || length == -EWOULDBLOCK)
			return;
		if (length < 0) { /* an ICMP error that the queue tells more of */
			drain_errors(listener);
			continue;
		}
		deliver(listener, (size_t)length, &facts);
	}
}

static void set_buffers(const struct listener *listener)
{
	int bytes = (int)listener->transport->config.udp_receive_buffer_bytes;

	/* Beyond net.core.rmem_max only with CAP_NET_ADMIN; else as much as one may. */
	if (setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(listener->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(listener->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int udp_open(struct listener *listener)
{
	bool is_ipv6 = listener->local.ip.family == TD_FAMILY_IPV6;
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(&listener->local, &address);

	listener->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return -errno;
	set_buffers(listener);
	set_option(listener->fd, SOL_SOCKET, SO_TIMESTAMPNS);
	set_option(listener->fd, SOL_SOCKET, SO_RXQ_OVFL);
	set_option(listener->fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
		is_ipv6 ? IPV6_RECVERR : IP_RECVERR);
	set_option(listener->fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
		is_ipv6 ? IPV6_FREEBIND : IP_FREEBIND);
	if (is_ipv6)
		set_option(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(listener->fd, (struct sockaddr *)&address, length) != 0)
		return -errno;
	return loop_add(listener->transport->loop, listener->fd,
		transport_interest(listener->transport), udp_ready, listener);
}

void udp_send(
	struct listener *listener, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct transport_counters *counters = &listener->transport->counters;
	struct sockaddr_storage to;
	socklen_t to_length = td_endpoint_to_sockaddr(&flow->remote, &to);
	ssize_t sent = sendto(
		listener->fd, bytes, length, MSG_DONTWAIT, (struct sockaddr *)&to, to_length);

	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
		/* It may be the answer to an earlier datagram to somebody else. */
		drain_errors(listener);
		sent = sendto(listener->fd, bytes, length, MSG_DONTWAIT, (struct sockaddr *)&to,
			to_length);
	}
	if (sent >= 0) {
		counters->udp_sent++;
		counters->udp_sent_bytes += length;
	} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
		counters->udp_send_full++; /* as if lost in the network: retransmitted */
	} else {
		counters->udp_send_failed++;
		transport_note_failure(listener->transport, flow);
	}
}
