/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP request that opens a WebSocket (RFC 6455 4.2, RFC 7118 4), and its answer. Strict: this
 * is no web server, and what isn't exactly such a request is refused. Pure.
 */
#ifndef TD_TRANSPORT_UPGRADE_H
#define TD_TRANSPORT_UPGRADE_H

#include "transport/transport.h"

#include <tandem/compiler.h>

#include <stddef.h>

enum {
	UPGRADE_REQUEST_MAX_BYTES = 8192,
	UPGRADE_HEADERS_MAX = 64,
	UPGRADE_RESPONSE_BYTES = 256,
	UPGRADE_ACCEPT_BYTES = 29, /* Sec-WebSocket-Accept and a zero */
};

struct upgrade {
	unsigned status; /* 101, or why not: 400, 403 (page not in the list), 404 (other path), 405,
			  * 426 (other version), 431, 505 */
	char accept[UPGRADE_ACCEPT_BYTES]; /* if status is 101 */
};

/* Judges a request. Returns the length of its head with status set (behind a 101 frames may
 * follow); 0 if it isn't complete; -EMSGSIZE if it will never be, status 431. */
td_must_check int upgrade_parse(const char *bytes, size_t size,
	const struct transport_websocket *rules, struct upgrade *ret_upgrade);

/* Writes the answer, zero-terminated. Returns its length. */
size_t upgrade_respond(const struct upgrade *upgrade, char response[UPGRADE_RESPONSE_BYTES]);

#endif
