/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of forks.
 */
#include "call/fork.h"

#include <errno.h>
#include <string.h>

struct leg_fork *call_find_fork(const struct leg *leg, struct span remote_tag)
{
	for (struct leg_fork *fork = leg->forks; fork != NULL; fork = fork->next)
		if (span_equal(dialog_span(&fork->dialog, fork->dialog.remote_tag), remote_tag))
			return fork;
	return NULL;
}

unsigned call_count_forks(const struct leg *leg)
{
	unsigned count = 0;

	for (const struct leg_fork *fork = leg->forks; fork != NULL; fork = fork->next)
		count++;
	return count;
}

static void free_fork(struct call *call, struct leg_fork *fork)
{
	call_clear_negotiation(call, &fork->negotiation);
	dialog_fini(&fork->dialog);
	heap_free(call->heap, fork);
}

/* What the first INVITE says: each fork begins with it. */
static int begin_fork(struct call *call, const struct leg *leg, struct leg_fork *fork)
{
	struct sip_message invite;
	struct sip_parse_error error;
	int result;

	if (leg->invite == NULL || sip_message_parse(leg->invite->bytes, leg->invite->length, false,
					   &invite, &error) != 0)
		return -ENOENT;
	result =
		dialog_fork(&leg->dialog, invite.request_uri.text, leg->invite_cseq, &fork->dialog);
	if (result != 0)
		return result;
	fork->negotiation.state = NEGOTIATION_FIRST_SENT;
	return call_set_text(call, &fork->negotiation.local_sdp,
		&fork->negotiation.local_sdp_length, invite.body);
}

int call_add_fork(struct call *call, unsigned index)
{
	struct leg *leg = &call->legs[index];
	struct leg_fork *fork;
	int result;

	if (call_count_forks(leg) + 1 >= CALL_FORKS_MAX)
		return -ENOSPC;
	fork = heap_alloc(call->heap, sizeof(*fork));
	if (fork == NULL)
		return -ENOMEM;
	memset(fork, 0, sizeof(*fork));
	result = begin_fork(call, leg, fork);
	if (result != 0) {
		free_fork(call, fork);
		return result;
	}
	fork->next = leg->forks;
	leg->forks = fork;
	call_swap_fork(leg, fork);
	return 0;
}

void call_swap_fork(struct leg *leg, struct leg_fork *fork)
{
	const struct leg_fork former = {
		.next = fork->next,
		.peer_methods = leg->peer_methods,
		.dialog = leg->dialog,
		.negotiation = leg->negotiation,
	};

	leg->peer_methods = fork->peer_methods;
	leg->dialog = fork->dialog;
	leg->negotiation = fork->negotiation;
	*fork = former;
}

void call_drop_fork(struct call *call, unsigned index, struct leg_fork *fork)
{
	struct leg_fork **link = &call->legs[index].forks;

	while (*link != NULL && *link != fork)
		link = &(*link)->next;
	if (*link == NULL)
		return;
	*link = fork->next;
	free_fork(call, fork);
}

void call_drop_forks(struct call *call, unsigned index)
{
	struct leg *leg = &call->legs[index];

	while (leg->forks != NULL)
		call_drop_fork(call, index, leg->forks);
}
