/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a dialog: packed without gaps into its one buffer, so that a target refresh can
 * go on for ever and the whole dialog can be journaled as it is.
 */
#include "dialog/parts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const size_t TEXT_OFFSETS[] = {
	offsetof(struct dialog, call_id),
	offsetof(struct dialog, local_tag),
	offsetof(struct dialog, remote_tag),
	offsetof(struct dialog, local_uri),
	offsetof(struct dialog, remote_uri),
	offsetof(struct dialog, remote_target),
	offsetof(struct dialog, local_contact),
	offsetof(struct dialog, routes),
};

static struct dialog_text *dialog_text_at(struct dialog *dialog, size_t index)
{
	return (struct dialog_text *)(void *)((char *)dialog + TEXT_OFFSETS[index]);
}

struct span dialog_span(const struct dialog *dialog, struct dialog_text text)
{
	/* A dialog can come from a journal: what doesn't lie inside is nothing. */
	if ((size_t)text.offset + text.length > DIALOG_TEXT_BYTES)
		return (struct span){0};
	return (struct span){.text = dialog->text + text.offset, .length = text.length};
}

static void close_gap(struct dialog *dialog, struct dialog_text gap)
{
	memmove(dialog->text + gap.offset, dialog->text + gap.offset + gap.length,
		(size_t)dialog->text_used - gap.offset - gap.length);
	dialog->text_used = (uint16_t)(dialog->text_used - gap.length);
	for (size_t i = 0; i < TD_COUNT_OF(TEXT_OFFSETS); i++) {
		struct dialog_text *text = dialog_text_at(dialog, i);

		if (text->offset > gap.offset)
			text->offset = (uint16_t)(text->offset - gap.length);
	}
}

int dialog_set_text(struct dialog *dialog, struct dialog_text *field, struct span value)
{
	size_t others_bytes = (size_t)dialog->text_used - field->length;

	if (value.length > DIALOG_TEXT_BYTES - others_bytes)
		return -ENOSPC;
	if (field->length == value.length) {
		if (value.length != 0)
			memcpy(dialog->text + field->offset, value.text, value.length);
		return 0;
	}
	if (field->length != 0)
		close_gap(dialog, *field);
	field->offset = dialog->text_used;
	field->length = (uint16_t)value.length;
	if (value.length != 0)
		memcpy(dialog->text + field->offset, value.text, value.length);
	dialog->text_used = (uint16_t)(dialog->text_used + value.length);
	return 0;
}
