/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace of SIP messages: what the switchboard's other files tell it.
 */
#ifndef TD_SWITCHBOARD_TRACE_H
#define TD_SWITCHBOARD_TRACE_H

#include "switchboard/state.h"

/* A message has come; it is turned away unread, or let in; and it has been handled. Of those
 * turned away only some are kept. */
void traces_receive(struct switchboard *switchboard, const struct switchboard_message *received);
void traces_shed(struct switchboard *switchboard);
void traces_admit(struct switchboard *switchboard, const struct switchboard_message *received);
void traces_conclude(struct switchboard *switchboard);
void traces_send(struct switchboard *switchboard, const struct sip_flow *flow, struct span bytes);
/* A request of the leg came to nothing; note is an enum trace_note. */
void traces_event(struct switchboard *switchboard, const struct leg *leg, unsigned note);
/* Sees to it that the trace knows the call's dialogs. */
void traces_keep(struct switchboard *switchboard, struct line *line);

#endif
