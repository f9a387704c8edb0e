/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are coming up: 18x responses to the caller and of the called side, reliable ones too,
 * and the called side's early dialogs. Between the switchboard's own files.
 */
#ifndef TD_SWITCHBOARD_EARLY_H
#define TD_SWITCHBOARD_EARLY_H

#include "switchboard/state.h"

/* ---- progress.c ---- */
/* What the called side's 18x means for the caller. */
void calls_progress(struct switchboard *switchboard, struct line *line);
/* Whether a caller from that trunk gets reliable 18x. */
enum reliable_use progress_use(const struct config_trunk *trunk, const struct sip_message *invite);
/* Sends the caller the 18x that leg.provisional and progress describe, now or when its turn
 * comes. */
void progress_send(struct switchboard *switchboard, struct line *line, unsigned index);
/* Advances the machine of reliable 18x by an enum reliable_event. */
void progress_step(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned event);
/* After a restart: sends the one again that is out. */
void progress_restore(struct switchboard *switchboard, struct line *line, unsigned index);

/* ---- prack.c ---- */
/* Acknowledges the last reliable 18x in the dialog in use; has_answer: with local_sdp. */
void prack_send(
	struct switchboard *switchboard, struct line *line, unsigned index, bool has_answer);
/* A response to our PRACK of that transaction, in any dialog of the leg; NULL: none came. False: it
 * isn't one. */
bool prack_outcome(struct switchboard *switchboard, struct line *line, unsigned index,
	transaction_id id, const struct sip_message *message);
/* True if it acknowledges what is out: even if later requests have overtaken it. */
bool prack_is_awaited(const struct leg *leg, const struct sip_message *prack);
void prack_receive(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index);

/* ---- provisional.c ---- */
/* A provisional response to INVITE. */
void provisional_take(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response);
/* True if another early dialog may be put into use now. */
bool forks_can_switch(const struct line *line, unsigned index);
/* Puts the early dialog with that remote tag into use, a new one if there is none. *ret_former is
 * where the one is that was in use before; NULL: it still is. -ENOSPC, -ENOMEM. */
td_must_check int forks_enter(
	struct line *line, unsigned index, struct span tag, struct leg_fork **ret_former);
/* The early dialog in use is over: the one that spoke before takes its place. */
void forks_end(struct switchboard *switchboard, struct line *line, unsigned index);

/* ---- early.c ---- */
/* Does what waited for something that has happened in this step. */
void early_advance(struct switchboard *switchboard, struct line *line);
/* True if nothing keeps the 200 from the caller. */
bool early_is_answerable(const struct leg *caller);
/* The caller refused the session of the one who answered. */
void early_realign_failed(struct switchboard *switchboard, struct line *line);

#endif
