/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the HTTP request that opens a WebSocket. Nothing is ever complete later that was
 * refused before, and a good answer fits and ends.
 */
#include "transport/upgrade.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static const struct transport_websocket rules = {
		.path = "/sip", .origin_count = 1, .origins = {"https://a.example"}};
	char response[UPGRADE_RESPONSE_BYTES];
	struct upgrade upgrade;
	struct upgrade shorter;
	int length = upgrade_parse((const char *)bytes, size_bytes, &rules, &upgrade);

	if (length == 0)
		return 0;
	if (upgrade.status < 101 || upgrade.status > 505 || length > (int)size_bytes ||
		length > UPGRADE_REQUEST_MAX_BYTES)
		abort();
	if (length > 0 &&
		upgrade_parse((const char *)bytes, (size_t)length - 1, &rules, &shorter) != 0)
		abort();
	if (upgrade_respond(&upgrade, response) != strlen(response) ||
		strstr(response, "\r\n\r\n") != response + strlen(response) - 4)
		abort();
	return 0;
}
