/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers, taps and the interpreter of a trace's lines.
 */
#include "golden/calls/stage.h"

#include "golden/calls/stage_parts.h"
#include "sip/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_CONFIG                                                                  \
	"node: golden\n"                                                              \
	"sip:\n"                                                                      \
	"  listen: [{address: 10.0.0.1}, {address: \"2001:db8::1\"}]\n"               \
	"  ring_timeout_s: 40\n"                                                      \
	"media: {addresses: [10.0.0.1, \"2001:db8::1\"], ports: 30000-30099}\n"       \
	"dataplane: {ports: [{device: net_null0}]}\n"                                 \
	"trunks:\n"                                                                   \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", "            \
	"options_interval_s: 0, max_calls: 1, refer: accept, "                        \
	"events: [dialog], max_subscriptions: 2}\n"                                   \
	"  - name: b\n"                                                               \
	"    sources: [10.2.0.1]\n"                                                   \
	"    target: \"sip:10.2.0.1\"\n"                                              \
	"    options_interval_s: 0\n"                                                 \
	"    credentials: {username: tandem, password: secret}\n"                     \
	"    events: [dialog]\n"                                                      \
	"  - name: c\n"                                                               \
	"    sources: [10.3.0.1]\n"                                                   \
	"    target: \"sip:10.3.0.1\"\n"                                              \
	"    options_interval_s: 0\n"                                                 \
	"    inbound_auth: {username: peer, password: secret}\n"                      \
	"  - {name: f, sources: [\"2001:db8::/64\"], target: \"sip:[2001:db8::6]\", " \
	"options_interval_s: 0}\n"                                                    \
	"  - {name: g, sources: [10.7.0.1], target: \"sip:10.7.0.1\", "               \
	"options_interval_s: 0, media_timeout_s: 0, session_timer: request}\n"        \
	"routes:\n"                                                                   \
	"  - {from: a, number: \"700\", to: [g]}\n"                                   \
	"  - {from: g, number: \"100\", to: [b]}\n"                                   \
	"  - {from: a, number: \"600\", to: [f]}\n"                                   \
	"  - {from: f, number: \"100\", to: [b]}\n"                                   \
	"  - {from: a, number: \"100\", to: [b]}\n"                                   \
	"  - {from: a, number: \"200\", to: [b, c]}\n"                                \
	"  - {from: c, number: \"100\", to: [b]}\n"

static void tell_media(void *context, const struct media_command *command)
{
	static const char *const kinds[] = {"add", "modify", "subtract"};
	static const char *const modes[] = {"inactive", "receive", "send", "send+receive"};
	struct stage *stage = context;
	const struct td_termination_spec *spec = &command->spec;
	char remote[TD_ENDPOINT_TEXT_BYTES];

	text_appendf(&stage->output, "  -> media %s %c", kinds[command->kind],
		'a' + (int)(spec->termination_id & 3));
	if (command->kind != MEDIA_SUBTRACT)
		text_appendf(&stage->output, " port %u remote %s %s codecs %u timeout %u round %u",
			spec->local.port, td_endpoint_format(&spec->remote, remote),
			modes[spec->mode & 3], spec->codec_count, spec->media_timeout_s,
			spec->latch_round);
	text_append_char(&stage->output, '\n');
}

static void tell_release(struct stage *stage, const struct event_release *release)
{
	text_appendf(&stage->output, " sip %u q850 %u by %u detail %u disposition %u ner %u",
		release->sip_status, release->q850, release->by, release->detail,
		release->disposition, release->ner_class);
}

static void tell_registration(struct stage *stage, const struct registration_event *event)
{
	static const char *const names[] = {
#define STAGE_EVENT_NAME(constant, name, help) #name,
		REGISTRATION_EVENT_KINDS(STAGE_EVENT_NAME)
#undef STAGE_EVENT_NAME
	};

	text_appendf(&stage->output, "  -> registration %u %s %s %s expires %u reason %u",
		event->ordinal, names[event->kind], event->trunk, event->user, event->expires_s,
		event->reason);
}

static void tell_transfer(struct stage *stage, const struct event_transfer *transfer)
{
	if (transfer->transfer_id == 0)
		return;
	stage->transfer_id = transfer->transfer_id;
	text_appendf(&stage->output, " origin %u outcome %u sip %u to %s", transfer->origin,
		transfer->outcome, transfer->sip_status, transfer->target);
	if (transfer->replaces[0] != '\0')
		text_appendf(&stage->output, " replaces %s", transfer->replaces);
	if (transfer->referred_by[0] != '\0')
		text_appendf(&stage->output, " by %s", transfer->referred_by);
}

static void tell_event(void *context, const struct event_record *record)
{
	static const char *const names[] = {
#define STAGE_EVENT_NAME(constant, name, help) #name,
		CALL_EVENT_KINDS(STAGE_EVENT_NAME)
#undef STAGE_EVENT_NAME
	};
	struct stage *stage = context;

	if (record->kind == EVENT_RECORD_CALL) {
		text_appendf(&stage->output, "  -> event %u %s", record->call.ordinal,
			names[record->call.kind]);
		if (record->call.leg_id != 0)
			text_appendf(&stage->output, " %c", 'a' + (int)(record->call.leg_id & 3));
		stage->call_id = record->call.call_id;
		tell_transfer(stage, &record->call.transfer);
	} else if (record->kind == EVENT_RECORD_CDR) {
		const struct leg_cdr *cdr = &record->cdr;

		text_appendf(&stage->output,
			"  -> cdr %c attempt %u pdd %llu setup %llu ring %llu talk %llu hold %llu "
			"bill %llu%s%s",
			'a' + (int)cdr->leg_seq, cdr->attempt_no, (unsigned long long)cdr->pdd_ms,
			(unsigned long long)cdr->setup_ms, (unsigned long long)cdr->ring_ms,
			(unsigned long long)cdr->talk_ms, (unsigned long long)cdr->hold_ms,
			(unsigned long long)cdr->bill_ms, cdr->is_recovered ? " recovered" : "",
			cdr->is_media_stats_missing ? " stats missing" : "");
		tell_release(stage, &cdr->release);
	} else if (record->kind == EVENT_RECORD_REGISTRATION) {
		tell_registration(stage, &record->registration);
	} else {
		text_appendf(&stage->output, "  -> contact legs %u duration %llu",
			record->contact.leg_count, (unsigned long long)record->contact.duration_ms);
	}
	text_append_char(&stage->output, '\n');
}

static void tell_journal(void *context, enum switchboard_journal kind, size_t length)
{
	static const char *const kinds[SWITCHBOARD_JOURNAL_COUNT] = {
		"", " bindings", " registration", " subscription"};
	struct stage *stage = context;

	text_appendf(
		&stage->output, "  -> journal %s%s\n", length == 0 ? "delete" : "put", kinds[kind]);
}

static void peer_receive(
	void *context, const struct sip_flow *flow, char *bytes, size_t length, uint64_t now_ms)
{
	struct stage_peer *peer = context;

	(void)flow;
	(void)now_ms;
	stage_take(peer, bytes, length);
}

static void add_peer(struct stage *stage, unsigned index, const char *ip)
{
	struct stage_peer *peer = &stage->peers[index];
	const struct sim_node node = {.name = "peer", .context = peer, .receive = peer_receive};

	peer->stage = stage;
	peer->name = (char)('a' + index);
	(void)snprintf(peer->call_id, sizeof(peer->call_id), "call-of-%c", peer->name);
	(void)snprintf(peer->local_tag, sizeof(peer->local_tag), "tag-of-%c", peer->name);
	if (!td_ip_parse(ip, strlen(ip), &peer->address.ip))
		abort();
	peer->address.port = 5060;
	peer->node = sim_net_add_node(stage->net, &node);
	if (sim_net_listen(stage->net, peer->node, &peer->address) != 0)
		abort();
}

struct stage *stage_create(void)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	if (stage == NULL || sim_net_create(1, &stage->net) != 0)
		abort();
	text_init(&stage->output, stage->bytes, sizeof(stage->bytes));
	stage->board = board_create(stage->net, STAGE_CONFIG, 1);
	stage->board->tap = (struct board_tap){stage, tell_media, tell_event, tell_journal};
	add_peer(stage, 0, "10.1.0.1");
	add_peer(stage, 1, "10.2.0.1");
	add_peer(stage, 2, "10.3.0.1");
	add_peer(stage, 3, "10.1.0.2");
	add_peer(stage, 4, "10.9.0.1");
	add_peer(stage, 5, "2001:db8::6");
	add_peer(stage, 6, "10.7.0.1");
	return stage;
}

void stage_destroy(struct stage *stage)
{
	board_destroy(stage->board);
	sim_net_destroy(stage->net);
	free(stage);
}

/* Everything up to at_ms happens, told under the lines where it happened. */
static void run_until(struct stage *stage, uint64_t at_ms)
{
	uint64_t told_ms = sim_net_now_ms(stage->net);

	for (;;) {
		size_t before = stage->output.length;
		uint64_t next_ms = sim_net_next_ms(stage->net);

		if (next_ms > at_ms)
			break;
		if (next_ms != told_ms)
			text_appendf(&stage->output, "  @%llu\n",
				(unsigned long long)(next_ms - SIM_START_MS));
		if (!sim_net_step(stage->net, at_ms))
			break;
		if (next_ms != told_ms) {
			/* A time at which nothing was to be seen is not told. */
			char mark[32];
			int length = snprintf(mark, sizeof(mark), "  @%llu\n",
				(unsigned long long)(next_ms - SIM_START_MS));

			if (stage->output.length == before + (size_t)length) {
				stage->output.length = before;
				stage->bytes[before] = '\0';
			} else {
				told_ms = next_ms;
			}
		}
	}
	(void)sim_net_step(stage->net, at_ms);
}

static bool notify(struct stage *stage, const char *words)
{
	char name;
	char what[16];
	uint64_t id = 0;

	if (sscanf(words, "%c %15s", &name, what) != 2)
		return false;
	for (uint32_t i = 0; i < stage->board->termination_count; i++)
		if ((int)(stage->board->terminations[i].termination_id & 3) == name - 'a')
			id = stage->board->terminations[i].termination_id;
	board_notify(stage->board, id,
		strcmp(what, "timeout") == 0 ? TD_NOTIFY_MEDIA_TIMEOUT : TD_NOTIFY_MEDIA_RESUMED);
	return id != 0;
}

/* The operator's order: "a TARGET [REPLACES]". */
static bool order_refer(struct stage *stage, const char *words)
{
	char leg;
	char target[64];
	char replaces[128] = "";
	struct switchboard_refer order = {.call_id = stage->call_id, .target = target};
	const char *obstacle;
	uint64_t id;

	if (sscanf(words, "%c %63s %127s", &leg, target, replaces) < 2)
		return false;
	order.is_callee = leg == 'b';
	order.replaces = replaces[0] != '\0' ? replaces : NULL;
	obstacle = switchboard_refer(
		stage->board->switchboard, &order, board_now(sim_net_now_ms(stage->net)), &id);
	if (obstacle != NULL)
		text_appendf(&stage->output, "  -> refused: %s\n", obstacle);
	return true;
}

/* What the one who carries transfers out says of the last one. */
static bool report(struct stage *stage, const char *words)
{
	const struct switchboard_transfer_report report = {
		.call_id = stage->call_id,
		.transfer_id = stage->transfer_id,
		.sip_status = (unsigned)atoi(words),
	};
	int result = switchboard_report_transfer(
		stage->board->switchboard, &report, board_now(sim_net_now_ms(stage->net)));

	if (result != 0)
		text_appendf(&stage->output, "  -> refused: %s\n", strerrorname_np(-result));
	return true;
}

static bool play_verb(struct stage *stage, const char *verb, const char *words)
{
	if (strcmp(verb, "recv") == 0)
		return stage_send(stage, words);
	if (strcmp(verb, "notify") == 0)
		return notify(stage, words);
	if (strcmp(verb, "kill") == 0) {
		board_kill(stage->board);
		return true;
	}
	if (strcmp(verb, "delay") == 0) {
		stage->board->queue_delay_us = strtoull(words, NULL, 10) * TD_US_PER_MS;
		return true;
	}
	if (strcmp(verb, "drain") == 0) {
		switchboard_set_gate(stage->board->switchboard, SWITCHBOARD_GATE_DRAINING,
			strcmp(words, "on") == 0);
		return true;
	}
	if (strcmp(verb, "dataplane") == 0) {
		switchboard_media_state(stage->board->switchboard,
			strcmp(words, "lost") == 0 ? LEDGER_AWAY : LEDGER_READY,
			board_now(sim_net_now_ms(stage->net)));
		return true;
	}
	if (strcmp(verb, "away") == 0 || strcmp(verb, "back") == 0) {
		stage->board->is_media_away = verb[0] == 'a';
		return true;
	}
	if (strcmp(verb, "refer") == 0)
		return order_refer(stage, words);
	if (strcmp(verb, "report") == 0)
		return report(stage, words);
	if (strcmp(verb, "policy") == 0) { /* from the next start on */
		stage->board->has_policy = true;
		stage->board->policy_status = (unsigned)atoi(words);
		return true;
	}
	return strcmp(verb, "wait") == 0;
}

bool stage_play(struct stage *stage, const char *line)
{
	unsigned long long at_ms;
	char verb[16];
	int used = 0;

	if (sscanf(line, "@%llu %15s %n", &at_ms, verb, &used) < 2)
		return false;
	run_until(stage, SIM_START_MS + at_ms);
	text_appendf(&stage->output, "%s\n", line);
	if (!play_verb(stage, verb, line + used))
		return false;
	run_until(stage, SIM_START_MS + at_ms);
	return true;
}
