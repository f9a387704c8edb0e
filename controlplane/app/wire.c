/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the process: build the parts in the order in which they need each other, run the loop,
 * take them down in reverse. What flows between them is in carry.c.
 */
#include "app/wire.h"

#include "api/control_socket.h"
#include "app/carry.h"
#include "app/outbox.h"
#include "app/switchboard.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "events/kafka.h"
#include "events/log.h"
#include "events/sink.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "media/client.h"
#include "transport/transport.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum {
	WIRE_TERMINATIONS_PER_CALL = 2,
	WIRE_KAFKA_FLUSH_MS = 2000,
	WIRE_LOG_DRAIN_MS = 2000,
	WIRE_BYTES_PER_MB = 1 << 20,
	WIRE_BROKERS_BYTES = CONFIG_BROKERS_MAX * (CONFIG_TEXT_BYTES + 1),
	WIRE_KAFKA_PROPERTIES_MAX = 4,
};

static int complain(const char *part, const char *what, int result)
{
	td_log(TD_LOG_ERR, "wire: %s: %s (error=%s)", part, what, strerror(-result));
	return result;
}

/* --- storage: journal, event log, Kafka ----------------------------------------------------- */

static int build_journal(struct wire *wire)
{
	struct journal_config config = {
		.dir = wire->config->journal.directory,
		.compact_min_bytes = wire->config->journal.compact_mb * WIRE_BYTES_PER_MB,
	};
	int result = journal_open(&config, &wire->journal);
	struct journal_stats stats;

	if (result == -EBUSY)
		return complain(config.dir, "another control plane has this journal open", result);
	if (result != 0)
		return complain(config.dir, "cannot open the journal", result);
	stats = journal_stats(wire->journal);
	if (stats.corrupt_records != 0 || stats.torn_bytes != 0)
		td_log(TD_LOG_WARN,
			"journal: %s: damaged, went on without (corrupt_records=%" PRIu64
			" torn_bytes=%" PRIu64 ")",
			config.dir, stats.corrupt_records, stats.torn_bytes);
	return 0;
}

static int build_events(struct wire *wire)
{
	const struct config_events *events = &wire->config->events;
	struct event_log_config log_config = {
		.dir = events->directory,
		.node = wire->config->node,
		.segment_bytes = events->segment_mb * WIRE_BYTES_PER_MB,
		.retain_bytes = (uint64_t)events->max_mb * WIRE_BYTES_PER_MB,
		.is_shipped = events->broker_count != 0,
	};
	struct event_sink_config sink_config;
	int result = event_log_open(&log_config, &wire->event_log);

	if (result != 0)
		return complain(events->directory, "cannot open the event log", result);
	sink_config = (struct event_sink_config){.journal = wire->journal, .log = wire->event_log};
	result = event_sink_create(&sink_config, &wire->event_sink);
	if (result == 0)
		result = loop_add(wire->loop, event_sink_fd(wire->event_sink), LOOP_READ,
			carry_event_progress, wire);
	return result == 0 ? 0 : complain(events->directory, "cannot start the event sink", result);
}

/* Fills the librdkafka properties that the configuration gives; returns how many. */
static size_t kafka_properties(
	const struct config_events *events, struct kafka_property list[WIRE_KAFKA_PROPERTIES_MAX])
{
	size_t count = 0;

	if (!events->tls)
		return 0;
	list[count++] = (struct kafka_property){"security.protocol", "ssl"};
	if (events->tls_ca_file[0] != '\0')
		list[count++] = (struct kafka_property){"ssl.ca.location", events->tls_ca_file};
	if (events->tls_certificate_file[0] != '\0')
		list[count++] = (struct kafka_property){
			"ssl.certificate.location", events->tls_certificate_file};
	if (events->tls_key_file[0] != '\0')
		list[count++] = (struct kafka_property){"ssl.key.location", events->tls_key_file};
	return count;
}

static int build_kafka(struct wire *wire)
{
	const struct config_events *events = &wire->config->events;
	struct kafka_property properties[WIRE_KAFKA_PROPERTIES_MAX];
	char brokers[WIRE_BROKERS_BYTES] = "";
	char why[256] = "";
	size_t used = 0;
	int result;

	if (events->broker_count == 0)
		return 0;
	for (uint32_t i = 0; i < events->broker_count; i++)
		used += (size_t)snprintf(brokers + used, sizeof(brokers) - used, "%s%s",
			i == 0 ? "" : ",", events->brokers[i]);
	struct kafka_config config = {
		.log = wire->event_log,
		.brokers = brokers,
		.properties = properties,
		.property_count = kafka_properties(events, properties),
	};
	result = kafka_producer_create(&config, why, sizeof(why), &wire->kafka);
	return result == 0 ? 0 : complain("kafka", why, result);
}

/* --- calls ---------------------------------------------------------------------------------- */

struct restoring {
	struct wire *wire;
	bool is_other_boot;
};

static int restore_call(void *context, uint64_t call_id, const uint8_t *value, size_t value_bytes)
{
	const struct restoring *restoring = context;
	struct wire *wire = restoring->wire;
	int result = switchboard_restore(wire->switchboard,
		&(const struct switchboard_snapshot){
			.call_id = call_id,
			.value = value,
			.length = value_bytes,
			.is_other_boot = restoring->is_other_boot,
		},
		wire_now(wire));

	if (result != 0)
		td_log(TD_LOG_ERR,
			"call: %" PRIx64 ": not restored, media will be removed (error=%s)",
			call_id, strerror(-result));
	return 0; /* one bad record must not cost the others */
}

static int build_switchboard(struct wire *wire)
{
	const struct switchboard_ports ports = carry_switchboard_ports(wire);
	struct restoring restoring = {wire, journal_stats(wire->journal).is_other_boot};
	uint8_t seed[SWITCHBOARD_SEED_BYTES];
	int result;

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return complain("random", "the kernel gave no random bytes", -EIO);
	result = outbox_create(&wire->outbox);
	if (result == 0)
		result = switchboard_create(
			wire->config, seed, &ports, wire_now(wire), &wire->switchboard);
	if (result != 0)
		return complain("switchboard", "cannot be created", result);
	result = journal_replay(wire->journal, JOURNAL_CALL, restore_call, &restoring);
	if (result != 0)
		return complain("journal", "cannot be read back", result);
	switchboard_restored(wire->switchboard, wire_now(wire));
	return 0;
}

static int build_media(struct wire *wire)
{
	const struct media_client_sink sink = carry_media_sink(wire);
	struct media_client_config config = {
		.socket_path = wire->config->dataplane.socket,
		.termination_capacity =
			wire->config->sip.max_calls * WIRE_TERMINATIONS_PER_CALL * 2,
		.instance = wire->instance,
	};
	int result = media_client_create(wire->loop, &config, &sink, &wire->media);

	if (result != 0)
		return complain(config.socket_path, "cannot create the media client", result);
	media_client_restored(wire->media);
	return 0;
}

static int build_transport(struct wire *wire)
{
	const struct config_sip *sip = &wire->config->sip;
	const struct transport_sink sink = carry_transport_sink(wire);
	struct transport_config config = {.listener_count = sip->listener_count};
	uint32_t failed = 0;
	char text[TD_ENDPOINT_TEXT_BYTES];
	int result;

	for (uint32_t i = 0; i < sip->listener_count; i++)
		config.listeners[i] = (struct transport_listener){
			.transport = (enum sip_transport)sip->listeners[i].transport,
			.local = {.ip = sip->listeners[i].address,
				.port = (uint16_t)sip->listeners[i].port},
		};
	result = transport_create(wire->loop, &config, &sink, &wire->transport, &failed);
	if (result == 0)
		return 0;
	return complain(failed < config.listener_count
				? td_endpoint_format(&config.listeners[failed].local, text)
				: "transport",
		"cannot listen for SIP", result);
}

static int build_control(struct wire *wire)
{
	struct control_socket_config config = {
		.path = wire->config->control.socket, .context = wire};
	int result;

	config.verbs = wire_verbs(&config.verb_count);
	result = control_socket_create(&config, &wire->control);
	if (result == 0)
		result = loop_add(wire->loop, control_socket_fd(wire->control), LOOP_READ,
			carry_control_ready, wire);
	return result == 0 ? 0 : complain(config.path, "cannot open the control socket", result);
}

/* --- life ----------------------------------------------------------------------------------- */

static void on_signal(void *context, int signal_number)
{
	struct wire *wire = context;

	if (signal_number == SIGHUP) {
		json_t *report = json_object();

		if (wire_reload(wire, report) == 0)
			td_log(TD_LOG_INFO, "config: %s: read again", wire->config_path);
		json_decref(report); /* everything in it has been logged */
		return;
	}
	td_log(TD_LOG_INFO, "wire: %s: ending; calls stay up and are taken over by the next start",
		strsignal(signal_number));
	loop_stop(wire->loop);
}

static int build_loop(struct wire *wire)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	const struct loop_deadline deadline = carry_deadline(wire);
	int result = loop_create(&wire->loop);

	for (size_t i = 0; result == 0 && i < TD_COUNT_OF(signals); i++)
		result = loop_catch_signal(wire->loop, signals[i], on_signal, wire);
	if (result != 0)
		return complain("loop", "cannot be created", result);
	(void)signal(SIGPIPE, SIG_IGN); /* closed sockets are told by write()'s error */
	loop_set_deadline(wire->loop, &deadline);
	loop_set_turn_end(wire->loop, carry_turn_end, wire);
	loop_set_delay_hook(wire->loop, carry_queue_delay, wire);
	wire->started_ms = loop_now_ms(wire->loop);
	return 0;
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		td_log(TD_LOG_WARN, "wire: %s: cannot create the directory (error=%s)", path,
			strerror(errno));
}

/* Builds everything, in the order of need. On failure the caller takes down what there is. */
static int build(struct wire *wire)
{
	static int (*const steps[])(struct wire * wire) = {build_loop, build_journal, build_events,
		build_kafka, build_switchboard, build_media, build_transport, build_control};

	make_directory(wire->config->run_dir);
	make_directory(wire->config->state_dir);
	for (size_t i = 0; i < TD_COUNT_OF(steps); i++) {
		int result = steps[i](wire);

		if (result != 0)
			return result;
	}
	return 0;
}

static void take_down(struct wire *wire)
{
	uint64_t unwritten;

	control_socket_destroy(wire->control);
	transport_destroy(wire->transport);
	media_client_destroy(wire->media);
	switchboard_destroy(wire->switchboard);
	outbox_destroy(wire->outbox);
	kafka_producer_destroy(wire->kafka, WIRE_KAFKA_FLUSH_MS);
	event_sink_destroy(wire->event_sink);
	unwritten = event_log_close(wire->event_log, WIRE_LOG_DRAIN_MS);
	if (unwritten != 0)
		td_log(TD_LOG_WARN,
			"events: %" PRIu64 " records wait in the journal for the next start",
			unwritten);
	journal_close(wire->journal);
	loop_destroy(wire->loop);
	config_destroy(wire->config);
}

int wire_run(struct config *config, const char *config_path)
{
	struct wire wire = {.config = config, .config_path = config_path, .instance = td_wall_ns()};
	struct switchboard_counts counts;
	int result = build(&wire);

	if (result == 0) {
		counts = switchboard_get_counts(wire.switchboard);
		td_log(TD_LOG_INFO,
			"wire: %s: ready (listeners=%u trunks=%u routes=%u calls_recovered=%" PRIu64
			")",
			wire.config->node, wire.config->sip.listener_count,
			wire.config->trunk_count, wire.config->route_count, counts.calls_recovered);
		result = loop_run(wire.loop);
		if (result != 0)
			result = complain("loop", "ended by an error", result);
	}
	take_down(&wire);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
