/* SPDX-License-Identifier: Apache-2.0 */
/* Names, sources, reachability and secrets of trunks. */
#include "config/loader.h"

#include <tandem/bytes.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct source {
	const struct config_prefix *prefix;
	uint32_t trunk;
	uint32_t item;
};

const yaml_node_t *loader_trunk_node(struct loader *loader, uint32_t index)
{
	const yaml_node_t *list = document_find(&loader->document, loader->document.root, "trunks");

	return document_item(&loader->document, list, index);
}

static int compare_names(const void *left, const void *right, void *context)
{
	const struct config *config = context;
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	int order = strcmp(config->trunks[a].name, config->trunks[b].name);

	return order != 0 ? order : a < b ? -1 : a > b;
}

static int check_names(struct loader *loader)
{
	const struct config *config = loader->config;
	uint32_t *order = calloc((size_t)config->trunk_count + 1, sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->trunk_count; i++)
		order[i] = i;
	qsort_r(order, config->trunk_count, sizeof(*order), compare_names, loader->config);
	loader->trunks_by_name = order;
	for (uint32_t i = 0; i < config->trunk_count; i++) {
		const char *name = config->trunks[order[i]].name;
		const yaml_node_t *node = document_find(
			&loader->document, loader_trunk_node(loader, order[i]), "name");

		if (name[0] == '\0' || node == NULL)
			continue; /* refused already */
		if (strcmp(name, "any") == 0)
			document_complain(loader->errors, node->start_mark,
				"trunks.name: found \"any\", which stands for every trunk");
		if (i != 0 && strcmp(name, config->trunks[order[i - 1]].name) == 0)
			document_complain(loader->errors, node->start_mark,
				"duplicate trunk name \"%s\"; it was first given in line %lu", name,
				(unsigned long)loader_trunk_node(loader, order[i - 1])
						->start_mark.line +
					1);
	}
	return 0;
}

uint32_t loader_find_trunk(const struct loader *loader, struct span name)
{
	uint32_t low = 0;
	uint32_t high = loader->config->trunk_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const char *other = loader->config->trunks[loader->trunks_by_name[middle]].name;
		int order = strncmp(name.text, other, name.length);

		if (order == 0 && other[name.length] == '\0')
			return loader->trunks_by_name[middle];
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return CONFIG_TRUNK_ANY;
}

static int compare_sources(const void *left, const void *right)
{
	const struct source *a = left;
	const struct source *b = right;
	int order = memcmp(a->prefix, b->prefix, sizeof(*a->prefix));

	if (order != 0)
		return order;
	if (a->trunk != b->trunk)
		return a->trunk < b->trunk ? -1 : 1;
	return a->item < b->item ? -1 : a->item > b->item;
}

/* True if both trunks accept some transport in common; an empty list is "any". */
static bool share_transport(const struct config_trunk *a, const struct config_trunk *b)
{
	if (a->transport_count == 0 || b->transport_count == 0)
		return true;
	for (uint32_t i = 0; i < a->transport_count; i++) {
		for (uint32_t j = 0; j < b->transport_count; j++) {
			if (a->transports[i] == b->transports[j])
				return true;
		}
	}
	return false;
}

static void complain_of_overlap(
	struct loader *loader, const struct source *source, const struct source *first)
{
	const struct config_trunk *trunks = loader->config->trunks;
	const yaml_node_t *list = document_find(
		&loader->document, loader_trunk_node(loader, source->trunk), "sources");
	const yaml_node_t *node = document_item(&loader->document, list, source->item);
	char ip[TD_IP_TEXT_BYTES];

	if (node == NULL || source->prefix->network.family == TD_FAMILY_NONE)
		return;
	(void)td_ip_format(&source->prefix->network, ip);
	if (source->trunk == first->trunk)
		document_complain(loader->errors, node->start_mark,
			"source %s/%u twice in this trunk", ip, source->prefix->bits);
	else if (share_transport(&trunks[source->trunk], &trunks[first->trunk]))
		document_complain(loader->errors, node->start_mark,
			"source %s/%u is also trunk \"%s\"'s: requests from there would be "
			"ambiguous",
			ip, source->prefix->bits, trunks[first->trunk].name);
}

/* A prefix inside a shorter one is fine, the longest match decides; the same one twice isn't. */
static int check_sources(struct loader *loader)
{
	const struct config *config = loader->config;
	struct source *sources;
	size_t count = 0;

	for (uint32_t i = 0; i < config->trunk_count; i++)
		count += config->trunks[i].source_count;
	sources = calloc(count + 1, sizeof(*sources));
	if (sources == NULL)
		return -ENOMEM;
	count = 0;
	for (uint32_t i = 0; i < config->trunk_count; i++) {
		for (uint32_t j = 0; j < config->trunks[i].source_count; j++)
			sources[count++] = (struct source){&config->trunks[i].sources[j], i, j};
	}
	qsort(sources, count, sizeof(*sources), compare_sources);
	for (size_t i = 1; i < count; i++) {
		if (memcmp(sources[i].prefix, sources[i - 1].prefix, sizeof(*sources[i].prefix)) ==
			0)
			complain_of_overlap(loader, &sources[i], &sources[i - 1]);
	}
	free(sources);
	return 0;
}

/* True if a listener can be the near end of the target. */
static bool can_reach(const struct config_target *target, const struct config_listener *listener)
{
	if (target->endpoint.ip.family != TD_FAMILY_NONE)
		return listener->transport == target->transport &&
		       listener->address.family == target->endpoint.ip.family;
	if (target->has_transport || target->is_sips)
		return listener->transport == target->transport;
	return !sip_transport_is_websocket((enum sip_transport)listener->transport);
}

static void check_target(struct loader *loader, uint32_t index)
{
	const struct config *config = loader->config;
	const struct config_target *target = &config->trunks[index].target;
	const yaml_node_t *node =
		document_find(&loader->document, loader_trunk_node(loader, index), "target");
	uint8_t family = target->endpoint.ip.family;

	if (node == NULL || target->host[0] == '\0' || config->sip.listener_count == 0)
		return; /* refused already */
	for (uint32_t i = 0; i < config->sip.listener_count; i++) {
		const struct config_listener *listener = &config->sip.listeners[i];

		if (listener->address.family == TD_FAMILY_NONE ||
			listener->transport == SIP_TRANSPORT_UNKNOWN)
			return; /* refused already; it may have been the one */
		if (can_reach(target, listener))
			return;
	}
	document_complain(loader->errors, node->start_mark,
		"trunks.target: found %s%s, but sip.listen has no such address",
		sip_transport_name((enum sip_transport)target->transport),
		family == TD_FAMILY_IPV4   ? " over IPv4"
		: family == TD_FAMILY_IPV6 ? " over IPv6"
					   : "");
}

/* Two names of one number would let one's certificate stand for the other's. */
static void number_server(struct loader *loader, uint32_t index)
{
	struct config_trunk *trunk = &loader->config->trunks[index];
	struct span name = config_trunk_server_name(trunk);

	if (span_is_empty(name))
		return;
	trunk->target.server_id = sip_server_id(name);
	for (uint32_t i = 0; i < index; i++) {
		const struct config_trunk *other = &loader->config->trunks[i];

		if (other->target.server_id != trunk->target.server_id ||
			span_equal_nocase(config_trunk_server_name(other), name))
			continue;
		document_complain(loader->errors, loader_trunk_node(loader, index)->start_mark,
			"trunks.tls_name: \"%.*s\" cannot be told from \"%.*s\": use another name",
			SPAN_ARGS(name), SPAN_ARGS(config_trunk_server_name(other)));
	}
}

static void check_media_address(struct loader *loader, uint32_t index)
{
	const struct config_media *media = &loader->config->media;
	const struct td_ip *address = &loader->config->trunks[index].media_address;
	const yaml_node_t *node =
		document_find(&loader->document, loader_trunk_node(loader, index), "media_address");

	if (node == NULL || address->family == TD_FAMILY_NONE)
		return;
	for (uint32_t i = 0; i < media->address_count; i++) {
		if (td_ip_equal(address, &media->addresses[i]))
			return;
	}
	document_complain(loader->errors, node->start_mark,
		"trunks.media_address: found \"%.*s\", expected one of media.addresses",
		SPAN_ARGS(document_text(node)));
}

bool loader_read_password(struct loader *loader, const char *path, yaml_mark_t mark,
	char password[CONFIG_SECRET_BYTES])
{
	char line[CONFIG_SECRET_BYTES + 1] = {0};
	bool is_good = false;
	struct stat status;
	ssize_t length;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &status) != 0) {
		document_complain(
			loader->errors, mark, "password file %s: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(status.st_mode)) {
		document_complain(loader->errors, mark,
			"password file %s: found something else than a file", path);
		goto out;
	}
	if ((status.st_mode & S_IRWXO) != 0) {
		document_complain(loader->errors, mark,
			"password file %s: others can use it (mode %04o), expected 0600 or 0640",
			path, status.st_mode & 07777u);
		goto out;
	}
	length = read(fd, line, sizeof(line));
	if (length > 0)
		line[strcspn(line, "\r\n")] = '\0';
	if (length <= 0 || line[0] == '\0' || line[CONFIG_SECRET_BYTES - 1] != '\0') {
		document_complain(loader->errors, mark,
			"password file %s: expected 1 to %d characters in its first line", path,
			CONFIG_SECRET_BYTES - 1);
		goto out;
	}
	memcpy(password, line, CONFIG_SECRET_BYTES);
	is_good = true;
out:
	td_wipe(line, sizeof(line));
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	return is_good;
}

void loader_check_password(struct loader *loader, const yaml_node_t *node, const char *section,
	const struct loader_password *password)
{
	const yaml_node_t *inline_node = document_find(&loader->document, node, "password");
	const yaml_node_t *file_node = document_find(&loader->document, node, "password_file");

	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return;
	if (inline_node == NULL && file_node == NULL)
		document_complain(loader->errors, node->start_mark,
			"missing key \"password_file\" (or \"password\") in trunks.%s", section);
	else if (inline_node != NULL && file_node != NULL)
		document_complain(loader->errors, file_node->start_mark,
			"found both password and password_file, expected one of them");
	else if (file_node != NULL && password->file[0] != '\0')
		(void)loader_read_password(loader, password->file, file_node->start_mark,
			password->secret); /* it has complained */
}

static void check_credentials(struct loader *loader, uint32_t index, const char *section,
	struct config_credentials *credentials)
{
	loader_check_password(loader,
		document_find(&loader->document, loader_trunk_node(loader, index), section),
		section,
		&(const struct loader_password){credentials->password_file, credentials->password});
}

int loader_check_trunks(struct loader *loader)
{
	struct config *config = loader->config;
	int error = check_names(loader);

	if (error == 0)
		error = check_sources(loader);
	for (uint32_t i = 0; i < config->trunk_count && error == 0; i++) {
		struct config_trunk *trunk = &config->trunks[i];

		check_target(loader, i);
		number_server(loader, i);
		check_media_address(loader, i);
		check_credentials(loader, i, "credentials", &trunk->credentials);
		check_credentials(loader, i, "inbound_auth", &trunk->inbound_auth);
		loader_check_identity(loader, i);
		error = loader_check_registrar(loader, i);
		if (trunk->latch == CONFIG_UNSET)
			trunk->latch = config->media.latch;
		if (trunk->media_timeout_s == CONFIG_UNSET)
			trunk->media_timeout_s = config->media.timeout_s;
	}
	return error;
}
