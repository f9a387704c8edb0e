/* SPDX-License-Identifier: Apache-2.0 */
/* What transport/ counts: every refusal has a name, all of it is shown by tandemctl status. */
#ifndef TD_TRANSPORT_COUNTERS_H
#define TD_TRANSPORT_COUNTERS_H

#include <stdint.h>

/* X(name, help) */
#define TRANSPORT_UDP_COUNTERS(X)                                                               \
	X(udp_received, "SIP datagrams received")                                               \
	X(udp_received_bytes, "bytes of those datagrams")                                       \
	X(udp_sent, "SIP datagrams sent")                                                       \
	X(udp_sent_bytes, "bytes of those datagrams")                                           \
	X(udp_keepalives, "datagrams that hold nothing but line ends")                          \
	X(udp_stun_answered, "STUN binding requests answered (RFC 5626)")                       \
	X(udp_stun_ignored, "STUN messages that are no plain binding request")                  \
	X(udp_kernel_drops, "datagrams the kernel dropped because the receive buffer was full") \
	X(udp_truncated, "datagrams longer than the largest message")                           \
	X(udp_send_full, "datagrams not sent because the send buffer was full")                 \
	X(udp_send_failed, "datagrams that could not be sent")                                  \
	X(udp_unreachable, "ICMP errors about datagrams sent")                                  \
	X(strangers, "datagrams and connections from addresses that no trunk claims")

/* Of TCP alone and of what goes over it. */
#define TRANSPORT_STREAM_COUNTERS(X)                                                               \
	X(tcp_accepted, "connections accepted")                                                    \
	X(tcp_opened, "connections opened")                                                        \
	X(tcp_open_failed, "connections that could not be opened")                                 \
	X(tcp_closed, "connections ended, for whatever reason")                                    \
	X(tcp_received, "messages received by connections")                                        \
	X(tcp_received_bytes, "bytes received by connections, after decryption")                   \
	X(tcp_sent, "messages sent or queued by connections")                                      \
	X(tcp_keepalives, "CRLF keep-alives answered")                                             \
	X(tcp_pings_sent, "keep-alives sent, CRLF or WebSocket ping")                              \
	X(tcp_pongs_missing, "connections closed because a keep-alive was not answered")           \
	X(tcp_aliases, "connections that carry requests to their client's own port (RFC 5923)")    \
	X(tcp_malformed, "connections closed because the stream held no message")                  \
	X(tcp_refused_source, "connections refused because their source had too many")             \
	X(tcp_refused_full, "connections refused because the table or the descriptors were spent") \
	X(tcp_buffers_full, "connections closed because all buffers together were spent")          \
	X(tcp_partial_timeouts, "connections closed because a message did not end in time")        \
	X(tcp_idle_timeouts, "connections closed because nothing was sent or received")            \
	X(tcp_connect_timeouts, "connections not established in time")                             \
	X(tcp_unacknowledged, "connections closed because output was not acknowledged in time")    \
	X(tcp_output_overflows, "connections closed because their peer did not read")              \
	X(failures_lost, "failures not told because too many came at once")

/* The first of each kind per peer is logged too. */
#define TRANSPORT_TLS_COUNTERS(X)                                                              \
	X(tls_handshakes, "TLS handshakes completed")                                          \
	X(tls_resumed, "of those, continued an earlier session")                               \
	X(tls_peer_expired, "peers refused: certificate not valid at this time")               \
	X(tls_peer_wrong_name, "peers refused: certificate of another name")                   \
	X(tls_peer_untrusted, "peers refused: certificate of an issuer we don't trust")        \
	X(tls_peer_missing, "peers refused: no certificate")                                   \
	X(tls_peer_invalid, "peers refused: certificate that is bad in another way")           \
	X(tls_refused_by_peer, "handshakes that the peer ended with an alert")                 \
	X(tls_handshake_failures, "handshakes that failed for another reason")                 \
	X(tls_handshake_timeouts, "accepted connections whose handshake did not end in time")  \
	X(tls_refused_source, "accepted connections refused: too many handshakes of a source") \
	X(tls_accept_pauses, "times when no TLS connection was accepted: too many handshakes") \
	X(tls_deferred, "handshake steps put off to the next turn")                            \
	X(tls_step_us_max, "longest handshake step, in microseconds")                          \
	X(tls_reloads, "times that certificates and keys were read again")                     \
	X(tls_reload_failures, "times that they were bad and the old ones stayed")

#define TRANSPORT_WEBSOCKET_COUNTERS(X)                                                    \
	X(ws_upgrades, "WebSockets opened")                                                \
	X(ws_refused_request, "HTTP requests refused: not a WebSocket of subprotocol sip") \
	X(ws_refused_path, "HTTP requests refused: another path")                          \
	X(ws_refused_origin, "HTTP requests refused: a page that is not in the list")      \
	X(ws_upgrade_timeouts,                                                             \
		"connections closed because their HTTP request did not end in time")       \
	X(ws_protocol_errors, "WebSockets closed because of bad or too long frames")       \
	X(ws_closed, "WebSockets closed in good order by the peer")                        \
	X(ws_keepalives, "CRLF keep-alives answered in WebSockets")

#define TRANSPORT_COUNTERS(X)        \
	TRANSPORT_UDP_COUNTERS(X)    \
	TRANSPORT_STREAM_COUNTERS(X) \
	TRANSPORT_TLS_COUNTERS(X)    \
	TRANSPORT_WEBSOCKET_COUNTERS(X)

struct transport_counters {
#define TRANSPORT_COUNTER_FIELD(name, help) uint64_t name;
	TRANSPORT_COUNTERS(TRANSPORT_COUNTER_FIELD)
#undef TRANSPORT_COUNTER_FIELD
};

#endif
