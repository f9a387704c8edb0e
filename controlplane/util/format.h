/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snprintf() for messages: the directives that SIP, SDP and URIs are made with (%s, %.*s, %c, %u,
 * %d, %x with l, ll, zero padding and width) at a tenth of its price, with the same result.
 * Whatever else a format holds is left to the C library. Pure.
 */
#ifndef TD_UTIL_FORMAT_H
#define TD_UTIL_FORMAT_H

#include <tandem/compiler.h>

#include <stdarg.h>
#include <stddef.h>

/* As snprintf(): writes at most size_bytes with the terminating zero, returns the length that the
 * whole text has, or a negative number. */
td_printf(3, 4) int format_text(char *bytes, size_t size_bytes, const char *format, ...);
td_printf(3, 0) int format_arguments(
	char *bytes, size_t size_bytes, const char *format, va_list arguments);

#endif
