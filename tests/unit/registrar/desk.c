/* SPDX-License-Identifier: Apache-2.0 */
#include "desk.h"

#include "sip/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void tell(void *context, enum registrar_event event, const struct registrar_binding *binding)
{
	static const char marks[REGISTRAR_EVENT_COUNT] = {
		[REGISTRAR_ADDED] = '+',
		[REGISTRAR_MOVED] = '>',
		[REGISTRAR_REMOVED] = '-',
		[REGISTRAR_EXPIRED] = 'x',
		[REGISTRAR_FLOW_LOST] = 'f',
		[REGISTRAR_EVICTED] = 'e',
		[REGISTRAR_WITHDRAWN] = 'w',
	};
	struct desk *desk = context;
	size_t used = strlen(desk->notes);
	struct sip_uri uri;

	assert_int_equal(sip_uri_parse(registrar_binding_uri(binding), &uri), 0);
	(void)snprintf(desk->notes + used, sizeof(desk->notes) - used, "%c%.*s", marks[event],
		SPAN_ARGS(uri.user));
}

static void keep(void *context, const struct registrar_user *user)
{
	struct desk *desk = context;

	desk->kept++;
	if (strcmp(registrar_user_name(user), "alice") != 0)
		return;
	desk->record_length = 0;
	if (registrar_user_binding_count(user) != 0)
		assert_int_equal(registrar_record_write(user, desk->now, desk->record,
					 sizeof(desk->record), &desk->record_length),
			0);
}

static struct config *load(const char *text)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (config_load_text(text, strlen(text), "desk", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		abort();
	}
	return config;
}

static void create(struct desk *desk)
{
	const struct registrar_setup setup = {
		.capacity = DESK_CAPACITY,
		.seed = {1, 2, 3},
		.sink = {desk, tell, keep},
	};

	assert_int_equal(registrar_create(&setup, desk->now.mono_ms, &desk->registrar), 0);
	assert_int_equal(registrar_configure(desk->registrar, desk->config), 0);
	desk->user = registrar_find(desk->registrar, "p", SPAN("alice"));
}

void desk_init(struct desk *desk, const char *config_text)
{
	memset(desk, 0, sizeof(*desk));
	desk->now = (struct td_now){1000000, 1767225600000000000ull};
	desk->config = load(config_text);
	desk->flow = (struct sip_flow){.transport = SIP_TRANSPORT_UDP};
	assert_true(td_ip_parse("192.0.2.9", 9, &desk->flow.remote.ip));
	assert_true(td_ip_parse("10.0.0.1", 8, &desk->flow.local.ip));
	desk->flow.remote.port = desk->flow.local.port = 5060;
	create(desk);
}

void desk_fini(struct desk *desk)
{
	registrar_destroy(desk->registrar);
	config_destroy(desk->config);
}

void desk_restart(struct desk *desk)
{
	registrar_destroy(desk->registrar);
	create(desk);
}

void desk_configure(struct desk *desk, const char *config_text)
{
	struct config *next = load(config_text);

	assert_int_equal(registrar_configure(desk->registrar, next), 0);
	config_destroy(desk->config);
	desk->config = next;
	desk->user = registrar_find(desk->registrar, "p", SPAN("alice"));
}

unsigned desk_register(struct desk *desk, const char *call_id, uint32_t cseq, const char *headers)
{
	char text[8192];
	struct sip_message message;
	struct sip_parse_error error;
	struct registrar_verdict verdict;
	const struct registrar_request request = {.message = &message,
		.flow = &desk->flow,
		.limits = &desk->config->trunks[0].bindings,
		.now = desk->now};
	struct sip_builder builder;
	int length = snprintf(text, sizeof(text),
		"REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\r\n"
		"From: <sip:alice@t>;tag=f\r\nTo: <sip:alice@t>\r\nCall-ID: %s\r\n"
		"CSeq: %u REGISTER\r\n%sContent-Length: 0\r\n\r\n",
		cseq, call_id, cseq, headers);

	if (sip_message_parse(text, (size_t)length, false, &message, &error) != 0)
		fail_msg("%s: %s", headers, error.reason);
	registrar_register(desk->registrar, desk->user, &request, &verdict);
	assert_true((verdict.status == 200) == (verdict.reason == NULL));
	assert_true((verdict.status == 423) == (verdict.min_expires_s != 0));
	sip_builder_init(&builder, desk->answer, sizeof(desk->answer) - 1);
	registrar_build_answer(&builder, desk->user, &request, &verdict);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	desk->answer[length] = '\0';
	return verdict.status;
}

const char *desk_notes(struct desk *desk)
{
	static char notes[DESK_NOTES_BYTES];

	memcpy(notes, desk->notes, sizeof(notes));
	desk->notes[0] = '\0';
	return notes;
}

const char *desk_contacts(struct desk *desk)
{
	static char text[512];
	struct registrar_target target;
	uint32_t tried = 0;
	size_t used = 0;
	struct sip_uri uri;

	text[0] = '\0';
	while (registrar_choose(desk->user, tried, &target) == 0) {
		assert_int_equal(sip_uri_parse(target.uri, &uri), 0);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s",
			used != 0 ? " " : "", SPAN_ARGS(uri.user));
		tried |= 1u << target.slot;
	}
	return text;
}

void desk_wait(struct desk *desk, uint64_t ms)
{
	desk->now.mono_ms += ms;
	desk->now.wall_ns += ms * TD_NS_PER_MS;
	registrar_advance(desk->registrar, desk->now.mono_ms);
}
