/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3): the identifying parts are
 * condensed to 128 bits under the table's secret seed, so that a transaction keeps 16 bytes
 * instead of the texts, and nobody outside can make two of them collide.
 */
#include "transaction/machine.h"
#include "util/format.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum {
	KEY_BLOCK_BYTES = 192, /* nearly all keys fit one block */
};

/* Condenses any number of pieces: full blocks replace the seed of the next one. */
struct key_builder {
	uint8_t seed[SIPHASH_SEED_BYTES];
	uint8_t block[KEY_BLOCK_BYTES];
	size_t used_bytes;
};

static struct transaction_key key_condense(const struct key_builder *builder)
{
	uint8_t other[SIPHASH_SEED_BYTES];
	struct transaction_key key;

	for (size_t i = 0; i < sizeof(other); i++)
		other[i] = (uint8_t)(builder->seed[i] ^ 0x5c); /* a second, independent hash */
	key.words[0] = siphash(builder->seed, builder->block, builder->used_bytes);
	key.words[1] = siphash(other, builder->block, builder->used_bytes);
	return key;
}

static void key_put_byte(struct key_builder *builder, uint8_t byte)
{
	if (builder->used_bytes == KEY_BLOCK_BYTES) {
		struct transaction_key key = key_condense(builder);

		static_assert(sizeof(key.words) == SIPHASH_SEED_BYTES, "the chain needs all of it");
		memcpy(builder->seed, key.words, sizeof(key.words));
		builder->used_bytes = 0;
	}
	builder->block[builder->used_bytes++] = byte;
}

/* Each piece is followed by its length, so that no text can move from one to the next. */
static void key_put(struct key_builder *builder, struct span piece, bool is_nocase)
{
	if (piece.length <= KEY_BLOCK_BYTES - builder->used_bytes) {
		uint8_t *to = builder->block + builder->used_bytes;

		if (piece.length != 0)
			memcpy(to, piece.text, piece.length);
		for (uint32_t i = 0; is_nocase && i < piece.length; i++)
			to[i] |= (uint8_t)((uint8_t)(to[i] - 'A') < 26 ? 0x20 : 0);
		builder->used_bytes += piece.length;
	} else {
		for (uint32_t i = 0; i < piece.length; i++) {
			unsigned char c = (unsigned char)piece.text[i];

			key_put_byte(builder, (uint8_t)(is_nocase && c < 0x80 ? tolower(c) : c));
		}
	}
	for (unsigned shift = 0; shift < 32; shift += 8)
		key_put_byte(builder, (uint8_t)(piece.length >> shift));
}

static void key_put_number(struct key_builder *builder, uint32_t number)
{
	for (unsigned shift = 0; shift < 32; shift += 8)
		key_put_byte(builder, (uint8_t)(number >> shift));
}

static void key_begin(
	struct key_builder *builder, const struct transaction_table *table, uint8_t kind)
{
	memcpy(builder->seed, table->config.seed, sizeof(builder->seed));
	builder->used_bytes = 0;
	key_put_byte(builder, kind);
}

struct transaction_key transaction_key_client(
	const struct transaction_table *table, struct span branch, struct span method)
{
	struct key_builder builder;

	key_begin(&builder, table, 'c');
	key_put(&builder, branch, true);
	key_put(&builder, method, false);
	return key_condense(&builder);
}

struct transaction_key transaction_key_server(const struct transaction_table *table,
	const struct sip_message *request, struct span method)
{
	struct key_builder builder;

	if (request->via.is_rfc3261) {
		key_begin(&builder, table, 's');
		key_put(&builder, request->via.branch, true);
		key_put(&builder, request->via.host, true);
		key_put_number(&builder, request->via.port);
	} else {
		/* RFC 3261 17.2.3 for RFC 2543 peers. The To tag is left out: an ACK's differs
		 * from its INVITE's, and what Call-ID, From tag and CSeq leave equal it can't
		 * tell apart either. */
		key_begin(&builder, table, 'o');
		key_put(&builder, request->request_uri.text, false);
		key_put(&builder, request->from.tag, false);
		key_put(&builder, request->call_id, false);
		key_put_number(&builder, request->cseq.number);
		key_put(&builder, request->via.text, false);
	}
	key_put(&builder, method, false);
	return key_condense(&builder);
}

struct transaction_key transaction_key_merged(
	const struct transaction_table *table, const struct sip_message *request)
{
	struct key_builder builder;

	key_begin(&builder, table, 'm');
	key_put(&builder, request->from.tag, false);
	key_put(&builder, request->call_id, false);
	key_put_number(&builder, request->cseq.number);
	key_put(&builder, request->method_text, false);
	return key_condense(&builder);
}

struct transaction *transaction_match(
	const struct transaction_table *table, const struct transaction_key *key)
{
	/* The key is a keyed hash: no other is needed. */
	struct table_node *node =
		table_find_hashed(table->by_key, key, sizeof(*key), key->words[0]);

	return node ? td_container_of(node, struct transaction, key_node) : NULL;
}

void transaction_tag(const struct transaction_table *table, const struct sip_message *request,
	char tag[TRANSACTION_TAG_BYTES])
{
	struct key_builder builder;
	struct transaction_key key;

	key_begin(&builder, table, 't');
	key_put(&builder, request->from.tag, false);
	key_put(&builder, request->call_id, false);
	key_put_number(&builder, request->cseq.number);
	key = key_condense(&builder);
	(void)format_text(tag, TRANSACTION_TAG_BYTES, "%016llx", (unsigned long long)key.words[0]);
}

void transaction_branch(struct transaction_table *table, char branch[TRANSACTION_BRANCH_BYTES])
{
	struct key_builder builder;
	struct transaction_key key;
	uint64_t number = ++table->branches;

	/* A counter makes it unique, the hash of the counter makes it unguessable. */
	key_begin(&builder, table, 'b');
	key_put(&builder, (struct span){.text = (const char *)&number, .length = sizeof(number)},
		false);
	key = key_condense(&builder);
	(void)format_text(branch, TRANSACTION_BRANCH_BYTES, "z9hG4bK%016llx%016llx",
		(unsigned long long)key.words[0], (unsigned long long)key.words[1]);
}
