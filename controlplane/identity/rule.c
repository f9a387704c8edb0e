/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/rule.h"

#include "identity/caller.h"
#include "identity/diversion.h"

#include <strings.h>

static bool is_named(const struct sip_header *header, enum sip_header_id id, struct span name)
{
	return id != SIP_HEADER_OTHER
		       ? header->id == id
		       : header->id == SIP_HEADER_OTHER && span_equal_nocase(header->name, name);
}

static void copy_header(
	struct sip_builder *builder, const struct sip_message *invite, struct span name)
{
	enum sip_header_id id = sip_header_find(name);

	for (uint32_t i = 0; i < invite->header_count; i++)
		if (is_named(&invite->headers[i], id, name))
			sip_build_other_header(builder, name, invite->headers[i].value);
}

/* True if one of the rules from first on removes that header. */
static bool is_removed(const struct config_trunk *to, uint32_t first, const char *name)
{
	for (uint32_t i = first; i < to->header_rule_count; i++)
		if (to->header_rules[i].action == CONFIG_HEADER_REMOVE &&
			strcasecmp(to->header_rules[i].name, name) == 0)
			return true;
	return false;
}

bool identity_removes(const struct config_trunk *to, const char *name)
{
	return is_removed(to, 0, name);
}

/* What Tandem itself puts there, less what the trunk's rules take away. */
static void build_own(struct sip_builder *builder, const struct identity_call *call)
{
	const struct config_trunk *to = call->to;
	const struct sip_message *invite = call->invite;
	bool is_from_trusted = call->from != NULL && call->from->identity.is_trusted;

	if (!identity_removes(to, "P-Asserted-Identity"))
		identity_build_asserted(
			builder, call->caller, is_from_trusted ? invite : NULL, to, &call->own);
	if (invite == NULL)
		return;
	/* At the border the wish is carried out, not passed on (RFC 3323 5). */
	if (to->identity.is_trusted && !identity_removes(to, "Privacy"))
		sip_build_copy(builder, invite, SIP_HEADER_PRIVACY);
	identity_build_diversions(builder, invite, to, call->target);
	if (!to->identity.has_passports || identity_removes(to, "Identity") ||
		sip_message_find(invite, SIP_HEADER_IDENTITY) == NULL)
		return;
	sip_build_copy(builder, invite, SIP_HEADER_IDENTITY);
	sip_build_copy(builder, invite, SIP_HEADER_DATE); /* signed with it (RFC 8224 4.1) */
}

int identity_build_headers(const struct identity_call *call, char *buffer, size_t size)
{
	struct sip_builder builder;

	sip_builder_init(&builder, buffer, size);
	build_own(&builder, call);
	for (uint32_t i = 0; i < call->to->header_rule_count; i++) {
		const struct config_header_rule *rule = &call->to->header_rules[i];
		struct span name = span_from(rule->name);

		if (is_removed(call->to, i + 1, rule->name))
			continue;
		if (rule->action == CONFIG_HEADER_ADD)
			sip_build_other_header(&builder, name, span_from(rule->value));
		else if (rule->action == CONFIG_HEADER_COPY && call->invite != NULL)
			copy_header(&builder, call->invite, name);
	}
	return builder.error != 0 ? builder.error : (int)builder.used_bytes;
}
