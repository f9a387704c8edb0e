/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "config/document.h"
#include "config/loader.h"

#include <tandem/bytes.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int loader_check(struct loader *loader)
{
	int error;

	loader_check_addresses(loader);
	loader_check_trace(loader);
	error = loader_check_trunks(loader);
	if (error == 0)
		error = loader_check_routes(loader);
	return error;
}

static int load(struct loader *loader, const char *text, size_t length, struct config **ret_config)
{
	int error = document_init(&loader->document, text, length, loader->errors);

	if (error != 0)
		return error;
	loader->config = calloc(1, sizeof(*loader->config));
	error = loader->config != NULL ? loader_fill(loader) : -ENOMEM;
	if (error == 0)
		error = loader_check(loader);
	if (error == 0 && loader->errors->total_count != 0)
		error = -EBADMSG;
	document_fini(&loader->document);
	free(loader->trunks_by_name);
	if (error != 0) {
		config_destroy(loader->config);
		return error;
	}
	*ret_config = loader->config;
	return 0;
}

static void begin_errors(struct config_errors *errors, const char *file_name)
{
	memset(errors, 0, sizeof(*errors));
	(void)snprintf(errors->file, sizeof(errors->file), "%s", file_name);
}

int config_load_text(const char *text, size_t length, const char *file_name,
	struct config **ret_config, struct config_errors *ret_errors)
{
	struct loader loader = {.errors = ret_errors, .file_name = file_name};
	int error;

	begin_errors(ret_errors, file_name);
	error = load(&loader, text, length, ret_config);
	document_sort_errors(ret_errors);
	return error;
}

/* Says what is wrong with the file as a whole. */
static int complain_of_file(struct config_errors *errors, int error, const char *reason)
{
	errors->total_count = 1;
	errors->count = 1;
	(void)snprintf(errors->list[0].text, sizeof(errors->list[0].text), "%s", reason);
	return error;
}

/* Gives the whole file, to be wiped and freed. */
static int read_file(
	const char *path, struct config_errors *errors, char **ret_text, struct stat *ret_status)
{
	char *text = NULL;
	size_t used = 0;
	int error = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, ret_status) != 0) {
		error = complain_of_file(errors, -errno, strerror(errno));
		goto out;
	}
	if (!S_ISREG(ret_status->st_mode) || ret_status->st_size > CONFIG_FILE_MAX_BYTES) {
		error = complain_of_file(
			errors, -EBADMSG, "found no regular file of at most 8 MiB");
		goto out;
	}
	text = calloc(1, (size_t)ret_status->st_size + 1);
	if (text == NULL) {
		error = -ENOMEM;
		goto out;
	}
	while (used < (size_t)ret_status->st_size) {
		ssize_t got = read(fd, text + used, (size_t)ret_status->st_size - used);

		if (got < 0) {
			error = complain_of_file(errors, -errno, strerror(errno));
			free(text);
			goto out;
		}
		if (got == 0)
			break; /* it has just become shorter; what is there is judged */
		used += (size_t)got;
	}
	ret_status->st_size = (off_t)used;
	*ret_text = text;
out:
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	return error;
}

int config_load(const char *path, struct config **ret_config, struct config_errors *ret_errors)
{
	struct loader loader = {.errors = ret_errors, .file_name = path};
	struct stat status;
	char *text = NULL;
	int error;

	begin_errors(ret_errors, path);
	error = read_file(path, ret_errors, &text, &status);
	if (error != 0)
		return error;
	loader.is_world_readable = (status.st_mode & S_IROTH) != 0;
	error = load(&loader, text, (size_t)status.st_size, ret_config);
	td_wipe(text, (size_t)status.st_size);
	free(text);
	document_sort_errors(ret_errors);
	return error;
}

void config_destroy(struct config *config)
{
	if (config == NULL)
		return;
	for (uint32_t i = 0; i < config->trunk_count; i++) {
		struct config_trunk *trunk = &config->trunks[i];

		td_wipe(trunk->credentials.password, CONFIG_SECRET_BYTES);
		td_wipe(trunk->inbound_auth.password, CONFIG_SECRET_BYTES);
		if (trunk->users != NULL)
			td_wipe(trunk->users, trunk->user_count * sizeof(*trunk->users));
		free(trunk->users);
	}
	td_wipe(config->trace.hep.password, CONFIG_SECRET_BYTES);
	td_wipe(config->events.properties, sizeof(config->events.properties));
	free(config->trunks);
	free(config->routes);
	free(config);
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
	for (uint32_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		if (error->line != 0)
			(void)fprintf(out, "%s:%u:%u: %s\n", errors->file, error->line,
				error->column, error->text);
		else
			(void)fprintf(out, "%s: %s\n", errors->file, error->text);
	}
	if (errors->total_count > errors->count)
		(void)fprintf(out, "%s: and %u more\n", errors->file,
			errors->total_count - errors->count);
}

struct span config_trunk_server_name(const struct config_trunk *trunk)
{
	struct span name = SPAN("");

	if (trunk->tls_name[0] != '\0')
		name = span_from(trunk->tls_name);
	else if (trunk->target.endpoint.ip.family == TD_FAMILY_NONE)
		name = span_from(trunk->target.host);
	if (name.length != 0 && name.text[name.length - 1] == '.')
		name.length--; /* of the root: the same name */
	return name;
}

uint32_t config_find_trunk(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->trunk_count; i++) {
		if (strcmp(config->trunks[i].name, name) == 0)
			return i;
	}
	return CONFIG_TRUNK_ANY;
}
