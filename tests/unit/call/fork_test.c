/* SPDX-License-Identifier: Apache-2.0 */
/* Early dialogs of one INVITE: begun, exchanged, dropped, bounded, and without memory. */
#include "call/fork.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char INVITE[] =
	"INVITE sip:100@10.2.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	"From: <sip:a@b>;tag=ours\r\nTo: <sip:100@10.2.0.1>\r\nCall-ID: id\r\nCSeq: 7 INVITE\r\n"
	"Max-Forwards: 70\r\nContact: <sip:e>\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n";

struct rig {
	struct heap heap;
	struct call call;
	struct leg *leg;
};

static void rig_init(struct rig *rig)
{
	const struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	const struct td_now now = {1000, 1};

	memset(rig, 0, sizeof(*rig));
	rig->call.heap = &rig->heap;
	rig->leg = &rig->call.legs[CALL_CALLEE];
	call_begin_leg(&rig->call, CALL_CALLEE, &now);
	rig->leg->invite_cseq = 7;
	assert_int_equal(dialog_init_uac(&rig->leg->dialog,
				 &(const struct dialog_identity){
					 .heap = &rig->heap,
					 .call_id = SPAN("id"),
					 .local_tag = SPAN("ours"),
					 .local_uri = SPAN("<sip:a@b>"),
					 .remote_uri = SPAN("<sip:100@10.2.0.1>"),
					 .remote_target = SPAN("sip:100@10.2.0.1"),
					 .local_contact = SPAN("<sip:e>"),
				 },
				 7, &flow),
		0);
	assert_int_equal(call_keep_request(&rig->call, &rig->leg->invite, SIP_METHOD_INVITE,
				 SPAN(INVITE), &flow),
		0);
}

static void rig_fini(struct rig *rig)
{
	call_fini(&rig->call);
	assert_int_equal(rig->heap.in_use_count, 0);
}

/* An 18x with that tag comes, in the dialog in use. */
static void hear(struct rig *rig, const char *tag)
{
	struct sip_message message;
	struct sip_parse_error error;
	char text[512];
	int length = snprintf(text, sizeof(text),
		"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		"From: <sip:a@b>;tag=ours\r\nTo: <sip:100@10.2.0.1>;tag=%s\r\nCall-ID: id\r\n"
		"CSeq: 7 INVITE\r\nContact: <sip:%s@10.2.0.9>\r\nRecord-Route: <sip:10.2.0.8;lr>\r\n\r\n",
		tag, tag);

	assert_int_equal(sip_message_parse(text, (size_t)length, false, &message, &error), 0);
	assert_int_equal(
		dialog_accept_response(&rig->leg->dialog, &message, &rig->leg->dialog.flow), 0);
}

static struct span tag_of(const struct dialog *dialog)
{
	return dialog_span(dialog, dialog->remote_tag);
}

static void test_each_is_its_own(void **state)
{
	struct rig rig;
	struct leg *leg;
	struct leg_fork *fork;

	(void)state;
	rig_init(&rig);
	leg = rig.leg;
	hear(&rig, "x");
	leg->dialog.local_cseq = 9;
	leg->negotiation.rseq = 5;
	assert_int_equal(call_add_fork(&rig.call, CALL_CALLEE), 0);
	/* The new one knows what the INVITE said, and nobody yet. */
	assert_int_equal(tag_of(&leg->dialog).length, 0);
	assert_int_equal(leg->dialog.local_cseq, 7);
	assert_int_equal(leg->dialog.routes.length, 0);
	assert_int_equal(leg->negotiation.state, NEGOTIATION_FIRST_SENT);
	assert_int_equal(leg->negotiation.rseq, 0);
	assert_int_equal(leg->negotiation.local_sdp_length, 5);
	assert_true(span_equal(
		dialog_span(&leg->dialog, leg->dialog.remote_target), SPAN("sip:100@10.2.0.1")));
	hear(&rig, "y");
	fork = call_find_fork(leg, SPAN("x"));
	assert_non_null(fork);
	assert_null(call_find_fork(leg, SPAN("y"))); /* it doesn't wait */
	assert_int_equal(fork->dialog.local_cseq, 9);
	assert_int_equal(fork->negotiation.rseq, 5);
	call_swap_fork(leg, fork);
	assert_true(span_equal(tag_of(&leg->dialog), SPAN("x")));
	assert_true(span_equal(tag_of(&fork->dialog), SPAN("y")));
	assert_int_equal(leg->negotiation.rseq, 5);
	call_drop_fork(&rig.call, CALL_CALLEE, fork);
	assert_int_equal(call_count_forks(leg), 0);
	rig_fini(&rig);
}

static void test_many(void **state)
{
	struct rig rig;
	char tag[8];

	(void)state;
	rig_init(&rig);
	for (unsigned i = 0; i < CALL_FORKS_MAX; i++) {
		(void)snprintf(tag, sizeof(tag), "t%u", i);
		if (i != 0)
			assert_int_equal(call_add_fork(&rig.call, CALL_CALLEE), 0);
		hear(&rig, tag);
	}
	assert_int_equal(call_add_fork(&rig.call, CALL_CALLEE), -ENOSPC);
	assert_int_equal(call_count_forks(rig.leg), CALL_FORKS_MAX - 1);
	call_drop_fork(&rig.call, CALL_CALLEE, call_find_fork(rig.leg, SPAN("t3")));
	assert_null(call_find_fork(rig.leg, SPAN("t3")));
	assert_int_equal(call_add_fork(&rig.call, CALL_CALLEE), 0);
	call_drop_forks(&rig.call, CALL_CALLEE);
	assert_null(rig.leg->forks);
	rig_fini(&rig);
}

static void test_no_memory(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	hear(&rig, "x");
	for (uint32_t n = 1; n <= 3; n++) {
		rig.heap.fail_countdown = n;
		assert_int_equal(call_add_fork(&rig.call, CALL_CALLEE), -ENOMEM);
		assert_true(span_equal(tag_of(&rig.leg->dialog), SPAN("x")));
		assert_null(rig.leg->forks);
	}
	assert_int_equal(call_add_fork(&rig.call, CALL_CALLEE), 0);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_its_own),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
