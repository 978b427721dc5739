/* SPDX-License-Identifier: MIT
 *
 * One migration of a file: what its parts share.
 */
#ifndef SJ_SNAPSHOT_MIGRATING_H
#define SJ_SNAPSHOT_MIGRATING_H

#include <snapjar/migrate.h>
#include <snapjar/seal.h>

#include "checksum/checksum.h"
#include "header/header.h"
#include "snapshot/carry.h"

typedef struct sj_migrating {
    snapjar_context *context;
    snapjar_migrate_options options;
    snapjar_old_options old;
    snapjar_limits limits;
    snapjar_sink *out;
    /** A whole new record, and a new pickle, while they are made. */
    snapjar_sink *made;
    snapjar_sink *emitted;
    sj_checksum_state checksum;
    snapjar_migration result;
    snapjar_migrated_seals seals;
    /** The stream whose records no longer follow one another as they did, and the last new header of it. */
    char stream_id[SJ_STREAM_ID_SIZE + 1];
    uint8_t stream_previous[SJ_CHECKSUM_SIZE];
    /** In the keys that seal, where nobody says whom to trust; or NULL. */
    snapjar_trust *own_trust;
} sj_migrating;

/** A pickle on its way into a new record. */
typedef struct sj_incoming {
    /** Verified content: the pickle first, then the buffers. */
    const uint8_t *bytes;
    uint64_t pickle_size;
    const snapjar_buffer_span *buffers;
    size_t buffer_count;
    /** The context's kept scan, if it has gone over the pickle just now; or NULL. */
    snapjar_scan *scan;
    /** Offset of the first byte in messages. */
    uint64_t base_offset;
    snapjar_string_encoding string_encoding;
    /** 0: the default. */
    uint32_t frame_size;
    sj_carried carried;
    bool is_converted;
    /** Of another type than the contract's: only its place in a stream changes. */
    bool is_foreign;
    /** The record was sealed, by whom that was to be, and will be again. */
    bool is_renewed;
    /** Of the old header or the record, for messages. */
    uint64_t file_offset;
} sj_incoming;

/** Makes the new record, reads it again, and only then writes it. */
snapjar_status sj_migrate_pickle(sj_migrating *m, const sj_incoming *in, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Writes bytes of a record that stays as it is. */
snapjar_status sj_migrate_put(sj_migrating *m, const void *bytes, size_t size, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Counts what becomes of the seal of a record that is written, made anew or copied. */
void sj_migrate_count_seal(sj_migrating *m, bool was_sealed, bool is_copied);

/** Whether the header's record must be made anew because of the options or of the stream that it is in. */
snapjar_status sj_migrate_needs_work(const sj_migrating *m, const snapjar_header *header, uint64_t file_offset,
                                     bool *needs_work, bool *is_foreign, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Goes over a snapshot that is not compressed as a whole. `is_wanted`: it is written even if all of it is current. */
snapjar_status sj_migrate_snapshot(sj_migrating *m, snapjar_source *source, bool is_wanted, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Goes over pickles with headers of the program's own, of which `header` is the first. Takes it. */
snapjar_status sj_migrate_old(sj_migrating *m, snapjar_source *source, uint64_t source_size, sj_old_header *header,
                              snapjar_error *err) __attribute__((warn_unused_result));

/** Goes over bare pickles in `source`, which may be compressed; `carried` (may be NULL) goes with each. */
snapjar_status sj_migrate_pickles(sj_migrating *m, snapjar_source *source, uint64_t base_offset,
                                  const sj_carried *carried, snapjar_error *err) __attribute__((warn_unused_result));

/** What is wrong with the options, or NULL. Static. */
const char *sj_old_options_fault(const snapjar_old_options *options);

/** `old-header-ambiguous` if what begins at the header can be read as a pickle, too. */
snapjar_status sj_migrate_check_ambiguous(const sj_migrating *m, snapjar_source *source, uint64_t source_size,
                                          const sj_old_header *header, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Makes `reader` demand the seals that must hold before a record of `source` is migrated, if any must. */
snapjar_status sj_migrate_demand(sj_migrating *m, snapjar_source *source, snapjar_reader *reader, snapjar_error *err)
    __attribute__((warn_unused_result));

/** For what is no snapshot: `seal-missing` if a seal is demanded. */
snapjar_status sj_migrate_refuse_unsealed(const sj_migrating *m, snapjar_error *err)
    __attribute__((warn_unused_result));

typedef snapjar_status sj_migrate_source(sj_migrating *m, snapjar_source *source, snapjar_error *err);

/** Calls `migrate`, and seals what it wrote, if there is a sealer. */
snapjar_status sj_migrate_and_seal(sj_migrating *m, snapjar_source *source, sj_migrate_source *migrate,
                                   snapjar_error *err) __attribute__((warn_unused_result));

#endif
