/* SPDX-License-Identifier: MIT
 *
 * Detached seals (spec/seals.md, section 10): a file of its own beside a snapshot that lists the snapshot's records,
 * all of them and in their order, and is signed as a whole. The snapshot stays as it is, byte for byte, and unlike the
 * seals inside it a detached one shows that records are missing at the end. A reader demands it by
 * snapjar_seal_demand.detached or .is_beside.
 */
#ifndef SNAPJAR_DETACHED_H
#define SNAPJAR_DETACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/seal.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What stands behind a snapshot's path in that of its detached seal. */
#define SNAPJAR_DETACHED_SUFFIX ".seal"
/** Records that one seal may list, and bytes of its file. */
#define SNAPJAR_DETACHED_RECORDS_MAX 65536
#define SNAPJAR_DETACHED_SIZE_MAX ((size_t)16 << 20)
/** Bytes of a signature of an algorithm that this version does not know. */
#define SNAPJAR_DETACHED_SIGNATURE_SIZE_MAX 1024

/**
 * Reads the text of a detached seal. Nothing in it is believed yet: a reader that demands it checks the signatures.
 * Fails with `seal-file-invalid`, `seal-unsupported` or `seal-limit` at the byte of the text. It does not change once
 * it is made: threads may share it.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_detached_read(snapjar_detached **detached,
                                                                    snapjar_context *context, const char *text,
                                                                    size_t size, snapjar_error *err);

/** The same for the file `path`. One that does not exist is SNAPJAR_IO with ENOENT. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_detached_open_path(snapjar_detached **detached,
                                                                         snapjar_context *context, const char *path,
                                                                         snapjar_error *err);

/** NULL is allowed. */
SNAPJAR_API void snapjar_detached_free(snapjar_detached *detached);

SNAPJAR_API size_t snapjar_detached_record_count(const snapjar_detached *detached);
SNAPJAR_API size_t snapjar_detached_signature_count(const snapjar_detached *detached);
/** Signature `index`, as it stands there; its algorithm is 0 if this version does not know it. SNAPJAR_NOT_FOUND beyond
 * the end. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_detached_signature(const snapjar_detached *detached, size_t index,
                                                                         snapjar_signature *signature,
                                                                         snapjar_error *err);

/**
 * Writes to `sink` a detached seal, by the sealer's keys and for its context, of all records of `source`, after their
 * headers and payloads' checksums were found to hold. The source is only read. Signatures of `kept` (may be NULL) by
 * other keys are taken over; if it is of other records than these, it fails with `seal-needs-replace`. Of `options`
 * (may be NULL) count the limits and the progress. `*count` (may be NULL) is the number of records. The sink is not
 * finished; on failure what was written must be thrown away.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_seal_detached(snapjar_sealer *sealer, snapjar_source *source,
                                                                    snapjar_sink *sink, const snapjar_detached *kept,
                                                                    const snapjar_seal_options *options,
                                                                    uint64_t *count, snapjar_error *err);

/**
 * Writes a detached seal to `sink` without the signatures of the key `key_id` (32 hex digits). `*left` (may be NULL) is
 * the number of signatures that stay; with none, the seal is good for nothing.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_unseal_detached(const snapjar_detached *detached,
                                                                      snapjar_sink *sink, const char *key_id,
                                                                      size_t *left, snapjar_error *err);

/* ---- files ---- */

/** Whether the snapshot `path` has something beside it that is called as its detached seal, be it a link to nothing. */
SNAPJAR_API bool snapjar_detached_is_beside(const char *path);

/**
 * Seals all records of the snapshot `path` in the file `seal_path`, which is replaced whole or stays as it is. As
 * snapjar_seal_detached otherwise: signatures of other keys that are there are taken over, unless `options->replace`,
 * and what is there must then be a detached seal. `*count` (may be NULL) is the number of records.
 *
 * It holds the lock of `seal_path` from before that file is read, as snapjar_sink_open_path does, and keeps those away
 * who append to the snapshot or replace it: it waits for them, so that a thread must not have a sink open on either
 * file. A snapshot that somebody changes without asking for the lock fails with `source-changed`. Pipes can be sealed,
 * and are not locked.
 *
 * Symbolic links are followed. A `seal_path` that leads to the snapshot fails with `target-unsafe`, one that leads to
 * no regular file with `seal-file-invalid`. After a failure `seal_path` is as it was, and `*blamed` (may be NULL) is
 * `path` or `seal_path`, whichever the error is about; after success it is NULL.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_seal_detached_path(
    snapjar_sealer *sealer, const char *path, const char *seal_path, snapjar_durability durability,
    const snapjar_seal_options *options, uint64_t *count, const char **blamed, snapjar_error *err);

/**
 * Takes the signatures of the key `key_id` (32 hex digits), or all of them if it is NULL, off the detached seal
 * `seal_path`, without checking any. The file is replaced whole; it is removed if no signature is left (of a symbolic
 * link the link), and stays as it is if none was taken off. The snapshot is not asked, and may be gone. `*removed`
 * (may be NULL) is the number of signatures: 0 if there is no such file.
 *
 * It holds the lock of the file meanwhile, and waits for it. What is no detached seal is not taken away: it fails as
 * snapjar_detached_open_path does, and with `seal-file-invalid` if it is no regular file. After a failure the file is
 * as it was, unless its folder could not be synced when it was gone already.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_unseal_detached_path(snapjar_context *context,
                                                                           const char *seal_path, const char *key_id,
                                                                           snapjar_durability durability,
                                                                           uint64_t *removed, snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
