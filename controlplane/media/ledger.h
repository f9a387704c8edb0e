/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control plane's book on the dataplane: what each termination should be, which commands
 * await their reply, and what to do after either process restarted. Whoever gives it a command
 * may forget it: the ledger sends it when it can, repeats it until it is answered, and after a
 * reconnect compares the dataplane's own list (AUDIT) with the book and sends what differs.
 *
 * Pure: bytes and time go in, bytes, replies and notifications come out through a sink. One
 * thread.
 */
#ifndef TD_MEDIA_LEDGER_H
#define TD_MEDIA_LEDGER_H

#include "media/command.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ledger_state {
	LEDGER_AWAY,	  /* no connection: commands are kept */
	LEDGER_GREETING,  /* HELLO sent */
	LEDGER_COMPARING, /* AUDIT sent */
	LEDGER_READY,
	LEDGER_STATE_COUNT
};

/* Called from within the ledger's functions; must not call back into it, except where the
 * shell's queue comes between. Pointers are borrowed until the function returns. */
struct ledger_sink {
	void *context;
	/* Sends one message; false if the socket takes no more now (ledger_writable() follows). */
	bool (*send)(void *context, const void *message, size_t length);
	void (*reply)(void *context, const struct td_reply *reply);
	void (*notify)(void *context, const struct td_notify *notify);
	void (*state)(void *context, enum ledger_state state);
};

struct ledger_counts {
	uint32_t entries;     /* terminations in the book */
	uint32_t outstanding; /* of them awaiting a reply */
	uint64_t commands_sent;
	uint64_t commands_repeated;  /* after BUSY or a reconnect */
	uint64_t replies_refused;    /* with any result but OK */
	uint64_t messages_malformed; /* from the dataplane */
	uint64_t orphans_subtracted; /* terminations that only the dataplane knew */
};

struct ledger;

/* Creates an empty book for at most capacity terminations. first_command_id must be above every
 * one used before (wall time in ns serves). -ENOMEM, -EINVAL. The caller owns the result. */
td_must_check int ledger_create(uint32_t capacity, uint64_t first_command_id,
	const struct ledger_sink *sink, struct ledger **ret_ledger);
void ledger_destroy(struct ledger *ledger);

/* Takes a command. ADD of a known termination and MODIFY of an unknown one are treated alike:
 * the spec is the wanted state. -ENOSPC (book full: the command is not taken). SUBTRACT of an
 * unknown termination is answered at once with TD_RESULT_UNKNOWN. */
td_must_check int ledger_command(
	struct ledger *ledger, const struct media_command *command, uint64_t now_ms);

/* The journal has been read: from now on terminations that only the dataplane knows are removed
 * at the next comparison. */
void ledger_restored(struct ledger *ledger);

/* The socket is connected; instance is told in HELLO. */
void ledger_connected(struct ledger *ledger, uint64_t instance, uint64_t now_ms);
/* The socket is gone. Outstanding commands stay. */
void ledger_disconnected(struct ledger *ledger);
/* The socket takes messages again after send() said false. */
void ledger_writable(struct ledger *ledger, uint64_t now_ms);
/* One message came. Anything that isn't a sound message of the contract is counted and answered
 * with -EBADMSG: the caller should reconnect. */
td_must_check int ledger_receive(
	struct ledger *ledger, const void *message, size_t length, uint64_t now_ms);

/* Repeats what is due (BUSY answers). */
void ledger_advance(struct ledger *ledger, uint64_t now_ms);
/* Next time ledger_advance() has work; TD_NEVER if none. */
uint64_t ledger_deadline(const struct ledger *ledger);

enum ledger_state ledger_state(const struct ledger *ledger);
/* What the dataplane said of itself in its last HELLO reply; zero before. */
const struct td_capabilities *ledger_capabilities(const struct ledger *ledger);
struct ledger_counts ledger_counts(const struct ledger *ledger);

#endif
