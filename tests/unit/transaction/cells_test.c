/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every cell of the four state tables: which events a state provides for, and where they lead.
 * The expectations are written here a second time, from the RFCs' figures, not read from the code.
 */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * One letter per input, in the order of enum transaction_input: START, REQUEST, ACK, CANCELED,
 * 1XX, 1XX_RELIABLE, 2XX, FINAL, ACKNOWLEDGED, CANCEL, RETRANSMIT, EXPIRE, TRANSPORT_ERROR. The letter is the
 * next state: Trying, Proceeding, Accepted, Completed, conFirmed, X terminated; '.' is
 * unexpected; lower case c or f: X at once over a reliable transport.
 */
struct machine_case {
	const char *name;
	const struct transaction_machine *machine;
	const char *method;
	const char *rows[STATE_COUNT];
};

#define NOTHING "............."

static const struct machine_case CASES[] = {
	{"client INVITE", &transaction_client_invite, "INVITE",
		{[STATE_TRYING] = "T...P.Ac.TTTX",
			[STATE_PROCEEDING] = "....P.Ac.P.PP",
			[STATE_ACCEPTED] = "....A.AA...XA",
			[STATE_COMPLETED] = "....C.CC...XC",
			[STATE_CONFIRMED] = NOTHING,
			[STATE_TERMINATED] = NOTHING}},
	{"client other", &transaction_client_other, "OPTIONS",
		{[STATE_TRYING] = "T...P.cc..TXX",
			[STATE_PROCEEDING] = "....P.cc..PXX",
			[STATE_ACCEPTED] = NOTHING,
			[STATE_COMPLETED] = "....C.CC...XC",
			[STATE_CONFIRMED] = NOTHING,
			[STATE_TERMINATED] = NOTHING}},
	{"server INVITE", &transaction_server_invite, "INVITE",
		{[STATE_TRYING] = NOTHING,
			[STATE_PROCEEDING] = ".P.PPPACP.PPP",
			[STATE_ACCEPTED] = ".AAA....A.AXA",
			[STATE_COMPLETED] = ".CfC....C.CXC",
			[STATE_CONFIRMED] = ".FFF....F..XF",
			[STATE_TERMINATED] = NOTHING}},
	{"server other", &transaction_server_other, "OPTIONS",
		{[STATE_TRYING] = ".T..T.cc..PXT",
			[STATE_PROCEEDING] = ".P..P.cc...XP",
			[STATE_ACCEPTED] = NOTHING,
			[STATE_COMPLETED] = ".C.........XC",
			[STATE_CONFIRMED] = NOTHING,
			[STATE_TERMINATED] = NOTHING}},
};

static const char STATE_LETTERS[] = "TPACFX";

static const char RESPONSE[] = "SIP/2.0 %u Test\r\n"
			       "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKcell\r\n"
			       "From: <sip:tandem@192.0.2.1>;tag=ours\r\n"
			       "To: <sip:bob@192.0.2.2>;tag=theirs\r\n"
			       "Call-ID: out@192.0.2.1\r\n"
			       "CSeq: 42 %s\r\n"
			       "Content-Length: 0\r\n\r\n";

static unsigned status_of(enum transaction_input input)
{
	return input == INPUT_1XX || input == INPUT_1XX_RELIABLE ? 180
	       : input == INPUT_2XX				 ? 200
								 : 486;
}

/* Does one event to one transaction that was put into one state, and says where it stands. */
static char run_cell(const struct machine_case *machine_case, enum transaction_state state,
	enum transaction_input input, enum sip_transport transport)
{
	struct rig *rig = rig_create(transport, 8);
	transaction_id id = machine_case->machine->is_server
				    ? rig_server(rig, machine_case->method, "z9hG4bKcell")
				    : rig_request(rig, machine_case->method, "");
	struct transaction *transaction = transaction_find(rig->table, id);
	struct transaction_stimulus stimulus = {.input = input, .now_ms = rig->now_ms};
	struct sip_message message;
	struct sip_parse_error error;
	char text[RIG_TEXT_BYTES];
	char result;

	assert_ptr_equal(transaction->machine, machine_case->machine);
	(void)snprintf(text, sizeof(text), RESPONSE, status_of(input), machine_case->method);
	assert_int_equal(sip_message_parse(text, strlen(text), false, &message, &error), 0);
	if (input == INPUT_CANCEL || machine_case->machine->is_server) {
		stimulus.bytes = RESPONSE;
		stimulus.length = sizeof(RESPONSE) - 1;
	}
	if (!machine_case->machine->is_server || input == INPUT_ACK || input == INPUT_CANCELED) {
		stimulus.message = &message;
		stimulus.flow = &rig->flow;
	}
	transaction->state = (uint8_t)state;
	transaction_enter(rig->table); /* keeps what ends until it has been looked at */
	result = transaction_step(rig->table, transaction, &stimulus) == -EPROTO
			 ? '.'
			 : STATE_LETTERS[transaction->state];
	assert_int_equal(transaction_table_counts(rig->table).unexpected, result == '.' ? 1 : 0);
	if (state == STATE_TERMINATED || transaction->state != STATE_TERMINATED)
		transaction_end(rig->table, transaction);
	transaction_leave(rig->table);
	rig_pass(rig, 2 * RIG_64_T1_MS); /* a CANCEL of ours runs out */
	rig_pass(rig, 1);
	rig_destroy(rig, true);
	return result;
}

static char expected_letter(char letter, bool is_reliable)
{
	if (letter == 'c')
		return is_reliable ? 'X' : 'C';
	if (letter == 'f')
		return is_reliable ? 'X' : 'F';
	return letter;
}

static void check_machine(const struct machine_case *machine_case, enum sip_transport transport)
{
	for (int state = 0; state < STATE_COUNT; state++) {
		assert_int_equal(strlen(machine_case->rows[state]), INPUT_COUNT);
		for (int input = 0; input < INPUT_COUNT; input++) {
			char expected = expected_letter(
				machine_case->rows[state][input], transport != SIP_TRANSPORT_UDP);
			char got = run_cell(machine_case, (enum transaction_state)state,
				(enum transaction_input)input, transport);

			if (got != expected)
				fail_msg("%s, state %d, input %d: %c instead of %c",
					machine_case->name, state, input, got, expected);
		}
	}
}

static void test_every_cell_unreliable(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(CASES); i++)
		check_machine(&CASES[i], SIP_TRANSPORT_UDP);
}

static void test_every_cell_reliable(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(CASES); i++)
		check_machine(&CASES[i], SIP_TRANSPORT_TCP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell_unreliable),
		cmocka_unit_test(test_every_cell_reliable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
