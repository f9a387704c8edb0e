/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a sipfrag, and as a name in a dialog-info document, which stays one that an XML
 * parser takes: no character that XML forbids, no markup but our own.
 */
#include "subscription/dialog_info.h"
#include "subscription/sipfrag.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static unsigned count_of(struct span text, char c)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < text.length; i++)
		count += text.text[i] == c;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static char document[1 << 20];
	const struct span text = {.text = (const char *)bytes, .length = (uint32_t)size_bytes};
	const struct span plain = {.text = "x", .length = 1};
	struct dialog_info_dialog dialog = {.call_id = text, .remote = {text, text}};
	struct sipfrag frag;
	struct text built;
	unsigned marks;

	if (sipfrag_parse(text, &frag) == 0 && (frag.status < 100 || frag.status > 699))
		abort();
	if (text.length == 0)
		return 0;
	text_init(&built, document, sizeof(document));
	dialog_info_add(&built,
		&(const struct dialog_info_dialog){.call_id = plain, .remote = {plain, plain}});
	marks = count_of(text_span(&built), '<');
	text_init(&built, document, sizeof(document));
	dialog_info_add(&built, &dialog);
	if (!built.has_overflowed && count_of(text_span(&built), '<') != marks)
		abort();
	for (size_t i = 0; i < built.length; i++)
		if ((uint8_t)document[i] < ' ' && document[i] != '\r' && document[i] != '\n')
			abort();
	return 0;
}
