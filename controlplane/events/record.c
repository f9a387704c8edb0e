/* SPDX-License-Identifier: Apache-2.0 */
/* Names of record kinds and their topics, from the one list in record.h. */
#include "events/record.h"

static const char *const topics[EVENT_RECORD_KIND_COUNT] = {
#define TOPIC(constant, member, topic, type) topic,
	EVENT_RECORD_KINDS(TOPIC)
#undef TOPIC
};

static const char *const kind_names[EVENT_RECORD_KIND_COUNT] = {
#define KIND_NAME(constant, member, topic, type) #member,
	EVENT_RECORD_KINDS(KIND_NAME)
#undef KIND_NAME
};

const char *event_record_topic(unsigned kind)
{
	return kind < EVENT_RECORD_KIND_COUNT ? topics[kind] : NULL;
}

const char *event_record_kind_name(unsigned kind)
{
	return kind < EVENT_RECORD_KIND_COUNT ? kind_names[kind] : NULL;
}
