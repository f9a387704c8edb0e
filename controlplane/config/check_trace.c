/* SPDX-License-Identifier: Apache-2.0 */
/* Where a HEP collector is, and what export needs. */
#include "config/loader.h"
#include "sip/uri.h"

#include <stdio.h>

/* Reads "udp:ADDRESS:PORT". */
static bool read_collector(const char *text, struct td_endpoint *ret_endpoint)
{
	char uri[CONFIG_TEXT_BYTES + 4];
	struct sip_uri parsed;

	/* Behind the scheme it looks like a SIP URI without a user. */
	if (strncmp(text, "udp:", 4) != 0 || strchr(text, '@') != NULL)
		return false;
	(void)snprintf(uri, sizeof(uri), "sip:%s", text + 4);
	if (sip_uri_parse(span_from(uri), &parsed) != 0 || parsed.params.length != 0 ||
		parsed.headers.length != 0 || parsed.host_ip.family == TD_FAMILY_NONE ||
		parsed.port == 0)
		return false;
	*ret_endpoint = (struct td_endpoint){.ip = parsed.host_ip, .port = parsed.port};
	return true;
}

void loader_check_trace(struct loader *loader)
{
	struct config_trace *trace = &loader->config->trace;
	struct config_hep *hep = &trace->hep;
	const yaml_node_t *section =
		document_find(&loader->document, loader->document.root, "trace");
	const yaml_node_t *node = document_find(&loader->document, section, "hep");
	const yaml_node_t *collector = document_find(&loader->document, node, "collector");
	const yaml_node_t *password = document_find(&loader->document, node, "password_file");

	if (collector != NULL && hep->collector[0] != '\0') {
		if (!read_collector(hep->collector, &hep->endpoint))
			document_complain(loader->errors, collector->start_mark,
				"trace.hep.collector: found \"%s\", expected udp:ADDRESS:PORT",
				hep->collector);
		else if (trace->memory_mb == 0)
			document_complain(loader->errors, collector->start_mark,
				"trace.hep.collector needs trace.memory_mb of at least 1");
	}
	if (password != NULL && hep->password_file[0] != '\0')
		(void)loader_read_password(loader, hep->password_file, password->start_mark,
			hep->password); /* it has complained */
}
