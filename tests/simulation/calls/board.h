/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switchboard in the simulated network, with a simulated dataplane, a journal that is a list in
 * memory, and a book of the records that it emits. It can be killed at any step and started again
 * from that journal. Also for golden and fault tests. TANDEM_WATCH=TEXT in the environment shows
 * every message that holds the text (a number, a Call-ID) as it passes the switchboard.
 */
#ifndef TD_CALLS_BOARD_H
#define TD_CALLS_BOARD_H

#include "simulation/signalling/sim_net.h"
#include "switchboard/switchboard.h"

#include <tandem/contract.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	BOARD_TERMINATIONS_MAX = 8192,
	BOARD_COMMANDS_MAX = 16384,
	BOARD_JOURNAL_MAX = 8192,
};

struct board_record {
	enum switchboard_journal kind;
	uint64_t id;
	void *value; /* owns */
	size_t length;
};

/* A command on its way to the simulated dataplane. */
struct board_command {
	uint64_t due_ms;
	struct media_command command;
};

/* One CDR's key and what tests ask of it. */
struct board_cdr {
	uint64_t leg_id;
	uint32_t copies;
	bool is_recovered;
	bool is_answered;
	uint8_t detail; /* enum event_release_detail */
	uint16_t q850;
	uint16_t sip_status;
	uint64_t bill_ms;
	char callee[16]; /* number dialled, cut */
};

/* Sees everything that leaves, in order; NULL members are not called. */
struct board_tap {
	void *context;
	void (*media)(void *context, const struct media_command *command);
	void (*event)(void *context, const struct event_record *record);
	void (*journal)(
		void *context, enum switchboard_journal kind, size_t length); /* 0: deleted */
};

struct board {
	struct sim_net *net;
	int node;
	struct config *config;
	struct switchboard *switchboard; /* NULL while it is dead */
	uint64_t seed;
	uint32_t boots;
	uint32_t reply_delay_ms; /* of the dataplane */
	uint32_t reply_jitter_ms;
	bool is_media_away;
	uint64_t queue_delay_us; /* that messages are said to have waited */
	uint64_t steps;		 /* inputs taken */
	uint64_t kill_at;	 /* dies before that step; 0: never */
	uint64_t restart_ms;	 /* how long it stays dead */
	bool has_policy; /* somebody decides about transfers: applies from the next start on */
	unsigned policy_status; /* what he says to each: 0 takes it */
	uint64_t policy_asked;	/* how often he was asked */
	struct board_tap tap;

	uint32_t termination_count;
	struct td_termination_spec terminations[BOARD_TERMINATIONS_MAX];
	uint32_t command_count;
	struct board_command commands[BOARD_COMMANDS_MAX]; /* by due_ms */
	uint32_t journal_count;
	struct board_record journal[BOARD_JOURNAL_MAX];

	uint32_t cdr_count;
	uint32_t cdr_capacity;
	struct board_cdr *cdrs; /* owns */
	uint32_t contact_count;
	uint32_t recovered_count;
	uint32_t event_counts[CALL_EVENT_KIND_COUNT];
	uint32_t registration_counts[REGISTRATION_EVENT_KIND_COUNT];
};

/* Starts a switchboard from configuration text at the addresses it listens on. Ends the test
 * program on errors. */
struct board *board_create(struct sim_net *net, const char *config_text, uint64_t seed);
void board_destroy(struct board *board);

/* kill -9, then a new switchboard from the journal, now. */
void board_kill(struct board *board);
void board_start(struct board *board);

/* Tells of a termination what the dataplane would. */
void board_notify(struct board *board, uint64_t termination_id, enum td_notify_kind kind);

/* Takes a message outside the network (golden traces). */
void board_receive(struct board *board, const struct sip_flow *flow, char *bytes, size_t length,
	uint64_t now_ms);

struct td_now board_now(uint64_t now_ms);

/* Prints what is outstanding to standard error; returns how many objects that is. */
uint32_t board_outstanding(struct board *board);
/* CDRs that came more than once under one leg id. */
uint32_t board_repeated_cdrs(const struct board *board);

#endif
