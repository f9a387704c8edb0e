/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tandemctl can ask and say about banned addresses.
 */
#include "app/wire_parts.h"
#include "defence/sources.h"
#include "loop/loop.h"
#include "switchboard/switchboard.h"

#include <tandem/endpoint.h>

#include <errno.h>
#include <string.h>

enum {
	BANS_SHOWN_MAX = 10000, /* more would keep the loop too long */
};

static json_t *ban_json(const struct source_ban *ban, uint64_t now_ms)
{
	char ip[TD_IP_TEXT_BYTES];
	json_t *object = json_object();

	(void)json_object_set_new(object, "address", json_string(td_ip_format(&ban->ip, ip)));
	(void)json_object_set_new(object, "left_s",
		ban->until_ms == TD_NEVER
			? json_null()
			: json_integer(
				  (json_int_t)(td_since(ban->until_ms, now_ms) / TD_MS_PER_S)));
	(void)json_object_set_new(object, "bans", json_integer((json_int_t)ban->bans));
	(void)json_object_set_new(object, "by_operator", json_boolean(ban->is_manual));
	return object;
}

int wire_verb_bans(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	const struct sources *sources = switchboard_sources(wire->switchboard);
	uint64_t now_ms = loop_now_ms(wire->loop);
	json_t *list = json_array();
	struct source_ban ban;
	uint32_t cursor = 0;

	(void)request;
	while (json_array_size(list) < BANS_SHOWN_MAX &&
		sources_next_ban(sources, &cursor, now_ms, &ban))
		(void)json_array_append_new(list, ban_json(&ban, now_ms));
	*ret_result = json_pack("{s:o}", "bans", list);
	return *ret_result != NULL ? 0 : -ENOMEM;
}

/* The address that the request names; false if it isn't one. */
static bool read_address(const json_t *request, struct td_ip *ret_ip)
{
	const char *text = json_string_value(json_object_get(request, "address"));

	return text != NULL && td_ip_parse(text, strlen(text), ret_ip);
}

int wire_verb_ban(void *context, const json_t *request, json_t **ret_result)
{
	struct wire *wire = context;
	uint64_t now_ms = loop_now_ms(wire->loop);
	char text[TD_IP_TEXT_BYTES];
	struct td_ip ip;
	int result;

	if (!read_address(request, &ip))
		return -EINVAL;
	result = switchboard_ban(wire->switchboard, &ip, TD_NEVER, now_ms);
	if (result != 0)
		return result;
	td_log(TD_LOG_INFO, "defence: %s: banned by the operator", td_ip_format(&ip, text));
	*ret_result = json_pack("{s:s, s:b}", "address", text, "banned", 1);
	return *ret_result != NULL ? 0 : -ENOMEM;
}

int wire_verb_unban(void *context, const json_t *request, json_t **ret_result)
{
	struct wire *wire = context;
	char text[TD_IP_TEXT_BYTES];
	bool was_banned;
	struct td_ip ip;

	if (!read_address(request, &ip))
		return -EINVAL;
	was_banned =
		sources_unban(switchboard_sources(wire->switchboard), &ip, loop_now_ms(wire->loop));
	td_log(TD_LOG_INFO, "defence: %s: unbanned by the operator", td_ip_format(&ip, text));
	*ret_result = json_pack("{s:s, s:b}", "address", text, "was_banned", (int)was_banned);
	return *ret_result != NULL ? 0 : -ENOMEM;
}
