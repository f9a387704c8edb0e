/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the ledger: found by termination id, in at most one queue. */
#include "media/entry.h"

#include "util/slab.h"

struct entry *entry_find(const struct ledger *ledger, uint64_t termination_id)
{
	struct table_node *node = table_find_hashed(ledger->by_id, &termination_id,
		sizeof(termination_id), table_id_hash(termination_id));

	return node == NULL ? NULL : td_container_of(node, struct entry, node);
}

void entry_enqueue(struct ledger *ledger, struct entry *entry, enum entry_queue queue)
{
	if (entry->queue != QUEUE_NONE)
		TAILQ_REMOVE(&ledger->queues[entry->queue], entry, link);
	entry->queue = (uint8_t)queue;
	if (queue != QUEUE_NONE)
		TAILQ_INSERT_TAIL(&ledger->queues[queue], entry, link);
}

struct entry *entry_create(struct ledger *ledger, const struct td_termination_spec *spec)
{
	slab_handle_t handle;
	struct entry *entry = slab_take(ledger->entries, &handle);

	if (entry == NULL)
		return NULL;
	entry->spec = *spec;
	table_insert_hashed(ledger->by_id, &entry->node, &entry->spec.termination_id,
		sizeof(entry->spec.termination_id), table_id_hash(spec->termination_id));
	return entry;
}

void entry_remove(struct ledger *ledger, struct entry *entry)
{
	entry_enqueue(ledger, entry, QUEUE_NONE);
	table_remove(ledger->by_id, &entry->node);
	slab_release(ledger->entries, entry);
}
