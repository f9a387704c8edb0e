/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out the control plane's commands on the table of terminations and says what to answer.
 * Knows sessions, but no sockets: bytes in, messages out through a function. Control thread only.
 */
#ifndef TD_CONTROL_COMMANDER_H
#define TD_CONTROL_COMMANDER_H

#include <tandem/contract.h>
#include <tandem/counters.h>
#include <tandem/log.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct termination_departure;
struct termination_table;

enum {
	COMMANDER_PENDING = 16384 /* SUBTRACTs whose reply waits for a worker; power of two */
};

/* A SUBTRACT whose figures aren't final yet. */
struct commander_pending {
	uint64_t cookie;
	uint64_t command_id;
	uint64_t session;
};

/* An AUDIT that is being answered, item by item as the socket takes them. */
struct commander_audit {
	bool is_running;
	uint32_t cursor;
	uint64_t command_id;
};

struct commander {
	/* set up once; borrows all pointers */
	struct termination_table *table;
	struct td_counters *counters;
	struct td_capabilities capabilities; /* terminations_in_use is filled in when asked */
	/* Queues a message (copies) for the current session; false: no room. */
	bool (*send)(void *sink, const struct td_message *message);
	/* Says that media will go to an address: its next hop should be resolved. */
	void (*want)(void *sink, const struct td_ip *destination);
	void *sink;

	/* set before each call */
	uint64_t now_ns;
	uint64_t wall_offset_ns;

	uint64_t session; /* differs for each connection, 0: none */
	bool is_greeted;
	struct commander_audit audit;
	uint64_t cookie_last;
	struct td_log_limit log_limit;
	struct commander_pending pending[COMMANDER_PENDING];
};

/* A control plane connected, in place of any other. */
void commander_open_session(struct commander *commander);

/* The control plane is away; replies that are still due will not be sent. */
void commander_close_session(struct commander *commander);

/* Takes one message of the session (borrows during the call) and answers it. */
void commander_receive(struct commander *commander, const void *bytes, size_t size_bytes);

/* Sends the next messages of a running AUDIT, at most items of them. */
void commander_continue_audit(struct commander *commander, uint32_t items);

/* Tells the control plane the final figures of a termination. */
void commander_depart(struct commander *commander, const struct termination_departure *gone);

/* Passes on what a worker noticed. */
void commander_notify(struct commander *commander, const struct td_notify *event);

#endif
