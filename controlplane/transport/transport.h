/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP's sockets: UDP, TCP, TLS and WebSocket listeners on configured addresses, and the
 * connections that come and go. Bytes in are handed on as complete messages with the flow they
 * came by; bytes out go by a flow. Of a message it looks at no more than its length (and, once in
 * the life of a connection with a client's certificate, at its topmost Via); it never asks a name
 * server.
 *
 * One thread, that of the loop; files of keys are read by a thread of its own once the process
 * runs. The sink's functions are called from the loop only, never from inside transport_send().
 */
#ifndef TD_TRANSPORT_TRANSPORT_H
#define TD_TRANSPORT_TRANSPORT_H

#include "loop/loop.h"
#include "transaction/transaction.h"
#include "transport/counters.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRANSPORT_LISTENERS_MAX = 16,
	TRANSPORT_CERTIFICATES_MAX = 17,
	TRANSPORT_ORIGINS_MAX = 16,
	TRANSPORT_PATH_BYTES = 104,
	TRANSPORT_NAME_BYTES = 128,
	TRANSPORT_WHY_BYTES = 320,
};

struct transport_listener {
	enum sip_transport transport;
	struct td_endpoint local; /* port 0: the kernel's choice, see transport_local() */
};

enum transport_verify_client {
	TRANSPORT_VERIFY_OFF,
	TRANSPORT_VERIFY_REQUEST,
	TRANSPORT_VERIFY_REQUIRE,
};

/* Our certificates and what we ask of others'. PEM files. */
struct transport_tls {
	uint32_t certificate_count; /* the first is for peers that name none of ours */
	struct {
		char certificate_file[TRANSPORT_PATH_BYTES];
		char key_file[TRANSPORT_PATH_BYTES];
	} certificates[TRANSPORT_CERTIFICATES_MAX];
	char ca_file[TRANSPORT_PATH_BYTES]; /* empty: the system's */
	enum transport_verify_client verify_client;
	bool is_server_unverified; /* connections that we open: anybody will do */
	bool allows_wildcards;
	bool is_tls13_only;
};

/* Who may open a WebSocket. */
struct transport_websocket {
	char path[TRANSPORT_NAME_BYTES];
	uint32_t origin_count;
	char origins[TRANSPORT_ORIGINS_MAX][TRANSPORT_NAME_BYTES];
};

/* A name that a peer's certificate must have. */
struct transport_server {
	uint32_t id; /* sip_server_id() of name */
	char name[TRANSPORT_NAME_BYTES];
};

/* Zero takes the default in brackets. */
struct transport_config {
	uint32_t listener_count;
	struct transport_listener listeners[TRANSPORT_LISTENERS_MAX];
	uint32_t connections_max;	     /* [4096] */
	uint32_t connections_per_source_max; /* accepted from one address [256] */
	uint32_t output_max_bytes;	     /* waiting in one connection [256 KiB] */
	uint32_t buffers_max_bytes;	     /* waiting in all of them, both ways [64 MiB] */
	uint32_t connect_timeout_ms;	     /* handshakes included [4000] */
	uint32_t handshake_timeout_ms;	     /* accepted: TLS, and then HTTP [5000] */
	uint32_t handshakes_max;	     /* accepted and not finished at a time [256] */
	uint32_t partial_timeout_ms;	     /* from a message's first byte to its last [10000] */
	uint32_t idle_timeout_ms;	     /* without a message either way [600000] */
	uint32_t send_timeout_ms;	     /* until output is acknowledged [4000] */
	uint32_t keepalive_ms;		     /* between pings [30000]; UINT32_MAX: none */
	uint32_t udp_batch;		   /* most datagrams taken from a socket per turn [1024] */
	uint32_t udp_receive_buffer_bytes; /* [8 MiB] */
	bool is_held; /* what comes waits in the sockets until transport_listen() */
	struct transport_tls tls;
	struct transport_websocket websocket;
};

/* A message that came in. */
struct transport_message {
	struct sip_flow flow; /* connection_id set but for UDP */
	char *bytes;	      /* borrowed until the sink returns; may be written to (parser) */
	size_t length;
	uint64_t queue_delay_us; /* UDP: time it lay in the socket; others: 0 */
	bool is_stream;		 /* TCP, TLS: Content-Length has cut it; others: its frame has */
};

struct transport_sink {
	void *context;
	/* False: a stranger. Its datagrams are dropped and its connections closed, silently and
	 * counted, before a byte is looked at. NULL admits everyone. */
	bool (*admits)(void *context, const struct td_ip *source, enum sip_transport transport);
	void (*receive)(void *context, struct transport_message *message);
	/* Something sent by this flow couldn't be delivered (refused, unreachable, not
	 * acknowledged, a certificate that isn't good): for transaction_transport_failed(). */
	void (*failed)(void *context, const struct sip_flow *flow);
	/* The connection of that number has ended, for whatever reason. May be NULL. */
	void (*ended)(void *context, uint32_t connection_id);
};

struct transport;

/* What went wrong in transport_create(). */
struct transport_failure {
	uint32_t listener;	       /* index at fault; listener_count: none of them */
	char why[TRANSPORT_WHY_BYTES]; /* about certificates and keys; may be empty */
};

/* Binds all listeners and joins the loop (borrowed until destroy). An address needn't exist yet:
 * the dataplane's TAP may come later. Reads the files of keys and certificates. Errors: -EINVAL,
 * -ENOMEM, errno of socket, bind, listen, -EKEYREJECTED (a certificate or key); then *ret_failure
 * (may be NULL) says more. */
td_must_check int transport_create(struct loop *loop, const struct transport_config *config,
	const struct transport_sink *sink, struct transport **ret_transport,
	struct transport_failure *ret_failure);
/* Closes everything; waiting output is lost. NULL is allowed. */
void transport_destroy(struct transport *transport);
/* Begins to take what comes to the listeners, if it was held; sending never is. errno of
 * epoll_ctl. */
td_must_check int transport_listen(struct transport *transport);

/*
 * Sends one message. UDP: from the listener with flow->local to flow->remote. TCP and TLS: by
 * flow->connection_id if it still lives, else by any connection with flow->remote (over TLS:
 * verified for flow->server_id), else by a new one, opened from flow->local's address. WebSocket:
 * by flow->connection_id or not at all. Copies what it can't write at once. Failures are told
 * later by sink.failed, also those found at once.
 */
void transport_send(
	struct transport *transport, const struct sip_flow *flow, const char *bytes, size_t length);

/* Names that peers' certificates may be asked for; copies, replaces the list before. -ENOMEM. */
td_must_check int transport_set_servers(
	struct transport *transport, const struct transport_server *servers, uint32_t count);

/* Reads the files of keys and certificates again, with these settings (copied), in a thread of
 * its own; logs the outcome. Files that aren't good change nothing. Connections go on with what
 * they began with. websocket counts at once. -ENOMEM, errno of pthread_create. */
td_must_check int transport_reload(struct transport *transport, const struct transport_tls *tls,
	const struct transport_websocket *websocket);

/* Earliest deadline of connections (TD_NEVER: none), and what to do when it has come. */
uint64_t transport_deadline(const struct transport *transport);
void transport_advance(struct transport *transport, uint64_t now_ms);

/* Where listener index is bound. */
struct td_endpoint transport_local(const struct transport *transport, uint32_t index);

/* What a listener's socket holds now. */
struct transport_listener_status {
	enum sip_transport transport;
	struct td_endpoint local;
	uint32_t queue_bytes;  /* UDP: memory that waiting datagrams take; others: 0 */
	uint32_t buffer_bytes; /* UDP: how much they may take */
	uint32_t waiting;      /* others: connections not yet accepted */
	uint32_t waiting_max;
	uint64_t kernel_drops; /* UDP: dropped for want of room since the start */
};
/* False if there is no such listener. */
bool transport_listener_status(const struct transport *transport, uint32_t index,
	struct transport_listener_status *ret_status);

/* Connections open now. */
uint32_t transport_connection_count(const struct transport *transport);

struct transport_gauges {
	uint32_t connections[SIP_TRANSPORT_COUNT];
	uint32_t handshakes;	 /* accepted, not finished */
	uint64_t buffered_bytes; /* both ways, of all connections */
};
struct transport_gauges transport_get_gauges(const struct transport *transport);

/* A certificate of ours in use. */
struct transport_certificate {
	char file[TRANSPORT_PATH_BYTES];
	char names[TRANSPORT_NAME_BYTES]; /* comma-separated, cut if too long */
	int64_t expires_wall_s;		  /* since 1970 */
};
/* False if there is no such certificate. */
bool transport_certificate(const struct transport *transport, uint32_t index,
	struct transport_certificate *ret_certificate);
/* Why the last reload was refused; empty: it was not. Lives as long as the transport. */
const char *transport_reload_error(const struct transport *transport);

const struct transport_counters *transport_get_counters(const struct transport *transport);

#endif
