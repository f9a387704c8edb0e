/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of neighbours and its memory, see list.h. Called by the mirror.
 */
#include "neighbour/list.h"

#include "neighbour/netlink.h"

#include <linux/neighbour.h>
#include <string.h>

static_assert((int)NEIGHBOUR_NAME_BYTES == (int)NETLINK_NAME_BYTES, "both are IFNAMSIZ");

/* States in which the kernel itself would send to the address. */
#define NEIGHBOUR_NUD_USABLE \
	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static uint32_t *neighbour_bucket(
	struct neighbour_list *list, uint16_t port, const struct td_ip *ip)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ port; /* FNV-1a */

	for (size_t i = 0; i < sizeof(ip->bytes); i++)
		hash = (hash ^ ip->bytes[i]) * UINT64_C(0x100000001b3);
	return &list->buckets[hash % NEIGHBOUR_BUCKETS];
}

static void neighbour_link(struct neighbour_list *list, uint32_t index)
{
	struct neighbour *neighbour = &list->entries[index];
	uint32_t *bucket = neighbour_bucket(list, neighbour->fib.port, &neighbour->fib.ip);

	neighbour->next = *bucket;
	*bucket = index + 1;
}

static void neighbour_unlink(struct neighbour_list *list, uint32_t index)
{
	const struct neighbour *neighbour = &list->entries[index];
	uint32_t *link = neighbour_bucket(list, neighbour->fib.port, &neighbour->fib.ip);

	while (*link != index + 1)
		link = &list->entries[*link - 1].next;
	*link = neighbour->next;
}

struct neighbour *neighbour_list_find(
	struct neighbour_list *list, uint16_t port, const struct td_ip *ip)
{
	uint32_t next = *neighbour_bucket(list, port, ip);

	while (next != 0) {
		struct neighbour *neighbour = &list->entries[next - 1];

		if (neighbour->fib.port == port && td_ip_equal(&neighbour->fib.ip, ip))
			return neighbour;
		next = neighbour->next;
	}
	return NULL;
}

void neighbour_list_remove(struct neighbour_list *list, struct neighbour *neighbour)
{
	uint32_t index = (uint32_t)(neighbour - list->entries);
	uint32_t last = list->count - 1;

	neighbour_unlink(list, index);
	if (index != last) {
		neighbour_unlink(list, last);
		*neighbour = list->entries[last];
		neighbour_link(list, index);
	}
	list->count--;
}

static struct neighbour *neighbour_list_add(
	struct neighbour_list *list, uint16_t port, const struct td_ip *ip)
{
	struct neighbour *neighbour;

	if (list->count == FIB_NEIGHBOURS_MAX)
		return NULL;
	neighbour = &list->entries[list->count];
	memset(neighbour, 0, sizeof(*neighbour));
	neighbour->fib.ip = *ip;
	neighbour->fib.port = port;
	neighbour_link(list, list->count++);
	return neighbour;
}

bool neighbour_list_take(struct neighbour_list *list, uint16_t port,
	const struct netlink_event *event, uint32_t dump_sequence)
{
	struct neighbour *neighbour = neighbour_list_find(list, port, &event->ip);
	bool is_usable = (event->state & NEIGHBOUR_NUD_USABLE) != 0 && event->has_mac;
	bool is_changed = neighbour == NULL;

	/* It is being asked for; meanwhile the memory is better than nothing. */
	if (neighbour != NULL && neighbour->is_remembered && !event->is_removed &&
		event->state == NUD_INCOMPLETE)
		return false;
	if (event->is_removed || !is_usable) {
		if (neighbour != NULL)
			neighbour_list_remove(list, neighbour);
		return neighbour != NULL;
	}
	if (neighbour == NULL) {
		neighbour = neighbour_list_add(list, port, &event->ip);
		if (neighbour == NULL)
			return false;
	}
	is_changed = is_changed || memcmp(neighbour->fib.mac, event->mac, FIB_MAC_BYTES) != 0;
	memcpy(neighbour->fib.mac, event->mac, FIB_MAC_BYTES);
	neighbour->state = event->state;
	neighbour->is_remembered = false;
	neighbour->dump_sequence = dump_sequence;
	return is_changed;
}

bool neighbour_list_prune(struct neighbour_list *list, uint32_t dump_sequence)
{
	uint32_t before = list->count;

	for (uint32_t i = list->count; i-- > 0;) {
		if (list->entries[i].dump_sequence != dump_sequence)
			neighbour_list_remove(list, &list->entries[i]);
	}
	return list->count != before;
}

uint32_t neighbour_list_usable(const struct neighbour_list *list, struct fib_neighbour *usable)
{
	for (uint32_t i = 0; i < list->count; i++)
		usable[i] = list->entries[i].fib;
	return list->count;
}

void neighbour_memory_store(struct neighbour_memory *memory,
	char (*tap_names)[NEIGHBOUR_NAME_BYTES], const struct fib_neighbour *neighbours,
	uint32_t count)
{
	/* A process that dies in here leaves a memory that isn't whole. */
	atomic_store_explicit(&memory->magic, 0, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(memory->tap_names, tap_names, sizeof(memory->tap_names));
	memcpy(memory->entries, neighbours, count * sizeof(*neighbours));
	memory->count = count;
	/* partner: acquire load in neighbour_memory_recall */
	atomic_store_explicit(&memory->magic, NEIGHBOUR_MEMORY_MAGIC, memory_order_release);
}

static bool neighbour_is_sound(const struct fib_neighbour *neighbour, uint32_t port_count)
{
	static const uint8_t nobody[FIB_MAC_BYTES];

	return neighbour->port < port_count && td_ip_size_bytes(&neighbour->ip) != 0 &&
	       (neighbour->mac[0] & 1) == 0 && memcmp(neighbour->mac, nobody, FIB_MAC_BYTES) != 0;
}

void neighbour_memory_recall(const struct neighbour_memory *memory,
	char (*tap_names)[NEIGHBOUR_NAME_BYTES], uint32_t port_count, struct neighbour_list *list)
{
	/* partner: release store in neighbour_memory_store */
	if (atomic_load_explicit(&memory->magic, memory_order_acquire) != NEIGHBOUR_MEMORY_MAGIC ||
		memory->count > FIB_NEIGHBOURS_MAX)
		return;
	for (uint32_t i = 0; i < memory->count; i++) {
		const struct fib_neighbour *from = &memory->entries[i];
		struct neighbour *neighbour;

		if (!neighbour_is_sound(from, port_count) || tap_names[from->port][0] == '\0' ||
			memcmp(memory->tap_names[from->port], tap_names[from->port],
				NEIGHBOUR_NAME_BYTES) != 0 ||
			neighbour_list_find(list, from->port, &from->ip) != NULL)
			continue;
		neighbour = neighbour_list_add(list, from->port, &from->ip);
		if (neighbour == NULL)
			return;
		memcpy(neighbour->fib.mac, from->mac, FIB_MAC_BYTES);
		neighbour->state = NUD_STALE;
		neighbour->is_remembered = true;
	}
}
