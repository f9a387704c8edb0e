/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trunks whose target is a name: has the resolver watch them, its questions asked and its lists
 * taken over by the switchboard, and keeps in the journal what names meant, so that a start
 * without any name server still finds the peers. Decides nothing; loop thread.
 */
#ifndef TD_APP_NAMES_H
#define TD_APP_NAMES_H

#include <tandem/compiler.h>

#include <jansson.h>
#include <stdint.h>

struct wire;

/* Begins, after the switchboard and the journal. Failures have been logged. */
td_must_check int names_build(struct wire *wire);
void names_take_down(struct wire *wire);
/* The configuration was taken over: other trunks, other limits. */
void names_reload(struct wire *wire);

/* When something is due next, TD_NEVER; and does it. */
uint64_t names_deadline(const struct wire *wire);
void names_advance(struct wire *wire, uint64_t now_ms);

/* For tandemctl: what is known of a trunk's name, NULL if its target is an address; counters. */
json_t *names_trunk_json(const struct wire *wire, uint32_t trunk);
json_t *names_status_json(const struct wire *wire);

#endif
