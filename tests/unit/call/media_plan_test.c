/* SPDX-License-Identifier: Apache-2.0 */
/* Session descriptions in, termination specs and bodies for the other side out. */
#include "call/media_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct media_policy policy = {
	.latch = TD_LATCH_RESTRICTED, .media_timeout_s = 60, .latch_window_ms = 500};

struct rig {
	struct heap heap;
	struct call call;
	struct media_body body;
	char text[512];
};

static void rig_init(struct rig *rig)
{
	const struct td_now now = {1000, 1};

	memset(rig, 0, sizeof(*rig));
	rig->call.heap = &rig->heap;
	rig->call.call_id = 7;
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		call_begin_leg(&rig->call, i, &now);
		assert_true(td_ip_parse("10.0.0.1", 8, &rig->call.media[i].local.ip));
		rig->call.media[i].local.port = (uint16_t)(30000 + 2 * i);
		rig->call.media[i].termination_id = rig->call.legs[i].leg_id;
	}
}

static void rig_read(struct rig *rig, const char *ip, const char *formats, const char *direction)
{
	int length = snprintf(rig->text, sizeof(rig->text),
		"v=0\r\no=- 1 1 IN IP%c %s\r\ns=-\r\nc=IN IP%c %s\r\nt=0 0\r\n"
		"m=audio 4000 RTP/AVP %s\r\na=ptime:30\r\na=%s\r\n",
		strchr(ip, ':') ? '6' : '4', ip, strchr(ip, ':') ? '6' : '4', ip, formats,
		direction);

	assert_null(media_body_read((struct span){rig->text, (uint32_t)length}, &rig->body));
}

static void test_specs_follow_both_sides(void **state)
{
	struct rig rig;
	struct td_termination_spec spec;

	(void)state;
	rig_init(&rig);
	media_plan_spec(&rig.call, CALL_CALLER, &policy, &spec);
	assert_int_equal(spec.codec_count, 2); /* late offer: what everybody has */
	assert_int_equal(spec.remote.ip.family, TD_FAMILY_NONE);
	rig_read(&rig, "10.1.0.1", "8 0", "sendrecv");
	assert_true(media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true));
	assert_string_equal(rig.call.media[CALL_CALLER].codec, "PCMA/8000");
	assert_int_equal(rig.call.media[CALL_CALLER].ptime_ms, 30);
	media_plan_spec(&rig.call, CALL_CALLEE, &policy, &spec);
	assert_int_equal(spec.codec_count, 2); /* what we offer him is what he may send */
	assert_int_equal(spec.mode, TD_MODE_SEND_RECEIVE);
	assert_int_equal(spec.media_timeout_s, 0); /* nobody has answered */
	rig_read(&rig, "10.2.0.1", "8 9", "recvonly");
	rig.call.is_answered = true;
	assert_true(media_plan_take_remote(&rig.call, CALL_CALLEE, &rig.body, false));
	media_plan_spec(&rig.call, CALL_CALLEE, &policy, &spec);
	assert_int_equal(spec.codec_count, 3);
	assert_int_equal(spec.mode, TD_MODE_SEND);
	assert_int_equal(spec.media_timeout_s, 60);
	assert_int_equal(spec.remote.port, 4000);
	assert_int_equal(spec.remote_rtcp.port, 4001);
	assert_int_equal(spec.context_id, 7);
	assert_int_equal(spec.termination_id, rig.call.legs[CALL_CALLEE].leg_id);
	call_fini(&rig.call);
}

static void test_learning_is_armed_by_changes_only(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_read(&rig, "10.1.0.1", "8", "sendrecv");
	assert_true(media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, false));
	assert_int_equal(rig.call.media[CALL_CALLER].latch_round, 1);
	assert_false(media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, false));
	assert_int_equal(
		rig.call.media[CALL_CALLER].latch_round, 1); /* 183, then the same in 200 */
	assert_true(media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true));
	assert_int_equal(rig.call.media[CALL_CALLER].latch_round, 2); /* a re-INVITE */
	rig_read(&rig, "10.1.0.9", "8", "sendrecv");
	assert_true(media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, false));
	assert_int_equal(rig.call.media[CALL_CALLER].latch_round, 3);
	call_fini(&rig.call);
}

static void test_bodies_for_the_other_side(void **state)
{
	struct rig rig;
	struct media_body answer;
	char text[512];
	char *kept;

	(void)state;
	rig_init(&rig);
	rig_read(&rig, "10.1.0.1", "8 0", "sendonly");
	assert_null(media_plan_offer(&rig.call, CALL_CALLEE, &rig.body));
	kept = rig.call.legs[CALL_CALLEE].negotiation.local_sdp;
	assert_non_null(memmem(kept, rig.call.legs[CALL_CALLEE].negotiation.local_sdp_length,
		"m=audio 30002 RTP/AVP 8 0", 25));
	assert_non_null(memmem(kept, rig.call.legs[CALL_CALLEE].negotiation.local_sdp_length,
		"c=IN IP4 10.0.0.1", 17));
	assert_int_equal(rig.call.legs[CALL_CALLEE].negotiation.version, 0);
	assert_null(media_plan_offer(&rig.call, CALL_CALLEE, &rig.body));
	assert_int_equal(rig.call.legs[CALL_CALLEE].negotiation.version, 0); /* the same again */
	(void)snprintf(text, sizeof(text),
		"v=0\r\no=- 9 9 IN IP4 10.2.0.1\r\ns=-\r\nc=IN IP4 10.2.0.1\r\nt=0 0\r\n"
		"m=audio 5000 RTP/AVP 8\r\na=recvonly\r\n");
	assert_null(media_body_read(span_from(text), &answer));
	assert_null(media_plan_answer(&rig.call, CALL_CALLER, &rig.body, &answer));
	assert_non_null(memmem(rig.call.legs[CALL_CALLER].negotiation.local_sdp,
		rig.call.legs[CALL_CALLER].negotiation.local_sdp_length, "a=recvonly", 10));
	rig_read(&rig, "10.1.0.1", "8 0", "sendrecv");
	assert_null(media_plan_offer(&rig.call, CALL_CALLEE, &rig.body));
	assert_int_equal(rig.call.legs[CALL_CALLEE].negotiation.version, 1); /* RFC 3264 8 */
	rig.heap.fail_countdown = 1;
	assert_string_equal(media_plan_offer(&rig.call, CALL_CALLEE, &rig.body), "out of memory");
	call_fini(&rig.call);
	assert_int_equal(rig.heap.in_use_count, 0);
}

static void test_what_cannot_be_relayed(void **state)
{
	struct rig rig;
	struct media_body body;

	(void)state;
	rig_init(&rig);
	assert_non_null(media_body_read((struct span){0}, &body));
	assert_non_null(media_body_read(SPAN("hello"), &body));
	assert_non_null(media_body_read(SPAN("v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\n"
					     "c=IN IP4 10.1.0.1\r\nt=0 0\r\n"
					     "m=video 4000 RTP/AVP 96\r\n"),
		&body));
	rig_read(&rig, "10.1.0.1", "8", "sendrecv");
	assert_null(media_plan_misfit(&rig.call, CALL_CALLER, &rig.body));
	rig_read(&rig, "2001:db8::1", "8", "sendrecv");
	assert_non_null(media_plan_misfit(&rig.call, CALL_CALLER, &rig.body));
	call_fini(&rig.call);
}

static bool says(const struct call *call, unsigned index, const char *word)
{
	const struct negotiation *negotiation = &call->legs[index].negotiation;

	return memmem(negotiation->local_sdp, negotiation->local_sdp_length, word, strlen(word)) !=
	       NULL;
}

/* The caller was told what the called side answered; then he offers again, and the called side
 * can't be asked. */
static void test_own_answers(void **state)
{
	struct rig rig;
	struct media_body offer;
	char text[512];

	(void)state;
	rig_init(&rig);
	rig_read(&rig, "10.1.0.1", "8 0", "sendrecv");
	memcpy(text, rig.text, sizeof(text));
	(void)media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true);
	assert_null(media_plan_read_remote(&rig.call, CALL_CALLER, &offer));
	rig_read(&rig, "10.2.0.1", "8", "sendrecv");
	(void)media_plan_take_remote(&rig.call, CALL_CALLEE, &rig.body, false);
	assert_null(media_plan_answer(&rig.call, CALL_CALLER, &offer, &rig.body));
	assert_true(says(&rig.call, CALL_CALLER, "m=audio 30000 RTP/AVP 8\r\n"));
	assert_true(media_plan_is_told(&rig.call, CALL_CALLER, &rig.body));
	rig_read(&rig, "10.1.0.7", "8 0", "sendonly"); /* elsewhere, and on hold */
	assert_null(media_plan_own_answer(&rig.call, CALL_CALLER, &rig.body));
	assert_true(says(&rig.call, CALL_CALLER, "m=audio 30000 RTP/AVP 8\r\n"));
	assert_true(says(&rig.call, CALL_CALLER, "a=recvonly\r\n"));
	(void)media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true);
	/* The hold is his alone: it isn't passed on to what comes later. */
	rig_read(&rig, "10.1.0.7", "8 0", "sendrecv");
	assert_null(media_plan_own_answer(&rig.call, CALL_CALLER, &rig.body));
	assert_true(says(&rig.call, CALL_CALLER, "a=sendrecv\r\n"));
	/* What the called side may send can't be dropped in its absence. */
	rig_read(&rig, "10.1.0.7", "0", "sendrecv");
	assert_non_null(media_plan_own_answer(&rig.call, CALL_CALLER, &rig.body));
	assert_null(media_plan_refusal(&rig.call, CALL_CALLER, &rig.body));
	assert_true(says(&rig.call, CALL_CALLER, "m=audio 0 RTP/AVP 0\r\n"));
	call_fini(&rig.call);
	assert_int_equal(rig.heap.in_use_count, 0);
}

/* A fork offers; the caller, who answered another one's offer, isn't asked again. */
static void test_own_answer_to_a_fork(void **state)
{
	struct rig rig;
	struct media_body agreed;

	(void)state;
	rig_init(&rig);
	rig_read(&rig, "10.1.0.1", "8 101", "recvonly");
	(void)media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true);
	rig_read(&rig, "10.2.0.1", "0 8", "sendrecv");
	(void)media_plan_take_remote(&rig.call, CALL_CALLEE, &rig.body, true);
	assert_null(media_plan_own_answer(&rig.call, CALL_CALLEE, &rig.body));
	assert_true(says(&rig.call, CALL_CALLEE, "m=audio 30002 RTP/AVP 8\r\n"));
	assert_true(says(&rig.call, CALL_CALLEE, "a=recvonly\r\n"));
	assert_null(media_plan_read_agreed(&rig.call, CALL_CALLEE, &agreed));
	assert_int_equal(agreed.session.media[0].format_count, 1);
	rig_read(&rig, "10.2.0.1", "9", "sendrecv");
	call_clear_negotiation(&rig.call, &rig.call.legs[CALL_CALLEE].negotiation);
	assert_string_equal(media_plan_own_answer(&rig.call, CALL_CALLEE, &rig.body),
		"offer has no codec that the other side has");
	media_plan_forget_remotes(&rig.call);
	assert_non_null(media_plan_read_remote(&rig.call, CALL_CALLER, &agreed));
	call_fini(&rig.call);
	assert_int_equal(rig.heap.in_use_count, 0);
}

static void test_other_codecs_are_news(void **state)
{
	struct rig rig;
	struct media_body offer;

	(void)state;
	rig_init(&rig);
	rig_read(&rig, "10.1.0.1", "8 0", "sendrecv");
	(void)media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true);
	assert_null(media_plan_read_remote(&rig.call, CALL_CALLER, &offer));
	rig_read(&rig, "10.2.0.1", "8", "sendrecv");
	assert_false(media_plan_is_told(&rig.call, CALL_CALLER, &rig.body)); /* nothing yet */
	assert_null(media_plan_answer(&rig.call, CALL_CALLER, &offer, &rig.body));
	rig_read(&rig, "10.2.0.9", "8", "sendrecv");
	assert_true(media_plan_is_told(&rig.call, CALL_CALLER, &rig.body)); /* ours is the same */
	rig_read(&rig, "10.2.0.9", "8", "recvonly");
	assert_false(media_plan_is_told(&rig.call, CALL_CALLER, &rig.body));
	rig_read(&rig, "10.2.0.9", "0", "sendrecv");
	assert_false(media_plan_is_told(&rig.call, CALL_CALLER, &rig.body));
	/* In a call that is up nothing is kept: both sides can be asked. */
	media_plan_forget_remotes(&rig.call);
	rig.call.state = CALL_TALKING;
	(void)media_plan_take_remote(&rig.call, CALL_CALLER, &rig.body, true);
	assert_null(rig.call.legs[CALL_CALLER].negotiation.remote_sdp);
	call_fini(&rig.call);
	assert_int_equal(rig.heap.in_use_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs_follow_both_sides),
		cmocka_unit_test(test_learning_is_armed_by_changes_only),
		cmocka_unit_test(test_bodies_for_the_other_side),
		cmocka_unit_test(test_what_cannot_be_relayed),
		cmocka_unit_test(test_own_answers),
		cmocka_unit_test(test_own_answer_to_a_fork),
		cmocka_unit_test(test_other_codecs_are_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
