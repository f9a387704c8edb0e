/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/alias.h"

#include "sip/message.h"
#include "transport/identity.h"
#include "transport/transport_state.h"

#include <openssl/ssl.h>

/* Finds a server of ours among the names of a certificate. */
static bool is_server(void *context, struct span host)
{
	struct connection *connection = context;
	uint32_t id = sip_server_id(host);
	const char *name = transport_server_name(connection->transport, id);
	struct span wanted = span_from(name != NULL ? name : "");

	if (wanted.length != 0 && wanted.text[wanted.length - 1] == '.')
		wanted.length--;
	/* The id is a hash, for which others can find names of their own. */
	if (name == NULL || !span_equal_nocase(wanted, host))
		return false;
	connection->server_id = id;
	return true;
}

/* RFC 5923 8.2: only for names that the certificate has. Its address counts where a trunk is
 * verified by that. */
static bool find_server(struct connection *connection)
{
	const X509 *certificate = SSL_get0_peer_certificate(connection->ssl);

	if (certificate == NULL)
		return false;
	return identity_visit(certificate, is_server, connection) ||
	       identity_names_ip(certificate, &connection->remote.ip);
}

void alias_learn(struct connection *connection, char *bytes, size_t length)
{
	struct td_endpoint alias = connection->remote;
	struct sip_parse_error error;
	struct sip_message message;
	struct span value;

	connection->is_alias_known = true;
	if (connection->kind != SIP_TRANSPORT_TLS ||
		sip_message_parse(bytes, length, true, &message, &error) != 0 ||
		!sip_message_is_request(&message) ||
		!sip_param_find(message.via.params, "alias", &value))
		return;
	if (!find_server(connection))
		return;
	alias.port = message.via.port != 0 ? message.via.port : SIPS_PORT;
	connection_add_alias(connection, &alias);
	connection->transport->counters.tcp_aliases++;
}
