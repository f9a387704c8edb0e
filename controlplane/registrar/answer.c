/* SPDX-License-Identifier: Apache-2.0 */
/* What a 200 to REGISTER says (RFC 3261 10.3 step 8). */
#include "registrar/store.h"

#include <tandem/time.h>

#include <stdio.h>

enum {
	CONTACT_BYTES = REGISTRAR_URI_MAX_BYTES + REGISTRAR_INSTANCE_MAX_BYTES + 96,
};

/* What is left of a binding, rounded up: "0" would mean that it is gone. */
static uint32_t seconds_left(const struct registrar_binding *binding, uint64_t now_ms)
{
	uint64_t left_ms = td_since(binding->timer.deadline_ms, now_ms);

	return (uint32_t)((left_ms + TD_MS_PER_S - 1) / TD_MS_PER_S);
}

static void build_contact(
	struct sip_builder *builder, const struct registrar_binding *binding, uint64_t now_ms)
{
	struct span instance = registrar_binding_instance(binding);
	char value[CONTACT_BYTES];
	struct text text;

	text_init(&text, value, sizeof(value));
	text_append_char(&text, '<');
	text_append(&text, registrar_binding_uri(binding));
	text_appendf(&text, ">;expires=%u", seconds_left(binding, now_ms));
	if (binding->q_permille != SIP_Q_MAX)
		text_appendf(&text, ";q=0.%03u", binding->q_permille);
	if (instance.length != 0)
		text_appendf(&text, ";+sip.instance=\"%.*s\"", SPAN_ARGS(instance));
	if (binding->reg_id != 0)
		text_appendf(&text, ";reg-id=%u", binding->reg_id);
	sip_build_header(builder, SIP_HEADER_CONTACT, text_span(&text));
}

void registrar_build_answer(struct sip_builder *builder, const struct registrar_user *user,
	const struct registrar_request *request, const struct registrar_verdict *verdict)
{
	const struct sip_message *message = request->message;
	char date[SIP_DATE_BYTES];

	for (const struct registrar_binding *one = user->bindings; one != NULL; one = one->next)
		build_contact(builder, one, request->now.mono_ms);
	if (sip_message_lists(message, SIP_HEADER_SUPPORTED, "path"))
		sip_build_copy(builder, message, SIP_HEADER_PATH); /* RFC 3327 5.3 */
	if (verdict->is_outbound)
		sip_build_header(builder, SIP_HEADER_REQUIRE, SPAN("outbound"));
	sip_build_header(builder, SIP_HEADER_SUPPORTED, SPAN("path, outbound"));
	sip_build_header(
		builder, SIP_HEADER_DATE, span_from(sip_date_format(request->now.wall_ns, date)));
}
