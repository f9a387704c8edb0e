/* SPDX-License-Identifier: Apache-2.0 */
#include "trunk/source_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LENGTHS = 129, /* prefix lengths 0 to 128 */
};

struct entry {
	struct config_prefix prefix; /* family NONE: free */
	uint32_t transports;
	trunk_id trunk;
};

struct source_index {
	uint32_t mask; /* slots - 1 */
	uint32_t used;
	uint32_t length_count[2];    /* by family: IPv4, IPv6 */
	uint8_t lengths[2][LENGTHS]; /* in use, longest first */
	struct entry slots[];
};

static unsigned family_slot(const struct td_ip *ip)
{
	return ip->family == TD_FAMILY_IPV6;
}

/* Only the configuration chooses what is stored, so a plain hash will do (FNV-1a, mixed). */
static uint32_t hash_of(const struct config_prefix *prefix)
{
	uint32_t hash = 2166136261u ^ prefix->bits ^ (uint32_t)prefix->network.family << 8;

	for (size_t i = 0; i < td_ip_size_bytes(&prefix->network); i++)
		hash = (hash ^ prefix->network.bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static struct td_ip masked(const struct td_ip *address, uint32_t bits)
{
	struct td_ip ip = *address;
	size_t whole = bits / 8;

	if (whole < sizeof(ip.bytes)) {
		ip.bytes[whole] &= (uint8_t)(0xff00u >> bits % 8);
		memset(ip.bytes + whole + 1, 0, sizeof(ip.bytes) - whole - 1);
	}
	return ip;
}

int source_index_create(uint32_t capacity, struct source_index **ret_index)
{
	struct source_index *index;
	uint32_t slots = 16;

	while (slots < capacity * 2)
		slots *= 2;
	index = calloc(1, sizeof(*index) + slots * sizeof(index->slots[0]));
	if (index == NULL)
		return -ENOMEM;
	index->mask = slots - 1;
	*ret_index = index;
	return 0;
}

void source_index_destroy(struct source_index *index)
{
	free(index);
}

static void add_length(struct source_index *index, unsigned family, uint32_t bits)
{
	uint8_t *lengths = index->lengths[family];
	uint32_t at = 0;

	while (at < index->length_count[family] && lengths[at] > bits)
		at++;
	if (at < index->length_count[family] && lengths[at] == bits)
		return;
	memmove(lengths + at + 1, lengths + at, index->length_count[family] - at);
	lengths[at] = (uint8_t)bits;
	index->length_count[family]++;
}

void source_index_add(struct source_index *index, const struct config_prefix *prefix,
	uint32_t transports, trunk_id trunk)
{
	uint32_t at = hash_of(prefix) & index->mask;

	assert(index->used <= index->mask / 2 && "capacity given at creation");
	while (index->slots[at].prefix.network.family != TD_FAMILY_NONE)
		at = (at + 1) & index->mask;
	index->slots[at] = (struct entry){*prefix, transports, trunk};
	index->used++;
	add_length(index, family_slot(&prefix->network), prefix->bits);
}

static const struct entry *find(
	const struct source_index *index, const struct td_ip *address, uint32_t transports)
{
	unsigned family = family_slot(address);

	if (address->family == TD_FAMILY_NONE)
		return NULL;
	for (uint32_t i = 0; i < index->length_count[family]; i++) {
		struct config_prefix wanted = {.bits = index->lengths[family][i]};
		uint32_t at;

		wanted.network = masked(address, wanted.bits);
		at = hash_of(&wanted) & index->mask;
		for (; index->slots[at].prefix.network.family != TD_FAMILY_NONE;
			at = (at + 1) & index->mask) {
			const struct entry *entry = &index->slots[at];

			if (entry->prefix.bits == wanted.bits &&
				td_ip_equal(&entry->prefix.network, &wanted.network) &&
				(entry->transports & transports) != 0)
				return entry;
		}
	}
	return NULL;
}

trunk_id source_index_find(
	const struct source_index *index, const struct td_ip *address, uint32_t transports)
{
	const struct entry *entry = find(index, address, transports);

	return entry != NULL ? entry->trunk : TRUNK_NONE;
}

uint32_t source_index_bits(
	const struct source_index *index, const struct td_ip *address, uint32_t transports)
{
	const struct entry *entry = find(index, address, transports);

	return entry != NULL ? entry->prefix.bits : UINT32_MAX;
}
