/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated phones' doing: timers, requests, answers.
 */
#include "simulation/calls/agent.h"

#include "leg/reply.h"
#include "simulation/calls/agent_parts.h"

#include <tandem/time.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One thing a leg will do at a time. */
struct errand {
	struct agent_leg *leg;
	uint32_t generation;
	void (*run)(struct agent_leg *leg);
};

static void run_errand(void *context, uint64_t now_ms)
{
	struct errand *errand = context;

	(void)now_ms;
	if (errand->generation == errand->leg->generation)
		errand->run(errand->leg);
	free(errand);
}

void agent_later(struct agent_leg *leg, uint64_t delay_ms, void (*run)(struct agent_leg *leg))
{
	struct errand *errand = malloc(sizeof(*errand));

	assert(errand != NULL && "no memory for the test");
	*errand = (struct errand){leg, leg->generation, run};
	sim_net_at(leg->agent->net, sim_net_now_ms(leg->agent->net) + delay_ms, run_errand, errand);
}

struct span agent_body(struct agent_leg *leg, const char *direction, char *body, size_t size)
{
	char ip[TD_IP_TEXT_BYTES];
	int length;

	td_ip_format(&leg->agent->local.ip, ip);
	length = snprintf(body, size,
		"v=0\r\no=- %u %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		"m=audio %u RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n",
		leg->plan->number, ++leg->sdp_version, ip, ip,
		20000 + leg->plan->number % 10000 * 2, direction);
	return (struct span){body, (uint32_t)length};
}

void agent_over(struct agent_leg *leg)
{
	if (leg->state == AGENT_OVER)
		return;
	leg->state = AGENT_OVER;
	leg->over_ms = sim_net_now_ms(leg->agent->net);
	leg->generation++;
	leg->is_offer_pending = false;
	free(leg->request);
	leg->request = NULL;
}

static void finish_and_request(struct agent_leg *leg, struct sip_builder *builder, struct span body,
	transaction_id *ret_id)
{
	struct agent *agent = leg->agent;
	struct sip_flow flow = dialog_next_hop(&leg->dialog);
	const struct transaction_options options = {
		.flow = &flow, .user = (uint64_t)(leg - agent->legs) + 1};
	int length = sip_builder_finish(builder, SPAN("application/sdp"), body);

	assert(length > 0 && "request doesn't fit");
	if (transaction_request(agent->transactions,
		    (struct span){builder->bytes, (uint32_t)length}, &options,
		    sim_net_now_ms(agent->net), ret_id) != 0)
		abort();
}

void agent_acknowledge(struct agent_leg *leg, uint32_t cseq, struct span body)
{
	char bytes[4096];
	char branch[TRANSACTION_BRANCH_BYTES];
	struct sip_builder builder;
	struct sip_flow flow = dialog_next_hop(&leg->dialog);
	int length;

	transaction_branch(leg->agent->transactions, branch);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	dialog_build_request(&leg->dialog, &builder, SIP_METHOD_ACK, branch, cseq);
	length = sip_builder_finish(&builder, SPAN("application/sdp"), body);
	assert(length > 0 && "ACK doesn't fit");
	sim_net_send(leg->agent->net, leg->agent->node, &flow, bytes, (size_t)length);
}

void agent_hang_up(struct agent_leg *leg)
{
	char bytes[4096];
	char branch[TRANSACTION_BRANCH_BYTES];
	struct sip_builder builder;
	transaction_id id;

	if (leg->state != AGENT_UP)
		return;
	leg->state = AGENT_ENDING;
	leg->generation++;
	leg->over_ms = sim_net_now_ms(leg->agent->net);
	transaction_branch(leg->agent->transactions, branch);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	dialog_build_request(&leg->dialog, &builder, SIP_METHOD_BYE, branch, 0);
	finish_and_request(leg, &builder, SPAN(""), &id);
}

void agent_reinvite(struct agent_leg *leg)
{
	char bytes[4096];
	char text[1024];
	char branch[TRANSACTION_BRANCH_BYTES];
	struct sip_builder builder;

	if (leg->state != AGENT_UP || leg->is_offer_pending || leg->owes_ack_check)
		return;
	leg->is_held_by_us = !leg->is_held_by_us;
	leg->is_offer_pending = true;
	transaction_branch(leg->agent->transactions, branch);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	dialog_build_request(&leg->dialog, &builder, SIP_METHOD_INVITE, branch, 0);
	finish_and_request(leg, &builder,
		agent_body(leg, leg->is_held_by_us ? "sendonly" : "sendrecv", text, sizeof(text)),
		&leg->invite);
	leg->invite_cseq = leg->dialog.local_cseq;
}

static void reinvite_next(struct agent_leg *leg)
{
	if (leg->reinvites_left == 0)
		return;
	leg->reinvites_left--;
	agent_reinvite(leg);
	agent_later(leg, leg->plan->reinvite_ms, reinvite_next);
}

void agent_up(struct agent_leg *leg)
{
	const struct agent_plan *plan = leg->plan;

	leg->state = AGENT_UP;
	leg->was_up = true;
	leg->up_ms = sim_net_now_ms(leg->agent->net);
	leg->generation++;
	if (plan->hang_up_by == leg->agent->side || plan->hang_up_by == AGENT_SIDES)
		agent_later(leg, plan->talk_ms, agent_hang_up);
	leg->reinvites_left = plan->reinvites[leg->agent->side];
	if (leg->reinvites_left != 0)
		agent_later(leg, plan->reinvite_ms, reinvite_next);
}

static void cancel(struct agent_leg *leg)
{
	if (leg->state != AGENT_INVITING)
		return;
	if (transaction_cancel(leg->agent->transactions, leg->invite, SPAN(""),
		    sim_net_now_ms(leg->agent->net)) != 0)
		leg->agent->faults += 0; /* the final response has just come */
}

static void place_call(struct agent_leg *leg)
{
	struct agent *agent = leg->agent;
	const struct sip_flow flow = {
		.local = agent->local, .remote = agent->board, .transport = SIP_TRANSPORT_UDP};
	const struct transaction_options options = {
		.flow = &flow, .user = (uint64_t)(leg - agent->legs) + 1};
	char bytes[4096];
	char text[1024];
	char branch[TRANSACTION_BRANCH_BYTES];
	char contact[LEG_CONTACT_BYTES];
	char call_id[32];
	char uri[64];
	struct dialog_identity identity = {
		.heap = &agent->heap,
		.local_tag = span_from(leg->tag),
		.local_uri = SPAN("<sip:caller@10.1.0.1>"),
		.local_contact = leg_contact(&flow, SIP_SCHEME_SIP, contact),
	};
	struct leg_invite invite = {.dialog = &leg->dialog, .branch = branch, .max_forwards = 70};
	int length;

	(void)snprintf(call_id, sizeof(call_id), "call-%u", leg->plan->number);
	(void)snprintf(uri, sizeof(uri), "sip:%u@10.0.0.1", leg->plan->number);
	identity.call_id = span_from(call_id);
	identity.remote_target = span_from(uri);
	identity.remote_uri = span_from(uri);
	if (dialog_init_uac(&leg->dialog, &identity, 1, &flow) != 0)
		abort();
	leg->has_dialog = true;
	leg->invite_cseq = 1;
	leg->state = AGENT_INVITING;
	if (!leg->plan->is_offer_late)
		invite.body = agent_body(leg, "sendrecv", text, sizeof(text));
	transaction_branch(agent->transactions, branch);
	length = leg_build_invite(bytes, sizeof(bytes), &invite);
	assert(length > 0 && "INVITE doesn't fit");
	if (transaction_request(agent->transactions, (struct span){bytes, (uint32_t)length},
		    &options, sim_net_now_ms(agent->net), &leg->invite) != 0)
		abort();
	if (leg->plan->outcome == AGENT_CANCEL)
		agent_later(leg, leg->plan->cancel_ms, cancel);
}

/* --- node ----------------------------------------------------------------------------------- */

static void sink_send(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct agent *agent = context;

	sim_net_send(agent->net, agent->node, flow, bytes, length);
}

static void node_receive(
	void *context, const struct sip_flow *flow, char *bytes, size_t length, uint64_t now_ms)
{
	struct agent *agent = context;
	struct sip_message message;
	struct sip_parse_error error;
	struct agent_leg *leg;

	if (sip_message_parse(bytes, length, false, &message, &error) != 0) {
		(void)fprintf(stderr, "agent: malformed message: %s\n", error.reason);
		agent->faults++;
		return;
	}
	leg = sip_message_is_request(&message) ? agent_find_dialled(agent, &message) : NULL;
	if (leg != NULL && leg->plan->outcome == AGENT_SILENT && message.to.tag.length == 0)
		return;
	transaction_receive(agent->transactions, &message, flow, now_ms);
}

static uint64_t node_deadline(void *context)
{
	const struct agent *agent = context;

	return transaction_deadline(agent->transactions);
}

static void node_advance(void *context, uint64_t now_ms)
{
	struct agent *agent = context;

	transaction_advance(agent->transactions, now_ms);
}

struct agent *agent_create(struct sim_net *net, int side, const struct agent_plan *plans,
	uint32_t count, uint64_t seed)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	const struct sim_node node = {
		.name = side == AGENT_CALLER ? "caller" : "callee",
		.context = agent,
		.receive = node_receive,
		.deadline = node_deadline,
		.advance = node_advance,
	};
	const struct transaction_sink sink = {
		.context = agent, .send = sink_send, .indicate = agent_indicate};
	struct transaction_config config = {
		.t1_ms = 500,
		.t2_ms = 4000,
		.t4_ms = 5000,
		.timer_c_ms = 300000,
		.capacity = 20000,
	};

	if (agent == NULL)
		abort();
	agent->net = net;
	agent->side = side;
	agent->plans = plans;
	agent->count = count;
	agent->legs = calloc(count, sizeof(agent->legs[0]));
	assert(agent->legs != NULL && "no memory for the test");
	(void)td_ip_parse(side == AGENT_CALLER ? "10.1.0.1" : "10.2.0.1", 8, &agent->local.ip);
	agent->local.port = 5060;
	(void)td_ip_parse("10.0.0.1", 8, &agent->board.ip);
	agent->board.port = 5060;
	memcpy(config.seed, &seed, sizeof(seed));
	config.seed[15] = (uint8_t)side;
	if (transaction_table_create(&config, &sink, &agent->transactions) != 0)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		agent->legs[i].agent = agent;
		agent->legs[i].plan = &plans[i];
		(void)snprintf(agent->legs[i].tag, sizeof(agent->legs[i].tag), "%c%u",
			side == AGENT_CALLER ? 'a' : 'b', plans[i].number);
	}
	agent->node = sim_net_add_node(net, &node);
	if (agent->node < 0 || sim_net_listen(net, agent->node, &agent->local) != 0)
		abort();
	return agent;
}

void agent_destroy(struct agent *agent)
{
	if (agent == NULL)
		return;
	for (uint32_t i = 0; i < agent->count; i++) {
		free(agent->legs[i].request);
		dialog_fini(&agent->legs[i].dialog);
	}
	transaction_table_destroy(agent->transactions);
	free(agent->legs);
	free(agent);
}

void agent_start(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->count; i++)
		agent_later(&agent->legs[i], agent->plans[i].start_ms, place_call);
}

uint32_t agent_busy_legs(const struct agent *agent)
{
	uint32_t busy = 0;

	for (uint32_t i = 0; i < agent->count; i++) {
		const struct agent_leg *leg = &agent->legs[i];

		if (leg->state == AGENT_IDLE || leg->state == AGENT_OVER)
			continue;
		busy++;
		(void)fprintf(stderr, "%s's call %u is still in state %u (outcome %u)\n",
			agent->side == AGENT_CALLER ? "caller" : "callee", leg->plan->number,
			leg->state, leg->plan->outcome);
	}
	return busy;
}
