/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives up what the running dataplane doesn't need any more of the privileges that it started
 * with. Each thread calls it for itself.
 */
#ifndef TD_DATAPLANE_PRIVILEGE_H
#define TD_DATAPLANE_PRIVILEGE_H

#include <tandem/compiler.h>

#include <stdbool.h>

/* Keeps no capability of the calling thread, or CAP_NET_ADMIN only (the control thread asks the
 * kernel to resolve neighbours), and forbids to gain any. -errno. */
td_must_check int privilege_drop(bool keeps_net_admin);

#endif
