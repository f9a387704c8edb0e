/* SPDX-License-Identifier: Apache-2.0 */
/* One question and one answer on the control socket. */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ANSWER_TIMEOUT_S = 10,
	FIRST_BYTES = 64 * 1024,
	ANSWER_MAX_BYTES = 64 * 1024 * 1024,
};

/* Connects; says what to do if nobody is there. */
static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		(void)fprintf(stderr, "tandemctl: %s: path is too long for a socket\n", path);
		return CTL_USAGE;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		perror("tandemctl: socket");
		return CTL_FAILED;
	}
	/* A kernel that can't set these only makes us wait longer. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)(void *)&address, sizeof(address)) == 0) {
		*ret_fd = fd;
		return CTL_OK;
	}
	if (errno == EACCES)
		(void)fprintf(stderr,
			"tandemctl: %s: permission denied. Run it as the user of "
			"tandem-controlplane, or as root.\n",
			path);
	else
		(void)fprintf(stderr,
			"tandemctl: the appliance isn't running: nobody listens on %s (%s).\n"
			"Start tandem-controlplane, or name its socket with --socket PATH "
			"(\"control: socket:\" in its configuration).\n",
			path, strerror(errno));
	(void)close(fd);
	return CTL_NOT_RUNNING;
}

static bool send_line(int fd, const char *text)
{
	size_t length = strlen(text);
	size_t sent = 0;

	while (sent < length) {
		ssize_t more = send(fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			return false;
		sent += (size_t)more;
	}
	return send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

/* Reads up to the end of the line; NULL if it doesn't come. Gives a text. */
static char *read_line(int fd)
{
	size_t room = FIRST_BYTES;
	size_t used = 0;
	char *line = malloc(room);

	while (line != NULL) {
		ssize_t got;
		char *end;

		if (used + 1 == room) {
			char *grown = room * 2 > ANSWER_MAX_BYTES ? NULL : realloc(line, room * 2);

			if (grown == NULL)
				break;
			line = grown;
			room *= 2;
		}
		got = recv(fd, line + used, room - used - 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		end = memchr(line + used, '\n', (size_t)got);
		used += (size_t)got;
		if (end != NULL) {
			*end = '\0';
			return line;
		}
	}
	free(line);
	return NULL;
}

/* Takes the result out of an answer. */
static int unwrap(const char *line, json_t **ret_result)
{
	json_t *answer = json_loads(line, 0, NULL);
	const char *error;

	if (json_is_true(json_object_get(answer, "ok"))) {
		*ret_result = json_incref(json_object_get(answer, "result"));
		json_decref(answer);
		return CTL_OK;
	}
	error = json_string_value(json_object_get(answer, "error"));
	(void)fprintf(stderr, "tandemctl: the appliance refused: %s\n",
		error != NULL ? error : "an answer that isn't understood (another version?)");
	json_decref(answer);
	return CTL_FAILED;
}

int ctl_ask(const struct ctl_options *options, json_t *request, json_t **ret_result)
{
	char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
	char *line = NULL;
	int fd = -1;
	int code = CTL_FAILED;

	json_decref(request);
	if (text == NULL) {
		(void)fprintf(stderr, "tandemctl: out of memory\n");
		return CTL_FAILED;
	}
	code = connect_to(options->socket_path, &fd);
	if (code == CTL_OK) {
		if (send_line(fd, text))
			line = read_line(fd);
		if (line != NULL) {
			code = unwrap(line, ret_result);
		} else {
			(void)fprintf(stderr,
				"tandemctl: no answer within %d s: the appliance is stuck or "
				"ended; see its log.\n",
				ANSWER_TIMEOUT_S);
			code = CTL_FAILED;
		}
		(void)close(fd); /* all is read */
	}
	free(line);
	free(text);
	return code;
}
