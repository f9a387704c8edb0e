/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket to the dataplane: connects, reconnects when the dataplane comes back, and moves
 * messages between it and the ledger. Shell; loop thread only. It decides nothing.
 */
#ifndef TD_MEDIA_CLIENT_H
#define TD_MEDIA_CLIENT_H

#include "loop/loop.h"
#include "media/ledger.h"

#include <tandem/compiler.h>

#include <stdint.h>

/* Told from the loop, and from media_client_command(). */
struct media_client_sink {
	void *context;
	void (*reply)(void *context, const struct td_reply *reply);
	void (*notify)(void *context, const struct td_notify *notify);
	void (*state)(void *context, enum ledger_state state);
};

struct media_client_config {
	const char *socket_path; /* borrows until media_client_destroy() */
	uint32_t termination_capacity;
	uint64_t instance; /* of this start; also the first command id */
};

struct media_client;

/* Creates the client; the first attempt to connect is due at once. The loop is borrowed until
 * media_client_destroy(). -ENOMEM, -EINVAL, -ENAMETOOLONG. */
td_must_check int media_client_create(struct loop *loop, const struct media_client_config *config,
	const struct media_client_sink *sink, struct media_client **ret_client);
/* Closes the socket; the dataplane keeps its terminations. Accepts NULL. */
void media_client_destroy(struct media_client *client);

/* The ledger's functions of the same names. */
td_must_check int media_client_command(
	struct media_client *client, const struct media_command *command, uint64_t now_ms);
const struct ledger *media_client_ledger(const struct media_client *client);
/* The journal has been read: see ledger_restored(). */
void media_client_restored(struct media_client *client);

/* Connects, repeats; call when media_client_deadline() has come. */
void media_client_advance(struct media_client *client, uint64_t now_ms);
uint64_t media_client_deadline(const struct media_client *client);

#endif
