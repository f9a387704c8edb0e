/* SPDX-License-Identifier: Apache-2.0 */
/* What trunks[].reliable_provisional offers to callers and called parties, and whom it refuses. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TRUNKS_WITH(of_a, of_b)                                                                \
	"trunks:\n"                                                                            \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: " \
	"0, reliable_provisional: " of_a "}\n"                                                 \
	"  - {name: b, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", options_interval_s: " \
	"0, reliable_provisional: " of_b "}\n"

struct row {
	const char *name;
	const char *trunks;
	const char *head;      /* of the INVITE */
	const char *extension; /* header line, or "" */
	const char *answer;    /* what is sent last: the INVITE that goes out, or the refusal */
	const char *has;       /* a line that it has; NULL: no "100rel" at all */
};

static const struct row rows[] = {
	{"supported is offered", TRUNKS_WITH("supported", "supported"), REQUEST("INVITE", "1"), "",
		"INVITE ", "Supported: 100rel"},
	{"off isn't", TRUNKS_WITH("supported", "off"), REQUEST("INVITE", "1"), "", "INVITE ", NULL},
	{"required is required", TRUNKS_WITH("supported", "required"), REQUEST("INVITE", "1"), "",
		"INVITE ", "Require: 100rel\r\n"},
	{"a caller may require it", TRUNKS_WITH("supported", "off"), REQUEST("INVITE", "1"),
		"Require: 100rel\r\n", "INVITE ", NULL},
	{"but not where it is off", TRUNKS_WITH("off", "supported"), REQUEST("INVITE", "1"),
		"Require: 100rel\r\n", "SIP/2.0 420 ", "Unsupported: 100rel\r\n"},
	{"a caller must know it", TRUNKS_WITH("required", "supported"), REQUEST("INVITE", "1"), "",
		"SIP/2.0 421 ", "Require: 100rel\r\n"},
	{"and does", TRUNKS_WITH("required", "supported"), REQUEST("INVITE", "1"),
		"Supported: timer, 100rel\r\n", "INVITE ", "Supported: 100rel"},
};

static void try(const struct row *row, const char *body)
{
	struct rig rig;
	char text[2048];
	char config[2048];

	(void)snprintf(config, sizeof(config), HEAD "%s" ROUTES, row->trunks);
	rig_init(&rig, config);
	(void)snprintf(text, sizeof(text), "%s%s%s", row->head, row->extension, body);
	rig_receive(&rig, "10.1.0.1", text);
	if (rig.commands != 0)
		rig_media_done(&rig);
	if (strncmp(rig.last, row->answer, strlen(row->answer)) != 0)
		fail_msg("%s: %.40s", row->name, rig.last);
	if (row->has != NULL ? strstr(rig.last, row->has) == NULL
			     : strstr(rig.last, "100rel") != NULL)
		fail_msg("%s:\n%s", row->name, rig.last);
	rig_fini(&rig);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++)
		try(&rows[i], "Content-Type: application/sdp\r\n\r\n" SDP);
}

/* The called side's offer would come in a reliable 18x: only PRACK could answer it in time. */
static void test_late_offers(void **state)
{
	const struct row unable = {"caller without 100rel", TRUNKS_WITH("supported", "required"),
		REQUEST("INVITE", "1"), "", "INVITE ", NULL};
	const struct row able = {"caller with 100rel", TRUNKS_WITH("supported", "supported"),
		REQUEST("INVITE", "1"), "Supported: 100rel\r\n", "INVITE ", "Supported: 100rel"};

	(void)state;
	try(&unable, "\r\n");
	try(&able, "\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_late_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
