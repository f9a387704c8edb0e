/* SPDX-License-Identifier: Apache-2.0 */
/* A call through the journal and back; damaged records are refused and leak nothing. */
#include "call/snapshot.h"

#include "call/fork.h"
#include "unit/trunk/trunk_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct rig {
	struct config *config;
	struct trunk_table *trunks;
	struct heap heap;
	struct call call;
	uint8_t bytes[16384];
	size_t length;
};

#define INVITE                                                                                       \
	"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"                           \
	"From: <sip:a@b>;tag=0123456789abcdef\r\nTo: <sip:c@d>\r\nCall-ID: id\r\nCSeq: 5 INVITE\r\n" \
	"Max-Forwards: 70\r\nContact: <sip:e>\r\n\r\nv=0\r\n"

static void fill(struct call *call)
{
	const struct td_now now = {1234, 5678};
	const struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};

	call->call_id = 77;
	call->state = CALL_TALKING;
	call->is_answered = true;
	call->destination_count = 2;
	call->destinations[0] = 1;
	call->destinations[1] = TRUNK_NONE;
	call->deadline_ms = 99;
	(void)snprintf(call->number, sizeof(call->number), "4711");
	(void)snprintf(call->caller.user, sizeof(call->caller.user), "+4930");
	call_begin_leg(call, CALL_CALLER, &now);
	call_begin_leg(call, CALL_CALLEE, &now);
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		struct leg *leg = &call->legs[i];

		leg->state = LEG_ACTIVE;
		leg->trunk = i;
		assert_int_equal(dialog_init_uac(&leg->dialog,
					 &(const struct dialog_identity){
						 .heap = call->heap,
						 .call_id = SPAN("id"),
						 .local_tag = SPAN("0123456789abcdef"),
						 .local_uri = SPAN("<sip:a@b>"),
						 .remote_uri = SPAN("<sip:c@d>"),
						 .remote_target = SPAN("sip:c@d"),
						 .local_contact = SPAN("<sip:e>"),
					 },
					 5, &flow),
			0);
		assert_int_equal(call_keep_request(call, &leg->invite, SIP_METHOD_INVITE,
					 SPAN(INVITE), &flow),
			0);
		assert_int_equal(call_keep_request(call, &leg->negotiation.sent, SIP_METHOD_UPDATE,
					 SPAN("UPDATE sip:a SIP/2.0"), &flow),
			0);
		leg->negotiation.state = NEGOTIATION_UPDATE_SENT;
		assert_int_equal(call_set_text(call, &leg->negotiation.local_sdp,
					 &leg->negotiation.local_sdp_length, SPAN("v=0\r\n")),
			0);
		if (i == CALL_CALLEE)
			assert_int_equal(call_add_fork(call, i), 0);
		leg->reliable = (struct reliable){.use = RELIABLE_REQUIRED,
			.state = RELIABLE_QUEUED,
			.status = 80,
			.kept_status = 83,
			.has_kept_body = true,
			.rseq = 4711};
		call->media[i].state = CALL_MEDIA_PRESENT;
		call->media[i].has_remote = i == 0;
		if (i == 1)
			call_take_stats(call, i, &(const struct td_termination_stats){0});
		call->media[i].termination_id = leg->leg_id;
	}
}

static void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->config = fixture_config("trunks:\n  - {name: a, target: \"sip:10.0.0.1\"}\n"
				     "  - {name: b, target: \"sip:10.0.0.2\"}\n");
	assert_int_equal(trunk_table_create(rig->config, 1, 0, &rig->trunks), 0);
	rig->call.heap = &rig->heap;
	fill(&rig->call);
	assert_int_equal(snapshot_write(&rig->call, rig->trunks, rig->bytes, sizeof(rig->bytes),
				 &rig->length),
		0);
}

static void rig_fini(struct rig *rig)
{
	call_fini(&rig->call);
	assert_int_equal(rig->heap.in_use_count, 0);
	trunk_table_destroy(rig->trunks);
	config_destroy(rig->config);
}

static void test_round_trip(void **state)
{
	struct rig rig;
	struct call copy;
	uint8_t again[16384];
	size_t length;

	(void)state;
	rig_init(&rig);
	memset(&copy, 0, sizeof(copy));
	copy.heap = &rig.heap;
	assert_int_equal(snapshot_read(&copy, rig.trunks, rig.bytes, rig.length), 0);
	assert_int_equal(copy.call_id, 77);
	assert_int_equal(copy.destinations[0], 1);
	assert_int_equal(copy.destinations[1], TRUNK_NONE);
	assert_int_equal(copy.legs[1].trunk, 1);
	assert_string_equal(copy.number, "4711");
	assert_int_equal(copy.legs[0].dialog.local_cseq, 5);
	assert_int_equal(copy.legs[0].negotiation.state, NEGOTIATION_UPDATE_SENT);
	assert_int_equal(copy.legs[1].negotiation.state, NEGOTIATION_FIRST_SENT);
	assert_int_equal(copy.legs[1].forks->negotiation.sent->method, SIP_METHOD_UPDATE);
	assert_int_equal(call_count_forks(&copy.legs[1]), 1);
	assert_int_equal(copy.legs[0].reliable.rseq, 4711);
	assert_int_equal(copy.legs[0].reliable.kept_status, 83);
	assert_int_equal(snapshot_write(&copy, rig.trunks, again, sizeof(again), &length), 0);
	assert_int_equal(length, rig.length);
	assert_memory_equal(again, rig.bytes, length);
	assert_int_equal(snapshot_write(&copy, rig.trunks, again, 100, &length), -ENOSPC);
	call_fini(&copy);
	rig_fini(&rig);
}

static void test_every_truncation_is_refused(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	for (size_t length = 0; length < rig.length; length++) {
		struct call copy = {.heap = &rig.heap};

		assert_int_equal(snapshot_read(&copy, rig.trunks, rig.bytes, length), -EBADMSG);
		call_fini(&copy);
	}
	rig_fini(&rig);
}

/* A flipped bit is refused or gives another call, but never a value out of bounds. */
static void test_flipped_bits(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	for (size_t i = 0; i < rig.length * 8; i++) {
		struct call copy = {.heap = &rig.heap};

		rig.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		if (snapshot_read(&copy, rig.trunks, rig.bytes, rig.length) == 0) {
			assert_true(copy.state < CALL_STATE_COUNT);
			assert_true(copy.destination_count <= CALL_DESTINATIONS_MAX);
			for (unsigned j = 0; j < CALL_LEGS; j++) {
				const struct dialog *dialog = &copy.legs[j].dialog;

				assert_true(copy.legs[j].state < LEG_STATE_COUNT);
				assert_true(
					copy.legs[j].negotiation.state < NEGOTIATION_STATE_COUNT);
				assert_true(copy.media[j].remote.codec_count <= TD_CODECS_MAX);
				assert_true(dialog->call_id.offset + dialog->call_id.length <=
					    dialog->text_bytes);
			}
		}
		call_fini(&copy);
		rig.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	rig_fini(&rig);
}

static void test_no_memory(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	for (uint32_t n = 1; n <= 8; n++) {
		struct call copy = {.heap = &rig.heap};

		rig.heap.fail_countdown = n;
		assert_int_equal(snapshot_read(&copy, rig.trunks, rig.bytes, rig.length), -ENOMEM);
		call_fini(&copy);
	}
	rig.heap.fail_countdown = 0;
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
