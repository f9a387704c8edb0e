/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crowd of callers before a switchboard that takes time for its work: messages wait in one
 * queue, each costs CPU by what it led to, and both ends repeat what isn't answered (RFC 3261
 * timers A, E, G). Open loop: callers come at their rate whatever becomes of them. Virtual time in
 * microseconds; everything follows from the seed.
 */
#ifndef TD_OVERLOAD_CROWD_H
#define TD_OVERLOAD_CROWD_H

#include "switchboard/switchboard.h"

#include <stdbool.h>
#include <stdint.h>

/* What handling costs, in microseconds; a whole answered call costs CROWD_CALL_US. */
enum {
	CROWD_INVITE_US = 900,
	CROWD_RESPONSE_US = 200, /* each of 180, 200, 200 to BYE */
	CROWD_ACK_US = 150,
	CROWD_BYE_US = 350,
	CROWD_CALL_US = CROWD_INVITE_US + 3 * CROWD_RESPONSE_US + CROWD_ACK_US + CROWD_BYE_US,
	CROWD_REFUSAL_US = 50,
	CROWD_ABSORBED_US = 30, /* a repeat, or an ACK to a refusal */
};

struct crowd_plan {
	double load; /* calls offered, in calls that the CPU could do */
	uint32_t seconds;
	uint32_t warm_up_s;
	uint32_t talk_ms;
	uint32_t loss_ppm;
	uint32_t emergency_every; /* each so many-th caller dials 112; 0: none */
	bool orders_input;	  /* what belongs to a dialog overtakes what is new */
	uint64_t seed;
};

struct crowd_result {
	uint64_t callers;
	uint64_t refused;	/* got 503 */
	uint64_t established;	/* got 200 and acknowledged it */
	uint64_t finished;	/* BYE answered */
	uint64_t finished_warm; /* of those, after the warm-up */
	uint64_t emergencies;
	uint64_t emergencies_refused;
	uint64_t gave_up;	/* no response at all within timer B */
	uint64_t lost_dialogs;	/* BYE without answer within timer F */
	uint64_t phantoms;	/* a callee rang for a caller who had been refused */
	uint64_t wrong_answers; /* to a repeat: not what the first one got */
	uint64_t max_wait_us;	/* in the queue */
	uint64_t dialog_wait_p99_us;
	uint64_t new_wait_p99_us;
	double goodput; /* finished per second after the warm-up, in calls that the CPU could do */
	struct switchboard_counts counts;
};

/* Runs until every caller is done. Ends the test program on errors of its own. */
void crowd_run(const struct crowd_plan *plan, struct crowd_result *ret_result);

#endif
