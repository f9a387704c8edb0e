/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See reader.h. A window of bytes slides over one segment after the other. At the end of the
 * newest segment a half-written frame is simply not there yet; at the end of an older one it is
 * what a crash or a failed write left.
 */
#include "events/reader.h"

#include "events/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WINDOW_BYTES = 8 * EVENT_FRAME_MAX_BYTES,
};

struct event_reader {
	int dir_fd;
	int fd;		      /* of the segment being read; -1: none yet */
	uint64_t segment_seq; /* its name */
	uint64_t from_seq;    /* nothing below is given */
	struct event_segment_header header;
	bool is_damaged; /* inside a damaged stretch, already counted */
	uint64_t corrupt;
	uint64_t file_at; /* offset behind the window */
	size_t at;	  /* next frame in the window */
	size_t used_bytes;
	uint8_t *window;
};

int event_reader_open(const char *dir, uint64_t from_seq, struct event_reader **ret_reader)
{
	struct event_reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (reader == NULL)
		return -ENOMEM;
	reader->fd = -1;
	reader->from_seq = from_seq;
	reader->window = malloc(WINDOW_BYTES);
	reader->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = reader->window == NULL ? -ENOMEM : reader->dir_fd < 0 ? -errno : 0;
	if (error != 0) {
		event_reader_close(reader);
		return error;
	}
	*ret_reader = reader;
	return 0;
}

void event_reader_close(struct event_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->fd >= 0)
		(void)close(reader->fd); /* opened for reading */
	if (reader->dir_fd >= 0)
		(void)close(reader->dir_fd);
	free(reader->window);
	free(reader);
}

/* Name of the segment to read next: the first, the one that has from_seq, or the one behind the
 * present one. UINT64_MAX: there is none. */
static uint64_t next_segment(const struct event_reader *reader)
{
	int fd = openat(reader->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t lowest = UINT64_MAX;
	uint64_t below = UINT64_MAX; /* highest that isn't above from_seq */
	struct dirent *item;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return UINT64_MAX;
	}
	while ((item = readdir(dir)) != NULL) {
		uint64_t first_seq = segment_name_parse(item->d_name);

		if (first_seq == UINT64_MAX ||
			(reader->fd >= 0 && first_seq <= reader->segment_seq))
			continue;
		if (first_seq < lowest)
			lowest = first_seq;
		if (first_seq <= reader->from_seq && (below == UINT64_MAX || first_seq > below))
			below = first_seq;
	}
	(void)closedir(dir); /* opened for reading */
	return reader->fd < 0 && below != UINT64_MAX ? below : lowest;
}

/* Goes on to another segment. -EAGAIN: its header isn't written yet, or it is gone again. */
static int enter_segment(struct event_reader *reader, uint64_t first_seq)
{
	uint8_t bytes[EVENT_SEGMENT_HEADER_BYTES];
	char name[SEGMENT_NAME_BYTES];
	int fd;

	segment_name(first_seq, name);
	fd = openat(reader->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (pread(fd, bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		(void)close(fd); /* opened for reading */
		return -EAGAIN;
	}
	if (reader->fd >= 0)
		(void)close(reader->fd);
	if (reader->at < reader->used_bytes && !reader->is_damaged)
		reader->corrupt++; /* half a frame at the old one's end */
	if (event_segment_header_decode(bytes, &reader->header) != 0)
		reader->corrupt++;
	reader->fd = fd;
	reader->segment_seq = first_seq;
	reader->file_at = sizeof(bytes);
	reader->at = reader->used_bytes = 0;
	reader->is_damaged = false;
	return 0;
}

/* Reads more behind the window. Returns bytes read, 0 at the end of the file, or -errno. */
static ssize_t refill(struct event_reader *reader)
{
	ssize_t got;

	memmove(reader->window, reader->window + reader->at, reader->used_bytes - reader->at);
	reader->used_bytes -= reader->at;
	reader->at = 0;
	got = pread(reader->fd, reader->window + reader->used_bytes,
		WINDOW_BYTES - reader->used_bytes, (off_t)reader->file_at);
	if (got < 0)
		return -errno;
	reader->used_bytes += (size_t)got;
	reader->file_at += (uint64_t)got;
	return got;
}

/* Steps over damage to the next good frame, or as near to the end as one may still begin. */
static bool step_over(struct event_reader *reader)
{
	size_t found = event_frame_find(reader->window, reader->used_bytes, reader->at + 1);

	if (!reader->is_damaged)
		reader->corrupt++;
	reader->is_damaged = true;
	if (found < reader->used_bytes) {
		reader->at = found;
		reader->is_damaged = false;
		return true;
	}
	if (reader->used_bytes - reader->at > EVENT_FRAME_MAX_BYTES)
		reader->at = reader->used_bytes - EVENT_FRAME_MAX_BYTES;
	return false;
}

int event_reader_next(
	struct event_reader *reader, uint64_t up_to_seq, struct event_frame *ret_frame)
{
	struct event_frame frame;
	size_t frame_bytes;

	if (reader->from_seq > up_to_seq)
		return -EAGAIN;
	for (;;) {
		int result = event_frame_decode(reader->window + reader->at,
			reader->used_bytes - reader->at, &frame, &frame_bytes);
		uint64_t next_seq;
		ssize_t got;

		if (result == 0) {
			if (frame.seq > up_to_seq && frame.seq >= reader->from_seq)
				return -EAGAIN;
			reader->at += frame_bytes;
			if (frame.seq < reader->from_seq)
				continue;
			reader->from_seq = frame.seq + 1;
			*ret_frame = frame;
			return 0;
		}
		if (result == -EBADMSG && step_over(reader))
			continue;
		got = reader->fd < 0 ? 0 : refill(reader);
		if (got < 0)
			return (int)got;
		if (got > 0)
			continue;
		next_seq = next_segment(reader);
		if (next_seq == UINT64_MAX)
			return -EAGAIN;
		/* The present one may have grown before the next was made. */
		got = reader->fd < 0 ? 0 : refill(reader);
		if (got != 0)
			continue;
		result = enter_segment(reader, next_seq);
		if (result != 0)
			return result;
	}
}

const char *event_reader_node(const struct event_reader *reader)
{
	return reader->header.node;
}

uint64_t event_reader_corrupt(const struct event_reader *reader)
{
	return reader->corrupt;
}
