/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tandemctl can order of a call: that the peer of one leg calls somebody else (REFER), and
 * what became of it.
 */
#include "app/wire_parts.h"
#include "switchboard/switchboard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ID_DIGITS = 16,
	HEXADECIMAL = 16
};

static int refuse(const char *why, int error, json_t **ret_result)
{
	*ret_result = json_string(why);
	return error;
}

/* An id as the lists show it. */
static bool get_id(const json_t *request, const char *key, uint64_t *ret_id)
{
	const char *text = json_string_value(json_object_get(request, key));

	if (text == NULL || strlen(text) != ID_DIGITS ||
		strspn(text, "0123456789abcdefABCDEF") != ID_DIGITS)
		return false;
	*ret_id = strtoull(text, NULL, HEXADECIMAL);
	return true;
}

int wire_verb_refer(void *context, const json_t *request, json_t **ret_result)
{
	struct wire *wire = context;
	const char *leg = json_string_value(json_object_get(request, "leg"));
	struct switchboard_refer order = {
		.target = json_string_value(json_object_get(request, "target")),
		.replaces = json_string_value(json_object_get(request, "replaces")),
	};
	char text[ID_DIGITS + 1];
	const char *obstacle;
	uint64_t id = 0;

	if (!get_id(request, "call", &order.call_id))
		return refuse("a call is named by the 16 digits that \"tandemctl calls\" shows",
			-EINVAL, ret_result);
	if (leg == NULL || (strcmp(leg, "caller") != 0 && strcmp(leg, "callee") != 0))
		return refuse("a leg is \"caller\" or \"callee\"", -EINVAL, ret_result);
	if (order.target == NULL || *order.target == '\0')
		return refuse("there is no target", -EINVAL, ret_result);
	order.is_callee = strcmp(leg, "callee") == 0;
	obstacle = switchboard_refer(wire->switchboard, &order, wire_now(wire), &id);
	if (obstacle != NULL)
		return refuse(obstacle, -EINVAL, ret_result);
	(void)snprintf(text, sizeof(text), "%016" PRIx64, id);
	*ret_result = json_pack("{s:s}", "transfer", text);
	return *ret_result != NULL ? 0 : -ENOMEM;
}

int wire_verb_transfer(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	struct switchboard_refer_status status;
	uint64_t call_id;
	uint64_t id;

	if (!get_id(request, "call", &call_id) || !get_id(request, "transfer", &id))
		return refuse("ids of a call and of its transfer are wanted", -EINVAL, ret_result);
	if (switchboard_find_refer(wire->switchboard, call_id, id, &status) != 0)
		return refuse("no such transfer, or it ended too long ago", -ENOENT, ret_result);
	*ret_result = json_pack("{s:s, s:s, s:i}", "state", status.state, "outcome", status.outcome,
		"sip_code", (int)status.sip_status);
	return *ret_result != NULL ? 0 : -ENOMEM;
}
