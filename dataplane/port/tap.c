/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens TAP interfaces, see tap.h. The interface is persistent because the addresses of media
 * and signalling lie on it and must outlive a restart of this process.
 */
#include "port/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sets address, MTU and state through any socket; returns 0 or -errno. */
static int tap_configure(
	int socket_fd, struct ifreq *request, const uint8_t mac[6], uint16_t mtu_bytes)
{
	struct ifreq wanted = *request;

	/* the address of an interface that is up can be changed on TAPs (IFF_LIVE_ADDR_CHANGE) */
	wanted.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(wanted.ifr_hwaddr.sa_data, mac, 6);
	if (ioctl(socket_fd, SIOCSIFHWADDR, &wanted) != 0)
		return -errno;
	wanted = *request;
	wanted.ifr_mtu = mtu_bytes;
	if (ioctl(socket_fd, SIOCSIFMTU, &wanted) != 0)
		return -errno;
	wanted = *request;
	if (ioctl(socket_fd, SIOCGIFFLAGS, &wanted) != 0)
		return -errno;
	if ((wanted.ifr_flags & IFF_UP) != 0)
		return 0;
	wanted.ifr_flags = (short)(wanted.ifr_flags | IFF_UP);
	return ioctl(socket_fd, SIOCSIFFLAGS, &wanted) == 0 ? 0 : -errno;
}

int tap_open(const char *name, const uint8_t mac[6], uint16_t mtu_bytes)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int socket_fd;
	int rc;

	if (descriptor < 0)
		return -errno;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(descriptor, TUNSETIFF, &request) != 0 ||
		ioctl(descriptor, TUNSETPERSIST, 1) != 0) {
		rc = -errno;
		(void)close(descriptor);
		return rc;
	}
	socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (socket_fd < 0) {
		rc = -errno;
	} else {
		rc = tap_configure(socket_fd, &request, mac, mtu_bytes);
		(void)close(socket_fd);
	}
	if (rc != 0) {
		(void)close(descriptor);
		return rc;
	}
	return descriptor;
}
