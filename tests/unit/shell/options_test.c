/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dataplane's command line: each option's values, and that an error names what is wrong.
 */
#include "options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ARGUMENTS_MAX = 64
};

#define COMPLETE                                                                             \
	"--run-dir /run/x --port name=a,device=net_null0,x=1,y=2 --media-address 192.0.2.1 " \
	"--media-ports 20000-20999 --worker 0"

/* Splits text at spaces and parses it. */
static int parse(const char *text, struct options *options, char *error)
{
	static char copy[2048]; /* options borrows from it */
	char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "tandem-dataplane"};
	int argc = 1;

	error[0] = '\0';
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_parse(options, argc, argv, error);
}

static void complete_line_is_read(void **state)
{
	char error[OPTIONS_ERROR_BYTES];
	struct options options;

	(void)state;
	assert_int_equal(
		parse(COMPLETE
			" --port-option a:queues=2,vlan=5,mtu=1400,tap=tap0,checksum=trust --poll adaptive"
			" --media-address 2001:db8::1 --worker 0 --rest-ms 0 --terminations 100"
			" --memory-mb 128 --no-huge --eal --log-level=8",
			&options, error),
		0);
	assert_string_equal(options.ports[0].name, "a");
	assert_string_equal(options.ports[0].device, "net_null0,x=1,y=2");
	assert_string_equal(options.ports[0].tap_name, "tap0");
	assert_int_equal(options.ports[0].queues, 2);
	assert_int_equal(options.ports[0].vlan_id, 5);
	assert_int_equal(options.ports[0].mtu_bytes, 1400);
	assert_true(options.ports[0].is_checksum_trusted);
	assert_int_equal(options.worker_count, 2);
	assert_int_equal(options.media_address_count, 2);
	assert_int_equal(options.media_port_first, 20000);
	assert_int_equal(options.media_port_last, 20999);
	assert_int_equal(options.rest_ms, 0);
	assert_int_equal(options.termination_capacity, 100);
	assert_true(options.is_polling_adaptive);
	assert_true(options.has_no_huge);
	assert_string_equal(options.eal_arguments[0], "--log-level=8");
}

static void defaults_are_sane(void **state)
{
	char error[OPTIONS_ERROR_BYTES];
	struct options options;

	(void)state;
	assert_int_equal(parse(COMPLETE, &options, error), 0);
	assert_int_equal(options.ports[0].mtu_bytes, 1500);
	assert_false(options.ports[0].is_checksum_trusted);
	assert_int_equal(options.rest_ms, 5000);
	assert_int_equal(options.termination_capacity, 4096);
	assert_false(options.is_polling_adaptive);
}

static void errors_name_what_is_wrong(void **state)
{
	static const struct {
		const char *line;
		const char *said;
	} cases[] = {
		{"--frobnicate", "--frobnicate"},
		{"--run-dir", "--run-dir: expected DIR"},
		{"--port net_null0", "name=NAME"},
		{"--port name=,device=x", "name ''"},
		{"--port name=a/b,device=x", "name 'a/b'"},
		{"--port name=a,device=", "device is empty"},
		{"--port name=a,device=x --port name=a,device=y", "named twice"},
		{"--port-option a:mtu=1500", "earlier --port"},
		{"--port name=a,device=x --port-option a:mtu=1279", "mtu '1279'"},
		{"--port name=a,device=x --port-option a:vlan=4095", "vlan '4095'"},
		{"--port name=a,device=x --port-option a:queues=0", "queues '0'"},
		{"--port name=a,device=x --port-option a:colour=red", "'colour=red'"},
		{"--port name=a,device=x --port-option a:tap", "KEY=VALUE"},
		{"--port name=a,device=x --port-option a:checksum=maybe", "checksum 'maybe'"},
		{"--media-address localhost", "'localhost'"},
		{"--media-address 1.2.3.4 --media-address 1.2.3.4", "given twice"},
		{"--media-ports 20001-20999", "FIRST even"},
		{"--media-ports 20000-20998", "LAST odd"},
		{"--media-ports 30000-20999", "not lower"},
		{"--media-ports 20000", "FIRST-LAST"},
		{"--media-ports 20000-70001", "65535"},
		{"--worker first", "'first'"},
		{"--worker -1", "'-1'"},
		{"--poll lazy", "'lazy'"},
		{"--rest-ms 600001", "600000"},
		{"--terminations 1", "from 2"},
		{"--memory-mb 1", "from 64"},
		{"--memory-mb 99999999999", "'99999999999'"},
		{"", "--run-dir is missing"},
		{"--run-dir /x", "--port is missing"},
		{"--run-dir /x --port name=a,device=x", "--media-address is missing"},
		{COMPLETE " --port name=b,device=y --port-option a:tap=t --port-option b:tap=t",
			"tap t is a's"},
	};
	char error[OPTIONS_ERROR_BYTES];
	struct options options;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		assert_int_equal(parse(cases[i].line, &options, error), -EINVAL);
		if (strstr(error, cases[i].said) == NULL)
			fail_msg("'%s' said '%s', not '%s'", cases[i].line, error, cases[i].said);
	}
}

static void help_and_map_need_nothing_else(void **state)
{
	char error[OPTIONS_ERROR_BYTES];
	struct options options;

	(void)state;
	assert_int_equal(parse("--help", &options, error), 0);
	assert_true(options.wants_help);
	assert_int_equal(parse("--print-map", &options, error), 0);
	assert_true(options.wants_map);
	assert_int_equal(parse("--print-counters", &options, error), 0);
	assert_true(options.wants_counters);
	assert_int_equal(parse("--print-drop-reasons", &options, error), 0);
	assert_true(options.wants_drop_reasons);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete_line_is_read),
		cmocka_unit_test(defaults_are_sane),
		cmocka_unit_test(errors_name_what_is_wrong),
		cmocka_unit_test(help_and_map_need_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
