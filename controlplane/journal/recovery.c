/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a journal: reads the files oldest first, keeps the last value of each key, cuts a torn
 * tail off the newest, steps over damaged records and counts them.
 */
#include "journal/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILES_MAX = 2, /* current and source; compaction never leaves more */
	UUID_TEXT_BYTES = 36,
};

static void read_boot_id(uint8_t boot_id[JOURNAL_BOOT_ID_BYTES])
{
	char text[UUID_TEXT_BYTES + 1] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	size_t at = 0;

	memset(boot_id, 0, JOURNAL_BOOT_ID_BYTES);
	if (file == NULL)
		return;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	(void)fclose(file); /* opened for reading */
	for (const char *digit = text; *digit != '\0' && at < 2 * JOURNAL_BOOT_ID_BYTES; digit++) {
		if (*digit == '-')
			continue;
		boot_id[at / 2] = (uint8_t)(boot_id[at / 2] << 4 |
					    (*digit <= '9' ? *digit - '0' : *digit - 'a' + 10));
		at++;
	}
}

static int compare_seq(const void *a, const void *b)
{
	const uint64_t *left = a;
	const uint64_t *right = b;

	return (*left > *right) - (*left < *right);
}

/* Numbers of the files that hold more than nothing, ascending; empty ones are removed: they are
 * what a crash left of a file's creation. -EBADMSG if there are more than compaction can leave. */
static int list_files(
	const struct journal *journal, uint64_t file_seqs[FILES_MAX], unsigned *ret_count)
{
	int fd = openat(journal->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *item;
	unsigned count = 0;
	int error = 0;

	if (dir == NULL) {
		error = -errno;
		if (fd >= 0)
			(void)close(fd);
		return error;
	}
	while (error == 0 && (item = readdir(dir)) != NULL) {
		char name[JOURNAL_FILE_NAME_BYTES];
		char *end = NULL;
		struct stat status;
		uint64_t file_seq;

		if (strncmp(item->d_name, "journal-", 8) != 0)
			continue;
		file_seq = strtoull(item->d_name + 8, &end, 10);
		journal_file_name(file_seq, name);
		if (strcmp(name, item->d_name) != 0)
			continue;
		if (fstatat(journal->dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
			error = -errno;
		else if (status.st_size < JOURNAL_FILE_HEADER_BYTES)
			(void)journal->io.unlinkat(journal->dir_fd, name, 0); /* again next time */
		else if (count == FILES_MAX)
			error = -EBADMSG;
		else
			file_seqs[count++] = file_seq;
	}
	(void)closedir(dir); /* opened for reading */
	qsort(file_seqs, count, sizeof(file_seqs[0]), compare_seq);
	*ret_count = count;
	return error;
}

/* Applies one record if it isn't older than what the index has. */
static int apply(struct journal *journal, const struct journal_record *record, uint64_t offset,
	bool is_in_source)
{
	const struct journal_entry *entry = journal_index_find(journal, record->kind, record->id);
	int error = 0;

	if (entry == NULL || record->generation >= entry->generation)
		error = journal_index_apply(journal, record, offset, is_in_source);
	if (record->generation > journal->generation)
		journal->generation = record->generation;
	return error == -ENOSPC ? -EFBIG : error;
}

/* A mapped file and what a first walk over it found. */
struct walk {
	const uint8_t *bytes;
	size_t size_bytes;
	uint64_t end_bytes; /* behind the last mark of a turn's end */
	uint64_t damaged;
};

/* Looks for the end of the last complete turn. */
static void find_end(struct walk *walk)
{
	size_t at = JOURNAL_FILE_HEADER_BYTES;
	struct journal_record record;
	uint64_t damaged = 0;

	walk->end_bytes = at;
	while (at < walk->size_bytes) {
		if (journal_record_decode(walk->bytes + at, walk->size_bytes - at, &record) != 0) {
			at = journal_record_find(walk->bytes, walk->size_bytes, at + 1);
			damaged++;
			continue;
		}
		at += journal_record_bytes(record.value_bytes);
		if (record.op != JOURNAL_OP_COMMIT)
			continue;
		walk->end_bytes = at;
		walk->damaged = damaged; /* what lies behind the end is torn, not damaged */
	}
}

/* Applies the records up to the end that find_end() found. */
static int apply_all(struct journal *journal, const struct walk *walk, bool is_in_source)
{
	size_t at = JOURNAL_FILE_HEADER_BYTES;
	struct journal_record record;
	int error = 0;

	while (at < walk->end_bytes && error == 0) {
		if (journal_record_decode(walk->bytes + at, walk->end_bytes - at, &record) != 0) {
			at = journal_record_find(walk->bytes, walk->end_bytes, at + 1);
			continue;
		}
		if (record.op != JOURNAL_OP_COMMIT)
			error = apply(journal, &record, at, is_in_source);
		at += journal_record_bytes(record.value_bytes);
	}
	return error;
}

/* Applies every complete turn of a file; *ret_end_bytes is where the last one ends. */
static int scan(struct journal *journal, const uint8_t *bytes, size_t size_bytes, bool is_in_source,
	uint64_t *ret_end_bytes)
{
	struct walk walk = {.bytes = bytes, .size_bytes = size_bytes};

	find_end(&walk);
	journal->stats.corrupt_records += walk.damaged;
	*ret_end_bytes = walk.end_bytes;
	return apply_all(journal, &walk, is_in_source);
}

/* What the header says; a damaged one costs only the knowledge of the boot. */
static void read_header(struct journal *journal, const uint8_t *bytes)
{
	struct journal_file_header header;

	if (journal_file_header_decode(bytes, &header) != 0) {
		journal->stats.corrupt_records++;
		journal->must_stamp_boot = true;
		return;
	}
	journal->stats.is_other_boot =
		memcmp(header.boot_id, journal->boot_id, sizeof(header.boot_id)) != 0;
	journal->must_stamp_boot = journal->stats.is_other_boot;
}

static int load_file(struct journal *journal, uint64_t file_seq, bool is_newest)
{
	struct journal_file *file = is_newest ? &journal->current : &journal->source;
	char name[JOURNAL_FILE_NAME_BYTES];
	struct stat status;
	uint8_t *bytes;
	int error;

	journal_file_name(file_seq, name);
	file->file_seq = file_seq;
	file->fd = openat(journal->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (file->fd < 0 || fstat(file->fd, &status) != 0)
		return -errno;
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	read_header(journal, bytes);
	error = scan(journal, bytes, (size_t)status.st_size, !is_newest, &file->size_bytes);
	(void)munmap(bytes, (size_t)status.st_size); /* was mapped just now */
	if (error != 0 || file->size_bytes == (uint64_t)status.st_size)
		return error;
	journal->stats.torn_bytes += (uint64_t)status.st_size - file->size_bytes;
	if (is_newest && journal->io.ftruncate(file->fd, (off_t)file->size_bytes) != 0)
		return -errno;
	return 0;
}

int journal_recover(struct journal *journal)
{
	uint64_t file_seqs[FILES_MAX];
	unsigned count = 0;
	int error;

	read_boot_id(journal->boot_id);
	error = list_files(journal, file_seqs, &count);
	if (error != 0)
		return error;
	if (count == 0)
		return journal_file_create(journal, 1, &journal->current);
	for (unsigned i = 0; i < count && error == 0; i++)
		error = load_file(journal, file_seqs[i], i + 1 == count);
	return error;
}
