/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See segments.h. Files: "<20 digits>.tel" segments, "epoch" (epoch and last sequence as text,
 * replaced by rename), "delivered" (low-water mark), "lock".
 */
#include "events/segments.h"

#include "journal/crc32c.h"
#include "util/serial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_DIGITS = 20,
	MARK_BYTES = 12,
	EPOCH_TEXT_BYTES = 64,
};

void segment_name(uint64_t first_seq, char name[SEGMENT_NAME_BYTES])
{
	(void)snprintf(
		name, SEGMENT_NAME_BYTES, "%0*llu.tel", NAME_DIGITS, (unsigned long long)first_seq);
}

uint64_t segment_name_parse(const char *name)
{
	char again[SEGMENT_NAME_BYTES];
	uint64_t first_seq = strtoull(name, NULL, 10);

	segment_name(first_seq, again);
	return strcmp(name, again) == 0 ? first_seq : UINT64_MAX;
}

int segment_set_add(struct segment_set *set, const struct segment *segment)
{
	if (set->count == set->capacity) {
		uint32_t capacity = set->capacity == 0 ? 64 : set->capacity * 2;
		struct segment *grown;

		if (capacity > SEGMENTS_MAX)
			return -E2BIG;
		grown = realloc(set->segments, capacity * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		set->segments = grown;
		set->capacity = capacity;
	}
	set->segments[set->count++] = *segment;
	set->bytes += segment->size_bytes;
	return 0;
}

void segment_set_drop_newest(struct segment_set *set)
{
	if (set->count != 0)
		set->bytes -= set->segments[--set->count].size_bytes;
}

int segment_set_remove_oldest(struct segment_set *set)
{
	char name[SEGMENT_NAME_BYTES];

	if (set->count == 0)
		return -ENOENT;
	segment_name(set->segments[0].first_seq, name);
	if (unlinkat(set->dir_fd, name, 0) != 0 && errno != ENOENT)
		return -errno;
	set->bytes -= set->segments[0].size_bytes;
	set->count--;
	memmove(set->segments, set->segments + 1, set->count * sizeof(set->segments[0]));
	return 0;
}

static int compare_segments(const void *a, const void *b)
{
	const struct segment *left = a;
	const struct segment *right = b;

	return (left->first_seq > right->first_seq) - (left->first_seq < right->first_seq);
}

/* Adds every segment file to the set; removes those that hold no whole header. */
static int list_segments(struct segment_set *set)
{
	int fd = openat(set->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *item;
	int error = 0;

	if (dir == NULL) {
		error = -errno;
		if (fd >= 0)
			(void)close(fd);
		return error;
	}
	while (error == 0 && (item = readdir(dir)) != NULL) {
		struct segment segment = {.first_seq = segment_name_parse(item->d_name)};
		struct stat status;

		if (segment.first_seq == UINT64_MAX)
			continue;
		if (fstatat(set->dir_fd, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
			error = -errno;
		} else if (status.st_size <= EVENT_SEGMENT_HEADER_BYTES) {
			(void)unlinkat(set->dir_fd, item->d_name, 0); /* again next time */
		} else {
			segment.size_bytes = (uint64_t)status.st_size;
			segment.created_wall_ns = (uint64_t)status.st_mtime * 1000000000u;
			error = segment_set_add(set, &segment);
		}
	}
	(void)closedir(dir); /* opened for reading */
	if (set->count != 0)
		qsort(set->segments, set->count, sizeof(set->segments[0]), compare_segments);
	return error;
}

/* Walks the frames of a mapped segment; returns where the good ones end. */
static size_t scan(const uint8_t *bytes, size_t size_bytes, struct segment_recovery *recovery)
{
	size_t at = EVENT_SEGMENT_HEADER_BYTES;
	struct event_segment_header header;
	struct event_frame frame;
	size_t frame_bytes;

	if (event_segment_header_decode(bytes, &header) != 0)
		recovery->corrupt_frames++;
	else if (header.epoch > recovery->node_epoch)
		recovery->node_epoch = header.epoch;
	while (at < size_bytes) {
		size_t next;

		if (event_frame_decode(bytes + at, size_bytes - at, &frame, &frame_bytes) == 0) {
			if (frame.seq > recovery->last_seq)
				recovery->last_seq = frame.seq;
			if (frame.epoch > recovery->node_epoch)
				recovery->node_epoch = frame.epoch;
			at += frame_bytes;
			continue;
		}
		next = event_frame_find(bytes, size_bytes, at + 1);
		if (next == size_bytes)
			break;
		recovery->corrupt_frames++;
		at = next;
	}
	return at;
}

/* Repairs the newest segment: whole frames stay, a torn tail goes. */
static int repair_newest(struct segment_set *set, struct segment_recovery *recovery)
{
	struct segment *segment = &set->segments[set->count - 1];
	char name[SEGMENT_NAME_BYTES];
	uint8_t *bytes;
	size_t good_bytes;
	int error = 0;
	int fd;

	segment_name(segment->first_seq, name);
	fd = openat(set->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	bytes = mmap(NULL, segment->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		error = -errno;
		goto out;
	}
	good_bytes = scan(bytes, segment->size_bytes, recovery);
	(void)munmap(bytes, segment->size_bytes); /* was mapped just now */
	if (good_bytes != segment->size_bytes) {
		recovery->torn_bytes += segment->size_bytes - good_bytes;
		set->bytes -= segment->size_bytes - good_bytes;
		segment->size_bytes = good_bytes;
		if (ftruncate(fd, (off_t)good_bytes) != 0)
			error = -errno;
	}
	/* Frames that only the page cache had when the process was killed. */
	if (error == 0 && fdatasync(fd) != 0)
		error = -errno;
out:
	(void)close(fd); /* synced above */
	return error;
}

static void load_epoch(const struct segment_set *set, struct segment_recovery *recovery)
{
	char text[EPOCH_TEXT_BYTES] = "";
	unsigned long long last_seq = 0;
	unsigned epoch = 0;
	int fd = openat(set->dir_fd, "epoch", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 &&
		sscanf(text, "%u %llu", &epoch, &last_seq) == 2) {
		recovery->node_epoch = epoch;
		recovery->last_seq = last_seq;
	}
	(void)close(fd); /* opened for reading */
}

int segment_set_save_epoch(const struct segment_set *set, uint32_t node_epoch, uint64_t last_seq)
{
	char text[EPOCH_TEXT_BYTES];
	int length =
		snprintf(text, sizeof(text), "%u %llu\n", node_epoch, (unsigned long long)last_seq);
	int fd = openat(set->dir_fd, "epoch.new",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)length) != length)
		error = -EIO;
	else if (fsync(fd) != 0)
		error = -errno;
	(void)close(fd); /* synced above */
	if (error == 0 && renameat(set->dir_fd, "epoch.new", set->dir_fd, "epoch") != 0)
		error = -errno;
	if (error == 0 && fsync(set->dir_fd) != 0)
		error = -errno;
	return error;
}

static uint64_t load_delivered(const struct segment_set *set)
{
	uint8_t bytes[MARK_BYTES];
	struct serial_reader reader;
	uint64_t delivered_seq = 0;
	int fd = openat(set->dir_fd, "delivered", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	if (read(fd, bytes, sizeof(bytes)) == sizeof(bytes)) {
		serial_reader_init(&reader, bytes, sizeof(bytes));
		delivered_seq = serial_get_u64(&reader);
		if (serial_get_u32(&reader) != crc32c(0, bytes, 8))
			delivered_seq = 0;
	}
	(void)close(fd); /* opened for reading */
	return delivered_seq;
}

int segment_set_save_delivered(const struct segment_set *set, uint64_t delivered_seq)
{
	uint8_t bytes[MARK_BYTES];
	struct serial_writer writer;
	int error = 0;
	int fd =
		openat(set->dir_fd, "delivered", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	serial_writer_init(&writer, bytes, sizeof(bytes));
	serial_put_u64(&writer, delivered_seq);
	serial_put_u32(&writer, crc32c(0, bytes, 8));
	if (pwrite(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		error = -EIO;
	(void)close(fd); /* see the header: not synced on purpose */
	return error;
}

static int open_dir(const char *dir, struct segment_set *set)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	set->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (set->dir_fd < 0)
		return -errno;
	set->lock_fd = openat(set->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (set->lock_fd < 0)
		return -errno;
	if (flock(set->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

int segment_set_open(
	const char *dir, struct segment_set *ret_set, struct segment_recovery *ret_recovery)
{
	struct segment_recovery recovery = {0};
	int error;

	*ret_set = (struct segment_set){.dir_fd = -1, .lock_fd = -1};
	error = open_dir(dir, ret_set);
	if (error != 0)
		return error;
	load_epoch(ret_set, &recovery);
	recovery.delivered_seq = load_delivered(ret_set);
	if (recovery.delivered_seq > recovery.last_seq)
		recovery.last_seq = recovery.delivered_seq;
	error = list_segments(ret_set);
	if (error == 0 && ret_set->count != 0)
		error = repair_newest(ret_set, &recovery);
	if (error != 0)
		return error;
	recovery.node_epoch++;
	error = segment_set_save_epoch(ret_set, recovery.node_epoch, recovery.last_seq);
	*ret_recovery = recovery;
	return error;
}

void segment_set_close(struct segment_set *set)
{
	if (set->lock_fd >= 0)
		(void)close(set->lock_fd); /* nothing was written to it */
	if (set->dir_fd >= 0)
		(void)close(set->dir_fd);
	free(set->segments);
	*set = (struct segment_set){.dir_fd = -1, .lock_fd = -1};
}
