/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our parser against libre's, oSIP's and Sofia's: what one takes and another refuses must have an
 * explanation (explanation.c). Arguments: the directory of the messages; then, if given, how many
 * mutants of them and the seed. TANDEM_MUTANTS in the environment says how many too.
 */
#include "differential/culprit.h"
#include "differential/explanation.h"
#include "differential/mutant.h"
#include "differential/oracle.h"
#include "sip/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MUTANTS_DEFAULT = 100000,
	DIFFERENCES_MAX = 512,
	SHOWN_BYTES = 200,
	SEED_DEFAULT = 1,
};

/* One kind of difference, and how often it was met. */
struct difference {
	const char *oracle;
	bool is_ours; /* we are the one that refuses */
	char part[CULPRIT_NAME_BYTES];
	const char *why; /* NULL: unexplained */
	uint64_t count;
};

struct tally {
	uint64_t messages;
	uint64_t accepted;
	uint64_t differences;
	uint64_t unexplained;
	size_t kind_count;
	struct difference kinds[DIFFERENCES_MAX];
};

static const struct oracle *const oracles[] = {&oracle_libre, &oracle_osip, &oracle_sofia};
static struct tally tally;

static struct difference *find_kind(const char *oracle, bool is_ours, const char *part)
{
	struct difference *kind = tally.kinds;

	for (; kind < tally.kinds + tally.kind_count; kind++)
		if (kind->oracle == oracle && kind->is_ours == is_ours &&
			strcmp(kind->part, part) == 0)
			return kind;
	if (tally.kind_count == DIFFERENCES_MAX)
		return NULL;
	tally.kind_count++;
	*kind = (struct difference){.oracle = oracle, .is_ours = is_ours};
	(void)snprintf(kind->part, sizeof(kind->part), "%s", part);
	kind->why =
		is_ours ? explanation_of_refusal(part) : explanation_of_acceptance(oracle, part);
	return kind;
}

static void count(const char *oracle, bool is_ours, const char *part, struct span where)
{
	struct difference *kind = find_kind(oracle, is_ours, part);

	tally.differences++;
	if (kind != NULL)
		kind->count++;
	if (kind != NULL && kind->why != NULL)
		return;
	tally.unexplained++;
	if (kind == NULL || kind->count == 1)
		printf("unexplained, message %llu: %s %s: %s\n  [%.*s]\n",
			(unsigned long long)tally.messages, oracle,
			is_ours ? "takes what we refuse" : "refuses what we take", part,
			(int)(where.length < SHOWN_BYTES ? where.length : SHOWN_BYTES), where.text);
}

static void compare(const char *bytes, size_t length)
{
	static struct sip_message message;
	char copy[MUTANT_MAX_BYTES];
	struct sip_parse_error error;
	bool is_good;

	memcpy(copy, bytes, length);
	is_good = sip_message_parse(copy, length, false, &message, &error) == 0;
	tally.accepted += is_good;
	for (size_t i = 0; i < TD_COUNT_OF(oracles); i++) {
		struct culprit culprit;

		if (oracles[i]->accepts(bytes, length) == is_good)
			continue;
		if (!is_good) {
			count(oracles[i]->name, true, error.reason,
				(struct span){bytes, (uint32_t)length});
			continue;
		}
		culprit_find(oracles[i], bytes, length, &culprit);
		count(oracles[i]->name, false, culprit.name,
			(struct span){bytes + culprit.start, (uint32_t)culprit.length});
	}
	tally.messages++;
}

static void tell(void)
{
	printf("%llu messages, %llu taken by us, %llu differences of %zu kinds, %llu unexplained\n",
		(unsigned long long)tally.messages, (unsigned long long)tally.accepted,
		(unsigned long long)tally.differences, tally.kind_count,
		(unsigned long long)tally.unexplained);
	for (size_t i = 0; i < tally.kind_count; i++)
		printf("%8llu  %s %s: %s (%s)\n", (unsigned long long)tally.kinds[i].count,
			tally.kinds[i].oracle,
			tally.kinds[i].is_ours ? "takes what we refuse" : "refuses what we take",
			tally.kinds[i].part,
			tally.kinds[i].why != NULL ? tally.kinds[i].why : "UNEXPLAINED");
}

int main(int argument_count, char **arguments)
{
	const char *wanted = argument_count > 2 ? arguments[2] : getenv("TANDEM_MUTANTS");
	uint64_t mutants = wanted != NULL ? strtoull(wanted, NULL, 10) : MUTANTS_DEFAULT;
	uint64_t seed = argument_count > 3 ? strtoull(arguments[3], NULL, 0) : SEED_DEFAULT;
	static char bytes[MUTANT_MAX_BYTES];
	struct mutant_corpus *corpus;

	if (argument_count < 2 || mutant_corpus_load(arguments[1], &corpus) != 0) {
		(void)fprintf(stderr, "usage: %s DIRECTORY [MUTANTS [SEED]]\n", arguments[0]);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < TD_COUNT_OF(oracles); i++)
		if (!oracles[i]->begin())
			return EXIT_FAILURE;
	for (uint64_t number = 0; number < mutants; number++)
		compare(bytes, mutant_make(corpus, seed, number, bytes));
	mutant_corpus_free(corpus);
	tell();
	return tally.unexplained == 0 && tally.messages != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
