/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/ares_client.h"

#include "loop/loop.h"

#include <ares.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

enum {
	SOCKETS_MAX = 32,      /* UDP and TCP to each server, old and new channel */
	CLASS_IN = 1,	       /* RFC 1035 3.2.4 */
	EDNS_UDP_BYTES = 1232, /* fits IPv6's smallest MTU: no fragments, which can be forged */
	SERVERS_TEXT_BYTES = ARES_CLIENT_SERVERS_MAX * TD_ENDPOINT_TEXT_BYTES,
};

struct ares_socket {
	struct ares_client *client;
	struct ares_channeldata *channel; /* NULL: a free place */
	int fd;
};

struct ares_client {
	struct loop *loop; /* borrows */
	struct ares_client_config config;
	struct ares_client_sink sink;
	struct ares_channeldata *channel;
	bool is_ending;
	uint64_t due_ms;
	struct ares_socket sockets[SOCKETS_MAX];
	struct ares_client_counts counts;
};

struct question {
	struct ares_client *client;
	uint64_t id;
};

/* Asks c-ares when it wants to look again. It tells whole milliseconds, rounded down: one is added
 * here, once, and not with each question for the deadline, which would then never come. */
static void schedule(struct ares_client *client)
{
	struct timeval left;

	if (client->counts.in_flight == 0 || ares_timeout(client->channel, NULL, &left) == NULL)
		client->due_ms = TD_NEVER;
	else
		client->due_ms = loop_now_ms(client->loop) + (uint64_t)left.tv_sec * TD_MS_PER_S +
				 (uint64_t)left.tv_usec / TD_US_PER_MS + 1;
}

static void socket_ready(void *context, uint32_t ready)
{
	struct ares_socket *one = context;
	struct ares_client *client = one->client;
	int fd = one->fd;

	ares_process_fd(one->channel,
		(ready & (LOOP_READ | LOOP_ERROR)) != 0 ? fd : ARES_SOCKET_BAD,
		(ready & LOOP_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	schedule(client);
}

static struct ares_socket *find_socket(struct ares_client *client, int fd)
{
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (client->sockets[i].channel != NULL && client->sockets[i].fd == fd)
			return &client->sockets[i];
	return NULL;
}

static struct ares_socket *take_socket(
	struct ares_client *client, struct ares_channeldata *channel, int fd)
{
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		if (client->sockets[i].channel != NULL)
			continue;
		client->sockets[i] = (struct ares_socket){client, channel, fd};
		return &client->sockets[i];
	}
	return NULL;
}

/* Has the loop watch a channel's socket; no interest: it is about to be closed. */
static void watch(
	struct ares_client *client, struct ares_channeldata *channel, int fd, uint32_t interest)
{
	struct ares_socket *one = find_socket(client, fd);

	if (interest == 0 && one != NULL) {
		loop_remove(client->loop, fd);
		one->channel = NULL;
	} else if (interest != 0 && one != NULL) {
		(void)!loop_change(client->loop, fd, interest); /* its timeout will act */
	} else if (interest != 0) {
		one = take_socket(client, channel, fd);
		if (one == NULL || loop_add(client->loop, fd, interest, socket_ready, one) != 0) {
			client->counts.refused_memory++; /* the question's timeout will act */
			if (one != NULL)
				one->channel = NULL;
		}
	}
}

static void on_socket_state(void *context, ares_socket_t fd, int is_readable, int is_writable)
{
	struct ares_client *client = context;

	/* A channel that was replaced only closes its sockets. */
	watch(client, client->channel, fd,
		(is_readable ? (uint32_t)LOOP_READ : 0) | (is_writable ? (uint32_t)LOOP_WRITE : 0));
}

static int errno_of(int status)
{
	return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

/* "10.0.0.1:53,[::1]:53" */
static void write_servers(const struct ares_client_config *config, char text[SERVERS_TEXT_BYTES])
{
	size_t used = 0;

	for (uint32_t i = 0; i < config->server_count; i++) {
		char one[TD_ENDPOINT_TEXT_BYTES];

		used += (size_t)snprintf(text + used, SERVERS_TEXT_BYTES - used, "%s%s",
			i != 0 ? "," : "", td_endpoint_format(&config->servers[i], one));
	}
}

static int make_channel(struct ares_client *client, struct ares_channeldata **ret_channel)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
		.timeout = (int)client->config.timeout_ms,
		.tries = (int)client->config.tries,
		.ednspsz = EDNS_UDP_BYTES,
		.lookups = (char[]){"b"}, /* never /etc/hosts */
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = client,
	};
	struct ares_channeldata *channel;
	char servers[SERVERS_TEXT_BYTES];
	int status = ares_init_options(&channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
			ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);

	if (status != ARES_SUCCESS)
		return errno_of(status);
	if (client->config.server_count != 0) {
		write_servers(&client->config, servers);
		status = ares_set_servers_ports_csv(channel, servers);
	}
	if (status != ARES_SUCCESS) {
		ares_destroy(channel);
		return errno_of(status);
	}
	*ret_channel = channel;
	return 0;
}

int ares_client_create(struct loop *loop, const struct ares_client_config *config,
	const struct ares_client_sink *sink, struct ares_client **ret_client)
{
	struct ares_client *client;
	int result;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -ENOMEM;
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		ares_library_cleanup();
		return -ENOMEM;
	}
	client->loop = loop;
	client->config = *config;
	client->sink = *sink;
	client->due_ms = TD_NEVER;
	result = make_channel(client, &client->channel);
	if (result != 0) {
		ares_client_destroy(client);
		return result;
	}
	*ret_client = client;
	return 0;
}

void ares_client_destroy(struct ares_client *client)
{
	if (client == NULL)
		return;
	client->is_ending = true;
	if (client->channel != NULL)
		ares_destroy(client->channel);
	free(client);
	ares_library_cleanup();
}

int ares_client_renew(struct ares_client *client)
{
	struct ares_channeldata *old = client->channel;
	struct ares_channeldata *channel;
	int result = make_channel(client, &channel);

	if (result != 0)
		return result;
	client->channel = channel; /* first: questions that end now are asked again there */
	ares_destroy(old);
	schedule(client);
	return 0;
}

static void on_answer(void *context, int status, int timeouts, unsigned char *message, int length)
{
	struct question *question = context;
	struct ares_client *client = question->client;
	uint64_t id = question->id;

	free(question);
	client->counts.in_flight--;
	if (client->is_ending)
		return;
	(void)status; /* the message says more; without one nothing does */
	client->counts.timeouts += (uint64_t)timeouts;
	if (message != NULL && length > 0) {
		client->counts.answered++;
		client->sink.answer(client->sink.context, id, message, (size_t)length);
	} else {
		client->counts.unanswered++;
		client->sink.answer(client->sink.context, id, NULL, 0);
	}
}

void ares_client_ask(struct ares_client *client, uint64_t id, const char *name, uint16_t type)
{
	struct question *question = malloc(sizeof(*question));

	if (question == NULL) {
		client->counts.refused_memory++;
		client->sink.answer(client->sink.context, id, NULL, 0);
		return;
	}
	*question = (struct question){client, id};
	client->counts.asked++;
	client->counts.in_flight++;
	ares_query(client->channel, name, CLASS_IN, type, on_answer, question);
	schedule(client);
}

uint64_t ares_client_deadline(const struct ares_client *client)
{
	return client->due_ms;
}

void ares_client_advance(struct ares_client *client)
{
	if (client->counts.in_flight != 0)
		ares_process_fd(client->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	schedule(client);
}

struct ares_client_counts ares_client_get_counts(const struct ares_client *client)
{
	return client->counts;
}
