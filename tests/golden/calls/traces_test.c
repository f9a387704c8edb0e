/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays each trace and compares what comes out with what stands there. TANDEM_GOLDEN_WRITE=1
 * writes the traces anew: read the difference like code.
 */
#include "golden/calls/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, STAGE_OUTPUT_BYTES);

	if (file == NULL || text == NULL || fread(text, 1, STAGE_OUTPUT_BYTES - 1, file) == 0) {
		(void)fprintf(stderr, "%s: can't be read\n", path);
		exit(EXIT_FAILURE);
	}
	(void)fclose(file);
	return text;
}

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool is_written = file != NULL && fputs(text, file) >= 0;

	if (file != NULL)
		is_written = fclose(file) == 0 && is_written;
	return is_written;
}

/* Says where two texts part. */
static void explain(const char *path, const char *expected, const char *got)
{
	unsigned line = 1;

	while (*expected != '\0' && *expected == *got) {
		line += *expected == '\n';
		expected++;
		got++;
	}
	while (line > 1 && expected[-1] != '\n') {
		expected--;
		got--;
	}
	(void)fprintf(stderr, "%s:%u\nexpected: %.*s\n     got: %.*s\n", path, line,
		(int)strcspn(expected, "\n"), expected, (int)strcspn(got, "\n"), got);
}

static bool play(const char *path)
{
	char *expected = read_file(path);
	char *script = read_file(path);
	struct stage *stage = stage_create();
	bool is_equal;
	char *cursor = script;
	char *line;

	while ((line = strsep(&cursor, "\n")) != NULL) {
		if (line[0] == '#')
			text_appendf(&stage->output, "%s\n", line);
		else if (line[0] == '@' && !stage_play(stage, line)) {
			(void)fprintf(stderr, "%s: can't play: %s\n", path, line);
			exit(EXIT_FAILURE);
		}
	}
	text_appendf(&stage->output, "= outstanding %u\n", board_outstanding(stage->board));
	is_equal = strcmp(expected, stage->bytes) == 0;
	if (getenv("TANDEM_GOLDEN_WRITE") != NULL)
		is_equal = write_file(path, stage->bytes);
	else if (!is_equal)
		explain(path, expected, stage->bytes);
	stage_destroy(stage);
	free(script);
	free(expected);
	return is_equal;
}

int main(int argc, char **argv)
{
	unsigned failed = 0;

	for (int i = 1; i < argc; i++)
		failed += !play(argv[i]);
	(void)printf("%u passed, %u failed\n", (unsigned)argc - 1 - failed, failed);
	return failed == 0 && argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
