/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the peers of all traces say, in no sensible order: lines of one trace are left out, repeated,
 * swapped, mixed with lines of others, at other times. Whatever comes of it, once everybody has
 * fallen silent and media has stopped, nothing may be outstanding. Arguments: the traces.
 * TANDEM_SEED repeats a run, TANDEM_SHUFFLES says how many scripts are played.
 */
#include "golden/calls/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINES_MAX = 4096,
	LINE_BYTES = 256,
	SCRIPT_LINES_MAX = 64,
	SHUFFLES_DEFAULT = 1500,
	PAUSE_SHORT_MS = 50,
	PAUSE_LONG_MS = 40000,
	SILENCE_MS = 400000, /* all timers of signalling have fired by then */
	ENDINGS = 5,
};

struct line {
	unsigned trace;
	char words[LINE_BYTES]; /* without the time */
};

static struct line lines[LINES_MAX];
static size_t line_count;
static unsigned trace_count;
static uint64_t random_state;

static uint64_t draw(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static size_t draw_below(size_t below)
{
	return below == 0 ? 0 : (size_t)(draw() % below);
}

static void read_trace(const char *path)
{
	char text[STAGE_OUTPUT_BYTES];
	FILE *file = fopen(path, "r");

	if (file == NULL) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	while (fgets(text, sizeof(text), file) != NULL && line_count < LINES_MAX) {
		const char *words = strchr(text, ' ');

		if (text[0] != '@' || words == NULL)
			continue;
		lines[line_count].trace = trace_count;
		(void)snprintf(lines[line_count].words, LINE_BYTES, "%.*s",
			(int)strcspn(words + 1, "\n"), words + 1);
		line_count++;
	}
	(void)fclose(file); /* only read from */
	trace_count++;
}

/* Indexes of the lines of a script: those of a trace, spoilt. */
static size_t write_script(size_t script[SCRIPT_LINES_MAX])
{
	unsigned trace = (unsigned)draw_below(trace_count);
	size_t spoilt = draw_below(4);
	size_t count = 0;

	for (size_t i = 0; i < line_count && count + 8 < SCRIPT_LINES_MAX; i++) {
		if (lines[i].trace != trace)
			continue;
		if (spoilt != 0 && draw_below(12) == 0)
			continue; /* left out */
		script[count++] = i;
		if (spoilt != 0 && draw_below(12) == 0)
			script[count++] = i; /* repeated */
		if (spoilt != 0 && draw_below(8) == 0)
			script[count++] = draw_below(line_count);
	}
	for (size_t i = 0; i + 1 < count && spoilt > 1; i++)
		if (draw_below(6) == 0) {
			size_t other = script[i];

			script[i] = script[i + 1];
			script[i + 1] = other;
		}
	return count;
}

static uint64_t pause_ms(void)
{
	return draw_below(10) == 0 ? draw_below(PAUSE_LONG_MS) : draw_below(PAUSE_SHORT_MS);
}

static void play_at(struct stage *stage, uint64_t *at_ms, uint64_t after_ms, const char *words)
{
	char line[LINE_BYTES + 32];

	*at_ms += after_ms;
	(void)snprintf(line, sizeof(line), "@%llu %s", (unsigned long long)*at_ms, words);
	(void)stage_play(stage, line); /* a line that makes no sense here is left out */
	stage->output.has_overflowed = false;
	stage->output.length = 0;
	stage->bytes[0] = '\0';
}

/* The dataplane and the operator are as they should be, media stops, which ends each call that isn't
 * on hold, and everybody hangs up. */
static void fall_silent(struct stage *stage, uint64_t *at_ms)
{
	static const char *const endings[] = {"dataplane back", "back", "delay 0", "drain off",
		"notify a timeout", "notify b timeout", "notify c timeout", "notify d timeout",
		"recv a BYE", "recv b BYE", "recv c BYE", "recv d BYE", "recv f BYE"};

	play_at(stage, at_ms, PAUSE_LONG_MS, "wait"); /* after a kill it comes back */
	for (unsigned round = 0; round < ENDINGS; round++) {
		for (size_t i = 0; i < TD_COUNT_OF(endings); i++)
			play_at(stage, at_ms, 1, endings[i]);
		play_at(stage, at_ms, SILENCE_MS, "wait");
	}
}

static bool shuffle(uint64_t seed)
{
	struct stage *stage = stage_create();
	size_t script[SCRIPT_LINES_MAX];
	uint64_t at_ms = 0;
	uint32_t outstanding;
	size_t count;

	random_state = seed;
	count = write_script(script);
	for (size_t i = 0; i < count; i++)
		play_at(stage, &at_ms, pause_ms(), lines[script[i]].words);
	fall_silent(stage, &at_ms);
	outstanding = board_outstanding(stage->board);
	if (outstanding != 0) {
		(void)fprintf(stderr, "TANDEM_SEED=%llu leaves %u outstanding:\n",
			(unsigned long long)seed, outstanding);
		for (size_t i = 0; i < count; i++)
			(void)fprintf(stderr, "  %s\n", lines[script[i]].words);
	}
	stage_destroy(stage);
	return outstanding == 0;
}

int main(int argc, char **argv)
{
	const char *seed_text = getenv("TANDEM_SEED");
	const char *count_text = getenv("TANDEM_SHUFFLES");
	uint64_t first = seed_text != NULL ? strtoull(seed_text, NULL, 0) : 1;
	uint64_t count = count_text != NULL  ? strtoull(count_text, NULL, 10)
			 : seed_text != NULL ? 1
					     : SHUFFLES_DEFAULT;
	uint64_t failed = 0;

	for (int i = 1; i < argc; i++)
		read_trace(argv[i]);
	if (line_count == 0)
		return EXIT_FAILURE;
	for (uint64_t i = 0; i < count && failed < 10; i++)
		failed += !shuffle(first + i);
	(void)printf("%llu scripts of %u traces, %llu failed\n", (unsigned long long)count,
		trace_count, (unsigned long long)failed);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
