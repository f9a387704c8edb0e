/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call as the journal keeps it: everything that a process started in its place must know to go
 * on. Versioned; a record of another version is refused as a whole. Pure.
 */
#ifndef TD_CALL_SNAPSHOT_H
#define TD_CALL_SNAPSHOT_H

#include "call/call.h"
#include "trunk/trunk.h"

#include <tandem/compiler.h>

#include <stddef.h>

/* Writes the record; trunks are kept by name. -ENOSPC. */
td_must_check int snapshot_write(const struct call *call, const struct trunk_table *trunks,
	void *bytes, size_t size_bytes, size_t *ret_length);

/* Reads a record into an empty call whose heap is set. A trunk that is no longer known becomes
 * TRUNK_NONE. -EBADMSG (not a record of this version, or damaged), -ENOMEM: call_fini() it. */
td_must_check int snapshot_read(
	struct call *call, const struct trunk_table *trunks, const void *bytes, size_t length);

#endif
