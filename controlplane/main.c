/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem-controlplane: reads the command line and the configuration, then hands over to
 * app/wire.c. Also the place that checks a configuration and prints what is generated from it.
 */
#include "app/map.h"
#include "app/wire.h"
#include "config/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	EXIT_USAGE = 2,
	OPTION_FIRST = 256
};

enum option_id {
	OPTION_CONFIG = OPTION_FIRST,
	OPTION_CHECK,
	OPTION_ARGUMENTS,
	OPTION_MAP,
	OPTION_DOCUMENTATION,
	OPTION_HELP,
	OPTION_VERSION,
};

static const char help_text[] =
	"tandem-controlplane: SIP, calls, journal and events of the Tandem appliance\n"
	"\n"
	"  tandem-controlplane --config FILE            run\n"
	"  tandem-controlplane --config FILE --check-config\n"
	"                                               check FILE and say what is wrong, where\n"
	"  tandem-controlplane --config FILE --dataplane-arguments\n"
	"                                               print tandem-dataplane's arguments, one a line\n"
	"  tandem-controlplane --print-map              print what a message passes, in order\n"
	"  tandem-controlplane --print-documentation    print docs/configuration.md\n"
	"  tandem-controlplane --version\n"
	"\n"
	"Signals: SIGHUP reads FILE again and applies what can change without a restart;\n"
	"SIGTERM ends the process, calls stay up and are taken over by the next start.\n"
	"Environment: TANDEM_LOG=err|warn|info|debug (default info; lines go to standard error).\n"
	"Look inside a running appliance with tandemctl.\n";

static int print_errors(const struct config_errors *errors)
{
	config_errors_print(errors, stderr);
	(void)fprintf(stderr, "%u error(s); nothing was started or changed\n", errors->total_count);
	return EXIT_FAILURE;
}

static int run_with_config(enum option_id verb, const char *path)
{
	static struct config_errors errors; /* 6 kB: not for the stack */
	struct config *config;
	int status = EXIT_SUCCESS;

	if (config_load(path, &config, &errors) != 0)
		return print_errors(&errors);
	if (verb == OPTION_CHECK) {
		(void)printf("%s: good (%u trunks, %u routes)\n", path, config->trunk_count,
			config->route_count);
	} else if (verb == OPTION_ARGUMENTS) {
		status = config_write_dataplane_arguments(config, stdout) == 0 ? EXIT_SUCCESS
									       : EXIT_FAILURE;
	} else {
		return wire_run(config, path);
	}
	config_destroy(config);
	return status;
}

static int usage(const char *complaint)
{
	(void)fprintf(stderr, "tandem-controlplane: %s; --help shows what there is\n", complaint);
	return EXIT_USAGE;
}

static int run_verb(enum option_id verb, const char *path)
{
	if (verb == OPTION_HELP) {
		(void)fputs(help_text, stdout);
		return EXIT_SUCCESS;
	}
	if (verb == OPTION_VERSION) {
		(void)puts("tandem-controlplane " TANDEM_VERSION);
		return EXIT_SUCCESS;
	}
	if (verb == OPTION_MAP) {
		map_print();
		return EXIT_SUCCESS;
	}
	if (verb == OPTION_DOCUMENTATION)
		return config_write_documentation(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (path == NULL)
		return usage("--config FILE is missing");
	return run_with_config(verb, path);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, OPTION_CONFIG},
		{"check-config", no_argument, NULL, OPTION_CHECK},
		{"dataplane-arguments", no_argument, NULL, OPTION_ARGUMENTS},
		{"print-map", no_argument, NULL, OPTION_MAP},
		{"print-documentation", no_argument, NULL, OPTION_DOCUMENTATION},
		{"help", no_argument, NULL, OPTION_HELP},
		{"version", no_argument, NULL, OPTION_VERSION},
		{NULL, 0, NULL, 0},
	};
	enum option_id verb = OPTION_CONFIG; /* run */
	const char *path = NULL;
	int option;

	(void)umask(077); /* journal, events and sockets are for this user only */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPTION_CONFIG)
			path = optarg;
		else if (option == '?')
			return EXIT_USAGE; /* getopt has said why */
		else
			verb = (enum option_id)option;
	}
	if (optind < argc)
		return usage("unexpected argument");
	return run_verb(verb, path);
}
