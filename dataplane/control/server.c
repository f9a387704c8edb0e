/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command socket, see server.h. Order is kept: replies, audit items and events leave in the
 * order in which they were queued.
 */
#include "control/server.h"

#include <tandem/log.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	SERVER_MESSAGES_PER_TURN = 64, /* then frames and timers have their turn */
	SERVER_SLOT_BYTES = sizeof(struct td_audit_item),
	SERVER_SOCKET_BUFFER_BYTES = 1 << 20,
};
static_assert(sizeof(struct td_reply) <= SERVER_SLOT_BYTES, "audit items are the longest");
static_assert(sizeof(struct td_notify) <= SERVER_SLOT_BYTES, "audit items are the longest");

struct server {
	struct server_events events;
	int listener;
	int connection; /* -1: nobody */
	uint32_t head;	/* next to be queued */
	uint32_t tail;	/* next to be sent */
	uid_t directory_owner;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	uint8_t slots[SERVER_QUEUE_MESSAGES][SERVER_SLOT_BYTES];
};

static int server_listen(struct server *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t old_mask;
	int rc = 0;

	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->listener < 0)
		return -errno;
	memcpy(address.sun_path, server->path, sizeof(address.sun_path));
	if (unlink(server->path) != 0 && errno != ENOENT)
		return -errno;
	old_mask = umask(0177); /* mode 0600 from the first moment on */
	if (bind(server->listener, (struct sockaddr *)&address, sizeof(address)) != 0)
		rc = -errno;
	(void)umask(old_mask);
	if (rc == 0 && listen(server->listener, 8) != 0)
		rc = -errno;
	return rc;
}

int server_create(struct server **ret_server, const char *path, const struct server_events *events)
{
	struct server *server = calloc(1, sizeof(*server));
	char directory[sizeof(server->path)];
	struct stat status;
	char *slash;
	int rc;

	if (server == NULL)
		return -ENOMEM;
	server->events = *events;
	server->listener = -1;
	server->connection = -1;
	server->directory_owner = geteuid();
	if (strlen(path) >= sizeof(server->path)) {
		server_destroy(server);
		return -ENAMETOOLONG;
	}
	memcpy(server->path, path, strlen(path) + 1);
	memcpy(directory, server->path, sizeof(directory));
	slash = strrchr(directory, '/');
	if (slash != NULL && slash != directory) {
		*slash = '\0';
		if (stat(directory, &status) == 0)
			server->directory_owner = status.st_uid;
	}
	rc = server_listen(server);
	if (rc != 0) {
		server_destroy(server);
		return rc;
	}
	*ret_server = server;
	return 0;
}

void server_destroy(struct server *server)
{
	if (server == NULL)
		return;
	if (server->connection >= 0)
		(void)close(server->connection);
	if (server->listener >= 0) {
		(void)close(server->listener);
		(void)unlink(server->path); /* gone already: as wanted */
	}
	free(server);
}

int server_listener(const struct server *server)
{
	return server->listener;
}

int server_connection(const struct server *server)
{
	return server->connection;
}

static void server_hang_up(struct server *server)
{
	if (server->connection < 0)
		return;
	(void)close(server->connection);
	server->connection = -1;
	server->tail = server->head;
	server->events.closed(server->events.sink);
}

static bool server_peer_is_allowed(const struct server *server, int connection)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == server->directory_owner)
		return true;
	td_log(TD_LOG_WARN, "control: connection of user %u, process %d: turned away",
		(unsigned)peer.uid, (int)peer.pid);
	return false;
}

void server_accept(struct server *server)
{
	int size_bytes = SERVER_SOCKET_BUFFER_BYTES;
	int connection = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (connection < 0)
		return; /* it left again, or descriptors ran out: epoll comes back */
	if (!server_peer_is_allowed(server, connection)) {
		(void)close(connection);
		return;
	}
	/* a smaller buffer only means more turns */
	(void)setsockopt(connection, SOL_SOCKET, SO_SNDBUF, &size_bytes, sizeof(size_bytes));
	if (server->connection >= 0)
		td_log(TD_LOG_INFO, "control: a new connection replaces the old one");
	server_hang_up(server);
	server->connection = connection;
	server->events.opened(server->events.sink);
}

static uint32_t server_queued(const struct server *server)
{
	return server->head - server->tail;
}

bool server_has_room(const struct server *server)
{
	return server_queued(server) < SERVER_QUEUE_MESSAGES - SERVER_QUEUE_RESERVE;
}

bool server_is_waiting(const struct server *server)
{
	return server->connection >= 0 && server_queued(server) > 0;
}

void server_receive(struct server *server)
{
	uint8_t bytes[TD_MESSAGE_MAX_BYTES + 1];

	for (int i = 0; i < SERVER_MESSAGES_PER_TURN && server->connection >= 0; i++) {
		ssize_t received;

		if (!server_has_room(server))
			return;
		/* a longer message fills the buffer and so has a length that no command has */
		received = recv(server->connection, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (received < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (received <= 0) {
			td_log(TD_LOG_INFO,
				"control: the control plane is away, forwarding goes on");
			server_hang_up(server);
			return;
		}
		server->events.received(server->events.sink, bytes, (size_t)received);
	}
}

void server_flush(struct server *server)
{
	while (server_is_waiting(server)) {
		const uint8_t *slot = server->slots[server->tail % SERVER_QUEUE_MESSAGES];
		struct td_message header;
		ssize_t sent;

		memcpy(&header, slot, sizeof(header));
		sent = send(
			server->connection, slot, header.length_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			return;
		if (sent < 0) {
			server_hang_up(server);
			return;
		}
		server->tail++;
	}
}

bool server_send(struct server *server, const struct td_message *message)
{
	bool is_reply = message->type == TD_MESSAGE_REPLY;
	uint8_t *slot = server->slots[server->head % SERVER_QUEUE_MESSAGES];

	if (server->connection < 0 || message->length_bytes > SERVER_SLOT_BYTES ||
		server_queued(server) == SERVER_QUEUE_MESSAGES ||
		(!is_reply && !server_has_room(server)))
		return false;
	memcpy(slot, message, message->length_bytes);
	server->head++;
	return true;
}
