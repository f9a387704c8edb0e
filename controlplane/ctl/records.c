/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandemctl cdr and events: read the event log's files directly, so that they also work when the
 * appliance is down, and cost the appliance nothing.
 */
#include "ctl/ctl.h"
#include "events/reader.h"
#include "events/record.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FOLLOW_POLL_MS = 200,
	PATH_BYTES = 4096,
};

/* The last records that match, as a ring. */
struct tail {
	json_t **records; /* owns references */
	size_t size;
	size_t count; /* ever added */
};

/* Where the log lies: as told, or as the running appliance says. */
static int find_dir(const struct ctl_options *options, char path[PATH_BYTES])
{
	json_t *status = NULL;
	const char *told = options->events_dir;
	int code = CTL_OK;

	if (told == NULL) {
		code = ctl_ask(options, json_pack("{s:s}", "verb", "events"), &status);
		told = json_string_value(json_object_get(status, "directory"));
	}
	if (code != CTL_OK)
		(void)fprintf(stderr, "Without it, name the event log with --events-dir DIR "
				      "(usually /var/lib/tandem/events).\n");
	else if (told == NULL || snprintf(path, PATH_BYTES, "%s", told) >= PATH_BYTES)
		code = CTL_FAILED;
	json_decref(status);
	return code;
}

static bool has_text(const json_t *record, const char *member, const char *wanted)
{
	const char *text = json_string_value(json_object_get(record, member));
	size_t length = text == NULL ? 0 : strlen(text);
	size_t wanted_length = strlen(wanted);

	/* Ids are "<node>-<number>": the number alone will do. */
	return length >= wanted_length && strcmp(text + length - wanted_length, wanted) == 0;
}

/* True if the record is one the user asked for. */
static bool matches(const struct ctl_options *options, const json_t *record)
{
	return options->call == NULL || has_text(record, "call_id", options->call) ||
	       has_text(record, "contact_id", options->call) ||
	       has_text(record, "leg_id", options->call) ||
	       has_text(record, "sip_call_id", options->call) ||
	       has_text(record, "registration_id", options->call) ||
	       has_text(record, "event_id", options->call);
}

static const char *text_of(const json_t *record, const char *member)
{
	const char *text = json_string_value(json_object_get(record, member));

	return text != NULL ? text : "-";
}

/* A line per event, contact or CDR for people. */
static void print_line(const json_t *record, unsigned kind)
{
	const json_t *code = json_object_get(record, "final_sip_code");

	if (kind == EVENT_RECORD_CALL)
		(void)printf("%-30s %-13s %-28s %s -> %s", text_of(record, "time"),
			text_of(record, "event"), text_of(record, "call_id"),
			text_of(record, "caller"), text_of(record, "callee"));
	else if (kind == EVENT_RECORD_REGISTRATION)
		(void)printf("%-30s %-13s %-28s %s %s", text_of(record, "time"),
			text_of(record, "event"), text_of(record, "registration_id"),
			text_of(record, "trunk"), text_of(record, "user"));
	else
		(void)printf("%-30s %-13s %-28s %s", text_of(record, "t_end"),
			event_record_kind_name(kind), text_of(record, "call_id"),
			text_of(record, "disposition"));
	if (json_is_integer(code))
		(void)printf("  sip=%" JSON_INTEGER_FORMAT, json_integer_value(code));
	if (json_is_string(json_object_get(record, "codec")))
		(void)printf("  %s", text_of(record, "codec"));
	(void)putchar('\n');
}

static void print_record(const struct ctl_options *options, const json_t *record, unsigned kind)
{
	if (options->is_json) {
		(void)json_dumpf(record, stdout, JSON_COMPACT);
		(void)putchar('\n');
	} else {
		print_line(record, kind);
	}
}

static void add_to_tail(struct tail *tail, json_t *record)
{
	json_t **slot = &tail->records[tail->count++ % tail->size];

	json_decref(*slot);
	*slot = json_incref(record);
}

/* CDRs as a table: the columns people look for first. */
static void print_cdr_table(const struct tail *tail)
{
	static const char *const columns[] = {"t_invite", "direction", "caller", "callee", "trunk",
		"disposition", "sip", "q850", "released_by", "pdd_ms", "bill_ms", "codec", "mos",
		"call_id", NULL};
	size_t first = tail->count > tail->size ? tail->count - tail->size : 0;
	json_t *rows = json_array();

	for (size_t i = first; i < tail->count; i++) {
		const json_t *cdr = tail->records[i % tail->size];
		const json_t *caller = json_object_get(cdr, "caller");
		const json_t *callee = json_object_get(cdr, "callee");
		const json_t *rx = json_object_get(json_object_get(cdr, "media"), "rx");
		json_t *row = json_object();

		for (const char *const *column = columns; *column != NULL; column++)
			(void)json_object_set(row, *column, json_object_get(cdr, *column));
		(void)json_object_set(row, "caller", json_object_get(caller, "user"));
		(void)json_object_set(row, "callee", json_object_get(callee, "user"));
		(void)json_object_set(row, "sip", json_object_get(cdr, "final_sip_code"));
		(void)json_object_set(row, "released_by", json_object_get(cdr, "release_by"));
		(void)json_object_set(row, "mos", json_object_get(rx, "mos_lq"));
		(void)json_array_append_new(rows, row);
	}
	ctl_print_table(rows, columns);
	json_decref(rows);
}

static void print_tail(const struct ctl_options *options, const struct tail *tail, bool only_cdrs)
{
	size_t first = tail->count > tail->size ? tail->count - tail->size : 0;

	if (only_cdrs && !options->is_json) {
		print_cdr_table(tail);
		return;
	}
	for (size_t i = first; i < tail->count; i++) {
		const json_t *record = tail->records[i % tail->size];
		unsigned kind = json_object_get(record, "registration_id") != NULL
					? EVENT_RECORD_REGISTRATION
				: json_object_get(record, "event") != NULL   ? EVENT_RECORD_CALL
				: json_object_get(record, "leg_seq") != NULL ? EVENT_RECORD_CDR
									     : EVENT_RECORD_CONTACT;

		print_record(options, record, kind);
	}
}

/* Reads on; those that match go to the tail, or straight out while following. */
static int read_on(struct event_reader *reader, const struct ctl_options *options, bool only_cdrs,
	struct tail *tail)
{
	struct event_frame frame;
	int result;

	while ((result = event_reader_next(reader, UINT64_MAX, &frame)) == 0) {
		json_t *record;

		if (only_cdrs && frame.kind != EVENT_RECORD_CDR)
			continue;
		record = json_loadb(frame.value.text, frame.value.length, 0, NULL);
		if (record != NULL && matches(options, record)) {
			if (tail != NULL)
				add_to_tail(tail, record);
			else
				print_record(options, record, frame.kind);
		}
		json_decref(record);
	}
	(void)fflush(stdout);
	return result == -EAGAIN ? CTL_OK : CTL_FAILED;
}

int ctl_show_records(const struct ctl_options *options, bool only_cdrs)
{
	struct tail tail = {.size = options->limit};
	struct event_reader *reader = NULL;
	char dir[PATH_BYTES];
	int code = find_dir(options, dir);
	int error;

	if (code != CTL_OK)
		return code;
	error = event_reader_open(dir, 0, &reader);
	if (error != 0) {
		(void)fprintf(stderr, "tandemctl: event log %s: %s\n", dir, strerror(-error));
		return CTL_FAILED;
	}
	tail.records = calloc(tail.size, sizeof(json_t *));
	code = tail.records == NULL ? CTL_FAILED : read_on(reader, options, only_cdrs, &tail);
	if (code == CTL_OK)
		print_tail(options, &tail, only_cdrs);
	while (code == CTL_OK && options->follows && !ferror(stdout)) {
		(void)fflush(stdout);
		(void)poll(NULL, 0, FOLLOW_POLL_MS);
		code = read_on(reader, options, only_cdrs, NULL);
	}
	if (event_reader_corrupt(reader) != 0)
		(void)fprintf(stderr,
			"tandemctl: %" PRIu64 " damaged places in the event log were left out\n",
			event_reader_corrupt(reader));
	for (size_t i = 0; tail.records != NULL && i < tail.size; i++)
		json_decref(tail.records[i]);
	free(tail.records);
	event_reader_close(reader);
	return code;
}
