/* SPDX-License-Identifier: Apache-2.0 */
/* Files of keys and certificates as bytes in memory, wiped when they go. */
#include "transport/keyring.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MAX_BYTES = 4 << 20, /* a system's whole store is 0.2 MiB */
};

/* 0 if the open file may be used. */
static int inspect(int fd, const char *path, bool is_secret, struct stat *status,
	char why[TRANSPORT_WHY_BYTES])
{
	if (fd < 0 || fstat(fd, status) != 0) {
		(void)snprintf(why, TRANSPORT_WHY_BYTES, "%s: %s", path, strerror(errno));
		return -EKEYREJECTED;
	}
	if (!S_ISREG(status->st_mode) || status->st_size > FILE_MAX_BYTES) {
		(void)snprintf(
			why, TRANSPORT_WHY_BYTES, "%s: found something else than a PEM file", path);
		return -EKEYREJECTED;
	}
	if (is_secret && (status->st_mode & S_IRWXO) != 0) {
		(void)snprintf(why, TRANSPORT_WHY_BYTES,
			"%s: others can use this key (mode %04o): chmod o= it, and take a new key if "
			"others have been on this machine",
			path, status->st_mode & 07777u);
		return -EKEYREJECTED;
	}
	return 0;
}

static int read_all(int fd, char *bytes, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t length = read(fd, bytes + used, size - used);

		if (length <= 0)
			return length == 0 ? -ESTALE : -errno; /* shorter than it was */
		used += (size_t)length;
	}
	return 0;
}

int file_read(const char *path, bool is_secret, struct file_bytes *ret_file,
	char why[TRANSPORT_WHY_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	struct file_bytes file = {0};
	int error = inspect(fd, path, is_secret, &status, why);

	if (error == 0) {
		file.size = (size_t)status.st_size;
		file.bytes = OPENSSL_malloc(file.size + 1);
		error = file.bytes != NULL ? read_all(fd, file.bytes, file.size) : -ENOMEM;
		if (error != 0)
			(void)snprintf(why, TRANSPORT_WHY_BYTES, "%s: %s", path, strerror(-error));
	}
	if (fd >= 0)
		(void)close(fd); /* only read */
	if (error == 0)
		*ret_file = file;
	else
		file_free(&file);
	return error == 0 || error == -ENOMEM ? error : -EKEYREJECTED;
}

void file_free(struct file_bytes *file)
{
	OPENSSL_clear_free(file->bytes, file->size);
	*file = (struct file_bytes){0};
}
