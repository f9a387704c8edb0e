/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real tandem-dataplane as a child process, without NIC and hugepages, and a connection to it:
 * what the tests of the contract share. Every wait ends after a few seconds and fails the test.
 */
#ifndef TD_COMMANDS_RIG_H
#define TD_COMMANDS_RIG_H

#include <tandem/contract.h>
#include <tandem/counters.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	RIG_CAPACITY = 16,
	RIG_PORT_FIRST = 20000,
	RIG_PORT_LAST = 20199,
	RIG_REST_MS = 300,
	RIG_ITEMS_MAX = RIG_CAPACITY,
};

struct rig {
	char run_dir[64];
	pid_t pid;
	int connection; /* -1: none */
	uint64_t command_id;
	uint32_t item_count; /* of the last AUDIT */
	struct td_audit_item items[RIG_ITEMS_MAX];
	uint32_t timeout_count; /* NOTIFYs of MEDIA_TIMEOUT before the last reply */
};

/* Makes a run directory and starts the program in it. */
void rig_open(struct rig *rig);

/* Starts the program in the run directory and waits until it is ready. */
void rig_start(struct rig *rig);

/* Starts the program once more in the same run directory; returns its exit code. */
int rig_start_second(struct rig *rig);

/* Kills the program at once. */
void rig_kill(struct rig *rig);

/* Ends program and run directory; fails the test if the program didn't end cleanly. */
void rig_close(struct rig *rig);

/* Connects without greeting. */
void rig_connect(struct rig *rig);

/* Connects and greets; returns the reply. */
struct td_reply rig_greet(struct rig *rig);

/* A message with its header filled in. */
void rig_header(struct rig *rig, struct td_message *message, uint16_t type, size_t size_bytes);

/* Sends bytes and waits for the next reply; audit items before it are kept in the rig. */
struct td_reply rig_exchange(struct rig *rig, const void *bytes, size_t size_bytes);

/* The commands, each with its reply. */
struct td_reply rig_add(struct rig *rig, const struct td_termination_spec *spec);
struct td_reply rig_modify(struct rig *rig, const struct td_termination_spec *spec);
struct td_reply rig_subtract(struct rig *rig, uint64_t termination_id, uint32_t epoch);
struct td_reply rig_move(
	struct rig *rig, uint64_t termination_id, uint64_t context_id, uint32_t epoch);
struct td_reply rig_audit(struct rig *rig, uint64_t termination_id);

/* A good specification; ports of one worker are 4 apart. */
struct td_termination_spec rig_spec(uint64_t termination_id, uint64_t context_id, uint16_t port);

/* Maps the counters read-only; unmap with munmap. */
const struct td_counters *rig_counters(struct rig *rig);

#endif
