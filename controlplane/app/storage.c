/* SPDX-License-Identifier: Apache-2.0 */
/* The order matters: the sink replays the journal into the log, the producer reads the log. */
#include "app/storage.h"

#include "app/carry.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "events/kafka.h"
#include "events/log.h"
#include "events/sink.h"
#include "journal/journal.h"
#include "loop/loop.h"

#include <tandem/bytes.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	STORAGE_KAFKA_FLUSH_MS = 2000,
	STORAGE_LOG_DRAIN_MS = 2000,
	STORAGE_BYTES_PER_MB = 1 << 20,
	STORAGE_S_PER_DAY = 86400,
	STORAGE_RECORDS_MAX = 4 << 20,
	STORAGE_EVENTS_MAX = 65536, /* that wait for the event log, in the journal */
	STORAGE_TLS_PROPERTIES_MAX = 4,
	STORAGE_PROPERTIES_MAX = STORAGE_TLS_PROPERTIES_MAX + CONFIG_PROPERTIES_MAX,
};

static int build_journal(struct wire *wire)
{
	const struct config_sip *sip = &wire->config->sip;
	struct journal_config config = {
		.dir = wire->config->journal.directory,
		.record_capacity =
			STORAGE_EVENTS_MAX + sip->max_calls + sip->max_bindings + CONFIG_TRUNKS_MAX,
		.compact_min_bytes = wire->config->journal.compact_mb * STORAGE_BYTES_PER_MB,
		.is_synced = wire->config->journal.is_synced,
	};
	int result = journal_open(&config, &wire->journal);
	struct journal_stats stats;

	/* A limit that was lowered meanwhile must not cost what is there. */
	while (result == -EFBIG && config.record_capacity < STORAGE_RECORDS_MAX) {
		config.record_capacity *= 2;
		result = journal_open(&config, &wire->journal);
	}

	if (result == -EBUSY)
		return wire_complain(
			config.dir, "another control plane has this journal open", result);
	if (result != 0)
		return wire_complain(config.dir, "cannot open the journal", result);
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
		.segment_bytes = events->segment_mb * STORAGE_BYTES_PER_MB,
		.retain_bytes = (uint64_t)events->retain_mb * STORAGE_BYTES_PER_MB,
		.retain_s = (uint64_t)events->retain_days * STORAGE_S_PER_DAY,
		.max_bytes = (uint64_t)events->max_mb * STORAGE_BYTES_PER_MB,
		.is_shipped = events->broker_count != 0,
	};
	struct event_sink_config sink_config;
	int result = event_log_open(&log_config, &wire->event_log);

	if (result != 0)
		return wire_complain(events->directory, "cannot open the event log", result);
	sink_config = (struct event_sink_config){.journal = wire->journal, .log = wire->event_log};
	result = event_sink_create(&sink_config, &wire->event_sink);
	if (result == 0)
		result = loop_add(wire->loop, event_sink_fd(wire->event_sink), LOOP_READ,
			carry_event_progress, wire);
	return result == 0
		       ? 0
		       : wire_complain(events->directory, "cannot start the event sink", result);
}

static size_t tls_properties(
	const struct config_events *events, struct kafka_property list[STORAGE_TLS_PROPERTIES_MAX])
{
	const struct kafka_property files[] = {
		{"ssl.ca.location", events->tls_ca_file},
		{"ssl.certificate.location", events->tls_certificate_file},
		{"ssl.key.location", events->tls_key_file},
	};
	size_t count = 0;

	if (!events->tls)
		return 0;
	list[count++] = (struct kafka_property){"security.protocol", "ssl"};
	for (size_t i = 0; i < TD_COUNT_OF(files); i++)
		if (files[i].value[0] != '\0')
			list[count++] = files[i];
	return count;
}

/* Splits "name=value" in place. */
static struct kafka_property split_property(char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL) /* config/ has checked */
		return (struct kafka_property){text, ""};
	*equals = '\0';
	return (struct kafka_property){text, equals + 1};
}

static int build_kafka(struct wire *wire)
{
	const struct config_events *events = &wire->config->events;
	char given[CONFIG_PROPERTIES_MAX][CONFIG_TEXT_BYTES];
	struct kafka_property properties[STORAGE_PROPERTIES_MAX];
	size_t property_count = tls_properties(events, properties);
	char brokers[CONFIG_BROKERS_MAX * (CONFIG_TEXT_BYTES + 1)] = "";
	char why[256] = "";
	size_t used = 0;
	int result;

	if (events->broker_count == 0)
		return 0;
	for (uint32_t i = 0; i < events->broker_count; i++)
		used += (size_t)snprintf(brokers + used, sizeof(brokers) - used, "%s%s",
			i == 0 ? "" : ",", events->brokers[i]);
	memcpy(given, events->properties, sizeof(given));
	for (uint32_t i = 0; i < events->property_count; i++)
		properties[property_count++] = split_property(given[i]);
	struct kafka_config config = {
		.log = wire->event_log,
		.brokers = brokers,
		.properties = properties,
		.property_count = property_count,
	};
	result = kafka_producer_create(&config, why, sizeof(why), &wire->kafka);
	td_wipe(given, sizeof(given)); /* may hold a SASL password */
	return result == 0 ? 0 : wire_complain("kafka", why, result);
}

int storage_build(struct wire *wire)
{
	int result = build_journal(wire);

	if (result == 0)
		result = build_events(wire);
	return result == 0 ? build_kafka(wire) : result;
}

void storage_take_down(struct wire *wire)
{
	uint64_t unwritten;

	kafka_producer_destroy(wire->kafka, STORAGE_KAFKA_FLUSH_MS);
	event_sink_destroy(wire->event_sink);
	unwritten = event_log_close(wire->event_log, STORAGE_LOG_DRAIN_MS);
	if (unwritten != 0)
		td_log(TD_LOG_WARN,
			"events: %" PRIu64 " records wait in the journal for the next start",
			unwritten);
	journal_close(wire->journal);
}
