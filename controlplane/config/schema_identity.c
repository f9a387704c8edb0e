/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of trunks.identity, trunks.numbers and trunks.headers. */
#include "config/schema_rows.h"

static const struct schema_choice diversions[] = {{"as_is", CONFIG_DIVERSION_AS_IS},
	{"diversion", CONFIG_DIVERSION_DIVERSION}, {"history_info", CONFIG_DIVERSION_HISTORY_INFO},
	{"both", CONFIG_DIVERSION_BOTH}, {"drop", CONFIG_DIVERSION_DROP}, {NULL, 0}};
static const struct schema_choice bare_numbers[] = {{"as_is", CONFIG_BARE_AS_IS},
	{"national", CONFIG_BARE_NATIONAL}, {"e164", CONFIG_BARE_E164}, {NULL, 0}};
static const struct schema_choice number_forms[] = {{"as_is", CONFIG_NUMBER_AS_IS},
	{"e164", CONFIG_NUMBER_E164}, {"e164_bare", CONFIG_NUMBER_E164_BARE},
	{"international", CONFIG_NUMBER_INTERNATIONAL}, {"national", CONFIG_NUMBER_NATIONAL},
	{NULL, 0}};
static const struct schema_choice header_actions[] = {{"add", CONFIG_HEADER_ADD},
	{"remove", CONFIG_HEADER_REMOVE}, {"copy", CONFIG_HEADER_COPY}, {NULL, 0}};

const struct schema_field schema_identity_fields[SCHEMA_IDENTITY_FIELDS] = {
	ROW("trunks.identity", "trusted", SCHEMA_BOOL,
		"true: in our trust domain (RFC 3325). Its P-Asserted-Identity is believed, and it gets "
		"ours, also of callers who want to stay unknown.",
		RELOAD, DEFAULT("false"), AT(config_identity, is_trusted)),
	ROW("trunks.identity", "callers", SCHEMA_PATTERN,
		"Numbers (E.164, patterns as in routes) that an untrusted trunk may call as: in "
		"P-Preferred-Identity or From. They go to trusted trunks as P-Asserted-Identity.",
		RELOAD, LIST(config_identity, callers, caller_count)),
	ROW("trunks.identity", "from_domain", SCHEMA_NAME,
		"Domain of From and P-Asserted-Identity towards it; none given: our address.",
		RELOAD, AT(config_identity, from_domain)),
	ROW("trunks.identity", "diversion", SCHEMA_CHOICE,
		"How it is told of redirections: as_is as they came, as Diversion (RFC 5806), as "
		"History-Info (RFC 7044), both, or not at all.",
		RELOAD, DEFAULT("as_is"), .choices = diversions, AT(config_identity, diversion)),
	ROW("trunks.identity", "passports", SCHEMA_BOOL,
		"Identity headers (STIR, RFC 8224) are passed on to it.", RELOAD, DEFAULT("true"),
		AT(config_identity, has_passports)),

	ROW("trunks.numbers", "country_code", SCHEMA_NAME,
		"Country code of its numbers (49); none given: numbers stay as they are.", RELOAD,
		AT(config_numbers, country_code)),
	ROW("trunks.numbers", "international_prefix", SCHEMA_NAME,
		"What stands before a country code instead of '+'.", RELOAD, DEFAULT("00"),
		AT(config_numbers, international_prefix)),
	ROW("trunks.numbers", "national_prefix", SCHEMA_NAME,
		"What stands before an area code; \"-\" if nothing does.", RELOAD, DEFAULT("0"),
		AT(config_numbers, national_prefix)),
	ROW("trunks.numbers", "bare", SCHEMA_CHOICE,
		"What a number without prefix is: as_is unknown, national (area code first), e164 "
		"(country code first).",
		RELOAD, DEFAULT("as_is"), .choices = bare_numbers, AT(config_numbers, bare)),
	ROW("trunks.numbers", "short_digits", SCHEMA_NUMBER,
		"Numbers of so few digits are never changed (112, extensions).", RELOAD,
		DEFAULT("6"), RANGE(0, 14), AT(config_numbers, short_digits)),
	ROW("trunks.numbers", "send", SCHEMA_CHOICE,
		"How it wants E.164 numbers: as_is +4930123, e164 the same, e164_bare 4930123, "
		"international 004930123, national 030123 and 0033... abroad.",
		RELOAD, DEFAULT("as_is"), .choices = number_forms, AT(config_numbers, form)),

	ROW("trunks.headers", "action", SCHEMA_CHOICE,
		"add with value, copy from the caller's INVITE, or remove what the rules before and "
		"Tandem itself put there.",
		RELOAD, DEFAULT("copy"), .choices = header_actions, AT(config_header_rule, action)),
	ROW("trunks.headers", "name", SCHEMA_NAME,
		"Any X- header, or one of Accept-Contact, Accept-Language, Alert-Info, Call-Info, "
		"Diversion, Geolocation, History-Info, Identity, Organization, "
		"P-Access-Network-Info, P-Asserted-Identity, P-Asserted-Service, "
		"P-Charging-Vector, P-Early-Media, P-Preferred-Identity, Priority, Privacy, "
		"Resource-Priority, Session-ID, Subject, User-Agent (remove), User-to-User.",
		RELOAD, REQUIRED, AT(config_header_rule, name)),
	ROW("trunks.headers", "value", SCHEMA_TEXT, "With add.", RELOAD,
		RANGE(1, CONFIG_TEXT_BYTES - 1), AT(config_header_rule, value)),
};
