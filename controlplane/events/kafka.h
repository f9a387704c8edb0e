/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries the event log to Kafka on a thread of its own: idempotent producer, acks=all, in
 * order; what brokers have confirmed moves the log's low-water mark. Whatever goes wrong
 * (brokers away, fatal producer error, topic refused) the records stay in the log and are sent
 * again; a consumer drops repeats by (node, epoch, sequence). A record no broker will ever take
 * goes to the dead-letter file, counted. The loop never waits for any of it.
 */
#ifndef TD_EVENTS_KAFKA_H
#define TD_EVENTS_KAFKA_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_log;
struct kafka_producer;

/* A librdkafka property from the configuration (security.protocol, ssl.ca.location, sasl.…). */
struct kafka_property {
	const char *name;
	const char *value;
};

struct kafka_config {
	struct event_log *log; /* opened with is_shipped; borrows until kafka_producer_destroy() */
	const char *brokers;   /* "host:port,host:port" */
	const char *client_id; /* NULL: "tandem/<node>/controlplane" */
	const struct kafka_property *properties; /* override the defaults; borrowed during create */
	size_t property_count;
	uint32_t window_records; /* sent and not confirmed, at most; 0: 16384 */
	uint32_t backoff_min_ms; /* before a failed producer instance is replaced; doubles up to
				  * 5 s; 0: 500 */
};

struct kafka_stats {
	uint64_t produced;     /* messages given to librdkafka, repeats included */
	uint64_t delivered;    /* confirmed by brokers */
	uint64_t failed;       /* delivery reports with an error; each is sent again */
	uint64_t dead_letters; /* written to dead-letter.jsonl */
	uint64_t recreated;    /* producer instances replaced after an error */
	uint64_t in_flight;
	uint64_t backlog;  /* durable in the log, not yet confirmed */
	bool is_connected; /* brokers answered lately */
	char last_error[128];
};

/* Checks the properties and starts the thread; brokers needn't be there. -EINVAL (a property is
 * wrong; what is in error_text), -ENOMEM, -EAGAIN (no thread). */
td_must_check int kafka_producer_create(const struct kafka_config *config, char *error_text,
	size_t error_bytes, struct kafka_producer **ret_producer);
/* Waits up to flush_ms for confirmations, then stops; the rest is sent after the next start.
 * Accepts NULL. Call before event_log_close(). */
void kafka_producer_destroy(struct kafka_producer *producer, uint32_t flush_ms);

/* Any thread. */
struct kafka_stats kafka_producer_stats(const struct kafka_producer *producer);

#endif
