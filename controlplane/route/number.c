/* SPDX-License-Identifier: Apache-2.0 */
/* From the user part of a request URI to the number that routes are written for. */
#include "route/route.h"

#include <ctype.h>
#include <errno.h>

enum {
	RAW_BYTES = 256 /* a user part with all its parameters */
};

/* RFC 3966 3: what people write between digits. */
static bool is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* True if it can only be a telephone number: digits and separators after an optional '+'. */
static bool looks_like_number(const char *user)
{
	bool has_digit = false;

	if (*user == '+')
		user++;
	for (; *user != '\0' && *user != ';'; user++) {
		if (isdigit((unsigned char)*user))
			has_digit = true;
		else if (!is_separator(*user))
			return false;
	}
	return has_digit;
}

static bool is_telephone(const struct sip_uri *uri, const char *user)
{
	struct span value;

	if (uri->scheme == SIP_SCHEME_TEL)
		return true;
	if (sip_param_find(uri->params, "user", &value) && span_is(value, "phone"))
		return true;
	return looks_like_number(user);
}

int route_number(const struct sip_uri *uri, char number[ROUTE_NUMBER_BYTES])
{
	char user[RAW_BYTES];
	char result[ROUTE_NUMBER_BYTES];
	uint32_t used = 0;
	bool is_number;
	int error;

	if (uri->user.length == 0)
		return -EINVAL;
	error = sip_user_unescape(uri->user, user, sizeof(user));
	if (error != 0)
		return error;
	is_number = is_telephone(uri, user);
	for (const char *c = user; *c != '\0'; c++) {
		if (iscntrl((unsigned char)*c))
			return -EINVAL;
		if (is_number && *c == ';')
			break;
		if (is_number && is_separator(*c))
			continue;
		if (used + 1 == sizeof(result))
			return -ENOSPC;
		result[used++] = *c;
	}
	if (used == 0)
		return -EINVAL;
	result[used] = '\0';
	memcpy(number, result, used + 1);
	return 0;
}
