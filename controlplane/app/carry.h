/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows between the parts of the control plane: the functions that wire.c hangs into loop,
 * transport, media client and switchboard. Contexts are struct wire. Loop thread.
 */
#ifndef TD_APP_CARRY_H
#define TD_APP_CARRY_H

#include "loop/loop.h"
#include "media/client.h"
#include "switchboard/switchboard.h"
#include "transport/transport.h"

#include <stdint.h>

struct wire;

/* Switchboard -> outbox, journal batch, event sink. */
struct switchboard_ports carry_switchboard_ports(struct wire *wire);
/* Sockets -> switchboard. */
struct transport_sink carry_transport_sink(struct wire *wire);
/* Dataplane -> switchboard. */
struct media_client_sink carry_media_sink(struct wire *wire);
/* Clock -> everything that has deadlines. */
struct loop_deadline carry_deadline(struct wire *wire);

/* End of a loop turn: journal, then events, then output. */
loop_function carry_turn_end;
/* How long something ready waited (overload control). */
loop_delay_function carry_queue_delay;
/* The event log's thread made progress. */
loop_fd_function carry_event_progress;
/* tandemctl asks. */
loop_fd_function carry_control_ready;

#endif
