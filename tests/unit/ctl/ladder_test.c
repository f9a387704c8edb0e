/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees of a call. */
#include "ctl/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_US 1767225600000000ll /* 2026-01-01 */

/* how is "in", or "in/malformed": direction and note. */
static void add(
	json_t *messages, json_int_t ms, const char *how, const char *remote, const char *text)
{
	const char *slash = strchr(how, '/');
	const char *note = slash != NULL ? slash + 1 : "none";
	char direction[8];
	json_t *message;

	(void)snprintf(direction, sizeof(direction), "%.*s", (int)strcspn(how, "/"), how);
	message = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:s}", "time_us", HOUR_US + ms * 1000,
		"direction", direction, "transport", strchr(remote, '7') != NULL ? "TLS" : "UDP",
		"local", "10.0.0.1:5060", "remote", remote, "note", note, "text", text);

	assert_non_null(message);
	if (strcmp(note, "malformed") == 0)
		(void)json_object_set_new(message, "reason", json_string("no CSeq"));
	(void)json_array_append_new(messages, message);
}

static json_t *a_call(void)
{
	json_t *messages = json_array();

	add(messages, 0, "in", "10.1.0.1:5060",
		"INVITE sip:1@h SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n");
	add(messages, 1, "out", "10.1.0.1:5060", "SIP/2.0 100 Trying\r\nCSeq: 1 INVITE\r\n\r\n");
	add(messages, 12, "out", "10.2.0.1:7061", "INVITE sip:1@h SIP/2.0\r\n\r\nv=0\r\n");
	add(messages, 1500, "in/malformed", "10.2.0.1:7061", "SIP/2.0 200 OK\r\n");
	add(messages, 33000, "event/no_response", "10.2.0.1:7061", "");
	add(messages, 33001, "out", "10.3.0.1:5060", "INVITE sip:1@h SIP/2.0\r\n\r\n");
	add(messages, 33002, "in", "10.3.0.1:5060",
		"SIP/2.0 481 Call/Transaction Does Not Exist\r\ncseq: 2 BYE\r\n\r\n");
	return messages;
}

static void test_a_ladder(void **state)
{
	static const char wanted[] =
		"2026-01-01 00:00:00.000 UTC\n\n"
		"                  10.1.0.1:5060                      tandem"
		"                     10.2.0.1:7061 TLS                 10.3.0.1:5060\n"
		"   1        0.000 s     |-------- INVITE (sdp) -------->|"
		"                               |                               |\n"
		"   2        0.001 s     |<-------- 100 Trying ----------|"
		"                               |                               |\n"
		"   3        0.012 s     |                               |"
		"-------- INVITE (sdp) -------->|                               |\n"
		"   4        1.500 s     |                               |"
		"<---------- 200 OK ------------|                               |   [malformed: no CSeq]\n"
		"   5       33.000 s     |                               |"
		"                               x                               |   [no_response]\n"
		"   6       33.001 s     |                               |"
		"--------------------------- INVITE --------------------------->|\n"
		"   7       33.002 s     |                               |"
		"<----------------- 481 Call/Transaction Does ------------------|\n";
	json_t *messages = a_call();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	ladder_draw(messages, out);
	(void)fclose(out);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(messages);
}

static void test_the_messages_themselves(void **state)
{
	json_t *messages = a_call();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	ladder_write_full(messages, out);
	(void)fclose(out);
	assert_non_null(strstr(text, "\n---- 2  0.001 s  UDP  10.0.0.1:5060 -> 10.1.0.1:5060\n"
				     "SIP/2.0 100 Trying\nCSeq: 1 INVITE\n\n"));
	assert_non_null(strstr(text, "\n---- 4  1.500 s  TLS  10.2.0.1:7061 -> 10.0.0.1:5060\n"));
	assert_null(strstr(text, "---- 5"));
	free(text);
	json_decref(messages);
}

static void test_many_parties_and_strange_text(void **state)
{
	static const char *const texts[] = {"", "\r\n", "SIP/2.0 ", "SIP/2.0 200", "x", "\n\n\n",
		"A-VERY-LONG-METHOD-THAT-NOBODY-HAS-EVER-HEARD-OF sip:x SIP/2.0\r\n",
		"SIP/2.0 200 OK\r\nCSeq:"};
	json_t *messages = json_array();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	char remote[32];

	(void)state;
	assert_non_null(out);
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(remote, sizeof(remote), "10.0.0.%u:5060", i);
		add(messages, (json_int_t)i * 100000000, i % 2 == 0 ? "in" : "out", remote,
			texts[i % (sizeof(texts) / sizeof(texts[0]))]);
	}
	ladder_draw(messages, out);
	ladder_write_full(messages, out);
	ladder_draw(json_object_get(messages, "none"), out); /* no messages at all */
	(void)fclose(out);
	assert_non_null(strstr(text, "A-VERY-LONG-METHOD"));
	free(text);
	json_decref(messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ladder),
		cmocka_unit_test(test_the_messages_themselves),
		cmocka_unit_test(test_many_parties_and_strange_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
