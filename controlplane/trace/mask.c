/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass that stops at line feeds and '@' signs only; a line is judged by its first letter. So a
 * message costs little more than its copy: it happens to each one. In doubt too much is masked, never too little: a credential
 * of a scheme that we don't know, and the folded rest of a header that held one, go whole.
 */
#include "trace/mask.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct masking {
	char *begin;
	char *end;
	char *line;	   /* where the line began that is being read */
	char *behind_at;   /* behind the last '@' */
	char *first_colon; /* of the user part that it ended */
	char *second_colon;
	struct span call_id;
	bool is_info; /* INFO: its body may hold digits */
	bool is_body_harmless;
	bool is_body_digits;
	bool was_secret; /* the header before this line was */
	bool is_in_body;
};

static void hide(char *from, char *until)
{
	for (; from < until; from++)
		if (*from != '\r' && *from != '\n')
			*from = '*';
}

static char *skip_blanks(char *at, char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* Compares without regard to case; word is lower case, and short: a call would cost more. */
static inline bool begins(const char *text, const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((word[i] >= 'a' ? text[i] | 0x20 : text[i]) != word[i])
			return false;
	return true;
}

/* If the line is a header of that name (lower case), the place behind its colon; else NULL. What
 * follows the name is looked at first: it tells most headers apart. */
static inline char *value_of(char *line, char *end, const char *name, size_t name_length)
{
	char *at;

	if ((size_t)(end - line) <= name_length ||
		(line[name_length] != ':' && line[name_length] != ' ' &&
			line[name_length] != '\t') ||
		!begins(line, name, name_length))
		return NULL;
	at = skip_blanks(line + name_length, end);
	return at < end && *at == ':' ? skip_blanks(at + 1, end) : NULL;
}
#define VALUE_OF(line, end, name) value_of((line), (end), (name), sizeof(name) - 1)

static bool mentions(struct span text, const char *word)
{
	uint32_t length = (uint32_t)strlen(word);

	for (uint32_t i = 0; i + length <= text.length; i++)
		if (begins(text.text + i, word, length))
			return true;
	return false;
}

/* End of a parameter's value: behind the closing quote, or at the comma. */
static char *value_end(char *at, char *end)
{
	if (at == end || *at != '"') {
		while (at < end && *at != ',')
			at++;
		return at;
	}
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && at + 1 < end)
			at++;
	return at;
}

/* Hides the values of response and rspauth among digest parameters. */
static void hide_digest(char *at, char *end)
{
	static const struct span secrets[] = {{"response", 8}, {"rspauth", 7}};

	while (at < end) {
		struct span name = {at, 0};
		char *after;

		while (at < end && *at != '=' && *at != ',')
			at++;
		name.length = (uint32_t)(at - name.text);
		name = span_trim(name);
		if (at == end || *at == ',') {
			at += at < end;
			continue;
		}
		at = skip_blanks(at + 1, end);
		after = value_end(at, end);
		if (span_equal_nocase(name, secrets[0]) || span_equal_nocase(name, secrets[1]))
			hide(at + (at < end && *at == '"'), after);
		at = after < end && *after == '"' ? after + 1 : after;
	}
}

static void mask_credentials(char *value, char *end, bool has_scheme)
{
	char *at = value;

	if (!has_scheme) {
		hide_digest(value, end);
		return;
	}
	while (at < end && *at != ' ' && *at != '\t')
		at++;
	if (at - value == 6 && begins(value, "digest", 6))
		hide_digest(at, end);
	else
		hide(at == end ? value : at + 1, end);
}

/* Authorization, Proxy-Authorization, Authentication-Info, Proxy-Authentication-Info. */
static bool mask_authorization(char *line, char *end)
{
	char *value;
	char *name = line;

	if (end - line > 6 && line[5] == '-' && begins(line, "proxy-", 6))
		name += 6;
	value = VALUE_OF(name, end, "authorization");
	if (value != NULL) {
		mask_credentials(value, end, true);
		return true;
	}
	value = VALUE_OF(name, end, "authentication-info");
	if (value != NULL)
		mask_credentials(value, end, false);
	return value != NULL;
}

/* SDP: keys for media (RFC 4568, RFC 4567), for ICE, and those of RFC 2327. */
static void mask_attribute(char *line, char *end)
{
	static const struct span secrets[] = {{"crypto:", 7}, {"key-mgmt:", 9}, {"ice-pwd:", 8}};
	char *name = line + 2;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		uint32_t length = secrets[i].length;
		char *inline_key;

		if ((name[0] | 0x20) != secrets[i].text[0] || (size_t)(end - name) < length ||
			!begins(name, secrets[i].text, length))
			continue;
		inline_key = memmem(name, (size_t)(end - name), "inline:", 7);
		hide(inline_key != NULL ? inline_key + 7 : name + length, end);
	}
}

static void note_content_type(struct masking *masking, char *value, char *end)
{
	struct span type = {value, (uint32_t)(end - value)};

	if (span_is(type, "application/sdp"))
		return;
	masking->is_body_harmless = mentions(type, "media_control");
	masking->is_body_digits = mentions(type, "dtmf") || mentions(type, "digits") ||
				  mentions(type, "telephone-event") || mentions(type, "kpml");
}

static void note_call_id(struct masking *masking, char *value, char *end)
{
	if (masking->call_id.length == 0 && value != NULL)
		masking->call_id = span_trim((struct span){value, (uint32_t)(end - value)});
}

static void mask_c(struct masking *masking, char *line, char *end)
{
	char *value;

	if (masking->is_in_body)
		return;
	note_call_id(masking, VALUE_OF(line, end, "call-id"), end);
	value = VALUE_OF(line, end, "content-type");
	if (value == NULL)
		value = VALUE_OF(line, end, "c");
	if (value != NULL)
		note_content_type(masking, value, end);
}

static td_noinline void mask_line(struct masking *masking, char *line, char *end)
{
	bool is_secret = false;

	switch (*line) {
	case 'a':
	case 'A':
		if (end - line > 2 && line[1] == '=')
			mask_attribute(line, end);
		else
			is_secret = mask_authorization(line, end);
		break;
	case 'p':
	case 'P':
		is_secret = mask_authorization(line, end);
		break;
	case 'c':
	case 'C':
		mask_c(masking, line, end);
		break;
	case 'i':
	case 'I':
		if (!masking->is_in_body)
			note_call_id(masking, VALUE_OF(line, end, "i"), end);
		break;
	case 'k':
	case 'K':
		if (end - line > 2 && line[1] == '=')
			hide(line + 2, end);
		break;
	case ' ':
	case '\t':
		is_secret = masking->was_secret;
		if (is_secret)
			hide(line, end);
		break;
	default:
		break;
	}
	masking->was_secret = is_secret;
}

/* True if what follows the headers may hold digits that a caller pressed. */
static bool body_is_secret(const struct masking *masking)
{
	return masking->is_body_digits || (masking->is_info && !masking->is_body_harmless);
}

enum {
	ORDINARY,
	DELIMITER, /* of a user part */
	COLON
};

static const uint8_t classes[256] = {
	['<'] = DELIMITER,
	['>'] = DELIMITER,
	['"'] = DELIMITER,
	[' '] = DELIMITER,
	['\t'] = DELIMITER,
	['\r'] = DELIMITER,
	['\n'] = DELIMITER,
	[':'] = COLON,
};

/* Hides what stands between the second colon of a user part and its '@': "sip:user:password@".
 * A user part that goes on behind an '@' (who doesn't escape his) is one: so each byte is looked
 * at, and hidden, once. */
static td_noinline void mask_password(struct masking *masking, char *at)
{
	char *from = masking->behind_at;
	char *back = at;
	char *left = NULL; /* leftmost colons since from */
	char *left_but_one = NULL;

	while (back > from && classes[(uint8_t)back[-1]] != DELIMITER) {
		back--;
		if (classes[(uint8_t)*back] == COLON) {
			left_but_one = left;
			left = back;
		}
	}
	masking->behind_at = at + 1;
	if (back > from || from == masking->begin || masking->first_colon == NULL) {
		masking->first_colon = left;
		masking->second_colon = left_but_one;
	} else if (masking->second_colon == NULL) {
		masking->second_colon = left;
	}
	if (masking->second_colon == NULL)
		return;
	if (!masking->is_in_body && (VALUE_OF(masking->line, at, "call-id") != NULL ||
					    VALUE_OF(masking->line, at, "i") != NULL))
		return; /* colons are usual there */
	back = masking->second_colon + 1;
	hide(back > from ? back : from, at);
}

/* First letters of the lines that hold secrets, or tell about them. */
static const bool is_initial[256] = {
	['a'] = true,
	['A'] = true,
	['c'] = true,
	['C'] = true,
	['i'] = true,
	['I'] = true,
	['k'] = true,
	['K'] = true,
	['p'] = true,
	['P'] = true,
	[' '] = true,
	['\t'] = true,
};

/* Tells most other lines with those letters apart: Allow, Contact, Content-Length, CSeq,
 * P-Asserted-Identity, a=rtpmap and their like come with each message. */
static inline bool may_matter(const char *line, const char *end)
{
	enum {
		TYPE_AT = 8 /* in Content-Type */
	};
	char letter = (char)(*line | 0x20);
	char second;

	if (end - line <= TYPE_AT)
		return true;
	second = (char)(line[1] | 0x20);
	if (letter == 'a')
		return line[1] == '=' ? strchr("CKIcki", line[2]) != NULL : second == 'u';
	if (letter == 'c')
		return second != 's' && (second != 'o' || (line[TYPE_AT] | 0x20) == 't');
	return letter != 'p' || second == 'r';
}

/* The headers are over. False: the body has been hidden, and nothing is left to do. */
static td_noinline bool begin_body(struct masking *masking, char *body)
{
	masking->is_in_body = true;
	if (!body_is_secret(masking))
		return true;
	hide(body, masking->end);
	return false;
}

/* Judges the line that ends before newline, which may be the end of all. False: as above. */
static inline bool end_line(struct masking *masking, char *newline)
{
	char *line = masking->line;
	char *end = newline;

	masking->line = newline + 1;
	if (end > line && end[-1] == '\r')
		end--;
	if (td_unlikely(end == line))
		return masking->is_in_body || line == masking->begin ||
		       begin_body(masking, newline);
	if (td_unlikely(is_initial[(uint8_t)*line]) && may_matter(line, end))
		mask_line(masking, line, end);
	else
		masking->was_secret = false;
	return true;
}

enum {
	BLOCK_BYTES = 16
};

/* A bit for each of the 16 bytes that is a line feed or an '@'. */
static inline uint32_t find_marks(const char *block)
{
#ifdef __SSE2__
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)block);
	__m128i lines = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
	__m128i ats = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('@'));

	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(lines, ats));
#else
	uint32_t marks = 0;

	for (unsigned i = 0; i < BLOCK_BYTES; i++)
		marks |= (uint32_t)(block[i] == '\n' || block[i] == '@') << i;
	return marks;
#endif
}

/* Looks at the marks of one block. False: nothing is left to do. */
static bool take_block(struct masking *masking, char *block, uint32_t marks)
{
	while (marks != 0) {
		char *at = block + __builtin_ctz(marks);

		marks &= marks - 1;
		if (*at == '@')
			mask_password(masking, at);
		else if (!end_line(masking, at))
			return false;
	}
	return true;
}

struct span trace_mask(char *bytes, size_t length)
{
	struct masking masking = {
		.begin = bytes,
		.end = bytes + length,
		.line = bytes,
		.behind_at = bytes,
		.is_info = length > 5 && memcmp(bytes, "INFO ", 5) == 0,
	};
	char last[BLOCK_BYTES] = {0};
	size_t whole = length / BLOCK_BYTES * BLOCK_BYTES;

	for (size_t i = 0; i < whole; i += BLOCK_BYTES) {
		uint32_t marks = find_marks(bytes + i);

		if (marks != 0 && !take_block(&masking, bytes + i, marks))
			return masking.call_id;
	}
	memcpy(last, bytes + whole, length - whole);
	if (take_block(&masking, bytes + whole, find_marks(last)) && masking.line < masking.end)
		(void)end_line(&masking, masking.end); /* the last line lacks its end */
	return masking.call_id;
}
