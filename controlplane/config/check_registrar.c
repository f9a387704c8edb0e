/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who registers with whom: a trunk is reached either by its target or by what registered with it.
 */
#include "config/loader.h"
#include "sip/uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const yaml_node_t *key_of(struct loader *loader, uint32_t trunk, const char *key)
{
	return document_find(&loader->document, loader_trunk_node(loader, trunk), key);
}

/* Keys that mean nothing in a trunk of the other kind. */
static void check_kind(struct loader *loader, uint32_t index)
{
	static const char *const of_targets[] = {"target", "inbound_auth", "registration"};
	static const char *const of_registrars[] = {"users", "bindings"};
	const struct config_trunk *trunk = &loader->config->trunks[index];
	const yaml_node_t *node;

	for (size_t i = 0; trunk->is_registrar && i < TD_COUNT_OF(of_targets); i++) {
		node = key_of(loader, index, of_targets[i]);
		if (node != NULL)
			document_complain(loader->errors, node->start_mark,
				"found %s in a trunk with registrar: true, whose calls come from "
				"and go to its users",
				of_targets[i]);
	}
	for (size_t i = 0; !trunk->is_registrar && i < TD_COUNT_OF(of_registrars); i++) {
		node = key_of(loader, index, of_registrars[i]);
		if (node != NULL)
			document_complain(loader->errors, node->start_mark,
				"found %s in a trunk without registrar: true", of_registrars[i]);
	}
	node = loader_trunk_node(loader, index);
	if (!trunk->is_registrar && node != NULL && node->type == YAML_MAPPING_NODE &&
		key_of(loader, index, "target") == NULL)
		document_complain(loader->errors, node->start_mark,
			"missing key \"target\" in trunks, expected a SIP URI (or registrar: true)");
}

static void check_bindings(struct loader *loader, uint32_t index)
{
	const struct config_bindings *bindings = &loader->config->trunks[index].bindings;
	const yaml_node_t *node = key_of(loader, index, "bindings");

	if (node == NULL)
		return;
	if (bindings->min_expires_s > bindings->max_expires_s)
		document_complain(loader->errors, node->start_mark,
			"trunks.bindings: found min_expires_s %u above max_expires_s %u",
			bindings->min_expires_s, bindings->max_expires_s);
	else if (bindings->expires_s < bindings->min_expires_s ||
		 bindings->expires_s > bindings->max_expires_s)
		document_complain(loader->errors, node->start_mark,
			"trunks.bindings: found expires_s %u, expected %u to %u "
			"(min_expires_s, max_expires_s)",
			bindings->expires_s, bindings->min_expires_s, bindings->max_expires_s);
}

static int compare_users(const void *left, const void *right, void *context)
{
	const struct config_user *users = context;
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	int order = strcmp(users[a].username, users[b].username);

	return order != 0 ? order : a < b ? -1 : a > b;
}

static int check_user_names(struct loader *loader, uint32_t index)
{
	struct config_trunk *trunk = &loader->config->trunks[index];
	const yaml_node_t *list = key_of(loader, index, "users");
	uint32_t *order = calloc((size_t)trunk->user_count + 1, sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < trunk->user_count; i++)
		order[i] = i;
	qsort_r(order, trunk->user_count, sizeof(*order), compare_users, trunk->users);
	for (uint32_t i = 1; i < trunk->user_count; i++) {
		const char *name = trunk->users[order[i]].username;
		const yaml_node_t *node = document_item(&loader->document, list, order[i]);

		if (name[0] != '\0' && node != NULL &&
			strcmp(name, trunk->users[order[i - 1]].username) == 0)
			document_complain(loader->errors, node->start_mark,
				"duplicate user \"%s\" in trunks.users", name);
	}
	free(order);
	return 0;
}

/* Names that will stand in URIs of ours, written as they are. */
static void check_identity(struct loader *loader, uint32_t index)
{
	const struct config_registration *registration =
		&loader->config->trunks[index].registration;
	const struct config_target *registrar = &registration->registrar;
	const yaml_node_t *node = key_of(loader, index, "registration");
	const char *domain = registration->domain[0] != '\0' ? registration->domain : "host";
	const char *const users[] = {registration->user, registration->contact_user};
	char text[2 * CONFIG_TEXT_BYTES + sizeof("sip:@")];
	struct sip_uri uri;

	if (node != NULL && registrar->uri[0] != '\0' &&
		registrar->endpoint.ip.family == TD_FAMILY_NONE &&
		strcmp(registrar->uri, loader->config->trunks[index].target.uri) != 0)
		document_complain(loader->errors, node->start_mark,
			"trunks.registration.registrar: found the name \"%s\", expected an address: "
			"only the name of the trunk's target is looked up",
			registrar->host);
	for (size_t i = 0; node != NULL && i < TD_COUNT_OF(users); i++) {
		if (users[i][0] == '\0')
			continue;
		(void)snprintf(text, sizeof(text), "sip:%s@%s", users[i], domain);
		if (sip_uri_parse(span_from(text), &uri) != 0 || uri.params.length != 0 ||
			uri.headers.length != 0 || uri.password.length != 0)
			document_complain(loader->errors, node->start_mark,
				"trunks.registration: \"%s\" is no SIP URI", text);
	}
}

/* Names are looked up for a trunk's target alone. */
static void check_registrar_name(struct loader *loader, uint32_t index)
{
	const struct config_trunk *trunk = &loader->config->trunks[index];
	const struct config_target *registrar = &trunk->registration.registrar;

	if (registrar->host[0] != '\0' && registrar->endpoint.ip.family == TD_FAMILY_NONE &&
		strcmp(registrar->uri, trunk->target.uri) != 0)
		document_complain(loader->errors, key_of(loader, index, "registration")->start_mark,
			"trunks.registration.registrar: found the name \"%s\", expected an "
			"address, or the trunk's target",
			registrar->host);
}

int loader_check_registrar(struct loader *loader, uint32_t index)
{
	struct config_trunk *trunk = &loader->config->trunks[index];
	const yaml_node_t *list = key_of(loader, index, "users");

	check_kind(loader, index);
	check_bindings(loader, index);
	check_identity(loader, index);
	for (uint32_t i = 0; i < trunk->user_count; i++)
		loader_check_password(loader, document_item(&loader->document, list, i), "users",
			&(const struct loader_password){
				trunk->users[i].password_file, trunk->users[i].password});
	if (trunk->is_registrar)
		trunk->options_interval_s = 0; /* each phone tells of itself */
	check_registrar_name(loader, index);
	if (trunk->registration.user[0] != '\0' && trunk->registration.registrar.uri[0] == '\0')
		trunk->registration.registrar = trunk->target;
	return check_user_names(loader, index);
}
