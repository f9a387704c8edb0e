/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage on which a trace is played: a switchboard between two scripted peers that say just
 * what the trace tells them to. Everything that leaves the switchboard becomes a line of output.
 */
#ifndef TD_CALLS_STAGE_H
#define TD_CALLS_STAGE_H

#include "simulation/calls/board.h"
#include "sip/message.h"
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	STAGE_PEERS = 7,
	STAGE_MESSAGE_BYTES = 4096,
	STAGE_OUTPUT_BYTES = 64 * 1024,
};

/* A message as it came, to be answered later. */
struct stage_message {
	char bytes[STAGE_MESSAGE_BYTES];
	uint32_t length;
};

/* 'a' calls, 'b' is called, 'c' is a second destination, 'd' calls by the same trunk as 'a', 'e' is
 * a stranger, 'f' speaks IPv6, 'g' is asked for session timers. */
struct stage_peer {
	struct stage *stage;
	char name;
	struct td_endpoint address;
	int node;
	uint32_t cseq;	      /* of its last request */
	uint32_t invite_cseq; /* of its last INVITE */
	uint32_t branch;      /* counts its requests */
	char invite_branch[32];
	char call_id[64];
	char local_tag[32];
	char board_tag[64]; /* empty: not learnt */
	uint32_t sdp_version;
	uint32_t first_rseq; /* of the reliable responses that it got; 0: none */
	uint32_t rseq;	     /* of the last one */
	struct stage_message heard[SIP_METHOD_COUNT]; /* last requests that the switchboard sent */
};

struct stage {
	struct sim_net *net;
	struct board *board;
	struct stage_peer peers[STAGE_PEERS];
	uint64_t call_id;     /* of the last event */
	uint64_t transfer_id; /* of the last one that told of a transfer */
	struct text output;
	char bytes[STAGE_OUTPUT_BYTES];
};

struct stage *stage_create(void);
void stage_destroy(struct stage *stage);

/* Plays one line ("@1200 recv a INVITE sdp"). False: it makes no sense. */
bool stage_play(struct stage *stage, const char *line);

#endif
