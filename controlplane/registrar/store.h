/* SPDX-License-Identifier: Apache-2.0 */
/* The registrar's inside, for its own files. */
#ifndef TD_REGISTRAR_STORE_H
#define TD_REGISTRAR_STORE_H

#include "config/config.h"
#include "registrar/registrar.h"
#include "sip/contact.h"
#include "util/heap.h"
#include "util/slab.h"
#include "util/table.h"
#include "util/text.h"
#include "util/wheel.h"

struct registrar_user {
	struct table_node by_key;    /* key: key, key_bytes */
	struct registrar_user *next; /* of all */
	struct registrar_binding *bindings;
	uint64_t id;
	uint64_t fingerprint;	    /* of name, realm and password, under the secret seed */
	uint64_t last_call_id_hash; /* of the REGISTER carried out last, */
	uint64_t last_ms;	    /* and when; 0: never */
	uint32_t last_cseq;
	uint32_t failures;
	uint8_t binding_count;
	uint8_t slots;	/* bit per slot in use */
	bool is_wanted; /* by the configuration that is being taken */
	uint8_t trunk_bytes;
	uint8_t name_bytes;
	char key[CONFIG_NAME_BYTES + CONFIG_NUMBER_BYTES]; /* "trunk", zero, "name", zero */
	struct digest_secret secret;
};

struct registrar {
	struct registrar_sink sink;
	uint8_t seed[2 * SIPHASH_SEED_BYTES];
	uint64_t random_count;
	uint64_t sequence;
	struct registrar_user *users; /* owns */
	struct table *by_key;
	struct table *by_connection;
	struct slab *bindings;
	struct wheel wheel;
	struct heap heap;
	struct digest_secret nobody;
	struct registrar_counts counts;
};

/* What a binding shall become. */
struct binding_terms {
	struct span uri;
	struct span instance;
	struct span path;
	struct span agent;
	const struct sip_flow *flow;
	uint64_t call_id_hash;
	uint64_t expires_ms; /* monotonic */
	uint32_t expires_s;
	uint32_t cseq;
	uint32_t reg_id;
	uint16_t q_permille;
	char *texts; /* owns; from store_prepare() to store_set() */
};

/* ---- registrar.c ---- */
/* Makes an empty binding of user, entered and not yet told. NULL: none left. */
struct registrar_binding *store_add(struct registrar *registrar, struct registrar_user *user);
/* Takes the memory that a binding (NULL: a new one) needs to become what the terms say. -ENOMEM. */
td_must_check int store_prepare(struct registrar *registrar,
	const struct registrar_binding *binding, struct binding_terms *terms);
/* Gives back what was prepared and isn't used. */
void store_discard(struct registrar *registrar, struct binding_terms *terms);
/* Sets what a binding is, after store_prepare(). */
void store_set(struct registrar *registrar, struct registrar_binding *binding,
	struct binding_terms *terms);
/* Tells of it and lets it go. The user's record isn't written. */
void store_drop(
	struct registrar *registrar, struct registrar_binding *binding, enum registrar_event event);
/* Tells of it and counts. */
void store_tell(
	struct registrar *registrar, struct registrar_binding *binding, enum registrar_event event);
uint64_t store_random(struct registrar *registrar);

/* ---- users.c ---- */
void users_free(struct registrar *registrar);
/* Hash of a Call-ID: the same after a restart. */
uint64_t users_call_id_hash(struct span call_id);

#endif
