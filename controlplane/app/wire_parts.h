/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that app/wire.c holds together, for the files that wire.c is divided into. Nobody
 * else includes this.
 */
#ifndef TD_APP_WIRE_PARTS_H
#define TD_APP_WIRE_PARTS_H

#include "util/now.h"

#include <tandem/compiler.h>
#include <tandem/log.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct config;
struct control_socket;
struct control_verb;
struct event_log;
struct event_sink;
struct hep_sender;
struct input;
struct journal;
struct kafka_producer;
struct loop;
struct media_client;
struct names;
struct outbox;
struct registrar_counts;
struct switchboard;
struct td_counters;
struct trace;
struct transport;

struct wire {
	struct config *config; /* owns; what is in force */
	const char *config_path;
	struct loop *loop;
	struct journal *journal;
	struct event_log *event_log;
	struct event_sink *event_sink;
	struct kafka_producer *kafka; /* NULL: no brokers configured */
	struct outbox *outbox;
	struct trace *trace;	       /* NULL: trace.memory_mb is 0 */
	struct hep_sender *hep_sender; /* NULL: no collector configured */
	struct input *input;	       /* new requests that wait */
	struct switchboard *switchboard;
	struct media_client *media;
	struct transport *transport;
	struct names *names;
	struct control_socket *control;
	uint64_t instance; /* wall ns of the start */
	uint64_t started_ms;
	uint64_t tick_ms;   /* next housekeeping */
	uint64_t listen_ms; /* SIP is listened to at the latest; 0: no turn yet; TD_NEVER: it is */
	uint64_t intake_dropped; /* new requests for which there was no room to wait */
	uint64_t dialog_wait_us; /* that the last message of a dialog had in this turn */
	uint64_t turn_delay_us;	 /* longest wait in the last turn of the loop */
	uint64_t outbox_lost;	 /* messages dropped for want of memory */
	uint64_t journal_failed; /* turns whose journal couldn't be written */
	bool is_journal_stuck;	 /* the last turn's journal couldn't be written: output waits */
	struct td_log_limit log_limit;
};

/* Logs that part could not do what it had to, and returns result. */
int wire_complain(const char *part, const char *what, int result);

/* Time of this turn of the loop. */
struct td_now wire_now(const struct wire *wire);

/* Reads the configuration again and applies what can change (reload.c). Adds "applied",
 * "needs_restart" and, if the file is refused, "errors" to report. 0; -EBADMSG with the running
 * configuration untouched; -ENOMEM. */
td_must_check int wire_reload(struct wire *wire, json_t *report);

/* Banned addresses (verbs_bans.c). */
int wire_verb_bans(void *context, const json_t *request, json_t **ret_result);
int wire_verb_ban(void *context, const json_t *request, json_t **ret_result);
int wire_verb_unban(void *context, const json_t *request, json_t **ret_result);

/* Who has registered with us, as a verb and as counters (verbs_registrations.c). */
int wire_verb_registrations(void *context, const json_t *request, json_t **ret_result);
int wire_verb_refer(void *context, const json_t *request, json_t **ret_result);
int wire_verb_transfer(void *context, const json_t *request, json_t **ret_result);
/* Ours with a trunk's registrar: null if there is none. */
json_t *wire_registration_json(const struct wire *wire, uint32_t trunk);
json_t *wire_registrar_json(const struct registrar_counts *counts);

/* tandemctl's verbs (verbs.c); the context is struct wire. */
const struct control_verb *wire_verbs(size_t *ret_count);

#endif
