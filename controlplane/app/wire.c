/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the process: build the parts in the order in which they need each other, run the loop,
 * take them down in reverse. What flows between them is in carry.c.
 */
#include "app/wire.h"

#include "api/control_socket.h"
#include "app/carry.h"
#include "app/intake.h"
#include "app/names.h"
#include "app/observation.h"
#include "app/storage.h"
#include "app/transports.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "defence/input.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "media/client.h"
#include "switchboard/outbox.h"
#include "switchboard/switchboard.h"
#include "transport/transport.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum {
	WIRE_TERMINATIONS_PER_CALL = 2,
};

int wire_complain(const char *part, const char *what, int result)
{
	td_log(TD_LOG_ERR, "wire: %s: %s (error=%s)", part, what, strerror(-result));
	return result;
}

/* --- calls ---------------------------------------------------------------------------------- */

/* What the journal gives back, in this order: calls in progress may need a phone. */
static const struct restored_kind {
	enum journal_kind kind;
	enum switchboard_journal as;
	const char *area;
	const char *consequence; /* of a record that can't be used */
} restored_kinds[] = {
	{JOURNAL_BINDINGS, SWITCHBOARD_JOURNAL_BINDINGS, "registrar",
		"the phone must register again"},
	{JOURNAL_REGISTRATION, SWITCHBOARD_JOURNAL_REGISTRATION, "registration",
		"we register anew"},
	{JOURNAL_SUBSCRIPTION, SWITCHBOARD_JOURNAL_SUBSCRIPTION, "subscription",
		"the phone must subscribe again"},
	{JOURNAL_CALL, SWITCHBOARD_JOURNAL_CALL, "call", "media will be removed"},
};

struct restoring {
	struct wire *wire;
	const struct restored_kind *kind;
	bool is_other_boot;
};

static int restore_record(void *context, uint64_t id, const uint8_t *value, size_t value_bytes)
{
	const struct restoring *restoring = context;
	struct wire *wire = restoring->wire;
	int result = switchboard_restore(wire->switchboard,
		&(const struct switchboard_snapshot){
			.kind = restoring->kind->as,
			.id = id,
			.value = value,
			.length = value_bytes,
			.is_other_boot = restoring->is_other_boot,
		},
		wire_now(wire));

	if (result != 0)
		td_log(TD_LOG_ERR, "%s: %" PRIx64 ": not restored, %s (error=%s)",
			restoring->kind->area, id, restoring->kind->consequence, strerror(-result));
	return 0; /* one bad record must not cost the others */
}

static int restore_all(struct wire *wire)
{
	struct restoring restoring = {
		.wire = wire, .is_other_boot = journal_stats(wire->journal).is_other_boot};
	int result = 0;

	for (size_t i = 0; i < TD_COUNT_OF(restored_kinds) && result == 0; i++) {
		restoring.kind = &restored_kinds[i];
		result = journal_replay(
			wire->journal, restored_kinds[i].kind, restore_record, &restoring);
	}
	return result;
}

static uint32_t journaled_calls(const struct wire *wire)
{
	return (uint32_t)journal_stats(wire->journal).records[JOURNAL_CALL];
}

static int build_switchboard(struct wire *wire)
{
	const struct switchboard_ports ports = carry_switchboard_ports(wire);
	uint8_t seed[SWITCHBOARD_SEED_BYTES];
	const struct switchboard_setup setup = {.config = wire->config,
		.seed = seed,
		.restored_calls = journaled_calls(wire),
		.trace = wire->trace};
	int result;

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return wire_complain("random", "the kernel gave no random bytes", -EIO);
	result = outbox_create(&wire->outbox);
	if (result == 0)
		result = switchboard_create(&setup, &ports, wire_now(wire), &wire->switchboard);
	if (result != 0)
		return wire_complain("switchboard", "cannot be created", result);
	result = restore_all(wire);
	if (result != 0)
		return wire_complain("journal", "cannot be read back", result);
	switchboard_restored(wire->switchboard, wire_now(wire));
	return 0;
}

static int build_media(struct wire *wire)
{
	const struct media_client_sink sink = carry_media_sink(wire);
	struct media_client_config config = {
		.socket_path = wire->config->dataplane.socket,
		.termination_capacity = (wire->config->sip.max_calls + journaled_calls(wire)) *
					WIRE_TERMINATIONS_PER_CALL * 2,
		.instance = wire->instance,
	};
	int result = media_client_create(wire->loop, &config, &sink, &wire->media);

	if (result != 0)
		return wire_complain(config.socket_path, "cannot create the media client", result);
	media_client_restored(wire->media);
	return 0;
}

static int build_transport(struct wire *wire)
{
	const struct transport_sink sink = carry_transport_sink(wire);

	return transports_build(wire, &sink);
}

static int build_control(struct wire *wire)
{
	struct control_socket_config config = {
		.path = wire->config->control.socket, .context = wire};
	int result;

	config.verbs = wire_verbs(&config.verb_count);
	result = control_socket_create(&config, &wire->control);
	if (result == 0)
		result = loop_add(wire->loop, control_socket_fd(wire->control), LOOP_READ,
			carry_control_ready, wire);
	return result == 0 ? 0
			   : wire_complain(config.path, "cannot open the control socket", result);
}

/* --- life ----------------------------------------------------------------------------------- */

static void on_signal(void *context, int signal_number)
{
	struct wire *wire = context;

	if (signal_number == SIGHUP) {
		json_t *report = json_object();

		if (wire_reload(wire, report) == 0)
			td_log(TD_LOG_INFO, "config: %s: read again", wire->config_path);
		json_decref(report); /* everything in it has been logged */
		return;
	}
	td_log(TD_LOG_INFO, "wire: %s: ending; calls stay up and are taken over by the next start",
		strsignal(signal_number));
	loop_stop(wire->loop);
}

static int build_loop(struct wire *wire)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	const struct loop_deadline deadline = carry_deadline(wire);
	int result = loop_create(&wire->loop);

	for (size_t i = 0; result == 0 && i < TD_COUNT_OF(signals); i++)
		result = loop_catch_signal(wire->loop, signals[i], on_signal, wire);
	if (result != 0)
		return wire_complain("loop", "cannot be created", result);
	(void)signal(SIGPIPE, SIG_IGN); /* closed sockets are told by write()'s error */
	loop_set_deadline(wire->loop, &deadline);
	loop_set_turn_end(wire->loop, carry_turn_end, wire);
	loop_set_delay_hook(wire->loop, carry_queue_delay, wire);
	wire->started_ms = loop_now_ms(wire->loop);
	wire->tick_ms = wire->started_ms;
	return 0;
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		td_log(TD_LOG_WARN, "wire: %s: cannot create the directory (error=%s)", path,
			strerror(errno));
}

/* Builds everything, in the order of need. On failure the caller takes down what there is. */
static int build(struct wire *wire)
{
	static int (*const steps[])(struct wire * wire) = {build_loop, storage_build, intake_build,
		observation_build, build_switchboard, names_build, build_media, build_transport,
		build_control};

	make_directory(wire->config->run_dir);
	make_directory(wire->config->state_dir);
	for (size_t i = 0; i < TD_COUNT_OF(steps); i++) {
		int result = steps[i](wire);

		if (result != 0)
			return result;
	}
	return 0;
}

static void take_down(struct wire *wire)
{
	control_socket_destroy(wire->control);
	transport_destroy(wire->transport);
	media_client_destroy(wire->media);
	names_take_down(wire);
	switchboard_destroy(wire->switchboard);
	observation_take_down(wire);
	outbox_destroy(wire->outbox);
	input_destroy(wire->input);
	storage_take_down(wire);
	loop_destroy(wire->loop);
	config_destroy(wire->config);
}

int wire_run(struct config *config, const char *config_path)
{
	struct wire wire = {.config = config, .config_path = config_path, .instance = td_wall_ns()};
	struct switchboard_counts counts;
	int result = build(&wire);

	if (result == 0) {
		counts = switchboard_get_counts(wire.switchboard);
		td_log(TD_LOG_INFO,
			"wire: %s: ready (listeners=%u trunks=%u routes=%u calls_recovered=%" PRIu64
			")",
			wire.config->node, wire.config->sip.listener_count,
			wire.config->trunk_count, wire.config->route_count, counts.calls_recovered);
		result = loop_run(wire.loop);
		if (result != 0)
			result = wire_complain("loop", "ended by an error", result);
	}
	take_down(&wire);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
