/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bindings: made, found, timed and dropped. A binding is in its user's list, on the wheel
 * and, if it came by a connection, in the index of connections.
 */
#include "registrar/registrar.h"

#include "registrar/store.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(REGISTRAR_CONTACTS_MAX <= 8, "slots are bits of a byte");

uint64_t store_random(struct registrar *registrar)
{
	uint64_t count = ++registrar->random_count;
	uint64_t random = siphash(registrar->seed + SIPHASH_SEED_BYTES, &count, sizeof(count));

	return random != 0 ? random : 1;
}

/* A secret of the right shape that nobody knows. */
static void make_nobody(struct registrar *registrar)
{
	static const char hex[] = "0123456789abcdef";
	static const size_t digits[DIGEST_ALGORITHM_COUNT] = {
		[DIGEST_MD5] = 32, [DIGEST_SHA256] = 64};
	uint64_t random = 0;

	for (unsigned i = DIGEST_UNKNOWN + 1; i < DIGEST_ALGORITHM_COUNT; i++) {
		for (size_t at = 0; at < digits[i]; at++) {
			if (at % 16 == 0)
				random = store_random(registrar);
			registrar->nobody.ha1[i][at] = hex[random & 15];
			random >>= 4;
		}
	}
}

int registrar_create(
	const struct registrar_setup *setup, uint64_t now_ms, struct registrar **ret_registrar)
{
	struct registrar *registrar = calloc(1, sizeof(*registrar));
	int error;

	if (registrar == NULL)
		return -ENOMEM;
	registrar->sink = setup->sink;
	memcpy(registrar->seed, setup->seed, sizeof(registrar->seed));
	wheel_init(&registrar->wheel, now_ms);
	make_nobody(registrar);
	error = slab_create(
		setup->capacity, sizeof(struct registrar_binding), &registrar->bindings);
	if (error == 0)
		error = table_create(1, registrar->seed, &registrar->by_key);
	if (error == 0)
		error = table_create(setup->capacity, registrar->seed, &registrar->by_connection);
	if (error != 0) {
		registrar_destroy(registrar);
		return error;
	}
	*ret_registrar = registrar;
	return 0;
}

void registrar_destroy(struct registrar *registrar)
{
	if (registrar == NULL)
		return;
	users_free(registrar);
	table_destroy(registrar->by_connection);
	table_destroy(registrar->by_key);
	slab_destroy(registrar->bindings);
	td_wipe(registrar, sizeof(*registrar));
	free(registrar);
}

/* The lowest bit that isn't set. */
static uint8_t free_slot(uint8_t slots)
{
	uint8_t slot = 0;

	while ((slots >> slot & 1) != 0)
		slot++;
	return slot;
}

struct registrar_binding *store_add(struct registrar *registrar, struct registrar_user *user)
{
	slab_handle_t handle;
	struct registrar_binding *binding;

	assert(user->binding_count < REGISTRAR_CONTACTS_MAX && "update.c makes room first");
	binding = slab_take(registrar->bindings, &handle);
	if (binding == NULL)
		return NULL;
	binding->user = user;
	binding->id = store_random(registrar);
	binding->slot = free_slot(user->slots);
	user->slots |= (uint8_t)(1u << binding->slot);
	user->binding_count++;
	binding->next = user->bindings;
	user->bindings = binding;
	return binding;
}

/* The four texts in one block, or NULL. */
static char *join_texts(struct registrar *registrar, const struct binding_terms *terms)
{
	const struct span parts[] = {terms->uri, terms->instance, terms->path, terms->agent};
	size_t size_bytes = 0;
	size_t used = 0;
	char *texts;

	for (size_t i = 0; i < TD_COUNT_OF(parts); i++)
		size_bytes += parts[i].length;
	texts = heap_alloc(&registrar->heap, size_bytes);
	for (size_t i = 0; texts != NULL && i < TD_COUNT_OF(parts); i++) {
		if (parts[i].length != 0)
			memcpy(texts + used, parts[i].text, parts[i].length);
		used += parts[i].length;
	}
	return texts;
}

/* A refresh mostly says what was said before. */
static bool has_same_texts(
	const struct registrar_binding *binding, const struct binding_terms *terms)
{
	return binding->texts != NULL && span_equal(registrar_binding_uri(binding), terms->uri) &&
	       span_equal(registrar_binding_instance(binding), terms->instance) &&
	       span_equal(registrar_binding_path(binding), terms->path) &&
	       span_equal(registrar_binding_agent(binding), terms->agent);
}

static void index_connection(struct registrar *registrar, struct registrar_binding *binding)
{
	table_remove(registrar->by_connection, &binding->by_connection);
	if (binding->flow.connection_id != 0)
		table_insert(registrar->by_connection, &binding->by_connection,
			&binding->flow.connection_id, sizeof(binding->flow.connection_id));
}

int store_prepare(struct registrar *registrar, const struct registrar_binding *binding,
	struct binding_terms *terms)
{
	terms->texts = NULL;
	if (binding != NULL && has_same_texts(binding, terms))
		return 0;
	terms->texts = join_texts(registrar, terms);
	return terms->texts != NULL ? 0 : -ENOMEM;
}

void store_discard(struct registrar *registrar, struct binding_terms *terms)
{
	heap_free(&registrar->heap, terms->texts);
	terms->texts = NULL;
}

void store_set(
	struct registrar *registrar, struct registrar_binding *binding, struct binding_terms *terms)
{
	if (terms->texts != NULL) {
		heap_free(&registrar->heap, binding->texts);
		binding->texts = terms->texts;
		terms->texts = NULL;
		binding->uri_bytes = (uint16_t)terms->uri.length;
		binding->instance_bytes = (uint16_t)terms->instance.length;
		binding->path_bytes = (uint16_t)terms->path.length;
		binding->agent_bytes = (uint16_t)terms->agent.length;
	}
	table_remove(registrar->by_connection, &binding->by_connection);
	binding->flow = *terms->flow;
	index_connection(registrar, binding);
	binding->call_id_hash = terms->call_id_hash;
	binding->cseq = terms->cseq;
	binding->reg_id = terms->reg_id;
	binding->q_permille = terms->q_permille;
	binding->expires_s = terms->expires_s;
	binding->sequence = ++registrar->sequence;
	wheel_start(&registrar->wheel, &binding->timer, terms->expires_ms);
}

void store_tell(
	struct registrar *registrar, struct registrar_binding *binding, enum registrar_event event)
{
	uint64_t *const counters[REGISTRAR_EVENT_COUNT] = {
		[REGISTRAR_ADDED] = &registrar->counts.added,
		[REGISTRAR_MOVED] = &registrar->counts.moved,
		[REGISTRAR_REMOVED] = &registrar->counts.removed,
		[REGISTRAR_EXPIRED] = &registrar->counts.expired,
		[REGISTRAR_FLOW_LOST] = &registrar->counts.flows_lost,
		[REGISTRAR_EVICTED] = &registrar->counts.evicted,
		[REGISTRAR_WITHDRAWN] = &registrar->counts.withdrawn,
	};

	(*counters[event])++;
	registrar->sink.tell(registrar->sink.context, event, binding);
	binding->ordinal++;
}

void store_drop(
	struct registrar *registrar, struct registrar_binding *binding, enum registrar_event event)
{
	struct registrar_user *user = binding->user;
	struct registrar_binding **link = &user->bindings;

	if (binding->texts != NULL) /* else it never was one */
		store_tell(registrar, binding, event);
	while (*link != binding)
		link = &(*link)->next;
	*link = binding->next;
	user->binding_count--;
	user->slots &= (uint8_t) ~(1u << binding->slot);
	wheel_stop(&registrar->wheel, &binding->timer);
	table_remove(registrar->by_connection, &binding->by_connection);
	heap_free(&registrar->heap, binding->texts);
	slab_release(registrar->bindings, binding);
}

static void fill_target(
	const struct registrar_binding *binding, struct registrar_target *ret_target)
{
	*ret_target = (struct registrar_target){
		.flow = registrar_binding_flow(binding),
		.uri = registrar_binding_uri(binding),
		.routes = registrar_binding_path(binding),
		.slot = binding->slot,
		.keeps_flow = registrar_binding_keeps_flow(binding),
	};
}

int registrar_choose(
	const struct registrar_user *user, uint32_t tried, struct registrar_target *ret_target)
{
	const struct registrar_binding *best = NULL;

	for (const struct registrar_binding *one = user->bindings; one != NULL; one = one->next) {
		if ((tried >> one->slot & 1) != 0)
			continue;
		if (best == NULL || one->q_permille > best->q_permille ||
			(one->q_permille == best->q_permille && one->sequence > best->sequence))
			best = one;
	}
	if (best == NULL)
		return -ENOENT;
	fill_target(best, ret_target);
	return 0;
}

int registrar_target_at(
	const struct registrar_user *user, uint8_t slot, struct registrar_target *ret_target)
{
	for (const struct registrar_binding *one = user->bindings; one != NULL; one = one->next) {
		if (one->slot != slot)
			continue;
		fill_target(one, ret_target);
		return 0;
	}
	return -ENOENT;
}

void registrar_connection_closed(struct registrar *registrar, uint32_t connection_id)
{
	struct table_node *node;

	while ((node = table_find(
			registrar->by_connection, &connection_id, sizeof(connection_id))) != NULL) {
		struct registrar_binding *binding =
			td_container_of(node, struct registrar_binding, by_connection);
		struct registrar_user *user = binding->user;

		if (registrar_binding_is_reachable(binding)) {
			table_remove(registrar->by_connection, &binding->by_connection);
			binding->flow.connection_id = 0;
		} else {
			store_drop(registrar, binding, REGISTRAR_FLOW_LOST);
			registrar->sink.keep(registrar->sink.context, user);
		}
	}
}

static void expire(void *context, struct wheel_timer *timer)
{
	struct registrar *registrar = context;
	struct registrar_binding *binding = td_container_of(timer, struct registrar_binding, timer);
	struct registrar_user *user = binding->user;

	store_drop(registrar, binding, REGISTRAR_EXPIRED);
	registrar->sink.keep(registrar->sink.context, user);
}

void registrar_advance(struct registrar *registrar, uint64_t now_ms)
{
	(void)wheel_advance(&registrar->wheel, now_ms, expire, registrar); /* counted one by one */
}

uint64_t registrar_deadline(const struct registrar *registrar)
{
	/* wheel_wake_ms() remembers what it found: the only write. */
	return wheel_wake_ms((struct wheel *)&registrar->wheel);
}

void registrar_visit(const struct registrar *registrar, registrar_visit_fn *visit, void *context)
{
	for (const struct registrar_user *user = registrar->users; user != NULL; user = user->next)
		for (const struct registrar_binding *one = user->bindings; one != NULL;
			one = one->next)
			visit(context, one);
}

struct registrar_counts registrar_get_counts(const struct registrar *registrar)
{
	struct registrar_counts counts = registrar->counts;

	counts.bindings = slab_in_use(registrar->bindings);
	counts.bytes = registrar->heap.in_use_bytes;
	return counts;
}
