/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a NOTIFY of the dialog package: application/dialog-info+xml (RFC 4235). Writes one
 * document from plain facts; which dialogs it tells of, and whom it tells, is decided elsewhere.
 * Pure.
 */
#ifndef TD_SUBSCRIPTION_DIALOG_INFO_H
#define TD_SUBSCRIPTION_DIALOG_INFO_H

#include "util/span.h"
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

#define DIALOG_INFO_TYPE "application/dialog-info+xml"

/* X(CONSTANT, "token"): states of RFC 4235 3.7.1, in the order in which a dialog passes them. */
#define DIALOG_INFO_STATES(X)       \
	X(TRYING, "trying")         \
	X(PROCEEDING, "proceeding") \
	X(EARLY, "early")           \
	X(CONFIRMED, "confirmed")   \
	X(TERMINATED, "terminated")

enum dialog_info_state {
	DIALOG_INFO_NONE, /* there is nothing to tell of */
#define DIALOG_INFO_STATE_ENUM(constant, token) DIALOG_INFO_##constant,
	DIALOG_INFO_STATES(DIALOG_INFO_STATE_ENUM)
#undef DIALOG_INFO_STATE_ENUM
	DIALOG_INFO_STATE_COUNT
};

/* X(CONSTANT, "token"): what made a dialog TERMINATED. */
#define DIALOG_INFO_EVENTS(X)       \
	X(CANCELLED, "cancelled")   \
	X(REJECTED, "rejected")     \
	X(REPLACED, "replaced")     \
	X(LOCAL_BYE, "local-bye")   \
	X(REMOTE_BYE, "remote-bye") \
	X(ERROR, "error")           \
	X(TIMEOUT, "timeout")

enum dialog_info_event {
	DIALOG_INFO_EVENT_NONE,
#define DIALOG_INFO_EVENT_ENUM(constant, token) DIALOG_INFO_EVENT_##constant,
	DIALOG_INFO_EVENTS(DIALOG_INFO_EVENT_ENUM)
#undef DIALOG_INFO_EVENT_ENUM
	DIALOG_INFO_EVENT_COUNT
};

/* One side of a dialog; an empty uri leaves the side out. */
struct dialog_info_party {
	struct span uri;
	struct span display;
};

/* One dialog as the watched user sees it: local is he himself. Empty members are left out. */
struct dialog_info_dialog {
	uint64_t id; /* written in hexadecimal; the same for the dialog's whole life */
	struct span call_id;
	struct span local_tag;
	struct span remote_tag;
	bool is_initiator; /* the watched user made the call; else he is called */
	enum dialog_info_state state;
	enum dialog_info_event event; /* with TERMINATED */
	uint16_t code;		      /* SIP status with REJECTED; 0: none */
	uint32_t duration_s;	      /* since it was confirmed; 0 is left out */
	struct dialog_info_party local;
	struct dialog_info_party remote;
};

/* Begins a document. version is 0 in a subscription's first document and grows by one with each.
 * is_full: dialogs that it doesn't name are no more. */
void dialog_info_begin(struct text *text, struct span entity, uint32_t version, bool is_full);
void dialog_info_add(struct text *text, const struct dialog_info_dialog *dialog);
/* Ends it; overflow shows in text. */
void dialog_info_end(struct text *text);

const char *dialog_info_state_token(enum dialog_info_state state); /* "early"; "" for NONE */

#endif
