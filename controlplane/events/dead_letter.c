/* SPDX-License-Identifier: Apache-2.0 */
/* See dead_letter.h. Rare enough to open the file each time. */
#include "events/dead_letter.h"

#include "events/json_writer.h"

#include <tandem/time.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	ESCAPE_FACTOR = 6, /* "\u0000" is the longest escape of a byte */
	FIXED_BYTES = 1024,
};

static int append_line(const char *dir, const char *line, size_t length)
{
	char path[PATH_MAX];
	int error = 0;
	int fd;

	if (snprintf(path, sizeof(path), "%s/dead-letter.jsonl", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, line, length) != (ssize_t)length)
		error = -EIO;
	else if (fdatasync(fd) != 0)
		error = -errno;
	(void)close(fd); /* synced above */
	return error;
}

int dead_letter_append(const char *dir, const struct dead_letter *letter)
{
	size_t room =
		FIXED_BYTES + ESCAPE_FACTOR * ((size_t)letter->key.length + letter->value.length);
	char *line = malloc(room);
	struct json_writer json;
	size_t length;
	int error;

	if (line == NULL)
		return -ENOMEM;
	json_writer_begin(&json, line, room);
	json_writer_time(&json, JSON_KEY("time"), td_wall_ns());
	json_writer_string(&json, JSON_KEY("topic"), letter->topic);
	json_writer_string(&json, JSON_KEY("reason"), letter->reason);
	json_writer_number(&json, JSON_KEY("node_seq"), letter->seq);
	json_writer_text(&json, JSON_KEY("key"), letter->key.text, letter->key.length);
	json_writer_text(&json, JSON_KEY("value"), letter->value.text, letter->value.length);
	error = json_writer_finish(&json, &length) != 0 ? -EMSGSIZE : 0;
	if (error == 0) {
		line[length] = '\n'; /* in the terminating zero's place */
		error = append_line(dir, line, length + 1);
	}
	free(line);
	return error;
}
