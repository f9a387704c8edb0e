/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real journal, event log and Kafka producer under synthetic load, in the order of the
 * control plane's loop. Writes the last committed sequence to DIR/committed, so that what a
 * killed process had promised is known. Ends when all is delivered.
 *
 *   kafka-load DIR BROKERS RECORDS_PER_S SECONDS
 */
#include "events/kafka.h"
#include "events/log.h"
#include "events/sink.h"
#include "journal/journal.h"
#include "samples.h"

#include <tandem/time.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PATH_BYTES = 512,
	TURN_MS = 5,
	DELIVERY_MAX_S = 180,
	FLUSH_MS = 5000,
};

struct load {
	struct journal *journal;
	struct event_log *log;
	struct event_sink *sink;
	struct kafka_producer *producer;
	int committed_fd;
	uint64_t next_id;     /* of the next record: its sequence to be */
	uint64_t held_back;   /* records that back-pressure kept from being emitted */
	uint64_t turn_max_us; /* longest turn of the loop */
};

static void check(int error, const char *what)
{
	if (error == 0)
		return;
	(void)fprintf(stderr, "kafka-load: %s: %s\n", what, strerror(-error));
	exit(1);
}

static void open_all(struct load *load, const char *dir, const char *brokers)
{
	char journal_dir[PATH_BYTES];
	char events_dir[PATH_BYTES];
	char path[PATH_BYTES];
	char text[256] = "";
	struct journal_config journal = {.dir = journal_dir};
	struct event_log_config log = {.dir = events_dir,
		.node = "load",
		.segment_bytes = 4 * 1024 * 1024,
		.is_shipped = true};
	struct event_sink_config sink = {0};
	struct kafka_config kafka = {.brokers = brokers};

	(void)snprintf(journal_dir, sizeof(journal_dir), "%s/journal", dir);
	(void)snprintf(events_dir, sizeof(events_dir), "%s/events", dir);
	(void)snprintf(path, sizeof(path), "%s/committed", dir);
	check(journal_open(&journal, &load->journal), "journal");
	check(event_log_open(&log, &load->log), "event log");
	sink.journal = load->journal;
	sink.log = load->log;
	check(event_sink_create(&sink, &load->sink), "event sink");
	kafka.log = load->log;
	check(kafka_producer_create(&kafka, text, sizeof(text), &load->producer), text);
	load->committed_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	check(load->committed_fd < 0 ? -1 : 0, path);
	/* What recovery found in the journal follows the log's last. */
	load->next_id = event_log_last(load->log) + 1;
	(void)fprintf(stderr, "kafka-load: epoch %u begins with record %llu (%llu recovered)\n",
		event_log_epoch(load->log), (unsigned long long)load->next_id,
		(unsigned long long)event_sink_stats(load->sink).recovered);
}

/* A record of varying kind whose ids no other has. */
static struct event_record make_record(uint64_t id)
{
	unsigned kind = (unsigned)(id % EVENT_RECORD_KIND_COUNT);
	struct event_record record = sample_record(kind * SAMPLES_PER_KIND);

	if (kind == EVENT_RECORD_CALL) {
		record.call.call_id = id;
		record.call.contact_id = id / 16 + 1;
	} else if (kind == EVENT_RECORD_CDR) {
		record.cdr.leg_id = id;
		record.cdr.contact_id = id / 16 + 1;
	} else if (kind == EVENT_RECORD_REGISTRATION) {
		record.registration.registration_id = id;
	} else {
		record.contact.contact_id = id;
	}
	return record;
}

/* One turn of the loop: emit, commit, hand on. */
static void turn(struct load *load, uint64_t wanted)
{
	uint64_t start_ns = td_mono_ns();
	uint64_t took_us;
	char text[32];

	for (uint64_t i = 0; i < wanted; i++) {
		struct event_record record = make_record(load->next_id);

		if (event_sink_pressure(load->sink) != EVENT_PRESSURE_NONE ||
			event_sink_emit(load->sink, &record, td_wall_ns()) != 0) {
			load->held_back += wanted - i;
			break;
		}
		load->next_id++;
	}
	check(journal_commit(load->journal), "commit");
	(void)snprintf(text, sizeof(text), "%020llu\n", (unsigned long long)load->next_id - 1);
	(void)!pwrite(load->committed_fd, text, strlen(text), 0); /* a lower figure is safe */
	event_sink_flush(load->sink);
	(void)event_sink_reap(load->sink);
	took_us = td_since(td_mono_ns(), start_ns) / TD_NS_PER_US;
	if (took_us > load->turn_max_us)
		load->turn_max_us = took_us;
}

/* Waits until brokers have confirmed everything. */
static int drain(struct load *load)
{
	uint64_t until_ns = td_mono_ns() + (uint64_t)DELIVERY_MAX_S * TD_NS_PER_S;

	while (td_mono_ns() < until_ns) {
		turn(load, 0);
		if (event_log_stats(load->log).delivered_seq == load->next_id - 1)
			return 0;
		(void)poll(NULL, 0, TURN_MS);
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct load load = {0};
	struct kafka_stats stats;
	uint64_t rate;
	uint64_t start_ns;
	uint64_t until_ns;
	uint64_t due = 0;
	int code;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: kafka-load DIR BROKERS RECORDS_PER_S SECONDS\n");
		return 2;
	}
	open_all(&load, argv[1], argv[2]);
	rate = strtoull(argv[3], NULL, 10);
	start_ns = td_mono_ns();
	until_ns = start_ns + strtoull(argv[4], NULL, 10) * TD_NS_PER_S;
	while (td_mono_ns() < until_ns) {
		uint64_t target =
			rate * (td_since(td_mono_ns(), start_ns) / TD_NS_PER_MS) / TD_MS_PER_S;

		turn(&load, target - due);
		due = target;
		(void)poll(NULL, 0, TURN_MS);
	}
	code = drain(&load);
	stats = kafka_producer_stats(load.producer);
	(void)printf("{\"last_seq\":%llu,\"held_back\":%llu,\"turn_max_us\":%llu,\"produced\":%llu,"
		     "\"delivered\":%llu,\"recreated\":%llu,\"sync_max_us\":%llu,"
		     "\"log_bytes\":%llu,\"journal_events\":%llu}\n",
		(unsigned long long)load.next_id - 1, (unsigned long long)load.held_back,
		(unsigned long long)load.turn_max_us, (unsigned long long)stats.produced,
		(unsigned long long)stats.delivered, (unsigned long long)stats.recreated,
		(unsigned long long)event_log_stats(load.log).sync_max_us,
		(unsigned long long)event_log_stats(load.log).log_bytes,
		(unsigned long long)journal_stats(load.journal).records[JOURNAL_EVENT]);
	kafka_producer_destroy(load.producer, FLUSH_MS);
	event_sink_destroy(load.sink);
	code |= event_log_close(load.log, FLUSH_MS) != 0;
	journal_close(load.journal);
	return code;
}
