/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of method names, both ways. Methods that we don't know leave no bit. */
#include "leg/allow.h"

#include "leg/screen.h"
#include "sip/scan.h"
#include "util/text.h"

enum {
	ALLOW_BYTES = 200, /* all methods that we know */
};

uint32_t leg_allow_read(const struct sip_message *message)
{
	const struct sip_header *header;
	uint32_t methods = 0;
	uint32_t from = 0;

	while ((header = sip_message_next(message, SIP_HEADER_ALLOW, &from)) != NULL) {
		struct span list = header->value;
		struct span name;

		methods |= LEG_METHOD(SIP_METHOD_OTHER);
		while (sip_list_next(&list, &name))
			methods |= LEG_METHOD(sip_method_find(name));
	}
	return methods;
}

void leg_allow_learn(const struct sip_message *message, uint32_t *methods)
{
	uint32_t said = leg_allow_read(message);

	if (said != 0)
		*methods = said;
}

void leg_allow_build(struct sip_builder *builder, uint32_t more)
{
	char bytes[ALLOW_BYTES];
	struct text list;

	text_init(&list, bytes, sizeof(bytes));
	text_append_string(&list, LEG_ALLOW);
	for (unsigned i = SIP_METHOD_OTHER + 1; i < SIP_METHOD_COUNT; i++) {
		if ((more & LEG_METHOD(i)) == 0)
			continue;
		text_append_string(&list, ", ");
		text_append_string(&list, sip_method_name((enum sip_method)i));
	}
	sip_build_header(builder, SIP_HEADER_ALLOW, text_span(&list));
}
