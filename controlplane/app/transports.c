/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration means to SIP's sockets, at the start and when it is read again, and what
 * tandemctl shows of them.
 */
#include "app/transports.h"

#include "app/wire_parts.h"
#include "config/config.h"
#include "transport/transport.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY_S = 24 * 60 * 60,
};

static_assert((int)CONFIG_PATH_BYTES <= (int)TRANSPORT_PATH_BYTES &&
		      (int)CONFIG_TEXT_BYTES <= (int)TRANSPORT_NAME_BYTES &&
		      CONFIG_CERTIFICATES_MAX + 1 <= (int)TRANSPORT_CERTIFICATES_MAX &&
		      (int)CONFIG_ORIGINS_MAX <= (int)TRANSPORT_ORIGINS_MAX &&
		      (int)CONFIG_LISTENERS_MAX <= (int)TRANSPORT_LISTENERS_MAX,
	"what the configuration may hold fits");

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from); /* fits, see above */
}

static void add_certificate(
	struct transport_tls *tls, const char *certificate_file, const char *key_file)
{
	uint32_t at = tls->certificate_count++;

	copy(tls->certificates[at].certificate_file, TRANSPORT_PATH_BYTES, certificate_file);
	copy(tls->certificates[at].key_file, TRANSPORT_PATH_BYTES, key_file);
}

static void fill_tls(const struct config_tls *config, struct transport_tls *tls)
{
	static const enum transport_verify_client checks[CONFIG_VERIFY_CLIENT_COUNT] = {
		[CONFIG_VERIFY_CLIENT_OFF] = TRANSPORT_VERIFY_OFF,
		[CONFIG_VERIFY_CLIENT_REQUEST] = TRANSPORT_VERIFY_REQUEST,
		[CONFIG_VERIFY_CLIENT_REQUIRE] = TRANSPORT_VERIFY_REQUIRE,
	};

	*tls = (struct transport_tls){
		.verify_client = checks[config->verify_client],
		.is_server_unverified = !config->verify_server,
		.allows_wildcards = config->allow_wildcards,
		.is_tls13_only = config->min_version == CONFIG_TLS_1_3,
	};
	copy(tls->ca_file, sizeof(tls->ca_file), config->ca_file);
	if (config->certificate_file[0] == '\0')
		return;
	add_certificate(tls, config->certificate_file, config->key_file);
	for (uint32_t i = 0; i < config->certificate_count; i++)
		add_certificate(tls, config->certificates[i].certificate_file,
			config->certificates[i].key_file);
}

static void fill_websocket(
	const struct config_websocket *config, struct transport_websocket *websocket)
{
	*websocket = (struct transport_websocket){.origin_count = config->origin_count};
	copy(websocket->path, sizeof(websocket->path), config->path);
	for (uint32_t i = 0; i < config->origin_count; i++)
		copy(websocket->origins[i], sizeof(websocket->origins[i]), config->origins[i]);
}

static void fill(const struct config_sip *sip, struct transport_config *config)
{
	*config = (struct transport_config){
		.listener_count = sip->listener_count,
		.connections_max = sip->max_connections,
		.connections_per_source_max = sip->max_connections_per_source,
		.connect_timeout_ms = sip->connect_timeout_ms,
		.idle_timeout_ms = sip->idle_timeout_s * TD_MS_PER_S,
		.send_timeout_ms = sip->send_timeout_ms,
		.keepalive_ms = sip->keepalive_s != 0 ? sip->keepalive_s * TD_MS_PER_S : UINT32_MAX,
		.is_held = true,
	};
	for (uint32_t i = 0; i < sip->listener_count; i++)
		config->listeners[i] = (struct transport_listener){
			.transport = (enum sip_transport)sip->listeners[i].transport,
			.local = {.ip = sip->listeners[i].address,
				.port = (uint16_t)sip->listeners[i].port},
		};
	fill_tls(&sip->tls, &config->tls);
	fill_websocket(&sip->websocket, &config->websocket);
}

static int set_servers(const struct wire *wire)
{
	const struct config *config = wire->config;
	struct transport_server *servers =
		calloc((size_t)config->trunk_count + 1, sizeof(*servers));
	uint32_t count = 0;
	int result;

	if (servers == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->trunk_count; i++) {
		struct span name = config_trunk_server_name(&config->trunks[i]);

		if (span_is_empty(name))
			continue;
		servers[count].id = sip_server_id(name);
		(void)snprintf(
			servers[count++].name, TRANSPORT_NAME_BYTES, "%.*s", SPAN_ARGS(name));
	}
	result = transport_set_servers(wire->transport, servers, count);
	free(servers);
	return result;
}

int transports_build(struct wire *wire, const struct transport_sink *sink)
{
	struct transport_config *config = calloc(1, sizeof(*config)); /* 10 kB: not for the stack */
	struct transport_failure failure;
	char text[TD_ENDPOINT_TEXT_BYTES];
	const char *part = "transport";
	int result;

	if (config == NULL)
		return -ENOMEM;
	fill(&wire->config->sip, config);
	result = transport_create(wire->loop, config, sink, &wire->transport, &failure);
	if (result == 0)
		result = set_servers(wire);
	else if (failure.listener < config->listener_count)
		part = td_endpoint_format(&config->listeners[failure.listener].local, text);
	if (result != 0)
		(void)wire_complain(part,
			failure.why[0] != '\0' ? failure.why : "cannot listen for SIP", result);
	free(config);
	return result;
}

int transports_reload(struct wire *wire)
{
	struct transport_websocket websocket;
	struct transport_tls tls;
	int result = set_servers(wire);

	fill_tls(&wire->config->sip.tls, &tls);
	fill_websocket(&wire->config->sip.websocket, &websocket);
	return result == 0 ? transport_reload(wire->transport, &tls, &websocket) : result;
}

/* --- status ----------------------------------------------------------------------------------- */

static void put_count(json_t *object, const char *key, uint64_t value)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *listeners_json(const struct transport *transport)
{
	struct transport_listener_status status;
	char text[TD_ENDPOINT_TEXT_BYTES];
	json_t *array = json_array();

	for (uint32_t i = 0; transport_listener_status(transport, i, &status); i++)
		(void)json_array_append_new(
			array, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "transport",
				       sip_transport_name(status.transport), "address",
				       td_endpoint_format(&status.local, text), "queue_bytes",
				       (json_int_t)status.queue_bytes, "buffer_bytes",
				       (json_int_t)status.buffer_bytes, "waiting",
				       (json_int_t)status.waiting, "waiting_max",
				       (json_int_t)status.waiting_max, "kernel_drops",
				       (json_int_t)status.kernel_drops));
	return array;
}

static json_t *certificates_json(const struct transport *transport)
{
	int64_t now_s = (int64_t)(td_wall_ns() / TD_NS_PER_S);
	struct transport_certificate certificate;
	json_t *array = json_array();

	for (uint32_t i = 0; transport_certificate(transport, i, &certificate); i++)
		(void)json_array_append_new(
			array, json_pack("{s:s,s:s,s:I}", "file", certificate.file, "names",
				       certificate.names, "days_left",
				       (json_int_t)((certificate.expires_wall_s - now_s) / DAY_S)));
	return array;
}

json_t *transports_json(const struct wire *wire)
{
	const struct transport_counters *counters = transport_get_counters(wire->transport);
	struct transport_gauges gauges = transport_get_gauges(wire->transport);
	json_t *object = json_object();

	put_count(object, "connections", transport_connection_count(wire->transport));
	put_count(object, "connections_tcp", gauges.connections[SIP_TRANSPORT_TCP]);
	put_count(object, "connections_tls", gauges.connections[SIP_TRANSPORT_TLS]);
	put_count(object, "connections_ws", gauges.connections[SIP_TRANSPORT_WS]);
	put_count(object, "connections_wss", gauges.connections[SIP_TRANSPORT_WSS]);
	put_count(object, "handshakes_now", gauges.handshakes);
	put_count(object, "buffered_bytes", gauges.buffered_bytes);
#define PUT_COUNTER(name, help) put_count(object, #name, counters->name);
	TRANSPORT_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	(void)json_object_set_new(object, "listeners", listeners_json(wire->transport));
	(void)json_object_set_new(object, "certificates", certificates_json(wire->transport));
	(void)json_object_set_new(
		object, "reload_error", json_string(transport_reload_error(wire->transport)));
	return object;
}
