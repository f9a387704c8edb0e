/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In what order SIP messages are handled: what belongs to dialogs at once, what is new after all
 * of that, so that calls in progress don't wait behind callers who may be sent away. Shell: it
 * reads the clock.
 */
#ifndef TD_APP_INTAKE_H
#define TD_APP_INTAKE_H

#include <tandem/compiler.h>

#include <stdbool.h>

struct transport_message;
struct wire;

/* Makes room for what waits. -ENOMEM. */
td_must_check int intake_build(struct wire *wire);
/* A message came: transport_sink.receive. */
void intake_receive(void *context, struct transport_message *message);
/* Handles what waits, for a bounded time. */
void intake_serve(struct wire *wire);
/* True if more waits. */
bool intake_waits(const struct wire *wire);

#endif
