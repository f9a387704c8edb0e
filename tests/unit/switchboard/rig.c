/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void send_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct rig *rig = context;

	rig->sent++;
	rig->invites += length > 7 && memcmp(bytes, "INVITE ", 7) == 0;
	rig->to = *flow;
	(void)snprintf(rig->last, sizeof(rig->last), "%.*s", (int)length, bytes);
}

static void media_command(void *context, const struct media_command *command)
{
	struct rig *rig = context;

	rig->terminations[rig->commands++ % 2] = command->spec.termination_id;
}

static void journal_put(
	void *context, enum switchboard_journal kind, uint64_t id, const void *value, size_t length)
{
	struct rig *rig = context;

	assert_true(length <= sizeof(rig->journal));
	memcpy(rig->journal, value, length);
	rig->journal_length = length;
	rig->journal_kind = kind;
	rig->journal_id = id;
	rig->puts++;
}

static void journal_delete(void *context, enum switchboard_journal kind, uint64_t id)
{
	struct rig *rig = context;

	(void)kind;
	(void)id;
	rig->deletes++;
}

static void emit(void *context, const struct event_record *record)
{
	struct rig *rig = context;

	if (record->kind == EVENT_RECORD_REGISTRATION) {
		rig->registrations++;
		rig->registration = record->registration;
	}
	if (record->kind != EVENT_RECORD_CDR)
		return;
	rig->cdrs++;
	rig->cdr = record->cdr;
}

struct config *rig_load(const char *text)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (config_load_text(text, strlen(text), "rig", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		abort();
	}
	return config;
}

void rig_start(struct rig *rig, uint8_t boot)
{
	const struct switchboard_ports ports = {
		rig, send_sip, media_command, journal_put, journal_delete, emit, NULL};
	uint8_t seed[SWITCHBOARD_SEED_BYTES] = {boot, [20] = boot};

	const struct switchboard_setup setup = {.config = rig->config,
		.seed = seed,
		.restored_calls = rig->restored_calls,
		.trace = rig->trace};

	assert_int_equal(switchboard_create(&setup, &ports, rig->now, &rig->switchboard), 0);
	switchboard_media_state(rig->switchboard, LEDGER_READY, rig->now);
}

void rig_init(struct rig *rig, const char *text)
{
	memset(rig, 0, sizeof(*rig));
	rig->now = (struct td_now){1000000, 1767225600000000000ull};
	rig->config = rig_load(text);
	rig_start(rig, 1);
}

void rig_fini(struct rig *rig)
{
	switchboard_destroy(rig->switchboard);
	config_destroy(rig->config);
}

void rig_receive(struct rig *rig, const char *source, const char *text)
{
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	char bytes[4096];
	const struct switchboard_message message = {
		.bytes = bytes, .length = strlen(text), .flow = &flow};

	memcpy(bytes, text, strlen(text) + 1);
	assert_true(td_ip_parse(source, strlen(source), &flow.remote.ip));
	assert_true(td_ip_parse("10.0.0.1", 8, &flow.local.ip));
	flow.remote.port = flow.local.port = 5060;
	switchboard_receive_sip(rig->switchboard, &message, rig->now);
}

void rig_media_done(struct rig *rig)
{
	const uint64_t ids[] = {rig->terminations[0], rig->terminations[1]};

	for (size_t i = 0; i < 2; i++)
		switchboard_media_reply(rig->switchboard,
			&(const struct td_reply){.termination_id = ids[i],
				.command_type = TD_MESSAGE_ADD,
				.result = TD_RESULT_OK},
			rig->now);
}

void rig_restart(struct rig *rig, uint64_t ms, bool is_other_boot)
{
	const struct switchboard_snapshot snapshot = {.kind = rig->journal_kind,
		.id = rig->journal_id,
		.value = rig->journal,
		.length = rig->journal_length,
		.is_other_boot = is_other_boot};

	switchboard_destroy(rig->switchboard);
	rig->now.wall_ns += ms * TD_NS_PER_MS;
	rig->now.mono_ms = is_other_boot ? 500 : rig->now.mono_ms + ms;
	rig_start(rig, 2);
	assert_int_equal(switchboard_restore(rig->switchboard, &snapshot, rig->now), 0);
	switchboard_restored(rig->switchboard, rig->now);
}
