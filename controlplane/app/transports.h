/* SPDX-License-Identifier: Apache-2.0 */
/* Makes SIP's sockets as the configuration has them. Called by wire.c, reload.c and verbs.c. */
#ifndef TD_APP_TRANSPORTS_H
#define TD_APP_TRANSPORTS_H

#include <tandem/compiler.h>

#include <jansson.h>

struct transport_sink;
struct wire;

/* Creates wire->transport; logs why it can't. Errors of transport_create(). */
td_must_check int transports_build(struct wire *wire, const struct transport_sink *sink);
/* Takes over wire->config after it has changed: names of servers, WebSocket rules, and keys, which
 * are read again by a thread even if their paths are the same. -ENOMEM, errno of
 * pthread_create(). */
td_must_check int transports_reload(struct wire *wire);
/* Counters, gauges, listeners and certificates. NULL: no memory. */
json_t *transports_json(const struct wire *wire);

#endif
