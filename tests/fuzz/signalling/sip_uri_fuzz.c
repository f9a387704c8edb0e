/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a URI, a name-addr and a Via value.
 */
#include "sip/message.h"
#include "sip/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct span text = {.text = (const char *)bytes, .length = (uint32_t)size_bytes};
	struct sip_name_addr name_addr;
	struct sip_uri uri;
	struct sip_uri again;
	struct sip_via via;
	struct span value;
	char user[64];

	if (sip_uri_parse(text, &uri) == 0) {
		(void)sip_param_find(uri.params, "transport", &value);
		if (sip_user_unescape(uri.user, user, sizeof(user)) == 0 &&
			strlen(user) > uri.user.length)
			abort();
	}
	if (sip_name_addr_parse(text, &name_addr) == 0 &&
		sip_uri_parse(name_addr.uri.text, &again) != 0)
		abort();
	(void)sip_param_find(name_addr.params, "tag", &value);
	if (sip_via_parse(text, &via) == 0 && via.host.length == 0)
		abort();
	return 0;
}
