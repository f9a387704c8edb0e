/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a dialog, one after the other in one block that is just as long: a change makes a
 * new block, so that a target refresh can go on for ever and a failed one has changed nothing.
 */
#include "dialog/parts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Where a text stands in the dialog, and where among the texts by themselves. */
struct text_place {
	size_t field;
	size_t span;
};

static const struct text_place TEXTS[] = {
#define TEXT_PLACE(name)                                                           \
	{                                                                          \
		offsetof(struct dialog, name), offsetof(struct dialog_texts, name) \
	}
	TEXT_PLACE(call_id),
	TEXT_PLACE(local_tag),
	TEXT_PLACE(remote_tag),
	TEXT_PLACE(local_uri),
	TEXT_PLACE(remote_uri),
	TEXT_PLACE(remote_target),
	TEXT_PLACE(local_contact),
	TEXT_PLACE(routes),
#undef TEXT_PLACE
};

static struct dialog_text *field_at(struct dialog *dialog, size_t index)
{
	return (struct dialog_text *)(void *)((char *)dialog + TEXTS[index].field);
}

static struct span span_at(const struct dialog_texts *texts, size_t index)
{
	return *(const struct span *)(const void *)((const char *)texts + TEXTS[index].span);
}

struct span dialog_span(const struct dialog *dialog, struct dialog_text text)
{
	/* A dialog can come from a journal: what doesn't lie inside is nothing. */
	if (dialog->text == NULL || (size_t)text.offset + text.length > dialog->text_bytes)
		return (struct span){0};
	return (struct span){.text = dialog->text + text.offset, .length = text.length};
}

struct dialog_texts dialog_get_texts(const struct dialog *dialog)
{
	return (struct dialog_texts){
		.call_id = dialog_span(dialog, dialog->call_id),
		.local_tag = dialog_span(dialog, dialog->local_tag),
		.remote_tag = dialog_span(dialog, dialog->remote_tag),
		.local_uri = dialog_span(dialog, dialog->local_uri),
		.remote_uri = dialog_span(dialog, dialog->remote_uri),
		.remote_target = dialog_span(dialog, dialog->remote_target),
		.local_contact = dialog_span(dialog, dialog->local_contact),
		.routes = dialog_span(dialog, dialog->routes),
	};
}

/* True if the dialog says just that already: a repeated 18x costs no memory. */
static bool texts_are_kept(struct dialog *dialog, const struct dialog_texts *texts)
{
	for (size_t i = 0; i < TD_COUNT_OF(TEXTS); i++)
		if (!span_equal(dialog_span(dialog, *field_at(dialog, i)), span_at(texts, i)))
			return false;
	return dialog->text != NULL;
}

int dialog_set_texts(struct dialog *dialog, const struct dialog_texts *texts)
{
	size_t length = 0;
	size_t at = 0;
	char *block;

	if (texts_are_kept(dialog, texts))
		return 0;
	for (size_t i = 0; i < TD_COUNT_OF(TEXTS); i++)
		length += span_at(texts, i).length;
	if (length > DIALOG_TEXT_MAX_BYTES)
		return -ENOSPC;
	block = heap_alloc(dialog->heap, length);
	if (block == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < TD_COUNT_OF(TEXTS); i++) {
		struct span text = span_at(texts, i);

		if (text.length != 0)
			memcpy(block + at, text.text, text.length);
		*field_at(dialog, i) = (struct dialog_text){
			.offset = (uint16_t)at, .length = (uint16_t)text.length};
		at += text.length;
	}
	heap_free(dialog->heap, dialog->text);
	dialog->text = block;
	dialog->text_bytes = (uint16_t)length;
	return 0;
}

void dialog_fini(struct dialog *dialog)
{
	if (dialog->text != NULL)
		heap_free(dialog->heap, dialog->text);
	dialog->text = NULL;
	dialog->text_bytes = 0;
}

int dialog_restore(struct dialog *dialog, struct heap *heap, struct span text)
{
	dialog->heap = heap;
	dialog->text = NULL;
	if (dialog->state > DIALOG_TERMINATED || text.length != dialog->text_bytes)
		return -EBADMSG;
	for (size_t i = 0; i < TD_COUNT_OF(TEXTS); i++) {
		const struct dialog_text *field = field_at(dialog, i);

		if ((size_t)field->offset + field->length > text.length)
			return -EBADMSG;
	}
	if (text.length == 0)
		return 0;
	dialog->text = heap_copy(heap, text.text, text.length);
	return dialog->text != NULL ? 0 : -ENOMEM;
}
