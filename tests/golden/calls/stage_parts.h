/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the stage share. */
#ifndef TD_CALLS_STAGE_PARTS_H
#define TD_CALLS_STAGE_PARTS_H

#include "golden/calls/stage.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the output line of a message that reached a peer, and keeps it if it is a request. */
void stage_take(struct stage_peer *peer, char *bytes, size_t length);
/* Lets a peer say something: "a INVITE sdp", "b 183 sdp=sendonly", "b 200 to BYE". */
bool stage_send(struct stage *stage, const char *words);

#endif
