/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the command line, see options.h. Each option is a row of a table with its own reader, so
 * that --help and the parser can't disagree.
 */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTIONS_REST_DEFAULT_MS = 5000,
	OPTIONS_REST_MAX_MS = 600000,
	OPTIONS_TERMINATIONS_DEFAULT = 4096,
	OPTIONS_TERMINATIONS_MAX = 1 << 20,
	OPTIONS_MEMORY_DEFAULT_MB = 256,
	OPTIONS_MEMORY_MIN_MB = 64,
	OPTIONS_MEMORY_MAX_MB = 1 << 20,
	OPTIONS_MTU_DEFAULT_BYTES = 1500,
	OPTIONS_MTU_MIN_BYTES = 1280, /* RFC 8200 5 */
	OPTIONS_MTU_MAX_BYTES = 9000,
	OPTIONS_VLAN_MAX = 4094,
	OPTIONS_QUEUES_MAX = 64,
	OPTIONS_CPU_MAX = 1023,
	OPTIONS_MEDIA_PORT_MIN = 1024,
};

typedef int option_reader(struct options *options, const char *value, char *error);

struct option_row {
	const char *name;
	const char *value_name; /* NULL: takes no value */
	option_reader *read;
	const char *help;
};

td_printf(2, 3) static int options_fail(char *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(error, OPTIONS_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* Reads a whole decimal number of text[0..length). */
static bool options_number(
	const char *text, size_t length, uint32_t min, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (length == 0 || length > 9)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	if (number < min || number > max)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static int options_ranged(const char *option, const char *value, const uint32_t range[2],
	uint32_t *ret_number, char *error)
{
	if (!options_number(value, strlen(value), range[0], range[1], ret_number))
		return options_fail(error, "%s: '%.40s': expected a number from %u to %u", option,
			value, range[0], range[1]);
	return 0;
}

static bool options_name_is_valid(const char *text, size_t length)
{
	if (length == 0 || length >= OPTIONS_NAME_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_' || c == '.'))
			return false;
	}
	return true;
}

static struct options_port *options_port_named(
	struct options *options, const char *name, size_t length)
{
	for (uint32_t i = 0; i < options->port_count; i++) {
		if (strlen(options->ports[i].name) == length &&
			memcmp(options->ports[i].name, name, length) == 0)
			return &options->ports[i];
	}
	return NULL;
}

static int read_run_dir(struct options *options, const char *value, char *error)
{
	if (value[0] == '\0')
		return options_fail(error, "--run-dir: '': expected a directory");
	options->run_dir = value;
	return 0;
}

static int read_port(struct options *options, const char *value, char *error)
{
	static const char name_key[] = "name=";
	static const char device_key[] = ",device=";
	const char *name = value + sizeof(name_key) - 1;
	const char *device = strstr(value, device_key);
	struct options_port *port;
	size_t length;

	if (strncmp(value, name_key, sizeof(name_key) - 1) != 0 || device == NULL || device < name)
		return options_fail(error,
			"--port: '%.80s': expected name=NAME,device=DEVICE with the device last",
			value);
	length = (size_t)(device - name);
	device += sizeof(device_key) - 1;
	if (!options_name_is_valid(name, length))
		return options_fail(error,
			"--port: name '%.*s': expected 1 to 15 letters, digits, '-', '_' or '.'",
			(int)(length < 40 ? length : 40), name);
	if (device[0] == '\0')
		return options_fail(error, "--port: %.*s: device is empty", (int)length, name);
	if (options_port_named(options, name, length) != NULL)
		return options_fail(error, "--port: %.*s: named twice", (int)length, name);
	if (options->port_count == OPTIONS_PORTS_MAX)
		return options_fail(error, "--port: more than %d ports", OPTIONS_PORTS_MAX);
	port = &options->ports[options->port_count++];
	memcpy(port->name, name, length);
	port->device = device;
	port->mtu_bytes = OPTIONS_MTU_DEFAULT_BYTES;
	return 0;
}

static int read_port_pair(
	struct options_port *port, const char *key, const char *value, size_t length, char *error)
{
	int shown = (int)(length < 40 ? length : 40);
	uint32_t number = 0;

	if (strncmp(key, "queues=", 7) == 0) {
		if (!options_number(value, length, 1, OPTIONS_QUEUES_MAX, &number))
			return options_fail(error,
				"--port-option: %s: queues '%.*s': expected a number from 1 to %d",
				port->name, shown, value, OPTIONS_QUEUES_MAX);
		port->queues = (uint16_t)number;
	} else if (strncmp(key, "vlan=", 5) == 0) {
		if (!options_number(value, length, 0, OPTIONS_VLAN_MAX, &number))
			return options_fail(error,
				"--port-option: %s: vlan '%.*s': expected a number from 0 to %d",
				port->name, shown, value, OPTIONS_VLAN_MAX);
		port->vlan_id = (uint16_t)number;
	} else if (strncmp(key, "mtu=", 4) == 0) {
		if (!options_number(
			    value, length, OPTIONS_MTU_MIN_BYTES, OPTIONS_MTU_MAX_BYTES, &number))
			return options_fail(error,
				"--port-option: %s: mtu '%.*s': expected a number from %d to %d",
				port->name, shown, value, OPTIONS_MTU_MIN_BYTES,
				OPTIONS_MTU_MAX_BYTES);
		port->mtu_bytes = (uint16_t)number;
	} else if (strncmp(key, "tap=", 4) == 0) {
		if (!options_name_is_valid(value, length))
			return options_fail(error,
				"--port-option: %s: tap '%.*s': expected an interface name",
				port->name, shown, value);
		memset(port->tap_name, 0, sizeof(port->tap_name));
		memcpy(port->tap_name, value, length);
	} else if (strncmp(key, "checksum=", 9) == 0) {
		bool is_trust = length == 5 && memcmp(value, "trust", 5) == 0;

		if (!is_trust && !(length == 6 && memcmp(value, "verify", 6) == 0))
			return options_fail(error,
				"--port-option: %s: checksum '%.*s': expected verify or trust",
				port->name, shown, value);
		port->is_checksum_trusted = is_trust;
	} else {
		return options_fail(error,
			"--port-option: %s: '%.40s': expected queues=, vlan=, mtu=, tap= or checksum=",
			port->name, key);
	}
	return 0;
}

static int read_port_option(struct options *options, const char *value, char *error)
{
	const char *colon = strchr(value, ':');
	struct options_port *port =
		colon == NULL ? NULL : options_port_named(options, value, (size_t)(colon - value));

	if (port == NULL)
		return options_fail(error,
			"--port-option: '%.80s': expected NAME:KEY=VALUE with a NAME that an earlier "
			"--port has",
			value);
	for (const char *key = colon + 1;;) {
		const char *end = strchrnul(key, ',');
		const char *equals = memchr(key, '=', (size_t)(end - key));
		int rc;

		if (equals == NULL)
			return options_fail(error, "--port-option: %s: '%.40s': expected KEY=VALUE",
				port->name, key);
		rc = read_port_pair(port, key, equals + 1, (size_t)(end - equals - 1), error);
		if (rc != 0 || *end == '\0')
			return rc;
		key = end + 1;
	}
}

static int read_media_address(struct options *options, const char *value, char *error)
{
	struct td_ip ip;

	if (!td_ip_parse(value, strlen(value), &ip))
		return options_fail(
			error, "--media-address: '%.60s': expected an IPv4 or IPv6 address", value);
	for (uint32_t i = 0; i < options->media_address_count; i++) {
		if (td_ip_equal(&ip, &options->media_addresses[i]))
			return options_fail(error, "--media-address: %.60s: given twice", value);
	}
	if (options->media_address_count == OPTIONS_MEDIA_ADDRESSES_MAX)
		return options_fail(error, "--media-address: more than %d addresses",
			OPTIONS_MEDIA_ADDRESSES_MAX);
	options->media_addresses[options->media_address_count++] = ip;
	return 0;
}

static int read_media_ports(struct options *options, const char *value, char *error)
{
	const char *dash = strchr(value, '-');
	uint32_t first = 0;
	uint32_t last = 0;

	if (dash == NULL ||
		!options_number(value, (size_t)(dash - value), OPTIONS_MEDIA_PORT_MIN, UINT16_MAX,
			&first) ||
		!options_number(
			dash + 1, strlen(dash + 1), OPTIONS_MEDIA_PORT_MIN, UINT16_MAX, &last) ||
		first % 2 != 0 || last % 2 != 1 || last < first)
		return options_fail(error,
			"--media-ports: '%.40s': expected FIRST-LAST, FIRST even, LAST odd and not "
			"lower, from %d to 65535",
			value, OPTIONS_MEDIA_PORT_MIN);
	options->media_port_first = (uint16_t)first;
	options->media_port_last = (uint16_t)last;
	return 0;
}

static int read_rest_ms(struct options *options, const char *value, char *error)
{
	return options_ranged("--rest-ms", value, (const uint32_t[2]){0, OPTIONS_REST_MAX_MS},
		&options->rest_ms, error);
}

static int read_worker(struct options *options, const char *value, char *error)
{
	uint32_t cpu = 0;
	int rc = options_ranged(
		"--worker", value, (const uint32_t[2]){0, OPTIONS_CPU_MAX}, &cpu, error);

	if (rc != 0)
		return rc;
	if (options->worker_count == OPTIONS_WORKERS_MAX)
		return options_fail(error, "--worker: more than %d workers", OPTIONS_WORKERS_MAX);
	options->worker_cpus[options->worker_count++] = (uint16_t)cpu;
	return 0;
}

static int read_poll(struct options *options, const char *value, char *error)
{
	options->is_polling_adaptive = strcmp(value, "adaptive") == 0;
	if (!options->is_polling_adaptive && strcmp(value, "busy") != 0)
		return options_fail(error, "--poll: '%.40s': expected busy or adaptive", value);
	return 0;
}

static int read_terminations(struct options *options, const char *value, char *error)
{
	return options_ranged("--terminations", value,
		(const uint32_t[2]){2, OPTIONS_TERMINATIONS_MAX}, &options->termination_capacity,
		error);
}

static int read_memory_mb(struct options *options, const char *value, char *error)
{
	return options_ranged("--memory-mb", value,
		(const uint32_t[2]){OPTIONS_MEMORY_MIN_MB, OPTIONS_MEMORY_MAX_MB},
		&options->memory_mb, error);
}

static int read_no_huge(struct options *options, const char *value, char *error)
{
	(void)value;
	(void)error;
	options->has_no_huge = true;
	return 0;
}

static int read_eal(struct options *options, const char *value, char *error)
{
	if (options->eal_argument_count == OPTIONS_EAL_MAX)
		return options_fail(error, "--eal: more than %d arguments", OPTIONS_EAL_MAX);
	options->eal_arguments[options->eal_argument_count++] = value;
	return 0;
}

static int read_print_map(struct options *options, const char *value, char *error)
{
	(void)value;
	(void)error;
	options->wants_map = true;
	return 0;
}

static int read_print_counters(struct options *options, const char *value, char *error)
{
	(void)value;
	(void)error;
	options->wants_counters = true;
	return 0;
}

static int read_print_drop_reasons(struct options *options, const char *value, char *error)
{
	(void)value;
	(void)error;
	options->wants_drop_reasons = true;
	return 0;
}

static int read_help(struct options *options, const char *value, char *error)
{
	(void)value;
	(void)error;
	options->wants_help = true;
	return 0;
}

static const struct option_row option_rows[] = {
	{"--run-dir", "DIR", read_run_dir,
		"directory on tmpfs for the command socket, counters and state; required"},
	{"--port", "name=NAME,device=DEVICE", read_port,
		"a NIC: a PCI address, or a DPDK virtual device with its arguments; required"},
	{"--port-option", "NAME:KEY=VALUE,...", read_port_option,
		"queues=N vlan=ID mtu=BYTES tap=INTERFACE checksum=verify|trust"},
	{"--media-address", "IP", read_media_address,
		"local address on which media is received; required, may be repeated"},
	{"--media-ports", "FIRST-LAST", read_media_ports, "media ports of every address; required"},
	{"--rest-ms", "MS", read_rest_ms, "how long a released port stays unused (5000)"},
	{"--worker", "CPU", read_worker,
		"CPU of one forwarding thread; required, may be repeated, CPUs may be shared"},
	{"--poll", "busy|adaptive", read_poll,
		"busy: never sleep; adaptive: sleep up to 0.5 ms when idle (busy)"},
	{"--terminations", "N", read_terminations, "most terminations at a time (4096)"},
	{"--memory-mb", "MB", read_memory_mb, "memory for packet buffers (256)"},
	{"--no-huge", NULL, read_no_huge, "do without hugepages"},
	{"--eal", "ARGUMENT", read_eal, "one more argument for DPDK's EAL, may be repeated"},
	{"--print-map", NULL, read_print_map, "print the stages a packet passes, and exit"},
	{"--print-counters", NULL, read_print_counters, "print what each worker counts, and exit"},
	{"--print-drop-reasons", NULL, read_print_drop_reasons,
		"print why packets are dropped, and exit"},
	{"--help", NULL, read_help, "print this, and exit"},
};

static const struct option_row *options_row(const char *name)
{
	for (size_t i = 0; i < TD_COUNT_OF(option_rows); i++) {
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	}
	return NULL;
}

static int options_check_complete(const struct options *options, char *error)
{
	if (options->wants_help || options->wants_map || options->wants_counters ||
		options->wants_drop_reasons)
		return 0;
	if (options->run_dir == NULL)
		return options_fail(error, "--run-dir is missing");
	if (options->port_count == 0)
		return options_fail(error, "--port is missing");
	if (options->media_address_count == 0)
		return options_fail(error, "--media-address is missing");
	if (options->media_port_last == 0)
		return options_fail(error, "--media-ports is missing");
	if (options->worker_count == 0)
		return options_fail(error, "--worker is missing");
	for (uint32_t i = 0; i < options->port_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (options->ports[i].tap_name[0] != '\0' &&
				strcmp(options->ports[i].tap_name, options->ports[j].tap_name) == 0)
				return options_fail(error, "--port-option: %s: tap %s is %s's",
					options->ports[i].name, options->ports[i].tap_name,
					options->ports[j].name);
		}
	}
	return 0;
}

int options_parse(
	struct options *ret_options, int argc, char *const argv[], char error[OPTIONS_ERROR_BYTES])
{
	struct options options = {
		.rest_ms = OPTIONS_REST_DEFAULT_MS,
		.termination_capacity = OPTIONS_TERMINATIONS_DEFAULT,
		.memory_mb = OPTIONS_MEMORY_DEFAULT_MB,
	};
	int rc;

	for (int i = 1; i < argc; i++) {
		const struct option_row *row = options_row(argv[i]);
		const char *value = NULL;

		if (row == NULL)
			return options_fail(error, "'%.60s': no such option; see --help", argv[i]);
		if (row->value_name != NULL) {
			if (i + 1 == argc)
				return options_fail(
					error, "%s: expected %s", row->name, row->value_name);
			value = argv[++i];
		}
		rc = row->read(&options, value, error);
		if (rc != 0)
			return rc;
	}
	rc = options_check_complete(&options, error);
	if (rc == 0)
		*ret_options = options;
	return rc;
}

void options_print_help(FILE *out)
{
	(void)fprintf(out, "tandem-dataplane: moves and measures the media of calls\n\n");
	for (size_t i = 0; i < TD_COUNT_OF(option_rows); i++)
		(void)fprintf(out, "  %s %s\n        %s\n", option_rows[i].name,
			option_rows[i].value_name == NULL ? "" : option_rows[i].value_name,
			option_rows[i].help);
}
