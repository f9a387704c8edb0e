/* SPDX-License-Identifier: Apache-2.0 */
/* See kafka_config.h. */
#include "events/kafka_config.h"

#include "events/log.h"

#include <tandem/log.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct kafka_property defaults[] = {
	{"enable.idempotence", "true"},
	{"acks", "all"},
	{"message.timeout.ms", "0"}, /* never give up: the log bounds what waits */
	{"linger.ms", "5"},
	{"compression.type", "lz4"},
	{"partitioner", "murmur2_random"}, /* as Java clients place keys */
	{"queue.buffering.max.messages", "20000"},
	{"queue.buffering.max.kbytes", "65536"},
	{"socket.keepalive.enable", "true"},
	{"socket.nagle.disable", "true"},
	{"reconnect.backoff.max.ms", "2000"},
	{"topic.metadata.refresh.interval.ms", "60000"},
	{"log.connection.close", "false"},
	{"broker.address.ttl", "5000"},
};

/* Events are many and short-lived: cheap to pack. CDRs and contacts are kept for years. */
static const char *const compressions[EVENT_RECORD_KIND_COUNT] = {
	[EVENT_RECORD_CALL] = "lz4",
	[EVENT_RECORD_CDR] = "zstd",
	[EVENT_RECORD_CONTACT] = "zstd",
	[EVENT_RECORD_REGISTRATION] = "lz4",
};

/* librdkafka's own lines, from its threads: what matters comes through the error callback too. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk; /* one per process */
	if (level <= 3)
		td_log(TD_LOG_DEBUG, "events: kafka: %s: %s", facility, text);
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error_text,
	size_t error_bytes)
{
	return rd_kafka_conf_set(conf, name, value, error_text, error_bytes) == RD_KAFKA_CONF_OK
		       ? 0
		       : -EINVAL;
}

int kafka_config_build(const struct kafka_config *config, char *error_text, size_t error_bytes,
	rd_kafka_conf_t **ret_conf)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char client_id[EVENT_NODE_BYTES + 32];
	int error = 0;

	(void)snprintf(client_id, sizeof(client_id), "tandem/%s/controlplane",
		event_log_node(config->log));
	for (size_t i = 0; i < TD_COUNT_OF(defaults) && error == 0; i++)
		error = set(conf, defaults[i].name, defaults[i].value, error_text, error_bytes);
	if (error == 0)
		error = set(conf, "client.id",
			config->client_id != NULL ? config->client_id : client_id, error_text,
			error_bytes);
	if (error == 0 && config->brokers != NULL)
		error = set(conf, "bootstrap.servers", config->brokers, error_text, error_bytes);
	for (size_t i = 0; i < config->property_count && error == 0; i++)
		error = set(conf, config->properties[i].name, config->properties[i].value,
			error_text, error_bytes);
	if (error != 0) {
		rd_kafka_conf_destroy(conf);
		return error;
	}
	rd_kafka_conf_set_log_cb(conf, on_log);
	*ret_conf = conf;
	return 0;
}

bool kafka_config_has_compression(const struct kafka_config *config)
{
	for (size_t i = 0; i < config->property_count; i++)
		if (strcmp(config->properties[i].name, "compression.type") == 0 ||
			strcmp(config->properties[i].name, "compression.codec") == 0)
			return true;
	return false;
}

int kafka_config_topics(rd_kafka_t *rk, bool is_compression_shared,
	rd_kafka_topic_t *ret_topics[EVENT_RECORD_KIND_COUNT])
{
	char text[128];

	for (unsigned kind = 0; kind < EVENT_RECORD_KIND_COUNT; kind++) {
		rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(rk);

		/* A librdkafka built without this one says so: then the common one serves. */
		if (!is_compression_shared)
			(void)rd_kafka_topic_conf_set(
				conf, "compression.codec", compressions[kind], text, sizeof(text));
		ret_topics[kind] = rd_kafka_topic_new(rk, event_record_topic(kind), conf);
		if (ret_topics[kind] == NULL)
			return -EIO;
	}
	return 0;
}
