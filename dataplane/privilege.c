/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops capabilities, see privilege.h, by the system call itself: libcap would be a dependency
 * for one line.
 */
#include "privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int privilege_drop(bool keeps_net_admin)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, now) != 0)
		return -errno;
	if (keeps_net_admin) {
		sets[0].permitted = now[0].permitted & 1u << CAP_NET_ADMIN;
		sets[0].effective = sets[0].permitted;
	}
	if (syscall(SYS_capset, &header, sets) != 0)
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}
