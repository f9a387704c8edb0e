/* SPDX-License-Identifier: Apache-2.0 */
/* Banned addresses: the list, and the operator's word. */
#include "ctl/ctl.h"

#include <stdio.h>

int ctl_show_bans(const struct ctl_options *options)
{
	static const char *const columns[] = {"address", "left_s", "bans", "by_operator", NULL};
	json_t *result = NULL;
	int code = ctl_ask(options, json_pack("{s:s}", "verb", "bans"), &result);

	if (code == CTL_OK && options->is_json)
		ctl_print_json(json_object_get(result, "bans"));
	else if (code == CTL_OK && json_array_size(json_object_get(result, "bans")) == 0)
		(void)puts("no bans");
	else if (code == CTL_OK)
		ctl_print_table(json_object_get(result, "bans"), columns);
	json_decref(result);
	return code;
}

static int say(const struct ctl_options *options, const char *verb)
{
	json_t *result = NULL;
	int code;

	if (options->argument == NULL) {
		(void)fprintf(stderr,
			"tandemctl: %s wants an address, as in \"tandemctl %s 192.0.2.1\"\n", verb,
			verb);
		return CTL_USAGE;
	}
	code = ctl_ask(options, json_pack("{s:s, s:s}", "verb", verb, "address", options->argument),
		&result);
	if (code == CTL_OK && options->is_json)
		ctl_print_json(result);
	else if (code == CTL_OK)
		ctl_print_object(result);
	json_decref(result);
	return code;
}

int ctl_ban(const struct ctl_options *options)
{
	return say(options, "ban");
}

int ctl_unban(const struct ctl_options *options)
{
	return say(options, "unban");
}
