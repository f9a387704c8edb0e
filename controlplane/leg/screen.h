/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions that every request must pass before a machine sees it (RFC 3261 8.2): method,
 * scheme, extensions, body, hops. And the statements about ourselves that go with the answers.
 * Pure.
 */
#ifndef TD_LEG_SCREEN_H
#define TD_LEG_SCREEN_H

#include "sip/message.h"
#include "util/span.h"

#include <stdint.h>

/* What this release can do, for Allow, Accept and Supported. */
#define LEG_ALLOW "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO"
#define LEG_ACCEPT "application/sdp"

enum {
	SCREEN_TEXT_BYTES = 256
};

struct leg_screening {
	uint32_t options;   /* enum leg_option: the extensions that may be required */
	unsigned status;    /* 0: go on; else what to answer */
	const char *reason; /* static text, for Warning and the log */
	bool has_allow;	    /* the answer carries Allow */
	bool has_accept;
	char unsupported[SCREEN_TEXT_BYTES]; /* 420: option tags; empty: none */
};

/* Judges a request outside a dialog that asks for a session (INVITE), or any method that a peer
 * may not use there. options: the extensions that we offer this peer (leg/options.h). */
void leg_screen_initial(
	const struct sip_message *request, uint32_t options, struct leg_screening *ret_screening);
/* Judges a request inside a dialog; ACK, BYE and CANCEL always pass. */
void leg_screen_in_dialog(
	const struct sip_message *request, uint32_t options, struct leg_screening *ret_screening);

/* True if the message has a body that is a session description. */
bool leg_has_sdp(const struct sip_message *message);

#endif
