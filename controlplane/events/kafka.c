/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producer's thread. What happens to one record:
 *
 *   durable in the log --read--> librdkafka --confirmed--> window --low-water mark--> log
 *                          |          '--refused for its size--> dead-letter file, as confirmed
 *                          '--any other error: purge, destroy, wait, recreate, read again
 *
 * Records confirmed above the low-water mark aren't sent again after a recreation; those whose
 * fate is unknown are, and consumers drop the repeat.
 */
#include "events/kafka.h"

#include "events/ack_window.h"
#include "events/dead_letter.h"
#include "events/kafka_config.h"
#include "events/log.h"
#include "events/reader.h"
#include "events/record.h"

#include <tandem/log.h>
#include <tandem/time.h>

#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	DEFAULT_WINDOW = 16384,
	POLL_MS = 200,
	DEFAULT_BACKOFF_MIN_MS = 500,
	BACKOFF_MAX_MS = 5000,
	PURGE_WAIT_MS = 1000,
};

struct kafka_producer {
	struct event_log *log;
	rd_kafka_conf_t *conf; /* owns: the pattern of each instance */
	int event_fd;	       /* the log and librdkafka both write to it */
	pthread_t thread;
	bool has_thread;
	bool is_compression_shared;
	uint32_t backoff_min_ms;
	_Atomic bool must_stop;		/* w: destroy, r: thread */
	_Atomic uint32_t stop_flush_ms; /* w: destroy before must_stop, r: thread */
	pthread_mutex_t lock;		/* guards stats */
	struct kafka_stats stats;

	/* The thread's own. */
	rd_kafka_t *rk; /* NULL: none now */
	rd_kafka_topic_t *topics[EVENT_RECORD_KIND_COUNT];
	struct event_reader *reader;
	struct ack_window window;
	struct event_frame held; /* read, not yet taken by librdkafka */
	bool is_holding;
	uint64_t read_seq; /* last sequence seen in the log */
	bool is_broken;	   /* the instance must be replaced */
	uint32_t backoff_ms;
	struct td_log_limit log_limit;
};

static void note_error(struct kafka_producer *producer, const char *what, const char *text)
{
	uint32_t swallowed;

	(void)pthread_mutex_lock(&producer->lock);
	(void)snprintf(producer->stats.last_error, sizeof(producer->stats.last_error), "%s: %.90s",
		what, text);
	(void)pthread_mutex_unlock(&producer->lock);
	if (td_log_allowed(&producer->log_limit, 1, td_mono_ns() / TD_NS_PER_S / 5, &swallowed))
		td_log(TD_LOG_WARN,
			"events: kafka: %s, events wait in the log (error=%s swallowed=%u)", what,
			text, swallowed);
}

static void count(struct kafka_producer *producer, uint64_t *counter)
{
	(void)pthread_mutex_lock(&producer->lock);
	(*counter)++;
	(void)pthread_mutex_unlock(&producer->lock);
}

static bool is_undeliverable(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	       error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
	       error == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

/* Puts a record aside that no broker will take; if even that fails it is tried again. */
static void put_aside(struct kafka_producer *producer, const struct dead_letter *letter)
{
	int error = dead_letter_append(event_log_dir(producer->log), letter);

	if (error != 0) {
		note_error(producer, "dead-letter file", strerror(-error));
		producer->is_broken = true;
		return;
	}
	td_log(TD_LOG_ERR,
		"events: kafka: record %llu: refused for good, put into dead-letter.jsonl "
		"(topic=%s reason=%s)",
		(unsigned long long)letter->seq, letter->topic, letter->reason);
	count(producer, &producer->stats.dead_letters);
	(void)ack_window_ack(&producer->window, letter->seq);
}

/* Delivery report: from rd_kafka_poll(), so on our thread. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *context)
{
	struct kafka_producer *producer = context;
	uint64_t seq = (uint64_t)(uintptr_t)message->_private;
	struct dead_letter letter;

	(void)rk; /* the producer has but one */
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		producer->backoff_ms = producer->backoff_min_ms;
		(void)pthread_mutex_lock(&producer->lock);
		producer->stats.is_connected = true;
		if (ack_window_ack(&producer->window, seq))
			producer->stats.delivered++;
		(void)pthread_mutex_unlock(&producer->lock);
		return;
	}
	if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
		message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
		return; /* our own doing; it will be read again */
	count(producer, &producer->stats.failed);
	if (is_undeliverable(message->err)) {
		letter = (struct dead_letter){.topic = rd_kafka_topic_name(message->rkt),
			.reason = rd_kafka_err2str(message->err),
			.seq = seq,
			.key = {.text = message->key, .length = (uint32_t)message->key_len},
			.value = {.text = message->payload, .length = (uint32_t)message->len}};
		put_aside(producer, &letter);
		return;
	}
	note_error(producer, "delivery failed", rd_kafka_err2str(message->err));
	producer->is_broken = true;
}

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *context)
{
	struct kafka_producer *producer = context;
	char text[128];

	if (error == RD_KAFKA_RESP_ERR__FATAL) {
		(void)rd_kafka_fatal_error(rk, text, sizeof(text));
		note_error(producer, "fatal", text);
		producer->is_broken = true;
		return;
	}
	note_error(producer, "connection", reason);
	if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		return;
	(void)pthread_mutex_lock(&producer->lock);
	producer->stats.is_connected = false;
	(void)pthread_mutex_unlock(&producer->lock);
}

static void drop_instance(struct kafka_producer *producer)
{
	if (producer->rk == NULL)
		return;
	(void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	(void)rd_kafka_flush(producer->rk, PURGE_WAIT_MS); /* serves the reports of the purge */
	for (unsigned kind = 0; kind < EVENT_RECORD_KIND_COUNT; kind++) {
		if (producer->topics[kind] != NULL)
			rd_kafka_topic_destroy(producer->topics[kind]);
		producer->topics[kind] = NULL;
	}
	rd_kafka_destroy(producer->rk);
	producer->rk = NULL;
	event_reader_close(producer->reader);
	producer->reader = NULL;
	producer->is_holding = false;
}

/* Makes an instance and a reader that begins behind the low-water mark. */
static int make_instance(struct kafka_producer *producer)
{
	static const uint64_t one = 1;
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->conf);
	rd_kafka_queue_t *queue;
	char text[128];
	int error = event_reader_open(
		event_log_dir(producer->log), producer->window.low_seq + 1, &producer->reader);

	if (error != 0) {
		rd_kafka_conf_destroy(conf);
		return error;
	}
	producer->read_seq = producer->window.low_seq;
	producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (producer->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		event_reader_close(producer->reader);
		producer->reader = NULL;
		note_error(producer, "no instance", text);
		return -EIO;
	}
	queue = rd_kafka_queue_get_main(producer->rk);
	rd_kafka_queue_io_event_enable(queue, producer->event_fd, &one, sizeof(one));
	rd_kafka_queue_destroy(queue);
	producer->is_broken = false;
	return kafka_config_topics(producer->rk, producer->is_compression_shared, producer->topics);
}

static rd_kafka_headers_t *headers_of(const struct event_frame *frame)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(frame->header_count);

	for (uint32_t i = 0; i < frame->header_count; i++) {
		const struct event_header *header = &frame->headers[i];

		/* Fails for no memory only, and then librdkafka itself ends the process. */
		(void)rd_kafka_header_add(headers, header->name.text, header->name.length,
			header->value.text, header->value.length);
	}
	return headers;
}

/* Gives the held record to librdkafka; false if it must be offered again later. */
static bool produce_held(struct kafka_producer *producer)
{
	const struct event_frame *frame = &producer->held;
	rd_kafka_headers_t *headers = headers_of(frame);
	rd_kafka_vu_t fields[] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = producer->topics[frame->kind]},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_KEY,
			.u.mem = {(void *)(uintptr_t)frame->key.text, frame->key.length}},
		{.vtype = RD_KAFKA_VTYPE_VALUE,
			.u.mem = {(void *)(uintptr_t)frame->value.text, frame->value.length}},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)frame->seq},
	};
	rd_kafka_error_t *problem = rd_kafka_produceva(producer->rk, fields, TD_COUNT_OF(fields));
	rd_kafka_resp_err_t error = rd_kafka_error_code(problem);

	if (problem != NULL)
		rd_kafka_error_destroy(problem);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		count(producer, &producer->stats.produced);
		return true;
	}
	rd_kafka_headers_destroy(headers);
	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return false;
	if (is_undeliverable(error)) {
		struct dead_letter letter = {.topic = event_record_topic(frame->kind),
			.reason = rd_kafka_err2str(error),
			.seq = frame->seq,
			.key = frame->key,
			.value = frame->value};

		put_aside(producer, &letter);
		return true;
	}
	note_error(producer, "not taken", rd_kafka_err2str(error));
	producer->is_broken = true;
	return false;
}

/* True if the held record may go out now. Sequences that the log doesn't have (a power cut took
 * them before they were durable) are passed over once all before them are confirmed. */
static bool may_send_held(struct kafka_producer *producer)
{
	uint64_t seq = producer->held.seq;

	if (seq > producer->read_seq + 1) {
		if (producer->window.low_seq < producer->read_seq)
			return false;
		ack_window_skip_to(&producer->window, seq - 1);
	}
	return ack_window_is_acked(&producer->window, seq) ||
	       ack_window_has_room(&producer->window, seq);
}

/* Sends what is durable, as far as window and librdkafka's queue go. */
static void send_more(struct kafka_producer *producer)
{
	uint64_t durable_seq = event_log_durable(producer->log);

	while (!producer->is_broken) {
		if (!producer->is_holding) {
			int error =
				event_reader_next(producer->reader, durable_seq, &producer->held);

			if (error == -EAGAIN)
				return;
			if (error != 0) {
				note_error(producer, "reading the log", strerror(-error));
				producer->is_broken = true;
				return;
			}
			producer->is_holding = true;
		}
		if (!may_send_held(producer))
			return;
		if (producer->held.kind >= EVENT_RECORD_KIND_COUNT) {
			/* Written by a newer release: nothing here knows its topic. */
			(void)ack_window_ack(&producer->window, producer->held.seq);
		} else if (!ack_window_is_acked(&producer->window, producer->held.seq) &&
			   !produce_held(producer)) {
			return;
		}
		producer->read_seq = producer->held.seq;
		producer->is_holding = false;
	}
}

/* Waits for the log, librdkafka or the end, at most timeout_ms. */
static void wait_for_work(struct kafka_producer *producer, int timeout_ms)
{
	struct pollfd waits = {.fd = producer->event_fd, .events = POLLIN};
	uint64_t wakeups;

	if (poll(&waits, 1, timeout_ms) > 0)
		(void)!read(producer->event_fd, &wakeups, sizeof(wakeups)); /* resets it */
}

static bool must_stop(struct kafka_producer *producer)
{
	/* partner: release store in kafka_producer_destroy() */
	return atomic_load_explicit(&producer->must_stop, memory_order_acquire);
}

static void replace_instance(struct kafka_producer *producer)
{
	uint64_t until_ms = td_mono_ns() / TD_NS_PER_MS + producer->backoff_ms;
	uint64_t left_ms;

	drop_instance(producer);
	while (!must_stop(producer) &&
		(left_ms = td_since(until_ms, td_mono_ns() / TD_NS_PER_MS)) != 0)
		wait_for_work(producer, (int)left_ms);
	producer->backoff_ms = producer->backoff_ms > BACKOFF_MAX_MS / 2 ? BACKOFF_MAX_MS
									 : producer->backoff_ms * 2;
	if (make_instance(producer) != 0)
		producer->is_broken = true;
	count(producer, &producer->stats.recreated);
}

static void note_in_flight(struct kafka_producer *producer)
{
	(void)pthread_mutex_lock(&producer->lock);
	producer->stats.in_flight = (uint64_t)rd_kafka_outq_len(producer->rk);
	(void)pthread_mutex_unlock(&producer->lock);
}

static void *run(void *context)
{
	struct kafka_producer *producer = context;

	if (make_instance(producer) != 0)
		producer->is_broken = true;
	while (!must_stop(producer)) {
		if (producer->is_broken || producer->rk == NULL)
			replace_instance(producer);
		if (producer->rk == NULL)
			continue;
		while (rd_kafka_poll(producer->rk, 0) > 0)
			;
		send_more(producer);
		event_log_delivered(producer->log, producer->window.low_seq);
		note_in_flight(producer);
		if (!producer->is_broken)
			wait_for_work(producer, POLL_MS);
	}
	if (producer->rk != NULL)
		(void)rd_kafka_flush(producer->rk,
			(int)atomic_load_explicit(&producer->stop_flush_ms, memory_order_relaxed));
	drop_instance(producer);
	event_log_delivered(producer->log, producer->window.low_seq);
	return NULL;
}

int kafka_producer_create(const struct kafka_config *config, char *error_text, size_t error_bytes,
	struct kafka_producer **ret_producer)
{
	struct kafka_producer *producer = calloc(1, sizeof(*producer));
	uint32_t size = config->window_records ? config->window_records : DEFAULT_WINDOW;
	int error = -ENOMEM;

	if (producer == NULL)
		return -ENOMEM;
	producer->log = config->log;
	producer->backoff_min_ms =
		config->backoff_min_ms ? config->backoff_min_ms : DEFAULT_BACKOFF_MIN_MS;
	producer->backoff_ms = producer->backoff_min_ms;
	producer->is_compression_shared = kafka_config_has_compression(config);
	(void)pthread_mutex_init(&producer->lock, NULL); /* can't fail on Linux */
	producer->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (producer->event_fd >= 0)
		error = kafka_config_build(config, error_text, error_bytes, &producer->conf);
	if (error == 0)
		error = ack_window_init(
			&producer->window, event_log_stats(config->log).delivered_seq, size);
	if (error == 0)
		error = event_log_watch(config->log, producer->event_fd);
	if (error == 0) {
		rd_kafka_conf_set_opaque(producer->conf, producer);
		rd_kafka_conf_set_dr_msg_cb(producer->conf, on_delivery);
		rd_kafka_conf_set_error_cb(producer->conf, on_error);
		error = -pthread_create(&producer->thread, NULL, run, producer);
		producer->has_thread = error == 0;
	}
	if (error != 0) {
		kafka_producer_destroy(producer, 0);
		return error;
	}
	*ret_producer = producer;
	return 0;
}

void kafka_producer_destroy(struct kafka_producer *producer, uint32_t flush_ms)
{
	static const uint64_t one = 1;

	if (producer == NULL)
		return;
	if (producer->has_thread) {
		atomic_store_explicit(&producer->stop_flush_ms, flush_ms, memory_order_relaxed);
		/* partner: acquire load in must_stop() */
		atomic_store_explicit(&producer->must_stop, true, memory_order_release);
		(void)!write(producer->event_fd, &one, sizeof(one)); /* full is as good */
		(void)pthread_join(producer->thread, NULL);	     /* it ends: see run() */
	}
	if (producer->event_fd >= 0) {
		event_log_unwatch(producer->log, producer->event_fd);
		(void)close(producer->event_fd); /* a counter only */
	}
	if (producer->conf != NULL)
		rd_kafka_conf_destroy(producer->conf);
	ack_window_fini(&producer->window);
	(void)pthread_mutex_destroy(&producer->lock);
	free(producer);
}

struct kafka_stats kafka_producer_stats(const struct kafka_producer *producer)
{
	/* The lock is the only thing changed, and not part of the producer's value. */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&producer->lock;
	struct event_log_stats log = event_log_stats(producer->log);
	struct kafka_stats stats;

	(void)pthread_mutex_lock(lock);
	stats = producer->stats;
	(void)pthread_mutex_unlock(lock);
	stats.backlog = td_since(log.durable_seq, log.delivered_seq);
	return stats;
}
