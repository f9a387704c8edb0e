/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws the SIP messages of a call as a ladder of text: the parties as columns, the appliance
 * second, an arrow for each message. Takes the "messages" of the control socket's verb "trace".
 */
#ifndef TD_CTL_LADDER_H
#define TD_CTL_LADDER_H

#include <jansson.h>
#include <stdio.h>

/* Draws messages (an array) on out. */
void ladder_draw(const json_t *messages, FILE *out);
/* Writes the messages themselves, numbered as in the ladder. */
void ladder_write_full(const json_t *messages, FILE *out);

#endif
