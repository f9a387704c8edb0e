/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens when there is no room: in the worker's ring, in the ring of events, for a packet
 * of our own, in the burst's headroom, for another termination.
 */
#include "stage/map.h"
#include "stage/originate.h"
#include "world.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const A = "198.51.100.10";

static void full_command_ring_changes_nothing(void **state)
{
	struct world *world = world_create(4, 1);
	const struct td_command_subtract subtract = {.termination_id = 1, .epoch = 1};
	struct td_termination_spec spec;
	bool is_gone;

	(void)state;
	world_call(world);
	world->is_ring_full = true;
	spec = termination_table_find(world->table, 1)->spec;
	spec.epoch = 2;
	spec.mode = TD_MODE_INACTIVE;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_BUSY);
	assert_int_equal(termination_table_move(world->table, 1, 9, 2), TD_RESULT_BUSY);
	assert_int_equal(
		termination_table_subtract(world->table, &subtract, 0, &is_gone), TD_RESULT_BUSY);
	assert_int_equal(
		world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1})->verdict,
		VERDICT_TRANSMIT);
	/* and the same commands work once there is room */
	world->is_ring_full = false;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	assert_int_equal(world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 2, 2})
				 ->drop_reason,
		TD_DROP_MODE_NO_RECEIVE);
	world_destroy(world);
}

static void unheard_events_are_kept(void **state)
{
	struct world *world = world_create(4, 1);

	(void)state;
	world_call(world);
	world->is_notify_full = true;
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1});
	world_advance_ms(world, 2 * SWEEP_ROUND_MS);
	assert_int_equal(world->event_count, 0);
	world->is_notify_full = false;
	world_advance_ms(world, 4 * SWEEP_ROUND_MS);
	assert_int_equal(world->event_count, 1);
	assert_int_equal(world->events[0].kind, TD_NOTIFY_FIRST_PACKET);
	world_destroy(world);
}

static void reports_without_a_buffer_arent_counted(void **state)
{
	struct world *world = world_create(4, 1);

	(void)state;
	world_call(world);
	world->is_rtcp_refused = true;
	world_advance_ms(world, 20000);
	assert_int_equal(world_stats(world, 1).rtcp_tx_packets, 0);
	world->is_rtcp_refused = false;
	world_advance_ms(world, 10000);
	assert_in_range(world_stats(world, 1).rtcp_tx_packets, 1, 4);
	world_destroy(world);
}

static void headroom_that_doesnt_suffice_drops(void **state)
{
	struct world *world = world_create(4, 1);
	struct packet *packet = &world->burst.packets[0];
	uint8_t buffer[ORIGINATE_HEADROOM_BYTES + 8] = {0};
	struct termination *termination;

	(void)state;
	world_call(world);
	termination = (struct termination *)(uintptr_t)termination_table_find(world->table, 1);
	world->burst.count = 1;
	for (uint16_t headroom = 0; headroom <= ORIGINATE_HEADROOM_BYTES; headroom++) {
		packet_originate_rtcp(
			packet, termination, buffer + ORIGINATE_HEADROOM_BYTES, 8, headroom);
		stage_readdress(&world->burst, &world->context);
		stage_account(&world->burst, &world->context);
		/* Ethernet, IPv4 and UDP need 42 */
		assert_int_equal(packet->verdict, headroom < 42 ? VERDICT_DROP : VERDICT_TRANSMIT);
		if (packet->verdict == VERDICT_DROP)
			assert_int_equal(packet->drop_reason, TD_DROP_TOO_BIG);
		else
			assert_ptr_equal(packet->bytes, buffer + ORIGINATE_HEADROOM_BYTES - 42);
	}
	assert_int_equal(
		td_counter_read(&world->counters.rtcp_sent), ORIGINATE_HEADROOM_BYTES - 42 + 1);
	world_destroy(world);
}

static void no_fib_is_no_next_hop(void **state)
{
	struct world *world = world_create(4, 1);

	(void)state;
	world_call(world);
	world->context.fib = NULL;
	assert_int_equal(world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1})
				 ->drop_reason,
		TD_DROP_NEXT_HOP_UNKNOWN);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_command_ring_changes_nothing),
		cmocka_unit_test(unheard_events_are_kept),
		cmocka_unit_test(reports_without_a_buffer_arent_counted),
		cmocka_unit_test(headroom_that_doesnt_suffice_drops),
		cmocka_unit_test(no_fib_is_no_next_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
