/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandemctl: the operator's command line. Reads the arguments, does one thing, ends with an exit
 * code that scripts can use.
 */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_LIMIT = 20,
	LIMIT_MAX = 1000000,
	ARGUMENTS_MAX = 5, /* "call refer CALL LEG TARGET" */
};

static const char help[] =
	"tandemctl - look at and steer a running Tandem appliance\n"
	"\n"
	"  tandemctl status              is it well? calls, ports, memory, journal, events\n"
	"  tandemctl calls               the calls there are now\n"
	"  tandemctl call trace ID       SIP of a call as a ladder, also when it is over; ID: its id, a\n"
	"                                SIP Call-ID, or the caller's or called number\n"
	"  tandemctl call refer CALL caller|callee TARGET\n"
	"                                asks that end to call TARGET (SIP URI or number) instead, and\n"
	"                                waits for what comes of it; CALL: its id from \"calls\"\n"
	"  tandemctl trunks              carriers and phones: state, calls, refusals\n"
	"  tandemctl registrations       phones that have registered with us, and where they are\n"
	"  tandemctl bans                addresses that are banned, and for how long\n"
	"  tandemctl ban ADDRESS         ban one of a trunk's prefix; unban ADDRESS takes it back\n"
	"  tandemctl cdr [-n 50]         the last call detail records, newest last\n"
	"  tandemctl cdr --call ID       those of one call (end of its id, or its SIP Call-ID)\n"
	"  tandemctl events --follow     what happens, as it happens\n"
	"  tandemctl dataplane           packet counters and drop reasons, from shared memory\n"
	"  tandemctl reload              read the configuration again; says what changed\n"
	"  tandemctl drain [off]         refuse new calls, let those there are finish\n"
	"\n"
	"Options\n"
	"  -j, --json          JSON instead of tables (cdr, events: one record a line)\n"
	"  -n, --limit N       records that cdr and events show (default 20)\n"
	"  -f, --follow        cdr, events: go on with new ones until Ctrl-C\n"
	"      --full          call trace: the messages themselves behind the ladder\n"
	"      --replaces \"CALL-ID;to-tag=T;from-tag=F\"\n"
	"                      call refer: the call that TARGET has and that the new one replaces\n"
	"  -c, --call ID       cdr, events: only this call, contact, leg or SIP Call-ID\n"
	"  -s, --socket PATH   control socket (default $TANDEM_CONTROL or\n"
	"                      /run/tandem/control.sock)\n"
	"      --events-dir D  event log, if the appliance isn't running\n"
	"      --run-dir D     dataplane: where its counters lie (default: the socket's)\n"
	"\n"
	"Exit codes: 0 done, 1 refused or unreadable, 2 wrong usage, 3 not running.\n"
	"Examples\n"
	"  tandemctl status --json | jq .calls\n"
	"  tandemctl cdr --json -n 1000 | jq 'select(.final_sip_code >= 500)'\n";

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"limit", required_argument, NULL, 'n'},
	{"follow", no_argument, NULL, 'f'},
	{"call", required_argument, NULL, 'c'},
	{"socket", required_argument, NULL, 's'},
	{"full", no_argument, NULL, 'F'},
	{"events-dir", required_argument, NULL, 'E'},
	{"run-dir", required_argument, NULL, 'R'},
	{"replaces", required_argument, NULL, 'P'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

typedef int verb_fn(const struct ctl_options *options);

/* Asks for verb without arguments; *ret_result as from ctl_ask(). */
static int ask(const struct ctl_options *options, const char *verb, json_t **ret_result)
{
	return ctl_ask(options, json_pack("{s:s}", "verb", verb), ret_result);
}

/* Shows result, which is taken, as an object. */
static int show_object(const struct ctl_options *options, int code, json_t *result)
{
	if (code == CTL_OK && options->is_json)
		ctl_print_json(result);
	else if (code == CTL_OK)
		ctl_print_object(result);
	json_decref(result);
	return code;
}

static int show_status(const struct ctl_options *options)
{
	json_t *result = NULL;
	int code = ask(options, "status", &result);

	return show_object(options, code, result);
}

/* Shows the array that verb's answer has under the same name. */
static int show_list(
	const struct ctl_options *options, const char *verb, const char *const *columns)
{
	json_t *result = NULL;
	int code = ask(options, verb, &result);
	json_t *list = json_object_get(result, verb);

	if (code == CTL_OK && options->is_json)
		ctl_print_json(result);
	else if (code == CTL_OK && json_array_size(list) == 0)
		(void)printf("no %s\n", verb);
	else if (code == CTL_OK)
		ctl_print_table(list, columns);
	json_decref(result);
	return code;
}

static int show_calls(const struct ctl_options *options)
{
	static const char *const columns[] = {"call_id", "state", "trunk_in", "trunk_out", "caller",
		"callee", "codec", "age_s", "talk_s", "held", "recovered", NULL};

	return show_list(options, "calls", columns);
}

/* The targets of all trunks in one list, each with its trunk's name. Gives it. */
static json_t *targets_of(const json_t *trunks)
{
	json_t *list = json_array();
	size_t count = json_array_size(trunks);

	for (size_t i = 0; i < count; i++) {
		const json_t *trunk = json_array_get(trunks, i);
		const json_t *targets = json_object_get(trunk, "targets");

		for (size_t j = 0; j < json_array_size(targets); j++) {
			json_t *row = json_copy(json_array_get(targets, j));

			(void)json_object_set(row, "trunk", json_object_get(trunk, "name"));
			(void)json_array_append_new(list, row);
		}
	}
	return list;
}

/* Puts "registered, 3400 s left" where each trunk has its registration as an object. */
static void tell_registrations(json_t *trunks)
{
	json_t *trunk;
	size_t i;

	json_array_foreach(trunks, i, trunk)
	{
		const json_t *own = json_object_get(trunk, "registration");
		const char *state = json_string_value(json_object_get(own, "state"));
		json_t *text = json_string(state != NULL ? state : "-");

		if (json_is_true(json_object_get(own, "held"))) {
			json_decref(text);
			text = json_sprintf("%s, %" JSON_INTEGER_FORMAT " s left", state,
				json_integer_value(json_object_get(own, "expires_s")));
		}
		(void)json_object_set_new(trunk, "registration", text);
	}
}

static int show_trunks(const struct ctl_options *options)
{
	static const char *const columns[] = {"name", "state", "target", "registration", "calls",
		"max_calls", "calls_total", "calls_refused_full", "options_failed", "state_for_s",
		"lookup", "reason", NULL};
	static const char *const target_columns[] = {"trunk", "address", "transport", "state",
		"rank", "weight", "avoided_for_s", "options_failed", "state_for_s", NULL};
	json_t *result = NULL;
	json_t *targets;
	int code;

	if (options->is_json)
		return show_list(options, "trunks", columns);
	code = ask(options, "trunks", &result);
	if (code == CTL_OK && json_array_size(json_object_get(result, "trunks")) == 0) {
		(void)puts("no trunks");
	} else if (code == CTL_OK) {
		tell_registrations(json_object_get(result, "trunks"));
		ctl_print_table(json_object_get(result, "trunks"), columns);
		targets = targets_of(json_object_get(result, "trunks"));
		(void)putchar('\n');
		ctl_print_table(targets, target_columns);
		json_decref(targets);
	}
	json_decref(result);
	return code;
}

static int show_registrations(const struct ctl_options *options)
{
	static const char *const columns[] = {"trunk", "user", "contact", "transport", "remote",
		"expires_s", "q", "user_agent", "wrong_proofs", NULL};

	return show_list(options, "registrations", columns);
}

static int show_cdr(const struct ctl_options *options)
{
	return ctl_show_records(options, true);
}

static int show_events(const struct ctl_options *options)
{
	return ctl_show_records(options, false);
}

static int reload(const struct ctl_options *options)
{
	json_t *result = NULL;
	int code = ask(options, "reload", &result);

	if (code == CTL_OK && json_is_true(json_object_get(result, "refused")))
		code = CTL_FAILED;
	if (result == NULL)
		return code;
	(void)show_object(options, CTL_OK, result);
	return code;
}

static int drain(const struct ctl_options *options)
{
	bool is_on = options->argument == NULL || strcmp(options->argument, "on") == 0;
	json_t *result = NULL;
	int code;

	if (!is_on && strcmp(options->argument, "off") != 0) {
		(void)fprintf(stderr, "tandemctl: drain takes \"on\" or \"off\", not \"%s\"\n",
			options->argument);
		return CTL_USAGE;
	}
	code = ctl_ask(options, json_pack("{s:s, s:b}", "verb", "drain", "on", is_on), &result);
	return show_object(options, code, result);
}

static int usage_error(const char *what, const char *name)
{
	(void)fprintf(stderr, "tandemctl: %s%s%s. \"tandemctl --help\" shows what there is.\n",
		what, name != NULL ? ": " : "", name != NULL ? name : "");
	return CTL_USAGE;
}

static bool is_refer(const struct ctl_options *options)
{
	return options->argument != NULL && strcmp(options->argument, "refer") == 0;
}

static int call(const struct ctl_options *options)
{
	if (is_refer(options))
		return ctl_refer(options);
	if (options->leg != NULL)
		return usage_error("unexpected argument", options->leg);
	return ctl_show_call(options);
}

static const struct {
	const char *name;
	verb_fn *run;
} verbs[] = {
	{"status", show_status},
	{"calls", show_calls},
	{"call", call},
	{"trunks", show_trunks},
	{"registrations", show_registrations},
	{"cdr", show_cdr},
	{"events", show_events},
	{"dataplane", ctl_show_dataplane},
	{"reload", reload},
	{"drain", drain},
	{"bans", ctl_show_bans},
	{"ban", ctl_ban},
	{"unban", ctl_unban},
};

/* True if text is a number that limits anything. */
static bool parse_limit(const char *text, uint32_t *ret_limit)
{
	char *end = NULL;
	unsigned long limit = strtoul(text, &end, 10);

	if (*text == '-' || *text == '\0' || *end != '\0' || limit == 0 || limit > LIMIT_MAX)
		return false;
	*ret_limit = (uint32_t)limit;
	return true;
}

/* Reads the options; CTL_OK, or an exit code with *ret_is_done set. */
static int parse(int argc, char **argv, struct ctl_options *options, bool *ret_is_done)
{
	int letter;

	*ret_is_done = true;
	while ((letter = getopt_long(argc, argv, "jn:fc:s:h", long_options, NULL)) != -1) {
		switch (letter) {
		case 'j':
			options->is_json = true;
			break;
		case 'n':
			if (!parse_limit(optarg, &options->limit))
				return usage_error("--limit wants 1 to 1000000", optarg);
			break;
		case 'f':
			options->follows = true;
			break;
		case 'c':
			options->call = optarg;
			break;
		case 's':
			options->socket_path = optarg;
			break;
		case 'F':
			options->is_full = true;
			break;
		case 'E':
			options->events_dir = optarg;
			break;
		case 'R':
			options->run_dir = optarg;
			break;
		case 'P':
			options->replaces = optarg;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return CTL_OK;
		default:
			return usage_error("that option isn't known", NULL);
		}
	}
	*ret_is_done = false;
	return CTL_OK;
}

/* The index-th word behind the options; NULL: there is none. */
static const char *argument(int argc, char **argv, int index)
{
	return argc - optind > index ? argv[optind + index] : NULL;
}

int main(int argc, char **argv)
{
	const char *from_environment = getenv("TANDEM_CONTROL");
	struct ctl_options options = {
		.socket_path =
			from_environment != NULL ? from_environment : "/run/tandem/control.sock",
		.limit = DEFAULT_LIMIT,
	};
	bool is_done;
	int code = parse(argc, argv, &options, &is_done);

	if (is_done)
		return code;
	if (optind == argc) {
		(void)fputs(help, stderr);
		return CTL_USAGE;
	}
	if (argc - optind > ARGUMENTS_MAX)
		return usage_error("too many arguments", argv[optind + ARGUMENTS_MAX]);
	options.argument = argument(argc, argv, 1);
	options.subject = argument(argc, argv, 2);
	options.leg = argument(argc, argv, 3);
	options.target = argument(argc, argv, 4);
	for (size_t i = 0; i < TD_COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i].name, argv[optind]) != 0)
			continue;
		if (options.argument != NULL && verbs[i].run != drain && verbs[i].run != ctl_ban &&
			verbs[i].run != ctl_unban && verbs[i].run != call)
			return usage_error("unexpected argument", options.argument);
		if (options.subject != NULL && verbs[i].run != call)
			return usage_error("unexpected argument", options.subject);
		return verbs[i].run(&options);
	}
	return usage_error("unknown command", argv[optind]);
}
