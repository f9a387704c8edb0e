/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/limits.h"

static uint32_t count_of(const struct sip_message *request, enum sip_header_id id)
{
	uint32_t from = 0;
	uint32_t count = 0;

	while (sip_message_next(request, id, &from) != NULL)
		count++;
	return count;
}

static bool has_long_header(const struct sip_message *request, uint32_t most_bytes)
{
	for (uint32_t i = 0; i < request->header_count; i++)
		if (request->headers[i].name.length + request->headers[i].value.length > most_bytes)
			return true;
	return false;
}

enum defence_limit limits_check(
	const struct sip_message *request, const struct config_defence *config)
{
	if (request->bytes.length > config->message_max_bytes)
		return DEFENCE_LIMIT_MESSAGE;
	if (request->body.length > config->body_max_bytes)
		return DEFENCE_LIMIT_BODY;
	if (request->header_count > config->headers_max)
		return DEFENCE_LIMIT_HEADERS;
	if (request->via_count > config->vias_max)
		return DEFENCE_LIMIT_VIAS;
	if (request->contact_count > config->contacts_max)
		return DEFENCE_LIMIT_CONTACTS;
	if (has_long_header(request, config->header_max_bytes))
		return DEFENCE_LIMIT_HEADER;
	if (count_of(request, SIP_HEADER_ROUTE) > config->routes_max ||
		count_of(request, SIP_HEADER_RECORD_ROUTE) > config->routes_max)
		return DEFENCE_LIMIT_ROUTES;
	return DEFENCE_LIMIT_NONE;
}

unsigned limits_status(enum defence_limit limit)
{
	static const uint16_t statuses[] = {[DEFENCE_LIMIT_NONE] = 0,
#define LIMIT_STATUS(name, status, text) [DEFENCE_LIMIT_##name] = (status),
		DEFENCE_LIMITS(LIMIT_STATUS)
#undef LIMIT_STATUS
	};

	return statuses[limit];
}

const char *limits_text(enum defence_limit limit)
{
	static const char *const texts[] = {[DEFENCE_LIMIT_NONE] = "",
#define LIMIT_TEXT(name, status, text) [DEFENCE_LIMIT_##name] = (text),
		DEFENCE_LIMITS(LIMIT_TEXT)
#undef LIMIT_TEXT
	};

	return texts[limit];
}
