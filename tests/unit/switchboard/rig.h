/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switchboard by itself: what it is fed is text, what leaves it is counted, and the last of each
 * kind kept. Time is rig->now.
 */
#ifndef TD_SWITCHBOARD_RIG_H
#define TD_SWITCHBOARD_RIG_H

#include "config/config.h"
#include "switchboard/switchboard.h"

#include <stddef.h>
#include <stdint.h>

#define HEAD                                                            \
	"node: t\nsip: {listen: [{address: 10.0.0.1}], max_calls: 4}\n" \
	"media: {addresses: [10.0.0.1]}\n"                              \
	"dataplane: {ports: [{device: net_null0}]}\n"
#define TRUNKS                                                                                     \
	"trunks:\n"                                                                                \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: 0}\n" \
	"  - {name: b, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", options_interval_s: 0}\n"
#define ROUTES_TO_A "routes: [{from: a, pattern: \"*\", to: [a]}]\n"
#define ROUTES "routes: [{from: a, pattern: \"*\", to: [b]}]\n"

#define REQUEST(method, cseq)                                                             \
	method " sip:100@10.0.0.1 SIP/2.0\r\n"                                            \
	       "Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK" method cseq ";rport\r\n"        \
	       "From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\nCall-ID: c\r\n" \
	       "CSeq: " cseq " " method "\r\nContact: <sip:10.1.0.1>\r\n"
#define SDP                                                                       \
	"v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\n" \
	"m=audio 4000 RTP/AVP 8\r\n"
#define INVITE                 \
	REQUEST("INVITE", "1") \
	"Content-Type: application/sdp\r\n\r\n" SDP

struct rig {
	struct config *config;
	struct switchboard *switchboard;
	struct td_now now;
	uint32_t restored_calls; /* told to the next switchboard */
	struct trace *trace;	 /* the same; NULL: none */
	unsigned sent;
	unsigned invites;
	struct sip_flow to; /* of the last message sent */
	unsigned commands;
	uint64_t terminations[2]; /* of the last commands */
	unsigned puts;
	unsigned deletes;
	unsigned cdrs;
	char last[4096];
	struct leg_cdr cdr;	/* the last one */
	unsigned registrations; /* events of them */
	struct registration_event registration;
	enum switchboard_journal journal_kind; /* of the last record */
	uint64_t journal_id;
	size_t journal_length;
	uint8_t journal[16384];
};

/* Loads a configuration; ends the test program if that fails. */
struct config *rig_load(const char *text);
/* Starts with a configuration, and ends. */
void rig_init(struct rig *rig, const char *text);
void rig_fini(struct rig *rig);
/* Another switchboard with the same configuration; boot makes other random numbers. */
void rig_start(struct rig *rig, uint8_t boot);
/* The same ms later, with the call that was journaled last. */
void rig_restart(struct rig *rig, uint64_t ms, bool is_other_boot);
/* Feeds a message over UDP from source, port 5060. */
void rig_receive(struct rig *rig, const char *source, const char *text);
/* The dataplane has done what it was told last, for both terminations. */
void rig_media_done(struct rig *rig);

#endif
