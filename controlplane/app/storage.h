/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds what keeps things on disk and beyond: journal, event log, event sink, Kafka producer.
 * Part of wire.c's construction; nobody else calls it.
 */
#ifndef TD_APP_STORAGE_H
#define TD_APP_STORAGE_H

#include <tandem/compiler.h>

struct wire;

/* Opens the journal and the event log, and starts the producer if brokers are configured. The
 * loop must exist. Failures have been logged; storage_take_down() frees what there is. */
td_must_check int storage_build(struct wire *wire);

/* Ends them in reverse order; what brokers haven't confirmed is sent after the next start. */
void storage_take_down(struct wire *wire);

#endif
