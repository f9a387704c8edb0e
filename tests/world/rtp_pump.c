/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the media of many calls: sends a G.711 packet each 20 ms on each stream and counts
 * what comes back, to the packet. SIPp does the signalling of those calls and cannot count media.
 * Driven by lines on standard input, answers with one line of JSON; see pump_line(). A test
 * program: one thread, allocates at start, ends when its input does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	PACKET_MS = 20,
	PACKET_TICKS = 160, /* of the 8 kHz RTP clock */
	HEADER_BYTES = 12,
	PACKET_BYTES = HEADER_BYTES + PACKET_TICKS,
	STREAMS_MAX = 4096,
	RECEIVE_BUFFER_BYTES = 256 << 10,
	LINE_BYTES = 256,
	EVENTS_PER_TURN = 256,
	SEQUENCE_HALF = 0x8000, /* nearer than this ahead is new, else late */
};

/* Keys of epoll events: below COUNT a stream's RTP socket, then RTCP sockets, then these. */
enum {
	KEY_TIMER = 1 << 20,
	KEY_INPUT,
};

struct stream {
	int rtp_socket;
	int rtcp_socket;
	struct sockaddr_storage target;
	socklen_t target_bytes;
	uint64_t remaining_packets; /* stops after so many; 0: doesn't send */
	uint16_t sequence;
	uint32_t timestamp_ts;
	uint32_t ssrc;
	uint64_t sent_packets;
	/* what was received */
	bool has_source;
	uint16_t next_sequence;
	uint32_t next_timestamp_ts;
	uint32_t source;
	uint64_t last_arrival_ns;
	uint64_t received_packets;
	int64_t lost_packets;
	uint64_t late_packets;
	uint64_t source_changes;
	uint64_t timestamp_breaks;
	uint64_t max_gap_ns; /* between arrivals, since "mark" */
	uint64_t rtcp_packets;
};

struct pump {
	struct stream *streams;
	unsigned stream_count;
	int epoll;
	int timer;
	unsigned slot; /* streams with index % PACKET_MS == slot are sent in this millisecond */
	char line[LINE_BYTES];
	size_t line_bytes;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "rtp-pump: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Numeric addresses only; exits on a bad one, since only tests call this program. */
static socklen_t parse_address(const char *host, const char *port, struct sockaddr_storage *ret)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	socklen_t bytes;

	if (getaddrinfo(host, port, &hints, &found) != 0) {
		fprintf(stderr, "rtp-pump: not an address: %s %s\n", host, port);
		exit(1);
	}
	bytes = found->ai_addrlen;
	memcpy(ret, found->ai_addr, bytes);
	freeaddrinfo(found);
	return bytes;
}

static void watch(const struct pump *pump, int descriptor, unsigned key)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = key};

	if (epoll_ctl(pump->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
		fail("epoll_ctl");
}

static int open_socket(const char *host, unsigned port)
{
	struct sockaddr_storage local;
	char text[8];
	socklen_t bytes;
	int buffer_bytes = RECEIVE_BUFFER_BYTES;
	int descriptor;

	snprintf(text, sizeof(text), "%u", port);
	bytes = parse_address(host, text, &local);
	descriptor = socket(local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&local, bytes) != 0)
		fail("bind");
	/* root may go beyond the system's limit; if not, the default has to do */
	(void)setsockopt(
		descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	return descriptor;
}

static void open_streams(struct pump *pump, const char *host, unsigned first_port)
{
	for (unsigned i = 0; i < pump->stream_count; i++) {
		struct stream *stream = &pump->streams[i];

		stream->rtp_socket = open_socket(host, first_port + 2 * i);
		stream->rtcp_socket = open_socket(host, first_port + 2 * i + 1);
		stream->ssrc = (uint32_t)now_ns() ^ i << 20;
		stream->sequence = (uint16_t)(i * 37);
		watch(pump, stream->rtp_socket, i);
		watch(pump, stream->rtcp_socket, pump->stream_count + i);
	}
}

static void write_be32(uint8_t *bytes, uint32_t value)
{
	value = htonl(value);
	memcpy(bytes, &value, sizeof(value));
}

static uint32_t read_be32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

static void send_packet(struct stream *stream)
{
	uint8_t packet[PACKET_BYTES];

	memset(packet, 0xd5, sizeof(packet));
	packet[0] = 0x80; /* version 2 */
	packet[1] = 0;	  /* PCMU */
	packet[2] = (uint8_t)(stream->sequence >> 8);
	packet[3] = (uint8_t)stream->sequence;
	write_be32(packet + 4, stream->timestamp_ts);
	write_be32(packet + 8, stream->ssrc);
	stream->sequence++;
	stream->timestamp_ts += PACKET_TICKS;
	stream->remaining_packets--;
	if (sendto(stream->rtp_socket, packet, sizeof(packet), 0,
		    (struct sockaddr *)&stream->target, stream->target_bytes) == sizeof(packet))
		stream->sent_packets++;
}

static void send_slot(struct pump *pump)
{
	for (unsigned i = pump->slot; i < pump->stream_count; i += PACKET_MS) {
		if (pump->streams[i].remaining_packets != 0)
			send_packet(&pump->streams[i]);
	}
	pump->slot = (pump->slot + 1) % PACKET_MS;
}

static void count_packet(struct stream *stream, const uint8_t *packet, uint64_t arrival_ns)
{
	uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
	uint32_t timestamp_ts = read_be32(packet + 4);
	uint32_t source = read_be32(packet + 8);
	uint16_t ahead = (uint16_t)(sequence - stream->next_sequence);

	stream->received_packets++;
	if (stream->last_arrival_ns != 0 &&
		arrival_ns - stream->last_arrival_ns > stream->max_gap_ns)
		stream->max_gap_ns = arrival_ns - stream->last_arrival_ns;
	stream->last_arrival_ns = arrival_ns;
	if (stream->has_source && source == stream->source) {
		if (ahead >= SEQUENCE_HALF) {
			stream->late_packets++;
			stream->lost_packets--;
			return;
		}
		stream->lost_packets += ahead;
		if (timestamp_ts != stream->next_timestamp_ts + ahead * (uint32_t)PACKET_TICKS)
			stream->timestamp_breaks++;
	} else if (stream->has_source) {
		stream->source_changes++;
	}
	stream->has_source = true;
	stream->source = source;
	stream->next_sequence = (uint16_t)(sequence + 1);
	stream->next_timestamp_ts = timestamp_ts + PACKET_TICKS;
}

static void receive(struct pump *pump, unsigned key)
{
	bool is_rtcp = key >= pump->stream_count;
	struct stream *stream = &pump->streams[key % pump->stream_count];
	int descriptor = is_rtcp ? stream->rtcp_socket : stream->rtp_socket;
	uint8_t packet[2048];
	ssize_t bytes;

	while ((bytes = recv(descriptor, packet, sizeof(packet), 0)) >= 0) {
		if (is_rtcp)
			stream->rtcp_packets++;
		else if (bytes >= HEADER_BYTES)
			count_packet(stream, packet, now_ns());
	}
}

static void report(const struct pump *pump)
{
	printf("[");
	for (unsigned i = 0; i < pump->stream_count; i++) {
		const struct stream *stream = &pump->streams[i];

		printf("%s{\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRId64
		       ",\"late\":%" PRIu64 ",\"source_changes\":%" PRIu64
		       ",\"timestamp_breaks\":%" PRIu64 ",\"max_gap_ms\":%" PRIu64
		       ",\"idle_ms\":%" PRIu64 ",\"ssrc\":%u,\"rtcp\":%" PRIu64 "}",
			i == 0 ? "" : ",", stream->sent_packets, stream->received_packets,
			stream->lost_packets, stream->late_packets, stream->source_changes,
			stream->timestamp_breaks, stream->max_gap_ns / 1000000,
			stream->last_arrival_ns == 0
				? 0
				: (now_ns() - stream->last_arrival_ns) / 1000000,
			stream->source, stream->rtcp_packets);
	}
	printf("]\n");
}

static void mark(struct pump *pump)
{
	for (unsigned i = 0; i < pump->stream_count; i++)
		pump->streams[i].max_gap_ns = 0;
	printf("\"marked\"\n");
}

static void start_sending(
	struct stream *stream, const char *host, const char *port, const char *count_text)
{
	stream->target_bytes = parse_address(host, port, &stream->target);
	stream->remaining_packets = count_text ? strtoull(count_text, NULL, 10) : UINT64_MAX;
}

/* "send INDEX HOST PORT [PACKETS]": sends there from now on, or so many packets; "hold INDEX":
 * stops; "report": an array with an object per stream; "mark": forgets the longest gaps so far.
 * Only the last two are answered. */
static void pump_line(struct pump *pump, char *line)
{
	char *words[5] = {NULL};
	char *save = NULL;
	unsigned long index;

	for (size_t i = 0; i < 5; i++)
		words[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
	index = words[1] ? strtoul(words[1], NULL, 10) : 0;
	if (!words[0] || index >= pump->stream_count)
		fprintf(stderr, "rtp-pump: what is that?\n");
	else if (strcmp(words[0], "report") == 0)
		report(pump);
	else if (strcmp(words[0], "mark") == 0)
		mark(pump);
	else if (strcmp(words[0], "hold") == 0)
		pump->streams[index].remaining_packets = 0;
	else if (strcmp(words[0], "send") == 0 && words[3])
		start_sending(&pump->streams[index], words[2], words[3], words[4]);
	fflush(stdout);
}

/* False at the end of input. */
static bool read_input(struct pump *pump)
{
	size_t room = sizeof(pump->line) - 1 - pump->line_bytes;
	ssize_t bytes = read(STDIN_FILENO, pump->line + pump->line_bytes, room);
	char *end;

	if (bytes <= 0)
		return false;
	pump->line_bytes += (size_t)bytes;
	pump->line[pump->line_bytes] = '\0';
	while ((end = strchr(pump->line, '\n')) != NULL) {
		size_t used = (size_t)(end + 1 - pump->line);

		*end = '\0';
		pump_line(pump, pump->line);
		pump->line_bytes -= used;
		memmove(pump->line, end + 1, pump->line_bytes + 1);
	}
	return pump->line_bytes < sizeof(pump->line) - 1;
}

static void start_timer(struct pump *pump)
{
	struct itimerspec each_ms = {.it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000};

	pump->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (pump->timer < 0 || timerfd_settime(pump->timer, 0, &each_ms, NULL) != 0)
		fail("timerfd");
	watch(pump, pump->timer, KEY_TIMER);
}

static void tick(struct pump *pump)
{
	uint64_t expired = 0;

	if (read(pump->timer, &expired, sizeof(expired)) != sizeof(expired))
		return;
	while (expired-- > 0)
		send_slot(pump);
}

/* One turn of the loop; false when the input has ended. */
static bool turn(struct pump *pump)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(pump->epoll, events, EVENTS_PER_TURN, -1);

	for (int i = 0; i < count; i++) {
		unsigned key = events[i].data.u32;

		if (key == KEY_TIMER)
			tick(pump);
		else if (key != KEY_INPUT)
			receive(pump, key);
		else if (!read_input(pump))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct pump pump = {0};

	if (argc != 4) {
		fprintf(stderr, "usage: rtp-pump ADDRESS FIRST_PORT STREAMS\n");
		return 2;
	}
	pump.stream_count = (unsigned)strtoul(argv[3], NULL, 10);
	if (pump.stream_count == 0 || pump.stream_count > STREAMS_MAX) {
		fprintf(stderr, "rtp-pump: 1 to %d streams\n", STREAMS_MAX);
		return 2;
	}
	pump.streams = calloc(pump.stream_count, sizeof(*pump.streams));
	pump.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!pump.streams || pump.epoll < 0)
		fail("start");
	open_streams(&pump, argv[1], (unsigned)strtoul(argv[2], NULL, 10));
	start_timer(&pump);
	watch(&pump, STDIN_FILENO, KEY_INPUT);
	printf("\"ready\"\n");
	fflush(stdout);
	while (turn(&pump))
		;
	free(pump.streams);
	return 0;
}
