/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays what the peers do in golden traces while things go wrong: the n-th allocation fails, for
 * n = 1, 2, 3 and so on until none did; and the process dies after each line. Peers may get other
 * answers than the trace says; in the end nothing is left, and no CDR was written twice.
 */
#include "golden/calls/stage.h"
#include "switchboard/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRACE_BYTES = 16384,
	LINES_MAX = 32,
	ALLOCATIONS_MAX = 400, /* more means a loop that never ends */
};

struct script {
	const char *path;
	char bytes[TRACE_BYTES];
	char *lines[LINES_MAX];
	unsigned count;
};

static void load(struct script *script, const char *path)
{
	FILE *file = fopen(path, "r");
	char *rest = script->bytes;
	size_t length;

	script->path = path;
	script->count = 0;
	if (file == NULL)
		exit(EXIT_FAILURE);
	length = fread(script->bytes, 1, sizeof(script->bytes) - 1, file);
	script->bytes[length] = '\0';
	(void)fclose(file);
	for (char *line = strtok_r(rest, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest))
		if (line[0] == '@' && script->count < LINES_MAX)
			script->lines[script->count++] = line;
	if (script->count == 0)
		exit(EXIT_FAILURE);
}

static void fail(const struct script *script, const struct stage *stage, uint32_t nth,
	unsigned kill_after, const char *what)
{
	(void)fprintf(stderr, "%s\n%s, allocation %u fails, dead after line %u: %s\n", stage->bytes,
		script->path, nth, kill_after, what);
	exit(EXIT_FAILURE);
}

/* 0: nothing of that kind goes wrong. True if an allocation failed. */
static bool play(const struct script *script, uint32_t nth, unsigned kill_after)
{
	struct stage *stage = stage_create();
	struct switchboard *first = stage->board->switchboard;
	bool has_failed;

	first->heap.fail_countdown = nth;
	for (unsigned i = 0; i < script->count; i++) {
		(void)stage_play(stage, script->lines[i]); /* a request may never have come */
		if (i + 1 == kill_after)
			board_kill(stage->board);
	}
	has_failed = nth != 0 && first->heap.fail_countdown == 0;
	(void)stage_play(stage, "@1200000 wait");
	if (board_outstanding(stage->board) != 0)
		fail(script, stage, nth, kill_after, "something is left");
	if (board_repeated_cdrs(stage->board) != 0)
		fail(script, stage, nth, kill_after, "a CDR was repeated");
	stage_destroy(stage);
	return has_failed;
}

int main(int argc, char **argv)
{
	static struct script script;
	unsigned plays = 0;

	for (int i = 1; i < argc; i++) {
		uint32_t nth = 1;

		load(&script, argv[i]);
		while (play(&script, nth, 0) && nth < ALLOCATIONS_MAX)
			nth++;
		if (nth < 2 || nth == ALLOCATIONS_MAX)
			return EXIT_FAILURE;
		plays += nth;
		for (unsigned line = 1; line < script.count; line++, plays++)
			(void)play(&script, 0, line);
	}
	(void)printf("%d traces played %u times\n", argc - 1, plays);
	return plays != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
