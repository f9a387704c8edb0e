/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table under test and its notebook. Texts of messages are plain RFC 3261, with IP literals
 * from the documentation ranges.
 */
#include "rig.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rig_send(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct rig *rig = context;
	struct rig_sent *sent = &rig->sent[rig->sent_count];

	assert_true(rig->sent_count < RIG_LOG_MAX);
	assert_true(length < sizeof(sent->text));
	sent->flow = *flow;
	memcpy(sent->text, bytes, length);
	sent->text[length] = '\0';
	rig->sent_count++;
}

static void rig_copy(char *to, size_t size, struct span from)
{
	(void)snprintf(to, size, "%.*s", SPAN_ARGS(from));
}

static void rig_indicate(void *context, const struct transaction_indication *indication)
{
	struct rig *rig = context;
	struct rig_told *told = &rig->told[rig->told_count];

	assert_true(rig->told_count < RIG_LOG_MAX);
	memset(told, 0, sizeof(*told));
	told->event = indication->event;
	told->id = indication->id;
	told->user = indication->user;
	if (indication->message != NULL) {
		told->status = indication->message->status;
		rig_copy(told->method, sizeof(told->method), indication->message->method_text);
		if (told->status != 0)
			rig_copy(told->method, sizeof(told->method),
				indication->message->cseq.method_text);
		rig_copy(told->to_tag, sizeof(told->to_tag), indication->message->to.tag);
	}
	assert_non_null(indication->flow);
	rig->told_count++;
	if (rig->on_told != NULL)
		rig->on_told(rig, told);
}

static struct td_endpoint rig_endpoint(const char *ip, uint16_t port)
{
	struct td_endpoint endpoint;

	memset(&endpoint, 0, sizeof(endpoint));
	assert_true(td_ip_parse(ip, strlen(ip), &endpoint.ip));
	endpoint.port = port;
	return endpoint;
}

struct rig *rig_create(enum sip_transport transport, uint32_t capacity)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct transaction_config config = {
		.t1_ms = RIG_T1_MS,
		.t2_ms = RIG_T2_MS,
		.t4_ms = RIG_T4_MS,
		.timer_c_ms = RIG_TIMER_C_MS,
		.capacity = capacity,
		.seed = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	};
	struct transaction_sink sink = {.context = rig, .send = rig_send, .indicate = rig_indicate};

	assert_non_null(rig);
	rig->now_ms = RIG_START_MS;
	rig->flow.transport = transport;
	rig->flow.local = rig_endpoint("192.0.2.1", 5060);
	rig->flow.remote = rig_endpoint("192.0.2.2", 5060);
	rig->flow.connection_id = transport == SIP_TRANSPORT_UDP ? 0 : 7;
	assert_int_equal(transaction_table_create(&config, &sink, &rig->table), 0);
	return rig;
}

void rig_destroy(struct rig *rig, bool must_be_empty)
{
	if (must_be_empty) {
		struct transaction_counts counts = transaction_table_counts(rig->table);

		assert_int_equal(counts.clients, 0);
		assert_int_equal(counts.servers, 0);
		assert_true(transaction_deadline(rig->table) == TD_NEVER);
		assert_int_equal(rig->table->heap.in_use_count, 0);
		assert_int_equal(table_count(rig->table->by_key), 0);
		assert_int_equal(table_count(rig->table->by_peer), 0);
		assert_int_equal(table_count(rig->table->merged), 0);
	}
	transaction_table_destroy(rig->table);
	free(rig);
}

void rig_clear(struct rig *rig)
{
	rig->sent_count = 0;
	rig->told_count = 0;
}

void rig_pass(struct rig *rig, uint64_t ms)
{
	rig->now_ms += ms;
	transaction_advance(rig->table, rig->now_ms);
}

void rig_receive(struct rig *rig, const char *text)
{
	/* An exact copy on the heap: reading past the end is seen by the sanitizer. */
	size_t length = strlen(text);
	char *copy = malloc(length);
	struct sip_message *message = malloc(sizeof(*message));
	struct sip_parse_error error;

	assert_non_null(copy);
	assert_non_null(message);
	memcpy(copy, text, length);
	if (sip_message_parse(copy, length, false, message, &error) != 0)
		fail_msg("test message refused: %s in\n%s", error.reason, text);
	transaction_receive(rig->table, message, &rig->flow, rig->now_ms);
	free(message);
	free(copy);
}

void rig_receive_request(
	struct rig *rig, const char *method, const char *branch, const char *to_tag)
{
	char text[RIG_TEXT_BYTES];

	(void)snprintf(text, sizeof(text),
		"%s sip:bob@192.0.2.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2:5060;branch=%s\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@192.0.2.2>;tag=from-%s\r\n"
		"To: <sip:bob@192.0.2.1>%s%s\r\n"
		"Call-ID: call@192.0.2.2\r\n"
		"CSeq: 1 %s\r\n"
		"Contact: <sip:alice@192.0.2.2>\r\n"
		"Content-Length: 0\r\n\r\n",
		method, branch, branch, to_tag[0] ? ";tag=" : "", to_tag, method);
	rig_receive(rig, text);
}

const char *rig_header(const struct rig *rig, uint32_t sent_index, const char *name)
{
	static char value[RIG_TEXT_BYTES];
	const char *line = rig->sent[sent_index].text;

	value[0] = '\0';
	assert_true(sent_index < rig->sent_count);
	while ((line = strstr(line, "\r\n")) != NULL) {
		size_t length = strlen(name);

		line += 2;
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " ");
			(void)snprintf(
				value, sizeof(value), "%.*s", (int)strcspn(line, "\r"), line);
			break;
		}
	}
	return value;
}

void rig_receive_response(struct rig *rig, uint32_t sent_index, unsigned status, const char *to_tag)
{
	char text[RIG_TEXT_BYTES];
	size_t at;
	static const char *const names[] = {"Via", "From", "Call-ID", "CSeq"};

	at = (size_t)snprintf(text, sizeof(text), "SIP/2.0 %u Test\r\n", status);
	for (size_t i = 0; i < TD_COUNT_OF(names); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s: %s\r\n", names[i],
			rig_header(rig, sent_index, names[i]));
	(void)snprintf(text + at, sizeof(text) - at,
		"To: <sip:bob@192.0.2.2>%s%s\r\nContact: <sip:bob@192.0.2.2>\r\n"
		"Content-Length: 0\r\n\r\n",
		to_tag[0] ? ";tag=" : "", to_tag);
	rig_receive(rig, text);
}

void rig_write_request(struct rig *rig, const char *method, const char *branch, const char *extra,
	char text[RIG_TEXT_BYTES])
{
	(void)snprintf(text, RIG_TEXT_BYTES,
		"%s sip:bob@192.0.2.2 SIP/2.0\r\n"
		"Via: SIP/2.0/%s 192.0.2.1:5060;branch=%s;rport\r\n"
		"Max-Forwards: 69\r\n"
		"%s"
		"From: <sip:tandem@192.0.2.1>;tag=ours\r\n"
		"To: <sip:bob@192.0.2.2>\r\n"
		"Call-ID: out@192.0.2.1\r\n"
		"CSeq: 42 %s\r\n"
		"Contact: <sip:tandem@192.0.2.1>\r\n"
		"Content-Length: 0\r\n\r\n",
		method, sip_transport_name(rig->flow.transport), branch, extra, method);
}

int rig_try_request(struct rig *rig, const char *method, const char *extra,
	const struct transaction_options *options, transaction_id *ret_id)
{
	struct transaction_options with_flow = *options;
	char branch[TRANSACTION_BRANCH_BYTES];
	char text[RIG_TEXT_BYTES];

	transaction_branch(rig->table, branch);
	rig_write_request(rig, method, branch, extra, text);
	with_flow.flow = &rig->flow;
	return transaction_request(rig->table, span_from(text), &with_flow, rig->now_ms, ret_id);
}

transaction_id rig_request(struct rig *rig, const char *method, const char *extra)
{
	struct transaction_options options = {.user = 77};
	transaction_id id = 0;

	assert_int_equal(rig_try_request(rig, method, extra, &options, &id), 0);
	assert_true(id != 0);
	return id;
}

int rig_respond(struct rig *rig, transaction_id id, unsigned status)
{
	char text[RIG_TEXT_BYTES];

	(void)snprintf(text, sizeof(text),
		"SIP/2.0 %u Answer\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKcopied\r\n"
		"From: <sip:alice@192.0.2.2>;tag=from\r\n"
		"To: <sip:bob@192.0.2.1>;tag=answering\r\n"
		"Call-ID: call@192.0.2.2\r\n"
		"CSeq: 1 INVITE\r\n"
		"Content-Length: 0\r\n\r\n",
		status);
	return transaction_respond(rig->table, id, status, span_from(text), rig->now_ms);
}

transaction_id rig_server(struct rig *rig, const char *method, const char *branch)
{
	uint32_t before = rig->told_count;

	rig_receive_request(rig, method, branch, "");
	assert_int_equal(rig->told_count, before + 1);
	assert_int_equal(rig->told[before].event, TRANSACTION_REQUEST);
	return rig->told[before].id;
}

bool rig_told_only(const struct rig *rig, enum transaction_event event)
{
	return rig->told_count == 1 && rig->told[0].event == event;
}

uint32_t rig_told_times(const struct rig *rig, enum transaction_event event)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < rig->told_count; i++)
		times += rig->told[i].event == event;
	return times;
}

enum transaction_state rig_state(const struct rig *rig, transaction_id id)
{
	const struct transaction *transaction = transaction_find(rig->table, id);

	return transaction ? (enum transaction_state)transaction->state : STATE_TERMINATED;
}
