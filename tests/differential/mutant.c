/* SPDX-License-Identifier: Apache-2.0 */
#include "differential/mutant.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CORPUS_MAX = 256,
	CHANGES_MAX = 4,
	PATH_BYTES = 1024,
	LINES_MAX = 200,
};

struct sample {
	char *bytes; /* owns */
	size_t length;
};

struct mutant_corpus {
	size_t count;
	struct sample samples[CORPUS_MAX];
};

/* A message that is being changed. */
struct draft {
	const struct mutant_corpus *corpus;
	uint64_t random; /* state of splitmix64 */
	char *bytes;
	size_t length;
};

/* What parsers stumble over. */
static const char *const tokens[] = {"", " ", "\t", "\r\n ", "\r\n", "\n", "\r", "\\", "\"", "\"\"",
	"<", ">", "<>", ";", ",", ";;", ",,", ":", "@", "=", "%", "%00", "%zz", "?", "&", "[", "]",
	"[::1]", "[::", "*", "\x01", "\x7f", "\x80\xff", "\xd1\x80",
	"sip:", "sips:", "tel:", "SIP/2.0", "SIP/3.0", "0", "-1", "1", "99999999999999999999",
	"2147483647", "2147483648", "4294967296", "65535", "65536", "z9hG4bK", ";branch=z9hG4bKx",
	";tag=", ";tag=1", ";lr", ";rport", ";received=", "Via: ", "Max-Forwards: 0\r\n",
	"Content-Length: 0\r\n", "l: 5\r\n", "CSeq: 1 ACK\r\n", "Contact: *\r\n", "Call-ID: x\r\n",
	"Require: 100rel\r\n", "Route: <sip:a;lr>\r\n", "INVITE", "ACK", "BYE", "OPTIONS",
	"\r\n\r\n"};

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static int is_message(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && strcmp(entry->d_name + length - 4, ".sip") == 0;
}

static int read_sample(const char *directory, const char *name, struct sample *ret_sample)
{
	char path[PATH_BYTES];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return -errno;
	ret_sample->bytes = malloc(MUTANT_MAX_BYTES);
	if (ret_sample->bytes != NULL)
		ret_sample->length = fread(ret_sample->bytes, 1, MUTANT_MAX_BYTES / 2, file);
	(void)fclose(file); /* only read from */
	return ret_sample->bytes != NULL ? 0 : -ENOMEM;
}

int mutant_corpus_load(const char *directory, struct mutant_corpus **ret_corpus)
{
	struct mutant_corpus *corpus = calloc(1, sizeof(*corpus));
	struct dirent **names;
	int count = scandir(directory, &names, is_message, by_name);
	int result = count > 0 ? 0 : -ENOENT;

	if (corpus == NULL)
		result = -ENOMEM;
	for (int i = 0; i < count; i++) {
		if (result == 0 && corpus->count < CORPUS_MAX) {
			result = read_sample(
				directory, names[i]->d_name, &corpus->samples[corpus->count]);
			corpus->count += result == 0;
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (result != 0) {
		mutant_corpus_free(corpus);
		return result;
	}
	*ret_corpus = corpus;
	return 0;
}

void mutant_corpus_free(struct mutant_corpus *corpus)
{
	if (corpus == NULL)
		return;
	for (size_t i = 0; i < corpus->count; i++)
		free(corpus->samples[i].bytes);
	free(corpus);
}

size_t mutant_corpus_count(const struct mutant_corpus *corpus)
{
	return corpus->count;
}

/* splitmix64: any seed is good, and the next number needs no history. */
static uint64_t draw(struct draft *draft)
{
	uint64_t x = draft->random += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static size_t draw_below(struct draft *draft, size_t below)
{
	return below == 0 ? 0 : (size_t)(draw(draft) % below);
}

/* Puts text in the place of count bytes. Does nothing if there is no room. */
static void replace(struct draft *draft, size_t at, size_t count, const char *text, size_t length)
{
	if (at > draft->length || count > draft->length - at ||
		draft->length - count + length > MUTANT_MAX_BYTES)
		return;
	memmove(draft->bytes + at + length, draft->bytes + at + count, draft->length - at - count);
	memmove(draft->bytes + at, text, length);
	draft->length += length - count;
}

/* Beginnings of lines of the header section, the start line too. */
static size_t find_lines(const struct draft *draft, size_t starts[LINES_MAX])
{
	size_t count = 0;
	size_t at = 0;

	while (at + 1 < draft->length && count < LINES_MAX) {
		starts[count++] = at;
		while (at + 1 < draft->length &&
			!(draft->bytes[at] == '\r' && draft->bytes[at + 1] == '\n'))
			at++;
		at += 2;
		if (at + 1 < draft->length && draft->bytes[at] == '\r')
			break;
	}
	return count;
}

static size_t line_length(const struct draft *draft, size_t start)
{
	size_t end = start;

	while (end < draft->length && draft->bytes[end] != '\n')
		end++;
	return (end < draft->length ? end + 1 : end) - start;
}

static void change_byte(struct draft *draft)
{
	if (draft->length != 0)
		draft->bytes[draw_below(draft, draft->length)] = (char)draw(draft);
}

static void flip_bit(struct draft *draft)
{
	if (draft->length != 0)
		draft->bytes[draw_below(draft, draft->length)] ^=
			(char)(1u << draw_below(draft, 8));
}

static void put_token(struct draft *draft)
{
	const char *token = tokens[draw_below(draft, TD_COUNT_OF(tokens))];
	size_t at = draw_below(draft, draft->length + 1);
	size_t count = draw_below(draft, 2) == 0 ? 0 : draw_below(draft, 8);

	replace(draft, at, count, token, strlen(token));
}

static void cut_out(struct draft *draft)
{
	size_t at = draw_below(draft, draft->length);

	replace(draft, at, draw_below(draft, 24), "", 0);
}

static void truncate_end(struct draft *draft)
{
	draft->length = draw_below(draft, draft->length + 1);
}

static void drop_line(struct draft *draft)
{
	size_t starts[LINES_MAX];
	size_t start = starts[draw_below(draft, find_lines(draft, starts))];

	if (draft->length > 1)
		replace(draft, start, line_length(draft, start), "", 0);
}

/* Repeats a line, at once or further on. */
static void repeat_line(struct draft *draft)
{
	char line[MUTANT_MAX_BYTES];
	size_t starts[LINES_MAX];
	size_t count = find_lines(draft, starts);
	size_t start;
	size_t length;

	if (count == 0)
		return;
	start = starts[draw_below(draft, count)];
	length = line_length(draft, start);
	memcpy(line, draft->bytes + start, length);
	replace(draft, starts[draw_below(draft, count)], 0, line, length);
}

/* Takes a line of another message. */
static void borrow_line(struct draft *draft)
{
	const struct sample *other =
		&draft->corpus->samples[draw_below(draft, draft->corpus->count)];
	const struct draft source = {.bytes = other->bytes, .length = other->length};
	size_t theirs[LINES_MAX];
	size_t ours[LINES_MAX];
	size_t their_count = find_lines(&source, theirs);
	size_t our_count = find_lines(draft, ours);
	size_t from;
	size_t to;

	if (their_count == 0 || our_count == 0)
		return;
	from = theirs[draw_below(draft, their_count)];
	to = ours[draw_below(draft, our_count)];
	replace(draft, to, draw_below(draft, 2) == 0 ? 0 : line_length(draft, to),
		other->bytes + from, line_length(&source, from));
}

/* Makes one character many. */
static void stretch(struct draft *draft)
{
	char run[512];
	size_t at = draw_below(draft, draft->length);

	if (draft->length == 0)
		return;
	memset(run, draft->bytes[at], sizeof(run));
	replace(draft, at, 0, run, draw_below(draft, sizeof(run)));
}

size_t mutant_make(const struct mutant_corpus *corpus, uint64_t seed, uint64_t number, char *bytes)
{
	static void (*const changes[])(struct draft *) = {change_byte, flip_bit, put_token,
		put_token, put_token, cut_out, truncate_end, drop_line, repeat_line, borrow_line,
		stretch};
	struct draft draft = {
		.corpus = corpus, .random = seed ^ (number * 0xd1342543de82ef95u), .bytes = bytes};
	const struct sample *sample =
		&corpus->samples[number < corpus->count ? number
							: draw_below(&draft, corpus->count)];
	size_t count = number < corpus->count ? 0 : 1 + draw_below(&draft, CHANGES_MAX);

	memcpy(bytes, sample->bytes, sample->length);
	draft.length = sample->length;
	for (size_t i = 0; i < count; i++)
		changes[draw_below(&draft, TD_COUNT_OF(changes))](&draft);
	return draft.length;
}
