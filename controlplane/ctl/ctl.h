/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of tandemctl: options from the command line, the question to the appliance, and what
 * is shown. Everything here runs in one short-lived process and prints to standard output;
 * problems go to standard error with what to do about them.
 */
#ifndef TD_CTL_CTL_H
#define TD_CTL_CTL_H

#include <tandem/compiler.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit codes, for scripts. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,	     /* the appliance refused, or a file can't be read */
	CTL_USAGE = 2,	     /* the command line is wrong */
	CTL_NOT_RUNNING = 3, /* nobody listens on the control socket */
};

struct ctl_options {
	const char *socket_path;
	const char *events_dir; /* NULL: ask the appliance */
	const char *run_dir;	/* NULL: where the control socket lies */
	bool is_json;
	bool follows;
	uint32_t limit;	      /* records shown by cdr and events */
	const char *call;     /* only what concerns this call or contact; NULL: all */
	const char *argument; /* behind the verb; NULL: none */
	const char *subject;  /* behind the argument; NULL: none */
	const char *leg;      /* call refer: behind the subject; NULL: none */
	const char *target;   /* call refer: behind the leg; NULL: none */
	const char *replaces; /* call refer: the call that the new one replaces; NULL: none */
	bool is_full;	      /* call trace: whole messages behind the ladder */
};

/* Asks the appliance and gives its result through ret_result (a new reference). request is taken.
 * On failure prints why and returns the exit code. */
td_must_check int ctl_ask(const struct ctl_options *options, json_t *request, json_t **ret_result);

/* Prints value as JSON. */
void ctl_print_json(const json_t *value);
/* Prints an object as two aligned columns, nested objects under their names. */
void ctl_print_object(const json_t *object);
/* Prints an array of objects as a table of the given columns (names of members, NULL ends). */
void ctl_print_table(const json_t *array, const char *const *columns);

/* The verbs that read files themselves; each returns an exit code. */
int ctl_show_records(const struct ctl_options *options, bool only_cdrs);
int ctl_show_dataplane(const struct ctl_options *options);
/* "call trace ID": asks, and draws. */
int ctl_show_call(const struct ctl_options *options);
/* "call refer CALL LEG TARGET": orders, and waits for the outcome. */
int ctl_refer(const struct ctl_options *options);

/* Banned addresses (bans.c). */
int ctl_show_bans(const struct ctl_options *options);
int ctl_ban(const struct ctl_options *options);
int ctl_unban(const struct ctl_options *options);

#endif
