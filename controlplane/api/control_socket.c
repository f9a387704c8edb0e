/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See control_socket.h. An epoll instance of its own holds listener and clients, so that the loop
 * watches one descriptor. A client is read until its request is whole, answered, written to, and
 * may ask again; while an answer is on its way nothing more is read from it.
 */
#include "api/control_socket.h"

#include <tandem/time.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	EVENTS_PER_RUN = 32,
	BACKLOG = 16,
};

struct client {
	int fd; /* -1: free */
	bool closes_after_reply;
	uint64_t last_ms;
	size_t request_bytes;
	char *reply; /* owns; NULL: nothing to write */
	size_t reply_bytes;
	size_t written_bytes;
	char request[CONTROL_REQUEST_MAX_BYTES];
};

struct control_socket {
	int listen_fd;
	int epoll_fd;
	const struct control_verb *verbs;
	size_t verb_count;
	void *context;
	struct control_socket_stats stats;
	struct sockaddr_un address;
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* What epoll tells of the listener. */
static const uint64_t listener_tag = CONTROL_CLIENTS_MAX;

static int watch(const struct control_socket *control, int fd, uint64_t tag, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = tag};

	if (epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	return epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void close_client(struct control_socket *control, struct client *client)
{
	(void)close(client->fd); /* leaves epoll with it */
	free(client->reply);
	client->reply = NULL;
	client->fd = -1;
	control->stats.clients_now--;
}

/* Writes as much of the reply as goes. */
static void write_reply(struct control_socket *control, struct client *client)
{
	uint64_t tag = (uint64_t)(client - control->clients);

	while (client->written_bytes < client->reply_bytes) {
		ssize_t sent = send(client->fd, client->reply + client->written_bytes,
			client->reply_bytes - client->written_bytes, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			if (watch(control, client->fd, tag, EPOLLOUT) != 0)
				close_client(control, client);
			return;
		}
		if (sent <= 0) {
			close_client(control, client);
			return;
		}
		client->written_bytes += (size_t)sent;
	}
	free(client->reply);
	client->reply = NULL;
	if (client->closes_after_reply || watch(control, client->fd, tag, EPOLLIN) != 0)
		close_client(control, client);
}

/* Takes reply (a reference) as the client's answer. */
static void set_reply(struct client *client, json_t *reply)
{
	char *text = reply == NULL ? NULL : json_dumps(reply, JSON_COMPACT);
	size_t length = text == NULL ? 0 : strlen(text);

	json_decref(reply);
	if (text == NULL || length + 1 > CONTROL_REPLY_MAX_BYTES) {
		free(text);
		text = strdup("{\"ok\":false,\"error\":\"the answer is too long; ask for less\"}");
		if (text == NULL)
			return;
		length = strlen(text);
	}
	text[length] = '\n'; /* in place of the terminating zero */
	client->reply = text;
	client->reply_bytes = length + 1;
	client->written_bytes = 0;
}

static json_t *error_reply(const char *text)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

/* Refuses what the client sent, and the client. */
static void refuse(struct control_socket *control, struct client *client, const char *text)
{
	control->stats.refused++;
	client->closes_after_reply = true;
	set_reply(client, error_reply(text));
}

static json_t *ask(
	struct control_socket *control, const struct control_verb *verb, const json_t *request)
{
	json_t *result = NULL;
	int error = verb->answer(control->context, request, &result);
	json_t *reply;

	if (error == 0)
		return json_pack(
			"{s:b, s:o}", "ok", 1, "result", result != NULL ? result : json_null());
	reply = error_reply(json_is_string(result) ? json_string_value(result) : strerror(-error));
	json_decref(result);
	return reply;
}

/* Answers one line. */
static void answer(struct control_socket *control, struct client *client, size_t length)
{
	json_t *request = json_loadb(client->request, length, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "verb"));
	const struct control_verb *verb = NULL;

	for (size_t i = 0; name != NULL && i < control->verb_count; i++)
		if (strcmp(control->verbs[i].name, name) == 0)
			verb = &control->verbs[i];
	if (verb != NULL) {
		control->stats.requests++;
		set_reply(client, ask(control, verb, request));
	} else if (!json_is_object(request)) {
		refuse(control, client, "not a JSON object on one line");
	} else if (name == NULL) {
		refuse(control, client, "\"verb\" is missing or not a string");
	} else {
		refuse(control, client, "unknown verb");
	}
	json_decref(request);
}

/* Answers the first whole line there is; the rest waits for its turn. */
static void take_request(struct control_socket *control, struct client *client)
{
	char *end = memchr(client->request, '\n', client->request_bytes);
	size_t length;

	if (end == NULL) {
		if (client->request_bytes < sizeof(client->request))
			return;
		refuse(control, client, "request longer than 16384 bytes");
		client->request_bytes = 0;
	} else {
		length = (size_t)(end - client->request);
		answer(control, client, length);
		client->request_bytes -= length + 1;
		memmove(client->request, end + 1, client->request_bytes);
	}
	if (client->reply == NULL)
		close_client(control, client); /* no memory for an answer */
	else
		write_reply(control, client);
}

static void read_client(struct control_socket *control, struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->request_bytes,
		sizeof(client->request) - client->request_bytes, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close_client(control, client);
		return;
	}
	client->request_bytes += (size_t)got;
	take_request(control, client);
}

static void serve_client(
	struct control_socket *control, struct client *client, uint32_t events, uint64_t now_ms)
{
	if (client->fd < 0)
		return; /* closed earlier in this run */
	client->last_ms = now_ms;
	if (client->reply != NULL)
		write_reply(control, client);
	else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		read_client(control, client);
	/* A second request may lie in the buffer already. */
	while (client->fd >= 0 && client->reply == NULL &&
		memchr(client->request, '\n', client->request_bytes) != NULL)
		take_request(control, client);
}

/* True if the process at the other end runs as our user or as root. */
static bool is_own_user(int fd)
{
	struct ucred peer;
	socklen_t size_bytes = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size_bytes) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void accept_client(struct control_socket *control, uint64_t now_ms)
{
	int fd = accept4(control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client = NULL;

	if (fd < 0)
		return; /* gone again, or no descriptor: the next run tries */
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX && client == NULL; i++)
		if (control->clients[i].fd < 0)
			client = &control->clients[i];
	if (client == NULL || !is_own_user(fd) ||
		watch(control, fd, (uint64_t)(client - control->clients), EPOLLIN) != 0) {
		static const char busy[] =
			"{\"ok\":false,\"error\":\"too many clients, or not this user\"}\n";

		(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL); /* a courtesy */
		(void)close(fd);
		control->stats.refused++;
		return;
	}
	client->fd = fd;
	client->closes_after_reply = false;
	client->last_ms = now_ms;
	client->request_bytes = 0;
	control->stats.accepted++;
	control->stats.clients_now++;
}

void control_socket_run(struct control_socket *control, uint64_t now_ms)
{
	struct epoll_event events[EVENTS_PER_RUN];
	int count = epoll_wait(control->epoll_fd, events, EVENTS_PER_RUN, 0);

	for (int i = 0; i < count; i++) {
		if (events[i].data.u64 == listener_tag)
			accept_client(control, now_ms);
		else
			serve_client(control, &control->clients[events[i].data.u64],
				events[i].events, now_ms);
	}
}

void control_socket_expire(struct control_socket *control, uint64_t now_ms)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd >= 0 && td_since(now_ms, client->last_ms) >= CONTROL_IDLE_MAX_MS)
			close_client(control, client);
	}
}

int control_socket_fd(const struct control_socket *control)
{
	return control->epoll_fd;
}

struct control_socket_stats control_socket_stats(const struct control_socket *control)
{
	return control->stats;
}

/* Removes what a dead server left. -EADDRINUSE if somebody answers there. */
static int clear_path(const struct sockaddr_un *address)
{
	struct stat status;
	int probe_fd;
	int result;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EADDRINUSE; /* not ours to remove */
	probe_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe_fd < 0)
		return -errno;
	result =
		connect(probe_fd, (const struct sockaddr *)(const void *)address, sizeof(*address));
	(void)close(probe_fd); /* only asked */
	if (result == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	return unlink(address->sun_path) == 0 ? 0 : -errno;
}

static int listen_at(struct control_socket *control, const char *path)
{
	size_t length = strlen(path);
	mode_t old_mask;
	int result;

	if (length >= sizeof(control->address.sun_path))
		return -ENAMETOOLONG;
	control->address.sun_family = AF_UNIX;
	memcpy(control->address.sun_path, path, length + 1);
	result = clear_path(&control->address);
	if (result != 0)
		return result;
	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listen_fd < 0)
		return -errno;
	old_mask = umask(0177);
	result = bind(control->listen_fd, (const struct sockaddr *)(const void *)&control->address,
		sizeof(control->address));
	if (result != 0)
		result = -errno;
	(void)umask(old_mask);
	if (result == 0 && listen(control->listen_fd, BACKLOG) != 0)
		result = -errno;
	return result;
}

int control_socket_create(
	const struct control_socket_config *config, struct control_socket **ret_socket)
{
	struct control_socket *control = calloc(1, sizeof(*control));
	int error;

	if (control == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	control->listen_fd = -1;
	control->verbs = config->verbs;
	control->verb_count = config->verb_count;
	control->context = config->context;
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	error = control->epoll_fd < 0 ? -errno : listen_at(control, config->path);
	if (error == 0)
		error = watch(control, control->listen_fd, listener_tag, EPOLLIN);
	if (error != 0) {
		control->address.sun_path[0] = '\0'; /* it may be somebody else's */
		control_socket_destroy(control);
		return error;
	}
	*ret_socket = control;
	return 0;
}

void control_socket_destroy(struct control_socket *control)
{
	if (control == NULL)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			close_client(control, &control->clients[i]);
	if (control->listen_fd >= 0)
		(void)close(control->listen_fd); /* no client is left */
	if (control->epoll_fd >= 0)
		(void)close(control->epoll_fd);
	if (control->address.sun_path[0] != '\0')
		(void)unlink(control->address.sun_path); /* a stale one is replaced at the start */
	free(control);
}
