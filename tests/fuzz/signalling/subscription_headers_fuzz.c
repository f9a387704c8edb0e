/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as each header value of subscriptions and transfers. What is accepted can be written
 * and is read back as the same.
 */
#include "subscription/headers.h"
#include "subscription/refer_to.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check_replaces(const struct dialog_name *name)
{
	char value[4096];
	struct refer_to again;
	struct text text;

	text_init(&text, value, sizeof(value));
	refer_to_build(&text, SPAN("sip:a@b"), name);
	if (text.has_overflowed || refer_to_parse(text_span(&text), &again) == -ENOSPC)
		return;
	if (!again.has_replaces || !span_equal(again.replaces.call_id, name->call_id) ||
		!span_equal(again.replaces.receiver_tag, name->receiver_tag) ||
		!span_equal(again.replaces.other_tag, name->other_tag) ||
		again.replaces.is_early_only != name->is_early_only)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct span text = {.text = (const char *)bytes, .length = (uint32_t)size_bytes};
	struct subscription_state_header state;
	struct event_name event;
	struct referred_by referrer;
	struct dialog_name name;
	struct refer_to refer_to;
	struct sip_uri uri;
	bool is_wanted;
	uint32_t seconds;

	if (event_name_parse(text, &event) == 0 && event.package.length == 0)
		abort();
	if (subscription_state_parse(text, &state) == 0 && state.substate >= SUBSTATE_COUNT)
		abort();
	if (replaces_parse(text, &name) == 0)
		check_replaces(&name);
	if (target_dialog_parse(text, &name) == 0)
		check_replaces(&name);
	(void)!referred_by_parse(text, &referrer);
	(void)!refer_sub_parse(text, &is_wanted);
	(void)!delta_seconds_parse(text, &seconds);
	if (refer_to_parse(text, &refer_to) == 0) {
		if (sip_uri_parse(refer_to.target, &uri) != 0 || uri.headers.length != 0)
			abort();
		if (refer_to.has_replaces)
			check_replaces(&refer_to.replaces);
	}
	return 0;
}
