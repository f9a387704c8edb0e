/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to turn a caller away: an INVITE of usual size that is refused, and the ACK that
 * follows. Usage: bench_refusal [calls]. Prints CPU time; count instructions with
 * valgrind --tool=callgrind for two numbers of calls.
 */
#include "config/config.h"
#include "switchboard/switchboard.h"

#include <tandem/contract.h>
#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_CONFIG                                                     \
	"node: bench\n"                                                  \
	"sip: {listen: [{address: 10.0.0.1}]}\n"                         \
	"media: {addresses: [10.0.0.1]}\n"                               \
	"dataplane: {ports: [{device: net_null0}]}\n"                    \
	"trunks:\n"                                                      \
	"  - {name: a, sources: [10.1.0.1], target: \"sip:10.1.0.1\"}\n" \
	"routes: [{from: a, pattern: \"*\", to: [a]}]\n"

enum {
	CALLS_DEFAULT = 200000,
	TEXT_BYTES = 2048,
};

struct bench {
	struct switchboard *switchboard;
	struct td_now now;
	uint64_t refusals;
	char tag[64];
};

static void send_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct bench *bench = context;
	const char *tag = memmem(bytes, length, "10.0.0.1>;tag=", 14);

	(void)flow;
	bench->refusals += memcmp(bytes, "SIP/2.0 503", 11) == 0;
	if (tag != NULL)
		(void)snprintf(bench->tag, sizeof(bench->tag), "%.*s", (int)strcspn(tag + 14, "\r"),
			tag + 14);
}

static void media_command(void *context, const struct media_command *command)
{
	(void)context;
	(void)command;
}

static void journal_put(
	void *context, enum switchboard_journal kind, uint64_t id, const void *value, size_t length)
{
	(void)context;
	(void)kind;
	(void)id;
	(void)value;
	(void)length;
}

static void journal_delete(void *context, enum switchboard_journal kind, uint64_t id)
{
	(void)context;
	(void)kind;
	(void)id;
}

static void emit(void *context, const struct event_record *record)
{
	(void)context;
	(void)record;
}

static uint64_t receive(struct bench *bench, char *text)
{
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	const struct switchboard_message message = {
		.bytes = text, .length = strlen(text), .flow = &flow};
	uint64_t start_ns;

	(void)td_ip_parse("10.1.0.1", 8, &flow.remote.ip);
	(void)td_ip_parse("10.0.0.1", 8, &flow.local.ip);
	flow.remote.port = flow.local.port = 5060;
	start_ns = td_mono_ns();
	switchboard_receive_sip(bench->switchboard, &message, bench->now);
	return td_since(td_mono_ns(), start_ns);
}

static void write_request(unsigned call, const char *method, const char *tag, char *text)
{
	(void)snprintf(text, TEXT_BYTES,
		"%s sip:+4930555000@10.0.0.1:5060;user=phone SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-524287-1---%u;rport\r\n"
		"Max-Forwards: 69\r\n"
		"From: \"Ada Lovelace\" <sip:+4930123456@10.1.0.1;user=phone>;tag=8a7f%u\r\n"
		"To: <sip:+4930555000@10.0.0.1>%s%s\r\n"
		"Call-ID: 0b6a4b1e8f1d4c6f-%u@10.1.0.1\r\n"
		"CSeq: 1 %s\r\n"
		"Contact: <sip:+4930123456@10.1.0.1:5060;transport=udp>\r\n"
		"Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, UPDATE\r\n"
		"Supported: timer, 100rel, replaces, path\r\n"
		"Session-Expires: 1800\r\nMin-SE: 90\r\n"
		"User-Agent: Carrier-SBC/7.4.2\r\n"
		"P-Asserted-Identity: <sip:+4930123456@10.1.0.1;user=phone>\r\n",
		method, call, call, tag[0] != '\0' ? ";tag=" : "", tag, call, method);
	if (method[0] == 'I')
		(void)strcat(text,
			"Content-Type: application/sdp\r\nContent-Length: 260\r\n\r\n"
			"v=0\r\no=sbc 3748283 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\n"
			"t=0 0\r\nm=audio 20000 RTP/AVP 8 0 9 18 101\r\na=rtpmap:8 PCMA/8000\r\n"
			"a=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\n"
			"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n");
	else
		(void)strcat(text, "Content-Length: 0\r\n\r\n");
}

int main(int argc, char **argv)
{
	unsigned calls = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : CALLS_DEFAULT;
	struct bench bench = {.now = {1000000, 1767225600000000000ull}};
	const struct switchboard_ports ports = {
		&bench, send_sip, media_command, journal_put, journal_delete, emit, NULL};
	const uint8_t seed[SWITCHBOARD_SEED_BYTES] = {1};
	uint64_t invites_ns = 0;
	uint64_t acks_ns = 0;
	struct config_errors errors;
	struct config *config = NULL;
	char text[TEXT_BYTES];

	if (config_load_text(BENCH_CONFIG, strlen(BENCH_CONFIG), "bench", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		return EXIT_FAILURE;
	}
	if (switchboard_create(&(const struct switchboard_setup){.config = config, .seed = seed},
		    &ports, bench.now, &bench.switchboard) != 0)
		abort();
	switchboard_set_gate(bench.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	for (unsigned call = 0; call < calls; call++) {
		write_request(call, "INVITE", "", text);
		invites_ns += receive(&bench, text);
		write_request(call, "ACK", bench.tag, text);
		acks_ns += receive(&bench, text);
	}
	(void)printf("%u calls, %llu refused: %llu ns each, %llu ns for the ACK\n", calls,
		(unsigned long long)bench.refusals, (unsigned long long)invites_ns / calls,
		(unsigned long long)acks_ns / calls);
	switchboard_destroy(bench.switchboard);
	config_destroy(config);
	return bench.refusals == calls ? EXIT_SUCCESS : EXIT_FAILURE;
}
