/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers and answers between the peers of a call, from one leg to the other. Between the
 * switchboard's own files.
 */
#ifndef TD_SWITCHBOARD_EXCHANGE_H
#define TD_SWITCHBOARD_EXCHANGE_H

#include "switchboard/state.h"

/* ---- exchange.c ---- */
void exchange_step(struct switchboard *switchboard, struct line *line, unsigned index,
	enum negotiation_event event);

/* ---- exchange_ask.c ---- */
/* Does what can be done now for the request of leg index's peer that is kept. */
void exchange_ask(struct switchboard *switchboard, struct line *line, unsigned index);
/* The same for the exchange that waited. */
void exchange_resume(struct switchboard *switchboard, struct line *line);
/* Leg index's early dialog in use ends or is put aside: the exchange that it takes part in goes on
 * without it. */
void exchange_forget_dialog(struct switchboard *switchboard, struct line *line, unsigned index);
/* Answers the asker: with local_sdp; in the other side's absence; or not as he wants. offer NULL:
 * it couldn't be read. */
void exchange_answer_asker(struct switchboard *switchboard, struct line *line, unsigned index);
void exchange_answer_alone(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct media_body *offer);
void exchange_refuse(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct media_body *offer, unsigned status);
void exchange_reject(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status);

/* ---- exchange_answer.c ---- */
/* What the one says who was asked; the ACK of one who asked without an offer. */
void exchange_take_answer(struct switchboard *switchboard, struct line *line, unsigned index);
void exchange_take_refusal(struct switchboard *switchboard, struct line *line, unsigned index);
void exchange_take_confirmation(struct switchboard *switchboard, struct line *line, unsigned index);
/* Tells of hold, resume or other changes after the media of both sides were taken over. */
void exchange_tell_changes(
	struct switchboard *switchboard, struct line *line, const bool was_held[CALL_LEGS]);

/* ---- offer.c ---- */
/* Sends the offer that the leg's negotiation has ordered: local_sdp, by re-INVITE or UPDATE. */
void offer_send(struct switchboard *switchboard, struct line *line, unsigned index);
/* 491: waits before it is sent again. */
void offer_pause(struct switchboard *switchboard, struct line *line, unsigned index);
void offer_pause_over(struct switchboard *switchboard, struct line *line, unsigned index);
/* The dialog is gone. */
void offer_lost(struct switchboard *switchboard, struct line *line, unsigned index);
/* A 2xx to the re-INVITE or UPDATE that is kept. */
void offer_accepted(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response);
/* Any other final response; NULL: none came, and status stands for it. */
void offer_refused(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response, unsigned status);
/* A response to UPDATE. */
void offer_update_response(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response);

#endif
