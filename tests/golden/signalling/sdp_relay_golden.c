/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden bodies. Each file holds named bodies and builds from them:
 *   @body NAME                                  the lines that follow are a body
 *   @offer FROM ADDRESS:PORT [mux] [shape=NAME] the lines that follow are what we send
 *   @answer OFFER FROM ADDRESS:PORT [mux]       likewise
 * Session id 5 and version 6 are ours. Lines that begin with '#' are comments.
 */
#include "sdp/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BODIES_MAX = 8,
	BODY_BYTES = 4096,
	LINE_BYTES = 512,
	WORDS_MAX = 6,
};

struct body {
	char name[32];
	char text[BODY_BYTES];
	struct sdp_session session;
};

static struct body bodies[BODIES_MAX];
static unsigned body_count;
static const char *path;

static void fail(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, detail);
	exit(EXIT_FAILURE);
}

static struct sdp_session *body_find(const char *name)
{
	struct sdp_error error;

	for (unsigned i = 0; i < body_count; i++) {
		if (strcmp(bodies[i].name, name) != 0)
			continue;
		if (sdp_session_parse(span_from(bodies[i].text), &bodies[i].session, &error) != 0)
			fail(name, error.reason);
		return &bodies[i].session;
	}
	fail("no such body", name);
	return NULL;
}

/* "192.0.2.1:5" or "[2001:db8::1]:5" */
static struct td_endpoint endpoint_parse(const char *word)
{
	const char *colon = strrchr(word, ':');
	struct td_endpoint endpoint = {.port = 0};
	size_t skip = word[0] == '[';

	if (colon == NULL ||
		!td_ip_parse(word + skip, (size_t)(colon - word) - 2 * skip, &endpoint.ip))
		fail("not an address", word);
	endpoint.port = (uint16_t)strtoul(colon + 1, NULL, 10);
	return endpoint;
}

/* Builds what a directive says into built, zero-terminated. */
static void build(char **words, unsigned word_count, char built[BODY_BYTES])
{
	bool is_offer = strcmp(words[0], "@offer") == 0;
	unsigned at = is_offer ? 2 : 3;
	struct sdp_local local = {.session_id = 5, .version = 6};
	struct sdp_session *shape = NULL;
	struct sdp_built result = {.bytes = built, .size_bytes = BODY_BYTES};
	int error;

	if (word_count <= at)
		fail("too few words", words[0]);
	local.media = endpoint_parse(words[at]);
	for (unsigned i = at + 1; i < word_count; i++) {
		if (strcmp(words[i], "mux") == 0)
			local.has_rtcp_mux = true;
		else if (strncmp(words[i], "shape=", 6) == 0)
			shape = body_find(words[i] + 6);
	}
	if (is_offer)
		error = sdp_build_offer(body_find(words[1]), shape, &local, &result);
	else
		error = sdp_build_answer(body_find(words[1]), body_find(words[2]), &local, &result);
	if (error != 0)
		fail("can't be built", words[0]);
}

static unsigned words_split(char *line, char **words)
{
	unsigned count = 0;

	for (char *word = strtok(line, " "); word != NULL && count < WORDS_MAX;
		word = strtok(NULL, " "))
		words[count++] = word;
	return count;
}

/* Begins what a directive names; *ret_target is where the lines that follow go. */
static void directive(
	char *line, char built[BODY_BYTES], char expected[BODY_BYTES], char **ret_target)
{
	char *words[WORDS_MAX] = {line};
	unsigned word_count = words_split(line, words);

	if (strcmp(built, expected) != 0) {
		printf("--- expected\n%s--- built\n%s", expected, built);
		fail("differs", "see above");
	}
	built[0] = expected[0] = '\0';
	if (strcmp(words[0], "@body") == 0 && word_count == 2 && body_count < BODIES_MAX) {
		struct body *body = &bodies[body_count++];

		(void)snprintf(body->name, sizeof(body->name), "%s", words[1]);
		*ret_target = body->text;
	} else {
		build(words, word_count, built);
		*ret_target = expected;
	}
}

int main(int argument_count, char **arguments)
{
	static char built[BODY_BYTES];
	static char expected[BODY_BYTES];
	char end[] = "@body end";
	char line[LINE_BYTES];
	char *target = expected;
	FILE *file;

	path = argument_count == 2 ? arguments[1] : "usage: FILE";
	file = fopen(path, "r");
	if (file == NULL)
		fail("can't open", path);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '@') {
			directive(line, built, expected, &target);
		} else if (line[0] != '#') {
			size_t used = strlen(target);

			(void)snprintf(target + used, BODY_BYTES - used, "%s\r\n", line);
		}
	}
	directive(end, built, expected, &target);
	(void)fclose(file); /* only read from */
	return EXIT_SUCCESS;
}
