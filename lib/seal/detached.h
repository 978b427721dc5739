/* SPDX-License-Identifier: MIT
 *
 * What a detached seal is inside the library (spec/seals.md, "detached seals"): a list of records, and signatures over
 * the list's text. The text follows from the list, so that only the signatures' lines are kept as they stand.
 */
#ifndef SJ_SEAL_DETACHED_H
#define SJ_SEAL_DETACHED_H

#include <snapjar/detached.h>

#include "seal/area.h"
#include "seal/key.h"
#include "util/io.h"

/** The first line, and what it begins with in any version. */
#define SJ_DETACHED_TITLE_STEM "snapjar detached seal "
#define SJ_DETACHED_TITLE SJ_DETACHED_TITLE_STEM "1\n"
/** Bytes of a record's line at most, with the LF and a NUL. */
#define SJ_LISTED_LINE_SIZE 168

/** A record of the list. */
typedef struct sj_listed {
    uint8_t header_digest[SJ_BLAKE_SIZE];
    uint64_t stored_size;
    uint8_t payload_digest[SJ_BLAKE_SIZE];
} sj_listed;

/** One signature: what its entry points to, and its line. */
typedef struct sj_detached_line {
    uint8_t key_id[SJ_ID_SIZE];
    uint8_t context_id[SJ_ID_SIZE];
    uint8_t signature[SJ_SIGNATURE_SIZE];
    /** Where the line stands in `signatures`, with its LF. */
    size_t start;
    size_t size;
} sj_detached_line;

struct snapjar_detached {
    snapjar_context *context;
    sj_listed *records;
    size_t count;
    size_t capacity;
    /** The text of the list, which is what is signed. */
    uint64_t list_size;
    uint8_t list_digest[SJ_BLAKE_SIZE];
    /** An algorithm that this version does not know is number 0, and its signature is in the line only. */
    sj_seal_entry entries[SNAPJAR_SEAL_SIGNATURES_MAX];
    sj_detached_line lines[SNAPJAR_SEAL_SIGNATURES_MAX];
    size_t entry_count;
    /** The signatures' lines as they stand. */
    char *signatures;
};

/** An empty one, to be given records. */
snapjar_status sj_detached_new(snapjar_detached **detached, snapjar_context *context, snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * As snapjar_detached_open_path, of what must be a regular file: a path that the program did not choose may be that of
 * a pipe, which nobody ever writes to.
 */
snapjar_status sj_detached_open_file(snapjar_detached **detached, snapjar_context *context, const char *path,
                                     snapjar_error *err) __attribute__((warn_unused_result));

/** Adds a record at the end of the list; `seal-limit` at `offset` if there are too many. */
snapjar_status sj_detached_add(snapjar_detached *detached, const sj_listed *record, uint64_t offset, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Writes the list's text, whose size and digest the caller gets. */
snapjar_status sj_detached_write_list(const snapjar_detached *detached, snapjar_sink *sink, uint64_t *size,
                                      uint8_t digest[SJ_BLAKE_SIZE], snapjar_error *err)
    __attribute__((warn_unused_result));

/** Writes the lines of the signatures that are there, but for those of `count` keys with these ids. */
snapjar_status sj_detached_write_kept(const snapjar_detached *detached, const uint8_t *const *without, size_t count,
                                      size_t *written, snapjar_sink *sink, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Signs the list with `key` and writes the line. */
snapjar_status sj_detached_write_signature(const snapjar_detached *detached, const snapjar_key *key,
                                           const char *seal_context, snapjar_sink *sink, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The message for a context (NULL: none), in memory for sj_free. NULL without memory. */
uint8_t *sj_detached_message(size_t *size, snapjar_context *context, const snapjar_detached *detached,
                             const char *seal_context);

#endif
