/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads DPDK device strings, see device.h. Called at launch for each --port.
 */
#include "port/device.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEVICE_AF_PACKET_FRAMES = 512, /* default of the driver (22.11) */
};

/* True if text[0..length) is DDDD:BB:DD.F or BB:DD.F in hexadecimal. */
static bool device_is_pci(const char *text, size_t length)
{
	static const char *const shapes[] = {"xxxx:xx:xx.x", "xx:xx.x"};

	for (size_t i = 0; i < TD_COUNT_OF(shapes); i++) {
		size_t at = 0;

		if (strlen(shapes[i]) != length)
			continue;
		while (at < length && (shapes[i][at] == 'x' ? isxdigit((unsigned char)text[at])
							    : text[at] == shapes[i][at]))
			at++;
		if (at == length)
			return true;
	}
	return false;
}

/* The value of key ("iface=") among the arguments, as a pointer and a length; NULL: not there. */
static const char *device_argument(const char *text, const char *key, size_t *ret_length)
{
	size_t key_length = strlen(key);

	for (const char *at = strchr(text, ','); at != NULL; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, key_length) == 0) {
			*ret_length = strcspn(at + key_length, ",");
			return at + key_length;
		}
	}
	return NULL;
}

int device_parse(struct device *ret_device, const char *text, uint16_t queues)
{
	size_t name_length = strcspn(text, ",");
	struct device device = {
		.is_virtual = strncmp(text, "net_", 4) == 0 || strncmp(text, "eth_", 4) == 0};
	bool is_af_packet = strncmp(text, "net_af_packet", 13) == 0;
	const char *value;
	size_t length = 0;
	int written;

	if (name_length == 0 || name_length + 5 >= sizeof(device.name) ||
		(!device.is_virtual && !device_is_pci(text, name_length)))
		return -EINVAL;
	(void)snprintf(device.name, sizeof(device.name), "%s%.*s",
		!device.is_virtual && name_length == 7 ? "0000:" : "", (int)name_length, text);
	value = device_argument(text, "iface=", &length);
	if (value != NULL && length < sizeof(device.interface))
		memcpy(device.interface, value, length);
	if (is_af_packet) {
		value = device_argument(text, "framecnt=", &length);
		device.frame_count = value == NULL ? DEVICE_AF_PACKET_FRAMES
						   : (uint16_t)strtoul(value, NULL, 10);
	}
	if (is_af_packet && queues > 1 && device_argument(text, "qpairs=", &length) == NULL)
		written = snprintf(
			device.arguments, sizeof(device.arguments), "%s,qpairs=%u", text, queues);
	else
		written = snprintf(device.arguments, sizeof(device.arguments), "%s", text);
	if (written < 0 || (size_t)written >= sizeof(device.arguments))
		return -EINVAL;
	*ret_device = device;
	return 0;
}
