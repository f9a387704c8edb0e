/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/locate.h"

#include <tandem/time.h>

#include <stdlib.h>

enum {
	NAPTR_USED_MAX = 4,
	LOOPBACK_FIRST_BYTE = 127,
	GROUPS_FIRST_BYTE = 224, /* RFC 5771, and what lies above */
};

/* A set of records, out of the cache's way, in an order that doesn't depend on the server. */
struct set {
	uint32_t count;
	struct answer_record records[ANSWER_RECORDS_MAX];
	char names[ANSWER_NAMES_BYTES];
};

struct walk {
	struct cache *cache;
	const struct resolver_peer *peer;
	const struct resolver_support *support;
	uint64_t now_ms;
	struct locate_result *result;
	uint16_t rank; /* of the next group of targets */
	bool is_pending;
	bool is_failed;	  /* something could not be learnt */
	bool is_refused;  /* a SRV record said "." */
	bool has_service; /* a SRV record named a host */
	bool is_foreign;  /* a transport that we don't listen on */
};

/* Where targets go that a name leads to. */
struct place {
	uint16_t port;
	uint16_t rank;
	uint16_t server;
	uint16_t weight;
	enum sip_transport transport;
};

const char *locate_reason_text(unsigned reason)
{
	static const char *const texts[LOCATE_REASON_COUNT] = {
#define LOCATE_REASON_TEXT(constant, text) text,
		LOCATE_REASONS(LOCATE_REASON_TEXT)
#undef LOCATE_REASON_TEXT
	};

	return reason < LOCATE_REASON_COUNT ? texts[reason] : "?";
}

static bool is_supported(const struct walk *walk, enum sip_transport transport)
{
	return walk->support->families[transport][0] != TD_FAMILY_NONE;
}

/* --- lookups -------------------------------------------------------------------------------- */

/* Looks up a name and whatever it is an alias of. */
static enum cache_state look(
	struct walk *walk, const struct name *name, uint16_t type, struct cache_view *view)
{
	struct locate_result *result = walk->result;
	struct name at = *name;

	for (unsigned hops = 0; hops <= ANSWER_ALIASES_MAX; hops++) {
		if (result->lookup_count == LOCATE_LOOKUPS_MAX)
			break; /* enough is enough */
		cache_look(walk->cache, &at, type, walk->now_ms, view);
		result->lookups[result->lookup_count++] = view->id;
		result->is_stale = result->is_stale || view->is_stale;
		if (view->next_ms < result->next_ms)
			result->next_ms = view->next_ms;
		walk->is_pending = walk->is_pending || view->state == CACHE_PENDING;
		walk->is_failed = walk->is_failed || view->state == CACHE_FAILED;
		if (view->state != CACHE_ALIAS)
			return view->state;
		if (name_parse(view->alias, &at) != 0)
			return CACHE_ABSENT;
	}
	result->left_out++; /* or in a circle */
	return CACHE_ABSENT;
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

/* Heavier servers first, so that what is left out of a long list is what matters least. */
static int compare_records(const void *left, const void *right, void *context)
{
	const struct answer_record *a = left;
	const struct answer_record *b = right;
	const char *names = context;
	int order = compare_u32(a->order, b->order);

	if (order == 0)
		order = compare_u32(b->preference, a->preference);
	if (order == 0)
		order = compare_u32(a->name_length, b->name_length);
	if (order == 0)
		order = memcmp(names + a->name_offset, names + b->name_offset, a->name_length);
	if (order == 0)
		order = compare_u32(a->port, b->port);
	if (order == 0)
		order = compare_u32(a->transport, b->transport);
	return order != 0 ? order : memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));
}

/* Looks up a set and copies it: the next lookup may take the cache's away. */
static enum cache_state look_set(
	struct walk *walk, const struct name *name, uint16_t type, struct set *set)
{
	struct cache_view view;
	enum cache_state state = look(walk, name, type, &view);
	size_t names = 0;

	set->count = 0;
	if (state != CACHE_FOUND)
		return state;
	set->count = view.record_count;
	memcpy(set->records, view.records, view.record_count * sizeof(set->records[0]));
	for (uint32_t i = 0; i < set->count; i++) {
		size_t end = (size_t)set->records[i].name_offset + set->records[i].name_length;

		names = end > names ? end : names;
	}
	memcpy(set->names, view.names, names);
	qsort_r(set->records, set->count, sizeof(set->records[0]), compare_records, set->names);
	return state;
}

/* --- addresses ------------------------------------------------------------------------------ */

/* No host of a peer's has such an address; a zone that says so would have us talk to ourselves
 * or to a whole network. */
static bool is_usable(const struct walk *walk, const struct td_ip *ip)
{
	static const uint8_t zeros[15];
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *bytes = ip->bytes;

	if (ip->family == TD_FAMILY_IPV4) {
		if (bytes[0] == LOOPBACK_FIRST_BYTE)
			return walk->support->has_loopback;
		return bytes[0] != 0 && bytes[0] < GROUPS_FIRST_BYTE;
	}
	if (memcmp(bytes, zeros, sizeof(zeros)) == 0)
		return bytes[15] == 1 && walk->support->has_loopback;
	return bytes[0] != 0xff && memcmp(bytes, mapped, sizeof(mapped)) != 0 &&
	       !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80); /* needs an interface's name */
}

static void add_target(
	struct walk *walk, const struct place *place, const struct td_ip *ip, uint8_t order)
{
	struct locate_result *result = walk->result;
	struct resolver_target target = {
		.transport = (uint8_t)place->transport,
		.order = order,
		.rank = place->rank,
		.server = place->server,
		.weight = place->weight,
	};

	target.endpoint.ip = *ip;
	target.endpoint.port = place->port;
	for (uint32_t i = 0; i < result->count; i++)
		if (result->targets[i].transport == target.transport &&
			td_endpoint_equal(&result->targets[i].endpoint, &target.endpoint))
			return; /* by another way */
	if (!is_usable(walk, ip) || result->count == RESOLVER_TARGETS_MAX)
		result->left_out++;
	else
		result->targets[result->count++] = target;
}

/* Both families, in our order (RFC 3263 4.2, RFC 7984 4). */
static void add_addresses(struct walk *walk, const struct place *place, const struct name *host)
{
	struct set set;

	for (uint8_t order = 0; order < LOCATE_FAMILIES; order++) {
		uint8_t family = walk->support->families[place->transport][order];

		if (family == TD_FAMILY_NONE)
			break;
		(void)look_set(walk, host, family == TD_FAMILY_IPV4 ? DNS_TYPE_A : DNS_TYPE_AAAA,
			&set); /* without it the set is empty */
		for (uint32_t i = 0; i < set.count; i++)
			add_target(walk, place, &set.records[i].ip, order);
	}
}

static void add_host(struct walk *walk, enum sip_transport transport, uint16_t port)
{
	const struct place place = {
		.port = port != 0 ? port : sip_transport_port(transport),
		.rank = walk->rank++,
		.transport = transport,
	};

	walk->is_foreign = !is_supported(walk, transport);
	if (!walk->is_foreign)
		add_addresses(walk, &place, &walk->peer->host);
}

/* --- services ------------------------------------------------------------------------------- */

/* The targets of one SRV name. Its state; FOUND also if it says that there is no service. */
static enum cache_state add_service(
	struct walk *walk, const struct name *service, enum sip_transport transport)
{
	struct place place = {.rank = walk->rank, .transport = transport};
	uint32_t before = walk->result->count;
	struct set set;
	enum cache_state state = look_set(walk, service, DNS_TYPE_SRV, &set);

	for (uint32_t i = 0; i < set.count; i++) {
		const struct answer_record *record = &set.records[i];
		struct name host;

		if (record->name_length == 0) { /* RFC 2782: "." */
			walk->is_refused = true;
			continue;
		}
		if (walk->result->count == RESOLVER_TARGETS_MAX || record->port == 0 ||
			name_parse(answer_name(record, set.names), &host) != 0) {
			walk->result->left_out++;
			continue;
		}
		if (i != 0 && record->order != set.records[i - 1].order)
			place.rank++;
		walk->has_service = true;
		place.server = (uint16_t)i;
		place.port = record->port;
		place.weight = record->preference;
		add_addresses(walk, &place, &host);
	}
	if (walk->result->count != before)
		walk->rank = (uint16_t)(place.rank + 1);
	return state;
}

/* The same by the name that RFC 3263 makes of host and transport. */
static enum cache_state add_service_of(struct walk *walk, enum sip_transport transport)
{
	const char *prefix = transport == SIP_TRANSPORT_UDP   ? "_sip._udp"
			     : transport == SIP_TRANSPORT_TCP ? "_sip._tcp"
							      : "_sips._tcp";
	struct name service;

	if (!is_supported(walk, transport) || name_prefix(prefix, &walk->peer->host, &service) != 0)
		return CACHE_ABSENT;
	return add_service(walk, &service, transport);
}

/* A transport that the URI names (RFC 3263 4.2): its SRV records, or the host itself. */
static void with_transport(struct walk *walk, enum sip_transport transport)
{
	if (add_service_of(walk, transport) == CACHE_ABSENT)
		add_host(walk, transport, 0);
}

/* Neither NAPTR nor transport: SRV for each transport that we have, else the host itself. */
static void without_naptr(struct walk *walk)
{
	static const enum sip_transport transports[] = {
		SIP_TRANSPORT_UDP, SIP_TRANSPORT_TCP, SIP_TRANSPORT_TLS};
	bool is_absent = true;

	for (size_t i = 0; i < TD_COUNT_OF(transports); i++)
		if (!walk->peer->is_sips || transports[i] == SIP_TRANSPORT_TLS)
			is_absent =
				add_service_of(walk, transports[i]) == CACHE_ABSENT && is_absent;
	if (!is_absent)
		return;
	for (size_t i = 0; i < TD_COUNT_OF(transports); i++) {
		if (!is_supported(walk, transports[i]) ||
			(walk->peer->is_sips && transports[i] != SIP_TRANSPORT_TLS))
			continue;
		add_host(walk, transports[i], 0);
		return;
	}
}

static bool can_use(const struct walk *walk, const struct answer_record *naptr)
{
	return naptr->transport != SIP_TRANSPORT_UNKNOWN &&
	       is_supported(walk, (enum sip_transport)naptr->transport) &&
	       (naptr->is_secure || !walk->peer->is_sips);
}

/* NAPTR preference is "lower first", SRV weight "heavier first": the sorting was for the latter. */
static int compare_naptr(const void *left, const void *right, void *context)
{
	const struct answer_record *a = left;
	const struct answer_record *b = right;
	int order = compare_u32(a->order, b->order);

	if (order == 0)
		order = compare_u32(a->preference, b->preference);
	if (order == 0) /* UDP, TCP, TLS */
		order = compare_u32(a->transport, b->transport);
	return order != 0 ? order : compare_records(left, right, context);
}

/* The records of the lowest order that we can use, by preference (RFC 3263 4.1, RFC 3403 4.1). */
static void with_naptr(struct walk *walk, struct set *set)
{
	const struct answer_record *first = NULL;
	uint32_t used = 0;

	qsort_r(set->records, set->count, sizeof(set->records[0]), compare_naptr, set->names);
	for (uint32_t i = 0; i < set->count; i++) {
		const struct answer_record *naptr = &set->records[i];
		struct name service;

		if (!can_use(walk, naptr))
			continue;
		first = first != NULL ? first : naptr;
		if (naptr->order != first->order || used == NAPTR_USED_MAX ||
			name_parse(answer_name(naptr, set->names), &service) != 0)
			break;
		used++;
		(void)add_service(walk, &service, (enum sip_transport)naptr->transport);
	}
	walk->is_foreign = first == NULL;
}

/* --- the procedure -------------------------------------------------------------------------- */

static enum locate_reason reason_of(const struct walk *walk)
{
	if (walk->result->count != 0)
		return LOCATE_NONE;
	if (walk->is_pending)
		return LOCATE_PENDING;
	if (walk->is_failed)
		return LOCATE_NO_SERVER;
	if (walk->is_foreign)
		return LOCATE_NO_TRANSPORT;
	if (walk->is_refused && !walk->has_service)
		return LOCATE_NO_SERVICE;
	return walk->has_service || walk->result->left_out != 0 ? LOCATE_NO_ADDRESS : LOCATE_ABSENT;
}

void locate(struct cache *cache, const struct resolver_peer *peer,
	const struct resolver_support *support, uint64_t now_ms, struct locate_result *ret_result)
{
	struct walk walk = {.cache = cache,
		.peer = peer,
		.support = support,
		.now_ms = now_ms,
		.result = ret_result};
	enum sip_transport transport = (enum sip_transport)peer->transport;
	struct set set;

	*ret_result = (struct locate_result){.next_ms = TD_NEVER};
	if (peer->is_sips)
		transport = transport != SIP_TRANSPORT_UNKNOWN ? SIP_TRANSPORT_TLS : transport;
	if (peer->port != 0) {
		if (transport == SIP_TRANSPORT_UNKNOWN)
			transport = peer->is_sips ? SIP_TRANSPORT_TLS : SIP_TRANSPORT_UDP;
		add_host(&walk, transport, peer->port);
	} else if (transport != SIP_TRANSPORT_UNKNOWN) {
		with_transport(&walk, transport);
	} else {
		enum cache_state state = look_set(&walk, &peer->host, DNS_TYPE_NAPTR, &set);

		if (state == CACHE_FOUND)
			with_naptr(&walk, &set);
		else if (state != CACHE_PENDING) /* also if servers refuse to speak of NAPTR */
			without_naptr(&walk);
	}
	ret_result->is_complete = !walk.is_pending;
	ret_result->reason = reason_of(&walk);
}
