/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's inside, shared by its own files only: journal.c (batch and API), recovery.c
 * (opening), compaction.c.
 */
#ifndef TD_JOURNAL_STORE_H
#define TD_JOURNAL_STORE_H

#include "journal/format.h"
#include "journal/journal.h"
#include "util/slab.h"
#include "util/table.h"

#include <tandem/compiler.h>

enum {
	JOURNAL_FILE_NAME_BYTES = 40,
};

/* One file; fd -1: there is none. */
struct journal_file {
	int fd;
	uint64_t file_seq;
	uint64_t size_bytes; /* written well; what lies behind isn't ours */
};

/* The key as the index sees it: no padding. */
struct journal_key {
	uint64_t id;
	uint64_t kind;
};

/* Where the latest value of a key lies. */
struct journal_entry {
	struct table_node node;
	struct journal_key key;
	uint64_t generation;
	uint64_t offset;
	uint32_t value_bytes;
	bool is_in_source; /* else in current */
};

struct journal {
	struct journal_io io;
	int dir_fd;
	int lock_fd;
	bool is_synced;
	bool must_stamp_boot; /* current's header still names an older boot */
	uint32_t compact_min_bytes;
	uint32_t compact_step_bytes;
	uint8_t boot_id[JOURNAL_BOOT_ID_BYTES];
	struct journal_file current; /* appended to */
	struct journal_file source;  /* being emptied by compaction */
	struct journal_file retired; /* removed; its pages are given back bit by bit */
	uint32_t cursor;	     /* compaction's place in the slab */
	bool is_source_copied;	     /* all copies stand in the batch or in current */
	struct slab *entries;
	struct table *index;
	uint64_t generation; /* last given */
	uint8_t *batch;	     /* will be written at current.size_bytes */
	size_t batch_bytes;
	size_t batch_capacity_bytes; /* the mark of its end has room behind that */
	bool is_marked;		     /* the batch ends with such a mark */
	uint8_t *value;		     /* scratch for one whole record */
	struct journal_stats stats;
};

/* Name of the file with that number. */
void journal_file_name(uint64_t file_seq, char name[JOURNAL_FILE_NAME_BYTES]);
/* Creates a file with its header and makes it *ret_file. */
td_must_check int journal_file_create(
	struct journal *journal, uint64_t file_seq, struct journal_file *ret_file);
/* Reads the files that are in the directory and opens current (recovery.c). */
td_must_check int journal_recover(struct journal *journal);
/* Notes a put or delete in the index; offset is where the record lies. -ENOSPC. */
td_must_check int journal_index_apply(struct journal *journal, const struct journal_record *record,
	uint64_t offset, bool is_in_source);
struct journal_entry *journal_index_find(struct journal *journal, uint16_t kind, uint64_t id);
/* Forgets an entry. */
void journal_index_remove(struct journal *journal, struct journal_entry *entry);
/* Reads an entry's record, from the file or the batch, into journal->value and checks it. -EIO,
 * -EBADMSG. */
td_must_check int journal_entry_read(struct journal *journal, const struct journal_entry *entry,
	struct journal_record *ret_record);
/* Does a bounded piece of compaction with an empty batch (compaction.c). */
void journal_compact(struct journal *journal);

#endif
