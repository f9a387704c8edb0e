/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole call costs the switchboard: INVITE, 180, 200, ACK, BYE on both sides, media
 * commands and replies, journal records and CDRs, with ports that only look at what they get.
 * Usage: bench_calls [calls]. Prints CPU time per call, and what an established call costs in
 * memory when nothing happens to it: its slot, its blocks, and its record in the journal.
 */
#include "config/config.h"
#include "switchboard/state.h"
#include "switchboard/switchboard.h"

#include <tandem/contract.h>
#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_CONFIG                                                                               \
	"node: bench\n"                                                                            \
	"sip: {listen: [{address: 10.0.0.1}], max_calls: 50000, max_transactions: 2000000}\n"      \
	"media: {addresses: [10.0.0.1], ports: 10000-65535, rest_s: 0}\n"                          \
	"dataplane: {ports: [{device: net_null0}]}\n"                                              \
	"trunks:\n"                                                                                \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: 0}\n" \
	"  - {name: b, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", options_interval_s: 0}\n" \
	"routes: [{from: a, pattern: \"*\", to: [b]}]\n"

enum {
	COMMANDS_MAX = 8,
	MESSAGE_BYTES = 2048,
	TEXT_BYTES = 96,
	CALLS_DEFAULT = 10000,
	CALLS_HELD = 1000,
};

struct bench {
	struct switchboard *switchboard;
	struct td_now now;
	uint64_t spent_ns;
	uint64_t journal_bytes;
	uint64_t journal_records;
	uint64_t cdrs;
	uint64_t messages;
	uint32_t command_count;
	struct media_command commands[COMMANDS_MAX];
	char to_a[MESSAGE_BYTES]; /* last message to each side */
	char to_b[MESSAGE_BYTES];
};

static void send_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct bench *bench = context;
	char *to = flow->remote.ip.bytes[1] == 1 ? bench->to_a : bench->to_b;

	if (length >= MESSAGE_BYTES)
		abort();
	memcpy(to, bytes, length);
	to[length] = '\0';
	bench->messages++;
}

static void media_command(void *context, const struct media_command *command)
{
	struct bench *bench = context;

	if (bench->command_count == COMMANDS_MAX)
		abort();
	bench->commands[bench->command_count++] = *command;
}

static void journal_put(
	void *context, enum switchboard_journal kind, uint64_t id, const void *value, size_t length)
{
	struct bench *bench = context;

	(void)kind;
	(void)id;
	(void)value;
	bench->journal_bytes += length;
	bench->journal_records++;
}

static void journal_delete(void *context, enum switchboard_journal kind, uint64_t id)
{
	(void)context;
	(void)kind;
	(void)id;
}

static void emit(void *context, const struct event_record *record)
{
	struct bench *bench = context;

	bench->cdrs += record->kind == EVENT_RECORD_CDR;
}

static void receive(struct bench *bench, char side, const char *text)
{
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	char bytes[MESSAGE_BYTES];
	const struct switchboard_message message = {
		.bytes = bytes, .length = strlen(text), .flow = &flow};
	uint64_t start_ns;

	memcpy(bytes, text, message.length);
	(void)td_ip_parse(side == 'a' ? "10.1.0.1" : "10.2.0.1", 8, &flow.remote.ip);
	(void)td_ip_parse("10.0.0.1", 8, &flow.local.ip);
	flow.remote.port = flow.local.port = 5060;
	start_ns = td_mono_ns();
	switchboard_receive_sip(bench->switchboard, &message, bench->now);
	bench->spent_ns += td_since(td_mono_ns(), start_ns);
}

static void reply_media(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->command_count; i++) {
		const struct td_reply reply = {
			.termination_id = bench->commands[i].spec.termination_id,
			.command_type = bench->commands[i].kind == MEDIA_SUBTRACT
						? TD_MESSAGE_SUBTRACT
						: TD_MESSAGE_ADD,
		};
		uint64_t start_ns = td_mono_ns();

		switchboard_media_reply(bench->switchboard, &reply, bench->now);
		bench->spent_ns += td_since(td_mono_ns(), start_ns);
	}
	bench->command_count = 0;
}

/* Copies the value between two marks of a message. */
static const char *cut(const char *message, const char *from, const char *until, char *text)
{
	const char *at = strstr(message, from);
	size_t length;

	if (at == NULL)
		abort();
	at += strlen(from);
	length = strcspn(at, until);
	if (length >= TEXT_BYTES)
		abort();
	memcpy(text, at, length);
	text[length] = '\0';
	return text;
}

#define BODY(ip)                                                                                   \
	"Content-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip \
	"\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"       \
	"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"

static void say_a(
	struct bench *bench, unsigned call, const char *method, unsigned cseq, const char *tail)
{
	char text[MESSAGE_BYTES];
	char tag[TEXT_BYTES] = "";
	bool is_invite = method[0] == 'I';

	if (!is_invite)
		(void)cut(bench->to_a, "To: <sip:100@10.0.0.1>;tag=", "\r", tag);
	(void)snprintf(text, sizeof(text),
		"%s sip:%s10.0.0.1:5060 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKa%u%s;rport\r\n"
		"From: \"Ada\" <sip:+4930123456@10.1.0.1>;tag=a%u\r\n"
		"To: <sip:100@10.0.0.1>%s%s\r\nCall-ID: call-%u@10.1.0.1\r\n"
		"CSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:+4930123456@10.1.0.1:5060>\r\n"
		"User-Agent: bench\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n%s",
		method, is_invite ? "100@" : "", call, method, call, is_invite ? "" : ";tag=", tag,
		call, cseq, method, tail);
	receive(bench, 'a', text);
}

static void say_b(struct bench *bench, unsigned call, unsigned status, const char *tail)
{
	char text[MESSAGE_BYTES];
	char via[TEXT_BYTES];
	char from[TEXT_BYTES * 2];
	char call_id[TEXT_BYTES];
	char cseq[TEXT_BYTES];

	(void)snprintf(text, sizeof(text),
		"SIP/2.0 %u OK\r\nVia: %s\r\nFrom: %s\r\nTo: <sip:100@10.2.0.1>;tag=b%u\r\n"
		"Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:100@10.2.0.1:5060>\r\nServer: bench\r\n%s",
		status, cut(bench->to_b, "Via: ", "\r", via),
		cut(bench->to_b, "From: ", "\r", from), call,
		cut(bench->to_b, "Call-ID: ", "\r", call_id),
		cut(bench->to_b, "CSeq: ", "\r", cseq), tail);
	receive(bench, 'b', text);
}

static void begin_call(struct bench *bench, unsigned call)
{
	bench->now.mono_ms += 1;
	bench->now.wall_ns += TD_NS_PER_MS;
	say_a(bench, call, "INVITE", 1, BODY("10.1.0.1"));
	reply_media(bench);
	say_b(bench, call, 180, "\r\n");
	say_b(bench, call, 200, BODY("10.2.0.1"));
	reply_media(bench);
	say_a(bench, call, "ACK", 1, "\r\n");
}

static void run_call(struct bench *bench, unsigned call)
{
	begin_call(bench, call);
	say_a(bench, call, "BYE", 2, "\r\n");
	reply_media(bench);
	say_b(bench, call, 200, "\r\n"); /* to our BYE */
}

static void advance(struct bench *bench, uint64_t step_ms)
{
	uint64_t start_ns = td_mono_ns();

	bench->now.mono_ms += step_ms;
	switchboard_advance(bench->switchboard, bench->now);
	bench->spent_ns += td_since(td_mono_ns(), start_ns);
}

static void print_memory(struct bench *bench, unsigned first_call)
{
	uint64_t records = bench->journal_records;
	uint64_t bytes = bench->journal_bytes;
	struct switchboard_counts counts;

	for (unsigned i = 0; i < CALLS_HELD; i++)
		begin_call(bench, first_call + i);
	for (unsigned i = 0; i < 100; i++) /* until no transaction is left */
		advance(bench, 1000);
	counts = switchboard_get_counts(bench->switchboard);
	(void)printf("%u held calls: %.0f bytes each (slot %zu: leg %zu, dialog %zu), journal "
		     "records of %.0f bytes; %u transactions\n",
		counts.calls, (double)counts.call_memory_bytes / counts.calls, sizeof(struct line),
		sizeof(struct leg), sizeof(struct dialog),
		(double)(bench->journal_bytes - bytes) / (double)(bench->journal_records - records),
		counts.transactions.clients + counts.transactions.servers);
}

int main(int argc, char **argv)
{
	unsigned calls = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : CALLS_DEFAULT;
	struct bench *bench = calloc(1, sizeof(*bench));
	const struct switchboard_ports ports = {
		bench, send_sip, media_command, journal_put, journal_delete, emit, NULL};
	const uint8_t seed[SWITCHBOARD_SEED_BYTES] = {1};
	struct config_errors errors;
	struct config *config = NULL;
	struct switchboard_counts counts;

	if (bench == NULL)
		abort();
	if (config_load_text(BENCH_CONFIG, strlen(BENCH_CONFIG), "bench", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		return EXIT_FAILURE;
	}
	bench->now = (struct td_now){1000000, 1767225600000000000ull};
	if (switchboard_create(&(const struct switchboard_setup){.config = config, .seed = seed},
		    &ports, bench->now, &bench->switchboard) != 0)
		abort();
	switchboard_media_state(bench->switchboard, LEDGER_READY, bench->now);
	for (unsigned call = 0; call < calls; call++) {
		run_call(bench, call);
		if (call % 100 == 99)
			advance(bench, 0);
	}
	counts = switchboard_get_counts(bench->switchboard);
	for (unsigned i = 0; i < 100; i++) /* timers that linger are part of the price */
		advance(bench, 1000);
	(void)printf(
		"%u calls: %.1f us each, %.1f messages out, %.1f journal records of %.0f bytes, "
		"%.1f CDRs; unexpected %llu, unmatched %llu, answered %llu\n",
		calls, (double)bench->spent_ns / 1000 / calls, (double)bench->messages / calls,
		(double)bench->journal_records / calls,
		(double)bench->journal_bytes / (double)bench->journal_records,
		(double)bench->cdrs / calls, (unsigned long long)counts.unexpected,
		(unsigned long long)counts.unmatched, (unsigned long long)counts.calls_answered);
	print_memory(bench, calls);
	switchboard_destroy(bench->switchboard);
	config_destroy(config);
	free(bench);
	return EXIT_SUCCESS;
}
