/* SPDX-License-Identifier: Apache-2.0 */
/* GNU oSIP. */
#include "differential/oracle.h"

#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>
#include <stdarg.h>

/* It would print lines for each mutant. */
static void keep_quiet(
	const char *file, int line, osip_trace_level_t level, const char *format, va_list arguments)
{
	(void)file;
	(void)line;
	(void)level;
	(void)format;
	(void)arguments;
}

static bool begin(void)
{
	osip_trace_initialize_func(END_TRACE_LEVEL, keep_quiet);
	return parser_init() == 0;
}

static bool accepts(const char *bytes, size_t length)
{
	osip_message_t *message = NULL;
	bool is_good;

	if (osip_message_init(&message) != 0)
		return false;
	is_good = osip_message_parse(message, bytes, length) == 0;
	osip_message_free(message);
	return is_good;
}

const struct oracle oracle_osip = {.name = "osip2", .begin = begin, .accepts = accepts};
