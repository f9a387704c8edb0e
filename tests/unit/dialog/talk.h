/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of Alice's call to us and of our call to Bob, and the dialogs that they make.
 */
#ifndef TD_DIALOG_TALK_H
#define TD_DIALOG_TALK_H

#include "dialog/dialog.h"

#include <stdint.h>

enum {
	TEXT_BYTES = 8192,
};

#define CONTACT_BOB "Contact: <sip:bob@192.0.2.30:5070>\r\n"
#define CONTACT_ALICE "Contact: <sip:alice@192.0.2.20>\r\n"

/* One message and the text that it borrows. */
struct parsed {
	char text[TEXT_BYTES];
	struct sip_message message;
};

/* A flow between our 192.0.2.1:5060 and the peer; streams have connection 9. */
struct sip_flow talk_flow(const char *remote, uint16_t port, enum sip_transport transport);
/* Parses parsed->text; fails the test if it is refused. */
void talk_parse(struct parsed *parsed);
/* Alice's INVITE to us; extra is whole header lines. */
void talk_invite(struct parsed *parsed, const char *extra);
/* A request of Alice's inside the dialog. */
void talk_inside(struct parsed *parsed, const char *method, unsigned cseq, const char *tags,
	const char *extra);
/* Bob's response to our INVITE. */
void talk_response(struct parsed *parsed, unsigned status, const char *to_tag, const char *extra);
/* Where their texts come from; talk_teardown() fails the test if one is left. */
extern struct heap talk_heap;
int talk_teardown(void **state);

/* Our half of a call to Bob, before he answers. */
void talk_uac(struct dialog *dialog);
/* Our half of Alice's call; extra is header lines of her INVITE. */
void talk_uas(struct dialog *dialog, const char *extra);
/* Feeds Bob's response to the dialog. Returns the error. */
int talk_answer(struct dialog *dialog, unsigned status, const char *to_tag, const char *extra);
/* Builds a request and gives its text. */
const char *talk_built(struct dialog *dialog, enum sip_method method, uint32_t cseq_for_ack);
/* Fails the test if a text of the dialog is not expected. */
void talk_check_text(const struct dialog *dialog, struct dialog_text text, const char *expected);

#endif
