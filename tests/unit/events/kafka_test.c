/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producer against librdkafka's own mock cluster: everything arrives in order; brokers that
 * are away, that refuse, or that find a record too large lose nothing and block nothing.
 */
#include "events/kafka.h"

#include "events/log.h"
#include "events/record.h"
#include "events/record_json.h"
#include "samples.h"
#include "scratch.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	WAIT_NAPS = 30000,
	SEQS_MAX = 4096,
	CONSUME_MS = 200,
	METADATA_MS = 10000,
	PARTITIONS = 2,
	CONSUME_POLLS_MAX = 10000,
};

/* The world outside: one cluster for all tests (its end takes a second), inside a client. */
static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
/* How far each partition has been read: the next test begins there. */
static int64_t read_to[EVENT_RECORD_KIND_COUNT][PARTITIONS];

static int start_cluster(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];

	(void)state;
	rd_kafka_conf_set_log_cb(conf, NULL);
	host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (host == NULL)
		return -1;
	cluster = rd_kafka_mock_cluster_new(host, 1);
	for (unsigned kind = 0; kind < EVENT_RECORD_KIND_COUNT; kind++)
		rd_kafka_mock_topic_create(cluster, event_record_topic(kind), PARTITIONS, 1);
	return cluster == NULL;
}

static int stop_cluster(void **state)
{
	(void)state;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

static struct kafka_producer *start_producer(struct event_log *log)
{
	struct kafka_config config = {.log = log,
		.brokers = rd_kafka_mock_cluster_bootstraps(cluster),
		.backoff_min_ms = 1};
	struct kafka_producer *producer = NULL;
	char text[256];

	assert_int_equal(kafka_producer_create(&config, text, sizeof(text), &producer), 0);
	return producer;
}

static void submit(struct event_log *log, uint64_t first, uint64_t last)
{
	static uint8_t bytes[EVENT_FRAME_MAX_BYTES];

	for (uint64_t seq = first; seq <= last; seq++) {
		struct event_record record = sample_record((unsigned)(seq % SAMPLE_COUNT));
		struct event_identity identity = {
			.node = "n1", .epoch = event_log_epoch(log), .seq = seq, .wall_ns = 1000};
		size_t frame_bytes;

		assert_int_equal(event_record_to_frame(
					 &record, &identity, bytes, sizeof(bytes), &frame_bytes),
			0);
		while (event_log_submit(log, seq, bytes, frame_bytes) != 0)
			scratch_nap();
	}
}

static void wait_delivered(struct event_log *log, uint64_t seq)
{
	for (int i = 0; i < WAIT_NAPS && event_log_stats(log).delivered_seq < seq; i++)
		scratch_nap();
	assert_true(event_log_stats(log).delivered_seq == seq);
}

/* How often each sequence lies in the topics. */
static unsigned times_seen[SEQS_MAX];

static void note_message(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers = NULL;
	const void *value = NULL;
	size_t size_bytes = 0;
	char digits[24] = "";
	unsigned long seq;

	assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
	assert_int_equal(rd_kafka_header_get_last(headers, "node_seq", &value, &size_bytes), 0);
	memcpy(digits, value, size_bytes);
	seq = strtoul(digits, NULL, 10);
	assert_true(seq < SEQS_MAX);
	times_seen[seq]++;
	assert_int_equal(rd_kafka_header_get_last(headers, "ce_id", &value, &size_bytes), 0);
	assert_true(message->key_len > 3);
}

/* A consumer that knows its brokers and doesn't wait for more than there is. */
static rd_kafka_t *make_consumer(void)
{
	const char *const settings[][2] = {
		{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster)},
		{"group.id", "check"}, {"enable.partition.eof", "true"},
		{"fetch.wait.max.ms", "10"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_t *consumer;
	char text[256];

	for (size_t i = 0; i < TD_COUNT_OF(settings); i++)
		assert_int_equal(
			rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)),
			RD_KAFKA_CONF_OK);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	assert_non_null(consumer);
	assert_int_equal(rd_kafka_metadata(consumer, 1, NULL, &metadata, METADATA_MS), 0);
	rd_kafka_metadata_destroy(metadata);
	return consumer;
}

static void note_end(const rd_kafka_message_t *message)
{
	unsigned kind = 0;

	while (strcmp(event_record_topic(kind), rd_kafka_topic_name(message->rkt)) != 0)
		kind++;
	read_to[kind][message->partition] = message->offset;
}

/* Reads what is new in all topics, to their ends. */
static void consume_all(void)
{
	rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(8);
	rd_kafka_t *consumer = make_consumer();
	rd_kafka_message_t *message;
	int open_partitions = PARTITIONS * EVENT_RECORD_KIND_COUNT;

	memset(times_seen, 0, sizeof(times_seen));
	for (unsigned kind = 0; kind < EVENT_RECORD_KIND_COUNT; kind++)
		for (int partition = 0; partition < PARTITIONS; partition++)
			rd_kafka_topic_partition_list_add(
				parts, event_record_topic(kind), partition)
				->offset = read_to[kind][partition];
	assert_int_equal(rd_kafka_assign(consumer, parts), 0);
	for (int polls = 0; open_partitions > 0; polls++) {
		assert_true(polls < CONSUME_POLLS_MAX);
		message = rd_kafka_consumer_poll(consumer, CONSUME_MS);
		if (message == NULL)
			continue;
		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			note_message(message);
		} else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			note_end(message);
			open_partitions--;
		}
		rd_kafka_message_destroy(message);
	}
	rd_kafka_topic_partition_list_destroy(parts);
	(void)rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
}

static void everything_arrives(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_producer *producer = start_producer(log);

	(void)state;
	submit(log, 1, 500);
	wait_delivered(log, 500);
	assert_int_equal(kafka_producer_stats(producer).backlog, 0);
	assert_true(kafka_producer_stats(producer).is_connected);
	kafka_producer_destroy(producer, 1000);
	assert_int_equal(event_log_close(log, 1000), 0);
	consume_all();
	for (unsigned seq = 1; seq <= 500; seq++)
		assert_int_equal(times_seen[seq], 1);
}

static void restart_goes_on_behind_the_mark(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_producer *producer = start_producer(log);

	(void)state;
	submit(log, 1, 100);
	wait_delivered(log, 100);
	kafka_producer_destroy(producer, 1000);
	submit(log, 101, 150); /* nobody ships */
	assert_int_equal(event_log_close(log, 1000), 0);
	log = scratch_log(NULL, true);
	producer = start_producer(log);
	submit(log, 151, 200);
	wait_delivered(log, 200);
	kafka_producer_destroy(producer, 1000);
	assert_int_equal(event_log_close(log, 1000), 0);
	consume_all();
	for (unsigned seq = 1; seq <= 200; seq++)
		assert_int_equal(times_seen[seq], 1);
}

static void broker_away_costs_nothing(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_producer *producer = start_producer(log);

	(void)state;
	submit(log, 1, 50);
	wait_delivered(log, 50);
	assert_int_equal(rd_kafka_mock_broker_set_down(cluster, 1), 0);
	submit(log, 51, 1000);
	scratch_wait_durable(log, 1000); /* the log goes on meanwhile */
	assert_true(event_log_stats(log).delivered_seq < 1000);
	assert_int_equal(rd_kafka_mock_broker_set_up(cluster, 1), 0);
	wait_delivered(log, 1000);
	kafka_producer_destroy(producer, 1000);
	assert_int_equal(event_log_close(log, 1000), 0);
	consume_all();
	for (unsigned seq = 1; seq <= 1000; seq++)
		assert_int_equal(times_seen[seq], 1);
}

/* API key of Produce (Kafka protocol guide). */
static const int16_t api_produce = 0;

static void refused_topic_is_tried_again_with_a_new_instance(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_producer *producer;

	(void)state;
	rd_kafka_mock_push_request_errors(cluster, api_produce, 2,
		RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
		RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	producer = start_producer(log);
	submit(log, 1, 200);
	wait_delivered(log, 200);
	assert_true(kafka_producer_stats(producer).recreated >= 1);
	assert_true(kafka_producer_stats(producer).failed >= 1);
	assert_true(strstr(kafka_producer_stats(producer).last_error, "uthoriz") != NULL);
	assert_int_equal(kafka_producer_stats(producer).dead_letters, 0);
	kafka_producer_destroy(producer, 1000);
	assert_int_equal(event_log_close(log, 1000), 0);
	consume_all();
	for (unsigned seq = 1; seq <= 200; seq++)
		assert_true(times_seen[seq] >= 1);
}

static void fatal_error_replaces_the_instance(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_producer *producer = start_producer(log);

	(void)state;
	submit(log, 1, 20);
	wait_delivered(log, 20);
	/* Fatal for an idempotent producer: the broker has lost its memory of it. */
	rd_kafka_mock_push_request_errors(
		cluster, api_produce, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	submit(log, 21, 200);
	wait_delivered(log, 200);
	assert_true(kafka_producer_stats(producer).recreated >= 1);
	kafka_producer_destroy(producer, 1000);
	assert_int_equal(event_log_close(log, 1000), 0);
	consume_all();
	for (unsigned seq = 1; seq <= 200; seq++)
		assert_true(times_seen[seq] >= 1);
}

static void too_large_goes_to_the_dead_letters(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_property property = {"message.max.bytes", "4000"};
	struct kafka_config config = {.log = log,
		.brokers = rd_kafka_mock_cluster_bootstraps(cluster),
		.properties = &property,
		.property_count = 1};
	struct kafka_producer *producer = NULL;
	char text[256];
	char path[128];
	unsigned missing = 0;

	(void)state;
	assert_int_equal(kafka_producer_create(&config, text, sizeof(text), &producer), 0);
	submit(log, 1, 60); /* the hostile CDRs are longer than that */
	wait_delivered(log, 60);
	assert_true(kafka_producer_stats(producer).dead_letters >= 5);
	consume_all();
	for (unsigned seq = 1; seq <= 60; seq++)
		missing += times_seen[seq] == 0;
	assert_int_equal(missing, kafka_producer_stats(producer).dead_letters);
	(void)snprintf(path, sizeof(path), "%s/dead-letter.jsonl", scratch_log_dir());
	assert_int_equal(access(path, R_OK), 0);
	kafka_producer_destroy(producer, 1000);
	assert_int_equal(event_log_close(log, 1000), 0);
}

static void wrong_property_is_explained(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	struct kafka_property property = {"linger.msx", "5"};
	struct kafka_config config = {
		.log = log, .brokers = "127.0.0.1:1", .properties = &property, .property_count = 1};
	struct kafka_producer *producer = NULL;
	char text[256];

	(void)state;
	assert_int_equal(kafka_producer_create(&config, text, sizeof(text), &producer), -EINVAL);
	assert_non_null(strstr(text, "linger.msx"));
	assert_int_equal(event_log_close(log, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
		CASE(everything_arrives),
		CASE(restart_goes_on_behind_the_mark),
		CASE(broker_away_costs_nothing),
		CASE(refused_topic_is_tried_again_with_a_new_instance),
		CASE(fatal_error_replaces_the_instance),
		CASE(too_large_goes_to_the_dead_letters),
		CASE(wrong_property_is_explained),
#undef CASE
	};

	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
