/* SPDX-License-Identifier: Apache-2.0 */
/* How long texts and lists of the configuration may be. Part of config/config.h. */
#ifndef TD_CONFIG_SIZES_H
#define TD_CONFIG_SIZES_H

enum {
	CONFIG_NAME_BYTES = 32,	 /* names of nodes, trunks, ports */
	CONFIG_TEXT_BYTES = 128, /* free text: user names, broker addresses */
	CONFIG_SECRET_BYTES = 128,
	CONFIG_PATH_BYTES = 104, /* fits sockaddr_un.sun_path */
	CONFIG_DEVICE_BYTES = 256,
	CONFIG_NUMBER_BYTES = 64, /* dialled numbers, patterns, prefixes */
	CONFIG_LISTENERS_MAX = 16,
	CONFIG_CERTIFICATES_MAX = 16, /* besides the first */
	CONFIG_ORIGINS_MAX = 16,
	CONFIG_DNS_SERVERS_MAX = 4,
	CONFIG_MEDIA_ADDRESSES_MAX = 8,
	CONFIG_PORTS_MAX = 8,	 /* NIC ports of the dataplane */
	CONFIG_WORKERS_MAX = 64, /* TD_WORKERS_MAX */
	CONFIG_EAL_EXTRA_MAX = 16,
	CONFIG_BROKERS_MAX = 16,
	CONFIG_PROPERTIES_MAX = 16,
	CONFIG_TRUNKS_MAX = 1024,
	CONFIG_TRUNK_SOURCES_MAX = 64,
	CONFIG_TRUNK_TRANSPORTS_MAX = 5,
	CONFIG_TRUNK_EVENTS_MAX = 4,
	CONFIG_USERS_MAX = 20000, /* of one trunk's registrar */
	CONFIG_ROUTES_MAX = 20000,
	CONFIG_ROUTE_DESTINATIONS_MAX = 8,
	CONFIG_EMERGENCY_NUMBERS_MAX = 16,
	CONFIG_SCANNERS_MAX = 32,
	CONFIG_SCANNER_BYTES = 32,
	CONFIG_CALLERS_MAX = 16,
	CONFIG_HEADER_RULES_MAX = 16,
	CONFIG_HEADER_NAME_BYTES = 32,
	CONFIG_PREFIX_BYTES = 8, /* what stands before a number: 00, 0, a country code */
	CONFIG_FILE_MAX_BYTES = 8 << 20,
	CONFIG_ERRORS_MAX = 20, /* told in one run */
	CONFIG_ERROR_TEXT_BYTES = 320,
};

#endif
