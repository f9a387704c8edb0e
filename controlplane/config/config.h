/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliance's configuration as plain C: what the YAML file says, checked, with every default
 * filled in. Keys, types, ranges and help stand in one table (config/schema.c); from it come the
 * loader, docs/configuration.md and the list of what a reload can change. Whoever holds a struct
 * config only reads it. Secrets live here and in the trunk table, and are wiped on destroy.
 */
#ifndef TD_CONFIG_CONFIG_H
#define TD_CONFIG_CONFIG_H

#include "config/identity.h"
#include "config/sizes.h"
#include "sip/uri.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_TRUNK_ANY UINT32_MAX	/* config_route.from_trunk: "any" */
#define CONFIG_SOURCE_TARGET UINT32_MAX /* config_prefix.bits: wherever the target is */
#define CONFIG_UNSET UINT32_MAX		/* an override that the file doesn't give */

enum config_poll {
	CONFIG_POLL_BUSY,
	CONFIG_POLL_ADAPTIVE,
	CONFIG_POLL_COUNT
};

enum config_checksum {
	CONFIG_CHECKSUM_VERIFY,
	CONFIG_CHECKSUM_TRUST,
	CONFIG_CHECKSUM_COUNT
};

/* Digest algorithms to challenge with. Both means two challenges in one response (RFC 8760), which
 * some peers don't understand. */
enum config_digest {
	CONFIG_DIGEST_BOTH,
	CONFIG_DIGEST_SHA256,
	CONFIG_DIGEST_MD5,
	CONFIG_DIGEST_COUNT
};

/* Reliable provisional responses (RFC 3262) from and to a trunk. */
enum config_reliable_provisional {
	CONFIG_RELIABLE_OFF,
	CONFIG_RELIABLE_SUPPORTED,
	CONFIG_RELIABLE_REQUIRED,
};

/* What a trunk's calls do with session timers (RFC 4028). */
enum config_session_timer {
	CONFIG_SESSION_TIMER_OFF,
	CONFIG_SESSION_TIMER_ACCEPT,
	CONFIG_SESSION_TIMER_REQUEST,
	CONFIG_SESSION_TIMER_COUNT
};

/* What a trunk's REFER, and its INVITE with Replaces, come to. */
enum config_refer {
	CONFIG_REFER_REJECT,
	CONFIG_REFER_ACCEPT,
	CONFIG_REFER_COUNT
};

/* Event packages that a trunk may subscribe to. */
enum config_event {
	CONFIG_EVENT_DIALOG,
	CONFIG_EVENT_COUNT
};

/* What we ask of peers that connect to us by TLS. */
enum config_verify_client {
	CONFIG_VERIFY_CLIENT_OFF,
	CONFIG_VERIFY_CLIENT_REQUEST, /* none is fine, a bad one isn't */
	CONFIG_VERIFY_CLIENT_REQUIRE,
	CONFIG_VERIFY_CLIENT_COUNT
};

enum config_tls_version {
	CONFIG_TLS_1_2,
	CONFIG_TLS_1_3,
	CONFIG_TLS_VERSION_COUNT
};

/* Who is refused last when there is too much to do. */
enum config_priority {
	CONFIG_PRIORITY_NORMAL,
	CONFIG_PRIORITY_LOW,
	CONFIG_PRIORITY_HIGH,
	CONFIG_PRIORITY_COUNT
};

/* What stands between the network and the machines: rates, bans, sizes. 0 switches a rate, a
 * count or a duration off. */
struct config_defence {
	uint32_t source_requests_per_s; /* outside dialogs, from one address of a wide source */
	uint32_t source_burst;
	uint32_t sources_max; /* addresses remembered */
	uint32_t emergency_number_count;
	char emergency_numbers[CONFIG_EMERGENCY_NUMBERS_MAX][CONFIG_NUMBER_BYTES];
	uint32_t scanner_count;
	char scanners[CONFIG_SCANNERS_MAX][CONFIG_SCANNER_BYTES]; /* beginnings of User-Agent */
	bool answers_scanners;
	uint32_t ban_s; /* the first one; each further one lasts twice as long */
	uint32_t ban_max_s;
	uint32_t ban_auth_failures; /* in a minute */
	uint32_t ban_malformed;	    /* in a minute */
	uint32_t message_max_bytes;
	uint32_t header_max_bytes; /* one header field */
	uint32_t headers_max;
	uint32_t body_max_bytes;
	uint32_t vias_max;
	uint32_t routes_max;
	uint32_t contacts_max;
};

/* How fast calls may come from a trunk and go to it. Rates of 0: no limit. */
struct config_limits {
	uint32_t calls_per_s;
	uint32_t burst;
	uint32_t outbound_calls_per_s;
	uint32_t outbound_burst;
	uint32_t priority;	    /* enum config_priority */
	bool has_resource_priority; /* its Resource-Priority is believed */
};

/* The transport is stored as enum sip_transport. */
struct config_listener {
	uint32_t transport;
	struct td_ip address;
	uint32_t port; /* never 0: the transport's own if the file gives none */
};

/* PEM files; the certificate's issuers follow it in its file. */
struct config_certificate {
	char certificate_file[CONFIG_PATH_BYTES];
	char key_file[CONFIG_PATH_BYTES];
};

struct config_tls {
	char certificate_file[CONFIG_PATH_BYTES]; /* empty: no TLS listener */
	char key_file[CONFIG_PATH_BYTES];
	char ca_file[CONFIG_PATH_BYTES]; /* empty: the system's store */
	uint32_t verify_client;		 /* enum config_verify_client */
	bool verify_server;		 /* of connections that we open */
	bool allow_wildcards;		 /* *.example.com is a name of a.example.com */
	uint32_t min_version;		 /* enum config_tls_version */
	uint32_t certificate_count;
	struct config_certificate certificates[CONFIG_CERTIFICATES_MAX];
};

struct config_websocket {
	char path[CONFIG_TEXT_BYTES];
	uint32_t origin_count; /* of browsers' pages; without an Origin one may always come */
	char origins[CONFIG_ORIGINS_MAX][CONFIG_TEXT_BYTES];
};

struct config_dns {
	uint32_t server_count; /* 0: as the system's resolver has it */
	struct td_endpoint servers[CONFIG_DNS_SERVERS_MAX];
	uint32_t timeout_ms;
	uint32_t tries;
	uint32_t min_ttl_s;
	uint32_t max_ttl_s; /* at least min_ttl_s */
	uint32_t negative_ttl_s;
	uint32_t stale_s;
	uint32_t max_names;
};

struct config_sip {
	uint32_t listener_count;
	struct config_listener listeners[CONFIG_LISTENERS_MAX];
	char user_agent[CONFIG_TEXT_BYTES];
	uint32_t t1_ms;
	uint32_t t2_ms;
	uint32_t t4_ms;
	uint32_t invite_timeout_ms; /* timer B towards a trunk: no response at all */
	uint32_t ring_timeout_s;    /* from the first provisional response to the answer */
	uint32_t setup_timeout_s;   /* from the caller's INVITE to ringing, all tries together */
	uint32_t max_calls;
	uint32_t max_transactions;
	uint32_t max_subscriptions;
	uint32_t overload_queue_delay_ms; /* above it new requests begin to get 503 */
	uint32_t retry_after_s;
	struct config_dns dns;
	struct config_defence defence;
	uint32_t session_expires_s;
	uint32_t min_se_s;	/* at most session_expires_s */
	uint32_t udp_max_bytes; /* larger requests go by TCP where the peer allows it */
	uint32_t keepalive_s;	/* between pings on connections that we opened; 0: none */
	uint32_t connect_timeout_ms;
	uint32_t send_timeout_ms; /* unacknowledged output that ends a connection */
	uint32_t idle_timeout_s;
	uint32_t max_connections;
	uint32_t max_connections_per_source;
	struct config_tls tls;
	struct config_websocket websocket;
	uint32_t max_bindings; /* of all registrars together */
};

struct config_port_range {
	uint16_t first; /* even */
	uint16_t last;	/* odd: the RTCP port of the last pair */
};

struct config_media {
	uint32_t address_count;
	struct td_ip addresses[CONFIG_MEDIA_ADDRESSES_MAX];
	struct config_port_range ports;
	uint32_t rest_s;    /* a released port stays unused this long */
	uint32_t timeout_s; /* silence that ends a call; 0: never */
	uint32_t latch;	    /* enum td_latch */
	uint32_t latch_prefix_bits;
	uint32_t latch_window_ms;
};

/* A NIC port of the dataplane. */
struct config_port {
	char name[CONFIG_NAME_BYTES];
	char device[CONFIG_DEVICE_BYTES]; /* DPDK device string or PCI address */
	uint32_t queues;
	uint32_t vlan; /* 0: untagged */
	uint32_t mtu;
	char tap[16];	   /* interface towards the kernel */
	uint32_t checksum; /* enum config_checksum */
};

struct config_dataplane {
	char socket[CONFIG_PATH_BYTES];
	uint32_t port_count;
	struct config_port ports[CONFIG_PORTS_MAX];
	uint32_t worker_count;
	uint32_t workers[CONFIG_WORKERS_MAX]; /* CPU numbers, in worker order */
	uint32_t poll;			      /* enum config_poll */
	uint32_t terminations;
	bool hugepages;
	uint32_t memory_mb;
	uint32_t eal_extra_count;
	char eal_extra[CONFIG_EAL_EXTRA_MAX][CONFIG_TEXT_BYTES];
};

/* Digest credentials. username empty: none. */
struct config_credentials {
	char username[CONFIG_TEXT_BYTES];
	char password[CONFIG_SECRET_BYTES]; /* secret: never logged; from password or its file */
	char password_file[CONFIG_PATH_BYTES];
	char realm[CONFIG_TEXT_BYTES]; /* empty: any (outbound), the node's name (inbound) */
	uint32_t algorithm;	       /* enum config_digest; inbound only */
};

struct config_prefix {
	struct td_ip network; /* host bits are zero */
	uint32_t bits;	      /* or CONFIG_SOURCE_TARGET, and no network */
};

/* Where a trunk's requests go; from its "target" URI. */
struct config_target {
	char uri[CONFIG_TEXT_BYTES];  /* as written */
	char host[CONFIG_TEXT_BYTES]; /* without brackets */
	struct td_endpoint endpoint;  /* family NONE: host is a name, to be looked up; its port
				       * then is 0 if the URI has none */
	uint32_t transport;	      /* enum sip_transport; if the URI doesn't say UDP, or TLS */
	bool has_transport;	      /* the URI says */
	bool is_sips;
	uint32_t server_id; /* sip_server_id() of tls_name or of a host that is a name; else 0 */
};

/* Where and as whom we register; user empty: nowhere. */
struct config_registration {
	bool is_enabled;
	bool is_bulk;	  /* for all numbers of the trunk (RFC 6140) */
	bool is_outbound; /* offer RFC 5626 */
	uint32_t expires_s;
	uint32_t retry_max_s;		/* longest wait between attempts that fail */
	struct config_target registrar; /* uri empty: the trunk's target */
	char domain[CONFIG_TEXT_BYTES]; /* of the address of record; empty: registrar's host */
	char user[CONFIG_TEXT_BYTES];
	char contact_user[CONFIG_TEXT_BYTES]; /* empty: user */
};

/* Somebody who may register with us. */
struct config_user {
	char username[CONFIG_NUMBER_BYTES]; /* of the address of record and of the credentials */
	char password[CONFIG_SECRET_BYTES]; /* secret */
	char password_file[CONFIG_PATH_BYTES];
};

/* What a trunk's registrar grants. */
struct config_bindings {
	char realm[CONFIG_TEXT_BYTES]; /* empty: the node's name */
	uint32_t algorithm;	       /* enum config_digest */
	uint32_t expires_s;	       /* for who doesn't ask */
	uint32_t min_expires_s;
	uint32_t max_expires_s;
	uint32_t max_per_user;
};

struct config_trunk {
	char name[CONFIG_NAME_BYTES];
	uint32_t source_count;
	struct config_prefix sources[CONFIG_TRUNK_SOURCES_MAX];
	uint32_t transport_count; /* 0: any */
	uint32_t transports[CONFIG_TRUNK_TRANSPORTS_MAX];
	struct config_target target;
	char tls_name[CONFIG_TEXT_BYTES]; /* its certificate must have; empty: target's host */
	struct td_ip media_address;	  /* family NONE: the first of the family that is needed */
	struct config_credentials credentials;	/* we are asked for them (outbound requests) */
	struct config_credentials inbound_auth; /* we ask for them (inbound requests) */
	uint32_t options_interval_s;		/* 0: no OPTIONS, health from calls alone */
	uint32_t max_calls;			/* 0: only sip.max_calls */
	uint32_t latch;				/* enum td_latch; media.latch if not given */
	uint32_t media_timeout_s;		/* media.timeout_s if not given */
	struct config_limits limits;
	uint32_t session_timer; /* enum config_session_timer */
	uint32_t refer;		/* enum config_refer */
	uint32_t event_count;
	uint32_t events[CONFIG_TRUNK_EVENTS_MAX]; /* enum config_event */
	uint32_t max_subscriptions;
	uint32_t reliable_provisional; /* enum config_reliable_provisional */

	struct config_identity identity;
	struct config_numbers numbers;
	uint32_t header_rule_count;
	struct config_header_rule header_rules[CONFIG_HEADER_RULES_MAX]; /* in order */

	struct config_registration registration; /* we register there */
	bool is_registrar;			 /* they register here; there is no target */
	struct config_bindings bindings;
	uint32_t user_count;
	struct config_user *users; /* owns */
};

struct config_route {
	uint32_t from_trunk;		   /* index into trunks, or CONFIG_TRUNK_ANY */
	char number[CONFIG_NUMBER_BYTES];  /* exact; empty if pattern is given */
	char pattern[CONFIG_NUMBER_BYTES]; /* see docs/configuration.md; empty if number is given */
	uint32_t destination_count;
	uint32_t destinations[CONFIG_ROUTE_DESTINATIONS_MAX]; /* trunks, in order of preference */
	uint32_t strip; /* leading characters to remove, '+' counts */
	char prefix[CONFIG_NUMBER_BYTES];
	char set_number[CONFIG_NUMBER_BYTES]; /* replaces the number; excludes strip and prefix */
};

struct config_journal {
	char directory[CONFIG_PATH_BYTES];
	uint32_t compact_mb; /* rewritten when it has grown to this size */
	bool is_synced;	     /* to disk with each turn: survives power cuts, costs latency */
};

struct config_events {
	char directory[CONFIG_PATH_BYTES];
	uint32_t segment_mb;
	uint32_t retain_mb; /* finished segments kept, all together */
	uint32_t retain_days;
	uint32_t max_mb;       /* whole log, beyond it nothing is accepted; 0: no limit */
	uint32_t broker_count; /* 0: the log itself is the sink */
	char brokers[CONFIG_BROKERS_MAX][CONFIG_TEXT_BYTES]; /* host:port */
	bool tls;
	char tls_ca_file[CONFIG_PATH_BYTES];
	char tls_certificate_file[CONFIG_PATH_BYTES];
	char tls_key_file[CONFIG_PATH_BYTES];
	uint32_t property_count;
	char properties[CONFIG_PROPERTIES_MAX][CONFIG_TEXT_BYTES]; /* librdkafka, "name=value" */
};

struct config_control {
	char socket[CONFIG_PATH_BYTES];
};

/* Export of SIP messages. */
struct config_hep {
	char collector[CONFIG_TEXT_BYTES]; /* as written; empty: none */
	struct td_endpoint endpoint;	   /* from it */
	uint32_t capture_id;
	char password_file[CONFIG_PATH_BYTES];
	char password[CONFIG_SECRET_BYTES]; /* secret: never logged; from its file */
};

struct config_trace {
	uint32_t memory_mb; /* 0: no trace */
	struct config_hep hep;
};

struct config {
	char node[CONFIG_NAME_BYTES];
	char run_dir[CONFIG_PATH_BYTES];   /* sockets, shared memory */
	char state_dir[CONFIG_PATH_BYTES]; /* journal, events */
	struct config_sip sip;
	struct config_media media;
	struct config_dataplane dataplane;
	struct config_journal journal;
	struct config_events events;
	struct config_control control;
	struct config_trace trace;
	uint32_t trunk_count;
	struct config_trunk *trunks; /* owns */
	uint32_t route_count;
	struct config_route *routes; /* owns */
};

/* One thing that is wrong. Line and column count from 1; both 0: the file as a whole. */
struct config_error {
	uint32_t line;
	uint32_t column;
	char text[CONFIG_ERROR_TEXT_BYTES]; /* what was found, what was expected; no secrets */
};

struct config_errors {
	char file[256];
	uint32_t count;	      /* entries of list */
	uint32_t total_count; /* found, also those that list has no room for */
	struct config_error list[CONFIG_ERRORS_MAX]; /* by line and column */
};

/* Reads and checks a file. -EBADMSG: *ret_errors says why (at least one entry), nothing else
 * changes. -ENOMEM, or the negative errno of opening the file, which is told in *ret_errors
 * too. Gives *ret_config. Reads files: not for the loop's thread while calls depend on it, but
 * fast enough (about 1 ms per 1000 lines). */
td_must_check int config_load(
	const char *path, struct config **ret_config, struct config_errors *ret_errors);

/* The same for text already in memory; file_name is for messages, relative password files are
 * looked for in its directory. Copies what it needs. */
td_must_check int config_load_text(const char *text, size_t length, const char *file_name,
	struct config **ret_config, struct config_errors *ret_errors);

/* Wipes secrets and frees. NULL is allowed. */
void config_destroy(struct config *config);

/* Writes "file:line:column: text" lines. */
void config_errors_print(const struct config_errors *errors, FILE *out);

enum config_applies {
	CONFIG_APPLIES_RELOAD,
	CONFIG_APPLIES_RESTART
};

/* One difference between two configurations, by key: "sip.max_calls", "trunks[carrier].target",
 * "routes". path borrows until the function returns; values are not told (some are secret). */
typedef void config_change_function(void *context, enum config_applies applies, const char *path);

/* Tells every key whose value differs. Returns how many there are. */
uint32_t config_diff(const struct config *before, const struct config *after,
	config_change_function *change, void *context);

/* Copies every value of next that a reload may change into *running, which then owns next's
 * trunks and routes; takes next. What needs a restart keeps its running value. A trunk or route
 * change is always applied as a whole. */
void config_apply_reload(struct config *running, struct config *next);

/* Writes the argument vector of tandem-dataplane, one argument per line, without the program's
 * name. -EIO if out failed. */
td_must_check int config_write_dataplane_arguments(const struct config *config, FILE *out);

/* Writes docs/configuration.md from the schema. -EIO if out failed. */
td_must_check int config_write_documentation(FILE *out);

/* The smallest useful file, as the documentation shows it; it loads. Static text. */
const char *config_example(void);

/* The name that the certificate of a trunk's peer must have, without a dot at its end; empty: the
 * target's address. Borrows from trunk. */
struct span config_trunk_server_name(const struct config_trunk *trunk);

/* Index of the trunk of that name, or CONFIG_TRUNK_ANY if there is none. */
uint32_t config_find_trunk(const struct config *config, const char *name);

#endif
