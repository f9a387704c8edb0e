/* SPDX-License-Identifier: Apache-2.0 */
/* Makes configurations for the tests of trunk/ and route/. */
#ifndef TD_TRUNK_TRUNK_FIXTURE_H
#define TD_TRUNK_TRUNK_FIXTURE_H

#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE_HEAD                                                                  \
	"node: t\n"                                                                   \
	"sip: {listen: [{address: 192.0.2.1}, {address: 192.0.2.1, transport: tcp}, " \
	"{address: \"2001:db8::1\", port: 5070}]}\n"                                  \
	"media: {addresses: [192.0.2.9, 192.0.2.8, \"2001:db8::9\"]}\n"               \
	"dataplane: {ports: [{device: net_null0}]}\n"

/* Loads FIXTURE_HEAD and rest; ends the test program if that fails. */
static inline struct config *fixture_config(const char *rest)
{
	char text[8192];
	struct config_errors errors;
	struct config *config = NULL;

	(void)snprintf(text, sizeof(text), "%s%s", FIXTURE_HEAD, rest);
	if (config_load_text(text, strlen(text), "fixture", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		abort();
	}
	return config;
}

#endif
