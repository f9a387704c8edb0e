/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction. Appends move to a new file ("current"); what is still alive in the old one
 * ("source") is copied behind them, a step per commit, through the ordinary batch; when nothing
 * is left there and the copies are written, source is removed. At every instant the files, read
 * in any order, give the same store, because the higher generation of a key wins.
 *
 *   one file --dead > live--> current + source --cursor at end--> copies committed --> one file
 */
#include "journal/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	RETIRED_STEP_BYTES = 1 << 20,
};

void journal_file_name(uint64_t file_seq, char name[JOURNAL_FILE_NAME_BYTES])
{
	(void)snprintf(
		name, JOURNAL_FILE_NAME_BYTES, "journal-%020llu", (unsigned long long)file_seq);
}

int journal_file_create(struct journal *journal, uint64_t file_seq, struct journal_file *ret_file)
{
	struct journal_file_header header = {.file_seq = file_seq};
	uint8_t bytes[JOURNAL_FILE_HEADER_BYTES];
	char name[JOURNAL_FILE_NAME_BYTES];
	int error = -EIO;
	int fd;

	journal_file_name(file_seq, name);
	fd = openat(
		journal->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	memcpy(header.boot_id, journal->boot_id, sizeof(header.boot_id));
	journal_file_header_encode(&header, bytes);
	if (journal->io.pwrite(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		goto err_remove;
	if (journal->is_synced && (journal->io.fdatasync(fd) != 0 || fsync(journal->dir_fd) != 0)) {
		error = -errno;
		goto err_remove;
	}
	*ret_file = (struct journal_file){
		.fd = fd, .file_seq = file_seq, .size_bytes = JOURNAL_FILE_HEADER_BYTES};
	return 0;
err_remove:
	(void)close(fd);
	(void)journal->io.unlinkat(journal->dir_fd, name, 0); /* recovery ignores it anyway */
	return error;
}

static bool is_due(const struct journal *journal)
{
	uint64_t size_bytes = journal->current.size_bytes;

	return size_bytes >= journal->compact_min_bytes &&
	       size_bytes - journal->stats.live_bytes > size_bytes / 2 &&
	       size_bytes >= journal->stats.live_bytes;
}

/* Every live record is now in source; a failure to create the new file is retried later. */
static void begin(struct journal *journal)
{
	struct journal_entry *entry;
	struct journal_file file;
	uint32_t cursor = 0;

	if (journal_file_create(journal, journal->current.file_seq + 1, &file) != 0) {
		journal->stats.commit_failures++;
		return;
	}
	while ((entry = slab_next(journal->entries, &cursor)) != NULL)
		entry->is_in_source = true;
	journal->source = journal->current;
	journal->current = file;
	journal->cursor = 0;
	journal->is_source_copied = false;
}

/* Puts the next live records of source into the (empty) batch, up to a step. */
static void copy_step(struct journal *journal)
{
	size_t limit_bytes = journal->compact_step_bytes;
	struct journal_entry *entry;
	struct journal_record record;

	while (journal->batch_bytes < limit_bytes) {
		size_t size_bytes;

		entry = slab_next(journal->entries, &journal->cursor);
		if (entry == NULL) {
			journal->is_source_copied = true;
			return;
		}
		if (!entry->is_in_source)
			continue;
		size_bytes = journal_record_bytes(entry->value_bytes);
		if (journal->batch_bytes + size_bytes > journal->batch_capacity_bytes) {
			journal->cursor--; /* no room: the same one again next time */
			return;
		}
		if (journal_entry_read(journal, entry, &record) != 0) {
			journal->stats.corrupt_records++;
			journal_index_remove(journal, entry);
			continue;
		}
		memcpy(journal->batch + journal->batch_bytes, journal->value, size_bytes);
		entry->offset = journal->current.size_bytes + journal->batch_bytes;
		entry->is_in_source = false;
		journal->batch_bytes += size_bytes;
		journal->is_marked = false;
	}
}

static void finish(struct journal *journal)
{
	char name[JOURNAL_FILE_NAME_BYTES];

	journal_file_name(journal->source.file_seq, name);
	/* If it stays, its records lose to the higher generations; the next start removes it. */
	if (journal->io.unlinkat(journal->dir_fd, name, 0) != 0)
		return;
	if (journal->retired.fd >= 0)
		(void)close(journal->retired.fd); /* removed, so there is nothing to lose */
	journal->retired = journal->source;
	journal->source.fd = -1;
	journal->stats.compactions++;
}

/* Gives back some pages of the removed file: all at once would stop the loop for 0.1 ms each MiB. */
static void shrink_retired(struct journal *journal)
{
	struct journal_file *retired = &journal->retired;

	if (retired->size_bytes > RETIRED_STEP_BYTES) {
		retired->size_bytes -= RETIRED_STEP_BYTES;
		if (ftruncate(retired->fd, (off_t)retired->size_bytes) == 0)
			return;
	}
	(void)close(retired->fd); /* removed, so there is nothing to lose */
	retired->fd = -1;
}

void journal_compact(struct journal *journal)
{
	if (journal->retired.fd >= 0)
		shrink_retired(journal);
	if (journal->source.fd < 0) {
		if (is_due(journal))
			begin(journal);
	} else if (!journal->is_source_copied) {
		copy_step(journal);
	} else {
		finish(journal);
	}
}
