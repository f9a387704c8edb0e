/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 3261 8.2.1 to 8.2.3 in the order that the RFC gives, then the hop count.
 */
#include "leg/screen.h"

#include "leg/options.h"

bool leg_has_sdp(const struct sip_message *message)
{
	return message->body.length != 0 && span_is(message->content_type, "application/sdp");
}

/* Names the option tags that the request insists on and that we don't know (RFC 3261 20.32). */
static void screen_require(const struct sip_message *request, struct leg_screening *screening)
{
	if (!leg_options_unknown(request, SIP_HEADER_REQUIRE, screening->options,
		    screening->unsupported, sizeof(screening->unsupported)))
		return;
	screening->status = 420;
	screening->reason = "extension isn't supported";
}

static void screen_body(const struct sip_message *request, struct leg_screening *screening)
{
	const struct sip_header *encoding = sip_message_find(request, SIP_HEADER_CONTENT_ENCODING);

	if (request->body.length == 0)
		return;
	if (leg_has_sdp(request) && (encoding == NULL || span_is(encoding->value, "identity")))
		return;
	screening->status = 415;
	screening->reason = "body isn't a plain session description";
	screening->has_accept = true;
}

static void screen_method(
	const struct sip_message *request, bool is_in_dialog, struct leg_screening *screening)
{
	switch (request->method) {
	case SIP_METHOD_INVITE:
	case SIP_METHOD_OPTIONS:
	case SIP_METHOD_ACK:
	case SIP_METHOD_BYE:
	case SIP_METHOD_CANCEL:
		return;
	case SIP_METHOD_PRACK:
	case SIP_METHOD_UPDATE:
	case SIP_METHOD_INFO:
		if (is_in_dialog)
			return;
		screening->status = 481;
		screening->reason = "the request belongs to no dialog of ours";
		return;
	case SIP_METHOD_NOTIFY:
	case SIP_METHOD_REFER:
	case SIP_METHOD_SUBSCRIBE:
	case SIP_METHOD_MESSAGE:
	case SIP_METHOD_REGISTER:
	case SIP_METHOD_PUBLISH:
		screening->status = 405;
		break;
	case SIP_METHOD_OTHER:
	case SIP_METHOD_COUNT:
	default:
		screening->status = 501;
		break;
	}
	screening->reason = "method isn't offered";
	screening->has_allow = true;
}

void leg_screen_initial(
	const struct sip_message *request, uint32_t options, struct leg_screening *ret_screening)
{
	*ret_screening = (struct leg_screening){.options = options};
	screen_method(request, false, ret_screening);
	if (ret_screening->status != 0)
		return;
	if (request->request_uri.scheme != SIP_SCHEME_SIP &&
		request->request_uri.scheme != SIP_SCHEME_TEL) {
		/* sips: would promise TLS to the end, which this release can't keep. */
		ret_screening->status = 416;
		ret_screening->reason = "request URI is neither sip nor tel";
		return;
	}
	screen_require(request, ret_screening);
	if (ret_screening->status != 0 || request->method != SIP_METHOD_INVITE)
		return;
	screen_body(request, ret_screening);
	if (ret_screening->status != 0)
		return;
	if (request->contact_count != 1 || request->contact.uri.host.length == 0) {
		ret_screening->status = 400;
		ret_screening->reason = "INVITE needs exactly one Contact";
	} else if (request->max_forwards == 0) {
		ret_screening->status = 483;
		ret_screening->reason = "no hops left";
	}
}

void leg_screen_in_dialog(
	const struct sip_message *request, uint32_t options, struct leg_screening *ret_screening)
{
	*ret_screening = (struct leg_screening){.options = options};
	screen_method(request, true, ret_screening);
	if (ret_screening->status != 0 || request->method == SIP_METHOD_ACK ||
		request->method == SIP_METHOD_CANCEL || request->method == SIP_METHOD_BYE)
		return;
	screen_require(request, ret_screening);
	if (ret_screening->status == 0 && request->method != SIP_METHOD_OPTIONS &&
		request->method != SIP_METHOD_INFO)
		screen_body(request, ret_screening);
}
