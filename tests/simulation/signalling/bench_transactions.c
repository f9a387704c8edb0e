/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an INVITE costs at both ends: a client and a server transaction from the request to the
 * 2xx and its ACK, parsing included, and the memory of each while it rings and while it lingers.
 * Prints one line per figure. `meson test --benchmark` runs it.
 */
#include "transaction/machine.h"
#include "transaction/transaction.h"

#include <tandem/time.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAIRS = 100000,
	LINGERING = 32000, /* transactions that stand while others begin and end */
	BODY_BYTES = 700,
	MESSAGE_BYTES = 2048,
	MESSAGES_PER_PAIR = 5, /* INVITE, 100, 180, 200, ACK */
};

struct end {
	struct transaction_table *table;
	struct sip_flow flow;
	char sent[MESSAGE_BYTES];
	size_t sent_length;
	transaction_id id;		       /* of the last new request */
	char branch[TRANSACTION_BRANCH_BYTES]; /* of the last INVITE sent */
};

static char body[BODY_BYTES + 1];

static void end_send(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct end *end = context;

	(void)flow;
	memcpy(end->sent, bytes, length);
	end->sent_length = length;
}

static void end_told(void *context, const struct transaction_indication *indication)
{
	struct end *end = context;

	if (indication->event == TRANSACTION_REQUEST)
		end->id = indication->id;
}

static void end_create(struct end *end, const char *own, const char *other, uint8_t seed)
{
	struct transaction_config config = {.t1_ms = 500,
		.t2_ms = 4000,
		.t4_ms = 5000,
		.timer_c_ms = 181000,
		.capacity = 2 * LINGERING,
		.seed = {seed}};
	struct transaction_sink sink = {.context = end, .send = end_send, .indicate = end_told};
	bool are_good;

	memset(end, 0, sizeof(*end));
	are_good = td_ip_parse(own, strlen(own), &end->flow.local.ip) &&
		   td_ip_parse(other, strlen(other), &end->flow.remote.ip);
	end->flow.local.port = end->flow.remote.port = 5060;
	end->flow.transport = SIP_TRANSPORT_UDP;
	if (!are_good || transaction_table_create(&config, &sink, &end->table) != 0)
		abort();
}

static void deliver(const struct end *from, struct end *to, uint64_t now_ms)
{
	static struct sip_message message;
	char copy[MESSAGE_BYTES];
	struct sip_parse_error error;

	memcpy(copy, from->sent, from->sent_length);
	if (sip_message_parse(copy, from->sent_length, false, &message, &error) != 0)
		abort();
	transaction_receive(to->table, &message, &to->flow, now_ms);
}

static size_t write_request(char *text, const char *method, const char *branch, uint32_t number)
{
	bool is_invite = strcmp(method, "INVITE") == 0;

	return (size_t)snprintf(text, MESSAGE_BYTES,
		"%s sip:+4930123456@192.0.2.2;user=phone SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport\r\n"
		"Max-Forwards: 69\r\n"
		"From: \"Alice\" <sip:+493099999@192.0.2.1>;tag=a%u\r\n"
		"To: <sip:+4930123456@192.0.2.2>\r\n"
		"Call-ID: %u-0123456789abcdef@192.0.2.1\r\n"
		"CSeq: 1 %s\r\n"
		"Contact: <sip:192.0.2.1:5060>\r\n"
		"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER\r\n"
		"Supported: timer, 100rel\r\n"
		"P-Asserted-Identity: <sip:+493099999@192.0.2.1>\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: %d\r\n\r\n%s",
		method, branch, number, number, method, is_invite ? BODY_BYTES : 0,
		is_invite ? body : "");
}

static size_t write_response(char *text, unsigned status, const char *branch, uint32_t number)
{
	return (size_t)snprintf(text, MESSAGE_BYTES,
		"SIP/2.0 %u Fine\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport=5060;received=192.0.2.1\r\n"
		"From: \"Alice\" <sip:+493099999@192.0.2.1>;tag=a%u\r\n"
		"To: <sip:+4930123456@192.0.2.2>;tag=b%u\r\n"
		"Call-ID: %u-0123456789abcdef@192.0.2.1\r\n"
		"CSeq: 1 INVITE\r\n"
		"Contact: <sip:192.0.2.2:5060>\r\n"
		"Content-Length: %d\r\n\r\n%s",
		status, branch, number, number, number, status == 200 ? BODY_BYTES : 0,
		status == 200 ? body : "");
}

/* The server's answer to the request that came last, up to the client. */
static void respond(
	struct end *client, struct end *server, unsigned status, uint32_t number, uint64_t now_ms)
{
	char text[MESSAGE_BYTES];
	const char *branch = client->branch;
	struct span response = {text, (uint32_t)write_response(text, status, branch, number)};

	if (transaction_respond(server->table, server->id, status, response, now_ms) != 0)
		abort();
	deliver(server, client, now_ms);
}

/* up_to_status: 180 leaves the pair ringing, 200 brings it to its end. */
static void run_pair(struct end *client, struct end *server, uint32_t number, unsigned up_to_status,
	uint64_t now_ms)
{
	struct transaction_options options = {.flow = &client->flow, .user = number};
	char *branch = client->branch;
	char text[MESSAGE_BYTES];
	transaction_id id;
	size_t length;

	transaction_branch(client->table, branch);
	length = write_request(text, "INVITE", branch, number);
	if (transaction_request(client->table, (struct span){text, (uint32_t)length}, &options,
		    now_ms, &id) != 0)
		abort();
	deliver(client, server, now_ms);
	respond(client, server, 100, number, now_ms);
	respond(client, server, 180, number, now_ms);
	if (up_to_status == 180)
		return;
	respond(client, server, 200, number, now_ms);
	transaction_branch(client->table, branch);
	client->sent_length = write_request(client->sent, "ACK", branch, number);
	deliver(client, server, now_ms);
	(void)transaction_acknowledged(server->table, server->id);
}

static void print_memory(const char *what, const struct end *end, uint32_t count)
{
	size_t bytes = end->table->heap.in_use_bytes;

	printf("%s: %zu bytes per transaction (%zu fixed, %zu of messages)\n", what,
		sizeof(struct transaction) + bytes / count, sizeof(struct transaction),
		bytes / count);
}

/* The same texts made and parsed, without transactions: what isn't theirs. */
static double text_ns(void)
{
	static struct sip_message message;
	struct sip_parse_error error;
	char text[MESSAGE_BYTES];
	td_ns_t begin_ns = td_mono_ns();

	for (uint32_t i = 0; i < PAIRS; i++) {
		size_t length = write_request(text, "INVITE", "z9hG4bK0123456789abcdef", i);

		for (int j = 0; j < MESSAGES_PER_PAIR; j++) {
			if (j == 4)
				length = write_request(text, "ACK", "z9hG4bK0123456789", i);
			else if (j != 0)
				length = write_response(
					text, j == 3 ? 200 : 180, "z9hG4bK0123456789abcdef", i);
			if (sip_message_parse(text, length, false, &message, &error) != 0)
				abort();
		}
	}
	return (double)td_since(td_mono_ns(), begin_ns) / PAIRS;
}

int main(void)
{
	struct end client;
	struct end server;
	uint64_t now_ms = 1000;
	td_ns_t begin_ns;
	double whole_ns;
	double other_ns;

	memset(body, 'x', BODY_BYTES);
	end_create(&client, "192.0.2.1", "192.0.2.2", 1);
	end_create(&server, "192.0.2.2", "192.0.2.1", 2);
	for (uint32_t i = 0; i < LINGERING; i++)
		run_pair(&client, &server, i, 180, now_ms);
	print_memory("client ringing", &client, LINGERING);
	print_memory("server ringing", &server, LINGERING);
	transaction_table_destroy(client.table);
	transaction_table_destroy(server.table);

	end_create(&client, "192.0.2.1", "192.0.2.2", 1);
	end_create(&server, "192.0.2.2", "192.0.2.1", 2);
	begin_ns = td_mono_ns();
	for (uint32_t i = 0; i < PAIRS; i++) {
		now_ms++; /* 1000 calls per second: LINGERING stand */
		transaction_advance(client.table, now_ms);
		transaction_advance(server.table, now_ms);
		run_pair(&client, &server, i, 200, now_ms);
	}
	whole_ns = (double)td_since(td_mono_ns(), begin_ns) / PAIRS;
	other_ns = text_ns();
	print_memory("client lingering", &client, LINGERING);
	print_memory("server lingering", &server, LINGERING);
	printf("INVITE pair, 5 messages, %d standing: %.0f ns, of that %.0f ns texts and parsing\n",
		LINGERING, whole_ns, other_ns);
	transaction_table_destroy(client.table);
	transaction_table_destroy(server.table);
	return 0;
}
