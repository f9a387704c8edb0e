/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the call's snapshot: what snapshot_leg.c does for snapshot.c. Each pair writes and
 * reads one part; the readers mark a damaged record in the reader and return -ENOMEM alone.
 */
#ifndef TD_CALL_SNAPSHOT_PARTS_H
#define TD_CALL_SNAPSHOT_PARTS_H

#include "call/call.h"
#include "util/serial.h"

#include <tandem/compiler.h>

#include <stdint.h>

/* Puts a heap-owned text back. */
td_must_check int snapshot_get_owned(
	struct serial_reader *reader, struct call *call, char **text, uint32_t *length);

void snapshot_put_dialog(struct serial_writer *writer, const struct dialog *dialog);
td_must_check int snapshot_get_dialog(
	struct serial_reader *reader, struct dialog *dialog, struct heap *heap);

/* A request in progress, without its transaction: that is made anew. */
void snapshot_put_request(struct serial_writer *writer, const struct leg_request *request);
td_must_check int snapshot_get_request(
	struct serial_reader *reader, struct call *call, struct leg_request **slot);

void snapshot_put_negotiation(struct serial_writer *writer, const struct negotiation *negotiation);
td_must_check int snapshot_get_negotiation(
	struct serial_reader *reader, struct call *call, struct negotiation *negotiation);

void snapshot_put_reliable(struct serial_writer *writer, const struct reliable *reliable);
void snapshot_get_reliable(struct serial_reader *reader, struct reliable *reliable);

void snapshot_put_forks(struct serial_writer *writer, const struct leg *leg);
td_must_check int snapshot_get_forks(
	struct serial_reader *reader, struct call *call, struct leg *leg);

#endif
