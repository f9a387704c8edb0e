/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between the network and the machines: decides which requests are worth the work.
 * It is asked before a transaction exists and keeps bounded memory, whatever is thrown at it.
 * Pure: time comes in as an argument, verdicts go out; the switchboard carries them out.
 *
 * One thread.
 */
#ifndef TD_DEFENCE_DEFENCE_H
#define TD_DEFENCE_DEFENCE_H

#include "config/config.h"
#include "defence/limits.h"
#include "defence/overload.h"
#include "defence/sources.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

struct defence;

/* X(name, help): counters since the start. */
#define DEFENCE_COUNTERS(X)                                                                    \
	X(shed_low, "new requests refused under overload: registrations, calls of low trunks") \
	X(shed_normal, "new calls refused under overload")                                     \
	X(shed_high, "new requests refused under overload: OPTIONS, calls of high priority")   \
	X(shed_emergency, "emergency calls refused under overload")                            \
	X(repeats_refused, "repeats of refused INVITEs that got the same answer")              \
	X(acks_absorbed, "ACKs to refusals that have no transaction")                          \
	X(refused_source_rate, "requests refused: sip.defence.source_requests_per_s")          \
	X(scanners, "requests of scanners, by their User-Agent or From")                       \
	X(banned_dropped, "requests of banned addresses, dropped in silence")                  \
	X(bans, "addresses banned for what they did")                                          \
	X(too_large, "requests refused: a size or a count of sip.defence exceeded")            \
	X(refused_trunk_rate, "new calls refused: the trunk's limits.calls_per_s")             \
	X(outbound_rate, "destinations passed over: their limits.outbound_calls_per_s")

struct defence_counts {
#define DEFENCE_COUNTER_FIELD(name, help) uint64_t name;
	DEFENCE_COUNTERS(DEFENCE_COUNTER_FIELD)
#undef DEFENCE_COUNTER_FIELD
	uint32_t shedding_permille; /* gauge: part of new requests that overload control refuses */
};

/* Creates a defence for trunk ids below trunk_slots. Copies what it needs of sip. -ENOMEM. */
td_must_check int defence_create(const struct config_sip *sip, uint32_t trunk_slots,
	const uint8_t seed[SIPHASH_SEED_BYTES], struct defence **ret_defence);
/* NULL is allowed. */
void defence_destroy(struct defence *defence);

/* Takes over what a reload may change. */
void defence_configure(struct defence *defence, const struct config_sip *sip);

/* A new request is being handled that had waited. */
void defence_note_wait(struct defence *defence, const struct overload_wait *wait, uint64_t now_ms);
/* True while overload control refuses part of what is new. */
bool defence_is_shedding(const struct defence *defence);
/* True, counted, if a new request must be refused for the sake of those in progress. origin is a
 * keyed hash of what its repeats have in common. */
bool defence_sheds(struct defence *defence, enum overload_class class, uint64_t origin);

/* Remembers that an INVITE was refused without a transaction; true, counted, for its repeats. */
void defence_remember_refusal(struct defence *defence, uint64_t origin, uint64_t now_ms);
bool defence_was_refused(struct defence *defence, uint64_t origin, uint64_t now_ms);
/* Counts an ACK to such a refusal. */
void defence_absorb_ack(struct defence *defence);
/* Seconds for Retry-After: between the configured number and twice as many, always the same for
 * one origin. */
uint32_t defence_retry_after_s(const struct defence *defence, uint64_t origin);

/* True, counted, if the request comes from a scanner's program. */
bool defence_is_scanner(struct defence *defence, const struct sip_message *request);
/* True if one more request outside dialogs may come from an address now; counts those that may
 * not. */
td_must_check bool defence_admit_source(
	struct defence *defence, const struct td_ip *ip, uint64_t now_ms);
bool defence_is_banned(const struct defence *defence, const struct td_ip *ip, uint64_t now_ms);
/* Counts a request that a banned address sent in vain. */
void defence_drop_banned(struct defence *defence);
void defence_note_fault(struct defence *defence, const struct td_ip *ip,
	const struct source_deed *deed, uint64_t now_ms);
/* The first limit of size that a parsed request exceeds, counted; or NONE. */
enum defence_limit defence_check_size(struct defence *defence, const struct sip_message *request);
/* What is remembered of addresses, for the operator. */
struct sources *defence_sources(const struct defence *defence);

/* True, and one is counted, if one more new call may come from that trunk now. */
td_must_check bool defence_admit_call(struct defence *defence, uint32_t trunk,
	const struct config_limits *limits, uint64_t now_ms);
/* True if one more call may go to that trunk now; it is counted by defence_place_call(). */
bool defence_may_place(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms);
/* Counts a call placed, whether there was room or not. */
void defence_place_call(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms);

struct defence_counts defence_get_counts(const struct defence *defence);

#endif
