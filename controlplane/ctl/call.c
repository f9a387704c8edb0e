/* SPDX-License-Identifier: Apache-2.0 */
/* "tandemctl call trace ID": finds the call, shows its SIP messages. */
#include "ctl/ctl.h"
#include "ctl/ladder.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	US_PER_S = 1000000,
	TIME_BYTES = 32
};

/* A number that fits several calls: which ones. */
static void show_choice(const json_t *calls)
{
	static const char *const columns[] = {"call_id", "time", "caller", "callee", NULL};

	for (size_t i = 0; i < json_array_size(calls); i++) {
		json_t *call = json_array_get(calls, i);
		time_t when_s =
			(time_t)(json_integer_value(json_object_get(call, "time_us")) / US_PER_S);
		struct tm broken_down;
		char when[TIME_BYTES] = "";

		if (gmtime_r(&when_s, &broken_down) != NULL)
			(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &broken_down);
		(void)json_object_set_new(call, "time", json_string(when));
	}
	ctl_print_table(calls, columns);
	(void)printf("\nSeveral calls: name one of them (newest first, times are UTC).\n");
}

static void show_ladder(const struct ctl_options *options, const json_t *result)
{
	const json_t *messages = json_object_get(result, "messages");
	const char *call_id = json_string_value(json_object_get(result, "call_id"));

	if (call_id != NULL)
		(void)printf("call %s  ", call_id);
	ladder_draw(messages, stdout);
	if (options->is_full)
		ladder_write_full(messages, stdout);
	if (json_is_true(json_object_get(result, "is_cut")))
		(void)printf("\nThere is more than one answer holds: the rest is left out.\n");
}

int ctl_show_call(const struct ctl_options *options)
{
	json_t *result = NULL;
	int code;

	if (options->argument == NULL || strcmp(options->argument, "trace") != 0 ||
		options->subject == NULL) {
		(void)fprintf(stderr, "tandemctl: it is \"tandemctl call trace ID\"\n");
		return CTL_USAGE;
	}
	code = ctl_ask(
		options, json_pack("{s:s, s:s}", "verb", "trace", "id", options->subject), &result);
	if (code == CTL_OK && options->is_json) {
		ctl_print_json(result);
	} else if (code == CTL_OK && json_array_size(json_object_get(result, "messages")) != 0) {
		show_ladder(options, result);
	} else if (code == CTL_OK && json_array_size(json_object_get(result, "calls")) > 1) {
		show_choice(json_object_get(result, "calls"));
	} else if (code == CTL_OK) {
		(void)fprintf(stderr,
			"tandemctl: no messages of \"%s\" are kept: not a call, or too long ago.\n",
			options->subject);
		code = CTL_FAILED;
	}
	json_decref(result);
	return code;
}
