/* SPDX-License-Identifier: Apache-2.0 */
#include "app/intake.h"

#include "app/wire_parts.h"
#include "defence/input.h"
#include "sip/message.h"
#include "switchboard/switchboard.h"
#include "transport/transport.h"

enum {
	/* Some ten thousand requests; at the price of a refusal they are worked off in 0.1 s. */
	INTAKE_BYTES = 16 << 20,
	/* A turn's time for what is new: then the sockets are looked at again. */
	INTAKE_SLICE_US = 2000,
	INTAKE_SLICE_LEAST = 4, /* requests in a turn, however long the rest takes */
	/* What belongs to dialogs waits in the socket as long as this: it needs all there is. */
	INTAKE_BUSY_US = 5000,
};

int intake_build(struct wire *wire)
{
	int result = input_create(INTAKE_BYTES, &wire->input);

	return result == 0 ? 0 : wire_complain("intake", "cannot be created", result);
}

static void hand_over(struct wire *wire, const struct input_message *message, uint64_t waited_us)
{
	switchboard_receive_sip(wire->switchboard,
		&(const struct switchboard_message){
			.bytes = message->bytes,
			.length = message->length,
			.flow = &message->flow,
			.wait = {waited_us, intake_waits(wire)},
			.is_stream = message->is_stream,
		},
		wire_now(wire));
}

void intake_receive(void *context, struct transport_message *message)
{
	struct wire *wire = context;
	const struct input_message waiting = {
		.flow = message->flow,
		/* What waits in a stream's buffer waited for the last turn to end. */
		.waited_us = message->is_stream ? wire->turn_delay_us : message->queue_delay_us,
		.since_ns = td_mono_ns(),
		.length = message->length,
		.bytes = message->bytes,
		.is_stream = message->is_stream,
	};

	if (!sip_message_is_initial(message->bytes, message->length)) {
		wire->dialog_wait_us = waiting.waited_us;
		hand_over(wire, &waiting, waiting.waited_us);
	} else if (input_push(wire->input, &waiting) != 0) {
		wire->intake_dropped++; /* as if the network had lost it: it comes again */
	}
}

void intake_serve(struct wire *wire)
{
	uint64_t slice_us = wire->dialog_wait_us > INTAKE_BUSY_US ? 0 : INTAKE_SLICE_US;
	td_ns_t begin_ns = td_mono_ns();
	td_ns_t now_ns = begin_ns;
	struct input_message message;

	wire->dialog_wait_us = 0; /* of this turn */
	for (unsigned i = 0;
		i < INTAKE_SLICE_LEAST || td_since(now_ns, begin_ns) < slice_us * TD_NS_PER_US;
		i++) {
		if (!input_pop(wire->input, &message))
			return;
		hand_over(wire, &message,
			message.waited_us + td_since(now_ns, message.since_ns) / TD_NS_PER_US);
		now_ns = td_mono_ns();
	}
}

bool intake_waits(const struct wire *wire)
{
	return input_count(wire->input) != 0;
}
