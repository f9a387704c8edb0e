/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lets an operator look at the SIP messages of a call: the trace, its export, and the verb
 * that tandemctl asks with. Part of wire.c's construction. Loop thread.
 */
#ifndef TD_APP_OBSERVATION_H
#define TD_APP_OBSERVATION_H

#include <tandem/compiler.h>

#include <jansson.h>

struct wire;

/* Makes the trace and opens the export, as far as they are configured. A collector that can't be
 * reached is logged, and nothing else. -ENOMEM, or the error of a system call. */
td_must_check int observation_build(struct wire *wire);
void observation_take_down(struct wire *wire);

/* tandemctl status: counters of both; json null without a trace. */
json_t *observation_status(const struct wire *wire);
/* tandemctl call trace: "id" is a call id, a SIP Call-ID or a number. */
int observation_trace_verb(void *context, const json_t *request, json_t **ret_result);

#endif
