/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What call logic asks of the dataplane: the whole wanted state of one termination. The ledger
 * turns it into contract messages and repeats it until the dataplane has it.
 */
#ifndef TD_MEDIA_COMMAND_H
#define TD_MEDIA_COMMAND_H

#include <tandem/contract.h>

#include <stdint.h>

enum media_command_kind {
	MEDIA_ADD,
	MEDIA_MODIFY,
	MEDIA_SUBTRACT
};

struct media_command {
	enum media_command_kind kind;
	struct td_termination_spec spec; /* SUBTRACT: only termination_id and epoch count */
};

#endif
