/* SPDX-License-Identifier: Apache-2.0 */
/* "tandemctl call refer": orders a transfer and waits for what comes of it. */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	POLL_NS = 200000000,
	POLLS_PER_S = 5,
	WAIT_S = 300, /* longer than the appliance follows a REFER */
};

static const struct {
	const char *name;
	const char *meaning;
} outcomes[] = {
	{"confirmed", "the peer says that its new call is answered"},
	{"refused", "the peer won't do it"},
	{"failed", "the peer tried; its new call failed"},
	{"presumed", "the peer hung up and never said what became of its new call"},
	{"unknown", "the peer never said what became of it; the call stays up"},
};

static const char *meaning_of(const char *outcome)
{
	for (size_t i = 0; i < TD_COUNT_OF(outcomes); i++)
		if (strcmp(outcomes[i].name, outcome) == 0)
			return outcomes[i].meaning;
	return "an outcome that isn't understood (another version?)";
}

/* Asks until the outcome is known. */
static int wait_for(const struct ctl_options *options, const char *transfer, json_t **ret_status)
{
	static const struct timespec pause = {.tv_nsec = POLL_NS};

	for (unsigned i = 0; i < WAIT_S * POLLS_PER_S; i++) {
		json_t *status = NULL;
		const char *outcome;
		int code = ctl_ask(options,
			json_pack("{s:s, s:s, s:s}", "verb", "transfer", "call", options->subject,
				"transfer", transfer),
			&status);

		if (code != CTL_OK)
			return code;
		outcome = json_string_value(json_object_get(status, "outcome"));
		if (outcome != NULL && *outcome != '\0') {
			*ret_status = status;
			return CTL_OK;
		}
		json_decref(status);
		(void)nanosleep(&pause, NULL); /* woken early: asks early */
	}
	(void)fprintf(stderr, "tandemctl: no outcome within %d s; the events will tell\n", WAIT_S);
	return CTL_FAILED;
}

/* Prints the outcome; CTL_OK if it is the wanted one. */
static int show(const struct ctl_options *options, const json_t *status)
{
	const char *outcome = json_string_value(json_object_get(status, "outcome"));
	json_int_t sip_code = json_integer_value(json_object_get(status, "sip_code"));

	if (options->is_json)
		ctl_print_json(status);
	else if (sip_code != 0)
		(void)printf("%s (SIP %d): %s\n", outcome, (int)sip_code, meaning_of(outcome));
	else
		(void)printf("%s: %s\n", outcome, meaning_of(outcome));
	return strcmp(outcome, "confirmed") == 0 ? CTL_OK : CTL_FAILED;
}

int ctl_refer(const struct ctl_options *options)
{
	json_t *order;
	json_t *result = NULL;
	json_t *status = NULL;
	const char *transfer;
	int code;

	if (options->subject == NULL || options->leg == NULL || options->target == NULL) {
		(void)fprintf(stderr,
			"tandemctl: it is \"tandemctl call refer CALL caller|callee TARGET\"\n");
		return CTL_USAGE;
	}
	order = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "verb", "refer", "call", options->subject,
		"leg", options->leg, "target", options->target, "replaces", options->replaces);
	code = ctl_ask(options, order, &result);
	transfer = json_string_value(json_object_get(result, "transfer"));
	if (code == CTL_OK && transfer != NULL)
		code = wait_for(options, transfer, &status);
	if (code == CTL_OK && status != NULL)
		code = show(options, status);
	json_decref(status);
	json_decref(result);
	return code;
}
