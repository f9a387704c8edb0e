/* SPDX-License-Identifier: Apache-2.0 */
/* What callers and callees say, and what they make of what they hear: everything that the server
 * sends is heard at once, the way takes its time on the way back. */
#include "simulation/overload/crowd_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void caller_hears(
	struct crowd *crowd, uint32_t number, unsigned status, bool is_bye, const char *message)
{
	struct one *one = &crowd->ones[number];
	const char *tag = strstr(message, "\r\nTo: ");

	if (is_bye) {
		if (one->state == CALLER_ENDING) {
			one->state = CALLER_DONE;
			crowd->result->finished++;
			if (crowd->now_us >= crowd->plan->warm_up_s * 1000000ull &&
				crowd->now_us < crowd->plan->seconds * 1000000ull)
				crowd->result->finished_warm++;
		}
		return;
	}
	if (status < 200) {
		if (one->state == CALLER_INVITING)
			one->state = CALLER_PROCEEDING;
		return;
	}
	tag = strstr(tag, ";tag=");
	(void)snprintf(one->tag, sizeof(one->tag), "%.*s", (int)strcspn(tag + 5, "\r"), tag + 5);
	if (status >= 300) {
		crowd->result->wrong_answers += one->state > CALLER_PROCEEDING && !one->was_refused;
		if (one->state <= CALLER_PROCEEDING) {
			one->state = CALLER_DONE;
			one->was_refused = true;
			crowd->result->refused++;
			crowd->result->emergencies_refused += one->is_emergency;
			crowd->result->phantoms += one->has_rung;
		}
		crowd_send(crowd, NET_US, CALLER_REFUSAL_ACK, number);
		return;
	}
	if (one->state <= CALLER_PROCEEDING) {
		one->state = CALLER_UP;
		crowd->result->established++;
		crowd_schedule(crowd, crowd->plan->talk_ms * 1000ull, CALLER_HANGS_UP, number, 0);
	}
	crowd_send(crowd, NET_US, CALLER_ACK, number);
}

static void keep(char **head, const char *message)
{
	free(*head);
	*head = strdup(message);
	assert(*head != NULL && "no memory for the test");
}

static void callee_hears(struct crowd *crowd, uint32_t number, const char *message)
{
	struct one *one = &crowd->ones[number];

	if (strncmp(message, "INVITE ", 7) == 0) {
		if (one->invite == NULL) {
			keep(&one->invite, message);
			one->has_rung = true;
			crowd->result->phantoms += one->was_refused;
			crowd_send(crowd, NET_US, CALLEE_180, number);
			crowd_schedule(crowd, 2 * NET_US, CALLEE_REPEATS_200, number, T1_US);
		} else {
			crowd_send(crowd, NET_US, CALLEE_180, number);
		}
	} else if (strncmp(message, "ACK ", 4) == 0) {
		one->is_callee_acked = true;
	} else if (strncmp(message, "BYE ", 4) == 0) {
		keep(&one->bye, message);
		one->is_callee_over = true;
		crowd_send(crowd, NET_US, CALLEE_BYE_200, number);
	}
}

static uint32_t number_after(const char *message, const char *mark)
{
	const char *at = strstr(message, mark);
	uint32_t number = at == NULL ? 0 : (uint32_t)strtoul(at + strlen(mark), NULL, 10);

	assert(number >= NUMBER_BASE && "a message of nobody");
	return number - NUMBER_BASE;
}

void crowd_hear(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct crowd *crowd = context;
	char message[4 * TEXT_BYTES];
	bool is_response = length > 12 && memcmp(bytes, "SIP/2.0 ", 8) == 0;

	(void)snprintf(message, sizeof(message), "%.*s", (int)length, bytes);
	crowd->has_refused =
		crowd->has_refused || (is_response && memcmp(bytes + 8, "503", 3) == 0);
	if (crowd_random(crowd) % 1000000 < crowd->plan->loss_ppm)
		return;
	if (flow->remote.ip.bytes[1] == 2)
		callee_hears(crowd, number_after(message, "\r\nFrom: <sip:"), message);
	else if (is_response)
		caller_hears(crowd, number_after(message, "Call-ID: "),
			(unsigned)strtoul(message + 8, NULL, 10),
			strstr(message, "\r\nCSeq: 2 BYE") != NULL, message);
}

#define CROWD_SDP                                                                        \
	"Content-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\n" \
	"c=IN IP4 10.1.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"

static void write_request(const struct crowd *crowd, uint32_t number, const char *method,
	const char *branch, char text[TEXT_BYTES])
{
	const struct one *one = &crowd->ones[number];
	bool is_invite = method[0] == 'I';
	char called[16];

	(void)snprintf(called, sizeof(called), "%u", NUMBER_BASE + number);
	(void)snprintf(text, TEXT_BYTES,
		"%s sip:%s@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK%s%u;rport\r\n"
		"From: <sip:%u@10.1.0.1>;tag=f%u\r\nTo: <sip:%s@10.0.0.1>%s%s\r\n"
		"Call-ID: %u\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:10.1.0.1>\r\n%s",
		method, one->is_emergency ? "112" : called, branch, number, NUMBER_BASE + number,
		number, called, is_invite ? "" : ";tag=", is_invite ? "" : one->tag,
		NUMBER_BASE + number, method[0] == 'B' ? 2u : 1u, method,
		is_invite ? CROWD_SDP : "\r\n");
}

/* The value of a header in a message of ours. */
static const char *value_of(const char *message, const char *name, char value[HEAD_BYTES])
{
	const char *at = strstr(message, name);

	assert(at != NULL && "no such header");
	(void)snprintf(value, HEAD_BYTES, "%.*s", (int)strcspn(at + strlen(name), "\r"),
		at + strlen(name));
	return value;
}

static void write_response(
	uint32_t number, const char *request, unsigned status, char text[TEXT_BYTES])
{
	char via[HEAD_BYTES];
	char from[HEAD_BYTES];
	char to[HEAD_BYTES];
	char call_id[HEAD_BYTES];
	char cseq[HEAD_BYTES];
	bool is_invite = request[0] == 'I';

	(void)value_of(request, "\r\nTo: ", to);
	(void)snprintf(text, TEXT_BYTES,
		"SIP/2.0 %u X\r\nVia: %.200s\r\nFrom: %.200s\r\nTo: %.200s%s\r\nCall-ID: %.100s\r\n"
		"CSeq: %.40s\r\nContact: <sip:%u@10.2.0.1>\r\n%s",
		status, value_of(request, "\r\nVia: ", via), value_of(request, "\r\nFrom: ", from),
		to, is_invite ? ";tag=t" : "", value_of(request, "\r\nCall-ID: ", call_id),
		value_of(request, "\r\nCSeq: ", cseq), NUMBER_BASE + number,
		is_invite && status == 200 ? CROWD_SDP : "\r\n");
}

void crowd_write(const struct crowd *crowd, const struct waiting *waiting, char text[TEXT_BYTES])
{
	const struct one *one = &crowd->ones[waiting->one];

	switch ((int)waiting->kind) {
	case CALLER_INVITE:
		write_request(crowd, waiting->one, "INVITE", "i", text);
		break;
	case CALLER_ACK:
		write_request(crowd, waiting->one, "ACK", "a", text);
		break;
	case CALLER_REFUSAL_ACK: /* the INVITE's branch (RFC 3261 17.1.1.3) */
		write_request(crowd, waiting->one, "ACK", "i", text);
		break;
	case CALLER_BYE:
		write_request(crowd, waiting->one, "BYE", "b", text);
		break;
	case CALLEE_180:
		write_response(waiting->one, one->invite, 180, text);
		break;
	case CALLEE_200:
		write_response(waiting->one, one->invite, 200, text);
		break;
	case CALLEE_BYE_200:
	default:
		write_response(waiting->one, one->bye, 200, text);
		break;
	}
}
