/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consumer that trusts nobody: reads Tandem's topics from begin to end and proves by (node,
 * epoch, sequence) that nothing is missing and that what repeats is a repeat. Prints one JSON
 * line; the exit status is 0 only if the proof holds.
 *
 *   kafka-check BROKERS NODE [LAST_SEQ [FILE]]
 *
 * Sequences must run from 1 to LAST_SEQ at least, and no record may be of an older epoch than one
 * before it. FILE gets each record once, a JSON line with its topic, the time that the broker
 * noted (ms), and its value.
 */
#include "events/record.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	POLL_MS = 1000,
	QUIET_POLLS = 30, /* a broker that says nothing for so long is not there */
	METADATA_MS = 10000,
	ID_BYTES = 128,
	PARTITIONS_MAX = 256,
};

struct seen {
	uint32_t epoch; /* 0: not seen */
	uint32_t id_hash;
};

struct proof {
	const char *node;
	FILE *records;	   /* NULL: nobody wants them */
	struct seen *seen; /* by sequence */
	uint64_t room;
	uint64_t messages;
	uint64_t unique;
	uint64_t duplicates;
	uint64_t conflicts;    /* one sequence, two records */
	uint64_t out_of_order; /* new sequences that go down within a partition */
	uint64_t bad;	       /* messages without identity, or of another node */
	uint64_t epoch_breaks; /* sequences whose epoch is below that of the one before */
	uint32_t last_epoch;
	uint64_t first_seq;
	uint64_t last_seq;
	uint64_t partition_last[EVENT_RECORD_KIND_COUNT][PARTITIONS_MAX];
};

static void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "kafka-check: %s: %s\n", what, why);
	exit(2);
}

/* A header as text; false if it isn't there. */
static bool header(rd_kafka_headers_t *headers, const char *name, char text[ID_BYTES])
{
	const void *value;
	size_t size_bytes;

	if (rd_kafka_header_get_last(headers, name, &value, &size_bytes) != 0 ||
		size_bytes >= ID_BYTES)
		return false;
	memcpy(text, value, size_bytes);
	text[size_bytes] = '\0';
	return true;
}

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static struct seen *slot_of(struct proof *proof, uint64_t seq)
{
	if (seq >= proof->room) {
		uint64_t room = proof->room == 0 ? 65536 : proof->room;
		struct seen *grown;

		while (room <= seq)
			room *= 2;
		grown = realloc(proof->seen, room * sizeof(*grown));
		if (grown == NULL)
			fail("records", "out of memory");
		memset(grown + proof->room, 0, (room - proof->room) * sizeof(*grown));
		proof->seen = grown;
		proof->room = room;
	}
	return &proof->seen[seq];
}

static uint64_t *last_of(struct proof *proof, const rd_kafka_message_t *message)
{
	const char *topic = rd_kafka_topic_name(message->rkt);
	unsigned kind = 0;

	while (kind + 1 < EVENT_RECORD_KIND_COUNT && strcmp(event_record_topic(kind), topic) != 0)
		kind++;
	return &proof->partition_last[kind][message->partition % PARTITIONS_MAX];
}

/* A value is JSON already. */
static void write_record(FILE *records, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t stamp_ms = rd_kafka_message_timestamp(message, &type);

	(void)fprintf(records, "{\"topic\":\"%s\",\"broker_ms\":%lld,\"value\":%.*s}\n",
		rd_kafka_topic_name(message->rkt),
		type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? (long long)stamp_ms : -1,
		(int)message->len, (const char *)message->payload);
}

static void note(struct proof *proof, const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers = NULL;
	char node[ID_BYTES];
	char epoch[ID_BYTES];
	char seq_text[ID_BYTES];
	char id[ID_BYTES];
	struct seen now;
	struct seen *before;
	uint64_t seq;
	uint64_t *last;

	proof->messages++;
	if (rd_kafka_message_headers(message, &headers) != 0 || !header(headers, "node", node) ||
		!header(headers, "node_epoch", epoch) || !header(headers, "node_seq", seq_text) ||
		!header(headers, "ce_id", id) || strcmp(node, proof->node) != 0) {
		proof->bad++;
		return;
	}
	seq = strtoull(seq_text, NULL, 10);
	now = (struct seen){.epoch = (uint32_t)strtoul(epoch, NULL, 10), .id_hash = hash_of(id)};
	before = slot_of(proof, seq);
	if (before->epoch != 0) {
		proof->duplicates++;
		proof->conflicts += before->epoch != now.epoch || before->id_hash != now.id_hash;
		return;
	}
	*before = now;
	proof->unique++;
	last = last_of(proof, message);
	proof->out_of_order += seq < *last;
	*last = seq;
	if (proof->first_seq == 0 || seq < proof->first_seq)
		proof->first_seq = seq;
	if (seq > proof->last_seq)
		proof->last_seq = seq;
	if (proof->records != NULL)
		write_record(proof->records, message);
}

static rd_kafka_t *make_consumer(const char *brokers)
{
	static const char *const settings[][2] = {{"group.id", "kafka-check"},
		{"enable.partition.eof", "true"}, {"enable.auto.commit", "false"},
		{"check.crcs", "true"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *consumer;
	char text[256];

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof(text)) != 0)
		fail(brokers, text);
	for (size_t i = 0; i < TD_COUNT_OF(settings); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) !=
			0)
			fail(settings[i][0], text);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (consumer == NULL)
		fail("consumer", text);
	return consumer;
}

/* Assigns every partition of every topic from its beginning; returns how many. */
static int assign_all(rd_kafka_t *consumer)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t error = rd_kafka_metadata(consumer, 1, NULL, &metadata, METADATA_MS);
	int count;

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		fail("metadata", rd_kafka_err2str(error));
	for (int i = 0; i < metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

		for (unsigned kind = 0; kind < EVENT_RECORD_KIND_COUNT; kind++) {
			if (strcmp(topic->topic, event_record_topic(kind)) != 0)
				continue;
			for (int32_t part = 0; part < topic->partition_cnt; part++)
				rd_kafka_topic_partition_list_add(list, topic->topic, part)
					->offset = RD_KAFKA_OFFSET_BEGINNING;
		}
	}
	rd_kafka_metadata_destroy(metadata);
	count = list->cnt;
	error = rd_kafka_assign(consumer, list);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		fail("assign", rd_kafka_err2str(error));
	rd_kafka_topic_partition_list_destroy(list);
	return count;
}

static void read_all(rd_kafka_t *consumer, struct proof *proof)
{
	int open_partitions = assign_all(consumer);
	int quiet = 0;

	while (open_partitions > 0 && quiet < QUIET_POLLS) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);

		if (message == NULL) {
			quiet++;
			continue;
		}
		quiet = 0;
		if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			open_partitions--;
		else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			note(proof, message);
		else
			fail("read", rd_kafka_message_errstr(message));
		rd_kafka_message_destroy(message);
	}
	if (open_partitions > 0)
		fail("read", "the broker went silent before the end of all partitions");
}

/* Walks the sequences from 1 on; returns how many are missing. */
static uint64_t count_gaps(struct proof *proof)
{
	uint64_t missing = 0;

	for (uint64_t seq = 1; seq <= proof->last_seq; seq++) {
		uint32_t epoch = proof->seen[seq].epoch;

		if (epoch == 0) {
			missing++;
			continue;
		}
		proof->epoch_breaks += epoch < proof->last_epoch;
		proof->last_epoch = epoch;
	}
	return missing;
}

static void print_proof(const struct proof *proof, uint64_t missing, bool holds)
{
	(void)printf("{\"holds\":%s,\"messages\":%llu,\"unique\":%llu,\"duplicates\":%llu,"
		     "\"missing\":%llu,\"conflicts\":%llu,\"out_of_order\":%llu,\"bad\":%llu,"
		     "\"epochs\":%u,\"epoch_breaks\":%llu,\"first_seq\":%llu,\"last_seq\":%llu}\n",
		holds ? "true" : "false", (unsigned long long)proof->messages,
		(unsigned long long)proof->unique, (unsigned long long)proof->duplicates,
		(unsigned long long)missing, (unsigned long long)proof->conflicts,
		(unsigned long long)proof->out_of_order, (unsigned long long)proof->bad,
		proof->last_epoch, (unsigned long long)proof->epoch_breaks,
		(unsigned long long)proof->first_seq, (unsigned long long)proof->last_seq);
}

int main(int argc, char **argv)
{
	struct proof proof = {0};
	rd_kafka_t *consumer;
	uint64_t wanted_last;
	uint64_t missing;
	bool holds;

	if (argc < 3 || argc > 5) {
		(void)fprintf(stderr, "usage: kafka-check BROKERS NODE [LAST_SEQ [FILE]]\n");
		return 2;
	}
	proof.node = argv[2];
	wanted_last = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	if (argc > 4) {
		proof.records = fopen(argv[4], "w");
		if (proof.records == NULL)
			fail(argv[4], "cannot be written");
	}
	consumer = make_consumer(argv[1]);
	read_all(consumer, &proof);
	(void)rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	if (proof.records != NULL && fclose(proof.records) != 0)
		fail(argv[4], "could not be written");
	missing = count_gaps(&proof);
	holds = proof.unique != 0 && missing == 0 && proof.conflicts == 0 && proof.bad == 0 &&
		proof.out_of_order == 0 && proof.epoch_breaks == 0 && proof.last_seq >= wanted_last;
	print_proof(&proof, missing, holds);
	free(proof.seen);
	return holds ? 0 : 1;
}
