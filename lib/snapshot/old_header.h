/* SPDX-License-Identifier: MIT
 *
 * The layout that many programs made for themselves: the length of a JSON header, the header, and behind it the pickle,
 * compressed or not. Found by content; what could be two things is refused, not guessed.
 */
#ifndef SJ_SNAPSHOT_OLD_HEADER_H
#define SJ_SNAPSHOT_OLD_HEADER_H

#include <snapjar/migrate.h>

#include "util/io.h"
#include "json/json.h"

typedef struct sj_old_header {
    snapjar_context *context;
    /** Where the length begins, and the first byte behind the header. */
    uint64_t offset;
    uint64_t payload_offset;
    /** The header; `root` is NULL if there is none. */
    char *json;
    size_t json_size;
    sj_json *root;
} sj_old_header;

/**
 * Looks for a header at `at`. SNAPJAR_OK with `root` NULL: there is none; `near` then says what is wrong with one that
 * nearly is (status SNAPJAR_OK: nothing). Fails with `old-header-ambiguous` if lengths of two kinds lead to headers.
 * Clear it in any case.
 */
snapjar_status sj_old_header_find(sj_old_header *header, snapjar_context *context, snapjar_source *source,
                                  uint64_t source_size, uint64_t at, snapjar_old_length length,
                                  const snapjar_limits *limits, snapjar_error *near, snapjar_error *err);
void sj_old_header_clear(sj_old_header *header);

/** A value by its name, or by a path of names with dots between them; NULL if it is not there. */
const sj_json *sj_old_header_get(const sj_old_header *header, const char *field);

/** `old-header-field` about a field, at the header. */
snapjar_status sj_old_header_raise(const sj_old_header *header, const char *field, snapjar_error *err,
                                   const char *what);

/**
 * Checks the payload of `size` bytes behind the header, and what it decompresses to (`plain`, may be NULL): the field's
 * value must be the digest of the one or of the other. `old-checksum-mismatch` if not.
 */
snapjar_status sj_old_header_check(const sj_old_header *header, const snapjar_old_checksum *checksum,
                                   snapjar_source *source, uint64_t size, snapjar_source *plain, snapjar_error *err);

#endif
