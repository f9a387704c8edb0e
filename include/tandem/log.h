/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event to standard error, for the service manager to collect. Shells log; pure
 * code returns reasons. Form: "area: object id: what happened, what we did (key=value ...)".
 */
#ifndef TD_TANDEM_LOG_H
#define TD_TANDEM_LOG_H

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum td_log_level {
	TD_LOG_ERR,
	TD_LOG_WARN,
	TD_LOG_INFO,
	TD_LOG_DEBUG,
	TD_LOG_LEVEL_COUNT
};

enum {
	TD_LOG_LINE_BYTES = 1024
};

/* A place in the code that may log often: at most burst lines a second, the rest is counted. */
struct td_log_limit {
	uint64_t window_start_s;
	uint32_t in_window;
	uint32_t swallowed;
};

/* The level from which lines are dropped: TANDEM_LOG=err|warn|info|debug, default info. */
static inline enum td_log_level td_log_threshold(void)
{
	static int threshold = -1;

	if (threshold < 0) {
		const char *text = getenv("TANDEM_LOG");

		threshold = text == NULL     ? TD_LOG_INFO
			    : text[0] == 'e' ? TD_LOG_ERR
			    : text[0] == 'w' ? TD_LOG_WARN
			    : text[0] == 'd' ? TD_LOG_DEBUG
					     : TD_LOG_INFO;
	}
	return (enum td_log_level)threshold;
}

/* Writes one line. Thread-safe; a line longer than TD_LOG_LINE_BYTES is cut. Not for the packet
 * path, never for secrets. */
td_printf(2, 3) static inline void td_log(enum td_log_level level, const char *format, ...)
{
	static const char *const names[TD_LOG_LEVEL_COUNT] = {"ERR", "WARN", "INFO", "DEBUG"};
	char line[TD_LOG_LINE_BYTES];
	uint64_t wall_ms;
	va_list arguments;

	if (level > td_log_threshold())
		return;
	wall_ms = td_wall_ns() / TD_NS_PER_MS;
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "%llu.%03u %s %s\n", (unsigned long long)(wall_ms / TD_MS_PER_S),
		(unsigned)(wall_ms % TD_MS_PER_S), names[level], line);
}

/* True if this place may log now. When it may again after a silence, *ret_swallowed says how
 * many lines were left out. Not thread-safe: one limit per thread. */
static inline int td_log_allowed(
	struct td_log_limit *limit, uint32_t burst, uint64_t now_s, uint32_t *ret_swallowed)
{
	*ret_swallowed = 0;
	if (limit->window_start_s != now_s) {
		*ret_swallowed = limit->swallowed;
		limit->window_start_s = now_s;
		limit->in_window = 0;
		limit->swallowed = 0;
	}
	if (limit->in_window >= burst) {
		limit->swallowed++;
		return 0;
	}
	limit->in_window++;
	return 1;
}

#endif
