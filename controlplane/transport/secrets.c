/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys in use, and what happens to them while the process runs: read again when asked,
 * watched for their end, tickets' keys changed. And the names that peers' certificates must have.
 */
#include "transport/keyring.h"
#include "transport/transport_state.h"

#include <tandem/time.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY_S = 24 * 60 * 60,
	EXPIRES_SOON_DAYS = 30,
	RENEW_MS = 12 * 60 * 60 * TD_MS_PER_S,
};

static int64_t wall_s(void)
{
	return (int64_t)(td_wall_ns() / TD_NS_PER_S);
}

/* Somebody must act, and has a month to. */
static void warn_of_ends(const struct keyring *keyring)
{
	int64_t now_s = wall_s();

	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct transport_certificate *certificate = &keyring->keys[i].certificate;
		int64_t left_s = certificate->expires_wall_s - now_s;

		if (left_s <= 0)
			td_log(TD_LOG_ERR,
				"transport: %s: this certificate has expired, peers refuse it "
				"(names=%s)",
				certificate->file, certificate->names);
		else if (left_s < (int64_t)EXPIRES_SOON_DAYS * DAY_S)
			td_log(TD_LOG_WARN,
				"transport: %s: this certificate expires soon (days=%" PRId64
				" names=%s)",
				certificate->file, left_s / DAY_S, certificate->names);
	}
}

static bool needs_keys(const struct transport_config *config)
{
	for (uint32_t i = 0; i < config->listener_count; i++)
		if (sip_transport_is_secure(config->listeners[i].transport))
			return true;
	return false;
}

/* Why what was read must not take the place of what is in use, or NULL. */
static const char *objection(const struct transport *transport, const struct keyring *keyring,
	char why[TRANSPORT_WHY_BYTES])
{
	int64_t now_s = wall_s();
	uint32_t expired = keyring_find_expired(keyring, now_s);

	if (expired == keyring->key_count ||
		keyring_find_expired(transport->keyring, now_s) != transport->keyring->key_count)
		return NULL;
	(void)snprintf(why, TRANSPORT_WHY_BYTES, "%s: has expired",
		keyring->keys[expired].certificate.file);
	return why;
}

static void loaded(void *context, struct keyring *keyring, const char *why)
{
	struct transport *transport = context;
	char text[TRANSPORT_WHY_BYTES];

	transport->counters.tls_reloads++;
	if (keyring != NULL)
		why = objection(transport, keyring, text);
	if (why != NULL) {
		transport->counters.tls_reload_failures++;
		(void)snprintf(transport->reload_error, sizeof(transport->reload_error), "%s", why);
		td_log(TD_LOG_ERR, "transport: keys were not taken over, the old ones stay: %s",
			why);
		keyring_destroy(keyring);
		return;
	}
	transport->reload_error[0] = '\0';
	keyring_destroy(transport->keyring);
	transport->keyring = keyring;
	/* They were judged by the rules and issuers of before. */
	tls_peers_forget_all(transport->tls_peers);
	td_log(TD_LOG_INFO, "transport: keys read again (certificates=%u)", keyring->key_count);
	warn_of_ends(keyring);
}

int secrets_create(struct transport *transport, char why[TRANSPORT_WHY_BYTES])
{
	const struct transport_tls *tls = &transport->config.tls;
	int error;

	transport->renew_ms = TD_NEVER;
	if (!needs_keys(&transport->config))
		return 0;
	if (tls->certificate_count == 0 || tls->certificate_count > TRANSPORT_CERTIFICATES_MAX)
		return -EINVAL;
	error = tls_peers_create(&transport->tls_peers);
	if (error == 0)
		error = keyring_loader_create(
			transport->loop, loaded, transport, &transport->loader);
	if (error == 0)
		error = keyring_load(tls, &transport->keyring, why);
	if (error != 0)
		return error;
	transport->renew_ms = loop_now_ms(transport->loop) + RENEW_MS;
	warn_of_ends(transport->keyring);
	return 0;
}

void secrets_destroy(struct transport *transport)
{
	keyring_loader_destroy(transport->loader);
	keyring_destroy(transport->keyring);
	tls_peers_destroy(transport->tls_peers);
	free(transport->servers);
}

void secrets_renew(struct transport *transport, uint64_t now_ms)
{
	transport->renew_ms = now_ms + RENEW_MS;
	keyring_renew_tickets(transport->keyring);
	warn_of_ends(transport->keyring);
}

int transport_reload(struct transport *transport, const struct transport_tls *tls,
	const struct transport_websocket *websocket)
{
	transport->config.websocket = *websocket;
	if (transport->loader == NULL)
		return 0;
	return keyring_loader_start(transport->loader, tls);
}

bool transport_certificate(const struct transport *transport, uint32_t index,
	struct transport_certificate *ret_certificate)
{
	if (transport->keyring == NULL || index >= transport->keyring->key_count)
		return false;
	*ret_certificate = transport->keyring->keys[index].certificate;
	return true;
}

const char *transport_reload_error(const struct transport *transport)
{
	return transport->reload_error;
}

/* --- names ------------------------------------------------------------------------------------ */

static int compare_servers(const void *left, const void *right)
{
	const struct transport_server *a = left;
	const struct transport_server *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

int transport_set_servers(
	struct transport *transport, const struct transport_server *servers, uint32_t count)
{
	struct transport_server *copy = calloc((size_t)count + 1, sizeof(*copy));

	if (copy == NULL)
		return -ENOMEM;
	if (count != 0)
		memcpy(copy, servers, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), compare_servers);
	free(transport->servers);
	transport->servers = copy;
	transport->server_count = count;
	return 0;
}

const char *transport_server_name(const struct transport *transport, uint32_t id)
{
	const struct transport_server wanted = {.id = id};
	const struct transport_server *found = NULL;

	if (id != 0 && transport->server_count != 0)
		found = bsearch(&wanted, transport->servers, transport->server_count,
			sizeof(wanted), compare_servers);
	return found != NULL ? found->name : NULL;
}
