/* SPDX-License-Identifier: Apache-2.0 */
/* What addresses, ports and cores may not do to each other. */
#include "config/loader.h"

static yaml_mark_t mark_of(const struct loader *loader, const yaml_node_t *node)
{
	return node != NULL ? node->start_mark : loader->document.root->start_mark;
}

/* UDP's ports are of their own; TCP, TLS and WebSocket share TCP's. */
static bool is_same_socket(const struct config_listener *a, const struct config_listener *b)
{
	return td_ip_equal(&a->address, &b->address) && a->port == b->port &&
	       (a->transport == SIP_TRANSPORT_UDP) == (b->transport == SIP_TRANSPORT_UDP);
}

static void check_listeners(struct loader *loader, const yaml_node_t *sip)
{
	struct config_sip *config = &loader->config->sip;
	const struct config_media *media = &loader->config->media;
	const yaml_node_t *list = document_find(&loader->document, sip, "listen");

	for (uint32_t i = 0; i < config->listener_count; i++) {
		struct config_listener *listener = &config->listeners[i];
		yaml_mark_t mark = mark_of(loader, document_item(&loader->document, list, i));

		if (listener->address.family == TD_FAMILY_NONE)
			continue; /* refused already */
		if (listener->port == 0)
			listener->port =
				sip_transport_port((enum sip_transport)listener->transport);
		for (uint32_t j = 0; j < i; j++) {
			if (is_same_socket(listener, &config->listeners[j]))
				document_complain(loader->errors, mark,
					"the same listener as entry %u of sip.listen", j + 1);
		}
		if (sip_transport_is_secure((enum sip_transport)listener->transport) &&
			config->tls.certificate_file[0] == '\0')
			document_complain(loader->errors, mark,
				"a listener for %s needs sip.tls.certificate_file",
				listener->transport == SIP_TRANSPORT_TLS ? "tls" : "wss");
		for (uint32_t j = 0; j < media->address_count; j++) {
			if (listener->transport == SIP_TRANSPORT_UDP &&
				td_ip_equal(&listener->address, &media->addresses[j]) &&
				listener->port >= media->ports.first &&
				listener->port <= media->ports.last)
				document_complain(loader->errors, mark,
					"port %u of this address belongs to media.ports (%u-%u)",
					listener->port, media->ports.first, media->ports.last);
		}
	}
	if (config->t2_ms < config->t1_ms)
		document_complain(loader->errors,
			mark_of(loader, document_find(&loader->document, sip, "t2_ms")),
			"sip.t2_ms: found %u, expected at least sip.t1_ms (%u)", config->t2_ms,
			config->t1_ms);
	if (config->session_expires_s < config->min_se_s)
		document_complain(loader->errors,
			mark_of(loader, document_find(&loader->document, sip, "min_se_s")),
			"sip.min_se_s: found %u, expected at most sip.session_expires_s (%u)",
			config->min_se_s, config->session_expires_s);
}

static void check_dns(struct loader *loader, const yaml_node_t *sip)
{
	const struct config_dns *dns = &loader->config->sip.dns;

	if (dns->max_ttl_s < dns->min_ttl_s)
		document_complain(loader->errors,
			mark_of(loader, document_find(&loader->document, sip, "dns")),
			"sip.dns.max_ttl_s: found %u, expected at least sip.dns.min_ttl_s (%u)",
			dns->max_ttl_s, dns->min_ttl_s);
}

static void check_tls(struct loader *loader, const yaml_node_t *sip)
{
	const struct config_tls *tls = &loader->config->sip.tls;
	const yaml_node_t *section = document_find(&loader->document, sip, "tls");

	if ((tls->certificate_file[0] != '\0') != (tls->key_file[0] != '\0'))
		document_complain(loader->errors, mark_of(loader, section),
			"sip.tls: found only one of certificate_file and key_file");
	if (tls->certificate_count != 0 && tls->certificate_file[0] == '\0')
		document_complain(loader->errors, mark_of(loader, section),
			"sip.tls.certificates without sip.tls.certificate_file, which peers get "
			"that name none");
}

static void check_media(struct loader *loader, const yaml_node_t *section)
{
	const struct config_media *media = &loader->config->media;
	const yaml_node_t *list = document_find(&loader->document, section, "addresses");

	for (uint32_t i = 0; i < media->address_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (media->addresses[i].family != TD_FAMILY_NONE &&
				td_ip_equal(&media->addresses[i], &media->addresses[j]))
				document_complain(loader->errors,
					mark_of(loader, document_item(&loader->document, list, i)),
					"the same address as entry %u of media.addresses", j + 1);
		}
	}
}

static void check_dataplane(struct loader *loader, const yaml_node_t *section)
{
	const struct config_dataplane *dataplane = &loader->config->dataplane;
	const yaml_node_t *ports = document_find(&loader->document, section, "ports");
	const yaml_node_t *workers = document_find(&loader->document, section, "workers");

	for (uint32_t i = 0; i < dataplane->port_count; i++) {
		const struct config_port *port = &dataplane->ports[i];
		yaml_mark_t mark = mark_of(loader, document_item(&loader->document, ports, i));

		for (uint32_t j = 0; j < i; j++) {
			const struct config_port *other = &dataplane->ports[j];

			if (port->name[0] != '\0' && strcmp(port->name, other->name) == 0)
				document_complain(loader->errors, mark,
					"duplicate port name \"%s\" in dataplane.ports",
					port->name);
			if (port->tap[0] != '\0' && strcmp(port->tap, other->tap) == 0)
				document_complain(loader->errors, mark,
					"duplicate tap \"%s\" in dataplane.ports", port->tap);
			if (port->device[0] != '\0' && strcmp(port->device, other->device) == 0)
				document_complain(loader->errors, mark,
					"the same device as entry %u of dataplane.ports", j + 1);
		}
	}
	for (uint32_t i = 0; i < dataplane->worker_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (dataplane->workers[i] == dataplane->workers[j])
				document_complain(loader->errors,
					mark_of(loader,
						document_item(&loader->document, workers, i)),
					"CPU %u twice in dataplane.workers", dataplane->workers[i]);
		}
	}
}

static void check_events(struct loader *loader, const yaml_node_t *section)
{
	static const char *const files[] = {"tls_ca_file", "tls_certificate_file", "tls_key_file"};
	const struct config_events *events = &loader->config->events;
	const yaml_node_t *list = document_find(&loader->document, section, "properties");

	for (size_t i = 0; i < TD_COUNT_OF(files) && !events->tls; i++) {
		const yaml_node_t *node = document_find(&loader->document, section, files[i]);

		if (node != NULL)
			document_complain(loader->errors, node->start_mark,
				"events.%s without \"tls: true\"", files[i]);
	}
	for (uint32_t i = 0; i < events->property_count; i++) {
		const char *property = events->properties[i];
		const yaml_node_t *node = document_item(&loader->document, list, i);

		if (property[0] == '\0')
			continue; /* refused already */
		if (property[0] == '=' || strchr(property, '=') == NULL)
			document_complain(loader->errors, mark_of(loader, node),
				"events.properties: found no \"=\", expected name=value");
		else if (strstr(property, "password") != NULL && loader->is_world_readable)
			document_complain(loader->errors, mark_of(loader, node),
				"found a password in a file that everyone can read, expected mode "
				"0640");
	}
}

void loader_check_addresses(struct loader *loader)
{
	const yaml_node_t *root = loader->document.root;

	check_listeners(loader, document_find(&loader->document, root, "sip"));
	check_tls(loader, document_find(&loader->document, root, "sip"));
	check_dns(loader, document_find(&loader->document, root, "sip"));
	check_media(loader, document_find(&loader->document, root, "media"));
	check_dataplane(loader, document_find(&loader->document, root, "dataplane"));
	check_events(loader, document_find(&loader->document, root, "events"));
}
