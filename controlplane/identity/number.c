/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/number.h"

#include "util/format.h"

#include <string.h>

enum {
	E164_DIGITS_MAX = 15, /* E.164 6.2.1 */
	WORK_BYTES = 2 * IDENTITY_NUMBER_BYTES,
};

static bool is_digits(const char *text)
{
	size_t count = strspn(text, "0123456789");

	return count != 0 && text[count] == '\0';
}

bool identity_is_e164(const char *text)
{
	return text[0] == '+' && is_digits(text + 1) && strlen(text + 1) <= E164_DIGITS_MAX;
}

static bool begins_with(const char *text, const char *prefix)
{
	return prefix[0] != '\0' && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Number may lie in result. */
static void put(const char *prefix, const char *code, const char *number, char *result, size_t size)
{
	char work[WORK_BYTES];

	(void)format_text(work, sizeof(work), "%s%s%s", prefix, code, number);
	(void)format_text(result, size, "%s", work);
}

/* Takes it over if it is a number at all; else what was received stays. */
static bool put_e164(const char *code, const char *number, char *result, size_t size)
{
	char work[WORK_BYTES];

	(void)format_text(work, sizeof(work), "+%s%s", code, number);
	if (!identity_is_e164(work) || strlen(work) >= size)
		return false;
	memcpy(result, work, strlen(work) + 1);
	return true;
}

void identity_number_in(
	const struct config_numbers *plan, const char *number, char *result, size_t size)
{
	const char *country = plan->country_code;
	const char *abroad = plan->international_prefix;
	const char *area = plan->national_prefix;

	if (country[0] != '\0' && is_digits(number) && strlen(number) > plan->short_digits) {
		if (begins_with(number, abroad) &&
			put_e164("", number + strlen(abroad), result, size))
			return;
		if (!begins_with(number, abroad) && begins_with(number, area) &&
			put_e164(country, number + strlen(area), result, size))
			return;
		if (!begins_with(number, abroad) && !begins_with(number, area) &&
			plan->bare != CONFIG_BARE_AS_IS &&
			put_e164(plan->bare == CONFIG_BARE_NATIONAL ? country : "", number, result,
				size))
			return;
	}
	put("", "", number, result, size);
}

void identity_number_out(
	const struct config_numbers *plan, const char *number, char *result, size_t size)
{
	const char *country = plan->country_code;
	const char *digits = number + 1;

	if (country[0] == '\0' || !identity_is_e164(number) || plan->form == CONFIG_NUMBER_AS_IS ||
		plan->form == CONFIG_NUMBER_E164)
		put("", "", number, result, size);
	else if (plan->form == CONFIG_NUMBER_E164_BARE)
		put("", "", digits, result, size);
	else if (plan->form == CONFIG_NUMBER_NATIONAL && begins_with(digits, country))
		put(plan->national_prefix, "", digits + strlen(country), result, size);
	else
		put(plan->international_prefix, "", digits, result, size);
}
