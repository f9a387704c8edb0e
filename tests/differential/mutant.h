/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spoils SIP messages in the ways that bad peers, bad links and attackers do: bytes, tokens,
 * numbers, whole header lines, pieces of other messages. Everything follows from one seed, so that
 * each mutant can be made again.
 */
#ifndef TD_DIFFERENTIAL_MUTANT_H
#define TD_DIFFERENTIAL_MUTANT_H

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

enum {
	MUTANT_MAX_BYTES = 16384,
};

struct mutant_corpus;

/* Reads every *.sip file of a directory, in the order of their names. -ENOENT: none is there;
 * -ENOMEM; errno of opening it. */
td_must_check int mutant_corpus_load(const char *directory, struct mutant_corpus **ret_corpus);
void mutant_corpus_free(struct mutant_corpus *corpus);
size_t mutant_corpus_count(const struct mutant_corpus *corpus);

/* Writes the mutant with that number into bytes (MUTANT_MAX_BYTES). Returns its length. Numbers
 * below the count of the corpus give its messages as they are. */
size_t mutant_make(const struct mutant_corpus *corpus, uint64_t seed, uint64_t number, char *bytes);

#endif
