/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket against well-behaved, greedy and garbage clients. */
#include "api/control_socket.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	BIG_BYTES = 3 * 1024 * 1024,
};

static char path[64];
static struct control_socket *control;
static uint64_t now_ms = 1000;

static int verb_echo(void *context, const json_t *request, json_t **ret_result)
{
	assert_string_equal((const char *)context, "context");
	*ret_result = json_incref(json_object_get(request, "text"));
	return 0;
}

static int verb_big(void *context, const json_t *request, json_t **ret_result)
{
	char *text = malloc(BIG_BYTES + 1);

	(void)context;
	(void)request;
	memset(text, 'x', BIG_BYTES);
	text[BIG_BYTES] = '\0';
	*ret_result = json_string(text);
	free(text);
	return 0;
}

static int verb_fail(void *context, const json_t *request, json_t **ret_result)
{
	(void)context;
	*ret_result = json_incref(json_object_get(request, "why"));
	return -EBUSY;
}

static const struct control_verb verbs[] = {
	{"echo", verb_echo}, {"big", verb_big}, {"fail", verb_fail}};

static struct control_socket_config config_of(void)
{
	return (struct control_socket_config){
		.path = path, .verbs = verbs, .verb_count = 3, .context = "context"};
}

static int start(void **state)
{
	struct control_socket_config config;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/tandem-control-%d.sock", (int)getpid());
	config = config_of();
	return control_socket_create(&config, &control);
}

static int stop(void **state)
{
	struct stat status;

	(void)state;
	control_socket_destroy(control);
	assert_int_not_equal(stat(path, &status), 0);
	return 0;
}

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
	return fd;
}

/* Runs the server until fd has sent a line or closed; gives what came. */
static char *read_answer(int fd)
{
	size_t room = BIG_BYTES + 1024;
	char *line = malloc(room);
	size_t used = 0;

	for (;;) {
		ssize_t got;

		control_socket_run(control, now_ms);
		got = recv(fd, line + used, room - used - 1, 0);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
		if (line[used - 1] == '\n')
			break;
	}
	line[used] = '\0';
	return line;
}

static void ask(int fd, const char *request, const char *wanted)
{
	char *answer;

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	answer = read_answer(fd);
	assert_string_equal(answer, wanted);
	free(answer);
}

static void verbs_are_answered(void **state)
{
	int fd = client();

	(void)state;
	ask(fd, "{\"verb\":\"echo\",\"text\":\"hi\"}\n", "{\"ok\":true,\"result\":\"hi\"}\n");
	ask(fd, "{\"verb\":\"echo\"}\n", "{\"ok\":true,\"result\":null}\n");
	ask(fd, "{\"verb\":\"fail\",\"why\":\"not now\"}\n",
		"{\"ok\":false,\"error\":\"not now\"}\n");
	ask(fd, "{\"verb\":\"fail\"}\n", "{\"ok\":false,\"error\":\"Device or resource busy\"}\n");
	assert_int_equal(control_socket_stats(control).requests, 4);
	close(fd);
}

static void requests_may_come_in_pieces_or_together(void **state)
{
	int fd = client();

	(void)state;
	assert_int_equal(send(fd, "{\"verb\":\"ec", 11, 0), 11);
	control_socket_run(control, now_ms);
	control_socket_run(control, now_ms);
	ask(fd, "ho\",\"text\":1}\n", "{\"ok\":true,\"result\":1}\n");
	ask(fd, "{\"verb\":\"echo\",\"text\":1}\n{\"verb\":\"echo\",\"text\":2}\n",
		"{\"ok\":true,\"result\":1}\n{\"ok\":true,\"result\":2}\n");
	close(fd);
}

static void garbage_is_refused_and_closed(void **state)
{
	static const struct {
		const char *request;
		const char *answer;
	} cases[] = {
		{"GET / HTTP/1.1\r\n",
			"{\"ok\":false,\"error\":\"not a JSON object on one line\"}\n"},
		{"[1]\n", "{\"ok\":false,\"error\":\"not a JSON object on one line\"}\n"},
		{"{\"verb\":7}\n",
			"{\"ok\":false,\"error\":\"\\\"verb\\\" is missing or not a string\"}\n"},
		{"{\"verb\":\"rm\"}\n", "{\"ok\":false,\"error\":\"unknown verb\"}\n"},
		{"\n", "{\"ok\":false,\"error\":\"not a JSON object on one line\"}\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = client();
		char byte;

		ask(fd, cases[i].request, cases[i].answer);
		assert_int_equal(recv(fd, &byte, 1, 0), 0);
		close(fd);
	}
	assert_int_equal(control_socket_stats(control).refused, 5);
	assert_int_equal(control_socket_stats(control).clients_now, 0);
}

static void endless_request_is_refused(void **state)
{
	static char flood[CONTROL_REQUEST_MAX_BYTES];
	int fd = client();

	(void)state;
	memset(flood, ' ', sizeof(flood));
	assert_int_equal(send(fd, flood, sizeof(flood), 0), sizeof(flood));
	ask(fd, " ", "{\"ok\":false,\"error\":\"request longer than 16384 bytes\"}\n");
	close(fd);
}

static void big_answer_doesnt_block(void **state)
{
	int fd = client();
	char *answer;

	(void)state;
	assert_int_equal(send(fd, "{\"verb\":\"big\"}\n", 15, 0), 15);
	for (int i = 0; i < 10; i++)
		control_socket_run(control, now_ms); /* nobody reads; it returns */
	answer = read_answer(fd);
	assert_true(strlen(answer) > BIG_BYTES);
	free(answer);
	close(fd);
}

static void clients_are_limited_and_expire(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 1];

	(void)state;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = client();
		control_socket_run(control, now_ms);
	}
	assert_int_equal(control_socket_stats(control).clients_now, CONTROL_CLIENTS_MAX);
	fds[CONTROL_CLIENTS_MAX] = client();
	ask(fds[CONTROL_CLIENTS_MAX], " ",
		"{\"ok\":false,\"error\":\"too many clients, or not this user\"}\n");
	control_socket_expire(control, now_ms + CONTROL_IDLE_MAX_MS - 1);
	assert_int_equal(control_socket_stats(control).clients_now, CONTROL_CLIENTS_MAX);
	control_socket_expire(control, now_ms + CONTROL_IDLE_MAX_MS);
	assert_int_equal(control_socket_stats(control).clients_now, 0);
	for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void socket_is_private_and_not_stolen(void **state)
{
	struct control_socket_config config = config_of();
	struct control_socket *second = NULL;
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(control_socket_create(&config, &second), -EADDRINUSE);
	assert_int_equal(stat(path, &status), 0);
}

static void stale_socket_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control_socket_config config = config_of();
	char other[sizeof(path)];
	struct control_socket *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	(void)snprintf(other, sizeof(other), "/tmp/tandem-stale-%d.sock", (int)getpid());
	memcpy(address.sun_path, other, strlen(other) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
	close(fd); /* as a dead process leaves it */
	config.path = other;
	assert_int_equal(control_socket_create(&config, &second), 0);
	control_socket_destroy(second);
}

static void descriptor_tells_of_work(void **state)
{
	struct pollfd waits = {.fd = control_socket_fd(control), .events = POLLIN};
	int fd;

	(void)state;
	assert_int_equal(poll(&waits, 1, 0), 0);
	fd = client();
	assert_int_equal(poll(&waits, 1, 0), 1);
	control_socket_run(control, now_ms);
	assert_int_equal(poll(&waits, 1, 0), 0);
	close(fd);
	assert_int_equal(poll(&waits, 1, 0), 1);
	control_socket_run(control, now_ms);
	assert_int_equal(control_socket_stats(control).clients_now, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
		CASE(verbs_are_answered),
		CASE(requests_may_come_in_pieces_or_together),
		CASE(garbage_is_refused_and_closed),
		CASE(endless_request_is_refused),
		CASE(big_answer_doesnt_block),
		CASE(clients_are_limited_and_expire),
		CASE(socket_is_private_and_not_stolen),
		CASE(stale_socket_is_replaced),
		CASE(descriptor_tells_of_work),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
