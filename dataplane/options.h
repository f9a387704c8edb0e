/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of tandem-dataplane as checked values. The control plane's configuration is
 * the only place where people write; whoever starts the program turns it into these arguments.
 * Pure: no EAL, no files, no clock.
 */
#ifndef TD_DATAPLANE_OPTIONS_H
#define TD_DATAPLANE_OPTIONS_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	OPTIONS_PORTS_MAX = 8,
	OPTIONS_WORKERS_MAX = 64,
	OPTIONS_MEDIA_ADDRESSES_MAX = 16,
	OPTIONS_EAL_MAX = 32,
	OPTIONS_NAME_BYTES = 16, /* IFNAMSIZ */
	OPTIONS_ERROR_BYTES = 256,
};

struct options_port {
	char name[OPTIONS_NAME_BYTES];
	const char *device;		   /* borrows from argv */
	char tap_name[OPTIONS_NAME_BYTES]; /* empty: no exception path */
	uint16_t queues;		   /* 0: one per worker where the device can */
	uint16_t vlan_id;		   /* 0: untagged */
	uint16_t mtu_bytes;
	bool is_checksum_trusted; /* a UDP checksum that the device didn't check is believed */
};

struct options {
	const char *run_dir; /* borrows from argv, as all strings here */
	struct options_port ports[OPTIONS_PORTS_MAX];
	struct td_ip media_addresses[OPTIONS_MEDIA_ADDRESSES_MAX];
	uint16_t worker_cpus[OPTIONS_WORKERS_MAX];
	const char *eal_arguments[OPTIONS_EAL_MAX];
	uint32_t port_count;
	uint32_t media_address_count;
	uint32_t worker_count;
	uint32_t eal_argument_count;
	uint32_t rest_ms;
	uint32_t termination_capacity;
	uint32_t memory_mb;
	uint16_t media_port_first; /* even */
	uint16_t media_port_last;  /* odd */
	bool is_polling_adaptive;
	bool has_no_huge;
	bool wants_map;
	bool wants_counters;
	bool wants_drop_reasons;
	bool wants_help;
};

/* Reads argv (borrows until the process ends). -EINVAL: a sentence that names the argument, what
 * it was and what was expected is in error. */
td_must_check int options_parse(
	struct options *ret_options, int argc, char *const argv[], char error[OPTIONS_ERROR_BYTES]);

/* Prints what every option means. */
void options_print_help(FILE *out);

#endif
