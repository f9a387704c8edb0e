/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the session parser that read one line each. Private to sdp/: all take the text
 * behind "x=", bounded, and return NULL or the reason why the line is refused (static text).
 */
#ifndef TD_SDP_LINE_H
#define TD_SDP_LINE_H

#include "sdp/session.h"

#include <stdbool.h>
#include <stdint.h>

/* Cuts the next word (up to spaces) off rest; false at its end. */
bool sdp_word_next(struct span *rest, struct span *ret_word);

/* Reads decimal digits that fill text, up to max. False otherwise. */
bool sdp_number_parse(struct span text, uint32_t max, uint32_t *ret_number);

/* "IN IP4 192.0.2.1[/ttl]": of c=, o= and a=rtcp. */
const char *sdp_address_parse(struct span text, struct sdp_address *ret_address);

/* "audio 49170 RTP/AVP 0 8" */
const char *sdp_media_parse(struct span text, struct sdp_media *ret_media);

/* Gives meaning to an attribute of a media line; most have none for us. */
const char *sdp_media_attribute_apply(
	struct sdp_media *media, const struct sdp_attribute *attribute);

/* The direction of that name, SDP_DIRECTION_NONE if it is none. */
enum sdp_direction sdp_direction_find(struct span name);

#endif
