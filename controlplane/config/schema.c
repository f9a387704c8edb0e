/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table itself. Rows of a section stand together and in the order of the documentation;
 * values are loaded in this order too, so that {run_dir} is known when a path needs it.
 */
#include "config/schema.h"

#include "config/schema_rows.h"

static const struct schema_choice transports[] = {{"udp", SIP_TRANSPORT_UDP},
	{"tcp", SIP_TRANSPORT_TCP}, {"tls", SIP_TRANSPORT_TLS}, {"ws", SIP_TRANSPORT_WS},
	{"wss", SIP_TRANSPORT_WSS}, {NULL, 0}};
static const struct schema_choice client_checks[] = {{"off", CONFIG_VERIFY_CLIENT_OFF},
	{"request", CONFIG_VERIFY_CLIENT_REQUEST}, {"require", CONFIG_VERIFY_CLIENT_REQUIRE},
	{NULL, 0}};
static const struct schema_choice tls_versions[] = {
	{"1.2", CONFIG_TLS_1_2}, {"1.3", CONFIG_TLS_1_3}, {NULL, 0}};
static const struct schema_choice digests[] = {{"both", CONFIG_DIGEST_BOTH},
	{"sha-256", CONFIG_DIGEST_SHA256}, {"md5", CONFIG_DIGEST_MD5}, {NULL, 0}};
static const struct schema_choice latches[] = {{"off", TD_LATCH_OFF},
	{"restricted", TD_LATCH_RESTRICTED}, {"open", TD_LATCH_OPEN}, {NULL, 0}};
static const struct schema_choice reliables[] = {{"off", CONFIG_RELIABLE_OFF},
	{"supported", CONFIG_RELIABLE_SUPPORTED}, {"required", CONFIG_RELIABLE_REQUIRED},
	{NULL, 0}};
static const struct schema_choice session_timers[] = {{"off", CONFIG_SESSION_TIMER_OFF},
	{"accept", CONFIG_SESSION_TIMER_ACCEPT}, {"request", CONFIG_SESSION_TIMER_REQUEST},
	{NULL, 0}};
static const struct schema_choice refers[] = {
	{"reject", CONFIG_REFER_REJECT}, {"accept", CONFIG_REFER_ACCEPT}, {NULL, 0}};
static const struct schema_choice event_packages[] = {{"dialog", CONFIG_EVENT_DIALOG}, {NULL, 0}};
static const struct schema_choice polls[] = {
	{"busy", CONFIG_POLL_BUSY}, {"adaptive", CONFIG_POLL_ADAPTIVE}, {NULL, 0}};
static const struct schema_choice checksums[] = {
	{"verify", CONFIG_CHECKSUM_VERIFY}, {"trust", CONFIG_CHECKSUM_TRUST}, {NULL, 0}};

static const struct schema_field fields[] = {
	ROW("", "node", SCHEMA_NAME, "Name of this appliance in events, CDRs and digest realms.",
		RESTART, REQUIRED, AT(config, node)),
	ROW("", "run_dir", SCHEMA_PATH, "Sockets and shared memory; emptied by a reboot.", RESTART,
		DEFAULT("/run/tandem"), RANGE(1, 80), AT(config, run_dir)),
	ROW("", "state_dir", SCHEMA_PATH, "Journal and event log; survives a reboot.", RESTART,
		DEFAULT("/var/lib/tandem"), RANGE(1, 80), AT(config, state_dir)),
	ROW("", "sip", SCHEMA_SECTION, "SIP signalling.", RESTART, REQUIRED, AT(config, sip)),
	ROW("", "media", SCHEMA_SECTION, "RTP addresses, ports and rules.", RESTART, REQUIRED,
		AT(config, media)),
	ROW("", "dataplane", SCHEMA_SECTION, "NIC ports, cores and memory of tandem-dataplane.",
		RESTART, REQUIRED, AT(config, dataplane)),
	ROW("", "journal", SCHEMA_SECTION, "What the control plane needs to survive its own death.",
		RESTART, AT(config, journal)),
	ROW("", "events", SCHEMA_SECTION, "The event log, and Kafka behind it.", RESTART,
		AT(config, events)),
	ROW("", "control", SCHEMA_SECTION, "The socket that tandemctl talks to.", RESTART,
		AT(config, control)),
	ROW("", "trace", SCHEMA_SECTION, "What is kept and exported of SIP messages.", RESTART,
		AT(config, trace)),
	ROW("", "trunks", SCHEMA_SECTION,
		"Carriers, PBXs and phones that calls come from and go to.", RELOAD, REQUIRED,
		HEAP_LIST(config, trunks, trunk_count, CONFIG_TRUNKS_MAX)),
	ROW("", "routes", SCHEMA_SECTION,
		"Which number goes where. Exact numbers first, then the most specific pattern.",
		RELOAD, HEAP_LIST(config, routes, route_count, CONFIG_ROUTES_MAX)),

	ROW("sip", "listen", SCHEMA_SECTION, "Addresses that SIP is spoken on.", RESTART, REQUIRED,
		LIST(config_sip, listeners, listener_count)),
	ROW("sip", "user_agent", SCHEMA_TEXT,
		"Value of User-Agent and Server; empty: neither is sent.", RELOAD,
		DEFAULT("Tandem"), AT(config_sip, user_agent)),
	ROW("sip", "t1_ms", SCHEMA_NUMBER, "Round-trip estimate, RFC 3261 T1.", RESTART,
		DEFAULT("500"), RANGE(50, 5000), UNIT("ms"), AT(config_sip, t1_ms)),
	ROW("sip", "t2_ms", SCHEMA_NUMBER, "Longest retransmission interval, RFC 3261 T2.", RESTART,
		DEFAULT("4000"), RANGE(50, 60000), UNIT("ms"), AT(config_sip, t2_ms)),
	ROW("sip", "t4_ms", SCHEMA_NUMBER, "Longest life of a message in the network, RFC 3261 T4.",
		RESTART, DEFAULT("5000"), RANGE(50, 60000), UNIT("ms"), AT(config_sip, t4_ms)),
	ROW("sip", "invite_timeout_ms", SCHEMA_NUMBER,
		"A trunk that sends no response at all for this long has failed; the next is tried.",
		RELOAD, DEFAULT("4000"), RANGE(500, 64000), UNIT("ms"),
		AT(config_sip, invite_timeout_ms)),
	ROW("sip", "ring_timeout_s", SCHEMA_NUMBER, "Longest time without an answer.", RELOAD,
		DEFAULT("180"), RANGE(5, 600), UNIT("s"), AT(config_sip, ring_timeout_s)),
	ROW("sip", "setup_timeout_s", SCHEMA_NUMBER,
		"Longest time until the called side rings or answers, all targets and destinations "
		"that are tried together.",
		RELOAD, DEFAULT("60"), RANGE(4, 600), UNIT("s"), AT(config_sip, setup_timeout_s)),
	ROW("sip", "max_calls", SCHEMA_NUMBER, "Calls at a time; more get 503.", RELOAD,
		DEFAULT("2000"), RANGE(1, 100000), AT(config_sip, max_calls)),
	ROW("sip", "max_transactions", SCHEMA_NUMBER,
		"SIP transactions at a time, finished ones in their 32 s of rest included.",
		RESTART, DEFAULT("50000"), RANGE(100, 2000000), AT(config_sip, max_transactions)),
	ROW("sip", "max_subscriptions", SCHEMA_NUMBER,
		"Event subscriptions at a time, of all trunks together.", RESTART, DEFAULT("1000"),
		RANGE(0, 100000), AT(config_sip, max_subscriptions)),
	ROW("sip", "overload_queue_delay_ms", SCHEMA_NUMBER,
		"When requests wait longer than this, as many new ones get 503 as it takes to hold it.",
		RELOAD, DEFAULT("20"), RANGE(1, 10000), UNIT("ms"),
		AT(config_sip, overload_queue_delay_ms)),
	ROW("sip", "retry_after_s", SCHEMA_NUMBER,
		"Retry-After in that 503; up to twice as much, so that not all come back at once.",
		RELOAD, DEFAULT("5"), RANGE(1, 3600), UNIT("s"), AT(config_sip, retry_after_s)),
	ROW("sip", "dns", SCHEMA_SECTION, "Finding trunks whose target is a name (RFC 3263).",
		RELOAD, FILLED, AT(config_sip, dns)),
	ROW("sip", "defence", SCHEMA_SECTION, "Rates, bans and sizes: what no peer may exceed.",
		RELOAD, FILLED, AT(config_sip, defence)),
	ROW("sip", "udp_max_bytes", SCHEMA_NUMBER,
		"Larger INVITEs that begin a call go by TCP if the trunk's target is an address that "
		"names no transport, and we listen on TCP at the same address and port as on UDP; by "
		"UDP all the same to a peer that TCP doesn't reach.",
		RELOAD, DEFAULT("1300"), RANGE(500, 65535), UNIT("bytes"),
		AT(config_sip, udp_max_bytes)),
	ROW("sip", "keepalive_s", SCHEMA_NUMBER,
		"Between keep-alives on connections (RFC 5626, RFC 6455); 0: none.", RESTART,
		DEFAULT("30"), RANGE(0, 3600), UNIT("s"), AT(config_sip, keepalive_s)),
	ROW("sip", "connect_timeout_ms", SCHEMA_NUMBER,
		"Longest time to set up a connection, handshakes included.", RESTART,
		DEFAULT("4000"), RANGE(100, 60000), UNIT("ms"), AT(config_sip, connect_timeout_ms)),
	ROW("sip", "send_timeout_ms", SCHEMA_NUMBER,
		"What a connection's peer doesn't acknowledge within this time ends the connection.",
		RESTART, DEFAULT("4000"), RANGE(100, 60000), UNIT("ms"),
		AT(config_sip, send_timeout_ms)),
	ROW("sip", "idle_timeout_s", SCHEMA_NUMBER,
		"A connection without a message this long is closed.", RESTART, DEFAULT("600"),
		RANGE(10, 86400), UNIT("s"), AT(config_sip, idle_timeout_s)),
	ROW("sip", "max_connections", SCHEMA_NUMBER,
		"TCP, TLS and WebSocket connections at a time.", RESTART, DEFAULT("4096"),
		RANGE(1, 100000), AT(config_sip, max_connections)),
	ROW("sip", "max_connections_per_source", SCHEMA_NUMBER,
		"Of those, accepted from one address.", RESTART, DEFAULT("256"), RANGE(1, 100000),
		AT(config_sip, max_connections_per_source)),
	ROW("sip", "tls", SCHEMA_SECTION, "Certificates, and what is asked of peers' certificates.",
		RELOAD, FILLED, AT(config_sip, tls)),
	ROW("sip", "websocket", SCHEMA_SECTION, "Who may open a WebSocket (RFC 7118).", RELOAD,
		FILLED, AT(config_sip, websocket)),
	ROW("sip", "max_bindings", SCHEMA_NUMBER,
		"Contacts registered at a time, of all trunks together; more get 503.", RESTART,
		DEFAULT("20000"), RANGE(1, 1000000), AT(config_sip, max_bindings)),

	ROW("sip", "session_expires_s", SCHEMA_NUMBER,
		"Session-Expires that is asked for, and the longest that is agreed to (RFC 4028).",
		RELOAD, DEFAULT("1800"), RANGE(90, 86400), UNIT("s"),
		AT(config_sip, session_expires_s)),
	ROW("sip", "min_se_s", SCHEMA_NUMBER,
		"A peer that asks for a shorter session interval gets 422.", RELOAD, DEFAULT("90"),
		RANGE(90, 86400), UNIT("s"), AT(config_sip, min_se_s)),

	ROW("sip.listen", "transport", SCHEMA_CHOICE, "Transport of this listener.", RESTART,
		DEFAULT("udp"), .choices = transports, AT(config_listener, transport)),
	ROW("sip.listen", "address", SCHEMA_IP, "Local address. It may come into being later.",
		RESTART, REQUIRED, AT(config_listener, address)),
	ROW("sip.listen", "port", SCHEMA_NUMBER,
		"Local port; if not given 5060, for tls 5061, ws 80, wss 443 (ports below 1024 need "
		"CAP_NET_BIND_SERVICE, which the service doesn't have by itself).",
		RESTART, RANGE(1, 65535), AT(config_listener, port)),

#define CERTIFICATE(in, structure, word)                                                     \
	ROW(in, "certificate_file", SCHEMA_FILE, "Our certificate, then its issuers (PEM).", \
		RELOAD, word AT(structure, certificate_file)),                               \
		ROW(in, "key_file", SCHEMA_FILE,                                             \
			"Its key (PEM, not encrypted); others must not be able to read it.", \
			RELOAD, word AT(structure, key_file))
#define REQUIRED_AND REQUIRED,
	CERTIFICATE("sip.tls", config_tls, ),
	ROW("sip.tls", "certificates", SCHEMA_SECTION,
		"More certificates; a peer gets the one that has the name it asks for (SNI).",
		RELOAD, LIST(config_tls, certificates, certificate_count)),
	ROW("sip.tls", "ca_file", SCHEMA_FILE,
		"Issuers that we trust (PEM); none given: those of the system.", RELOAD,
		AT(config_tls, ca_file)),
	ROW("sip.tls", "verify_client", SCHEMA_CHOICE,
		"Certificates of peers that connect by tls: off not asked for, request checked if "
		"there is one, require.",
		RELOAD, DEFAULT("off"), .choices = client_checks, AT(config_tls, verify_client)),
	ROW("sip.tls", "verify_server", SCHEMA_BOOL,
		"Certificates of peers that we connect to are checked, name included.", RELOAD,
		DEFAULT("true"), AT(config_tls, verify_server)),
	ROW("sip.tls", "allow_wildcards", SCHEMA_BOOL,
		"true: a peer's *.example.com also names a.example.com, which RFC 5922 forbids.",
		RELOAD, DEFAULT("false"), AT(config_tls, allow_wildcards)),
	ROW("sip.tls", "min_version", SCHEMA_CHOICE, "Lowest version of TLS.", RELOAD,
		DEFAULT("1.2"), .choices = tls_versions, AT(config_tls, min_version)),
	CERTIFICATE("sip.tls.certificates", config_certificate, REQUIRED_AND),

	ROW("sip.websocket", "path", SCHEMA_TEXT,
		"Path of the URL that a WebSocket is opened with.", RELOAD, DEFAULT("/"),
		RANGE(1, CONFIG_TEXT_BYTES - 1), AT(config_websocket, path)),
	ROW("sip.websocket", "origins", SCHEMA_TEXT,
		"Pages whose scripts may connect, as browsers name them (https://phone.example.com). "
		"Who sends no Origin is no browser and may connect.",
		RELOAD, RANGE(1, CONFIG_TEXT_BYTES - 1),
		LIST(config_websocket, origins, origin_count)),

	ROW("media", "addresses", SCHEMA_IP, "Local RTP addresses, IPv4 and IPv6.", RESTART,
		REQUIRED, LIST(config_media, addresses, address_count)),
	ROW("media", "ports", SCHEMA_PORT_RANGE,
		"RTP and RTCP ports of each address, first-last; first even, last odd.", RESTART,
		DEFAULT("16384-32767"), RANGE(1024, 65535), AT(config_media, ports)),
	ROW("media", "rest_s", SCHEMA_NUMBER, "A released port isn't used again for this long.",
		RESTART, DEFAULT("5"), RANGE(0, 300), UNIT("s"), AT(config_media, rest_s)),
	ROW("media", "timeout_s", SCHEMA_NUMBER,
		"Silence on a call that isn't on hold ends it after this long; 0: never.", RELOAD,
		DEFAULT("60"), RANGE(0, 3600), UNIT("s"), AT(config_media, timeout_s)),
	ROW("media", "latch", SCHEMA_CHOICE,
		"Whether RTP may come from elsewhere than the SDP says: off never, restricted from "
		"another port within latch_prefix_bits, open from anywhere (peers behind NAT).",
		RELOAD, DEFAULT("restricted"), .choices = latches, AT(config_media, latch)),
	ROW("media", "latch_prefix_bits", SCHEMA_NUMBER,
		"With restricted: leading bits of the address that must agree; 0: all.", RELOAD,
		DEFAULT("0"), RANGE(0, 128), UNIT("bits"), AT(config_media, latch_prefix_bits)),
	ROW("media", "latch_window_ms", SCHEMA_NUMBER,
		"Learning ends this long after the first accepted packet.", RELOAD, DEFAULT("500"),
		RANGE(0, 60000), UNIT("ms"), AT(config_media, latch_window_ms)),

	ROW("dataplane", "socket", SCHEMA_PATH, "Command socket of tandem-dataplane.", RESTART,
		DEFAULT("{run_dir}/dataplane.sock"), AT(config_dataplane, socket)),
	ROW("dataplane", "ports", SCHEMA_SECTION, "NIC ports that media comes in and goes out by.",
		RESTART, REQUIRED, LIST(config_dataplane, ports, port_count)),
	ROW("dataplane", "workers", SCHEMA_NUMBER, "CPU numbers, one for each worker.", RESTART,
		DEFAULT("1"), RANGE(0, 1023), LIST(config_dataplane, workers, worker_count)),
	ROW("dataplane", "poll", SCHEMA_CHOICE,
		"busy: a worker takes its core whole; adaptive: it sleeps when there is nothing to do.",
		RESTART, DEFAULT("busy"), .choices = polls, AT(config_dataplane, poll)),
	ROW("dataplane", "terminations", SCHEMA_NUMBER, "RTP ends at a time; a call has two.",
		RESTART, DEFAULT("8192"), RANGE(2, 1000000), AT(config_dataplane, terminations)),
	ROW("dataplane", "hugepages", SCHEMA_BOOL, "false: ordinary pages, slower.", RESTART,
		DEFAULT("true"), AT(config_dataplane, hugepages)),
	ROW("dataplane", "memory_mb", SCHEMA_NUMBER, "Memory for packet buffers.", RESTART,
		DEFAULT("512"), RANGE(64, 1048576), UNIT("MiB"), AT(config_dataplane, memory_mb)),
	ROW("dataplane", "eal_extra", SCHEMA_TEXT, "More arguments for DPDK's EAL.", RESTART,
		RANGE(1, CONFIG_TEXT_BYTES - 1),
		LIST(config_dataplane, eal_extra, eal_extra_count)),

	ROW("dataplane.ports", "name", SCHEMA_NAME, "Name in counters and logs.", RESTART,
		DEFAULT("port0"), RANGE(1, 15), AT(config_port, name)),
	ROW("dataplane.ports", "device", SCHEMA_TEXT,
		"DPDK device string (net_af_packet0,iface=eth1) or PCI address (0000:3b:00.0).",
		RESTART, REQUIRED, RANGE(1, CONFIG_DEVICE_BYTES - 1), AT(config_port, device)),
	ROW("dataplane.ports", "queues", SCHEMA_NUMBER, "Receive queues; 0: one for each worker.",
		RESTART, DEFAULT("0"), RANGE(0, 64), AT(config_port, queues)),
	ROW("dataplane.ports", "vlan", SCHEMA_NUMBER, "802.1Q VLAN of all media; 0: untagged.",
		RESTART, DEFAULT("0"), RANGE(0, 4094), AT(config_port, vlan)),
	ROW("dataplane.ports", "mtu", SCHEMA_NUMBER, "Largest IP packet.", RESTART, DEFAULT("1500"),
		RANGE(1280, 9000), UNIT("bytes"), AT(config_port, mtu)),
	ROW("dataplane.ports", "tap", SCHEMA_NAME,
		"Interface that carries what isn't media to the kernel, which holds the addresses.",
		RESTART, DEFAULT("tandem0"), AT(config_port, tap)),
	ROW("dataplane.ports", "checksum", SCHEMA_CHOICE,
		"verify: in software where the NIC doesn't; trust: virtual links that leave them empty.",
		RESTART, DEFAULT("verify"), .choices = checksums, AT(config_port, checksum)),

	ROW("journal", "directory", SCHEMA_PATH, "Where the journal lies.", RESTART,
		DEFAULT("{state_dir}/journal"), AT(config_journal, directory)),
	ROW("journal", "compact_mb", SCHEMA_NUMBER, "Not compacted while it is smaller than this.",
		RESTART, DEFAULT("32"), RANGE(1, 1024), UNIT("MiB"),
		AT(config_journal, compact_mb)),
	ROW("journal", "sync", SCHEMA_BOOL,
		"true: to disk in every turn. A call doesn't outlive a power cut, so false is enough.",
		RESTART, DEFAULT("false"), AT(config_journal, is_synced)),

	ROW("events", "directory", SCHEMA_PATH, "Where the event log lies.", RESTART,
		DEFAULT("{state_dir}/events"), AT(config_events, directory)),
	ROW("events", "segment_mb", SCHEMA_NUMBER, "Size of a log segment.", RESTART, DEFAULT("16"),
		RANGE(1, 1024), UNIT("MiB"), AT(config_events, segment_mb)),
	ROW("events", "retain_mb", SCHEMA_NUMBER, "Finished segments kept, all together.", RESTART,
		DEFAULT("1024"), RANGE(1, 1048576), UNIT("MiB"), AT(config_events, retain_mb)),
	ROW("events", "retain_days", SCHEMA_NUMBER, "And no longer than this.", RESTART,
		DEFAULT("30"), RANGE(1, 3650), UNIT("days"), AT(config_events, retain_days)),
	ROW("events", "max_mb", SCHEMA_NUMBER,
		"Whole log, undelivered segments included; beyond it new calls are refused. 0: no limit.",
		RESTART, DEFAULT("0"), RANGE(0, 1048576), UNIT("MiB"), AT(config_events, max_mb)),
	ROW("events", "brokers", SCHEMA_BROKER, "Kafka brokers; none: the log is the sink.",
		RESTART, LIST(config_events, brokers, broker_count)),
	ROW("events", "tls", SCHEMA_BOOL, "TLS towards the brokers.", RESTART, DEFAULT("false"),
		AT(config_events, tls)),
	ROW("events", "tls_ca_file", SCHEMA_FILE, "Certificates of the brokers' issuers (PEM).",
		RESTART, AT(config_events, tls_ca_file)),
	ROW("events", "tls_certificate_file", SCHEMA_FILE, "Our certificate (PEM).", RESTART,
		AT(config_events, tls_certificate_file)),
	ROW("events", "tls_key_file", SCHEMA_FILE, "Its key (PEM).", RESTART,
		AT(config_events, tls_key_file)),
	ROW("events", "properties", SCHEMA_TEXT,
		"librdkafka properties, name=value. Secrets don't belong here: use the files.",
		RESTART, RANGE(3, CONFIG_TEXT_BYTES - 1),
		LIST(config_events, properties, property_count)),

	ROW("control", "socket", SCHEMA_PATH, "Path of the socket; its group may use it.", RESTART,
		DEFAULT("{run_dir}/control.sock"), AT(config_control, socket)),

	ROW("trunks", "name", SCHEMA_NAME, "Name in routes, CDRs and logs.", RELOAD, REQUIRED,
		AT(config_trunk, name)),
	ROW("trunks", "sources", SCHEMA_PREFIX,
		"Addresses that its requests come from, in CIDR; target: those of its target. The "
		"longest match decides between trunks; whoever matches none is a stranger and gets no "
		"answer.",
		RELOAD, LIST(config_trunk, sources, source_count)),
	ROW("trunks", "transports", SCHEMA_CHOICE, "Transports it may come by; none given: any.",
		RELOAD, .choices = transports, LIST(config_trunk, transports, transport_count)),
	ROW("trunks", "target", SCHEMA_TARGET,
		"Where its requests go: sip:HOST[:PORT][;transport=udp|tcp|tls] or sips:HOST[:PORT]. A "
		"name is looked up (NAPTR, SRV, A, AAAA) ahead of calls. Required, unless the trunk is a "
		"registrar.",
		RELOAD, AT(config_trunk, target)),
	ROW("trunks", "tls_name", SCHEMA_NAME,
		"Name that its certificate must have (RFC 5922); none given: the target's host.",
		RELOAD, AT(config_trunk, tls_name)),
	ROW("trunks", "media_address", SCHEMA_IP,
		"One of media.addresses; default: the first of the family that the call needs.",
		RELOAD, AT(config_trunk, media_address)),
	ROW("trunks", "credentials", SCHEMA_SECTION, "Digest credentials that it asks us for.",
		RELOAD, AT(config_trunk, credentials)),
	ROW("trunks", "inbound_auth", SCHEMA_SECTION, "Digest credentials that we ask it for.",
		RELOAD, AT(config_trunk, inbound_auth)),
	ROW("trunks", "registration", SCHEMA_SECTION,
		"We register there, with credentials if it asks for them.", RELOAD,
		AT(config_trunk, registration)),
	ROW("trunks", "registrar", SCHEMA_BOOL,
		"They register here: whoever users names. Calls to this trunk go to the contacts of the "
		"user whose name is the number dialled.",
		RELOAD, DEFAULT("false"), AT(config_trunk, is_registrar)),
	ROW("trunks", "bindings", SCHEMA_SECTION, "What the registrar grants.", RELOAD, FILLED,
		AT(config_trunk, bindings)),
	ROW("trunks", "users", SCHEMA_SECTION,
		"Who may register, and call: new calls from the trunk must prove one of them.",
		RELOAD, HEAP_LIST(config_trunk, users, user_count, CONFIG_USERS_MAX)),
	ROW("trunks", "options_interval_s", SCHEMA_NUMBER,
		"OPTIONS are sent this often to learn whether it lives; 0: never.", RELOAD,
		DEFAULT("30"), RANGE(0, 3600), UNIT("s"), AT(config_trunk, options_interval_s)),
	ROW("trunks", "max_calls", SCHEMA_NUMBER,
		"Calls at a time, both directions; 0: sip.max_calls.", RELOAD, DEFAULT("0"),
		RANGE(0, 100000), AT(config_trunk, max_calls)),
	ROW("trunks", "latch", SCHEMA_CHOICE, "As media.latch, for this trunk.", RELOAD,
		INHERITS("media.latch"), .choices = latches, AT(config_trunk, latch)),
	ROW("trunks", "media_timeout_s", SCHEMA_NUMBER, "As media.timeout_s, for this trunk.",
		RELOAD, INHERITS("media.timeout_s"), RANGE(0, 3600), UNIT("s"),
		AT(config_trunk, media_timeout_s)),
	ROW("trunks", "limits", SCHEMA_SECTION, "How fast calls may come from it and go to it.",
		RELOAD, FILLED, AT(config_trunk, limits)),
	ROW("trunks", "identity", SCHEMA_SECTION,
		"Whom it may name as caller, and what it is told of callers.", RELOAD, FILLED,
		AT(config_trunk, identity)),
	ROW("trunks", "numbers", SCHEMA_SECTION,
		"How numbers are written there. Routes, CDRs and events have E.164 (+4930123).",
		RELOAD, FILLED, AT(config_trunk, numbers)),
	ROW("trunks", "headers", SCHEMA_SECTION,
		"Rules for the INVITE that goes to it, applied in order.", RELOAD,
		LIST(config_trunk, header_rules, header_rule_count)),
	ROW("trunks", "session_timer", SCHEMA_CHOICE,
		"RFC 4028: off ignores the peer's wishes; accept lets it have a session timer; request "
		"asks for one, and looks by itself whether a peer without it is still there.",
		RELOAD, DEFAULT("accept"), .choices = session_timers,
		AT(config_trunk, session_timer)),
	ROW("trunks", "refer", SCHEMA_CHOICE,
		"Its REFER, and INVITE with Replaces: reject with 603, or accept and let the transfer "
		"policy decide (as long as there is none, the outcome reported is 603).",
		RELOAD, DEFAULT("reject"), .choices = refers, AT(config_trunk, refer)),
	ROW("trunks", "events", SCHEMA_CHOICE,
		"Event packages it may subscribe to. dialog: the calls of a number on this trunk; with "
		"refer: accept also what Replaces needs, by which a call can be taken or ended.",
		RELOAD, .choices = event_packages, LIST(config_trunk, events, event_count)),
	ROW("trunks", "max_subscriptions", SCHEMA_NUMBER, "Event subscriptions at a time.", RELOAD,
		DEFAULT("100"), RANGE(0, 100000), AT(config_trunk, max_subscriptions)),
	ROW("trunks", "reliable_provisional", SCHEMA_CHOICE,
		"RFC 3262: off knows nothing of 100rel, and refuses who requires it; supported offers "
		"it to called parties and uses it with callers that know it; required insists on it, "
		"with callers too.",
		RELOAD, DEFAULT("supported"), .choices = reliables,
		AT(config_trunk, reliable_provisional)),

#define CREDENTIALS(in)                                                                                        \
	ROW(in, "username", SCHEMA_TEXT, "User name.", RELOAD, REQUIRED,                                       \
		RANGE(1, CONFIG_TEXT_BYTES - 1), AT(config_credentials, username)),                            \
		ROW(in, "password", SCHEMA_SECRET,                                                             \
			"Password in clear; only in a file that others can't read.", RELOAD,                   \
			RANGE(1, CONFIG_SECRET_BYTES - 1), AT(config_credentials, password)),                  \
		ROW(in, "password_file", SCHEMA_FILE,                                                          \
			"File that holds the password on its first line; others must not be able to read it.", \
			RELOAD, AT(config_credentials, password_file)),                                        \
		ROW(in, "realm", SCHEMA_TEXT,                                                                  \
			"Digest realm; empty: any (asked of us), node (asked by us).", RELOAD,                 \
			AT(config_credentials, realm))
	CREDENTIALS("trunks.credentials"),
	CREDENTIALS("trunks.inbound_auth"),
	ROW("trunks.inbound_auth", "algorithm", SCHEMA_CHOICE,
		"Digest we ask with: both offers SHA-256 first and MD5 second; older phones give up "
		"when they see SHA-256 and need md5.",
		RELOAD, DEFAULT("both"), .choices = digests, AT(config_credentials, algorithm)),

	ROW("trunks.registration", "user", SCHEMA_TEXT,
		"User part of the address of record: sip:USER@DOMAIN.", RELOAD, REQUIRED,
		RANGE(1, CONFIG_TEXT_BYTES - 1), AT(config_registration, user)),
	ROW("trunks.registration", "domain", SCHEMA_TEXT,
		"Its domain, and the request URI of REGISTER; empty: the registrar's host.", RELOAD,
		AT(config_registration, domain)),
	ROW("trunks.registration", "registrar", SCHEMA_TARGET,
		"Where REGISTER goes; none: the trunk's target.", RELOAD,
		AT(config_registration, registrar)),
	ROW("trunks.registration", "contact_user", SCHEMA_TEXT,
		"User part of our Contact, which calls from there will bear; empty: user.", RELOAD,
		AT(config_registration, contact_user)),
	ROW("trunks.registration", "enabled", SCHEMA_BOOL, "false: not now.", RELOAD,
		DEFAULT("true"), AT(config_registration, is_enabled)),
	ROW("trunks.registration", "expires_s", SCHEMA_NUMBER,
		"Life of the registration that we ask for; refreshed at 85 to 90 % of what is granted.",
		RELOAD, DEFAULT("3600"), RANGE(30, 86400), UNIT("s"),
		AT(config_registration, expires_s)),
	ROW("trunks.registration", "retry_max_s", SCHEMA_NUMBER,
		"Longest wait before the next attempt; waits double from 30 s (RFC 5626 4.5).",
		RELOAD, DEFAULT("1800"), RANGE(30, 86400), UNIT("s"),
		AT(config_registration, retry_max_s)),
	ROW("trunks.registration", "outbound", SCHEMA_BOOL,
		"Offer a flow of our own (RFC 5626): +sip.instance and reg-id.", RELOAD,
		DEFAULT("true"), AT(config_registration, is_outbound)),
	ROW("trunks.registration", "bulk", SCHEMA_BOOL,
		"Register all numbers of the trunk at once (RFC 6140, gin).", RELOAD,
		DEFAULT("false"), AT(config_registration, is_bulk)),
	ROW("trunks.bindings", "expires_s", SCHEMA_NUMBER, "Life of a contact that asks for none.",
		RELOAD, DEFAULT("3600"), RANGE(10, 86400), UNIT("s"),
		AT(config_bindings, expires_s)),
	ROW("trunks.bindings", "min_expires_s", SCHEMA_NUMBER,
		"Who asks for less gets 423 with this in Min-Expires.", RELOAD, DEFAULT("60"),
		RANGE(1, 3600), UNIT("s"), AT(config_bindings, min_expires_s)),
	ROW("trunks.bindings", "max_expires_s", SCHEMA_NUMBER, "Who asks for more gets this.",
		RELOAD, DEFAULT("7200"), RANGE(10, 604800), UNIT("s"),
		AT(config_bindings, max_expires_s)),
	ROW("trunks.bindings", "max_per_user", SCHEMA_NUMBER,
		"Contacts of one user; one more takes the place of the one that is longest without "
		"refresh.",
		RELOAD, DEFAULT("5"), RANGE(1, 8), AT(config_bindings, max_per_user)),
	ROW("trunks.bindings", "realm", SCHEMA_TEXT, "Digest realm; empty: node.", RELOAD,
		AT(config_bindings, realm)),
	ROW("trunks.bindings", "algorithm", SCHEMA_CHOICE, "As in inbound_auth.", RELOAD,
		DEFAULT("both"), .choices = digests, AT(config_bindings, algorithm)),
	ROW("trunks.users", "username", SCHEMA_DIALLED,
		"Name in the address of record, in the credentials and in what is dialled.", RELOAD,
		REQUIRED, AT(config_user, username)),
	ROW("trunks.users", "password", SCHEMA_SECRET,
		"Password in clear; only in a file that others can't read.", RELOAD,
		RANGE(1, CONFIG_SECRET_BYTES - 1), AT(config_user, password)),
	ROW("trunks.users", "password_file", SCHEMA_FILE,
		"File that holds the password on its first line; others must not be able to read it.",
		RELOAD, AT(config_user, password_file)),

	ROW("routes", "from", SCHEMA_TRUNK, "Trunk that the call comes in on, or any.", RELOAD,
		DEFAULT("any"), AT(config_route, from_trunk)),
	ROW("routes", "number", SCHEMA_DIALLED, "The number or user name dialled, exactly.", RELOAD,
		AT(config_route, number)),
	ROW("routes", "pattern", SCHEMA_PATTERN,
		"Numbers dialled, see below. Either this or number.", RELOAD,
		AT(config_route, pattern)),
	ROW("routes", "to", SCHEMA_TRUNK, "Trunks to try, in this order.", RELOAD, REQUIRED,
		LIST(config_route, destinations, destination_count)),
	ROW("routes", "strip", SCHEMA_NUMBER, "Characters to take off the front ('+' is one).",
		RELOAD, DEFAULT("0"), RANGE(0, 32), AT(config_route, strip)),
	ROW("routes", "prefix", SCHEMA_DIALLED, "Then put this in front.", RELOAD,
		AT(config_route, prefix)),
	ROW("routes", "set_number", SCHEMA_DIALLED, "Replace the number by this.", RELOAD,
		AT(config_route, set_number)),
};

/* This table, and those that stand in files of their own. */
static const struct schema_part parts[] = {
	{fields, TD_COUNT_OF(fields)},
	{schema_defence_fields, SCHEMA_DEFENCE_FIELDS},
	{schema_identity_fields, SCHEMA_IDENTITY_FIELDS},
	{schema_dns_fields, SCHEMA_DNS_FIELDS},
	{schema_trace_fields, SCHEMA_TRACE_FIELDS},
};

uint32_t schema_field_count(void)
{
	uint32_t count = 0;

	for (size_t i = 0; i < TD_COUNT_OF(parts); i++)
		count += parts[i].count;
	return count;
}

const struct schema_field *schema_field_at(uint32_t index)
{
	for (size_t i = 0; i < TD_COUNT_OF(parts); i++) {
		if (index < parts[i].count)
			return &parts[i].fields[index];
		index -= parts[i].count;
	}
	return NULL;
}
