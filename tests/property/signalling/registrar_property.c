/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registrar against a naive one: random REGISTER requests of one user, in and out of order,
 * copies, time and restarts give the same statuses and the same bindings. The argument, if given,
 * is the seed to repeat.
 */
#include "config/config.h"
#include "registrar/registrar.h"
#include "sip/contact.h"

#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUNS = 300,
	STEPS = 400,
	CONTACTS = 6,
	CALLS = 3,
	PER_USER = 4,
	MIN_S = 60,
	MAX_S = 7200,
	DEFAULT_S = 600,
	UNSET = -1,
	STAR = -2,
};

struct wish {
	int contact; /* or STAR */
	int expires_s;
	int q_permille;
};

struct request {
	int call;
	uint32_t cseq;
	int header_s; /* Expires */
	unsigned count;
	struct wish wishes[CONTACTS];
};

struct entry {
	bool is_used;
	int call;
	int q_permille;
	uint32_t cseq;
	uint64_t expires_ms;
	uint64_t sequence;
};

static struct {
	struct entry entries[CONTACTS];
	uint64_t sequence;
	uint64_t last_ms; /* 0: none */
	int last_call;
	uint32_t last_cseq;
} model;

static uint64_t seed;
static uint64_t random_state;
static struct td_now now;
static struct config *config;
static struct registrar *registrar;
static struct registrar_user *user;
static uint8_t record[REGISTRAR_RECORD_BYTES];
static size_t record_length;

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

static void fail(const char *what)
{
	(void)fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, what);
	abort();
}

static void tell(void *context, enum registrar_event event, const struct registrar_binding *binding)
{
	(void)context;
	(void)event;
	(void)binding;
}

static void keep(void *context, const struct registrar_user *whose)
{
	(void)context;
	record_length = 0;
	if (registrar_user_binding_count(whose) != 0 &&
		registrar_record_write(whose, now, record, sizeof(record), &record_length) != 0)
		fail("record doesn't fit");
}

/* ---- the naive registrar ---- */

static void model_expire(void)
{
	for (int i = 0; i < CONTACTS; i++)
		if (model.entries[i].expires_ms <= now.mono_ms)
			model.entries[i].is_used = false;
}

static unsigned model_count(void)
{
	unsigned count = 0;

	for (int i = 0; i < CONTACTS; i++)
		count += model.entries[i].is_used;
	return count;
}

static int wanted_s(const struct request *request, unsigned at)
{
	int expires_s = request->wishes[at].expires_s != UNSET ? request->wishes[at].expires_s
			: request->header_s != UNSET	       ? request->header_s
							       : DEFAULT_S;

	return expires_s > MAX_S ? MAX_S : expires_s;
}

static bool is_older(const struct request *request, const struct entry *entry)
{
	return entry->is_used && entry->call == request->call && request->cseq < entry->cseq;
}

static unsigned model_star(const struct request *request)
{
	if (request->count != 1 || request->header_s != 0)
		return 400;
	for (int i = 0; i < CONTACTS; i++)
		if (is_older(request, &model.entries[i]))
			return 500;
	return 200;
}

static unsigned model_judge(const struct request *request)
{
	if (request->count != 0 && request->wishes[0].contact == STAR)
		return model_star(request);
	for (unsigned i = 0; i < request->count; i++) {
		int expires_s = wanted_s(request, i);

		if (i == PER_USER)
			return 400;
		if (expires_s != 0 && expires_s < MIN_S)
			return 423;
		if (is_older(request, &model.entries[request->wishes[i].contact]))
			return 500;
	}
	return 200;
}

static void model_evict(const struct request *request)
{
	struct entry *stale = NULL;

	for (int i = 0; i < CONTACTS; i++) {
		bool is_wanted = false;

		for (unsigned j = 0; j < request->count; j++)
			is_wanted = is_wanted || request->wishes[j].contact == i;
		if (model.entries[i].is_used && !is_wanted &&
			(stale == NULL || model.entries[i].sequence < stale->sequence))
			stale = &model.entries[i];
	}
	if (stale == NULL)
		fail("nothing to evict");
	stale->is_used = false;
}

static void model_apply(const struct request *request, unsigned at)
{
	struct entry *entry = &model.entries[request->wishes[at].contact];
	int expires_s = wanted_s(request, at);

	if (entry->is_used && entry->call == request->call && entry->cseq == request->cseq)
		return;
	if (!entry->is_used && model_count() == PER_USER)
		model_evict(request);
	*entry = (struct entry){
		.is_used = true,
		.call = request->call,
		.cseq = request->cseq,
		.q_permille = request->wishes[at].q_permille,
		.expires_ms = now.mono_ms + (uint64_t)expires_s * TD_MS_PER_S,
		.sequence = ++model.sequence,
	};
}

static void model_carry_out(const struct request *request)
{
	for (unsigned i = 0; i < request->count; i++) {
		struct entry *entry = &model.entries[request->wishes[i].contact];
		bool is_done = entry->call == request->call && entry->cseq == request->cseq;

		if (wanted_s(request, i) == 0 && !is_done)
			entry->is_used = false;
	}
	for (unsigned i = 0; i < request->count; i++)
		if (wanted_s(request, i) != 0)
			model_apply(request, i);
}

static unsigned model_register(const struct request *request)
{
	bool is_same_call = model.last_ms != 0 && model.last_call == request->call &&
			    now.mono_ms - model.last_ms <= REGISTRAR_REPEAT_MS;
	unsigned status;

	if (is_same_call && request->cseq < model.last_cseq)
		return 500;
	status = model_judge(request);
	if ((is_same_call && request->cseq == model.last_cseq) || status != 200)
		return status;
	if (request->count == 0)
		return 200;
	if (request->wishes[0].contact == STAR)
		memset(model.entries, 0, sizeof(model.entries));
	else
		model_carry_out(request);
	model.last_call = request->call;
	model.last_cseq = request->cseq;
	model.last_ms = now.mono_ms;
	return 200;
}

/* ---- the real one ---- */

static void start(void)
{
	const struct registrar_setup setup = {
		.capacity = 16, .seed = {7}, .sink = {NULL, tell, keep}};

	registrar_destroy(registrar);
	if (registrar_create(&setup, now.mono_ms, &registrar) != 0 ||
		registrar_configure(registrar, config) != 0)
		abort();
	user = registrar_find(registrar, "p", SPAN("alice"));
}

static unsigned real_register(const struct request *request)
{
	static char text[8192];
	struct registrar_verdict verdict;
	struct sip_message message;
	struct sip_parse_error error;
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	int used = snprintf(text, sizeof(text),
		"REGISTER sip:t SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@t>;tag="
		"f\r\nTo: <sip:a@t>\r\nCall-ID: %d\r\nCSeq: %u REGISTER\r\n",
		request->call, request->cseq);

	if (request->header_s != UNSET)
		used += sprintf(text + used, "Expires: %d\r\n", request->header_s);
	for (unsigned i = 0; i < request->count; i++) {
		const struct wish *wish = &request->wishes[i];

		if (wish->contact == STAR) {
			used += sprintf(text + used, "Contact: *\r\n");
			continue;
		}
		used += sprintf(text + used, "Contact: <sip:%d@h>;q=%d.%03d", wish->contact,
			wish->q_permille / 1000, wish->q_permille % 1000);
		if (wish->expires_s != UNSET)
			used += sprintf(text + used, ";expires=%d", wish->expires_s);
		used += sprintf(text + used, "\r\n");
	}
	used += sprintf(text + used, "\r\n");
	if (sip_message_parse(text, (size_t)used, false, &message, &error) != 0)
		fail(error.reason);
	registrar_register(registrar, user,
		&(const struct registrar_request){
			&message, &flow, &config->trunks[0].bindings, now},
		&verdict);
	return verdict.status;
}

static void compare(void)
{
	struct registrar_target target;
	uint32_t tried = 0;
	unsigned count = 0;
	const struct entry *before = NULL;

	while (registrar_choose(user, tried, &target) == 0) {
		const struct entry *entry = &model.entries[target.uri.text[4] - '0'];

		tried |= 1u << target.slot;
		count++;
		if (!entry->is_used)
			fail("a binding too many");
		if (before != NULL && (before->q_permille < entry->q_permille ||
					      (before->q_permille == entry->q_permille &&
						      before->sequence < entry->sequence)))
			fail("order of preference");
		before = entry;
	}
	if (count != model_count())
		fail("a binding too few");
}

static void random_request(struct request *request, uint32_t cseqs[CALLS])
{
	static const int times_s[] = {UNSET, UNSET, 0, 30, 60, 600, 9000};
	unsigned first = (unsigned)random_below(CONTACTS);

	request->call = (int)random_below(CALLS);
	request->cseq = ++cseqs[request->call];
	if (random_below(8) == 0)
		request->cseq -= (uint32_t)random_below(3);
	request->header_s = times_s[random_below(TD_COUNT_OF(times_s))];
	request->count = (unsigned)random_below(random_below(10) == 0 ? CONTACTS : 4);
	for (unsigned i = 0; i < request->count; i++)
		request->wishes[i] = (struct wish){
			.contact = (int)((first + i) % CONTACTS),
			.expires_s = times_s[random_below(TD_COUNT_OF(times_s))],
			.q_permille = (int)random_below(3) * 500,
		};
	if (random_below(12) == 0) {
		request->count = 1;
		request->wishes[0].contact = STAR;
	}
}

static void pass_time(void)
{
	static const uint64_t waits_ms[] = {0, 0, 100, 1000, 20000, 40000, 300000, 7200000};
	uint64_t wait_ms = random_below(waits_ms[random_below(TD_COUNT_OF(waits_ms))] + 1);

	now.mono_ms += wait_ms;
	now.wall_ns += wait_ms * TD_NS_PER_MS;
	registrar_advance(registrar, now.mono_ms);
	model_expire();
}

static void restart(void)
{
	static uint8_t copy[REGISTRAR_RECORD_BYTES];
	size_t length = record_length;

	memcpy(copy, record, length);
	start();
	if (length != 0 && registrar_record_read(registrar, copy, length, now) != 0)
		fail("the record can't be read back");
	model.last_ms = 0;
}

static void run(void)
{
	uint32_t cseqs[CALLS] = {10, 10, 10};
	struct request request = {.count = 0};

	memset(&model, 0, sizeof(model));
	record_length = 0;
	start();
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned status;
		unsigned expected;

		if (step == 0 || random_below(6) != 0) /* else a copy of the last one */
			random_request(&request, cseqs);
		status = real_register(&request);
		expected = model_register(&request);

		if (status != expected) {
			(void)fprintf(stderr, "step %u: %u, expected %u\n", step, status, expected);
			fail("status");
		}
		compare();
		pass_time();
		compare();
		if (random_below(20) == 0)
			restart();
		compare();
	}
}

int main(int argc, char **argv)
{
	static const char text[] =
		"node: t\nsip: {listen: [{address: 10.0.0.1}]}\nmedia: {addresses: [10.0.0.1]}\n"
		"dataplane: {ports: [{device: net_null0}]}\n"
		"trunks: [{name: p, registrar: true, users: [{username: alice, password: a}], "
		"bindings: {max_per_user: 4, expires_s: 600}}]\n";
	struct config_errors errors;

	if (config_load_text(text, sizeof(text) - 1, "t", &config, &errors) != 0)
		return EXIT_FAILURE;
	for (uint64_t i = 0; i < RUNS; i++) {
		seed = argc > 1 ? strtoull(argv[1], NULL, 0) : i + 1;
		random_state = seed * 0x9e3779b97f4a7c15ull;
		now = (struct td_now){1000000, 1767225600000000000ull};
		run();
		if (argc > 1)
			break;
	}
	registrar_destroy(registrar);
	config_destroy(config);
	return EXIT_SUCCESS;
}
