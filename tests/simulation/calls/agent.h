/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated phones: one agent places calls, another takes them, each with its own transaction
 * table and dialogs. What a call shall do is planned before; both ends read the same plan, found
 * by the number that is dialled. They are strict where Tandem must be right (CSeq, ACK, tags).
 */
#ifndef TD_CALLS_AGENT_H
#define TD_CALLS_AGENT_H

#include "dialog/dialog.h"
#include "simulation/signalling/sim_net.h"
#include "transaction/transaction.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	AGENT_CALLER,
	AGENT_CALLEE,
	AGENT_SIDES,
};

enum {
	AGENT_ANSWER_LATEST_MS = 15000, /* an ACK without answer is followed by BYE, even if the
					 * network loses it several times */
};

enum agent_outcome {
	AGENT_ANSWER,
	AGENT_BUSY,
	AGENT_CANCEL,
	AGENT_NO_ANSWER, /* rings for ever */
	AGENT_SILENT,	 /* never responds at all */
	AGENT_OUTCOME_COUNT
};

enum agent_state {
	AGENT_IDLE,
	AGENT_INVITING, /* caller */
	AGENT_RINGING,	/* callee */
	AGENT_WAITING,	/* callee: 200 sent, no ACK yet */
	AGENT_UP,
	AGENT_ENDING, /* BYE sent */
	AGENT_OVER,
};

struct agent_plan {
	uint32_t number;
	uint8_t outcome; /* enum agent_outcome */
	bool has_early_media;
	bool is_offer_late;
	bool answers_options_first;	/* unused ring: 200 at once */
	uint8_t hang_up_by;		/* AGENT_CALLER, AGENT_CALLEE; AGENT_SIDES: both at once */
	uint8_t reinvites[AGENT_SIDES]; /* how many each side sends */
	uint32_t start_ms;
	uint32_t ring_ms;
	uint32_t answer_ms; /* after ringing */
	uint32_t talk_ms;
	uint32_t reinvite_ms; /* period */
	uint32_t cancel_ms;
};

/* One end of one call. */
struct agent_leg {
	struct agent *agent;
	const struct agent_plan *plan;
	uint8_t state; /* enum agent_state */
	bool has_dialog;
	bool was_up;
	bool gave_up; /* ended by a timeout of its own: its view is not the truth */
	bool is_held_by_us;
	bool is_offer_pending; /* our re-INVITE is out */
	bool owes_ack_check;   /* our 200 waits for its ACK */
	bool lacks_answer;     /* the ACK that should answer our offer had no body */
	uint8_t reinvites_left;
	uint32_t sdp_version;
	uint32_t invite_cseq;
	uint32_t generation; /* of its timers: older ones mean nothing */
	uint64_t up_ms;
	uint64_t over_ms;
	unsigned final_status;
	transaction_id invite; /* pending, either way */
	char *request;	       /* owns: the INVITE to be answered */
	uint32_t request_length;
	struct sip_flow request_flow;
	char tag[24];
	struct dialog dialog;
};

struct agent {
	struct sim_net *net;
	int node;
	int side;
	struct transaction_table *transactions;
	struct td_endpoint local;
	struct td_endpoint board; /* where calls are placed */
	uint32_t count;
	const struct agent_plan *plans;
	struct agent_leg *legs; /* owns */
	struct heap heap;	/* of their dialogs */
	uint64_t faults;	/* what Tandem did wrong */
	uint64_t reinvites_accepted;
	uint64_t reinvites_refused;
	uint64_t glares;
};

struct agent *agent_create(struct sim_net *net, int side, const struct agent_plan *plans,
	uint32_t count, uint64_t seed);
void agent_destroy(struct agent *agent);
/* Schedules every planned call of a caller. */
void agent_start(struct agent *agent);

/* Legs in any state but IDLE and OVER. */
uint32_t agent_busy_legs(const struct agent *agent);

#endif
