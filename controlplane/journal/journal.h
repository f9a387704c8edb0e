/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a restart must know: a store of key -> latest snapshot in append-only files. Machines'
 * records gather in a batch; journal_commit() writes the batch with one write() per loop turn,
 * before that turn's SIP and media output goes out ("journal first, then act"). What write() took
 * survives kill -9 of the process; with is_synced also a loss of power. A turn is replayed as a
 * whole or not at all.
 *
 * When dead bytes dominate, appends move to a new file at once and the live records of the old
 * one follow a few at a time; a crash at any point leaves files that replay to the same store.
 * Called by the loop thread only. Never decides what a record means.
 */
#ifndef TD_JOURNAL_JOURNAL_H
#define TD_JOURNAL_JOURNAL_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	JOURNAL_VALUE_MAX_BYTES = 256 * 1024,
};

/* Name spaces of ids. Values are on disk: never renumber. */
enum journal_kind {
	JOURNAL_CALL = 1,     /* id: call id; value: the call with its legs and dialogs */
	JOURNAL_EVENT = 2,    /* id: event sequence; value: event not yet safe in the event log */
	JOURNAL_BINDINGS = 3, /* id: of the user; value: what registered with us as him */
	JOURNAL_REGISTRATION = 4, /* id: of our registration; value: how far it has come */
	JOURNAL_TARGETS = 5,	  /* id: of a trunk's target URI; value: what its name meant */
	JOURNAL_SUBSCRIPTION = 6, /* id: of the subscription; value: who is told of whose calls */
	JOURNAL_KIND_COUNT
};

/* The system calls that change the disk, so that tests can fail the n-th. */
struct journal_io {
	ssize_t (*pwrite)(int fd, const void *bytes, size_t size_bytes, off_t offset);
	int (*ftruncate)(int fd, off_t size_bytes);
	int (*fdatasync)(int fd);
	int (*unlinkat)(int dir_fd, const char *name, int flags);
};

struct journal_config {
	const char *dir;	     /* created with mode 0700 if missing */
	uint32_t record_capacity;    /* live records; 0: 65536 */
	uint32_t batch_bytes;	     /* room for one turn; 0: 4 MiB */
	uint32_t compact_min_bytes;  /* no compaction below this file size; 0: 4 MiB */
	uint32_t compact_step_bytes; /* copied per commit at most; 0: 64 KiB */
	bool is_synced;		     /* fdatasync at each commit */
	const struct journal_io *io; /* NULL: the system's */
};

struct journal_stats {
	uint64_t records[JOURNAL_KIND_COUNT]; /* live, per kind */
	uint64_t file_bytes;		      /* of all files */
	uint64_t live_bytes;
	uint64_t written_bytes; /* since the start, copies by compaction included */
	uint64_t commits;
	uint64_t commit_failures;
	uint64_t compactions;
	uint64_t corrupt_records; /* found by journal_open(); each was left out */
	uint64_t torn_bytes;	  /* cut off the end by journal_open() */
	bool is_other_boot;	  /* the records found were written before the machine booted: their
			     * monotonic times mean nothing now */
};

struct journal;

/* Opens or creates the journal in config->dir and reads what is there. A torn tail is cut off,
 * corrupt records are left out and counted. -EBUSY if another process has it open, -ENOMEM,
 * -EFBIG (more live records than record_capacity), or the error of a system call. */
td_must_check int journal_open(const struct journal_config *config, struct journal **ret_journal);
/* Closes the files; what wasn't committed is gone. Accepts NULL. */
void journal_close(struct journal *journal);

/* Adds "kind/id is now value" to the batch; copies value. -EMSGSIZE (longer than
 * JOURNAL_VALUE_MAX_BYTES), -ENOSPC (record_capacity reached, or the batch is full and can't be
 * written); the store is then as before. */
td_must_check int journal_put(struct journal *journal, enum journal_kind kind, uint64_t id,
	const void *value, size_t value_bytes);
/* Adds "kind/id is gone" to the batch; nothing if there is none. -ENOSPC as above. */
td_must_check int journal_delete(struct journal *journal, enum journal_kind kind, uint64_t id);

/* Writes the batch, then a bounded piece of a compaction in progress. On error (-ENOSPC, -EIO, …)
 * the batch is kept and the next call tries again: the caller must not act on it yet. */
td_must_check int journal_commit(struct journal *journal);

/* Told each live record. value borrows until return. Non-zero stops the replay. */
typedef int journal_visit_fn(void *context, uint64_t id, const uint8_t *value, size_t value_bytes);

/* Tells visit the latest value of every live record of a kind, in no order. visit may put and
 * delete (a record of this kind that it adds may or may not be told), but not commit. Returns what
 * visit returned, or -EIO, -EBADMSG if a record can't be read back. */
td_must_check int journal_replay(
	struct journal *journal, enum journal_kind kind, journal_visit_fn *visit, void *context);

struct journal_stats journal_stats(const struct journal *journal);

#endif
