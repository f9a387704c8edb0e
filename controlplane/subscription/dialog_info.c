/* SPDX-License-Identifier: Apache-2.0 */
/* Elements in the order of the schema of RFC 4235 4.4; nothing optional that nobody reads. */
#include "subscription/dialog_info.h"

#include "subscription/xml.h"

static const char *const state_tokens[DIALOG_INFO_STATE_COUNT] = {[DIALOG_INFO_NONE] = "",
#define STATE_TOKEN(constant, token) [DIALOG_INFO_##constant] = (token),
	DIALOG_INFO_STATES(STATE_TOKEN)
#undef STATE_TOKEN
};

static const char *const event_tokens[DIALOG_INFO_EVENT_COUNT] = {[DIALOG_INFO_EVENT_NONE] = "",
#define EVENT_TOKEN(constant, token) [DIALOG_INFO_EVENT_##constant] = (token),
	DIALOG_INFO_EVENTS(EVENT_TOKEN)
#undef EVENT_TOKEN
};

const char *dialog_info_state_token(enum dialog_info_state state)
{
	return (unsigned)state < DIALOG_INFO_STATE_COUNT ? state_tokens[state] : "";
}

void dialog_info_begin(struct text *text, struct span entity, uint32_t version, bool is_full)
{
	text_append_string(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
				 "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\"");
	text_appendf(text, " version=\"%u\" state=\"%s\"", version, is_full ? "full" : "partial");
	xml_append_attribute(text, "entity", entity);
	text_append_string(text, ">\r\n");
}

static void add_party(struct text *text, const char *side, const struct dialog_info_party *party)
{
	if (party->uri.length == 0)
		return;
	text_appendf(text, "<%s><identity", side);
	xml_append_attribute(text, "display", party->display);
	text_append_char(text, '>');
	xml_append(text, party->uri);
	text_append_string(text, "</identity><target");
	xml_append_attribute(text, "uri", party->uri);
	text_appendf(text, "/></%s>\r\n", side);
}

void dialog_info_add(struct text *text, const struct dialog_info_dialog *dialog)
{
	text_appendf(text, "<dialog id=\"%llx\"", (unsigned long long)dialog->id);
	xml_append_attribute(text, "call-id", dialog->call_id);
	xml_append_attribute(text, "local-tag", dialog->local_tag);
	xml_append_attribute(text, "remote-tag", dialog->remote_tag);
	text_appendf(text, " direction=\"%s\">\r\n<state",
		dialog->is_initiator ? "initiator" : "recipient");
	if (dialog->event < DIALOG_INFO_EVENT_COUNT)
		xml_append_attribute(text, "event", span_from(event_tokens[dialog->event]));
	if (dialog->code != 0)
		text_appendf(text, " code=\"%u\"", dialog->code);
	text_appendf(text, ">%s</state>\r\n", dialog_info_state_token(dialog->state));
	if (dialog->duration_s != 0)
		text_appendf(text, "<duration>%u</duration>\r\n", dialog->duration_s);
	add_party(text, "local", &dialog->local);
	add_party(text, "remote", &dialog->remote);
	text_append_string(text, "</dialog>\r\n");
}

void dialog_info_end(struct text *text)
{
	text_append_string(text, "</dialog-info>\r\n");
}
