/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the simulated phones share. */
#ifndef TD_CALLS_AGENT_PARTS_H
#define TD_CALLS_AGENT_PARTS_H

#include "simulation/calls/agent.h"

/* agent.c */
void agent_later(struct agent_leg *leg, uint64_t delay_ms, void (*run)(struct agent_leg *leg));
struct span agent_body(struct agent_leg *leg, const char *direction, char *body, size_t size);
void agent_over(struct agent_leg *leg);
void agent_up(struct agent_leg *leg);
void agent_hang_up(struct agent_leg *leg);
void agent_reinvite(struct agent_leg *leg);
void agent_acknowledge(struct agent_leg *leg, uint32_t cseq, struct span body);

/* agent_answer.c */
void agent_indicate(void *context, const struct transaction_indication *indication);
/* The leg that a request is for: by our tag, else by the number dialled. NULL: none. */
struct agent_leg *agent_find_dialled(struct agent *agent, const struct sip_message *request);

#endif
