/* SPDX-License-Identifier: Apache-2.0 */
/* Numbering plans and header rules of trunks. */
#include "config/loader.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
	COUNTRY_CODE_DIGITS_MAX = 3, /* E.164 6.2.1 */
};

/* Headers that a rule may name: none that makes a dialog, describes the session, or is ours to
 * state (Allow, Supported, Via ...). */
static const char *const header_names[] = {"Accept-Contact", "Accept-Language", "Alert-Info",
	"Call-Info", "Diversion", "Geolocation", "History-Info", "Identity", "Organization",
	"P-Access-Network-Info", "P-Asserted-Identity", "P-Asserted-Service", "P-Charging-Vector",
	"P-Early-Media", "P-Preferred-Identity", "Priority", "Privacy", "Resource-Priority",
	"Session-ID", "Subject", "User-Agent", "User-to-User"};

static bool is_header_free(const char *name)
{
	if (strncasecmp(name, "X-", strlen("X-")) == 0)
		return true;
	for (size_t i = 0; i < TD_COUNT_OF(header_names); i++)
		if (strcasecmp(name, header_names[i]) == 0)
			return true;
	return false;
}

static bool is_digits(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isdigit((unsigned char)*text))
			return false;
	return true;
}

static void check_digits(
	struct loader *loader, const yaml_node_t *section, const char *key, const char *value)
{
	const yaml_node_t *node = document_find(&loader->document, section, key);

	if (node != NULL && !is_digits(value))
		document_complain(loader->errors, node->start_mark,
			"trunks.numbers.%s: found \"%s\", expected digits", key, value);
}

static void check_numbers(struct loader *loader, uint32_t index)
{
	struct config_numbers *numbers = &loader->config->trunks[index].numbers;
	const yaml_node_t *section =
		document_find(&loader->document, loader_trunk_node(loader, index), "numbers");
	const yaml_node_t *country = document_find(&loader->document, section, "country_code");

	if (strcmp(numbers->national_prefix, "-") == 0)
		numbers->national_prefix[0] = '\0';
	if (section == NULL)
		return;
	check_digits(loader, section, "country_code", numbers->country_code);
	check_digits(loader, section, "international_prefix", numbers->international_prefix);
	check_digits(loader, section, "national_prefix", numbers->national_prefix);
	if (country == NULL)
		document_complain(loader->errors, section->start_mark,
			"missing key \"country_code\" in trunks.numbers");
	else if (strlen(numbers->country_code) > COUNTRY_CODE_DIGITS_MAX ||
		 numbers->country_code[0] == '0')
		document_complain(loader->errors, country->start_mark,
			"trunks.numbers.country_code: found \"%s\", expected 1 to 3 digits without 0 "
			"in front",
			numbers->country_code);
}

static void check_rule(
	struct loader *loader, const yaml_node_t *node, const struct config_header_rule *rule)
{
	const yaml_node_t *name = document_find(&loader->document, node, "name");
	const yaml_node_t *value = document_find(&loader->document, node, "value");

	if (name == NULL)
		return; /* refused already */
	if (!is_header_free(rule->name))
		document_complain(loader->errors, name->start_mark,
			"trunks.headers.name: found \"%s\", expected an X- header or one that "
			"docs/configuration.md lists",
			rule->name);
	else if (rule->action != CONFIG_HEADER_REMOVE && strcasecmp(rule->name, "User-Agent") == 0)
		document_complain(loader->errors, name->start_mark,
			"trunks.headers.name: User-Agent can only be removed; sip.user_agent sets it");
	if (rule->action == CONFIG_HEADER_ADD && value == NULL)
		document_complain(loader->errors, node->start_mark,
			"missing key \"value\" in trunks.headers with action: add");
	else if (rule->action != CONFIG_HEADER_ADD && value != NULL)
		document_complain(loader->errors, value->start_mark,
			"found value in trunks.headers without action: add");
}

void loader_check_identity(struct loader *loader, uint32_t index)
{
	const struct config_trunk *trunk = &loader->config->trunks[index];
	const yaml_node_t *list =
		document_find(&loader->document, loader_trunk_node(loader, index), "headers");

	check_numbers(loader, index);
	for (uint32_t i = 0; list != NULL && i < trunk->header_rule_count; i++) {
		const yaml_node_t *node = document_item(&loader->document, list, i);

		if (node != NULL && node->type == YAML_MAPPING_NODE)
			check_rule(loader, node, &trunk->header_rules[i]);
	}
}
