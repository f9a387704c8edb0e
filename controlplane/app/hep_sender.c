/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of a turn go out by one system call, as far as they fit into one buffer.
 */
#include "app/hep_sender.h"

#include "trace/hep.h"
#include "trace/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BATCH_PACKETS = 32,
	BATCH_BYTES = 2 * HEP_PACKET_MAX_BYTES, /* a packet of any size fits behind a small one */
	SEND_BUFFER_BYTES = 1 << 20,
	RUN_PACKETS_MAX = 2048, /* of one turn: more wait for the next */
};

struct hep_sender {
	int fd;
	const struct trace *trace;
	struct hep_options options;
	uint64_t cursor;
	struct hep_sender_counters counters;
	unsigned count; /* packets in the batch */
	size_t used_bytes;
	struct iovec pieces[BATCH_PACKETS];
	uint8_t bytes[BATCH_BYTES];
};

static int connect_to(int fd, const struct td_endpoint *collector)
{
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(collector->port)};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(collector->port)};

	if (collector->ip.family == TD_FAMILY_IPV6) {
		memcpy(&ipv6.sin6_addr, collector->ip.bytes, sizeof(ipv6.sin6_addr));
		return connect(fd, (const struct sockaddr *)(const void *)&ipv6, sizeof(ipv6));
	}
	memcpy(&ipv4.sin_addr, collector->ip.bytes, sizeof(ipv4.sin_addr));
	return connect(fd, (const struct sockaddr *)(const void *)&ipv4, sizeof(ipv4));
}

int hep_sender_create(const struct hep_sender_config *config, struct hep_sender **ret_sender)
{
	const int size_bytes = SEND_BUFFER_BYTES;
	struct hep_sender *sender = calloc(1, sizeof(*sender));
	struct trace_entry entry;
	int result;

	if (sender == NULL)
		return -ENOMEM;
	sender->trace = config->trace;
	sender->options.capture_id = config->capture_id;
	sender->options.password = config->password;
	sender->fd = socket(config->collector->ip.family == TD_FAMILY_IPV6 ? AF_INET6 : AF_INET,
		SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sender->fd < 0) {
		result = -errno;
		free(sender);
		return result;
	}
	if (connect_to(sender->fd, config->collector) != 0) {
		result = -errno;
		hep_sender_destroy(sender);
		return result;
	}
	/* Without it more is dropped, and counted. */
	(void)setsockopt(sender->fd, SOL_SOCKET, SO_SNDBUF, &size_bytes, sizeof(size_bytes));
	(void)trace_read_next(sender->trace, &sender->cursor, &sender->counters.overwritten_bytes,
		&entry); /* sets the cursor: there is nothing to be read yet */
	*ret_sender = sender;
	return 0;
}

void hep_sender_destroy(struct hep_sender *sender)
{
	if (sender == NULL)
		return;
	(void)close(sender->fd); /* a datagram socket holds nothing back */
	free(sender);
}

/* Counts a packet that couldn't go. ECONNREFUSED speaks of an earlier one; this one is lost too. */
static void count_failure(struct hep_sender *sender, int error)
{
	if (error == EAGAIN || error == ENOBUFS)
		sender->counters.dropped_full++;
	else
		sender->counters.dropped_error++;
}

static void send_batch(struct hep_sender *sender)
{
	struct mmsghdr headers[BATCH_PACKETS] = {0};
	unsigned at = 0;

	for (unsigned i = 0; i < sender->count; i++) {
		headers[i].msg_hdr.msg_iov = &sender->pieces[i];
		headers[i].msg_hdr.msg_iovlen = 1;
	}
	while (at < sender->count) {
		int sent = sendmmsg(sender->fd, headers + at, sender->count - at, MSG_NOSIGNAL);

		if (sent <= 0) {
			count_failure(sender, errno);
			at++;
			continue;
		}
		for (int i = 0; i < sent; i++)
			sender->counters.sent_bytes += sender->pieces[at + (unsigned)i].iov_len;
		sender->counters.sent += (uint64_t)sent;
		at += (unsigned)sent;
	}
	sender->count = 0;
	sender->used_bytes = 0;
}

static void add_packet(struct hep_sender *sender, const struct trace_entry *entry)
{
	uint8_t *at = sender->bytes + sender->used_bytes;
	int length = hep_encode(at, BATCH_BYTES - sender->used_bytes, &sender->options, entry);

	if (length == -EMSGSIZE && sender->used_bytes != 0) {
		send_batch(sender);
		at = sender->bytes;
		length = hep_encode(at, BATCH_BYTES, &sender->options, entry);
	}
	if (length < 0) {
		sender->counters.dropped_too_long += length == -EMSGSIZE;
		return;
	}
	sender->pieces[sender->count++] = (struct iovec){at, (size_t)length};
	sender->used_bytes += (size_t)length;
	if (sender->count == BATCH_PACKETS)
		send_batch(sender);
}

void hep_sender_run(struct hep_sender *sender)
{
	struct trace_entry entry;

	if (sender == NULL)
		return;
	for (unsigned i = 0; i < RUN_PACKETS_MAX; i++) {
		if (!trace_read_next(sender->trace, &sender->cursor,
			    &sender->counters.overwritten_bytes, &entry))
			break;
		if (entry.direction != TRACE_EVENT)
			add_packet(sender, &entry);
	}
	if (sender->count != 0)
		send_batch(sender);
}

struct hep_sender_counters hep_sender_get_counters(const struct hep_sender *sender)
{
	return sender->counters;
}
