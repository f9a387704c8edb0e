/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the kernel's routes and neighbours, see mirror.h. Routes are read again as a whole
 * after any change, because the kernel doesn't report every removal (IPv4 routes of a link that
 * goes down vanish silently); neighbours are followed one by one.
 */
#include "neighbour/mirror.h"

#include "neighbour/asker.h"
#include "neighbour/list.h"
#include "neighbour/netlink.h"

#include <tandem/log.h>
#include <tandem/time.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

enum {
	MIRROR_DATAGRAM_BYTES = 65536,	/* the kernel sends dumps in pieces of at most 32 kB */
	MIRROR_DATAGRAMS_PER_TURN = 64, /* then the control thread does its other work */
	MIRROR_REDUMP_MS = 100,		/* at most ten route dumps a second */
	MIRROR_DUMP_LOST_MS = 3000,	/* no end of a dump for so long: ask again */
	MIRROR_REFRESH_MS = 2000,	/* well below the kernel's delay_first_probe_time of 5 s */
	MIRROR_CREATE_TIMEOUT_MS = 1000,
};

/* What workers see. RCU: replaced whole, freed by call_rcu. */
struct mirror_view {
	struct rcu_head rcu;
	struct fib *fib; /* owns */
};

struct mirror {
	struct mirror_view *view;	   /* w: ctl by rcu_xchg_pointer, r: workers */
	_Atomic bool is_up[FIB_PORTS_MAX]; /* w: ctl, r: workers */
	int descriptor;
	uint32_t port_count;
	struct fib_port ports[FIB_PORTS_MAX];
	char device_names[FIB_PORTS_MAX][IF_NAMESIZE];
	int tap_indices[FIB_PORTS_MAX]; /* 0: no TAP */
	char tap_names[FIB_PORTS_MAX][NEIGHBOUR_NAME_BYTES];
	uint32_t sequence;
	enum netlink_kind dumping; /* OTHER: no dump under way */
	uint32_t dump_sequence;
	uint64_t dump_started_ms;
	uint64_t routes_dumped_ms;
	bool want_routes;
	bool want_neighbours;
	bool want_links;
	bool is_dump_broken;
	bool is_changed;
	uint64_t refreshed_ms;
	uint32_t route_count;
	uint32_t pending_route_count; /* of the dump under way */
	struct td_log_limit log_limit;
	struct fib_route *routes;	  /* owns: FIB_ROUTES_MAX */
	struct fib_route *pending_routes; /* owns: FIB_ROUTES_MAX */
	struct neighbour_list neighbours; /* owns the entries */
	struct neighbour_memory *memory;  /* borrows */
	struct fib_neighbour *usable;	  /* owns: FIB_NEIGHBOURS_MAX, scratch */
	uint8_t *datagram;		  /* owns: MIRROR_DATAGRAM_BYTES */
	struct asker asker;
};

static void mirror_complain(struct mirror *mirror, uint64_t now_ms, const char *what)
{
	uint32_t swallowed;

	if (td_log_allowed(&mirror->log_limit, 5, now_ms / TD_MS_PER_S, &swallowed))
		td_log(TD_LOG_WARN, "neighbour: netlink: %s (swallowed=%u)", what, swallowed);
}

static int mirror_port_of(const struct mirror *mirror, int interface_index)
{
	for (uint32_t i = 0; i < mirror->port_count; i++) {
		if (mirror->tap_indices[i] != 0 && mirror->tap_indices[i] == interface_index)
			return (int)i;
	}
	return -1;
}

static void mirror_free_view(struct rcu_head *head)
{
	struct mirror_view *view = td_container_of(head, struct mirror_view, rcu);

	fib_destroy(view->fib);
	free(view);
}

static int mirror_publish(struct mirror *mirror)
{
	struct fib_source source = {.ports = mirror->ports,
		.routes = mirror->routes,
		.neighbours = mirror->usable,
		.port_count = mirror->port_count,
		.route_count = mirror->route_count};
	struct mirror_view *view = calloc(1, sizeof(*view));
	int rc;

	if (view == NULL)
		return -ENOMEM;
	source.neighbour_count = neighbour_list_usable(&mirror->neighbours, mirror->usable);
	neighbour_memory_store(
		mirror->memory, mirror->tap_names, mirror->usable, source.neighbour_count);
	rc = fib_create(&view->fib, &source);
	if (rc != 0) {
		free(view);
		return rc;
	}
	/* partner: rcu_dereference in mirror_fib */
	view = rcu_xchg_pointer(&mirror->view, view);
	if (view != NULL)
		urcu_qsbr_call_rcu(&view->rcu, mirror_free_view);
	mirror->is_changed = false;
	return 0;
}

static void mirror_send(struct mirror *mirror, const uint8_t *request, size_t size_bytes)
{
	if (send(mirror->descriptor, request, size_bytes, MSG_DONTWAIT) < 0)
		mirror_complain(mirror, td_mono_ns() / TD_NS_PER_MS, strerror(errno));
}

static void mirror_start_dump(struct mirror *mirror, enum netlink_kind kind, uint64_t now_ms)
{
	uint8_t request[NETLINK_REQUEST_BYTES];

	mirror->dumping = kind;
	mirror->dump_sequence = ++mirror->sequence;
	mirror->dump_started_ms = now_ms;
	mirror->is_dump_broken = false;
	mirror->pending_route_count = 0;
	mirror_send(mirror, request, netlink_write_dump(request, kind, mirror->dump_sequence));
}

static void mirror_take_route(struct mirror *mirror, const struct netlink_event *event)
{
	int port = mirror_port_of(mirror, event->interface_index);
	struct fib_route *route;

	if (mirror->dumping != NETLINK_KIND_ROUTE || event->sequence != mirror->dump_sequence) {
		mirror->want_routes = true; /* a change: read all of them again */
		return;
	}
	mirror->is_dump_broken |= event->is_interrupted;
	if (port < 0 || event->is_removed)
		return;
	if (mirror->pending_route_count == FIB_ROUTES_MAX) {
		mirror_complain(mirror, mirror->dump_started_ms, "too many routes, left some out");
		return;
	}
	route = &mirror->pending_routes[mirror->pending_route_count++];
	*route = (struct fib_route){.network = event->ip,
		.gateway = event->gateway,
		.metric = event->metric,
		.port = (uint16_t)port,
		.prefix_bits = event->prefix_bits};
}

static void mirror_take_neighbour(struct mirror *mirror, const struct netlink_event *event)
{
	int port = mirror_port_of(mirror, event->interface_index);

	if (port < 0)
		return;
	if (mirror->dumping == NETLINK_KIND_NEIGHBOUR && event->sequence == mirror->dump_sequence)
		mirror->is_dump_broken |= event->is_interrupted;
	mirror->is_changed |= neighbour_list_take(
		&mirror->neighbours, (uint16_t)port, event, mirror->dump_sequence);
}

static void mirror_take_link(struct mirror *mirror, const struct netlink_event *event)
{
	for (uint32_t i = 0; i < mirror->port_count; i++) {
		bool is_up = event->is_up && !event->is_removed;

		if (mirror->device_names[i][0] == '\0' ||
			strcmp(mirror->device_names[i], event->name) != 0)
			continue;
		/* partner: mirror_port_is_up */
		if (atomic_exchange_explicit(&mirror->is_up[i], is_up, memory_order_relaxed) !=
			is_up)
			td_log(is_up ? TD_LOG_INFO : TD_LOG_WARN, "port: %s: link is %s",
				event->name, is_up ? "up" : "down");
	}
	if (mirror->dumping != NETLINK_KIND_LINK)
		mirror->want_routes = true;
}

/* A dump ended: what it didn't have is gone. */
static void mirror_take_done(struct mirror *mirror, const struct netlink_event *event)
{
	struct fib_route *routes = mirror->pending_routes;
	enum netlink_kind kind = mirror->dumping;

	if (kind == NETLINK_KIND_OTHER || event->sequence != mirror->dump_sequence)
		return;
	mirror->dumping = NETLINK_KIND_OTHER;
	if (mirror->is_dump_broken) {
		mirror->want_routes |= kind == NETLINK_KIND_ROUTE;
		mirror->want_neighbours |= kind == NETLINK_KIND_NEIGHBOUR;
		return;
	}
	if (kind == NETLINK_KIND_ROUTE) {
		mirror->pending_routes = mirror->routes;
		mirror->routes = routes;
		mirror->route_count = mirror->pending_route_count;
		mirror->is_changed = true;
	} else if (kind == NETLINK_KIND_NEIGHBOUR) {
		mirror->is_changed |=
			neighbour_list_prune(&mirror->neighbours, mirror->dump_sequence);
	}
}

static void mirror_take(struct mirror *mirror, const struct netlink_event *event)
{
	switch (event->kind) {
	case NETLINK_KIND_ROUTE:
		mirror_take_route(mirror, event);
		break;
	case NETLINK_KIND_NEIGHBOUR:
		mirror_take_neighbour(mirror, event);
		break;
	case NETLINK_KIND_LINK:
		mirror_take_link(mirror, event);
		break;
	case NETLINK_KIND_ADDRESS:
		mirror->want_routes = true;
		break;
	case NETLINK_KIND_DONE:
		mirror_take_done(mirror, event);
		break;
	case NETLINK_KIND_ERROR:
	case NETLINK_KIND_OTHER:
	case NETLINK_KIND_COUNT:
		break;
	}
}

/* Returns what recv returned; 0 or less: nothing more now. */
static ssize_t mirror_receive_one(struct mirror *mirror, int flags)
{
	ssize_t received = recv(mirror->descriptor, mirror->datagram, MIRROR_DATAGRAM_BYTES, flags);
	struct netlink_event event;
	size_t offset = 0;
	int rc = 0;

	if (received < 0 && errno == ENOBUFS) {
		/* reports were lost: read everything again */
		mirror->dumping = NETLINK_KIND_OTHER;
		mirror->want_routes = true;
		mirror->want_neighbours = true;
		mirror->want_links = true;
		return 1;
	}
	while (received > 0 &&
		(rc = netlink_next(mirror->datagram, (size_t)received, &offset, &event)) == 1)
		mirror_take(mirror, &event);
	if (rc < 0)
		mirror_complain(
			mirror, mirror->dump_started_ms, "malformed message from the kernel");
	return received;
}

void mirror_receive(struct mirror *mirror, uint64_t now_ms)
{
	(void)now_ms;
	for (int i = 0; i < MIRROR_DATAGRAMS_PER_TURN; i++) {
		if (mirror_receive_one(mirror, MSG_DONTWAIT) <= 0)
			return;
	}
}

void mirror_want(
	struct mirror *mirror, uint16_t port, const struct td_ip *next_hop, uint64_t now_ms)
{
	uint8_t request[NETLINK_REQUEST_BYTES];

	if (port >= mirror->port_count || mirror->tap_indices[port] == 0 ||
		!asker_may_ask(&mirror->asker, port, next_hop, now_ms))
		return;
	mirror_send(mirror, request,
		netlink_write_use(
			request, mirror->tap_indices[port], next_hop, ++mirror->sequence));
}

void mirror_want_destination(
	struct mirror *mirror, const struct td_ip *destination, uint64_t now_ms)
{
	const struct fib *fib = mirror_fib(mirror);
	struct td_ip next_hop;
	uint16_t port;

	if (!fib_route_of(fib, destination, &port, &next_hop))
		return;
	if (neighbour_list_find(&mirror->neighbours, port, &next_hop) == NULL)
		mirror_want(mirror, port, &next_hop, now_ms);
}

/* Packets that bypass the kernel don't show it that a neighbour is in use. One that is only
 * remembered, and that nobody needs, is forgotten. */
static void mirror_refresh(struct mirror *mirror, uint64_t now_ms)
{
	const struct fib *fib = mirror_fib(mirror);

	mirror->refreshed_ms = now_ms;
	for (uint32_t i = mirror->neighbours.count; i-- > 0;) {
		struct neighbour *neighbour = &mirror->neighbours.entries[i];
		bool is_used =
			fib_neighbour_take_used(fib, neighbour->fib.port, &neighbour->fib.ip);

		if (is_used && neighbour->state == NUD_STALE) {
			mirror_want(mirror, neighbour->fib.port, &neighbour->fib.ip, now_ms);
		} else if (!is_used && neighbour->is_remembered) {
			neighbour_list_remove(&mirror->neighbours, neighbour);
			mirror->is_changed = true;
		}
	}
}

void mirror_step(struct mirror *mirror, uint64_t now_ms)
{
	if (mirror->dumping != NETLINK_KIND_OTHER &&
		td_since(now_ms, mirror->dump_started_ms) > MIRROR_DUMP_LOST_MS) {
		mirror->dumping = NETLINK_KIND_OTHER;
		mirror->want_routes = true;
		mirror->want_neighbours = true;
	}
	if (mirror->dumping == NETLINK_KIND_OTHER) {
		if (mirror->want_links) {
			mirror->want_links = false;
			mirror_start_dump(mirror, NETLINK_KIND_LINK, now_ms);
		} else if (mirror->want_neighbours) {
			mirror->want_neighbours = false;
			mirror_start_dump(mirror, NETLINK_KIND_NEIGHBOUR, now_ms);
		} else if (mirror->want_routes &&
			   td_since(now_ms, mirror->routes_dumped_ms) >= MIRROR_REDUMP_MS) {
			mirror->want_routes = false;
			mirror->routes_dumped_ms = now_ms;
			mirror_start_dump(mirror, NETLINK_KIND_ROUTE, now_ms);
		}
	}
	if (mirror->is_changed && mirror_publish(mirror) != 0)
		mirror_complain(mirror, now_ms, "no memory for a new table, kept the old one");
	if (td_since(now_ms, mirror->refreshed_ms) >= MIRROR_REFRESH_MS)
		mirror_refresh(mirror, now_ms);
}

static int mirror_read_all(struct mirror *mirror)
{
	static const enum netlink_kind kinds[] = {
		NETLINK_KIND_LINK, NETLINK_KIND_NEIGHBOUR, NETLINK_KIND_ROUTE};
	uint64_t deadline_ms = td_mono_ns() / TD_NS_PER_MS + MIRROR_CREATE_TIMEOUT_MS;

	for (size_t i = 0; i < TD_COUNT_OF(kinds); i++) {
		mirror_start_dump(mirror, kinds[i], td_mono_ns() / TD_NS_PER_MS);
		while (mirror->dumping != NETLINK_KIND_OTHER) {
			if (mirror_receive_one(mirror, 0) <= 0 ||
				td_mono_ns() / TD_NS_PER_MS > deadline_ms)
				return -ETIMEDOUT;
		}
	}
	neighbour_memory_recall(
		mirror->memory, mirror->tap_names, mirror->port_count, &mirror->neighbours);
	mirror->refreshed_ms = td_mono_ns() / TD_NS_PER_MS;
	return mirror_publish(mirror);
}

static void mirror_add_port(struct mirror *mirror, uint32_t index, const struct mirror_port *port)
{
	mirror->ports[index] = port->link;
	atomic_init(&mirror->is_up[index], port->device_name == NULL);
	if (port->tap_name != NULL) {
		mirror->tap_indices[index] = (int)if_nametoindex(port->tap_name);
		(void)snprintf(
			mirror->tap_names[index], NEIGHBOUR_NAME_BYTES, "%s", port->tap_name);
	}
	if (port->device_name != NULL)
		(void)snprintf(mirror->device_names[index], IF_NAMESIZE, "%s", port->device_name);
}

int mirror_create(struct mirror **ret_mirror, const struct mirror_port *ports, uint32_t port_count,
	struct neighbour_memory *memory)
{
	struct mirror *mirror;
	int rc;

	if (port_count > FIB_PORTS_MAX)
		return -EINVAL;
	mirror = calloc(1, sizeof(*mirror));
	if (mirror == NULL)
		return -ENOMEM;
	mirror->descriptor = -1;
	mirror->port_count = port_count;
	mirror->memory = memory;
	for (uint32_t i = 0; i < port_count; i++)
		mirror_add_port(mirror, i, &ports[i]);
	mirror->routes = calloc(FIB_ROUTES_MAX, sizeof(*mirror->routes));
	mirror->pending_routes = calloc(FIB_ROUTES_MAX, sizeof(*mirror->pending_routes));
	mirror->neighbours.entries =
		calloc(FIB_NEIGHBOURS_MAX, sizeof(*mirror->neighbours.entries));
	mirror->usable = calloc(FIB_NEIGHBOURS_MAX, sizeof(*mirror->usable));
	mirror->datagram = calloc(1, MIRROR_DATAGRAM_BYTES);
	rc = mirror->routes == NULL || mirror->pending_routes == NULL ||
			     mirror->neighbours.entries == NULL || mirror->usable == NULL ||
			     mirror->datagram == NULL
		     ? -ENOMEM
		     : asker_open_socket(MIRROR_CREATE_TIMEOUT_MS);
	if (rc >= 0) {
		mirror->descriptor = rc;
		rc = mirror_read_all(mirror);
	}
	if (rc != 0) {
		mirror_destroy(mirror);
		return rc;
	}
	*ret_mirror = mirror;
	return 0;
}

void mirror_destroy(struct mirror *mirror)
{
	if (mirror == NULL)
		return;
	urcu_qsbr_barrier(); /* the views that were replaced */
	if (mirror->view != NULL)
		mirror_free_view(&mirror->view->rcu);
	if (mirror->descriptor >= 0)
		(void)close(mirror->descriptor);
	free(mirror->routes);
	free(mirror->pending_routes);
	free(mirror->neighbours.entries);
	free(mirror->usable);
	free(mirror->datagram);
	free(mirror);
}

int mirror_descriptor(const struct mirror *mirror)
{
	return mirror->descriptor;
}

const struct fib *mirror_fib(const struct mirror *mirror)
{
	/* partner: rcu_xchg_pointer in mirror_publish */
	return rcu_dereference(mirror->view)->fib;
}

bool mirror_port_is_up(const struct mirror *mirror, uint16_t port)
{
	/* partner: mirror_take_link; a late value costs a refused packet */
	return atomic_load_explicit(&mirror->is_up[port], memory_order_relaxed);
}
