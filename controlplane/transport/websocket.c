/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebSocket (RFC 6455) of subprotocol sip (RFC 7118): first the HTTP request, then frames, each
 * message of which is one SIP message. wslay cuts the frames, joins fragments up to a message's
 * greatest length, checks text and answers pings and close frames; the bytes go through the
 * connection's buffers as everything does.
 */
#include "sip/message.h"
#include "transport/transport_state.h"
#include "transport/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

enum {
	READS_PER_TURN = 16, /* of wslay's 4096 bytes */
	CRLF_BYTES = 2,
	FRAGMENT_BYTES = 64, /* what wslay and malloc take beside a fragment's own bytes */
};

struct websocket {
	wslay_event_context_ptr frames; /* owns */
	uint32_t reads;			/* in this turn */
	uint32_t counted_bytes;		/* of the message half received, in buffered_bytes */
	int error;			/* what ends the connection */
	bool has_delivered;		/* in this turn */
};

/* --- frames ----------------------------------------------------------------------------------- */

/* What came behind the HTTP request comes first. */
static ssize_t take_input(struct connection *connection, uint8_t *bytes, size_t size)
{
	struct buffer *input = &connection->input;
	uint32_t length = input->used - input->start;

	if (length > size)
		length = (uint32_t)size;
	memcpy(bytes, input->bytes + input->start, length);
	input->start += length;
	if (input->start == input->used)
		buffer_release(connection->transport, input);
	return (ssize_t)length;
}

static ssize_t read_bytes(
	wslay_event_context_ptr frames, uint8_t *bytes, size_t size, int flags, void *context)
{
	struct connection *connection = context;
	struct websocket *websocket = connection->websocket;
	ssize_t length = -EAGAIN;

	(void)flags;
	if (connection->is_detached) {
		websocket->error = -ESTALE;
		wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	if (connection->input.used != 0)
		return take_input(connection, bytes, size);
	if (websocket->reads++ < READS_PER_TURN || stream_has_pending(connection))
		length = stream_read(connection, bytes, size);
	if (length > 0) {
		connection->transport->counters.tcp_received_bytes += (uint64_t)length;
		return length;
	}
	websocket->error = length == -EAGAIN ? 0 : length == 0 ? -EPIPE : (int)length;
	wslay_event_set_error(
		frames, length == -EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t write_bytes(wslay_event_context_ptr frames, const uint8_t *bytes, size_t length,
	int flags, void *context)
{
	struct connection *connection = context;
	int error = output_put(connection, (const char *)bytes, length);

	(void)flags;
	if (error == 0)
		return (ssize_t)length;
	connection->websocket->error = error;
	wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static void uncount(struct connection *connection)
{
	connection->transport->buffered_bytes -= connection->websocket->counted_bytes;
	connection->websocket->counted_bytes = 0;
}

/* wslay keeps what has come of a message in memory of its own: it counts as ours. */
static void frame_begins(wslay_event_context_ptr frames,
	const struct wslay_event_on_frame_recv_start_arg *frame, void *context)
{
	struct connection *connection = context;
	struct transport *transport = connection->transport;
	struct websocket *websocket = connection->websocket;
	uint32_t bytes = (uint32_t)frame->payload_length + FRAGMENT_BYTES;

	if (connection->is_detached || frame->payload_length == 0 ||
		wslay_is_ctrl_frame(frame->opcode) || frame->payload_length > SIP_MESSAGE_MAX_BYTES)
		return; /* small, or refused by wslay */
	if (connection->state == CONNECTION_IDLE)
		connection_enter(connection, CONNECTION_PARTIAL);
	websocket->counted_bytes += bytes;
	transport->buffered_bytes += bytes;
	if (transport->buffered_bytes <= transport->config.buffers_max_bytes)
		return;
	transport->counters.tcp_buffers_full++;
	websocket->error = -ENOBUFS;
	wslay_event_shutdown_read(frames);
}

/* RFC 7118 6 lets CRLF keep-alives pass as messages. */
static bool answer_crlf(
	struct connection *connection, const struct wslay_event_on_msg_recv_arg *message)
{
	for (size_t i = 0; i < message->msg_length; i++)
		if (message->msg[i] != '\r' && message->msg[i] != '\n')
			return false;
	if (message->msg_length == 2 * CRLF_BYTES) {
		connection->transport->counters.ws_keepalives++;
		connection->websocket->error = websocket_send(connection, "\r\n", CRLF_BYTES);
	}
	return true;
}

static void message_received(wslay_event_context_ptr frames,
	const struct wslay_event_on_msg_recv_arg *message, void *context)
{
	struct connection *connection = context;
	struct websocket *websocket = connection->websocket;

	(void)frames;
	if (connection->is_detached)
		return;
	if (message->opcode == WSLAY_PONG)
		keepalive_answered(connection);
	if (wslay_is_ctrl_frame(message->opcode))
		return; /* wslay answers */
	uncount(connection);
	websocket->has_delivered = true;
	if (websocket->error != 0 || answer_crlf(connection, message))
		return;
	/* The memory is wslay's own copy, given up after this call: the parser may write to it. */
	if (connection_deliver(connection, (char *)message->msg, message->msg_length) != 0)
		websocket->error = -ESTALE;
}

static int open_frames(struct connection *connection)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = read_bytes,
		.send_callback = write_bytes,
		.on_frame_recv_start_callback = frame_begins,
		.on_msg_recv_callback = message_received,
	};
	struct websocket *websocket = calloc(1, sizeof(*websocket));

	if (websocket == NULL)
		return -ENOMEM;
	if (wslay_event_context_server_init(&websocket->frames, &callbacks, connection) != 0) {
		free(websocket);
		return -ENOMEM;
	}
	wslay_event_config_set_max_recv_msg_length(websocket->frames, SIP_MESSAGE_MAX_BYTES);
	connection->websocket = websocket;
	connection->transport->counters.ws_upgrades++;
	connection_enter(connection, CONNECTION_IDLE);
	keepalive_start(connection);
	return 0;
}

void websocket_destroy(struct connection *connection)
{
	if (connection->websocket == NULL)
		return;
	uncount(connection);
	wslay_event_context_free(connection->websocket->frames);
	free(connection->websocket);
	connection->websocket = NULL;
}

/* Lets out what is queued, all of it in as few writes as possible. */
static int send_frames(struct connection *connection)
{
	struct websocket *websocket = connection->websocket;
	int result;

	connection->is_corked = true;
	result = wslay_event_send(websocket->frames);
	connection->is_corked = false;
	if (result != 0 && websocket->error == 0)
		websocket->error = -ENOMEM;
	return websocket->error != 0 ? websocket->error : output_flush(connection);
}

/* UTF-8 may go as text, which browsers' scripts expect; anything else can't (RFC 7118 5). */
static bool is_utf8(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		uint8_t c = bytes[i++];
		unsigned more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		uint32_t code = more == 0 ? c : c & (0x3fu >> more);
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

		if (c >= 0xf5 || (c >= 0x80 && c < 0xc2) || more > length - i)
			return false;
		for (unsigned k = 0; k < more; k++, i++) {
			if ((bytes[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (bytes[i] & 0x3fu);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return false;
	}
	return true;
}

static int queue_message(
	struct connection *connection, uint8_t opcode, const void *bytes, size_t length)
{
	struct websocket *websocket = connection->websocket;
	const struct wslay_event_msg message = {
		.opcode = opcode, .msg = bytes, .msg_length = length};

	if (websocket == NULL)
		return -ENOTCONN; /* not yet open, or closing */
	if (wslay_event_queue_msg(websocket->frames, &message) != 0)
		return -EPIPE; /* closed from our side, or no memory */
	return send_frames(connection);
}

int websocket_send(struct connection *connection, const char *bytes, size_t length)
{
	return queue_message(connection,
		is_utf8((const uint8_t *)bytes, length) ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
		bytes, length);
}

int websocket_ping(struct connection *connection)
{
	return queue_message(connection, WSLAY_PING, "", 0);
}

/* --- the HTTP request ------------------------------------------------------------------------- */

static void count_refusal(struct transport_counters *counters, unsigned status)
{
	if (status == 403)
		counters->ws_refused_origin++;
	else if (status == 404)
		counters->ws_refused_path++;
	else
		counters->ws_refused_request++;
}

static int answer_request(struct connection *connection, int length, const struct upgrade *upgrade)
{
	char response[UPGRADE_RESPONSE_BYTES];
	size_t response_length = upgrade_respond(upgrade, response);
	int error;

	if (upgrade->status == 101) {
		connection->input.start = (uint32_t)length;
		if (connection->input.start == connection->input.used)
			buffer_release(connection->transport, &connection->input);
		error = open_frames(connection);
		return error == 0 ? output_put(connection, response, response_length) : error;
	}
	count_refusal(&connection->transport->counters, upgrade->status);
	error = output_put(connection, response, response_length);
	return error == 0 ? connection_close(connection) : error;
}

/* 0: read on as frames; -EAGAIN: not yet. */
static int read_request(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct buffer *input = &connection->input;
	struct upgrade upgrade;
	ssize_t length;
	int result = buffer_reserve(transport, input, UPGRADE_REQUEST_MAX_BYTES);

	if (result != 0)
		return result;
	length = stream_read(connection, input->bytes + input->used, input->size - input->used);
	if (length <= 0)
		return length == 0 ? -EPIPE : (int)length;
	transport->counters.tcp_received_bytes += (uint64_t)length;
	input->used += (uint32_t)length;
	result = upgrade_parse(input->bytes, input->used, &transport->config.websocket, &upgrade);
	if (result == 0)
		return input->used == input->size ? -EMSGSIZE : 0;
	result = answer_request(connection, result, &upgrade);
	return result == 0 && connection->state == CONNECTION_CLOSING ? -EAGAIN : result;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Nothing reaches this peer any more, and it has no other way to answer. */
static void note_end(struct connection *connection)
{
	const struct sip_flow flow = connection_flow(connection);

	transport_note_failure(connection->transport, &flow);
}

/* What wslay's reading has come to. Returns what ends the connection. */
static int judge(struct connection *connection, int result)
{
	struct websocket *websocket = connection->websocket;
	struct transport_counters *counters = &connection->transport->counters;
	int error = websocket->error;

	if (error != 0)
		return error;
	if (wslay_event_want_write(websocket->frames))
		error = send_frames(connection);
	if (error != 0)
		return error;
	if (result == 0 && wslay_event_want_read(websocket->frames))
		return 0;
	if (wslay_event_get_close_received(websocket->frames))
		counters->ws_closed++;
	else
		counters->ws_protocol_errors++; /* wslay has told the peer which */
	note_end(connection);
	return connection_close(connection);
}

static int read_frames(struct connection *connection)
{
	struct websocket *websocket = connection->websocket;
	int result;
	int error;

	websocket->reads = 0;
	websocket->has_delivered = false;
	connection->is_delivering = true; /* wslay's memory must outlive its own call */
	result = wslay_event_recv(websocket->frames);
	connection->is_delivering = false;
	if (connection->is_detached) {
		connection_free(connection);
		return -ESTALE;
	}
	error = judge(connection, result);
	if (error != 0)
		return error;
	if (connection->state == CONNECTION_PARTIAL && websocket->counted_bytes == 0)
		connection_enter(connection, CONNECTION_IDLE);
	else if (connection->state == CONNECTION_PARTIAL && websocket->has_delivered)
		connection_enter(connection, CONNECTION_PARTIAL);
	return 0;
}

int websocket_read(struct connection *connection)
{
	while (connection->state == CONNECTION_UPGRADE) {
		int error = read_request(connection);

		if (error != 0)
			return error == -EAGAIN ? 0 : error;
	}
	return connection->websocket != NULL ? read_frames(connection) : 0;
}
