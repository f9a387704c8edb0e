/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection reuse by alias (RFC 5923): a peer that came with a certificate, and whose Via says
 * ";alias", gets our requests by the connection that it opened, as if we had opened one to the
 * port that its Via names. Internal to transport/.
 */
#ifndef TD_TRANSPORT_ALIAS_H
#define TD_TRANSPORT_ALIAS_H

#include <stddef.h>

struct connection;

/* Looks at the first message of a verified connection; may rewrite its bytes as the parser does. */
void alias_learn(struct connection *connection, char *bytes, size_t length);

#endif
