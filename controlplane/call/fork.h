/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The early dialogs of one INVITE that was forked on its way (RFC 3261 13.2.2.4): each has its own
 * tag, target, route set, sequence numbers and negotiation. One is in use, in its leg; the others
 * wait in a list and are put in use by exchanging places. Pure.
 */
#ifndef TD_CALL_FORK_H
#define TD_CALL_FORK_H

#include "call/call.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>

enum {
	CALL_FORKS_MAX = 12, /* early dialogs of one INVITE; an office of that many desks */
};

/* The waiting fork with that remote tag, or NULL. */
struct leg_fork *call_find_fork(const struct leg *leg, struct span remote_tag);

/* Puts the leg's dialog into the list and a new one, whose peer hasn't been heard, into use. The
 * leg's INVITE must be there. -ENOSPC (too many), -ENOMEM: nothing has changed. */
td_must_check int call_add_fork(struct call *call, unsigned index);

/* Exchanges the dialog in use and the waiting one: fork holds the former then. Done twice, all is
 * as before. */
void call_swap_fork(struct leg *leg, struct leg_fork *fork);

/* Forgets a waiting fork; all of them. */
void call_drop_fork(struct call *call, unsigned index, struct leg_fork *fork);
void call_drop_forks(struct call *call, unsigned index);

unsigned call_count_forks(const struct leg *leg);

#endif
