/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the planes: what tandem-controlplane may ask of tandem-dataplane and what
 * it is told. Words are those of H.248.1: terminations are ends of media, contexts join them.
 *
 * One Unix SOCK_SEQPACKET connection; each packet is one message that begins with struct
 * td_message. All fields are in host order (both processes run on one machine). Reserved bytes
 * are zero. Commands state the whole wanted result, never a difference, and carry an id that the
 * sender never uses twice: a command may be repeated at any time with the same outcome. Both
 * sides treat the other as untrusted: a message of wrong length, version or value is answered
 * with a result other than TD_RESULT_OK and changes nothing.
 *
 * Any layout change raises TD_CONTRACT_VERSION.
 */
#ifndef TD_TANDEM_CONTRACT_H
#define TD_TANDEM_CONTRACT_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TD_CONTRACT_MAGIC = 0x544e4d31, /* "TNM1" */
	TD_CONTRACT_VERSION = 1,
	TD_CODECS_MAX = 16,	     /* payload types of one termination */
	TD_CONTEXT_PARTIES_MAX = 2,  /* two-party contexts */
	TD_MESSAGE_MAX_BYTES = 1024, /* no message is longer */
};

/* X(CONSTANT, name): commands go to the dataplane, the rest comes from it. */
#define TD_MESSAGE_TYPES(X)                                                            \
	X(HELLO, hello)		  /* command */                                        \
	X(ADD, add)		  /* command */                                        \
	X(MODIFY, modify)	  /* command */                                        \
	X(SUBTRACT, subtract)	  /* command */                                        \
	X(MOVE, move)		  /* command */                                        \
	X(AUDIT, audit)		  /* command */                                        \
	X(REPLY, reply)		  /* answer to every command */                        \
	X(AUDIT_ITEM, audit_item) /* one per termination, before the reply to AUDIT */ \
	X(NOTIFY, notify)	  /* something happened to a termination */

enum td_message_type {
	TD_MESSAGE_NONE,
#define TD_MESSAGE_ENUM(constant, name) TD_MESSAGE_##constant,
	TD_MESSAGE_TYPES(TD_MESSAGE_ENUM)
#undef TD_MESSAGE_ENUM
	TD_MESSAGE_TYPE_COUNT
};

/* X(CONSTANT, name, help) */
#define TD_RESULTS(X)                                                                       \
	X(OK, ok, "done, or already as asked")                                              \
	X(VERSION, version, "contract versions differ")                                     \
	X(MALFORMED, malformed, "length, type or a reserved field is wrong")                \
	X(OUT_OF_ORDER, out_of_order, "a command came before HELLO")                        \
	X(BAD_VALUE, bad_value, "a field is out of its range")                              \
	X(UNKNOWN, unknown, "no such termination")                                          \
	X(STALE_EPOCH, stale_epoch, "the termination has a newer epoch than the command")   \
	X(FULL, full, "no free termination or context")                                     \
	X(PORT_FOREIGN, port_foreign, "local address or port isn't one of the dataplane's") \
	X(PORT_IN_USE, port_in_use, "local port belongs to another termination")            \
	X(PORT_RESTING, port_resting, "local port was released a short while ago")          \
	X(WORKER_FOREIGN, worker_foreign, "the port's owner is another worker")             \
	X(CONTEXT_FULL, context_full, "the context has all the parties it can have")        \
	X(BUSY, busy, "the owning worker's command ring is full; repeat later")

enum td_result {
#define TD_RESULT_ENUM(constant, name, help) TD_RESULT_##constant,
	TD_RESULTS(TD_RESULT_ENUM)
#undef TD_RESULT_ENUM
	TD_RESULT_COUNT
};

/* Name of a result ("port_resting"); "?" out of range. */
static inline const char *td_result_name(unsigned result)
{
	static const char *const names[TD_RESULT_COUNT] = {
#define TD_RESULT_NAME(constant, name, help) #name,
		TD_RESULTS(TD_RESULT_NAME)
#undef TD_RESULT_NAME
	};

	return result < TD_RESULT_COUNT ? names[result] : "?";
}

/* Bits of td_termination_spec.mode, seen from the dataplane (H.248.1 StreamMode). */
enum td_mode {
	TD_MODE_INACTIVE = 0,
	TD_MODE_RECEIVE = 1, /* media from this remote end is accepted */
	TD_MODE_SEND = 2,    /* media is sent to this remote end */
	TD_MODE_SEND_RECEIVE = 3,
};

/* How the remote address may be learnt from packets that arrive. */
enum td_latch {
	TD_LATCH_OFF,	     /* only the signalled address and port */
	TD_LATCH_RESTRICTED, /* any port within latch_prefix_bits of the signalled address */
	TD_LATCH_OPEN,	     /* any address within the learning window (peer behind NAT) */
	TD_LATCH_COUNT
};

/* Bits of td_termination_spec.flags. */
enum td_termination_flag {
	TD_TERMINATION_RTCP_MUX = 1, /* RFC 5761: RTCP on the RTP port */
	TD_TERMINATION_FLAGS_ALL = 1,
};

/* What the E-model needs to know about a codec (ITU-T G.113 appendix I). */
enum td_codec_kind {
	TD_CODEC_OTHER,
	TD_CODEC_PCMU,
	TD_CODEC_PCMA,
	TD_CODEC_G722,
	TD_CODEC_OPUS,
	TD_CODEC_TELEPHONE_EVENT,
	TD_CODEC_COMFORT_NOISE,
	TD_CODEC_KIND_COUNT
};

/* A payload type that may arrive at a termination. */
struct td_codec {
	uint8_t payload_type; /* 0..127 */
	uint8_t kind;	      /* enum td_codec_kind */
	uint16_t ptime_ms;    /* packet duration; 0: 20 */
	uint32_t clock_hz;    /* RTP clock (8000 for G.722, RFC 3551 4.5.2) */
};
TD_WIRE_SIZE(struct td_codec, 8);

/* Everything the dataplane must know of one RTP end. */
struct td_termination_spec {
	uint64_t termination_id;   /* chosen by the control plane, never reused, never 0 */
	uint64_t context_id;	   /* never 0 */
	uint32_t epoch;		   /* raised with each change; an older one is refused */
	uint8_t mode;		   /* enum td_mode */
	uint8_t latch;		   /* enum td_latch */
	uint8_t latch_prefix_bits; /* TD_LATCH_RESTRICTED: 0 means the whole address */
	uint8_t flags;		   /* enum td_termination_flag */
	uint8_t codec_count;
	uint8_t reserved0;
	uint16_t media_timeout_s;  /* silence before NOTIFY_MEDIA_TIMEOUT; 0: never */
	uint32_t latch_window_ms;  /* learning ends this long after the first accepted packet */
	struct td_endpoint local;  /* RTP; RTCP is port + 1 unless RTCP_MUX. Port is even. */
	struct td_endpoint remote; /* RTP; family NONE: not known yet */
	struct td_endpoint remote_rtcp;
	uint32_t latch_round; /* a new value re-arms learning (each new remote SDP) */
	uint8_t reserved1[20];
	struct td_codec codecs[TD_CODECS_MAX];
};
TD_WIRE_SIZE(struct td_termination_spec, 256);
static_assert(offsetof(struct td_termination_spec, local) == 32, "layout");
static_assert(offsetof(struct td_termination_spec, codecs) == 128, "layout");

/* What was measured at one termination since it was added. "rx" is from the remote end, "tx" to
 * it. Ratios are parts per million. */
struct td_termination_stats {
	uint64_t rx_packets; /* RTP accepted */
	uint64_t rx_bytes;   /* payload bytes */
	uint64_t tx_packets; /* RTP sent */
	uint64_t tx_bytes;
	uint64_t rx_refused;	   /* dropped with any reason but RTCP_CONSUMED */
	uint64_t first_rx_wall_ns; /* 0: nothing arrived */
	uint64_t last_rx_wall_ns;
	uint64_t first_tx_wall_ns;
	uint32_t lost_packets; /* RFC 3550 A.3, over all sources */
	uint32_t reordered_packets;
	uint32_t duplicate_packets;
	uint32_t source_switches; /* changes of the ingress SSRC */
	uint32_t jitter_us;	  /* RFC 3550 A.8, now */
	uint32_t jitter_max_us;
	uint32_t rtt_us;	      /* from LSR/DLSR of the last report; 0: not known */
	uint32_t remote_lost_packets; /* as the remote end reports of what we send */
	uint32_t remote_jitter_us;
	uint32_t remote_fraction_lost_ppm;
	uint32_t tx_ssrc;
	uint32_t rx_ssrc;
	uint16_t mos_x100; /* E-model of what arrives; 0: not known */
	uint16_t mos_min_x100;
	uint16_t r_factor_x10;
	uint8_t latch_state; /* enum td_latch_state */
	uint8_t last_payload_type;
	uint32_t rtcp_rx_packets;
	uint32_t rtcp_tx_packets;
	struct td_endpoint latched; /* where media is sent to now */
};
TD_WIRE_SIZE(struct td_termination_stats, 152);

enum td_latch_state {
	TD_LATCH_STATE_SIGNALLED, /* the signalled address is used */
	TD_LATCH_STATE_LEARNING,
	TD_LATCH_STATE_LEARNT,
	TD_LATCH_STATE_COUNT
};

/* Begins every message. */
struct td_message {
	uint32_t magic; /* TD_CONTRACT_MAGIC */
	uint16_t version;
	uint16_t type;	       /* enum td_message_type */
	uint32_t length_bytes; /* of the whole message */
	uint32_t reserved;
	uint64_t command_id; /* of the command, and repeated in its answers; 0 in NOTIFY */
};
TD_WIRE_SIZE(struct td_message, 24);

/* HELLO must be the first command of a connection. A new connection replaces the old one. */
struct td_command_hello {
	struct td_message message;
	uint64_t controlplane_instance; /* differs after each start, for the log */
};
TD_WIRE_SIZE(struct td_command_hello, 32);

/* ADD creates, MODIFY replaces. ADD of what exists answers OK if the epoch is the same, and is a
 * MODIFY if the epoch is newer. */
struct td_command_add {
	struct td_message message;
	struct td_termination_spec spec;
};
TD_WIRE_SIZE(struct td_command_add, 280);

/* SUBTRACT removes; the reply carries the final figures. */
struct td_command_subtract {
	struct td_message message;
	uint64_t termination_id;
	uint32_t epoch;
	uint32_t reserved;
};
TD_WIRE_SIZE(struct td_command_subtract, 40);

/* MOVE puts a termination into another context. */
struct td_command_move {
	struct td_message message;
	uint64_t termination_id;
	uint64_t context_id;
	uint32_t epoch;
	uint32_t reserved;
};
TD_WIRE_SIZE(struct td_command_move, 48);

/* AUDIT asks for one termination, or for all if termination_id is 0. Of a termination whose media
 * timed out and didn't resume, NOTIFY says so again before its AUDIT_ITEM. */
struct td_command_audit {
	struct td_message message;
	uint64_t termination_id;
};
TD_WIRE_SIZE(struct td_command_audit, 32);

/* What the dataplane can do; part of every reply, filled for HELLO only. */
struct td_capabilities {
	uint64_t dataplane_instance; /* differs after each start */
	uint32_t termination_capacity;
	uint32_t terminations_in_use;
	uint16_t worker_count;
	uint16_t media_port_first; /* of every media address */
	uint16_t media_port_last;
	uint16_t media_address_count;
	uint32_t port_rest_ms; /* a released port stays unused this long */
	uint32_t is_restarted; /* 1: terminations were taken over from the arena */
};
TD_WIRE_SIZE(struct td_capabilities, 32);

struct td_reply {
	struct td_message message; /* command_id of the command */
	uint16_t result;	   /* enum td_result */
	uint16_t command_type;
	uint32_t applied_epoch; /* of the termination now; 0: none */
	uint64_t termination_id;
	struct td_capabilities capabilities; /* HELLO */
	struct td_termination_stats stats;   /* MODIFY, SUBTRACT; else zero */
};
TD_WIRE_SIZE(struct td_reply, 224);

struct td_audit_item {
	struct td_message message;
	struct td_termination_spec spec;
	struct td_termination_stats stats;
};
TD_WIRE_SIZE(struct td_audit_item, 432);

enum td_notify_kind {
	TD_NOTIFY_FIRST_PACKET,	 /* the first RTP was accepted */
	TD_NOTIFY_LATCHED,	 /* another remote address was learnt: see stats.latched */
	TD_NOTIFY_MEDIA_TIMEOUT, /* nothing came for media_timeout_s though it should have */
	TD_NOTIFY_MEDIA_RESUMED, /* after a timeout */
	TD_NOTIFY_OVERLOAD,	 /* termination_id 0; detail: busy share of the worker, percent */
	TD_NOTIFY_KIND_COUNT
};

struct td_notify {
	struct td_message message;
	uint64_t termination_id;
	uint64_t wall_ns;
	uint16_t kind; /* enum td_notify_kind */
	uint16_t detail;
	uint32_t epoch; /* of the termination, 0 for none */
	struct td_termination_stats stats;
};
TD_WIRE_SIZE(struct td_notify, 200);

/* The worker that owns a local RTP port; RTCP (port + 1) has the same owner. The control plane
 * takes both ports of a call from one worker. 128 is the usual size of a NIC's redirection
 * table, so that hardware can follow the same rule. */
static inline unsigned td_port_owner(uint16_t port, unsigned worker_count)
{
	return worker_count == 0 ? 0 : ((unsigned)port >> 1 & 127) % worker_count;
}

#endif
