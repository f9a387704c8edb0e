/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends mutants of SIP messages to an appliance by UDP, or by TCP connections that it opens anew
 * whenever one is closed, and between them well-formed OPTIONS requests whose answers it times:
 * a stall shows as a late answer. A test program with one thread; ends by itself. Prints one line
 * of JSON.
 *
 *   mutant-storm CORPUS FROM TO PORT udp|tcp COUNT RATE SEED
 */
#include "differential/mutant.h"

#include <tandem/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PROBE_INTERVAL_MS = 5,
	PROBE_PATIENCE_MS = 5000,
	SLOW_MS = 10,
	PACE_NS = 100000,
	PROBE_BYTES = 512,
	READ_BYTES = 65536,
};

struct storm {
	struct mutant_corpus *corpus; /* owns */
	struct sockaddr_in from;
	struct sockaddr_in to;
	bool is_stream;
	uint64_t count;
	uint64_t rate_pps;
	uint64_t seed;
	int mutants; /* socket they go by; -1: none open */
	int probes;
	uint64_t begin_ns;
	uint64_t sent;
	uint64_t unsent; /* the socket took no more */
	uint64_t connections;
	uint64_t probe_number;
	uint64_t probe_sent_ns; /* 0: none is out */
	uint64_t answered;
	uint64_t unanswered;
	uint64_t slowest_ns;
	uint64_t slow; /* answers later than 10 ms */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail with this clock */
	return (uint64_t)now.tv_sec * TD_NS_PER_S + (uint64_t)now.tv_nsec;
}

static int open_socket(const struct storm *storm, int kind)
{
	struct sockaddr_in from = storm->from;
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	from.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
		connect(fd, (const struct sockaddr *)&storm->to, sizeof(storm->to)) == 0)
		return fd;
	(void)close(fd); /* nothing was sent */
	return -1;
}

static void send_probe(struct storm *storm)
{
	char text[PROBE_BYTES];
	struct sockaddr_in own;
	socklen_t own_bytes = sizeof(own);
	char address[INET_ADDRSTRLEN];
	int length;

	storm->probe_number++;
	(void)getsockname(storm->probes, (struct sockaddr *)&own, &own_bytes); /* it is bound */
	(void)inet_ntop(AF_INET, &own.sin_addr, address, sizeof(address));
	length = snprintf(text, sizeof(text),
		"OPTIONS sip:probe SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;rport;branch=z9hG4bK-p%" PRIu64
		"\r\nFrom: <sip:p@%s>;tag=p\r\nTo: <sip:probe>\r\nCall-ID: probe-%" PRIu64
		"\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		address, ntohs(own.sin_port), storm->probe_number, address, storm->probe_number);
	if (send(storm->probes, text, (size_t)length, 0) == length)
		storm->probe_sent_ns = now_ns();
}

/* Takes what has come back; true if the probe that is out was answered. */
static void read_probes(struct storm *storm)
{
	static char bytes[READ_BYTES];
	char wanted[64];
	ssize_t length;

	(void)snprintf(
		wanted, sizeof(wanted), "Call-ID: probe-%" PRIu64 "\r\n", storm->probe_number);
	while ((length = recv(storm->probes, bytes, sizeof(bytes) - 1, MSG_DONTWAIT)) > 0) {
		uint64_t took_ns = td_since(now_ns(), storm->probe_sent_ns);

		bytes[length] = '\0';
		if (storm->probe_sent_ns == 0 || strstr(bytes, wanted) == NULL)
			continue;
		storm->probe_sent_ns = 0;
		storm->answered++;
		storm->slow += took_ns > (uint64_t)SLOW_MS * TD_NS_PER_MS;
		if (took_ns > storm->slowest_ns)
			storm->slowest_ns = took_ns;
	}
}

static void probe(struct storm *storm)
{
	static uint64_t next_ns;
	uint64_t now = now_ns();

	read_probes(storm);
	if (storm->probe_sent_ns != 0 &&
		td_since(now, storm->probe_sent_ns) > (uint64_t)PROBE_PATIENCE_MS * TD_NS_PER_MS) {
		storm->unanswered++;
		storm->probe_sent_ns = 0;
	}
	if (storm->probe_sent_ns == 0 && now >= next_ns) {
		send_probe(storm);
		next_ns = now + (uint64_t)PROBE_INTERVAL_MS * TD_NS_PER_MS;
	}
}

static void send_mutant(struct storm *storm)
{
	static char bytes[MUTANT_MAX_BYTES];
	static char answers[READ_BYTES];
	size_t length = mutant_make(storm->corpus, storm->seed, storm->sent, bytes);

	if (storm->mutants < 0) {
		storm->mutants = open_socket(storm, storm->is_stream ? SOCK_STREAM : SOCK_DGRAM);
		storm->connections++;
	}
	storm->sent++;
	if (storm->mutants < 0 ||
		send(storm->mutants, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		storm->unsent++;
	while (storm->mutants >= 0) {
		ssize_t got = recv(storm->mutants, answers, sizeof(answers), MSG_DONTWAIT);

		if (got > 0 || (got < 0 && errno == ECONNREFUSED))
			continue;
		/* A stream that has swallowed half a message as a body is of no more use. */
		if (storm->is_stream && (got == 0 || errno != EAGAIN || storm->sent % 16 == 0)) {
			(void)close(storm->mutants); /* the next mutant opens another */
			storm->mutants = -1;
		}
		break;
	}
}

/* Waits for the probe's answer, or until the next mutants are due. */
static void wait_answer(const struct storm *storm)
{
	struct pollfd answer = {.fd = storm->probes, .events = POLLIN};

	(void)ppoll(&answer, 1, &(const struct timespec){.tv_nsec = PACE_NS}, NULL); /* either */
}

static void run(struct storm *storm)
{
	storm->begin_ns = now_ns();
	while (storm->sent < storm->count) {
		uint64_t due = td_since(now_ns(), storm->begin_ns) * storm->rate_pps / TD_NS_PER_S;

		probe(storm);
		for (unsigned i = 0; i < 32 && storm->sent < due && storm->sent < storm->count; i++)
			send_mutant(storm);
		if (storm->sent >= due)
			wait_answer(storm);
	}
	while (storm->probe_sent_ns != 0)
		probe(storm);
}

static bool read_arguments(struct storm *storm, int count, char **arguments)
{
	if (count != 9 || mutant_corpus_load(arguments[1], &storm->corpus) != 0)
		return false;
	storm->from.sin_family = storm->to.sin_family = AF_INET;
	storm->to.sin_port = htons((uint16_t)strtoul(arguments[4], NULL, 10));
	storm->is_stream = strcmp(arguments[5], "tcp") == 0;
	storm->count = strtoull(arguments[6], NULL, 10);
	storm->rate_pps = strtoull(arguments[7], NULL, 10);
	storm->seed = strtoull(arguments[8], NULL, 0);
	return inet_pton(AF_INET, arguments[2], &storm->from.sin_addr) == 1 &&
	       inet_pton(AF_INET, arguments[3], &storm->to.sin_addr) == 1 && storm->rate_pps != 0;
}

int main(int argument_count, char **arguments)
{
	struct storm storm = {.mutants = -1};

	if (!read_arguments(&storm, argument_count, arguments)) {
		(void)fprintf(stderr, "usage: %s CORPUS FROM TO PORT udp|tcp COUNT RATE SEED\n",
			arguments[0]);
		return EXIT_FAILURE;
	}
	storm.probes = open_socket(&storm, SOCK_DGRAM);
	if (storm.probes < 0) {
		perror("socket for probes");
		return EXIT_FAILURE;
	}
	run(&storm);
	printf("{\"sent\": %" PRIu64 ", \"unsent\": %" PRIu64 ", \"connections\": %" PRIu64
	       ", \"seconds\": %.1f, \"probes_answered\": %" PRIu64
	       ", \"probes_unanswered\": %" PRIu64 ", \"slower_than_10_ms\": %" PRIu64
	       ", \"slowest_ms\": %.2f}\n",
		storm.sent, storm.unsent, storm.connections,
		(double)td_since(now_ns(), storm.begin_ns) / (double)TD_NS_PER_S, storm.answered,
		storm.unanswered, storm.slow, (double)storm.slowest_ns / (double)TD_NS_PER_MS);
	mutant_corpus_free(storm.corpus);
	return EXIT_SUCCESS;
}
