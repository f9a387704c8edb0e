/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-calls: the SIP load generator. Reads what to do from the command line, runs one trial,
 * prints one JSON object a line; the last has the result. Exit status 0: the trial ran, whatever
 * came of its calls; 1: it could not run; 2: wrong arguments.
 */
#include "calls/swarm.h"

#include <tandem/time.h>

#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
	EXIT_USAGE = 2,
	T1_DEFAULT_MS = 500,
	T2_DEFAULT_MS = 4000,
	RING_DEFAULT_MS = 20,
	DRAIN_DEFAULT_S = 5,
	HELD_RATE_DEFAULT = 500,
	SIP_PORT = 5060,
};

static const char usage_text[] =
	"bench-calls --target IP[:PORT] --pair CALLER_IP[:PORT],CALLEE_IP[:PORT] ... [options]\n"
	"  --rate N          calls per second of the load, open loop\n"
	"  --seconds S       how long it lasts\n"
	"  --warmup S        calls of the first seconds don't enter the histograms\n"
	"  --hold S          from answer to BYE (1)\n"
	"  --ring MS         from 180 to 200 (20)\n"
	"  --held N          calls established before the load, hung up from its middle on\n"
	"  --held-rate N     how fast they are established\n"
	"  --wait            held calls stay until \"bye\" is read from the standard input\n"
	"  --drain S         wait for the last calls (5)\n"
	"  --poisson         random intervals instead of even ones\n"
	"  --no-repeats      no retransmissions\n"
	"  --t1 MS --t2 MS   timers of RFC 3261\n"
	"  --direct          callers reach callees without a system in between\n"
	"  --busy            poll instead of sleeping\n"
	"  --seed N, --first-id N\n";

enum option_id {
	OPTION_TARGET = 1,
	OPTION_PAIR,
	OPTION_RATE,
	OPTION_SECONDS,
	OPTION_WARMUP,
	OPTION_HOLD,
	OPTION_RING,
	OPTION_HELD,
	OPTION_HELD_RATE,
	OPTION_WAIT,
	OPTION_DRAIN,
	OPTION_POISSON,
	OPTION_NO_REPEATS,
	OPTION_T1,
	OPTION_T2,
	OPTION_DIRECT,
	OPTION_BUSY,
	OPTION_SEED,
	OPTION_FIRST_ID,
};

static const struct option options[] = {
	{"target", required_argument, NULL, OPTION_TARGET},
	{"pair", required_argument, NULL, OPTION_PAIR},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"seconds", required_argument, NULL, OPTION_SECONDS},
	{"warmup", required_argument, NULL, OPTION_WARMUP},
	{"hold", required_argument, NULL, OPTION_HOLD},
	{"ring", required_argument, NULL, OPTION_RING},
	{"held", required_argument, NULL, OPTION_HELD},
	{"held-rate", required_argument, NULL, OPTION_HELD_RATE},
	{"wait", no_argument, NULL, OPTION_WAIT},
	{"drain", required_argument, NULL, OPTION_DRAIN},
	{"poisson", no_argument, NULL, OPTION_POISSON},
	{"no-repeats", no_argument, NULL, OPTION_NO_REPEATS},
	{"t1", required_argument, NULL, OPTION_T1},
	{"t2", required_argument, NULL, OPTION_T2},
	{"direct", no_argument, NULL, OPTION_DIRECT},
	{"busy", no_argument, NULL, OPTION_BUSY},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"first-id", required_argument, NULL, OPTION_FIRST_ID},
	{NULL, 0, NULL, 0},
};

static bool read_endpoint(const char *text, size_t length, struct td_endpoint *ret_endpoint)
{
	const char *colon = memchr(text, ':', length);
	size_t ip_length = colon != NULL ? (size_t)(colon - text) : length;

	*ret_endpoint = (struct td_endpoint){.port = SIP_PORT};
	if (colon != NULL)
		ret_endpoint->port = (uint16_t)strtoul(colon + 1, NULL, 10);
	return td_ip_parse(text, ip_length, &ret_endpoint->ip) && ret_endpoint->port != 0;
}

static bool read_pair(const char *text, struct call_config *config)
{
	const char *comma = strchr(text, ',');
	struct call_pair *pair = &config->pairs[config->pair_count];

	if (comma == NULL || config->pair_count == CALL_PAIRS_MAX ||
		!read_endpoint(text, (size_t)(comma - text), &pair->ends[CALL_SIDE_CALLER]) ||
		!read_endpoint(comma + 1, strlen(comma + 1), &pair->ends[CALL_SIDE_CALLEE]))
		return false;
	for (unsigned side = 0; side < CALL_SIDES; side++) {
		(void)td_ip_format(&pair->ends[side].ip, pair->ip[side]);
		(void)td_endpoint_format(&pair->ends[side], pair->host[side]);
	}
	config->pair_count++;
	return true;
}

/* A number that isn't negative. */
static bool read_number(const char *text, double *ret_number)
{
	char *end;

	*ret_number = strtod(text, &end);
	return end != text && *end == '\0' && *ret_number >= 0 && isfinite(*ret_number);
}

static uint64_t ns_of_ms(double ms)
{
	return (uint64_t)(ms * TD_NS_PER_MS);
}

/* Options without a number. */
static bool read_word(struct swarm_plan *plan, enum option_id id, const char *text)
{
	switch ((int)id) {
	case OPTION_TARGET:
		if (!read_endpoint(text, strlen(text), &plan->target))
			return false;
		(void)td_endpoint_format(&plan->target, plan->calls.target_host);
		return true;
	case OPTION_PAIR:
		return read_pair(text, &plan->calls);
	case OPTION_WAIT:
		return plan->waits_for_command = true;
	case OPTION_POISSON:
		return plan->is_poisson = true;
	case OPTION_DIRECT:
		return plan->calls.is_direct = true;
	case OPTION_BUSY:
		return plan->is_busy = true;
	case OPTION_NO_REPEATS:
		plan->calls.has_retransmissions = false;
		return true;
	default:
		return false;
	}
}

static bool read_option(struct swarm_plan *plan, enum option_id id, const char *text)
{
	double number = 0;

	if (text == NULL || id == OPTION_TARGET || id == OPTION_PAIR)
		return read_word(plan, id, text);
	if (!read_number(text, &number))
		return false;
	switch ((int)id) {
	case OPTION_RATE:
		plan->rate_per_s = number;
		return true;
	case OPTION_SECONDS:
		plan->load_s = number;
		return true;
	case OPTION_WARMUP:
		plan->warmup_s = number;
		return true;
	case OPTION_HOLD:
		plan->hold_s = number;
		return true;
	case OPTION_RING:
		plan->calls.ring_ns = ns_of_ms(number);
		return true;
	case OPTION_HELD:
		plan->held_count = (uint32_t)number;
		return true;
	case OPTION_HELD_RATE:
		plan->held_rate_per_s = number;
		return number > 0;
	case OPTION_DRAIN:
		plan->drain_s = number;
		return true;
	case OPTION_T1:
		plan->calls.t1_ns = ns_of_ms(number);
		return number > 0;
	case OPTION_T2:
		plan->calls.t2_ns = ns_of_ms(number);
		return number > 0;
	case OPTION_SEED:
		plan->seed = (uint64_t)number;
		return true;
	case OPTION_FIRST_ID:
		plan->first_id = (uint32_t)number;
		return number <= UINT32_MAX;
	default:
		return false;
	}
}

static void print_histogram(const char *name, const struct histogram *histogram)
{
	static const double shares[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
	static const char *const names[] = {"p50", "p90", "p99", "p999", "p9999"};

	(void)printf(", \"%s\": {\"count\": %" PRIu64 ", \"mean_ms\": %.4f", name, histogram->count,
		histogram_mean(histogram) / TD_NS_PER_MS);
	for (size_t i = 0; i < TD_COUNT_OF(shares); i++)
		(void)printf(", \"%s_ms\": %.4f", names[i],
			(double)histogram_percentile(histogram, shares[i]) / TD_NS_PER_MS);
	(void)printf(", \"max_ms\": %.4f}", (double)histogram->max_ns / TD_NS_PER_MS);
}

static void print_failures(const char *name, const uint64_t failures[CALL_FAILURE_COUNT])
{
	bool needs_comma = false;

	(void)printf(", \"%s\": {", name);
	for (unsigned i = CALL_FAILURE_NONE + 1; i < CALL_FAILURE_COUNT; i++) {
		if (failures[i] == 0)
			continue;
		(void)printf("%s\"%s\": %" PRIu64, needs_comma ? ", " : "",
			call_failure_name((enum call_failure)i), failures[i]);
		needs_comma = true;
	}
	(void)printf("}");
}

static void print_histograms(const struct call_measures *measures)
{
	struct histogram *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return;
	for (unsigned i = 0; i < CALL_CROSSING_COUNT; i++) {
		char name[32];

		histogram_merge(all, &measures->added[i]);
		(void)snprintf(
			name, sizeof(name), "added_%s", call_crossing_name((enum call_crossing)i));
		print_histogram(name, &measures->added[i]);
	}
	print_histogram("added", all);
	print_histogram("trying", &measures->trying);
	print_histogram("ringing", &measures->ringing);
	print_histogram("setup", &measures->setup);
	print_histogram("bye", &measures->bye);
	print_histogram("lag", &measures->lag);
	free(all);
}

static void print_result(const struct swarm *swarm)
{
	struct swarm_result result = swarm_result(swarm);
	const struct call_measures *measures = &swarm->measures;
	struct rusage usage = {0};

	(void)getrusage(RUSAGE_SELF, &usage); /* can't fail */
	(void)printf("{\"event\": \"result\"");
#define MAIN_PRINT_COUNT(name, help) (void)printf(", \"%s\": %" PRIu64, #name, result.name);
	SWARM_COUNTS(MAIN_PRINT_COUNT)
#undef MAIN_PRINT_COUNT
#define MAIN_PRINT_COUNTER(name, help) (void)printf(", \"%s\": %" PRIu64, #name, measures->name);
	CALL_COUNTERS(MAIN_PRINT_COUNTER)
#undef MAIN_PRINT_COUNTER
	print_failures("failures", result.failures);
	print_failures("held_failures", result.held_failures);
	(void)printf(", \"send_failures\": %" PRIu64 ", \"receive_drops\": %" PRIu64,
		swarm->sockets.send_failures, sockets_drops(&swarm->sockets));
	(void)printf(", \"load_started_s\": %.3f, \"ran_s\": %.3f, \"generator_cpu_s\": %.3f",
		(double)td_since(swarm->load_ns, swarm->start_ns) / TD_NS_PER_S,
		(double)td_since(td_mono_ns(), swarm->start_ns) / TD_NS_PER_S,
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	print_histograms(measures);
	(void)printf("}\n");
}

int main(int argc, char *argv[])
{
	struct swarm_plan plan = {
		.calls = {.t1_ns = ns_of_ms(T1_DEFAULT_MS),
			.t2_ns = ns_of_ms(T2_DEFAULT_MS),
			.ring_ns = ns_of_ms(RING_DEFAULT_MS),
			.has_retransmissions = true},
		.hold_s = 1,
		.drain_s = DRAIN_DEFAULT_S,
		.held_rate_per_s = HELD_RATE_DEFAULT,
		.seed = 1,
		.first_id = 1,
	};
	struct swarm *swarm = NULL;
	const char *what = "";
	int id;
	int error;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (id == '?' || !read_option(&plan, (enum option_id)id, optarg)) {
			(void)fputs(usage_text, stderr);
			return EXIT_USAGE;
		}
	}
	if (plan.calls.pair_count == 0 || plan.target.port == 0 ||
		(plan.held_count == 0 && plan.rate_per_s * plan.load_s < 1)) {
		(void)fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* wake up when asked, not 50 us later */
	error = swarm_create(&plan, &swarm, &what);
	if (error != 0) {
		(void)fprintf(stderr, "bench-calls: %s: %s\n", what, strerror(-error));
		return EXIT_FAILURE;
	}
	swarm_run(swarm);
	print_result(swarm);
	swarm_destroy(swarm);
	return EXIT_SUCCESS;
}
