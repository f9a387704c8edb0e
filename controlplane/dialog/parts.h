/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of dialog/: its texts and its route set. Nobody outside this folder includes this.
 */
#ifndef TD_DIALOG_PARTS_H
#define TD_DIALOG_PARTS_H

#include "dialog/dialog.h"

#include <tandem/compiler.h>

/* Replaces one text of the dialog (field is a member of it) by a copy of value; the others move
 * up. value must not lie in the dialog. -ENOSPC, and nothing has changed. */
td_must_check int dialog_set_text(
	struct dialog *dialog, struct dialog_text *field, struct span value);

/* Takes the route set from the Record-Route headers: in their order for a request (we are the
 * UAS), reversed for a response (RFC 3261 12.1.1, 12.1.2). -EBADMSG (not a SIP URI, too many),
 * -ENOSPC. */
td_must_check int dialog_take_routes(struct dialog *dialog, const struct sip_message *message);

/* The next route of a set; *rest begins as the whole set and becomes what follows. Empty at the
 * end. */
struct span dialog_next_route(struct span *rest);

/* The URI of the first route, parsed. False if the set is empty. */
bool dialog_first_route(const struct dialog *dialog, struct sip_name_addr *ret_route);

#endif
