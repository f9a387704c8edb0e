/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command socket: listens in the run directory, lets one control plane in at a time (the
 * newest), and queues what is to be sent while its socket is full. Never blocks. Control thread
 * only.
 */
#ifndef TD_CONTROL_SERVER_H
#define TD_CONTROL_SERVER_H

#include <tandem/compiler.h>
#include <tandem/contract.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

enum {
	SERVER_QUEUE_MESSAGES = 4096, /* to be sent; power of two */
	/* kept free of events and audit items, so that replies find room */
	SERVER_QUEUE_RESERVE = 1024
};

/* What the server tells its owner. */
struct server_events {
	void (*opened)(void *sink); /* somebody connected, in place of any other */
	void (*closed)(void *sink);
	void (*received)(void *sink, const void *bytes, size_t size_bytes);
	void *sink;
};

/* Listens on path (a socket left there is replaced) with mode 0600. -errno; -ENAMETOOLONG.
 * copies events; gives *ret_server. */
td_must_check int server_create(
	struct server **ret_server, const char *path, const struct server_events *events);

/* Closes everything and removes the socket; accepts NULL. */
void server_destroy(struct server *server);

/* For epoll: the listener, and the connection or -1. The connection's descriptor changes after
 * opened and closed. */
int server_listener(const struct server *server);
int server_connection(const struct server *server);

/* Accepts whoever waits. A peer of another user than root, ourselves or the run directory's
 * owner is turned away. */
void server_accept(struct server *server);

/* Receives messages, a bounded number and only while replies have room. */
void server_receive(struct server *server);

/* Sends what is queued as far as the socket takes it. */
void server_flush(struct server *server);

/* Queues a message (copies); false: no connection or no room. Replies may use the reserve. */
bool server_send(struct server *server, const struct td_message *message);

/* True if the queue has room beyond the reserve: the time to make more. */
bool server_has_room(const struct server *server);

/* True if something is queued that the socket didn't take. */
bool server_is_waiting(const struct server *server);

#endif
