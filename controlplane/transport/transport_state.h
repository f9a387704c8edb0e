/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of transport/ share. Internal to transport/. */
#ifndef TD_TRANSPORT_TRANSPORT_STATE_H
#define TD_TRANSPORT_TRANSPORT_STATE_H

#include "transport/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRANSPORT_FAILURES_MAX = 256, /* told per turn; more are counted */
};

/* Where a connection stands in its life; one queue by deadline for each. */
enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_IDLE,    /* open, no message half received */
	CONNECTION_PARTIAL, /* open, part of a message is here */
	CONNECTION_STATE_COUNT
};

struct connection {
	struct transport *transport;
	uint32_t id; /* never 0 */
	int fd;
	enum connection_state state;
	bool is_accepted;
	bool is_writing;	   /* LOOP_WRITE is asked for */
	bool is_delivering;	   /* a message of its input is lent to the sink */
	bool is_detached;	   /* destroyed meanwhile: to be freed when the sink returns */
	uint32_t crlf_count;	   /* since the last message or ping */
	struct td_endpoint local;  /* listener's address */
	struct td_endpoint remote; /* key of reuse */
	uint64_t deadline_ms;
	struct connection *earlier; /* queue of its state, by deadline */
	struct connection *later;
	struct connection *next_by_id;
	struct connection *next_by_remote;
	char *input; /* owns; NULL while nothing is waiting */
	size_t input_used;
	size_t input_size;
	char *output;	     /* owns */
	size_t output_start; /* first byte not yet written */
	size_t output_used;
	size_t output_size;
};

struct connection_queue {
	struct connection *first; /* earliest deadline */
	struct connection *last;
};

struct listener {
	struct transport *transport;
	struct td_endpoint local;
	enum sip_transport kind;
	int fd;
	uint32_t kernel_drops; /* SO_RXQ_OVFL as last seen */
};

struct transport {
	struct loop *loop; /* borrows */
	struct transport_config config;
	struct transport_sink sink;
	struct transport_counters counters;
	struct listener listeners[TRANSPORT_LISTENERS_MAX];
	char *datagram; /* owns: room for one */

	uint32_t connection_count;
	uint32_t next_id;
	uint32_t bucket_mask;
	struct connection **by_id;     /* owns the array */
	struct connection **by_remote; /* owns the array */
	struct connection_queue queues[CONNECTION_STATE_COUNT];
	int spare_fd; /* given up to refuse a connection when descriptors are spent */

	struct loop_wakeup *wakeup; /* tells failures in a turn of their own */
	uint32_t failure_count;
	struct sip_flow failures[TRANSPORT_FAILURES_MAX];
};

/* Notes that something sent by flow failed; told in the next turn. */
void transport_note_failure(struct transport *transport, const struct sip_flow *flow);
/* What a new listener is watched for (LOOP_ bits): nothing while it is held. */
uint32_t transport_interest(const struct transport *transport);
/* Asks the sink whether a source may speak; counts strangers. */
bool transport_admits(
	struct transport *transport, const struct td_ip *source, enum sip_transport kind);

/* udp.c */
td_must_check int udp_open(struct listener *listener);
void udp_send(
	struct listener *listener, const struct sip_flow *flow, const char *bytes, size_t length);

/* tcp.c */
td_must_check int tcp_open(struct listener *listener);
void tcp_send(
	struct transport *transport, const struct sip_flow *flow, const char *bytes, size_t length);

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
struct connection *connection_find_id(const struct transport *transport, uint32_t id);
struct connection *connection_find_remote(
	const struct transport *transport, const struct sip_flow *flow);
/* Accepted connections from one address. */
uint32_t connection_count_source(const struct transport *transport, const struct td_ip *source);
/* Puts it at the end of a state's queue with a fresh deadline. */
void connection_enter(struct connection *connection, enum connection_state state);

/* connection.c */
void connection_ready(void *context, uint32_t ready);
/* Writes or queues a message. */
void connection_send(struct connection *connection, const char *bytes, size_t length);
/* Destroys it and notes a failure if output was waiting. */
void connection_fail(struct connection *connection);
struct sip_flow connection_flow(const struct connection *connection);

#endif
