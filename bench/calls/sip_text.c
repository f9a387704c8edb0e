/* SPDX-License-Identifier: Apache-2.0 */
/* See sip_text.h. Full header names only: both sides of the bench speak them. */
#include "calls/sip_text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
	NUMBER_DIGITS_MAX = 20,
};

bool piece_is(struct piece piece, const char *text)
{
	return strlen(text) == piece.length && memcmp(piece.text, text, piece.length) == 0;
}

bool piece_has(struct piece piece, const char *needle)
{
	return memmem(piece.text, piece.length, needle, strlen(needle)) != NULL;
}

bool piece_number_before(struct piece text, char stop, uint64_t *ret_number)
{
	const char *end = text.length == 0 ? NULL : memchr(text.text, stop, text.length);
	const char *at;
	uint64_t number = 0;

	if (end == NULL)
		end = text.text + text.length;
	at = end;
	while (at != text.text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at == end || end - at > NUMBER_DIGITS_MAX - 1)
		return false;
	for (; at != end; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	*ret_number = number;
	return true;
}

static struct piece trim(const char *from, const char *to)
{
	while (from != to && (*from == ' ' || *from == '\t'))
		from++;
	while (to != from && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	return (struct piece){from, (size_t)(to - from)};
}

/* What stands between key and one of the characters of stops, or the end. */
static struct piece cut(struct piece text, const char *key, const char *stops)
{
	const char *at = memmem(text.text, text.length, key, strlen(key));
	const char *end = text.text + text.length;
	const char *to;

	if (at == NULL)
		return (struct piece){text.text, 0};
	at += strlen(key);
	for (to = at; to != end && strchr(stops, *to) == NULL; to++)
		continue;
	return (struct piece){at, (size_t)(to - at)};
}

static unsigned number_of(struct piece text)
{
	unsigned number = 0;

	for (size_t i = 0; i < text.length && i < 9 && text.text[i] >= '0' && text.text[i] <= '9';
		i++)
		number = number * 10 + (unsigned)(text.text[i] - '0');
	return number;
}

static void take_via(struct sip_view *view, struct piece line, struct piece value)
{
	if (view->vias.length == 0) {
		view->vias.text = line.text;
		view->branch = cut(value, "branch=", ";, ");
	} else if (line.text != view->vias.text + view->vias.length) {
		view->has_scattered_vias = true;
	}
	view->vias.length = (size_t)(line.text + line.length + 2 - view->vias.text);
}

static void take_header(struct sip_view *view, struct piece line, struct piece name,
	struct piece value, size_t *content_length)
{
	struct {
		const char *name;
		struct piece *piece;
	} const plain[] = {{"From", &view->from}, {"To", &view->to}, {"Call-ID", &view->call_id},
		{"CSeq", &view->cseq}};

	for (size_t i = 0; i < TD_COUNT_OF(plain); i++)
		if (piece_is(name, plain[i].name))
			*plain[i].piece = value;
	if (piece_is(name, "Via"))
		take_via(view, line, value);
	else if (piece_is(name, "To"))
		view->to_tag = cut(value, ";tag=", "; >");
	else if (piece_is(name, "Contact"))
		view->contact_uri = memchr(value.text, '<', value.length) != NULL
					    ? cut(value, "<", ">")
					    : value;
	else if (piece_is(name, "Content-Length"))
		*content_length = number_of(value);
	else if (piece_is(name, "Retry-After"))
		view->retry_after_s = number_of(value);
	else if (piece_is(name, "Record-Route"))
		view->has_record_route = true;
}

static int read_start_line(struct piece line, struct sip_view *view)
{
	const char *space = memchr(line.text, ' ', line.length);
	const char *end = line.text + line.length;
	const char *second;

	if (space == NULL)
		return -EBADMSG;
	if (line.length > 7 && strncmp(line.text, "SIP/2.0", 7) == 0) {
		view->status = number_of((struct piece){space + 1, (size_t)(end - space - 1)});
		return view->status >= 100 && view->status < 700 ? 0 : -EBADMSG;
	}
	second = memchr(space + 1, ' ', (size_t)(end - space - 1));
	if (second == NULL ||
		!piece_is((struct piece){second + 1, (size_t)(end - second - 1)}, "SIP/2.0"))
		return -EBADMSG;
	view->method = (struct piece){line.text, (size_t)(space - line.text)};
	view->uri = (struct piece){space + 1, (size_t)(second - space - 1)};
	return 0;
}

int sip_view_read(const char *bytes, size_t length, struct sip_view *ret_view)
{
	struct sip_view view = {0};
	const char *at = bytes;
	const char *end = bytes + length;
	size_t content_length = 0;

	for (;;) {
		const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		struct piece line = {at, eol == NULL ? 0 : (size_t)(eol - at)};
		const char *colon;

		if (eol == NULL)
			return -EBADMSG;
		at = eol + 2;
		if (line.length == 0)
			break;
		if (line.text == bytes) {
			if (read_start_line(line, &view) != 0)
				return -EBADMSG;
			continue;
		}
		colon = memchr(line.text, ':', line.length);
		if (colon == NULL)
			return -EBADMSG;
		take_header(
			&view, line, trim(line.text, colon), trim(colon + 1, eol), &content_length);
	}
	if (view.vias.length == 0 || view.has_scattered_vias || view.from.length == 0 ||
		view.to.length == 0 || view.call_id.length == 0 || view.cseq.length == 0 ||
		content_length > (size_t)(end - at))
		return -EBADMSG;
	view.body = (struct piece){at, content_length};
	if (view.status != 0)
		view.method = trim(memchr(view.cseq.text, ' ', view.cseq.length) == NULL
					   ? view.cseq.text + view.cseq.length
					   : memchr(view.cseq.text, ' ', view.cseq.length),
			view.cseq.text + view.cseq.length);
	*ret_view = view;
	return 0;
}

void writer_put(struct writer *writer, struct piece piece)
{
	if (piece.length > writer->size - writer->length) {
		writer->has_overflowed = true;
		return;
	}
	memcpy(writer->bytes + writer->length, piece.text, piece.length);
	writer->length += piece.length;
}

void writer_put_digits(struct writer *writer, uint64_t number, unsigned digits)
{
	char text[NUMBER_DIGITS_MAX];

	if (digits > sizeof(text)) {
		writer->has_overflowed = true;
		return;
	}
	for (unsigned i = digits; i-- > 0; number /= 10)
		text[i] = (char)('0' + number % 10);
	writer_put(writer, (struct piece){text, digits});
}

void writer_put_number(struct writer *writer, uint64_t number)
{
	unsigned digits = 1;

	for (uint64_t rest = number / 10; rest != 0; rest /= 10)
		digits++;
	writer_put_digits(writer, number, digits);
}
