/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the crowd share. */
#ifndef TD_OVERLOAD_CROWD_PARTS_H
#define TD_OVERLOAD_CROWD_PARTS_H

#include "config/config.h"
#include "simulation/overload/crowd.h"

enum {
	NET_US = 1000, /* one way */
	T1_US = 500000,
	T2_US = 4000000,
	TIMER_B_US = 32000000,
	HEAD_BYTES = 768,
	TEXT_BYTES = 1536,
	TAG_BYTES = 40,
	COMMANDS_MAX = 4096,
	QUEUE_MAX = 1 << 20,
	WAITS_MAX = 1 << 20,
	NUMBER_BASE = 1000000,
};

enum kind {
	CALLER_INVITE,
	CALLER_ACK,
	CALLER_REFUSAL_ACK,
	CALLER_BYE,
	CALLEE_180,
	CALLEE_200,
	CALLEE_BYE_200,
	TO_SERVER_COUNT,
	CALLER_COMES = TO_SERVER_COUNT,
	CALLER_REPEATS_INVITE,
	CALLER_HANGS_UP,
	CALLER_REPEATS_BYE,
	CALLEE_REPEATS_200,
	SERVER_READY,
};

enum caller_state {
	CALLER_INVITING,
	CALLER_PROCEEDING,
	CALLER_UP,
	CALLER_ENDING,
	CALLER_DONE,
};

struct one {
	uint8_t state; /* enum caller_state */
	bool is_emergency;
	bool was_refused;
	bool has_rung;
	bool is_callee_acked;
	bool is_callee_over;
	uint64_t begin_us;
	uint64_t bye_us;
	char tag[TAG_BYTES]; /* ours, towards the caller */
	char *invite;	     /* owns: our INVITE's head at the callee */
	char *bye;	     /* owns: our BYE's */
};

struct event {
	uint64_t at_us;
	uint64_t order;
	uint32_t kind;
	uint32_t one;
	uint64_t interval_us; /* of repeats */
};

struct waiting {
	uint64_t since_us;
	uint32_t kind;
	uint32_t one;
};

struct queue {
	uint32_t head;
	uint32_t count;
	struct waiting *list; /* owns: QUEUE_MAX */
};

struct crowd {
	const struct crowd_plan *plan;
	struct crowd_result *result;
	struct switchboard *switchboard;
	struct config *config;
	uint64_t now_us;
	uint64_t random;
	uint64_t order;
	uint32_t event_count;
	uint32_t event_room;
	struct event *events; /* owns: a heap */
	struct queue urgent;
	struct queue fresh;
	bool is_busy;
	bool has_refused; /* the message in work was answered by 503 */
	uint32_t command_count;
	struct media_command commands[COMMANDS_MAX];
	uint32_t one_count;
	uint32_t one_room;
	struct one *ones; /* owns */
	uint32_t wait_counts[2];
	uint32_t *waits[2]; /* owns: of what was new, of what belonged to dialogs */
};

uint64_t crowd_random(struct crowd *crowd);
/* Has something happen later. */
void crowd_schedule(
	struct crowd *crowd, uint64_t delay_us, enum kind kind, uint32_t one, uint64_t interval_us);
struct event crowd_next_event(struct crowd *crowd);
/* Sends a message to the server, unless the network loses it. */
void crowd_send(struct crowd *crowd, uint64_t delay_us, enum kind kind, uint32_t one);

/* Writes the message that waits. */
void crowd_write(const struct crowd *crowd, const struct waiting *waiting, char text[TEXT_BYTES]);

/* What the switchboard sends, as switchboard_ports.send_sip. */
void crowd_hear(void *context, const struct sip_flow *flow, const char *bytes, size_t length);

#endif
