/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of transport/ share. Internal to transport/. */
#ifndef TD_TRANSPORT_TRANSPORT_STATE_H
#define TD_TRANSPORT_TRANSPORT_STATE_H

#include "transport/transport.h"
#include "util/slab.h"
#include "util/table.h"
#include "util/wheel.h"

#include <tandem/log.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct keyring;
struct keyring_loader;
struct tls_peers;
struct websocket;
struct ssl_st;

enum {
	TRANSPORT_FAILURES_MAX = 256, /* told per turn; more are counted */
};

/* Where a connection stands in its life. */
enum connection_state {
	CONNECTION_CONNECTING, /* TCP */
	CONNECTION_HANDSHAKE,  /* TLS */
	CONNECTION_UPGRADE,    /* WebSocket: the HTTP request is awaited */
	CONNECTION_IDLE,       /* open, no message half received */
	CONNECTION_PARTIAL,    /* open, part of a message is here */
	CONNECTION_CLOSING,    /* what waits goes out, then it ends, with or without the peer */
	CONNECTION_STATE_COUNT
};

/* How far the keep-alive of a connection has come (RFC 5626 3.5.1). */
enum connection_ping {
	PING_PAUSE,   /* until the next */
	PING_AWAITED, /* its answer */
};

/* An address that connections come from. */
struct source {
	struct table_node node; /* key: ip */
	struct td_ip ip;
	uint32_t connections;
	uint32_t handshakes;
};

/* Bytes that wait. */
struct buffer {
	char *bytes;	/* owns; NULL while nothing is waiting */
	uint32_t start; /* first byte not yet taken */
	uint32_t used;
	uint32_t size;
};

struct connection_timer {
	struct wheel_timer timer;
	struct connection *connection;
};

struct connection {
	struct transport *transport;
	uint32_t id; /* never 0 */
	int fd;
	uint32_t server_id; /* opened over TLS: whom it was verified for */
	uint32_t interest;  /* LOOP_ bits that the loop was asked for */
	uint8_t kind;	    /* enum sip_transport */
	uint8_t state;	    /* enum connection_state */
	uint8_t ping;	    /* enum connection_ping */
	bool is_accepted;
	bool is_handshaking;	  /* counted in handshakes */
	bool is_verified;	  /* accepted over TLS with a certificate that is good */
	bool is_alias_known;	  /* its first request has been looked at */
	bool is_aliased;	  /* found by alias too (RFC 5923) */
	bool has_ponged;	  /* its peer has answered a keep-alive once */
	bool is_corked;		  /* output is collected, to be written at once */
	bool is_shut;		  /* our end has said that nothing more comes */
	bool is_delivering;	  /* a message of its input is lent to the sink */
	bool is_detached;	  /* destroyed meanwhile: to be freed when the sink returns */
	uint8_t crlf_count;	  /* since the last message or ping */
	uint8_t wants;		  /* TLS handshake: LOOP_READ or LOOP_WRITE */
	uint8_t socket_reads;	  /* of TLS, in this turn */
	struct td_endpoint local; /* listener's address */
	struct td_endpoint remote;
	struct td_endpoint alias;      /* other end point that requests were sent to by it */
	uint64_t active_ms;	       /* when the last message came or went */
	struct connection_timer timer; /* of the state */
	struct connection_timer pings;
	struct connection *previous; /* of all */
	struct connection *next;
	struct connection *next_by_id;
	struct connection *next_by_remote;
	struct source *source;	     /* accepted */
	struct ssl_st *ssl;	     /* owns; NULL: in clear */
	struct websocket *websocket; /* owns; NULL: none, or not yet */
	struct buffer input;
	struct buffer output;
};

struct listener {
	struct transport *transport;
	struct td_endpoint local;
	enum sip_transport kind;
	int fd;
	uint32_t kernel_drops; /* SO_RXQ_OVFL as last seen */
	uint64_t all_kernel_drops;
};

struct transport {
	struct loop *loop; /* borrows */
	struct transport_config config;
	struct transport_sink sink;
	struct transport_counters counters;
	struct listener listeners[TRANSPORT_LISTENERS_MAX];
	char *datagram; /* owns: room for one */

	uint32_t connection_count;
	uint32_t kind_counts[SIP_TRANSPORT_COUNT];
	uint32_t next_id;
	uint32_t bucket_mask;
	struct connection *first;
	struct connection **by_id;     /* owns the array */
	struct connection **by_remote; /* owns the array */
	struct wheel wheel;
	struct slab *sources;
	struct table *by_source;
	uint64_t buffered_bytes; /* by all connections */
	uint64_t random;	 /* spreads pings */
	int spare_fd;		 /* given up to refuse a connection when descriptors are spent */

	uint32_t handshakes; /* accepted, not finished */
	bool is_accept_paused;
	uint64_t tls_turn; /* of the loop, that tls_spent_ns is about */
	uint64_t tls_spent_ns;
	struct keyring *keyring; /* NULL: neither listener nor target needs TLS */
	struct keyring_loader *loader;
	struct tls_peers *tls_peers;
	char refused_names[TRANSPORT_NAME_BYTES]; /* in the certificate refused last */
	struct transport_server *servers;	  /* owns; by id */
	uint32_t server_count;
	uint64_t renew_ms; /* when tickets get other keys */
	char reload_error[TRANSPORT_WHY_BYTES];

	struct loop_wakeup *wakeup; /* tells failures and ends in a turn of their own */
	uint32_t failure_count;
	struct sip_flow failures[TRANSPORT_FAILURES_MAX];
	uint32_t ended_count;
	uint32_t *ended; /* owns: room for connections_max */
};

/* Notes that a connection ended; told in the next turn. */
void transport_note_end(struct transport *transport, uint32_t connection_id);
/* Notes that something sent by flow failed; told in the next turn. */
void transport_note_failure(struct transport *transport, const struct sip_flow *flow);
/* The time that deadlines count from: the loop's, but never before transport_advance()'s. */
uint64_t transport_now_ms(const struct transport *transport);
/* What a new listener is watched for (LOOP_ bits): nothing while it is held. */
uint32_t transport_interest(const struct transport *transport);
/* Asks the sink whether a source may speak; counts strangers. */
bool transport_admits(
	struct transport *transport, const struct td_ip *source, enum sip_transport kind);

/* secrets.c */
/* Reads keys and certificates if a listener needs them. As transport_create(). */
td_must_check int secrets_create(struct transport *transport, char why[TRANSPORT_WHY_BYTES]);
void secrets_destroy(struct transport *transport);
/* Twice a day. */
void secrets_renew(struct transport *transport, uint64_t now_ms);
/* The name with that id, or NULL. */
const char *transport_server_name(const struct transport *transport, uint32_t id);

/* udp.c */
td_must_check int udp_open(struct listener *listener);
void udp_send(
	struct listener *listener, const struct sip_flow *flow, const char *bytes, size_t length);

/* tcp.c: every transport that isn't UDP */
td_must_check int tcp_open(struct listener *listener);
void tcp_send(
	struct transport *transport, const struct sip_flow *flow, const char *bytes, size_t length);
/* A handshake has ended, well or not: another connection may be accepted. */
void tcp_handshake_over(struct connection *connection);

/* connection_table.c */
td_must_check int connection_table_init(struct transport *transport);
void connection_table_fini(struct transport *transport);
/* Makes a connection over fd (taken, also on failure) and enters it. -ENOMEM, errno of epoll. */
td_must_check int connection_create(struct transport *transport, int fd,
	const struct sip_flow *flow, enum connection_state state,
	struct connection **ret_connection);
/* Takes it out, closes and frees it; freed later if the sink still borrows its input. */
void connection_destroy(struct connection *connection);
void connection_free(struct connection *connection); /* after the sink has returned */
/* The connection that a flow names, if it still is what the flow knew. */
struct connection *connection_find_id(
	const struct transport *transport, const struct sip_flow *flow);
struct connection *connection_find_remote(
	const struct transport *transport, const struct sip_flow *flow);
/* Lets it be found by another remote end point too. */
void connection_add_alias(struct connection *connection, const struct td_endpoint *alias);
/* Enters a state and starts its deadline. */
void connection_enter(struct connection *connection, enum connection_state state);
/* Asks the loop for what the state and the output need. errno of epoll_ctl. */
td_must_check int connection_watch(struct connection *connection);

/* source.c */
td_must_check int source_table_init(struct transport *transport);
void source_table_fini(struct transport *transport);
/* The source of an address, NULL if it has no connection. */
struct source *source_find(const struct transport *transport, const struct td_ip *ip);
/* Counts an accepted connection in. False: no room for another source. */
bool source_join(struct connection *connection);
void source_leave(struct connection *connection);

/* connection.c */
void connection_ready(void *context, uint32_t ready);
/* Takes an open connection into use: TCP is there, TLS too if it is due. Returns 0 or the negative
 * errno that ends it. */
td_must_check int connection_opened(struct connection *connection);
/* Writes or queues a message. */
void connection_send(struct connection *connection, const char *bytes, size_t length);
/* Destroys it. reason is a negative errno; the flow's failure is noted unless its peer closed in
 * good order (-EPIPE) with nothing waiting. */
void connection_fail(struct connection *connection, int reason);
/* Sends what waits, says that it was all, and ends when the peer has taken it: what it goes on
 * sending is thrown away, for closing at once would take our last words from it too. */
td_must_check int connection_close(struct connection *connection);
/* The time of its state is over. */
void connection_expire(struct connection *connection);
/* Hands a message on. -ESTALE: what the sink sent has destroyed the connection. */
td_must_check int connection_deliver(struct connection *connection, char *bytes, size_t length);
struct sip_flow connection_flow(const struct connection *connection);

/* output.c */
/* Makes room for wanted bytes in all. -ENOMEM, -ENOBUFS (all connections' share is spent). */
td_must_check int buffer_reserve(
	struct transport *transport, struct buffer *buffer, uint32_t wanted);
void buffer_release(struct transport *transport, struct buffer *buffer);
/* Writes or queues bytes. Returns 0 or the negative errno that ends the connection. */
td_must_check int output_put(struct connection *connection, const char *bytes, size_t length);
/* Writes what waits, as far as the peer takes it. */
td_must_check int output_flush(struct connection *connection);
uint32_t output_waiting(const struct connection *connection);

/* stream.c: bytes over the socket, through TLS if the connection has it. Bytes read or written (0
 * when reading: the end), or a negative errno; -EAGAIN: not now. */
ssize_t stream_read(struct connection *connection, void *bytes, size_t size);
ssize_t stream_write(struct connection *connection, const void *bytes, size_t length);
/* True if bytes have left the socket that stream_read() has not given yet. */
bool stream_has_pending(const struct connection *connection);

/* Puts TLS between the connection and its socket. -ENOMEM. */
td_must_check int stream_attach_tls(struct connection *connection);

/* keepalive.c */
void keepalive_start(struct connection *connection);
void keepalive_expire(struct connection *connection);
/* Answers and notes what skipped CRLFs mean. Returns 0 or what ends the connection. */
td_must_check int keepalive_crlf(struct connection *connection, uint32_t skipped_bytes);
void keepalive_answered(struct connection *connection);

/* tls.c */
/* Gives the connection its TLS end, as server or client. -ENOMEM, -EKEYREJECTED (no keys). */
td_must_check int tls_begin(struct connection *connection);
/* One step of the handshake. 0: done; -EAGAIN: more is needed; else what ends the connection. */
td_must_check int tls_step(struct connection *connection);
void tls_end(struct connection *connection);

/* websocket.c */
/* Reads the HTTP request or frames. 0 or what ends the connection. */
td_must_check int websocket_read(struct connection *connection);
td_must_check int websocket_send(struct connection *connection, const char *bytes, size_t length);
td_must_check int websocket_ping(struct connection *connection);
void websocket_destroy(struct connection *connection);

#endif
