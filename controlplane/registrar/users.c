/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users, as the configuration names them. What proves a user is computed once, when his
 * password is first seen or has changed: a keyed fingerprint tells, the password itself isn't
 * kept.
 */
#include "registrar/store.h"

#include <tandem/bytes.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	KEY_BYTES = CONFIG_NAME_BYTES + CONFIG_NUMBER_BYTES,
};

/* Without secret: what it hashes must be found again by another process. */
static const uint8_t stable_seed[SIPHASH_SEED_BYTES] = "tandem-registrar";

uint64_t users_call_id_hash(struct span call_id)
{
	return siphash(stable_seed, call_id.text, call_id.length);
}

/* Writes "trunk", zero, "name"; returns the length, 0 if they don't fit. */
static uint32_t write_key(char key[KEY_BYTES], const char *trunk, struct span name)
{
	size_t trunk_bytes = strlen(trunk);

	if (trunk_bytes >= CONFIG_NAME_BYTES || name.length == 0 ||
		name.length >= CONFIG_NUMBER_BYTES)
		return 0;
	memcpy(key, trunk, trunk_bytes + 1);
	memcpy(key + trunk_bytes + 1, name.text, name.length);
	return (uint32_t)trunk_bytes + 1 + name.length;
}

struct registrar_user *registrar_find(
	const struct registrar *registrar, const char *trunk, struct span name)
{
	char key[KEY_BYTES];
	uint32_t key_bytes = write_key(key, trunk, name);
	struct table_node *node =
		key_bytes != 0 ? table_find(registrar->by_key, key, key_bytes) : NULL;

	return node != NULL ? td_container_of(node, struct registrar_user, by_key) : NULL;
}

const struct digest_secret *registrar_secret(
	const struct registrar *registrar, const struct registrar_user *user)
{
	return user != NULL ? &user->secret : &registrar->nobody;
}

const char *registrar_user_name(const struct registrar_user *user)
{
	return user->key + user->trunk_bytes + 1;
}

const char *registrar_user_trunk(const struct registrar_user *user)
{
	return user->key;
}

uint64_t registrar_user_id(const struct registrar_user *user)
{
	return user->id;
}

uint32_t registrar_user_binding_count(const struct registrar_user *user)
{
	return user->binding_count;
}

uint32_t registrar_user_failures(const struct registrar_user *user)
{
	return user->failures;
}

void registrar_note_proof(struct registrar *registrar, struct registrar_user *user, bool is_good)
{
	if (user == NULL) {
		registrar->counts.names_unknown++;
		return;
	}
	registrar->counts.proofs_good += is_good;
	registrar->counts.proofs_wrong += !is_good;
	user->failures = is_good ? 0 : user->failures + (user->failures != UINT32_MAX);
}

/* What a user of the configuration is made of. */
struct wanted {
	const struct config_trunk *trunk;
	const struct config_user *user;
	struct span realm;
};

static uint64_t fingerprint(const struct registrar *registrar, const struct wanted *wanted)
{
	char text[CONFIG_NUMBER_BYTES + CONFIG_TEXT_BYTES + CONFIG_SECRET_BYTES];
	struct span parts[] = {span_from(wanted->user->username), wanted->realm,
		span_from(wanted->user->password)};
	size_t used = 0;
	uint64_t hash;

	static_assert(sizeof(text) >= CONFIG_NUMBER_BYTES + CONFIG_TEXT_BYTES + CONFIG_SECRET_BYTES,
		"each part with its zero");
	for (size_t i = 0; i < TD_COUNT_OF(parts); i++) {
		memcpy(text + used, parts[i].text, parts[i].length);
		used += parts[i].length;
		text[used++] = '\0';
	}
	hash = siphash(registrar->seed + SIPHASH_SEED_BYTES, text, used);
	td_wipe(text, sizeof(text));
	return hash;
}

/* Makes a user, not yet in the index. */
static int create_user(
	struct registrar *registrar, const struct wanted *wanted, struct registrar_user **ret_user)
{
	struct registrar_user *user = heap_alloc(&registrar->heap, sizeof(*user));
	uint32_t key_bytes;

	if (user == NULL)
		return -ENOMEM;
	memset(user, 0, sizeof(*user));
	key_bytes = write_key(user->key, wanted->trunk->name, span_from(wanted->user->username));
	assert(key_bytes != 0 && "the configuration bounds both names");
	user->trunk_bytes = (uint8_t)strlen(user->key);
	user->name_bytes = (uint8_t)(key_bytes - user->trunk_bytes - 1u);
	user->id = siphash(stable_seed, user->key, key_bytes);
	user->is_wanted = true;
	*ret_user = user;
	return 0;
}

/* Computes what proves him, unless that is known. */
static int update_secret(
	const struct registrar *registrar, struct registrar_user *user, const struct wanted *wanted)
{
	uint64_t print = fingerprint(registrar, wanted);
	int error = 0;

	if (user->fingerprint != print || user->secret.ha1[DIGEST_SHA256][0] == '\0')
		error = digest_secret_make(span_from(wanted->user->username), wanted->realm,
			span_from(wanted->user->password), &user->secret);
	if (error == 0)
		user->fingerprint = print;
	return error;
}

static void free_user(struct registrar *registrar, struct registrar_user *user)
{
	td_wipe(&user->secret, sizeof(user->secret));
	heap_free(&registrar->heap, user);
}

void users_free(struct registrar *registrar)
{
	while (registrar->users != NULL) {
		struct registrar_user *user = registrar->users;

		registrar->users = user->next;
		while (user->bindings != NULL) {
			struct registrar_binding *binding = user->bindings;

			user->bindings = binding->next;
			heap_free(&registrar->heap, binding->texts);
		}
		free_user(registrar, user);
	}
}

static uint32_t count_users(const struct config *config)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < config->trunk_count; i++)
		count += config->trunks[i].user_count;
	return count;
}

/* Marks the users who stay and puts new ones before *fresh. */
static int take_trunk(struct registrar *registrar, const struct config *config,
	const struct config_trunk *trunk, struct registrar_user **fresh)
{
	struct wanted wanted = {.trunk = trunk,
		.realm = span_from(
			trunk->bindings.realm[0] != '\0' ? trunk->bindings.realm : config->node)};

	for (uint32_t i = 0; i < trunk->user_count; i++) {
		struct registrar_user *user;
		int error = 0;

		wanted.user = &trunk->users[i];
		user = registrar_find(registrar, trunk->name, span_from(wanted.user->username));
		if (user != NULL) {
			user->is_wanted = true;
		} else {
			error = create_user(registrar, &wanted, &user);
			if (error != 0)
				return error;
			user->next = *fresh;
			*fresh = user;
		}
		error = update_secret(registrar, user, &wanted);
		if (error != 0)
			return error;
	}
	return 0;
}

/* Drops who isn't wanted any more; puts all others into the new index. */
static void settle(struct registrar *registrar, struct table *by_key)
{
	struct registrar_user **link = &registrar->users;

	registrar->counts.users = 0;
	while (*link != NULL) {
		struct registrar_user *user = *link;

		table_remove(registrar->by_key, &user->by_key);
		if (user->is_wanted) {
			table_insert(by_key, &user->by_key, user->key,
				user->trunk_bytes + 1u + user->name_bytes);
			user->is_wanted = false;
			registrar->counts.users++;
			link = &user->next;
			continue;
		}
		if (user->bindings != NULL) {
			while (user->bindings != NULL)
				store_drop(registrar, user->bindings, REGISTRAR_WITHDRAWN);
			registrar->sink.keep(registrar->sink.context, user);
		}
		*link = user->next;
		free_user(registrar, user);
	}
	table_destroy(registrar->by_key);
	registrar->by_key = by_key;
}

int registrar_configure(struct registrar *registrar, const struct config *config)
{
	uint32_t count = count_users(config);
	struct registrar_user *fresh = NULL;
	struct table *by_key;
	int error = table_create(count != 0 ? count : 1, registrar->seed, &by_key);

	if (error != 0)
		return error;
	for (uint32_t i = 0; i < config->trunk_count && error == 0; i++)
		error = take_trunk(registrar, config, &config->trunks[i], &fresh);
	if (error != 0) {
		table_destroy(by_key);
		for (struct registrar_user *user = registrar->users; user != NULL;
			user = user->next)
			user->is_wanted = false;
	}
	while (fresh != NULL) {
		struct registrar_user *user = fresh;

		fresh = user->next;
		if (error != 0) {
			free_user(registrar, user);
			continue;
		}
		user->next = registrar->users;
		registrar->users = user;
	}
	if (error == 0)
		settle(registrar, by_key);
	return error;
}
