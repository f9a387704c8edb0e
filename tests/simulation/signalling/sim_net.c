/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated network: one heap of messages and appointments, ordered by time, kind and age,
 * beside the deadlines that the nodes tell. Test code: it ends the process when memory runs out
 * or a node never moves its deadline, for there is nobody to tell.
 */
#include "sim_net.h"

#include <tandem/time.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIM_MILLION = 1000000,
	SIM_STUCK_STEPS = 100000, /* advances at one time without a message: the node is stuck */
	SIM_MASK_BITS = 64,
};

enum sim_kind {
	SIM_MESSAGE, /* also what nobody took: it is told to its sender */
	SIM_APPOINTMENT,
};

struct sim_item {
	uint64_t at_ms;
	uint64_t sequence; /* age: breaks ties */
	enum sim_kind kind;
	int from; /* node that sent it */
	int to;	  /* node that gets it; -1: nobody, tell the sender */
	struct sip_flow flow;
	void (*function)(void *context, uint64_t now_ms);
	void *context;
	size_t length;
	char bytes[];
};

struct sim_link_state {
	struct sim_link link;
	uint64_t random_state;
	uint64_t datagrams;
	uint64_t stream_ms; /* arrival of the last stream message: keeps the order */
};

struct sim_address {
	struct td_endpoint endpoint;
	int node;
};

struct sim_net {
	uint64_t now_ms;
	uint64_t seed;
	uint64_t random_state;
	uint64_t sequence;
	uint32_t steps_at_now;
	int node_count;
	int address_count;
	struct sim_node nodes[SIM_NODES_MAX];
	bool is_up[SIM_NODES_MAX];
	struct sim_address addresses[SIM_ADDRESSES_MAX];
	struct sim_link_state links[SIM_NODES_MAX][SIM_NODES_MAX];
	struct sim_item **heap;
	size_t heap_count;
	size_t heap_room;
	sim_tap_function *tap;
	void *tap_context;
	struct sim_counts counts;
};

static void sim_die(const char *what)
{
	(void)fprintf(stderr, "sim_net: %s\n", what);
	abort();
}

/* splitmix64: any seed is a good one. */
static uint64_t sim_mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t sim_seed(uint64_t fallback)
{
	const char *text = getenv("TANDEM_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;

	printf("seed: TANDEM_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	return seed;
}

static bool sim_item_before(const struct sim_item *a, const struct sim_item *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->sequence < b->sequence;
}

static void sim_heap_push(struct sim_net *net, struct sim_item *item)
{
	size_t i = net->heap_count;

	if (i == net->heap_room) {
		net->heap_room = net->heap_room ? 2 * net->heap_room : 64;
		net->heap = realloc(net->heap, net->heap_room * sizeof(struct sim_item *));
		if (net->heap == NULL)
			sim_die("out of memory");
	}
	net->heap_count++;
	while (i != 0 && sim_item_before(item, net->heap[(i - 1) / 2])) {
		net->heap[i] = net->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	net->heap[i] = item;
}

static struct sim_item *sim_heap_pop(struct sim_net *net)
{
	struct sim_item *first = net->heap[0];
	struct sim_item *last = net->heap[--net->heap_count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= net->heap_count)
			break;
		if (child + 1 < net->heap_count &&
			sim_item_before(net->heap[child + 1], net->heap[child]))
			child++;
		if (!sim_item_before(net->heap[child], last))
			break;
		net->heap[i] = net->heap[child];
		i = child;
	}
	net->heap[i] = last;
	return first;
}

static struct sim_item *sim_item_create(
	struct sim_net *net, enum sim_kind kind, uint64_t at_ms, size_t length)
{
	struct sim_item *item = calloc(1, sizeof(*item) + length);

	if (item == NULL)
		sim_die("out of memory");
	item->kind = kind;
	item->at_ms = at_ms;
	item->sequence = net->sequence++;
	item->length = length;
	return item;
}

static void sim_link_reset(struct sim_net *net, int from, int to, const struct sim_link *link)
{
	struct sim_link_state *state = &net->links[from][to];
	uint64_t own = net->seed ^ ((uint64_t)from << 32 | (uint64_t)(to + 1));

	memset(state, 0, sizeof(*state));
	state->link = *link;
	state->random_state = link->seed ? link->seed : sim_mix(&own);
}

int sim_net_create(uint64_t seed, struct sim_net **ret_net)
{
	struct sim_net *net = calloc(1, sizeof(*net));
	static const struct sim_link perfect;

	if (net == NULL)
		return -ENOMEM;
	net->now_ms = SIM_START_MS;
	net->seed = seed;
	net->random_state = seed;
	sim_net_set_all_links(net, &perfect);
	*ret_net = net;
	return 0;
}

void sim_net_destroy(struct sim_net *net)
{
	if (net == NULL)
		return;
	for (size_t i = 0; i < net->heap_count; i++)
		free(net->heap[i]);
	free(net->heap);
	free(net);
}

int sim_net_add_node(struct sim_net *net, const struct sim_node *node)
{
	if (net->node_count == SIM_NODES_MAX)
		return -EMFILE;
	net->nodes[net->node_count] = *node;
	net->is_up[net->node_count] = true;
	return net->node_count++;
}

void sim_net_replace_node(struct sim_net *net, int node, const struct sim_node *with)
{
	net->nodes[node] = *with;
}

void sim_net_set_up(struct sim_net *net, int node, bool is_up)
{
	net->is_up[node] = is_up;
}

static int sim_owner(const struct sim_net *net, const struct td_endpoint *endpoint)
{
	for (int i = 0; i < net->address_count; i++) {
		if (td_endpoint_equal(&net->addresses[i].endpoint, endpoint))
			return net->addresses[i].node;
	}
	return -1;
}

int sim_net_listen(struct sim_net *net, int node, const struct td_endpoint *address)
{
	if (sim_owner(net, address) >= 0)
		return -EEXIST;
	if (net->address_count == SIM_ADDRESSES_MAX)
		return -EMFILE;
	net->addresses[net->address_count++] =
		(struct sim_address){.endpoint = *address, .node = node};
	return 0;
}

void sim_net_set_link(struct sim_net *net, int from, int to, const struct sim_link *link)
{
	sim_link_reset(net, from, to, link);
}

void sim_net_set_all_links(struct sim_net *net, const struct sim_link *link)
{
	for (int from = 0; from < SIM_NODES_MAX; from++) {
		for (int to = 0; to < SIM_NODES_MAX; to++) {
			if (from != to)
				sim_link_reset(net, from, to, link);
		}
	}
}

static bool sim_chance(struct sim_link_state *state, uint32_t ppm)
{
	return ppm != 0 && sim_mix(&state->random_state) % SIM_MILLION < ppm;
}

static uint64_t sim_arrival_ms(const struct sim_net *net, struct sim_link_state *state)
{
	uint64_t jitter_ms = state->link.jitter_ms;

	if (jitter_ms != 0)
		jitter_ms = sim_mix(&state->random_state) % (jitter_ms + 1);
	return net->now_ms + state->link.delay_ms + jitter_ms;
}

static void sim_put(struct sim_net *net, const struct sim_item *like, uint64_t at_ms,
	const char *bytes, size_t length)
{
	struct sim_item *item = sim_item_create(net, SIM_MESSAGE, at_ms, length);

	item->from = like->from;
	item->to = like->to;
	item->flow = like->flow;
	memcpy(item->bytes, bytes, length);
	sim_heap_push(net, item);
}

static bool sim_is_lost(struct sim_link_state *state)
{
	uint64_t n = state->datagrams++;

	return (n < SIM_MASK_BITS && (state->link.loss_mask >> n & 1) != 0) ||
	       sim_chance(state, state->link.loss_ppm);
}

void sim_net_send(struct sim_net *net, int node, const struct sip_flow *flow, const char *bytes,
	size_t length)
{
	struct sim_item like = {.from = node, .to = sim_owner(net, &flow->remote), .flow = *flow};
	bool is_stream = flow->transport > SIP_TRANSPORT_UDP;
	bool is_lost;
	struct sim_link_state *state = &net->links[node][like.to < 0 ? node : like.to];
	uint64_t at_ms;

	net->counts.sent++;
	is_lost = like.to >= 0 && !is_stream && sim_is_lost(state);
	if (net->tap != NULL)
		net->tap(net->tap_context, net->now_ms, flow, bytes, length, is_lost);
	if (is_lost) {
		net->counts.lost++;
		return;
	}
	at_ms = sim_arrival_ms(net, state);
	if (like.to < 0) { /* the sender learns on its own flow */
		sim_put(net, &like, at_ms, bytes, length);
		return;
	}
	like.flow.local = flow->remote;
	like.flow.remote = flow->local;
	if (is_stream) {
		if (at_ms < state->stream_ms)
			at_ms = state->stream_ms;
		state->stream_ms = at_ms;
	}
	sim_put(net, &like, at_ms, bytes, length);
	if (!is_stream && sim_chance(state, state->link.duplicate_ppm)) {
		net->counts.duplicated++;
		sim_put(net, &like, sim_arrival_ms(net, state), bytes, length);
	}
}

void sim_net_at(struct sim_net *net, uint64_t at_ms,
	void (*function)(void *context, uint64_t now_ms), void *context)
{
	struct sim_item *item = sim_item_create(net, SIM_APPOINTMENT, at_ms, 0);

	item->function = function;
	item->context = context;
	sim_heap_push(net, item);
}

void sim_net_tap(struct sim_net *net, sim_tap_function *function, void *context)
{
	net->tap = function;
	net->tap_context = context;
}

uint64_t sim_net_now_ms(const struct sim_net *net)
{
	return net->now_ms;
}

/* The node whose deadline comes first, and that deadline. */
static uint64_t sim_first_deadline(const struct sim_net *net, int *ret_node)
{
	uint64_t first_ms = TD_NEVER;

	for (int i = 0; i < net->node_count; i++) {
		uint64_t at_ms = TD_NEVER;

		if (net->is_up[i] && net->nodes[i].deadline != NULL)
			at_ms = net->nodes[i].deadline(net->nodes[i].context);
		if (at_ms < first_ms) {
			first_ms = at_ms;
			*ret_node = i;
		}
	}
	return first_ms;
}

uint64_t sim_net_next_ms(struct sim_net *net)
{
	int node = 0;
	uint64_t at_ms = sim_first_deadline(net, &node);

	if (net->heap_count != 0 && net->heap[0]->at_ms < at_ms)
		at_ms = net->heap[0]->at_ms;
	return at_ms;
}

static void sim_deliver(struct sim_net *net, struct sim_item *item)
{
	bool is_refused = item->to < 0;
	int at = is_refused ? item->from : item->to;
	const struct sim_node *node = &net->nodes[at];

	if (is_refused || !net->is_up[at])
		net->counts.unreachable++;
	if (!net->is_up[at])
		return;
	if (is_refused) {
		if (node->send_failed != NULL)
			node->send_failed(node->context, &item->flow, net->now_ms);
		return;
	}
	net->counts.delivered++;
	if (node->receive != NULL)
		node->receive(node->context, &item->flow, item->bytes, item->length, net->now_ms);
}

static void sim_set_now(struct sim_net *net, uint64_t at_ms)
{
	if (at_ms > net->now_ms) {
		net->now_ms = at_ms;
		net->steps_at_now = 0;
	}
	if (++net->steps_at_now > SIM_STUCK_STEPS)
		sim_die("time stands still: a node's advance() doesn't move its deadline");
}

bool sim_net_step(struct sim_net *net, uint64_t limit_ms)
{
	int node = 0;
	uint64_t node_ms = sim_first_deadline(net, &node);
	uint64_t item_ms = net->heap_count != 0 ? net->heap[0]->at_ms : TD_NEVER;
	uint64_t first_ms = item_ms <= node_ms ? item_ms : node_ms;

	if (first_ms == TD_NEVER || first_ms > limit_ms) {
		if (limit_ms != TD_NEVER && limit_ms > net->now_ms)
			sim_set_now(net, limit_ms);
		return false;
	}
	sim_set_now(net, first_ms);
	if (item_ms <= node_ms) {
		struct sim_item *item = sim_heap_pop(net);

		if (item->kind == SIM_APPOINTMENT)
			item->function(item->context, net->now_ms);
		else
			sim_deliver(net, item);
		free(item);
	} else {
		net->nodes[node].advance(net->nodes[node].context, net->now_ms);
	}
	return true;
}

bool sim_net_run(
	struct sim_net *net, bool (*condition)(void *context), void *context, uint64_t limit_ms)
{
	do {
		if (condition != NULL && condition(context))
			return true;
	} while (sim_net_step(net, limit_ms));
	return condition == NULL || condition(context);
}

uint64_t sim_net_random(struct sim_net *net)
{
	return sim_mix(&net->random_state);
}

uint32_t sim_net_random_below(struct sim_net *net, uint32_t below)
{
	return below == 0 ? 0 : (uint32_t)(sim_mix(&net->random_state) % below);
}

struct sim_counts sim_net_counts(const struct sim_net *net)
{
	return net->counts;
}
