/* SPDX-License-Identifier: Apache-2.0 */
/* Flows, connections, Path, and what a restart leaves of them. */
#include "desk.h"
#include "registrar/registrar.h"
#include "registrar/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OUTBOUND(user, number)          \
	"Supported: path, outbound\r\n" \
	"Contact: <sip:" user "@10.9.9.9;ob>;+sip.instance=\"<urn:u>\";reg-id=" number "\r\n"

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

static void connect_by(enum sip_transport transport, uint32_t connection_id, uint16_t port)
{
	desk.flow.transport = transport;
	desk.flow.connection_id = connection_id;
	desk.flow.remote.port = port;
}

static struct registrar_target best(void)
{
	struct registrar_target target;

	assert_int_equal(registrar_choose(desk.user, 0, &target), 0);
	return target;
}

/* Behind NAT the flow is the way; else the contact's port is. */
static void test_ways(void **state)
{
	static const struct {
		const char *name;
		const char *headers;
		enum sip_transport transport;
		uint16_t port;
	} cases[] = {
		{"other-host", "Contact: <sip:a@10.9.9.9:5070>\r\n", SIP_TRANSPORT_UDP, 40000},
		{"a-name", "Contact: <sip:a@phone.example:5070>\r\n", SIP_TRANSPORT_UDP, 40000},
		{"own-host", "Contact: <sip:a@192.0.2.9:5070>\r\n", SIP_TRANSPORT_UDP, 5070},
		{"own-host-no-port", "Contact: <sip:a@192.0.2.9>\r\n", SIP_TRANSPORT_UDP, 5060},
		{"TCP-listens-elsewhere", "Contact: <sip:a@192.0.2.9:5070>\r\n", SIP_TRANSPORT_TCP,
			5070},
		{"TLS", "Contact: <sip:a@192.0.2.9:5071>\r\n", SIP_TRANSPORT_TLS, 40000},
		{"maddr", "Contact: <sip:a@192.0.2.9:5070;maddr=10.1.1.1>\r\n", SIP_TRANSPORT_UDP,
			40000},
		{"proxy", "Contact: <sip:a@192.0.2.9:5070>\r\nPath: <sip:p;lr>\r\n",
			SIP_TRANSPORT_UDP, 40000},
		{"outbound",
			"Supported: outbound\r\nContact: <sip:a@192.0.2.9:5070>;reg-id=1;"
			"+sip.instance=\"<urn:u>\"\r\n",
			SIP_TRANSPORT_UDP, 40000},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		connect_by(
			cases[i].transport, cases[i].transport == SIP_TRANSPORT_UDP ? 0 : 7, 40000);
		assert_int_equal(desk_register(&desk, cases[i].name, 1, cases[i].headers), 200);
		if (best().flow.remote.port != cases[i].port)
			fail_msg("%s: port %u", cases[i].name, best().flow.remote.port);
		assert_int_equal(best().flow.connection_id, desk.flow.connection_id);
		assert_int_equal(
			desk_register(&desk, cases[i].name, 2, "Contact: *\r\nExpires: 0\r\n"),
			200);
	}
}

/* RFC 5626: instance and reg-id name the binding, not the URI. */
static void test_outbound(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, OUTBOUND("a", "1")), 200);
	assert_non_null(strstr(desk.answer, "Require: outbound\r\n"));
	assert_non_null(strstr(desk.answer, ";+sip.instance=\"<urn:u>\";reg-id=1\r\n"));
	desk.flow.remote.port = 5099;
	assert_int_equal(desk_register(&desk, "d", 1, OUTBOUND("b", "1")), 200);
	assert_string_equal(desk_notes(&desk), "+a>b");
	assert_int_equal(best().flow.remote.port, 5099);
	assert_int_equal(desk_register(&desk, "e", 1, OUTBOUND("c", "2")), 200);
	assert_string_equal(desk_contacts(&desk), "c b");
	/* Without "Supported: outbound" the parameters mean nothing. */
	assert_int_equal(desk_register(&desk, "f", 1,
				 "Contact: <sip:z@h>;+sip.instance=\"<urn:u>\";reg-id=1\r\n"),
		200);
	assert_null(strstr(desk.answer, "Require"));
	assert_int_equal(registrar_get_counts(desk.registrar).bindings, 3);
}

static void test_path(void **state)
{
	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1,
				 "Supported: path\r\nContact: <sip:a@h>\r\n"
				 "Path: <sip:p1;lr>, <sip:p2;lr>\r\nPath: <sip:p3;lr>\r\n"),
		200);
	assert_true(span_equal(best().routes, SPAN("<sip:p1;lr>\n<sip:p2;lr>\n<sip:p3;lr>")));
	assert_non_null(
		strstr(desk.answer, "Path: <sip:p1;lr>, <sip:p2;lr>\r\nPath: <sip:p3;lr>\r\n"));
	/* A proxy between that doesn't keep the flow: RFC 5626 6. */
	assert_int_equal(desk_register(&desk, "d", 1,
				 "Via: SIP/2.0/UDP q;branch=z9hG4bKq\r\n" OUTBOUND("b", "1")),
		439);
	assert_int_equal(
		desk_register(&desk, "d", 2,
			"Via: SIP/2.0/UDP q;branch=z9hG4bKq\r\nPath: <sip:e;lr;ob>\r\n" OUTBOUND(
				"b", "1")),
		200);
	assert_int_equal(registrar_get_counts(desk.registrar).refused_first_hop, 1);
}

static void test_connection_closed(void **state)
{
	(void)state;
	connect_by(SIP_TRANSPORT_TCP, 5, 40001);
	assert_int_equal(desk_register(&desk, "c", 1, "Contact: <sip:nat@10.9.9.9>\r\n"), 200);
	assert_int_equal(desk_register(&desk, "c", 2, "Contact: <sip:own@192.0.2.9>\r\n"), 200);
	connect_by(SIP_TRANSPORT_WSS, 6, 40002);
	assert_int_equal(desk_register(&desk, "d", 1, "Contact: <sip:ws@x.invalid>\r\n"), 200);
	desk_notes(&desk);
	registrar_connection_closed(desk.registrar, 99);
	assert_string_equal(desk_notes(&desk), "");
	desk.kept = 0;
	registrar_connection_closed(desk.registrar, 5);
	assert_string_equal(desk_notes(&desk), "fnat");
	assert_int_equal(desk.kept, 1);
	assert_string_equal(desk_contacts(&desk), "ws own");
	registrar_connection_closed(desk.registrar, 6);
	assert_string_equal(desk_notes(&desk), "fws");
	assert_int_equal(best().flow.connection_id, 0); /* a new one will be opened */
	assert_int_equal(best().flow.remote.port, 5060);
	registrar_connection_closed(desk.registrar, 5);
	assert_string_equal(desk_notes(&desk), "");
	/* It comes back by another connection. */
	connect_by(SIP_TRANSPORT_TCP, 8, 40003);
	assert_int_equal(desk_register(&desk, "c", 3, "Contact: <sip:own@192.0.2.9>\r\n"), 200);
	assert_string_equal(desk_notes(&desk), ">own");
	assert_int_equal(best().flow.connection_id, 8);
}

static void test_restart(void **state)
{
	uint8_t record[REGISTRAR_RECORD_BYTES];
	size_t length;
	struct registrar_target before[2];

	(void)state;
	assert_int_equal(desk_register(&desk, "c", 9,
				 "Contact: <sip:short@192.0.2.9>;expires=60;q=0.2\r\n"
				 "User-Agent: phone\r\n"),
		200);
	assert_int_equal(
		desk_register(&desk, "d", 1, "Path: <sip:p;lr>\r\n" OUTBOUND("out", "3")), 200);
	connect_by(SIP_TRANSPORT_WS, 4, 40000);
	assert_int_equal(desk_register(&desk, "e", 1, "Contact: <sip:ws@x.invalid>\r\n"), 200);
	assert_int_equal(registrar_choose(desk.user, 0, &before[0]), 0);
	memcpy(record, desk.record, desk.record_length);
	length = desk.record_length;
	desk_notes(&desk);
	/* The machine was away for 20 s, and its monotonic clock began anew. */
	desk.now = (struct td_now){5000, desk.now.wall_ns + 20ull * TD_NS_PER_S};
	desk_restart(&desk);
	assert_int_equal(registrar_record_read(desk.registrar, record, length, desk.now), 0);
	assert_string_equal(desk_notes(&desk), "fws");
	assert_string_equal(desk_contacts(&desk), "out short");
	assert_true(span_equal(best().routes, SPAN("<sip:p;lr>")));
	assert_int_equal(registrar_record_read(desk.registrar, record, length, desk.now), -ENOENT);
	/* What happened before still orders what comes. */
	connect_by(SIP_TRANSPORT_UDP, 0, 5060);
	assert_int_equal(desk_register(&desk, "c", 8, "Contact: <sip:short@192.0.2.9>\r\n"), 500);
	desk_wait(&desk, 39999);
	assert_string_equal(desk_notes(&desk), "");
	desk_wait(&desk, 1);
	assert_string_equal(desk_notes(&desk), "xshort");
	memcpy(record, desk.record, desk.record_length);
	length = desk.record_length;
	/* Away for too long. */
	desk.now.wall_ns += 10000ull * TD_NS_PER_S;
	desk_restart(&desk);
	assert_int_equal(registrar_record_read(desk.registrar, record, length, desk.now), 0);
	assert_string_equal(desk_notes(&desk), "xout");
	assert_int_equal(desk.record_length, 0);
}

static void test_bad_records(void **state)
{
	uint8_t record[REGISTRAR_RECORD_BYTES];
	size_t length;

	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, "Contact: <sip:a@h>, <sip:b@h>\r\n"), 200);
	memcpy(record, desk.record, desk.record_length);
	length = desk.record_length;
	desk_restart(&desk);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(
			registrar_record_read(desk.registrar, record, cut, desk.now), -EBADMSG);
	for (size_t at = 0; at < length; at++) {
		uint8_t kept = record[at];

		record[at] ^= 0xff;
		/* A number may be another number; nothing worse happens. */
		if (registrar_record_read(desk.registrar, record, length, desk.now) == 0)
			desk_restart(&desk);
		assert_int_equal(registrar_get_counts(desk.registrar).bindings, 0);
		record[at] = kept;
	}
	desk_notes(&desk);
	desk_configure(&desk, DESK_HEAD DESK_TRUNK "    users: []\n");
	assert_int_equal(registrar_record_read(desk.registrar, record, length, desk.now), -ENOENT);
}

/* Users come and go with the configuration. */
/* Without memory a request changes nothing, and a record brings nothing in: the n-th allocation
 * fails for every n. */
static void test_no_memory(void **state)
{
	static const char three[] = "Contact: <sip:a@192.0.2.9>;q=0.9\r\n"
				    "Contact: <sip:b@192.0.2.9>;q=0.2\r\n"
				    "Contact: <sip:c@192.0.2.9>;q=0.1\r\nUser-Agent: newer\r\n";
	struct heap *heap = &desk.registrar->heap;
	uint8_t record[REGISTRAR_RECORD_BYTES];
	size_t before_bytes;
	size_t length;
	uint32_t nth;

	(void)state;
	assert_int_equal(desk_register(&desk, "c", 1, "Contact: <sip:a@192.0.2.9>;q=0.5\r\n"), 200);
	desk_notes(&desk);
	before_bytes = heap->in_use_bytes;
	for (nth = 1; nth <= 3; nth++) {
		heap->fail_countdown = nth;
		assert_int_equal(desk_register(&desk, "c", 1 + nth, three), 503);
		assert_int_equal(heap->fail_countdown, 0);
		assert_string_equal(desk_notes(&desk), "");
		assert_string_equal(desk_contacts(&desk), "a");
		assert_int_equal(heap->in_use_bytes, before_bytes);
	}
	assert_int_equal(desk_register(&desk, "c", 1 + nth, three), 200);
	assert_string_equal(desk_contacts(&desk), "a b c");
	memcpy(record, desk.record, desk.record_length);
	length = desk.record_length;
	for (nth = 1; nth <= 3; nth++) {
		desk_restart(&desk);
		desk.registrar->heap.fail_countdown = nth;
		assert_int_equal(
			registrar_record_read(desk.registrar, record, length, desk.now), -ENOMEM);
		assert_string_equal(desk_contacts(&desk), "");
	}
	assert_int_equal(registrar_record_read(desk.registrar, record, length, desk.now), 0);
	assert_string_equal(desk_contacts(&desk), "a b c");
}

static void test_users(void **state)
{
	struct digest_secret secret = *registrar_secret(desk.registrar, desk.user);
	const struct digest_secret *nobody = registrar_secret(desk.registrar, NULL);

	(void)state;
	assert_null(registrar_find(desk.registrar, "p", SPAN("carol")));
	assert_null(registrar_find(desk.registrar, "q", SPAN("alice")));
	assert_null(registrar_find(desk.registrar, "p", SPAN("")));
	assert_string_equal(registrar_user_name(desk.user), "alice");
	assert_string_equal(registrar_user_trunk(desk.user), "p");
	assert_int_equal(strlen(nobody->ha1[DIGEST_MD5]), 32);
	assert_int_equal(strlen(nobody->ha1[DIGEST_SHA256]), 64);
	registrar_note_proof(desk.registrar, desk.user, false);
	registrar_note_proof(desk.registrar, desk.user, false);
	registrar_note_proof(desk.registrar, NULL, false);
	assert_int_equal(registrar_user_failures(desk.user), 2);
	registrar_note_proof(desk.registrar, desk.user, true);
	assert_int_equal(registrar_user_failures(desk.user), 0);
	assert_int_equal(registrar_get_counts(desk.registrar).names_unknown, 1);
	assert_int_equal(registrar_get_counts(desk.registrar).proofs_wrong, 2);
	assert_int_equal(desk_register(&desk, "c", 1, "Contact: <sip:a@h>\r\n"), 200);
	desk_configure(
		&desk, DESK_HEAD DESK_TRUNK "    users: [{username: alice, password: other}]\n");
	assert_string_equal(desk_contacts(&desk), "a");
	assert_memory_not_equal(
		&secret, registrar_secret(desk.registrar, desk.user), sizeof(secret));
	assert_null(registrar_find(desk.registrar, "p", SPAN("bob")));
	desk_notes(&desk);
	desk_configure(&desk, DESK_HEAD DESK_TRUNK "    users: [{username: bob, password: b}]\n");
	assert_string_equal(desk_notes(&desk), "wa");
	assert_int_equal(desk.record_length, 0);
	assert_int_equal(registrar_get_counts(desk.registrar).users, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ways, begin, end),
		cmocka_unit_test_setup_teardown(test_outbound, begin, end),
		cmocka_unit_test_setup_teardown(test_path, begin, end),
		cmocka_unit_test_setup_teardown(test_connection_closed, begin, end),
		cmocka_unit_test_setup_teardown(test_restart, begin, end),
		cmocka_unit_test_setup_teardown(test_bad_records, begin, end),
		cmocka_unit_test_setup_teardown(test_no_memory, begin, end),
		cmocka_unit_test_setup_teardown(test_users, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
