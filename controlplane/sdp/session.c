/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the lines of a body once. Only v=, o=, s=, c=, m= and a= mean anything here; other
 * types are checked for their form and passed over.
 */
#include "sdp/session.h"

#include "sdp/line.h"
#include "util/bytes.h"

#include <errno.h>

/* State of one parse. */
struct sdp_parse {
	const char *at;
	const char *end;
	struct sdp_session *session;
	uint32_t line;
	bool has_version;
	bool has_origin;
	bool has_name;
};

static struct span between(const char *from, const char *to)
{
	return (struct span){.text = from, .length = (uint32_t)(to - from)};
}

/* The next line without its end. Control characters and NUL have no place in one. */
static const char *line_take(struct sdp_parse *parse, struct span *ret_line)
{
	const char *from = parse->at;
	const char *newline = memchr(from, '\n', (size_t)(parse->end - from));
	const char *line_end = newline != NULL ? newline : parse->end;

	parse->at = newline != NULL ? newline + 1 : parse->end;
	parse->line++;
	if (line_end != from && line_end[-1] == '\r')
		line_end--;
	for (const char *c = bytes_find_control(from, line_end); c != line_end;
		c = bytes_find_control(c + 1, line_end)) {
		if (*c != '\t')
			return "control character in a line";
	}
	*ret_line = between(from, line_end);
	return NULL;
}

static const char *origin_parse(struct sdp_session *session, struct span value)
{
	struct span rest = value;

	session->origin = value;
	if (!sdp_word_next(&rest, &session->origin_user) ||
		!sdp_word_next(&rest, &session->origin_id) ||
		!sdp_word_next(&rest, &session->origin_version))
		return "o= is incomplete";
	for (uint32_t i = 0; i < session->origin_version.length; i++) {
		if (session->origin_version.text[i] < '0' || session->origin_version.text[i] > '9')
			return "o= version isn't a number";
	}
	return sdp_address_parse(rest, &session->origin_address);
}

static const char *attribute_parse(struct sdp_session *session, struct span value)
{
	struct sdp_attribute *attribute;
	enum sdp_direction direction;
	const char *colon;

	if (session->attribute_count == SDP_ATTRIBUTES_MAX)
		return "more a= lines than allowed";
	attribute = &session->attributes[session->attribute_count++];
	colon = value.length == 0 ? NULL : memchr(value.text, ':', value.length);
	attribute->name = colon != NULL ? between(value.text, colon) : value;
	attribute->value = colon != NULL ? between(colon + 1, value.text + value.length)
					 : (struct span){.text = NULL, .length = 0};
	if (attribute->name.length == 0)
		return "a= without a name";
	if (session->media_count != 0) {
		attribute->media = (uint8_t)(session->media_count - 1);
		return sdp_media_attribute_apply(
			&session->media[session->media_count - 1], attribute);
	}
	attribute->media = SDP_MEDIA_MAX;
	direction = sdp_direction_find(attribute->name);
	if (direction != SDP_DIRECTION_NONE)
		session->direction = direction;
	return NULL;
}

static const char *connection_take(struct sdp_session *session, struct span value)
{
	struct sdp_address *address = &session->connection;
	struct sdp_address ignored;

	if (session->media_count != 0)
		address = &session->media[session->media_count - 1].connection;
	/* A stream may have several (multicast layers): the first counts. */
	return sdp_address_parse(value, address->is_present ? &ignored : address);
}

static const char *media_take(struct sdp_session *session, struct span value)
{
	if (session->media_count == SDP_MEDIA_MAX)
		return "more m= lines than allowed";
	return sdp_media_parse(value, &session->media[session->media_count++]);
}

static const char *line_parse(struct sdp_parse *parse, struct span line)
{
	struct sdp_session *session = parse->session;
	struct span value;

	if (line.length < 2 || line.text[1] != '=' || line.text[0] < 'a' || line.text[0] > 'z')
		return "line isn't of the form x=";
	value = (struct span){.text = line.text + 2, .length = line.length - 2};
	if (!parse->has_version) {
		parse->has_version = true;
		return line.text[0] == 'v' && span_equal(value, SPAN("0"))
			       ? NULL
			       : "doesn't begin with v=0";
	}
	switch (line.text[0]) {
	case 'o':
		if (parse->has_origin || session->media_count != 0)
			return "o= is repeated or out of place";
		parse->has_origin = true;
		return origin_parse(session, value);
	case 's':
		if (parse->has_name || session->media_count != 0)
			return "s= is repeated or out of place";
		parse->has_name = true;
		session->name = value;
		return NULL;
	case 'c':
		return connection_take(session, value);
	case 'm':
		return media_take(session, value);
	case 'a':
		return attribute_parse(session, value);
	case 'v':
		return "v= is repeated";
	default:
		return NULL;
	}
}

/* What a stream doesn't say itself it takes from the session. */
static const char *session_finish(struct sdp_parse *parse)
{
	struct sdp_session *session = parse->session;

	if (!parse->has_version || !parse->has_origin || !parse->has_name)
		return "v=, o= or s= is missing";
	if (session->direction == SDP_DIRECTION_NONE)
		session->direction = SDP_SENDRECV;
	for (unsigned i = 0; i < session->media_count; i++) {
		struct sdp_media *media = &session->media[i];

		if (media->direction == SDP_DIRECTION_NONE)
			media->direction = session->direction;
		if (!media->connection.is_present)
			media->connection = session->connection;
		if (!media->connection.is_present && media->port != 0)
			return "a stream has no c=";
	}
	return NULL;
}

int sdp_session_parse(
	struct span body, struct sdp_session *ret_session, struct sdp_error *ret_error)
{
	struct sdp_parse parse = {.at = body.text, .session = ret_session};
	const char *reason = NULL;

	/* Arrays are valid as far as their counts say. */
	memset(ret_session, 0, offsetof(struct sdp_session, media));
	ret_session->bytes = body;
	if (body.length == 0)
		reason = "body is empty";
	else if (body.length > SDP_MAX_BYTES)
		reason = "body is too long";
	else
		parse.end = body.text + body.length;
	while (reason == NULL && parse.at != parse.end) {
		struct span line = {.text = NULL, .length = 0};

		reason = line_take(&parse, &line);
		/* Empty lines at the end do no harm, and some senders have them. */
		if (reason == NULL && !(line.length == 0 && parse.has_version))
			reason = line_parse(&parse, line);
	}
	if (reason == NULL)
		reason = session_finish(&parse);
	if (reason == NULL)
		return 0;
	*ret_error = (struct sdp_error){.reason = reason, .line = parse.line};
	return -EBADMSG;
}

const struct sdp_attribute *sdp_attribute_find(
	const struct sdp_session *session, unsigned media, const char *name)
{
	struct span wanted = span_from(name);

	for (unsigned i = 0; i < session->attribute_count; i++) {
		if (session->attributes[i].media == media &&
			span_equal(session->attributes[i].name, wanted))
			return &session->attributes[i];
	}
	return NULL;
}
