/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell of the simulated switchboard: what app/wire.c is to the real one.
 */
#include "simulation/calls/board.h"

#include "call/transfer.h"
#include "config/config.h"

#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wall time of the simulation's zero: 2026-01-01. */
#define BOARD_WALL_START_NS 1767225600000000000ull

struct td_now board_now(uint64_t now_ms)
{
	return (struct td_now){now_ms, BOARD_WALL_START_NS + now_ms * TD_NS_PER_MS};
}

static void watch(const struct board *board, const char *verb, const char *bytes, size_t length)
{
	const char *text = getenv("TANDEM_WATCH");

	if (text != NULL && memmem(bytes, length, text, strlen(text)) != NULL)
		(void)fprintf(stderr, "%llu %s\n%.*s\n",
			(unsigned long long)sim_net_now_ms(board->net), verb, (int)length, bytes);
}

static void send_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct board *board = context;

	watch(board, "send", bytes, length);
	sim_net_send(board->net, board->node, flow, bytes, length);
}

static void media_command(void *context, const struct media_command *command)
{
	struct board *board = context;
	uint64_t due_ms = sim_net_now_ms(board->net) + board->reply_delay_ms;
	uint32_t at = board->command_count;

	if (board->reply_jitter_ms != 0)
		due_ms += sim_net_random_below(board->net, board->reply_jitter_ms);
	if (board->tap.media != NULL)
		board->tap.media(board->tap.context, command);
	assert(at < BOARD_COMMANDS_MAX && "too many commands under way");
	/* The connection keeps their order. */
	if (at != 0 && board->commands[at - 1].due_ms > due_ms)
		due_ms = board->commands[at - 1].due_ms;
	board->commands[at] = (struct board_command){due_ms, *command};
	board->command_count++;
}

static struct board_record *find_record(
	struct board *board, enum switchboard_journal kind, uint64_t id)
{
	for (uint32_t i = 0; i < board->journal_count; i++)
		if (board->journal[i].kind == kind && board->journal[i].id == id)
			return &board->journal[i];
	return NULL;
}

static void journal_put(
	void *context, enum switchboard_journal kind, uint64_t id, const void *value, size_t length)
{
	struct board *board = context;
	struct board_record *record = find_record(board, kind, id);

	if (record == NULL) {
		assert(board->journal_count < BOARD_JOURNAL_MAX && "journal is full");
		record = &board->journal[board->journal_count++];
		*record = (struct board_record){.kind = kind, .id = id};
	}
	free(record->value);
	record->value = malloc(length);
	assert(record->value != NULL && "no memory for the test");
	memcpy(record->value, value, length);
	record->length = length;
	if (board->tap.journal != NULL)
		board->tap.journal(board->tap.context, kind, length);
}

static void journal_delete(void *context, enum switchboard_journal kind, uint64_t id)
{
	struct board *board = context;
	struct board_record *record = find_record(board, kind, id);

	assert(record != NULL && "deleted what was never put");
	free(record->value);
	*record = board->journal[--board->journal_count];
	if (board->tap.journal != NULL)
		board->tap.journal(board->tap.context, kind, 0);
}

static void note_cdr(struct board *board, const struct leg_cdr *cdr)
{
	/* Newest first: repeats come soon after the first copy, if at all. */
	for (uint32_t i = board->cdr_count; i != 0; i--) {
		if (board->cdrs[i - 1].leg_id != cdr->leg_id)
			continue;
		board->cdrs[i - 1].copies++;
		return;
	}
	if (board->cdr_count == board->cdr_capacity) {
		board->cdr_capacity = board->cdr_capacity * 2 + 64;
		board->cdrs = realloc(board->cdrs, board->cdr_capacity * sizeof(board->cdrs[0]));
		assert(board->cdrs != NULL && "no memory for the test");
	}
	board->cdrs[board->cdr_count] = (struct board_cdr){
		.leg_id = cdr->leg_id,
		.copies = 1,
		.is_recovered = cdr->is_recovered,
		.is_answered = cdr->times.answer_wall_ns != 0,
		.detail = cdr->release.detail,
		.q850 = cdr->release.q850,
		.sip_status = cdr->release.sip_status,
		.bill_ms = cdr->bill_ms,
	};
	event_text_set(board->cdrs[board->cdr_count].callee, sizeof(board->cdrs[0].callee),
		cdr->callee.user, strlen(cdr->callee.user));
	board->cdr_count++;
}

static void emit(void *context, const struct event_record *record)
{
	struct board *board = context;

	if (board->tap.event != NULL)
		board->tap.event(board->tap.context, record);
	if (record->kind == EVENT_RECORD_CDR)
		note_cdr(board, &record->cdr);
	else if (record->kind == EVENT_RECORD_CONTACT)
		board->contact_count++;
	else if (record->kind == EVENT_RECORD_CALL)
		board->event_counts[record->call.kind]++;
	else if (record->kind == EVENT_RECORD_REGISTRATION)
		board->registration_counts[record->registration.kind]++;
}

static unsigned transfer(void *context, const struct transfer_request *request)
{
	struct board *board = context;

	board->policy_asked++;
	return request->is_invite && board->policy_status == 0 ? 603 : board->policy_status;
}

/* --- dataplane ------------------------------------------------------------------------------ */

static struct td_termination_spec *find_termination(struct board *board, uint64_t id)
{
	for (uint32_t i = 0; i < board->termination_count; i++)
		if (board->terminations[i].termination_id == id)
			return &board->terminations[i];
	return NULL;
}

static uint16_t apply(struct board *board, const struct media_command *command)
{
	const struct td_termination_spec *spec = &command->spec;
	struct td_termination_spec *known = find_termination(board, spec->termination_id);

	if (command->kind == MEDIA_SUBTRACT) {
		if (known == NULL)
			return TD_RESULT_UNKNOWN;
		*known = board->terminations[--board->termination_count];
		return TD_RESULT_OK;
	}
	if (spec->codec_count == 0 || spec->context_id == 0 ||
		(spec->remote.ip.family != TD_FAMILY_NONE &&
			spec->remote.ip.family != spec->local.ip.family))
		return TD_RESULT_BAD_VALUE;
	if (known != NULL && known->epoch > spec->epoch)
		return TD_RESULT_STALE_EPOCH;
	for (uint32_t i = 0; known == NULL && i < board->termination_count; i++)
		if (td_endpoint_equal(&board->terminations[i].local, &spec->local))
			return TD_RESULT_PORT_IN_USE;
	if (known == NULL) {
		assert(board->termination_count < BOARD_TERMINATIONS_MAX && "dataplane is full");
		known = &board->terminations[board->termination_count++];
	}
	*known = *spec;
	return TD_RESULT_OK;
}

static void run_dataplane(struct board *board, uint64_t now_ms)
{
	while (!board->is_media_away && board->command_count != 0 &&
		board->commands[0].due_ms <= now_ms) {
		struct board_command command = board->commands[0];
		struct td_reply reply = {
			.termination_id = command.command.spec.termination_id,
			.applied_epoch = command.command.spec.epoch,
			.command_type = command.command.kind == MEDIA_ADD ? TD_MESSAGE_ADD
					: command.command.kind == MEDIA_MODIFY
						? TD_MESSAGE_MODIFY
						: TD_MESSAGE_SUBTRACT,
		};

		board->command_count--;
		memmove(board->commands, board->commands + 1,
			board->command_count * sizeof(board->commands[0]));
		reply.result = apply(board, &command.command);
		reply.stats.rx_packets = 1000;
		if (board->switchboard != NULL)
			switchboard_media_reply(board->switchboard, &reply, board_now(now_ms));
	}
}

void board_notify(struct board *board, uint64_t termination_id, enum td_notify_kind kind)
{
	const struct td_notify notify = {
		.termination_id = termination_id,
		.kind = (uint16_t)kind,
	};

	switchboard_media_notify(
		board->switchboard, &notify, board_now(sim_net_now_ms(board->net)));
}

/* --- node ----------------------------------------------------------------------------------- */

/* Counts an input; true if the process died before it. */
static bool dies_now(struct board *board)
{
	board->steps++;
	if (board->switchboard == NULL)
		return true;
	if (board->kill_at == 0 || board->steps < board->kill_at)
		return false;
	board->kill_at = 0;
	board_kill(board);
	return true;
}

void board_receive(struct board *board, const struct sip_flow *flow, char *bytes, size_t length,
	uint64_t now_ms)
{
	const struct switchboard_message message = {
		.bytes = bytes,
		.length = length,
		.flow = flow,
		.is_stream = flow->transport != SIP_TRANSPORT_UDP,
		.wait = {.waited_us = board->queue_delay_us},
	};

	watch(board, "receive", bytes, length);
	if (!dies_now(board))
		switchboard_receive_sip(board->switchboard, &message, board_now(now_ms));
}

static void node_receive(
	void *context, const struct sip_flow *flow, char *bytes, size_t length, uint64_t now_ms)
{
	board_receive(context, flow, bytes, length, now_ms);
}

static uint64_t node_deadline(void *context)
{
	struct board *board = context;
	uint64_t deadline = board->switchboard != NULL ? switchboard_deadline(board->switchboard)
						       : board->restart_ms;

	if (!board->is_media_away && board->command_count != 0 &&
		board->commands[0].due_ms < deadline)
		deadline = board->commands[0].due_ms;
	return deadline;
}

static void node_advance(void *context, uint64_t now_ms)
{
	struct board *board = context;

	if (board->switchboard == NULL && now_ms >= board->restart_ms)
		board_start(board);
	run_dataplane(board, now_ms);
	if (!dies_now(board))
		switchboard_advance(board->switchboard, board_now(now_ms));
}

static void node_send_failed(void *context, const struct sip_flow *flow, uint64_t now_ms)
{
	struct board *board = context;

	if (board->switchboard != NULL)
		switchboard_transport_failed(board->switchboard, flow, board_now(now_ms));
}

void board_kill(struct board *board)
{
	switchboard_destroy(board->switchboard);
	board->switchboard = NULL;
	board->restart_ms = sim_net_now_ms(board->net) + 500;
}

void board_start(struct board *board)
{
	const struct switchboard_ports ports = {
		.context = board,
		.send_sip = send_sip,
		.media_command = media_command,
		.journal_put = journal_put,
		.journal_delete = journal_delete,
		.emit = emit,
		.transfer = board->has_policy ? transfer : NULL,
	};
	struct td_now now = board_now(sim_net_now_ms(board->net));
	uint8_t seed[SWITCHBOARD_SEED_BYTES] = {0};
	uint32_t count = board->journal_count;
	struct board_record *records = calloc(count + 1, sizeof(*records));

	assert(records != NULL && "no memory for the test");
	board->boots++;
	memcpy(seed, &board->seed, sizeof(board->seed));
	memcpy(seed + 16, &board->seed, sizeof(board->seed));
	seed[31] = (uint8_t)board->boots;
	if (switchboard_create(
		    &(const struct switchboard_setup){.config = board->config, .seed = seed},
		    &ports, now, &board->switchboard) != 0)
		abort();
	/* A copy: restoring writes the journal. */
	for (uint32_t i = 0; i < count; i++) {
		records[i] = board->journal[i];
		records[i].value = malloc(records[i].length);
		assert(records[i].value != NULL && "no memory for the test");
		memcpy(records[i].value, board->journal[i].value, records[i].length);
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct switchboard_snapshot snapshot = {
			.kind = records[i].kind,
			.id = records[i].id,
			.value = records[i].value,
			.length = records[i].length,
		};

		if (switchboard_restore(board->switchboard, &snapshot, now) != 0)
			abort();
		board->recovered_count++;
		free(records[i].value);
	}
	free(records);
	switchboard_restored(board->switchboard, now);
	switchboard_media_state(
		board->switchboard, board->is_media_away ? LEDGER_AWAY : LEDGER_READY, now);
}

struct board *board_create(struct sim_net *net, const char *config_text, uint64_t seed)
{
	struct board *board = calloc(1, sizeof(*board));
	const struct sim_node node = {
		.name = "tandem",
		.context = board,
		.receive = node_receive,
		.deadline = node_deadline,
		.advance = node_advance,
		.send_failed = node_send_failed,
	};
	struct config_errors errors;

	if (board == NULL)
		abort();
	board->net = net;
	board->seed = seed;
	if (config_load_text(config_text, strlen(config_text), "board", &board->config, &errors) !=
		0) {
		config_errors_print(&errors, stderr);
		abort();
	}
	board->node = sim_net_add_node(net, &node);
	for (uint32_t i = 0; i < board->config->sip.listener_count; i++) {
		const struct config_listener *listener = &board->config->sip.listeners[i];
		const struct td_endpoint address = {
			.ip = listener->address, .port = (uint16_t)listener->port};
		int result = sim_net_listen(net, board->node, &address);

		if (result != 0 && result != -EEXIST) /* UDP and TCP share it */
			abort();
	}
	board_start(board);
	return board;
}

void board_destroy(struct board *board)
{
	if (board == NULL)
		return;
	switchboard_destroy(board->switchboard);
	for (uint32_t i = 0; i < board->journal_count; i++)
		free(board->journal[i].value);
	config_destroy(board->config);
	free(board->cdrs);
	free(board);
}

uint32_t board_outstanding(struct board *board)
{
	struct switchboard_counts counts = switchboard_get_counts(board->switchboard);
	uint32_t sum = (uint32_t)counts.call_memory_bytes + counts.calls + counts.legs +
		       counts.dialogs + counts.referrals + counts.subscriptions +
		       counts.terminations + counts.ports_in_use + counts.transactions.clients +
		       counts.transactions.servers + board->journal_count +
		       board->termination_count + board->command_count;

	if (sum != 0)
		(void)fprintf(stderr,
			"outstanding: calls %u legs %u dialogs %u terminations %u ports %u "
			"memory %llu clients %u servers %u journal %u in dataplane %u commands "
			"%u\n",
			counts.calls, counts.legs, counts.dialogs, counts.terminations,
			counts.ports_in_use, (unsigned long long)counts.call_memory_bytes,
			counts.transactions.clients, counts.transactions.servers,
			board->journal_count, board->termination_count, board->command_count);
	return sum;
}

uint32_t board_repeated_cdrs(const struct board *board)
{
	uint32_t repeated = 0;

	for (uint32_t i = 0; i < board->cdr_count; i++)
		repeated += board->cdrs[i].copies > 1;
	return repeated;
}
