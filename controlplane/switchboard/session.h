/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session timers of the legs: what the switchboard's other files tell session.c, and ask of it.
 */
#ifndef TD_SWITCHBOARD_SESSION_H
#define TD_SWITCHBOARD_SESSION_H

#include "switchboard/state.h"

/* The extension that a trunk's peers may require, if its session timers aren't off. */
uint32_t sessions_options(const struct switchboard *switchboard, uint32_t trunk);
/* A leg begins: its trunk says what session timers it may have. */
void sessions_begin(struct switchboard *switchboard, struct leg *leg);
/* Judges what a request asks for. False: it has been answered (422, 400). The first INVITE, and
 * one inside the leg's dialog that will be answered. */
bool sessions_admit_first(struct switchboard *switchboard,
	const struct transaction_indication *request, uint32_t trunk);
bool sessions_admit_refresh(struct switchboard *switchboard,
	const struct transaction_indication *request, struct leg *leg);
/* Takes what the first INVITE asks for. */
void sessions_prepare(struct leg *leg, const struct sip_message *invite);
/* Puts the terms into a 2xx to INVITE or UPDATE: a new life begins. And into a repeat of it. */
void sessions_answer(struct switchboard *switchboard, struct line *line, unsigned index,
	struct leg_reply *reply);
void sessions_repeat(const struct leg *leg, struct leg_reply *reply);
/* What the 2xx to our INVITE or UPDATE says. */
void sessions_accepted(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response);
/* True if the response is a 422, and our request may be sent again, with a longer interval. */
bool sessions_lengthen(struct leg *leg, const struct sip_message *response);
/* Our offer was refused, or given up: if it was a refresh, another will follow. */
void sessions_refused(struct switchboard *switchboard, struct line *line, unsigned index);
/* The dialog is gone: if a refresh found that out, the leg's release says so. */
void sessions_lost(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status);
/* True if it concerned a refresh by UPDATE or OPTIONS. */
bool sessions_response(struct switchboard *switchboard,
	const struct transaction_indication *response, struct line *line, unsigned index);
bool sessions_missing(
	struct switchboard *switchboard, transaction_id id, struct line *line, unsigned index);
void sessions_due(struct switchboard *switchboard, struct line *line);
void sessions_end(struct switchboard *switchboard, struct line *line, unsigned index);
void sessions_restore(struct switchboard *switchboard, struct line *line);

#endif
