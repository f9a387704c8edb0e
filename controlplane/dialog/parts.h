/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of dialog/: its texts and its route set. Nobody outside this folder includes this.
 */
#ifndef TD_DIALOG_PARTS_H
#define TD_DIALOG_PARTS_H

#include "dialog/dialog.h"

#include <tandem/compiler.h>

/* The texts of a dialog by themselves, in the order in which the block holds them. */
struct dialog_texts {
	struct span call_id;
	struct span local_tag;
	struct span remote_tag;
	struct span local_uri;
	struct span remote_uri;
	struct span remote_target;
	struct span local_contact;
	struct span routes;
};

/* The dialog's texts as they are; they borrow its block. */
struct dialog_texts dialog_get_texts(const struct dialog *dialog);
/* Makes texts the dialog's: copies them into a new block. They may lie in the old one, which is
 * freed. -ENOSPC, -ENOMEM, and nothing has changed. */
td_must_check int dialog_set_texts(struct dialog *dialog, const struct dialog_texts *texts);

/* A route set as it is written down, one value per line. */
struct dialog_routes {
	uint8_t count;
	uint16_t length;
	char lines[DIALOG_TEXT_MAX_BYTES];
};

/* Reads the Record-Route headers: in their order for a request (we are the UAS), reversed for a
 * response (RFC 3261 12.1.1, 12.1.2). -EBADMSG (not a SIP URI, too many), -ENOSPC. */
td_must_check int dialog_read_routes(
	const struct sip_message *message, struct dialog_routes *ret_routes);

/* The next route of a set; *rest begins as the whole set and becomes what follows. Empty at the
 * end. */
struct span dialog_next_route(struct span *rest);

/* The URI of the first route, parsed. False if the set is empty. */
bool dialog_first_route(const struct dialog *dialog, struct sip_name_addr *ret_route);

/* How many values routes holds, one per line. */
uint8_t dialog_count_routes(struct span routes);

#endif
