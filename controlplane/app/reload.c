/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP and `tandemctl reload`: reads the file again, says what changed, applies what can be
 * applied while calls are up and names what waits for a restart. A file with an error changes
 * nothing.
 */
#include "app/names.h"
#include "app/transports.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "switchboard/switchboard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reload {
	json_t *applied; /* borrows */
	json_t *waiting; /* borrows */
};

static void on_change(void *context, enum config_applies applies, const char *path)
{
	struct reload *reload = context;
	bool is_now = applies == CONFIG_APPLIES_RELOAD;

	td_log(is_now ? TD_LOG_INFO : TD_LOG_WARN, "config: %s: changed, %s", path,
		is_now ? "applied" : "takes effect with the next restart");
	(void)json_array_append_new(is_now ? reload->applied : reload->waiting, json_string(path));
}

static void tell_errors(const struct config_errors *errors, json_t *report)
{
	json_t *list = json_array();

	td_log(TD_LOG_ERR, "config: %s: %u error(s), the running configuration stays", errors->file,
		errors->total_count);
	for (uint32_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		td_log(TD_LOG_ERR, "config: %s:%u:%u: %s", errors->file, error->line, error->column,
			error->text);
		(void)json_array_append_new(
			list, json_pack("{s:i,s:i,s:s}", "line", (int)error->line, "column",
				      (int)error->column, "text", error->text));
	}
	(void)json_object_set_new(report, "errors", list);
}

/* Also without a change in the configuration: files of keys are renewed in place. */
static void tell_transport(struct wire *wire)
{
	int result = transports_reload(wire);

	if (result != 0)
		td_log(TD_LOG_ERR, "config: %s: keys were not read again (error=%s)",
			wire->config_path, strerror(-result));
}

int wire_reload(struct wire *wire, json_t *report)
{
	static struct config_errors errors; /* 6 kB, loop thread only */
	struct reload reload = {json_array(), json_array()};
	struct config *next;
	int result;

	(void)json_object_set_new(report, "applied", reload.applied);
	(void)json_object_set_new(report, "needs_restart", reload.waiting);
	if (config_load(wire->config_path, &next, &errors) != 0) {
		tell_errors(&errors, report);
		return -EBADMSG;
	}
	(void)config_diff(wire->config, next, on_change, &reload);
	config_apply_reload(wire->config, next);
	tell_transport(wire);
	result = switchboard_reconfigure(wire->switchboard, wire->config, wire_now(wire));
	if (result != 0)
		td_log(TD_LOG_ERR,
			"config: %s: trunks or routes could not be taken over: out of memory, reload again",
			wire->config_path);
	names_reload(wire);
	return result;
}
