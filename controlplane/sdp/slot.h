/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which m= line of a body is "the audio" even when it is disabled. Private to sdp/.
 */
#ifndef TD_SDP_SLOT_H
#define TD_SDP_SLOT_H

struct sdp_session;

/* Index of the audio line over RTP/AVP, a usable one first; SDP_NO_MEDIA if there is none. */
int sdp_audio_slot(const struct sdp_session *session);

#endif
