/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both transaction users of the simulation: they plan by dice, act through the table only, and
 * write down what they are told.
 */
#include "exchange.h"

#include "sip/builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	MESSAGE_BYTES = 2048,
	PERCENT = 100,
};

static struct exchange_entry *entry_of(struct exchange *exchange, struct span call_id)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < call_id.length && call_id.text[i] != '@'; i++)
		number = 10 * number + (uint32_t)(call_id.text[i] - '0');
	assert_true(number < exchange->config.transactions);
	return &exchange->entries[number];
}

static void end_send(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct exchange_end *end = context;

	sim_net_send(end->exchange->net, end->node, flow, bytes, length);
}

static void end_receive(
	void *context, const struct sip_flow *flow, char *bytes, size_t length, uint64_t now_ms)
{
	struct exchange_end *end = context;
	struct sip_message message;
	struct sip_parse_error error;

	if (sip_message_parse(bytes, length, false, &message, &error) != 0)
		fail_msg("%s in\n%.*s", error.reason, (int)length, bytes);
	transaction_receive(end->table, &message, flow, now_ms);
}

static uint64_t end_deadline(void *context)
{
	return transaction_deadline(((struct exchange_end *)context)->table);
}

static void end_advance(void *context, uint64_t now_ms)
{
	transaction_advance(((struct exchange_end *)context)->table, now_ms);
}

static void write_request(struct sip_builder *builder, const struct exchange_entry *entry,
	const char *method, const char *branch, const char *to_tag)
{
	const struct exchange *exchange = entry->exchange;

	sip_build_request_line(builder, span_from(method), SPAN("sip:server@192.0.2.2"));
	sip_build_header_format(builder, SIP_HEADER_VIA, "SIP/2.0/%s 192.0.2.1:5060;branch=%s",
		sip_transport_name(exchange->config.transport), branch);
	sip_build_header_format(builder, SIP_HEADER_MAX_FORWARDS, "70");
	sip_build_header_format(
		builder, SIP_HEADER_FROM, "<sip:client@192.0.2.1>;tag=c%u", entry->number);
	sip_build_header_format(builder, SIP_HEADER_TO, "<sip:server@192.0.2.2>%s%s",
		to_tag[0] ? ";tag=" : "", to_tag);
	sip_build_header_format(builder, SIP_HEADER_CALL_ID, "%u@192.0.2.1", entry->number);
	sip_build_header_format(builder, SIP_HEADER_CSEQ, "1 %s", method);
	sip_build_header(builder, SIP_HEADER_CONTACT, SPAN("<sip:client@192.0.2.1>"));
}

static void client_cancel(void *context, uint64_t now_ms)
{
	struct exchange_entry *entry = context;
	int error = transaction_cancel(
		entry->exchange->client.table, entry->client_id, SPAN("SIP;cause=487"), now_ms);

	assert_true(error == 0 || error == -ENOENT || error == -EALREADY);
}

static void client_start(void *context, uint64_t now_ms)
{
	struct exchange_entry *entry = context;
	struct exchange_end *end = &entry->exchange->client;
	struct transaction_options options = {.flow = &end->flow, .user = entry->number};
	char bytes[MESSAGE_BYTES];
	char branch[TRANSACTION_BRANCH_BYTES];
	struct sip_builder builder;
	int length;

	transaction_branch(end->table, branch);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	write_request(&builder, entry, entry->is_invite ? "INVITE" : "OPTIONS", branch, "");
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	if (transaction_request(end->table, (struct span){bytes, (uint32_t)length}, &options,
		    now_ms, &entry->client_id) != 0) {
		entry->exchange->refused++;
		entry->client_ends = 1;
		entry->got_status = 503;
		entry->finals = 1;
	}
}

/* The ACK to a 2xx, outside of any transaction. */
static void client_acknowledge(struct exchange_entry *entry, struct span to_tag)
{
	struct exchange_end *end = &entry->exchange->client;
	char bytes[MESSAGE_BYTES];
	char branch[TRANSACTION_BRANCH_BYTES];
	char tag[64];
	struct sip_builder builder;
	int length;

	(void)snprintf(tag, sizeof(tag), "%.*s", SPAN_ARGS(to_tag));
	transaction_branch(end->table, branch);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	write_request(&builder, entry, "ACK", branch, tag);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	sim_net_send(entry->exchange->net, end->node, &end->flow, bytes, (size_t)length);
}

static void client_response(
	struct exchange_entry *entry, const struct transaction_indication *indication)
{
	unsigned status = indication->message->status;

	if (status < 200)
		return;
	entry->finals++;
	if (entry->finals == 1)
		entry->got_status = status;
	assert_int_equal(status, entry->got_status);
	if (entry->is_invite && status < 300) {
		if (!entry->never_acknowledges)
			client_acknowledge(entry, indication->message->to.tag);
	} else {
		assert_int_equal(entry->finals, 1); /* repeated ones are absorbed */
	}
}

static void client_told(void *context, const struct transaction_indication *indication)
{
	struct exchange_end *end = context;
	struct exchange_entry *entry;

	if (indication->event == TRANSACTION_STRAY_2XX) {
		end->exchange->strays++;
		return;
	}
	entry = &end->exchange->entries[indication->user];
	assert_int_equal(entry->client_ends, 0); /* nothing comes after the last word */
	switch (indication->event) {
	case TRANSACTION_RESPONSE:
		client_response(entry, indication);
		break;
	case TRANSACTION_TIMEOUT:
		entry->timeouts++;
		break;
	case TRANSACTION_CONFIRMED:
		break;
	case TRANSACTION_TERMINATED:
		entry->client_ends++;
		break;
	case TRANSACTION_REQUEST:
	case TRANSACTION_ACK:
	case TRANSACTION_CANCEL:
	case TRANSACTION_STRAY_2XX:
	case TRANSACTION_TRANSPORT_ERROR:
		fail_msg("client was told event %d", indication->event);
	}
}

static void server_respond(struct exchange_entry *entry, unsigned status, uint64_t now_ms)
{
	char copy[EXCHANGE_REQUEST_BYTES];
	char bytes[MESSAGE_BYTES];
	struct sip_message request;
	struct sip_parse_error parse_error;
	struct sip_builder builder;
	int length;
	int error;

	memcpy(copy, entry->request, entry->request_bytes);
	assert_int_equal(
		sip_message_parse(copy, entry->request_bytes, false, &request, &parse_error), 0);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	sip_build_response_head(
		&builder, &request, &entry->exchange->server.flow.remote, status, SPAN("server"));
	sip_build_header(&builder, SIP_HEADER_CONTACT, SPAN("<sip:server@192.0.2.2>"));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	error = transaction_respond(entry->exchange->server.table, entry->server_id, status,
		(struct span){bytes, (uint32_t)length}, now_ms);
	assert_true(error == 0 || error == -EALREADY || error == -ENOENT);
	if (error == 0 && status >= 200)
		entry->sent_status = status;
}

static void server_answer(void *context, uint64_t now_ms)
{
	struct exchange_entry *entry = context;

	server_respond(entry, entry->planned_status, now_ms);
}

static void server_request(struct exchange_end *end, struct exchange_entry *entry,
	const struct transaction_indication *indication)
{
	struct sim_net *net = end->exchange->net;
	uint64_t now_ms = sim_net_now_ms(net);

	entry->server_id = indication->id;
	entry->server_begins++;
	entry->request_bytes = indication->message->bytes.length;
	assert_true(entry->request_bytes <= sizeof(entry->request));
	memcpy(entry->request, indication->message->bytes.text, entry->request_bytes);
	assert_int_equal(transaction_set_user(end->table, indication->id, entry->number), 0);
	if (entry->is_invite) {
		server_respond(entry, 100, now_ms);
		if (sim_net_random_below(net, 2) == 0)
			server_respond(entry, 180, now_ms);
	}
	if (entry->never_answers)
		return;
	if (entry->answer_after_ms == 0)
		server_answer(entry, now_ms);
	else
		sim_net_at(net, now_ms + entry->answer_after_ms, server_answer, entry);
}

static void server_told(void *context, const struct transaction_indication *indication)
{
	struct exchange_end *end = context;
	struct exchange_entry *entry =
		indication->message ? entry_of(end->exchange, indication->message->call_id)
				    : &end->exchange->entries[indication->user];

	switch (indication->event) {
	case TRANSACTION_REQUEST:
		server_request(end, entry, indication);
		break;
	case TRANSACTION_ACK:
		(void)transaction_acknowledged(end->table, entry->server_id); /* may be late */
		break;
	case TRANSACTION_CANCEL:
		server_respond(entry, 487, sim_net_now_ms(end->exchange->net));
		break;
	case TRANSACTION_TIMEOUT:
		break;
	case TRANSACTION_CONFIRMED:
		break;
	case TRANSACTION_TERMINATED:
		entry->server_ends++;
		break;
	case TRANSACTION_RESPONSE:
	case TRANSACTION_STRAY_2XX:
	case TRANSACTION_TRANSPORT_ERROR:
		fail_msg("server was told event %d", indication->event);
	}
}

static void end_create(struct exchange *exchange, struct exchange_end *end, const char *name,
	const struct td_endpoint *own, const struct td_endpoint *other)
{
	struct transaction_config config = {.t1_ms = 500,
		.t2_ms = 4000,
		.t4_ms = 5000,
		.timer_c_ms = 181000,
		.capacity = exchange->config.capacity};
	struct transaction_sink sink = {.context = end, .send = end_send};
	struct sim_node node = {.name = name,
		.context = end,
		.receive = end_receive,
		.deadline = end_deadline,
		.advance = end_advance};
	uint64_t random = sim_net_random(exchange->net);

	sink.indicate = end == &exchange->client ? client_told : server_told;
	if (end == &exchange->server && exchange->config.server_capacity != 0)
		config.capacity = exchange->config.server_capacity;
	memcpy(config.seed, &random, sizeof(random));
	end->exchange = exchange;
	end->flow.local = *own;
	end->flow.remote = *other;
	end->flow.transport = exchange->config.transport;
	assert_int_equal(transaction_table_create(&config, &sink, &end->table), 0);
	end->node = sim_net_add_node(exchange->net, &node);
	assert_true(end->node >= 0);
	assert_int_equal(sim_net_listen(exchange->net, end->node, own), 0);
}

static void plan(struct exchange *exchange, uint32_t number)
{
	static const unsigned statuses[] = {200, 200, 200, 404, 486, 503, 603};
	struct exchange_entry *entry = &exchange->entries[number];
	struct sim_net *net = exchange->net;
	uint64_t start_ms = SIM_START_MS + sim_net_random_below(net, exchange->config.period_ms);

	entry->exchange = exchange;
	entry->number = number;
	entry->is_invite = sim_net_random_below(net, 2) == 0;
	entry->planned_status = statuses[sim_net_random_below(net, TD_COUNT_OF(statuses))];
	entry->never_answers = !entry->is_invite && sim_net_random_below(net, PERCENT) < 3;
	entry->never_acknowledges = sim_net_random_below(net, PERCENT) < 3;
	if (sim_net_random_below(net, 2) == 0)
		entry->answer_after_ms = sim_net_random_below(net, entry->is_invite ? 40000 : 6000);
	sim_net_at(net, start_ms, client_start, entry);
	if (entry->is_invite && sim_net_random_below(net, 4) == 0) {
		entry->is_canceled_by_client = true;
		sim_net_at(net, start_ms + sim_net_random_below(net, 20000), client_cancel, entry);
	}
}

struct exchange *exchange_create(const struct exchange_config *config, uint64_t seed)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	struct td_endpoint client = {.port = 5060};
	struct td_endpoint server = {.port = 5060};

	assert_non_null(exchange);
	exchange->config = *config;
	exchange->entries = calloc(config->transactions, sizeof(*exchange->entries));
	assert_non_null(exchange->entries);
	assert_int_equal(sim_net_create(seed, &exchange->net), 0);
	assert_true(td_ip_parse("192.0.2.1", 9, &client.ip));
	assert_true(td_ip_parse("192.0.2.2", 9, &server.ip));
	sim_net_set_all_links(exchange->net, &config->link);
	end_create(exchange, &exchange->client, "client", &client, &server);
	end_create(exchange, &exchange->server, "server", &server, &client);
	for (uint32_t i = 0; i < config->transactions; i++)
		plan(exchange, i);
	return exchange;
}

void exchange_destroy(struct exchange *exchange)
{
	transaction_table_destroy(exchange->client.table);
	transaction_table_destroy(exchange->server.table);
	sim_net_destroy(exchange->net);
	free(exchange->entries);
	free(exchange);
}
