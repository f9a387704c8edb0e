/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local control socket: a Unix stream socket (mode 0600) in the run directory on which
 * tandemctl asks. One JSON object per line, {"verb":"status", …}; one line back,
 * {"ok":true,"result":…} or {"ok":false,"error":"…"}. Verbs are the integrator's functions; this
 * file knows none of them. Clients are untrusted: sizes, number and idleness are bounded,
 * garbage is refused with an error and the connection closed.
 *
 * Runs on the loop thread: watch control_socket_fd() for readability and call
 * control_socket_run(). Never blocks.
 */
#ifndef TD_API_CONTROL_SOCKET_H
#define TD_API_CONTROL_SOCKET_H

#include <tandem/compiler.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONTROL_REQUEST_MAX_BYTES = 16 * 1024,
	CONTROL_REPLY_MAX_BYTES = 32 * 1024 * 1024,
	CONTROL_CLIENTS_MAX = 16,
	CONTROL_IDLE_MAX_MS = 30000, /* a client that says nothing for so long is closed */
};

/* Answers one request. Gives its result through ret_result (a new reference). On failure returns
 * a negative errno and may give a JSON string that says why. request is borrowed. */
typedef int control_verb_fn(void *context, const json_t *request, json_t **ret_result);

struct control_verb {
	const char *name;
	control_verb_fn *answer;
};

struct control_socket_config {
	const char *path;		  /* a stale socket there is replaced */
	const struct control_verb *verbs; /* borrows until control_socket_destroy() */
	size_t verb_count;
	void *context; /* passed to each verb */
};

struct control_socket_stats {
	uint64_t clients_now;
	uint64_t accepted;
	uint64_t requests;
	uint64_t refused; /* garbage, unknown verbs, too many clients, foreign users */
};

struct control_socket;

/* Listens at config->path. -EADDRINUSE (a living server is there), -ENAMETOOLONG, -ENOMEM, or the
 * error of a system call. */
td_must_check int control_socket_create(
	const struct control_socket_config *config, struct control_socket **ret_socket);
/* Closes everything and removes the socket file. Accepts NULL. */
void control_socket_destroy(struct control_socket *control);

/* A descriptor that is readable when there is work; stays the socket's. */
int control_socket_fd(const struct control_socket *control);
/* Does the work there is, a bounded amount. now_ms is monotonic. */
void control_socket_run(struct control_socket *control, uint64_t now_ms);
/* Closes clients idle for CONTROL_IDLE_MAX_MS; call about once a second. */
void control_socket_expire(struct control_socket *control, uint64_t now_ms);

struct control_socket_stats control_socket_stats(const struct control_socket *control);

#endif
