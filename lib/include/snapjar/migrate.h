/* SPDX-License-Identifier: MIT
 *
 * Old objects into current ones, by the migrations of a contract, and old files into records of the current format:
 * bare and compressed pickles, and the layout that many programs made for themselves, a length, a JSON header and a
 * pickle. Nothing is executed. What cannot be done faithfully is refused; what is current already is left alone.
 */
#ifndef SNAPJAR_MIGRATE_H
#define SNAPJAR_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/contract.h>
#include <snapjar/graph.h>
#include <snapjar/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

struct snapjar_seal_demand;

/* ---- objects ---- */

/** Paths that are told of each step. */
#define SNAPJAR_STEP_PATHS_MAX 3

/** What one step of a migration did. Texts are borrowed for the call. */
typedef struct snapjar_step_done {
    /** The migration, and the number of the step in it, from 0. */
    int64_t from;
    int64_t to;
    size_t step;
    /** As "rename_field". */
    const char *op;
    /** "" if it has none. */
    const char *description;
    /** Objects, or places, that the step was about, and those that it changed. */
    uint64_t matched_count;
    uint64_t changed_count;
    /** Where the first of these were. */
    size_t path_count;
    const char *paths[SNAPJAR_STEP_PATHS_MAX];
} snapjar_step_done;

/** Takes what a step did. Anything but SNAPJAR_OK ends the migration with that. */
typedef snapjar_status snapjar_take_step(void *state, const snapjar_step_done *done, snapjar_error *err);

/**
 * Applies the contract's migrations from version `from` to its current one to the object that a graph is. An object
 * that is not as the contract describes `from`, if it does, or that is not as it describes the current version
 * afterwards, is refused with `migration-layout`; a version from which no way leads with `migration-version`; and what
 * a step cannot do with the step's own diagnostic. After a failure the graph is good only to be freed. Of the current
 * version, and of accepted ones without a way, the object is only compared. `take` may be NULL, which saves time.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_migrate(snapjar_graph *graph,
                                                                    const snapjar_contract *contract, int64_t from,
                                                                    snapjar_take_step *take, void *state,
                                                                    snapjar_error *err);

/* ---- headers that programs made for themselves ---- */

/** How the length before a JSON header is written. */
typedef enum snapjar_old_length {
    /** Told from the bytes; refused with `old-header-ambiguous` where they can be read in two ways. */
    SNAPJAR_OLD_LENGTH_ANY = 0,
    SNAPJAR_OLD_LENGTH_LE32 = 1,
    SNAPJAR_OLD_LENGTH_BE32 = 2,
    SNAPJAR_OLD_LENGTH_LE64 = 3,
    SNAPJAR_OLD_LENGTH_BE64 = 4,
    /** There are no such headers. */
    SNAPJAR_OLD_LENGTH_NONE = 5
} snapjar_old_length;

/** A field of the old header that is the digest of what follows it. */
typedef struct snapjar_old_checksum {
    /** "crc32", "adler32", "xxh64", "xxh3-64", "xxh3-128", "md5" or "sha256". */
    const char *algorithm;
    const char *field;
} snapjar_old_checksum;

/** A field of the old header that becomes part of the new one's `build`. */
typedef struct snapjar_old_build {
    /** "app", "version", "commit", "python", "platform", "packages" (an object) or "packages.NAME". */
    const char *key;
    const char *field;
} snapjar_old_build;

/**
 * What fields of an old header mean. A field is a member's name, or names with dots between them. A field that is named
 * must be there and be usable, else `old-header-field`. Where type, schema version, time and labels are not named, the
 * members that are called as in this format ("type", "schema_version", "created", "labels") are taken, if they can be.
 * All other members become labels: numbers, texts, true, false and null as they are, all else as a text of JSON. The
 * checksums and the size are left out.
 */
typedef struct snapjar_old_options {
    /** sizeof(snapjar_old_options) of the program. */
    size_t struct_size;
    snapjar_old_length length;
    const char *type_field;
    /** An integer >= 0, or a text of digits. */
    const char *schema_version_field;
    /** A time as in RFC 3339 with its offset, or a number of seconds since 1970. */
    const char *created_field;
    /** An object whose members become labels. */
    const char *labels_field;
    /** Bytes of the payload behind the header. Without, it goes on to the next header, or to the end. */
    const char *size_field;
    const snapjar_old_build *build;
    size_t build_count;
    /** Each must hold for the bytes behind the header, as they are or decompressed: else `old-checksum-mismatch`. */
    const snapjar_old_checksum *checksums;
    size_t checksum_count;
} snapjar_old_options;

#define SNAPJAR_OLD_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(snapjar_old_options), SNAPJAR_OLD_LENGTH_ANY, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0            \
    }

/* ---- files ---- */

/** What became of a record. */
typedef struct snapjar_migrated {
    /** Number in the new file, from 0. */
    uint64_t index;
    /** Of the new record. Borrowed for the call. */
    const char *type;
    int64_t from_version;
    int64_t to_version;
    int from_protocol;
    int to_protocol;
    /** Bytes of the pickle before and after. */
    uint64_t from_size;
    uint64_t to_size;
    /** It was no record of this format before. */
    bool is_converted;
    /** It was copied, byte for byte. */
    bool is_copied;
    /** The pickle before and after, if `needs_graphs` is set and they differ; else NULL. */
    const snapjar_graph *before;
    const snapjar_graph *after;
} snapjar_migrated;

/** Takes what became of a record, in order. Anything but SNAPJAR_OK ends the migration with that. */
typedef snapjar_status snapjar_take_migrated(void *state, const snapjar_migrated *record, snapjar_error *err);

/** What became of the seals of a file that changed, in records. */
typedef struct snapjar_migrated_seals {
    /** They were sealed, and are sealed again by the sealer. */
    uint64_t renewed_count;
    /** They were not sealed, or `drop_seal` is set, and are sealed by the sealer. */
    uint64_t new_count;
    /** They were sealed, and what was their seal was left off. */
    uint64_t dropped_count;
} snapjar_migrated_seals;

typedef struct snapjar_migrate_options {
    /** sizeof(snapjar_migrate_options) of the program. */
    size_t struct_size;
    /**
     * Its migrations are applied to records of its type; borrowed. Records of versions that it accepts, and of other
     * types, are copied. NULL: nothing but the container changes.
     */
    const snapjar_contract *contract;
    /** Writes pickles again at `protocol`, 0 to 5. */
    bool has_protocol;
    int protocol;
    /**
     * A sealed record is refused with `record-sealed`, because its seal does not hold for a new record, unless there is
     * a `sealer`; or is not: whatever seal is there is then neither looked at nor kept.
     */
    bool drop_seal;
    /** How text of Python 2 is read in pickles that are in no record. */
    snapjar_string_encoding string_encoding;
    /** For pickles whose container does not say it. NULL: told from the pickle, as snapjar_pack does. */
    const char *type;
    /** The same; without `has_schema_version` it is 0. */
    bool has_schema_version;
    int64_t schema_version;
    /** NULL: defaults. */
    const snapjar_old_options *old;
    /** NULL: defaults. */
    const snapjar_limits *limits;
    /** `take` gets graphs, which take time and memory. */
    bool needs_graphs;
    snapjar_take_migrated *take;
    /** Takes what each step did to each record. */
    snapjar_take_step *take_step;
    void *state;
    /** Seals (seal.h) that every record of the source must have, before anything of it is migrated; NULL: as below. */
    const struct snapjar_seal_demand *seal;
    /**
     * Seals the new file: every record of it, also those that are copied, whose other signatures stay. The records are
     * one stream. Without `seal` and `drop_seal`, a source with any sealed record must be sealed by the sealer's own
     * keys, in its context, all of it; what has no seal at all gets one. One sealer for each thread. NULL: no seals.
     */
    snapjar_sealer *sealer;
    /** Gets what became of seals, all zero for a source that is current; or NULL. */
    snapjar_migrated_seals *seals;
    /** How the records that are made anew are stored: raw for one that is only loaded once from memory. */
    snapjar_compression compression;
} snapjar_migrate_options;

#define SNAPJAR_MIGRATE_OPTIONS_INIT                                                                                   \
    {                                                                                                                  \
        sizeof(snapjar_migrate_options), NULL, false, 0, false, SNAPJAR_STRING_ASCII, NULL, false, 0, NULL, NULL,      \
            false, NULL, NULL, NULL, NULL, NULL, NULL, SNAPJAR_COMPRESSION_AUTO                                        \
    }

typedef struct snapjar_migration {
    /** Nothing was to be done, and nothing was written. */
    bool is_current;
    /** What the source is; `has_old_header`: a header of the program's own stands before its pickles. */
    snapjar_input_kind kind;
    bool has_old_header;
    uint64_t record_count;
    /** Records that are others than before. */
    uint64_t changed_count;
    /** Records of other types than the contract's. */
    uint64_t foreign_count;
    /** Bytes that were written, and their XXH3-128: see snapjar_migration_check. */
    uint64_t size;
    uint8_t checksum[16];
} snapjar_migration;

/**
 * Writes what is in `source`, a file of any kind that pickles are kept in, to `sink` as records of the current format.
 * Labels, build info, time of creation, history, streams and unknown members of records go with them; `build.tool`,
 * `layout` and `payload` are made anew, and history gets an entry for each migration of the contract's that was done.
 * With a contract, the pickle is judged by its policy before (names that the migrations take away are admitted) and
 * after, and what becomes a record is as the contract describes its version. Records that are current already are
 * copied; a source of nothing but such ones is not written at all. Every new record was read again, checked and
 * compared with what it was meant to be before its first byte goes to the sink, which is not finished. `options` may be
 * NULL.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_migrate(snapjar_context *context, snapjar_source *source,
                                                              snapjar_sink *sink,
                                                              const snapjar_migrate_options *options,
                                                              snapjar_migration *migration, snapjar_error *err);

/** Reads `source`, where the sink's bytes went, and fails with `migrated-differs` unless they are those. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_migration_check(const snapjar_migration *migration,
                                                                      snapjar_context *context, snapjar_source *source,
                                                                      snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
