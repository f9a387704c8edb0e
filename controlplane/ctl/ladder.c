/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is a row of characters into which lanes, arrow and label are put, in this order.
 */
#include "ctl/ladder.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	PARTIES_MAX = 6, /* more share the last lane */
	LANE_FIRST = 24, /* column of the first lane, behind number and time */
	LANE_STEP = 32,
	NAME_BYTES = LANE_STEP - 1,
	LANES_MAX = PARTIES_MAX + 1,
	ROW_BYTES = LANE_FIRST + LANES_MAX * LANE_STEP,
	LABEL_BYTES = LANE_STEP - 4, /* leaves an arrow to be seen */
	OURS = 1,		     /* lane of the appliance */
	US_PER_S = 1000000,
	US_PER_MS = 1000,
};

struct ladder {
	FILE *out;
	unsigned party_count;
	char parties[PARTIES_MAX][NAME_BYTES];
	json_int_t start_us;
};

static const char *text_of(const json_t *message, const char *member)
{
	const char *text = json_string_value(json_object_get(message, member));

	return text != NULL ? text : "";
}

static json_int_t time_of(const json_t *message)
{
	return json_integer_value(json_object_get(message, "time_us"));
}

/* "10.1.0.1:5060", and the transport if it isn't UDP. */
static void name_party(const json_t *message, char name[NAME_BYTES])
{
	const char *transport = text_of(message, "transport");
	bool is_udp = strcmp(transport, "UDP") == 0;

	(void)snprintf(name, NAME_BYTES, "%s%s%s", text_of(message, "remote"), is_udp ? "" : " ",
		is_udp ? "" : transport);
}

/* The lane of the message's party; makes one if it is new. */
static unsigned lane_of(struct ladder *ladder, const json_t *message)
{
	char name[NAME_BYTES];
	unsigned at = 0;

	name_party(message, name);
	while (at < ladder->party_count && strcmp(ladder->parties[at], name) != 0)
		at++;
	if (at == PARTIES_MAX)
		at--;
	else if (at == ladder->party_count)
		memcpy(ladder->parties[ladder->party_count++], name, NAME_BYTES);
	return at < OURS ? at : at + 1;
}

static unsigned column_of(unsigned lane)
{
	return LANE_FIRST + lane * LANE_STEP;
}

/* Puts text into a row, centred on a column. */
static void put_centred(char row[ROW_BYTES], unsigned column, const char *text)
{
	size_t length = strlen(text);
	size_t first = column > length / 2 ? column - length / 2 : 0;

	if (first + length >= ROW_BYTES)
		length = ROW_BYTES - 1 - first;
	memcpy(row + first, text, length);
}

static void begin_row(const struct ladder *ladder, char row[ROW_BYTES])
{
	memset(row, ' ', ROW_BYTES - 1);
	row[ROW_BYTES - 1] = '\0';
	for (unsigned lane = 0; lane <= ladder->party_count; lane++)
		row[column_of(lane)] = '|';
}

static void write_row(const struct ladder *ladder, char row[ROW_BYTES], const char *remark)
{
	size_t length = ROW_BYTES - 1;

	while (length != 0 && row[length - 1] == ' ')
		length--;
	row[length] = '\0';
	(void)fprintf(ladder->out, "%s%s%s\n", row, remark[0] != '\0' ? "   " : "", remark);
}

/* The value of a header in a message's text, cut at the end of its line. */
static void find_header(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	value[0] = '\0';
	for (const char *line = strchr(text, '\n'); line != NULL; line = strchr(line, '\n')) {
		line++;
		if (*line == '\r' || *line == '\n')
			return;
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		(void)snprintf(value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
		return;
	}
}

/* "INVITE (sdp)" or "200 OK INVITE". */
static void label(const json_t *message, char text[LABEL_BYTES])
{
	const char *bytes = text_of(message, "text");
	const char *body = strstr(bytes, "\r\n\r\n");
	const char *sdp = body != NULL && strncmp(body + 4, "v=0", 3) == 0 ? " (sdp)" : "";
	char cseq[32];
	const char *method;

	if (strncmp(bytes, "SIP/2.0 ", 8) != 0) {
		(void)snprintf(
			text, LABEL_BYTES, " %.*s%s ", (int)strcspn(bytes, " \r\n"), bytes, sdp);
		return;
	}
	find_header(bytes, "CSeq", cseq, sizeof(cseq));
	method = strpbrk(cseq, " \t");
	(void)snprintf(text, LABEL_BYTES, " %.*s%s%s ", (int)strcspn(bytes + 8, "\r\n"), bytes + 8,
		method != NULL && strcmp(method, " INVITE") != 0 ? method : "", sdp);
	if (strlen(text) == LABEL_BYTES - 1)
		text[LABEL_BYTES - 2] = ' '; /* cut, but not joined to the arrow */
}

static void draw_arrow(char row[ROW_BYTES], unsigned from, unsigned to)
{
	bool is_right = from < to;
	unsigned left = column_of(is_right ? from : to) + 1;
	unsigned right = column_of(is_right ? to : from) - 1;

	memset(row + left, '-', right - left + 1);
	if (is_right)
		row[right] = '>';
	else
		row[left] = '<';
}

static void draw_message(struct ladder *ladder, const json_t *message, unsigned number)
{
	const char *direction = text_of(message, "direction");
	const char *note = text_of(message, "note");
	const char *reason = text_of(message, "reason");
	unsigned lane = lane_of(ladder, message);
	json_int_t since_us = time_of(message) - ladder->start_us;
	char row[ROW_BYTES];
	char text[LABEL_BYTES] = "x";
	char remark[160] = "";

	begin_row(ladder, row);
	if (strcmp(direction, "event") == 0) {
		row[column_of(lane)] = 'x';
	} else {
		bool is_in = strcmp(direction, "in") == 0;

		draw_arrow(row, is_in ? lane : OURS, is_in ? OURS : lane);
		label(message, text);
		put_centred(row, (column_of(lane) + column_of(OURS)) / 2, text);
	}
	if (strcmp(note, "none") != 0)
		(void)snprintf(remark, sizeof(remark), "[%s%s%s]", note,
			reason[0] != '\0' ? ": " : "", reason);
	(void)snprintf(text, sizeof(text), "%4u%9lld.%03lld s", number,
		(long long)(since_us / US_PER_S), (long long)(since_us % US_PER_S / US_PER_MS));
	memcpy(row, text, strlen(text));
	write_row(ladder, row, remark);
}

static void draw_head(struct ladder *ladder)
{
	char row[ROW_BYTES];
	char when[32];
	time_t start_s = (time_t)(ladder->start_us / US_PER_S);
	struct tm broken_down;

	memset(row, ' ', ROW_BYTES - 1);
	row[ROW_BYTES - 1] = '\0';
	put_centred(row, column_of(OURS), "tandem");
	for (unsigned i = 0; i < ladder->party_count; i++)
		put_centred(row, column_of(i < OURS ? i : i + 1), ladder->parties[i]);
	if (gmtime_r(&start_s, &broken_down) != NULL &&
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &broken_down) != 0)
		(void)fprintf(ladder->out, "%s.%03lld UTC\n\n", when,
			(long long)(ladder->start_us % US_PER_S / US_PER_MS));
	write_row(ladder, row, "");
}

void ladder_draw(const json_t *messages, FILE *out)
{
	struct ladder ladder = {.out = out, .start_us = time_of(json_array_get(messages, 0))};

	for (size_t i = 0; i < json_array_size(messages); i++)
		(void)lane_of(&ladder, json_array_get(messages, i)); /* lanes before lines */
	draw_head(&ladder);
	for (size_t i = 0; i < json_array_size(messages); i++)
		draw_message(&ladder, json_array_get(messages, i), (unsigned)i + 1);
}

void ladder_write_full(const json_t *messages, FILE *out)
{
	json_int_t start_us = time_of(json_array_get(messages, 0));

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *message = json_array_get(messages, i);
		bool is_in = strcmp(text_of(message, "direction"), "in") == 0;
		const json_t *text = json_object_get(message, "text");
		json_int_t since_us = time_of(message) - start_us;

		if (json_string_length(text) == 0)
			continue;
		(void)fprintf(out, "\n---- %zu  %lld.%03lld s  %s  %s -> %s\n", i + 1,
			(long long)(since_us / US_PER_S),
			(long long)(since_us % US_PER_S / US_PER_MS), text_of(message, "transport"),
			text_of(message, is_in ? "remote" : "local"),
			text_of(message, is_in ? "local" : "remote"));
		for (const char *at = json_string_value(text); *at != '\0'; at++)
			if (*at != '\r')
				(void)fputc(*at, out);
		if (json_string_value(text)[json_string_length(text) - 1] != '\n')
			(void)fputc('\n', out);
	}
}
