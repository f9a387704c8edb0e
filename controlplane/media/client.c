/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A local connect either succeeds or fails at once, so there is no connecting state: while the
 * socket is absent, the next attempt is due every MEDIA_RETRY_MS.
 */
#include "media/client.h"

#include <tandem/log.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	/* A dataplane restart takes about 300 ms, most of it EAL; this adds little to the gap. */
	MEDIA_RETRY_MS = 20,
	/* An audit of 100,000 terminations must not hold up SIP. */
	MEDIA_MESSAGES_PER_TURN = 1024,
	MEDIA_BUFFER_BYTES = 4 << 20,
};

struct media_client {
	struct media_client_sink sink;
	struct sockaddr_un address;
	struct loop *loop; /* borrows */
	struct ledger *ledger;
	uint64_t instance;
	uint64_t retry_ms; /* no socket: next attempt */
	int fd;		   /* -1: not connected */
	bool is_away_told; /* the log has said that the dataplane is away */
};

static void disconnect(struct media_client *client, const char *why)
{
	td_log(TD_LOG_WARN, "media: dataplane %s: %s, reconnecting; calls go on",
		client->address.sun_path, why);
	loop_remove(client->loop, client->fd);
	(void)close(client->fd); /* nothing was buffered */
	client->fd = -1;
	client->retry_ms = loop_now_ms(client->loop) + MEDIA_RETRY_MS;
	client->is_away_told = true;
	ledger_disconnected(client->ledger);
}

/* Fails only if the descriptor isn't watched, which would be our own fault: say so loudly. */
static void watch(struct media_client *client, uint32_t interest)
{
	int result = loop_change(client->loop, client->fd, interest);

	if (result != 0)
		td_log(TD_LOG_ERR, "media: dataplane %s: cannot watch the socket (error=%s)",
			client->address.sun_path, strerror(-result));
}

static bool client_send(void *context, const void *message, size_t length)
{
	struct media_client *client = context;

	if (client->fd < 0)
		return false;
	if (send(client->fd, message, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length)
		return true;
	/* A broken socket is found by the read side; both wait for the loop. */
	watch(client, LOOP_READ | LOOP_WRITE);
	return false;
}

static void client_reply(void *context, const struct td_reply *reply)
{
	struct media_client *client = context;

	client->sink.reply(client->sink.context, reply);
}

static void client_notify(void *context, const struct td_notify *notify)
{
	struct media_client *client = context;

	client->sink.notify(client->sink.context, notify);
}

static void client_state(void *context, enum ledger_state state)
{
	struct media_client *client = context;

	if (state == LEDGER_READY) {
		const struct td_capabilities *capabilities = ledger_capabilities(client->ledger);

		td_log(TD_LOG_INFO,
			"media: dataplane %s: connected (workers=%u terminations=%u/%u %s)",
			client->address.sun_path, capabilities->worker_count,
			capabilities->terminations_in_use, capabilities->termination_capacity,
			capabilities->is_restarted ? "taken over from the arena" : "fresh");
		client->is_away_told = false;
	}
	client->sink.state(client->sink.context, state);
}

static void read_messages(struct media_client *client)
{
	uint8_t message[TD_MESSAGE_MAX_BYTES];

	for (int i = 0; i < MEDIA_MESSAGES_PER_TURN && client->fd >= 0; i++) {
		ssize_t length = recv(client->fd, message, sizeof(message), MSG_DONTWAIT);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (length <= 0) {
			disconnect(client, length == 0 ? "closed the socket" : strerror(errno));
			return;
		}
		if (ledger_receive(client->ledger, message, (size_t)length,
			    loop_now_ms(client->loop)) != 0) {
			disconnect(client, "sent a message that breaks the contract");
			return;
		}
	}
}

static void client_ready(void *context, uint32_t ready)
{
	struct media_client *client = context;

	if (ready & (LOOP_READ | LOOP_ERROR))
		read_messages(client);
	if (client->fd >= 0 && (ready & LOOP_WRITE)) {
		watch(client, LOOP_READ);
		ledger_writable(client->ledger, loop_now_ms(client->loop));
	}
}

/* Opens and connects the socket; -1 with errno if the dataplane isn't there. */
static int connected_socket(const struct media_client *client)
{
	const int buffer_bytes = MEDIA_BUFFER_BYTES;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/* Less is only slower: bursts of commands then wait in the ledger. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
	if (connect(fd, (const struct sockaddr *)(const void *)&client->address,
		    sizeof(client->address)) != 0) {
		int connect_errno = errno;

		(void)close(fd);
		errno = connect_errno;
		return -1;
	}
	return fd;
}

static void try_connect(struct media_client *client, uint64_t now_ms)
{
	int fd = connected_socket(client);

	if (fd >= 0 && loop_add(client->loop, fd, LOOP_READ, client_ready, client) == 0) {
		client->fd = fd;
		client->retry_ms = TD_NEVER;
		ledger_connected(client->ledger, client->instance, now_ms);
		return;
	}
	if (!client->is_away_told)
		td_log(TD_LOG_WARN, "media: dataplane %s: %s, trying again every %d ms",
			client->address.sun_path, strerror(errno), MEDIA_RETRY_MS);
	client->is_away_told = true;
	if (fd >= 0)
		(void)close(fd);
	client->retry_ms = now_ms + MEDIA_RETRY_MS;
}

int media_client_command(
	struct media_client *client, const struct media_command *command, uint64_t now_ms)
{
	return ledger_command(client->ledger, command, now_ms);
}

const struct ledger *media_client_ledger(const struct media_client *client)
{
	return client->ledger;
}

void media_client_restored(struct media_client *client)
{
	ledger_restored(client->ledger);
}

void media_client_advance(struct media_client *client, uint64_t now_ms)
{
	if (client->fd < 0 && client->retry_ms <= now_ms)
		try_connect(client, now_ms);
	ledger_advance(client->ledger, now_ms);
}

uint64_t media_client_deadline(const struct media_client *client)
{
	uint64_t deadline_ms = ledger_deadline(client->ledger);

	return client->fd < 0 && client->retry_ms < deadline_ms ? client->retry_ms : deadline_ms;
}

int media_client_create(struct loop *loop, const struct media_client_config *config,
	const struct media_client_sink *sink, struct media_client **ret_client)
{
	struct media_client *client;
	struct ledger_sink ledger_sink;
	int result;

	if (strlen(config->socket_path) >= sizeof(client->address.sun_path))
		return -ENAMETOOLONG;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return -ENOMEM;
	client->sink = *sink;
	client->loop = loop;
	client->instance = config->instance;
	client->fd = -1;
	client->retry_ms = loop_now_ms(loop); /* due at once */
	client->address.sun_family = AF_UNIX;
	memcpy(client->address.sun_path, config->socket_path, strlen(config->socket_path) + 1);
	ledger_sink = (struct ledger_sink){
		client, client_send, client_reply, client_notify, client_state};
	result = ledger_create(
		config->termination_capacity, config->instance, &ledger_sink, &client->ledger);
	if (result != 0) {
		free(client);
		return result;
	}
	*ret_client = client;
	return 0;
}

void media_client_destroy(struct media_client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0) {
		loop_remove(client->loop, client->fd);
		(void)close(client->fd);
	}
	ledger_destroy(client->ledger);
	free(client);
}
