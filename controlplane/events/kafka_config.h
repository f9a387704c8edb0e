/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librdkafka's settings for the event producer: nothing lost, order kept, bounded memory. The
 * reasons stand in docs/events/events.md.
 */
#ifndef TD_EVENTS_KAFKA_CONFIG_H
#define TD_EVENTS_KAFKA_CONFIG_H

#include "events/kafka.h"
#include "events/record.h"

#include <tandem/compiler.h>

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>

/* Builds the settings from defaults, brokers and the configuration's properties. Gives ret_conf.
 * -EINVAL with the reason in error_text, -ENOMEM. */
td_must_check int kafka_config_build(const struct kafka_config *config, char *error_text,
	size_t error_bytes, rd_kafka_conf_t **ret_conf);

/* True if the configuration's properties choose the compression, for every topic alike. */
bool kafka_config_has_compression(const struct kafka_config *config);

/* Makes the handle of each record kind's topic, with a compression of its own unless all share
 * that of the configuration; gives what it made, also on failure. -EIO. */
td_must_check int kafka_config_topics(rd_kafka_t *rk, bool is_compression_shared,
	rd_kafka_topic_t *ret_topics[EVENT_RECORD_KIND_COUNT]);

#endif
