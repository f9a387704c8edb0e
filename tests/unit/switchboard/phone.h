/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone that registers with the rig's switchboard: writes REGISTER and INVITE requests, with the
 * proof that the last challenge asked for.
 */
#ifndef TD_SWITCHBOARD_PHONE_H
#define TD_SWITCHBOARD_PHONE_H

#include "rig.h"

#include <stdbool.h>
#include <stdint.h>

struct phone {
	struct rig *rig;
	const char *user;
	const char *password;
	const char *record; /* user of its address of record; NULL: user */
	const char *source; /* address that its messages come from */
	const char *call_id;
	uint16_t port;
	enum sip_transport transport;
	uint32_t connection_id;
	uint32_t cseq;
	uint32_t nonce_count;
	char nonce[64]; /* of the last challenge; empty: none */
	bool is_sha256;
};

/* Sends a request to URI, "sip:10.0.0.1" for REGISTER, with headers of its own; the CSeq rises.
 * Returns the status of what came back, 0: nothing. */
unsigned phone_send(struct phone *phone, const char *method, const char *uri, const char *headers);
/* The same once more if it was challenged. */
unsigned phone_try(struct phone *phone, const char *method, const char *uri, const char *headers);
/* Sends the last bytes again. */
unsigned phone_repeat(struct phone *phone);

#endif
