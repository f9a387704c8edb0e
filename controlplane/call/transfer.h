/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to connect a party of a call with somebody else, as it is handed to whoever decides
 * about transfers and carries them out. Plain facts that were checked for form only: whether it
 * may be done, by whom it is paid and how it is done is the decider's.
 */
#ifndef TD_CALL_TRANSFER_H
#define TD_CALL_TRANSFER_H

#include "subscription/headers.h"
#include "util/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Borrowed until the function that is given it returns. */
struct transfer_request {
	uint64_t call_id;
	uint64_t leg_id;      /* whose peer asks; with is_invite: the leg that is to be replaced */
	uint64_t transfer_id; /* for the reports; 0 with is_invite */
	struct span target;   /* URI, without headers */
	const char *number;   /* that it asks for, normalised; empty: it has none */
	const struct dialog_name *replaces; /* dialog that the new call is to replace; NULL: none.
					     * With is_invite its receiver is us */
	struct span referred_by;	    /* URI, unverified; empty: not said */
	bool is_invite;			    /* an INVITE with Replaces came, not a REFER */
};

#endif
