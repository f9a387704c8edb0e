/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP's sockets: UDP and TCP listeners on configured addresses, and the connections that come
 * and go. Bytes in are handed on as complete messages with the flow they came by; bytes out go by
 * a flow. It never parses more than a message's length and never asks a name server.
 *
 * One thread, that of the loop. The sink's functions are called from the loop only, never from
 * inside transport_send().
 */
#ifndef TD_TRANSPORT_TRANSPORT_H
#define TD_TRANSPORT_TRANSPORT_H

#include "loop/loop.h"
#include "transaction/transaction.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRANSPORT_LISTENERS_MAX = 16
};

struct transport_listener {
	enum sip_transport transport; /* UDP or TCP */
	struct td_endpoint local;     /* port 0: the kernel's choice, see transport_local() */
};

/* Zero takes the default in brackets. */
struct transport_config {
	uint32_t listener_count;
	struct transport_listener listeners[TRANSPORT_LISTENERS_MAX];
	uint32_t connections_max;	     /* [4096] */
	uint32_t connections_per_source_max; /* accepted from one address [256] */
	uint32_t output_max_bytes;	     /* waiting in one connection [256 KiB] */
	uint32_t connect_timeout_ms;	     /* [4000] */
	uint32_t partial_timeout_ms;	     /* from a message's first byte to its last [10000] */
	uint32_t idle_timeout_ms;	     /* without a byte either way [600000] */
	uint32_t udp_batch;		     /* datagrams taken from a socket per turn [64] */
	uint32_t udp_receive_buffer_bytes;   /* [8 MiB] */
	bool is_held; /* what comes waits in the sockets until transport_listen() */
};

/* A message that came in. */
struct transport_message {
	struct sip_flow flow; /* connection_id set for TCP */
	char *bytes;	      /* borrowed until the sink returns; may be written to (parser) */
	size_t length;
	uint64_t queue_delay_us; /* UDP: time it lay in the socket; TCP: 0 */
	bool is_stream;
};

struct transport_sink {
	void *context;
	/* False: a stranger. Its datagrams are dropped and its connections closed, silently and
	 * counted, before a byte is looked at. NULL admits everyone. */
	bool (*admits)(void *context, const struct td_ip *source, enum sip_transport transport);
	void (*receive)(void *context, struct transport_message *message);
	/* Something sent by this flow couldn't be delivered (refused, unreachable, closed with
	 * output waiting): for transaction_transport_failed(). */
	void (*failed)(void *context, const struct sip_flow *flow);
};

struct transport;

/* Binds all listeners and joins the loop (borrowed until destroy). An address needn't exist yet:
 * the dataplane's TAP may come later. Errors: -EINVAL, -ENOMEM, errno of socket, bind, listen;
 * then *ret_failed_listener (may be NULL) is the index at fault. */
td_must_check int transport_create(struct loop *loop, const struct transport_config *config,
	const struct transport_sink *sink, struct transport **ret_transport,
	uint32_t *ret_failed_listener);
/* Closes everything; waiting output is lost. NULL is allowed. */
void transport_destroy(struct transport *transport);
/* Begins to take what comes to the listeners, if it was held; sending never is. errno of
 * epoll_ctl. */
td_must_check int transport_listen(struct transport *transport);

/*
 * Sends one message. UDP: from the listener with flow->local to flow->remote. TCP: by
 * flow->connection_id if it still lives, else by any connection with flow->remote, else by a new
 * one, opened from flow->local's address. Copies what it can't write at once. Failures are told
 * later by sink.failed, also those found at once.
 */
void transport_send(
	struct transport *transport, const struct sip_flow *flow, const char *bytes, size_t length);

/* Earliest deadline of connections (TD_NEVER: none), and what to do when it has come. */
uint64_t transport_deadline(const struct transport *transport);
void transport_advance(struct transport *transport, uint64_t now_ms);

/* Where listener index is bound. */
struct td_endpoint transport_local(const struct transport *transport, uint32_t index);
/* Connections open now. */
uint32_t transport_connection_count(const struct transport *transport);

/* X(name, help) */
#define TRANSPORT_COUNTERS(X)                                                                      \
	X(udp_received, "SIP datagrams received")                                                  \
	X(udp_received_bytes, "bytes of those datagrams")                                          \
	X(udp_sent, "SIP datagrams sent")                                                          \
	X(udp_sent_bytes, "bytes of those datagrams")                                              \
	X(udp_keepalives, "datagrams without a message (CRLF, STUN-like)")                         \
	X(udp_kernel_drops, "datagrams the kernel dropped because the receive buffer was full")    \
	X(udp_truncated, "datagrams longer than the largest message")                              \
	X(udp_send_full, "datagrams not sent because the send buffer was full")                    \
	X(udp_send_failed, "datagrams that could not be sent")                                     \
	X(udp_unreachable, "ICMP errors about datagrams sent")                                     \
	X(strangers, "datagrams and connections from addresses that no trunk claims")              \
	X(tcp_accepted, "connections accepted")                                                    \
	X(tcp_opened, "connections opened")                                                        \
	X(tcp_open_failed, "connections that could not be opened")                                 \
	X(tcp_closed, "connections ended, for whatever reason")                                    \
	X(tcp_received, "messages received by TCP")                                                \
	X(tcp_received_bytes, "bytes received by TCP")                                             \
	X(tcp_sent, "messages sent or queued by TCP")                                              \
	X(tcp_keepalives, "CRLF keep-alives answered")                                             \
	X(tcp_malformed, "connections closed because the stream held no message")                  \
	X(tcp_refused_source, "connections refused because their source had too many")             \
	X(tcp_refused_full, "connections refused because the table or the descriptors were spent") \
	X(tcp_partial_timeouts, "connections closed because a message did not end in time")        \
	X(tcp_idle_timeouts, "connections closed because nothing was sent or received")            \
	X(tcp_connect_timeouts, "connections not established in time")                             \
	X(tcp_output_overflows, "connections closed because their peer did not read")              \
	X(failures_lost, "failures not told because too many came at once")

struct transport_counters {
#define TRANSPORT_COUNTER_FIELD(name, help) uint64_t name;
	TRANSPORT_COUNTERS(TRANSPORT_COUNTER_FIELD)
#undef TRANSPORT_COUNTER_FIELD
};
const struct transport_counters *transport_get_counters(const struct transport *transport);

#endif
