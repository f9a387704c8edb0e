/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch, the index and the API. A record's place is known when it is put: behind what is
 * written and what is batched. A failed write leaves the batch and that place as they were.
 */
#include "journal/journal.h"

#include "journal/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DEFAULT_RECORDS = 65536,
	DEFAULT_BATCH_BYTES = 4 * 1024 * 1024,
	DEFAULT_COMPACT_MIN_BYTES = 4 * 1024 * 1024,
	DEFAULT_COMPACT_STEP_BYTES = 64 * 1024,
};

static int sys_unlinkat(int dir_fd, const char *name, int flags)
{
	return unlinkat(dir_fd, name, flags);
}

static const struct journal_io system_io = {
	.pwrite = pwrite,
	.ftruncate = ftruncate,
	.fdatasync = fdatasync,
	.unlinkat = sys_unlinkat,
};

/* Ids are our own, so nobody can make them collide. */
static uint64_t key_hash(const struct journal_key *key)
{
	return table_id_hash(key->id ^ key->kind << 60);
}

struct journal_entry *journal_index_find(struct journal *journal, uint16_t kind, uint64_t id)
{
	struct journal_key key = {.id = id, .kind = kind};
	struct table_node *node =
		table_find_hashed(journal->index, &key, sizeof(key), key_hash(&key));

	return node == NULL ? NULL : td_container_of(node, struct journal_entry, node);
}

void journal_index_remove(struct journal *journal, struct journal_entry *entry)
{
	journal->stats.records[entry->key.kind]--;
	journal->stats.live_bytes -= journal_record_bytes(entry->value_bytes);
	table_remove(journal->index, &entry->node);
	slab_release(journal->entries, entry);
}

int journal_index_apply(struct journal *journal, const struct journal_record *record,
	uint64_t offset, bool is_in_source)
{
	struct journal_entry *entry = journal_index_find(journal, record->kind, record->id);
	slab_handle_t handle;

	if (record->op == JOURNAL_OP_DELETE) {
		if (entry != NULL)
			journal_index_remove(journal, entry);
		return 0;
	}
	if (entry == NULL) {
		entry = slab_take(journal->entries, &handle);
		if (entry == NULL)
			return -ENOSPC;
		entry->key = (struct journal_key){.id = record->id, .kind = record->kind};
		table_insert_hashed(journal->index, &entry->node, &entry->key, sizeof(entry->key),
			key_hash(&entry->key));
		journal->stats.records[record->kind]++;
	} else {
		journal->stats.live_bytes -= journal_record_bytes(entry->value_bytes);
	}
	journal->stats.live_bytes += journal_record_bytes(record->value_bytes);
	entry->generation = record->generation;
	entry->offset = offset;
	entry->value_bytes = record->value_bytes;
	entry->is_in_source = is_in_source;
	return 0;
}

int journal_entry_read(struct journal *journal, const struct journal_entry *entry,
	struct journal_record *ret_record)
{
	const struct journal_file *file =
		entry->is_in_source ? &journal->source : &journal->current;
	size_t size_bytes = journal_record_bytes(entry->value_bytes);
	ssize_t got = 0;
	int error;

	if (!entry->is_in_source && entry->offset >= file->size_bytes)
		memcpy(journal->value, journal->batch + (entry->offset - file->size_bytes),
			size_bytes);
	else
		got = pread(file->fd, journal->value, size_bytes, (off_t)entry->offset);
	if (got < 0)
		return -errno;
	error = journal_record_decode(journal->value, size_bytes, ret_record);
	if (error != 0 || ret_record->id != entry->key.id || ret_record->kind != entry->key.kind ||
		ret_record->op != JOURNAL_OP_PUT)
		return -EBADMSG;
	return 0;
}

/* Writes the whole batch behind what is written, or leaves file and batch as they were. */
static int write_batch(struct journal *journal)
{
	size_t done_bytes = 0;

	while (done_bytes < journal->batch_bytes) {
		ssize_t written = journal->io.pwrite(journal->current.fd,
			journal->batch + done_bytes, journal->batch_bytes - done_bytes,
			(off_t)(journal->current.size_bytes + done_bytes));
		int error = errno;

		if (written < 0 && error == EINTR)
			continue;
		if (written <= 0) {
			/* What was half written is written over by the next attempt; cutting it
			 * off only keeps a crash before that from counting a torn tail. */
			(void)journal->io.ftruncate(
				journal->current.fd, (off_t)journal->current.size_bytes);
			return written == 0 ? -EIO : -error;
		}
		done_bytes += (size_t)written;
	}
	if (journal->is_synced && done_bytes != 0 &&
		journal->io.fdatasync(journal->current.fd) != 0)
		return -errno;
	journal->current.size_bytes += done_bytes;
	journal->stats.written_bytes += done_bytes;
	journal->batch_bytes = 0;
	return 0;
}

/* Room for size_bytes in the batch, writing it early if need be; NULL if there is none. */
static uint8_t *reserve(struct journal *journal, size_t size_bytes)
{
	if (journal->batch_bytes + size_bytes > journal->batch_capacity_bytes) {
		if (write_batch(journal) != 0) {
			journal->stats.commit_failures++;
			return NULL;
		}
	}
	return journal->batch + journal->batch_bytes;
}

static int append(struct journal *journal, struct journal_record *record)
{
	size_t size_bytes = journal_record_bytes(record->value_bytes);
	uint8_t *room = reserve(journal, size_bytes);
	int error;

	if (room == NULL)
		return -ENOSPC;
	record->generation = journal->generation + 1;
	error = journal_index_apply(
		journal, record, journal->current.size_bytes + journal->batch_bytes, false);
	if (error != 0)
		return error;
	journal->generation++;
	journal_record_encode(record, room);
	journal->batch_bytes += size_bytes;
	journal->is_marked = false;
	return 0;
}

int journal_put(struct journal *journal, enum journal_kind kind, uint64_t id, const void *value,
	size_t value_bytes)
{
	struct journal_record record = {.kind = (uint16_t)kind,
		.op = JOURNAL_OP_PUT,
		.id = id,
		.value = value,
		.value_bytes = (uint32_t)value_bytes};

	assert(kind > 0 && kind < JOURNAL_KIND_COUNT && "a kind of journal.h");
	if (value_bytes > JOURNAL_VALUE_MAX_BYTES)
		return -EMSGSIZE;
	return append(journal, &record);
}

int journal_delete(struct journal *journal, enum journal_kind kind, uint64_t id)
{
	struct journal_record record = {.kind = (uint16_t)kind, .op = JOURNAL_OP_DELETE, .id = id};

	assert(kind > 0 && kind < JOURNAL_KIND_COUNT && "a kind of journal.h");
	if (journal_index_find(journal, record.kind, id) == NULL)
		return 0;
	return append(journal, &record);
}

/* Ends the batch with the mark that makes it count: a turn is replayed as a whole or not at all. */
static void mark_batch(struct journal *journal)
{
	struct journal_record mark = {.op = JOURNAL_OP_COMMIT, .generation = journal->generation};

	if (journal->is_marked)
		return;
	journal_record_encode(&mark, journal->batch + journal->batch_bytes);
	journal->batch_bytes += journal_record_bytes(0);
	journal->is_marked = true;
}

/* Has current's header name this boot, once the caller has had its say about what was found. */
static int stamp_boot(struct journal *journal)
{
	struct journal_file_header header = {.file_seq = journal->current.file_seq};
	uint8_t bytes[JOURNAL_FILE_HEADER_BYTES];

	memcpy(header.boot_id, journal->boot_id, sizeof(header.boot_id));
	journal_file_header_encode(&header, bytes);
	if (journal->io.pwrite(journal->current.fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	journal->must_stamp_boot = false;
	return 0;
}

int journal_commit(struct journal *journal)
{
	int error = 0;

	if (journal->batch_bytes == 0 && journal->source.fd < 0 && journal->retired.fd < 0)
		return 0;
	if (journal->batch_bytes != 0) {
		mark_batch(journal);
		error = write_batch(journal);
	}
	if (error == 0 && journal->must_stamp_boot)
		error = stamp_boot(journal);
	if (error != 0) {
		journal->stats.commit_failures++;
		return error;
	}
	journal->stats.commits++;
	journal_compact(journal);
	return 0;
}

int journal_replay(
	struct journal *journal, enum journal_kind kind, journal_visit_fn *visit, void *context)
{
	struct journal_entry *entry;
	struct journal_record record;
	uint32_t cursor = 0;
	int result;

	while ((entry = slab_next(journal->entries, &cursor)) != NULL) {
		if (entry->key.kind != (uint64_t)kind)
			continue;
		result = journal_entry_read(journal, entry, &record);
		if (result == 0)
			result = visit(context, record.id, record.value, record.value_bytes);
		if (result != 0)
			return result;
	}
	return 0;
}

struct journal_stats journal_stats(const struct journal *journal)
{
	struct journal_stats stats = journal->stats;

	stats.file_bytes = journal->current.size_bytes +
			   (journal->source.fd >= 0 ? journal->source.size_bytes : 0);
	return stats;
}

static int open_dir(struct journal *journal, const char *dir)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	journal->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->dir_fd < 0)
		return -errno;
	journal->lock_fd =
		openat(journal->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->lock_fd < 0)
		return -errno;
	if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static int allocate(struct journal *journal, const struct journal_config *config)
{
	/* Ids are our own, so the seed needn't be secret. */
	static const uint8_t seed[SIPHASH_SEED_BYTES] = {'j', 'o', 'u', 'r', 'n', 'a', 'l'};
	uint32_t capacity = config->record_capacity ? config->record_capacity : DEFAULT_RECORDS;
	size_t batch = config->batch_bytes ? config->batch_bytes : DEFAULT_BATCH_BYTES;
	int error;

	if (batch < journal_record_bytes(JOURNAL_VALUE_MAX_BYTES))
		batch = journal_record_bytes(JOURNAL_VALUE_MAX_BYTES);
	journal->batch_capacity_bytes = batch;
	journal->batch = malloc(batch + journal_record_bytes(0));
	journal->value = malloc(journal_record_bytes(JOURNAL_VALUE_MAX_BYTES));
	if (journal->batch == NULL || journal->value == NULL)
		return -ENOMEM;
	error = slab_create(capacity, sizeof(struct journal_entry), &journal->entries);
	return error != 0 ? error : table_create(capacity, seed, &journal->index);
}

int journal_open(const struct journal_config *config, struct journal **ret_journal)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int error;

	if (journal == NULL)
		return -ENOMEM;
	journal->io = config->io != NULL ? *config->io : system_io;
	journal->is_synced = config->is_synced;
	journal->compact_min_bytes =
		config->compact_min_bytes ? config->compact_min_bytes : DEFAULT_COMPACT_MIN_BYTES;
	journal->compact_step_bytes = config->compact_step_bytes ? config->compact_step_bytes
								 : DEFAULT_COMPACT_STEP_BYTES;
	journal->dir_fd = journal->lock_fd = journal->current.fd = journal->source.fd = -1;
	journal->retired.fd = -1;
	error = open_dir(journal, config->dir);
	if (error == 0)
		error = allocate(journal, config);
	if (error == 0)
		error = journal_recover(journal);
	if (error != 0) {
		journal_close(journal);
		return error;
	}
	*ret_journal = journal;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* nothing is buffered here */
}

void journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	close_if_open(journal->retired.fd);
	close_if_open(journal->source.fd);
	close_if_open(journal->current.fd);
	close_if_open(journal->lock_fd);
	close_if_open(journal->dir_fd);
	table_destroy(journal->index);
	slab_destroy(journal->entries);
	free(journal->value);
	free(journal->batch);
	free(journal);
}
