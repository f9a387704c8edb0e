/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registrar of all trunks that have one: its users, and the bindings from an address of
 * record to the contacts and flows by which it is reached (RFC 3261 10.3, RFC 5626, RFC 3327). It
 * takes REGISTER requests whose sender has been proven, keeps bindings until they expire and says
 * where a call to a user goes. It neither authenticates nor sends, and never reads a clock.
 *
 * One thread. A user is named by his trunk's name and his own; pointers to users and bindings
 * live until the next call that may change them.
 */
#ifndef TD_REGISTRAR_REGISTRAR_H
#define TD_REGISTRAR_REGISTRAR_H

#include "registrar/binding.h"
#include "sip/builder.h"
#include "sip/digest.h"
#include "sip/message.h"
#include "transaction/transaction.h"
#include "util/now.h"
#include "util/siphash.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct config_bindings;
struct registrar;
struct registrar_user;

enum {
	REGISTRAR_CONTACTS_MAX = 8,	/* in one REGISTER; also of one user */
	REGISTRAR_RECORD_BYTES = 16384, /* holds any user's record */
	/* A copy of a request that the network repeated comes within 64 * T1. */
	REGISTRAR_REPEAT_MS = 32000,
};

/* What happened to a binding. */
enum registrar_event {
	REGISTRAR_ADDED,
	REGISTRAR_MOVED,     /* refreshed by another flow */
	REGISTRAR_REMOVED,   /* by its owner */
	REGISTRAR_EXPIRED,   /* not refreshed in time */
	REGISTRAR_FLOW_LOST, /* its connection ended, and no other can be opened */
	REGISTRAR_EVICTED,   /* for a newer one of the same user */
	REGISTRAR_WITHDRAWN, /* its user left the configuration */
	REGISTRAR_EVENT_COUNT
};

/* Where changes go. The functions must not call back. */
struct registrar_sink {
	void *context;
	/* binding borrows until the function returns; of a removal it is the last that is seen of
	 * it. */
	void (*tell)(
		void *context, enum registrar_event event, const struct registrar_binding *binding);
	/* The user's record has changed: write it, or delete it if he has no binding. */
	void (*keep)(void *context, const struct registrar_user *user);
};

struct registrar_setup {
	uint32_t capacity; /* bindings at a time */
	uint8_t seed[2 * SIPHASH_SEED_BYTES];
	struct registrar_sink sink; /* copied */
};

/* Creates a registrar without users. -ENOMEM, -EINVAL. */
td_must_check int registrar_create(
	const struct registrar_setup *setup, uint64_t now_ms, struct registrar **ret_registrar);
/* Frees it without a word to the sink; wipes secrets. Accepts NULL. */
void registrar_destroy(struct registrar *registrar);

/* Takes the users of a configuration: those who stay keep their bindings, who left lose them.
 * -ENOMEM, -EIO (no hash): users and bindings are as before, passwords old or new. Costs two hashes
 * for each new password. */
td_must_check int registrar_configure(struct registrar *registrar, const struct config *config);

/* The user of that name on that trunk, or NULL. */
struct registrar_user *registrar_find(
	const struct registrar *registrar, const char *trunk, struct span name);

/* What proves him. Never NULL: with user NULL a secret that nothing matches, so that an unknown
 * name costs as much as a wrong password. */
const struct digest_secret *registrar_secret(
	const struct registrar *registrar, const struct registrar_user *user);
const char *registrar_user_name(const struct registrar_user *user);
const char *registrar_user_trunk(const struct registrar_user *user);
/* Names the user's record; the same after a restart. */
uint64_t registrar_user_id(const struct registrar_user *user);
uint32_t registrar_user_binding_count(const struct registrar_user *user);

/* Notes how a proof came out. user may be NULL: the name is unknown. */
void registrar_note_proof(struct registrar *registrar, struct registrar_user *user, bool is_good);
/* Wrong passwords for him since the last good one. */
uint32_t registrar_user_failures(const struct registrar_user *user);

/* A REGISTER whose sender has been proven to be user. */
struct registrar_request {
	const struct sip_message *message;
	const struct sip_flow *flow;
	const struct config_bindings *limits;
	struct td_now now;
};

/* What to answer. */
struct registrar_verdict {
	unsigned status;	/* 200, 400, 423, 439, 500 or 503 */
	const char *reason;	/* static text for Warning, NULL with 200 */
	uint32_t min_expires_s; /* of 423 */
	bool is_outbound;	/* a flow was registered: the answer requires "outbound" */
};

/* Carries out a REGISTER, or refuses it whole (if memory runs out in the middle, what is done
 * stays, and 503 tells). Its copy changes nothing and is answered as it was. */
void registrar_register(struct registrar *registrar, struct registrar_user *user,
	const struct registrar_request *request, struct registrar_verdict *ret_verdict);

/* Writes what a 200 says of a user: Contact of each binding, Path, Date, extensions. */
void registrar_build_answer(struct sip_builder *builder, const struct registrar_user *user,
	const struct registrar_request *request, const struct registrar_verdict *verdict);

/* Where a request to a user goes. Spans borrow the binding. */
struct registrar_target {
	struct sip_flow flow;
	struct span uri;    /* request URI: the contact */
	struct span routes; /* Route values in order, one per line */
	uint8_t slot;	    /* for the set of those tried */
	bool keeps_flow;    /* there is no other way to it */
};
/* The best binding of user whose slot's bit isn't set in tried: highest q, then the one that was
 * refreshed last. -ENOENT. */
td_must_check int registrar_choose(
	const struct registrar_user *user, uint32_t tried, struct registrar_target *ret_target);
/* The binding in a slot. -ENOENT. */
td_must_check int registrar_target_at(
	const struct registrar_user *user, uint8_t slot, struct registrar_target *ret_target);

/* A connection has ended: bindings that can't be reached without it go. */
void registrar_connection_closed(struct registrar *registrar, uint32_t connection_id);

/* Drops what has expired. */
void registrar_advance(struct registrar *registrar, uint64_t now_ms);
/* Earliest expiry in monotonic ms, TD_NEVER if none. */
uint64_t registrar_deadline(const struct registrar *registrar);

/* Writes the user's record. -ENOSPC. */
td_must_check int registrar_record_write(const struct registrar_user *user, struct td_now now,
	void *bytes, size_t size_bytes, size_t *ret_length);
/* Takes a record back after a restart. Bindings whose time or whose connection is over are told
 * and left out. -EBADMSG (not a record of ours), -ENOENT (no such user any more), -ENOSPC,
 * -ENOMEM; nothing has changed then. */
td_must_check int registrar_record_read(
	struct registrar *registrar, const void *bytes, size_t length, struct td_now now);

/* Told each binding. */
typedef void registrar_visit_fn(void *context, const struct registrar_binding *binding);
void registrar_visit(const struct registrar *registrar, registrar_visit_fn *visit, void *context);

/* X(name, help) */
#define REGISTRAR_COUNTERS(X)                                                     \
	X(accepted, "REGISTER requests carried out")                              \
	X(repeated, "copies of a REGISTER, answered without effect")              \
	X(fetched, "REGISTER requests that only asked")                           \
	X(refused_malformed, "REGISTER refused: contacts that make no sense")     \
	X(refused_brief, "REGISTER refused: interval too brief")                  \
	X(refused_order, "REGISTER refused: older than one that was carried out") \
	X(refused_full, "REGISTER refused: no room for another binding")          \
	X(refused_first_hop, "REGISTER refused: first hop without outbound")      \
	X(proofs_good, "credentials of users that were right")                    \
	X(proofs_wrong, "credentials of users that were wrong")                   \
	X(names_unknown, "credentials with a name that isn't a user's")           \
	X(added, "bindings added")                                                \
	X(moved, "bindings refreshed by another flow")                            \
	X(removed, "bindings removed by their owners")                            \
	X(expired, "bindings that expired")                                       \
	X(flows_lost, "bindings dropped because their connection ended")          \
	X(evicted, "bindings dropped for a newer one of the same user")           \
	X(withdrawn, "bindings dropped because their user left the configuration")

struct registrar_counts {
#define REGISTRAR_COUNTER_FIELD(name, help) uint64_t name;
	REGISTRAR_COUNTERS(REGISTRAR_COUNTER_FIELD)
#undef REGISTRAR_COUNTER_FIELD
	uint32_t users; /* gauges */
	uint32_t bindings;
	uint64_t bytes; /* on the heap: users, texts of bindings */
};
struct registrar_counts registrar_get_counts(const struct registrar *registrar);

#endif
