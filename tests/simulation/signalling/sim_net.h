/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network and a clock that exist only in a test. Nodes (a transaction table, a switchboard, a
 * scripted phone) register callbacks and addresses; links lose, delay, reorder and duplicate what
 * they carry; time jumps from one event to the next. Everything follows from one seed, so that
 * each run can be repeated. One thread.
 */
#ifndef TD_SIGNALLING_SIM_NET_H
#define TD_SIGNALLING_SIM_NET_H

#include "transaction/transaction.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIM_NODES_MAX = 64,
	SIM_ADDRESSES_MAX = 256,
	SIM_START_MS = 1000000, /* the clock's first value; not 0, so that 0 stays suspicious */
};

struct sim_net;

/* What the network calls at a node. Unused functions may be NULL. */
struct sim_node {
	const char *name;
	void *context;
	/* Takes a message. flow is seen from the receiver: local is its own address. bytes is
	 * the node's own copy and may be changed; valid until the call returns. */
	void (*receive)(void *context, const struct sip_flow *flow, char *bytes, size_t length,
		uint64_t now_ms);
	/* Tells when advance() is due; TD_NEVER if never. */
	uint64_t (*deadline)(void *context);
	/* Does what is due at now_ms. */
	void (*advance)(void *context, uint64_t now_ms);
	/* Learns that a message sent on flow had nobody to go to (port unreachable, connection
	 * refused). Called after the delay of the link, never from inside sim_net_send(). */
	void (*send_failed)(void *context, const struct sip_flow *flow, uint64_t now_ms);
};

/* How one direction between two nodes behaves. Zeros: perfect and instant. */
struct sim_link {
	uint32_t loss_ppm;	/* probability that a datagram is lost, in millionths */
	uint32_t duplicate_ppm; /* probability that it arrives twice, each with its own delay */
	uint32_t delay_ms;
	uint32_t jitter_ms; /* 0..jitter_ms is added per datagram: reorders them */
	uint64_t loss_mask; /* bit n: the n-th datagram of this link (0 to 63) is lost */
	uint64_t seed;	    /* of this link's own dice; 0: derived from the network's seed */
};

struct sim_counts {
	uint64_t sent; /* messages given to sim_net_send() */
	uint64_t delivered;
	uint64_t lost;
	uint64_t duplicated;
	uint64_t unreachable; /* nobody listens at the address, or the node is down */
};

/* The seed of this run: TANDEM_SEED from the environment (decimal or 0x...), else fallback.
 * Prints it, so that a failure can be repeated. */
uint64_t sim_seed(uint64_t fallback);

/* Creates an empty network at SIM_START_MS. -ENOMEM. Given to the caller. */
td_must_check int sim_net_create(uint64_t seed, struct sim_net **ret_net);
void sim_net_destroy(struct sim_net *net);

/* Adds a node (copied; name and context are borrowed for the network's life). Returns its
 * number, -EMFILE if there are SIM_NODES_MAX. */
td_must_check int sim_net_add_node(struct sim_net *net, const struct sim_node *node);
/* Puts another machine in the place of node, which keeps its addresses and links: a restart. */
void sim_net_replace_node(struct sim_net *net, int node, const struct sim_node *with);
/* Switches a node off (all that arrives is lost without a sign, no deadline fires) or on. */
void sim_net_set_up(struct sim_net *net, int node, bool is_up);
/* Makes node the owner of address on every transport. -EMFILE, -EEXIST. */
td_must_check int sim_net_listen(struct sim_net *net, int node, const struct td_endpoint *address);

/* Sets the link from one node to another (one direction). Also restarts its datagram count. */
void sim_net_set_link(struct sim_net *net, int from, int to, const struct sim_link *link);
/* Sets every link between different nodes, now and of nodes still to come. */
void sim_net_set_all_links(struct sim_net *net, const struct sim_link *link);

/* Sends bytes (copied) from node on flow, as the node sees it: flow->remote is the destination.
 * Stream transports (TCP, TLS, WS, WSS) are never lost, doubled or reordered. */
void sim_net_send(struct sim_net *net, int node, const struct sip_flow *flow, const char *bytes,
	size_t length);

/* Calls function(context, now_ms) once at at_ms: what a person or a script does. */
void sim_net_at(struct sim_net *net, uint64_t at_ms,
	void (*function)(void *context, uint64_t now_ms), void *context);

/* Shows every message when it is sent, with its fate, to a trace. NULL: none. */
typedef void sim_tap_function(void *context, uint64_t now_ms, const struct sip_flow *flow,
	const char *bytes, size_t length, bool is_lost);
void sim_net_tap(struct sim_net *net, sim_tap_function *function, void *context);

uint64_t sim_net_now_ms(const struct sim_net *net);
/* Time of the next event of any kind; TD_NEVER if the network is at rest. */
uint64_t sim_net_next_ms(struct sim_net *net);

/* Jumps to the next event not later than limit_ms and does it. False (and the clock stands at
 * limit_ms, unless that is TD_NEVER) if there is none. At one time: messages first, then
 * sim_net_at() in order of registration, then nodes by number. */
bool sim_net_step(struct sim_net *net, uint64_t limit_ms);
/* Steps until condition(context) holds (true) or nothing is left up to limit_ms (the condition's
 * value then). condition NULL: runs until limit_ms, or until rest if that is TD_NEVER. */
bool sim_net_run(
	struct sim_net *net, bool (*condition)(void *context), void *context, uint64_t limit_ms);

/* A random number from the network's dice, and one in 0..below-1. */
uint64_t sim_net_random(struct sim_net *net);
uint32_t sim_net_random_below(struct sim_net *net, uint32_t below);

struct sim_counts sim_net_counts(const struct sim_net *net);

#endif
