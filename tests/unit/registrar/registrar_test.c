/* SPDX-License-Identifier: Apache-2.0 */
#include "registrar/registrar.h"

#include "desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CONTACT(user) "Contact: <sip:" user "@192.0.2.9>\r\n"
#define EXPIRES(seconds) "Expires: " seconds "\r\n"

static struct desk desk;

static int begin(void **state)
{
	(void)state;
	desk_init(&desk, DESK_HEAD DESK_USERS);
	return 0;
}

static int end(void **state)
{
	(void)state;
	desk_fini(&desk);
	return 0;
}

static void test_add_refresh_remove(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, CONTACT("a") EXPIRES("60")), 200);
	assert_string_equal(desk_notes(&desk), "+a");
	assert_int_equal(desk.kept, 1);
	desk_wait(&desk, 50000);
	assert_int_equal(desk_register(&desk, "c", 2, CONTACT("a") EXPIRES("60")), 200);
	desk_wait(&desk, 59999);
	assert_string_equal(desk_contacts(&desk), "a");
	assert_string_equal(desk_notes(&desk), "");
	desk_wait(&desk, 1);
	assert_string_equal(desk_contacts(&desk), "");
	assert_string_equal(desk_notes(&desk), "xa");
	assert_int_equal(desk.record_length, 0);
	assert_int_equal(desk_register(&desk, "c", 3, CONTACT("a")), 200);
	assert_int_equal(
		registrar_deadline(desk.registrar), desk.now.mono_ms + 600000); /* the default */
	assert_int_equal(desk_register(&desk, "c", 4, CONTACT("a") EXPIRES("0")), 200);
	assert_string_equal(desk_notes(&desk), "+a-a");
	assert_int_equal(registrar_deadline(desk.registrar), TD_NEVER);
	assert_int_equal(registrar_get_counts(desk.registrar).bindings, 0);
}

/* The answer lists everything, with what is left of it. */
static void test_answer(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1,
				 "Contact: <sip:a@192.0.2.9>;q=0.5;expires=120;"
				 "+sip.instance=\"<urn:x>\"\r\n"),
		200);
	desk_wait(&desk, 10500);
	assert_int_equal(desk_register(&desk, "d", 1, CONTACT("b") EXPIRES("99999")), 200);
	assert_non_null(strstr(desk.answer,
		"Contact: <sip:a@192.0.2.9>;expires=110;q=0.500;+sip.instance=\"<urn:x>\"\r\n"));
	assert_non_null(strstr(desk.answer, "Contact: <sip:b@192.0.2.9>;expires=7200\r\n"));
	assert_non_null(strstr(desk.answer, "Date: Thu, 01 Jan 2026 00:00:10 GMT\r\n"));
	assert_null(strstr(desk.answer, "Require"));
	desk_notes(&desk);
	assert_int_equal(desk_register(&desk, "e", 1, ""), 200); /* fetch */
	assert_non_null(strstr(desk.answer, "sip:a@"));
	assert_non_null(strstr(desk.answer, "sip:b@"));
	assert_string_equal(desk_notes(&desk), "");
	assert_int_equal(registrar_get_counts(desk.registrar).fetched, 1);
}

static void test_intervals(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, CONTACT("a") EXPIRES("59")), 423);
	assert_int_equal(desk_register(&desk, "c", 2, CONTACT("a") EXPIRES("60")), 200);
	assert_int_equal(desk_register(&desk, "c", 3,
				 "Contact: <sip:b@h>;expires=3000, <sip:c@h>;expires=30\r\n"),
		423);
	assert_string_equal(desk_contacts(&desk), "a"); /* all or nothing */
	assert_int_equal(registrar_get_counts(desk.registrar).refused_brief, 2);
	/* RFC 3261 20.19: nonsense means an hour. */
	assert_int_equal(
		desk_register(&desk, "c", 4, "Contact: <sip:a@192.0.2.9>;expires=soon\r\n"), 200);
	assert_int_equal(registrar_deadline(desk.registrar), desk.now.mono_ms + 3600000);
}

static void test_star(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, CONTACT("a") CONTACT("b")), 200);
	assert_int_equal(desk_register(&desk, "d", 1, "Contact: *\r\n"), 400);
	assert_int_equal(desk_register(&desk, "d", 2, "Contact: *\r\n" EXPIRES("60")), 400);
	assert_int_equal(
		desk_register(&desk, "d", 3, "Contact: *\r\n" CONTACT("a") EXPIRES("0")), 400);
	assert_int_equal(
		desk_register(&desk, "d", 4, CONTACT("a") "Contact: *\r\n" EXPIRES("0")), 400);
	desk_wait(&desk, 40000);
	assert_int_equal(desk_register(&desk, "c", 0, "Contact: *\r\n" EXPIRES("0")), 500);
	assert_string_equal(desk_contacts(&desk), "b a");
	desk_notes(&desk);
	assert_int_equal(desk_register(&desk, "d", 5, "Contact: *\r\n" EXPIRES("0")), 200);
	assert_string_equal(desk_contacts(&desk), "");
	assert_string_equal(desk_notes(&desk), "-b-a");
}

/* RFC 3261 10.3 step 7, and copies that the network makes. */
static void test_order(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 7, CONTACT("a")), 200);
	desk_notes(&desk);
	desk_wait(&desk, 1000);
	assert_int_equal(desk_register(&desk, "c", 7, CONTACT("a")), 200); /* a copy */
	assert_int_equal(registrar_get_counts(desk.registrar).repeated, 1);
	assert_int_equal(registrar_deadline(desk.registrar), desk.now.mono_ms + 599000);
	assert_int_equal(desk_register(&desk, "c", 6, CONTACT("a")), 500);
	assert_int_equal(desk_register(&desk, "c", 8, CONTACT("a") EXPIRES("0")), 200);
	assert_int_equal(desk_register(&desk, "c", 7, CONTACT("a")), 500); /* late: no ghost */
	assert_string_equal(desk_contacts(&desk), "");
	assert_string_equal(desk_notes(&desk), "-a");
	desk_wait(&desk, REGISTRAR_REPEAT_MS);
	assert_int_equal(desk_register(&desk, "c", 7, CONTACT("a")), 500);
	desk_wait(&desk, 1); /* no copy lives that long: a phone that began anew */
	assert_int_equal(desk_register(&desk, "c", 7, CONTACT("a")), 200);
	desk_wait(&desk, 100000);
	assert_int_equal(desk_register(&desk, "c", 6, CONTACT("a")), 500); /* the binding's */
	assert_int_equal(desk_register(&desk, "other", 1, CONTACT("a")), 200);
	assert_int_equal(registrar_get_counts(desk.registrar).refused_order, 4);
}

/* The same URI by RFC 3261 19.1.4 is the same binding. */
static void test_same_contact(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, CONTACT("a")), 200);
	assert_int_equal(desk_register(&desk, "c", 2, "Contact: sip:%61@192.0.2.9;x=1\r\n"), 200);
	assert_string_equal(desk_notes(&desk), "+a");
	assert_int_equal(registrar_get_counts(desk.registrar).bindings, 1);
	assert_int_equal(desk_register(&desk, "c", 3, "Contact: <sip:a@192.0.2.9:5060>\r\n"), 200);
	assert_int_equal(registrar_get_counts(desk.registrar).bindings, 2);
	assert_int_equal(desk_register(&desk, "c", 4,
				 "Contact: <sip:z@h>, <sip:z@h>;expires=90, <sip:z@h>;q=0.1\r\n"),
		200);
	assert_int_equal(registrar_get_counts(desk.registrar).bindings, 3);
}

static void test_preference(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "1", 1, "Contact: <sip:low@h>;q=0.1\r\n"), 200);
	assert_int_equal(desk_register(&desk, "2", 1, "Contact: <sip:old@h>\r\n"), 200);
	assert_int_equal(desk_register(&desk, "3", 1, "Contact: <sip:new@h>\r\n"), 200);
	assert_string_equal(desk_contacts(&desk), "new old low");
	desk_wait(&desk, 100000);
	assert_int_equal(desk_register(&desk, "2", 2, "Contact: <sip:old@h>\r\n"), 200);
	assert_string_equal(desk_contacts(&desk), "old new low");
}

static void test_too_many(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1,
				 "Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>, <sip:d@h>\r\n"),
		400);
	assert_int_equal(
		desk_register(&desk, "c", 2, "Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>\r\n"), 200);
	assert_int_equal(desk_register(&desk, "c", 3, "Contact: <sip:a@h>\r\n"), 200);
	desk_notes(&desk);
	/* The one that is longest without refresh goes. */
	assert_int_equal(desk_register(&desk, "d", 1, "Contact: <sip:d@h>\r\n"), 200);
	assert_string_equal(desk_notes(&desk), "eb+d");
	/* But none that the request itself is about. */
	assert_int_equal(
		desk_register(&desk, "d", 2, "Contact: <sip:c@h>, <sip:e@h>, <sip:a@h>\r\n"), 200);
	assert_string_equal(desk_notes(&desk), "ed+e");
	assert_string_equal(desk_contacts(&desk), "a e c");
}

static void test_full(void **state)
{
	struct registrar_user *alice = desk.user;
	char users[1024] = DESK_HEAD DESK_TRUNK "    users: [{username: alice, password: a}";
	char one[64];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(one, sizeof(one), ", {username: u%u, password: p}", i);
		strcat(users, one);
	}
	strcat(users, "]\n");
	desk_configure(&desk, users);
	assert_ptr_equal(desk.user, alice); /* who stays, stays */
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(one, sizeof(one), "u%u", i);
		desk.user = registrar_find(desk.registrar, "p", span_from(one));
		assert_int_equal(desk_register(&desk, one, 1,
					 "Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>\r\n"),
			200);
	}
	desk_notes(&desk);
	/* A full registrar refuses, unless the same request makes the room. */
	assert_int_equal(desk_register(&desk, "u3", 2, "Contact: <sip:d@h>\r\n"), 200);
	assert_int_equal(
		desk_register(&desk, "u3", 3, "Contact: <sip:d@h>;expires=0, <sip:e@h>\r\n"), 200);
	assert_string_equal(desk_notes(&desk), "ea+d-d+e");
	desk.user = alice;
	assert_int_equal(desk_register(&desk, "a", 1, "Contact: <sip:x@h>\r\n"), 503);
	assert_int_equal(registrar_get_counts(desk.registrar).refused_full, 1);
	assert_int_equal(registrar_get_counts(desk.registrar).bindings, DESK_CAPACITY);
}

static void test_nonsense(void **state)
{
	static const char *const contacts[] = {
		"Contact: <tel:+4930>\r\n",
		"Contact: <sip:a@h?Subject=x>\r\n",
		"Contact: <sip:a@h>;q=7\r\n",
		"Contact: <sip:a@h>;+sip.instance=\"<u>\";reg-id=0\r\n",
		CONTACT("a") "Path: <tel:1>\r\n",
		CONTACT("a") "Path: nonsense\r\n",
	};
	char longest[1024];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(contacts); i++)
		if (desk_register(&desk, "c", (uint32_t)i + 1, contacts[i]) != 400)
			fail_msg("%s", contacts[i]);
	(void)snprintf(longest, sizeof(longest), "Contact: <sip:%0500d@h.example>\r\n", 0);
	assert_int_equal(desk_register(&desk, "c", 10, longest), 400);
	(void)snprintf(
		longest, sizeof(longest), CONTACT("a") "Path: <sip:%0500d@h.example;lr>\r\n", 0);
	assert_int_equal(desk_register(&desk, "c", 11, longest), 400);
	assert_string_equal(desk_contacts(&desk), "");
	assert_int_equal(registrar_get_counts(desk.registrar).refused_malformed, 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_add_refresh_remove, begin, end),
		cmocka_unit_test_setup_teardown(test_answer, begin, end),
		cmocka_unit_test_setup_teardown(test_intervals, begin, end),
		cmocka_unit_test_setup_teardown(test_star, begin, end),
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_same_contact, begin, end),
		cmocka_unit_test_setup_teardown(test_preference, begin, end),
		cmocka_unit_test_setup_teardown(test_too_many, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
		cmocka_unit_test_setup_teardown(test_nonsense, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
