/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INFO in a call (RFC 6086), of the kind without a package: what the switchboard's other files
 * tell info.c.
 */
#ifndef TD_SWITCHBOARD_INFO_H
#define TD_SWITCHBOARD_INFO_H

#include "switchboard/state.h"

/* The peer of leg index sent INFO: relays it to the other side, or refuses it. */
void infos_take(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index);
/* True if it concerned an INFO that was relayed to leg index's peer. */
bool infos_response(struct switchboard *switchboard, const struct transaction_indication *response,
	struct line *line, unsigned index);
bool infos_missing(
	struct switchboard *switchboard, transaction_id id, struct line *line, unsigned index);

#endif
