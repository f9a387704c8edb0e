/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each address has: asked with every one that is accepted. */
#include "transport/transport_state.h"

#include <sys/random.h>

int source_table_init(struct transport *transport)
{
	uint8_t seed[SIPHASH_SEED_BYTES];
	int error = slab_create(
		transport->config.connections_max, sizeof(struct source), &transport->sources);

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		memset(seed, 0, sizeof(seed)); /* slower under attack, not wrong */
	if (error == 0)
		error = table_create(
			transport->config.connections_max, seed, &transport->by_source);
	return error;
}

void source_table_fini(struct transport *transport)
{
	table_destroy(transport->by_source);
	slab_destroy(transport->sources);
}

struct source *source_find(const struct transport *transport, const struct td_ip *ip)
{
	struct table_node *node = table_find(transport->by_source, ip, sizeof(*ip));

	return node != NULL ? td_container_of(node, struct source, node) : NULL;
}

bool source_join(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct source *source = source_find(transport, &connection->remote.ip);
	slab_handle_t handle;

	if (source == NULL) {
		source = slab_take(transport->sources, &handle);
		if (source == NULL)
			return false;
		source->ip = connection->remote.ip;
		table_insert(transport->by_source, &source->node, &source->ip, sizeof(source->ip));
	}
	source->connections++;
	connection->source = source;
	return true;
}

void source_leave(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct source *source = connection->source;

	connection->source = NULL;
	if (source == NULL || --source->connections != 0)
		return;
	table_remove(transport->by_source, &source->node);
	slab_release(transport->sources, source);
}
