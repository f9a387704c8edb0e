/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one turn of the loop wants to send: SIP messages and media commands, in order, held back
 * until the turn's journal records are written ("journal first, then act"). Pure memory.
 */
#ifndef TD_SWITCHBOARD_OUTBOX_H
#define TD_SWITCHBOARD_OUTBOX_H

#include "media/command.h"
#include "transaction/transaction.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

/* Where outbox_flush() puts things. */
struct outbox_ports {
	void *context;
	void (*send_sip)(
		void *context, const struct sip_flow *flow, const char *bytes, size_t length);
	void (*media_command)(void *context, const struct media_command *command);
};

struct outbox;

/* -ENOMEM. */
td_must_check int outbox_create(struct outbox **ret_outbox);
/* Drops what is in it. Accepts NULL. */
void outbox_destroy(struct outbox *outbox);

/* Copy their arguments. -ENOMEM, -ENOBUFS (64 MiB wait already): the message is lost as if the network had lost it (SIP
 * retransmits); counted by the caller. */
td_must_check int outbox_add_sip(
	struct outbox *outbox, const struct sip_flow *flow, const char *bytes, size_t length);
td_must_check int outbox_add_media(struct outbox *outbox, const struct media_command *command);

/* Bytes waiting; 0: empty. */
size_t outbox_waiting_bytes(const struct outbox *outbox);
/* Delivers everything in order. What the ports' functions add meanwhile waits for the next
 * flush. */
void outbox_flush(struct outbox *outbox, const struct outbox_ports *ports);

#endif
