/* SPDX-License-Identifier: MIT
 *
 * Snapshot files: one or more records, each a header and a compressed pickle (spec/format.md). Reading goes
 * through one gate whose order never changes: magic, header checksum, version and flags, signature if one is demanded,
 * JSON and fields, limits, stored checksum and digest, decompression to exactly the declared size, content checksum,
 * the pickle's opcodes to STOP, and with a policy what the pickle would do. Bytes are handed out only after all of it.
 */
#ifndef SNAPJAR_SNAPSHOT_H
#define SNAPJAR_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/context.h>
#include <snapjar/contract.h>
#include <snapjar/header.h>
#include <snapjar/io.h>
#include <snapjar/pickle.h>
#include <snapjar/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Called now and then by long calls, from the calling thread only, with bytes done and bytes in all (0: unknown).
 * Return false to cancel: the call fails with SNAPJAR_CANCELLED and undoes what it did.
 */
typedef bool snapjar_progress(void *state, uint64_t done, uint64_t total);

/* ---- reading ---- */

/** Reads the records of a source in order, or from any record on. */
typedef struct snapjar_reader snapjar_reader;

/** A record whose header was read and checked. Borrowed from the reader until its next call to next or seek. */
typedef struct snapjar_record snapjar_record;

/**
 * Makes a reader over `source`, which is borrowed and must outlive it. Nothing is read yet. `limits` may be NULL.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_reader_new(snapjar_reader **reader, snapjar_context *context,
                                                                 snapjar_source *source, const snapjar_limits *limits,
                                                                 snapjar_error *err);

/** Frees a reader and its current record. NULL is allowed. */
SNAPJAR_API void snapjar_reader_free(snapjar_reader *reader);

/**
 * Reads and checks the next record's header; no byte of the payload is read. Moving on from a record, it checks that
 * record's trailer. At the end of the file `*record` is NULL and the result SNAPJAR_OK, so a loop that ends so has
 * seen that every record is whole in size; what the payloads hold is told only by snapjar_record_verify.
 * An empty source fails with `empty-file`. After a failure the reader stays where it is.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_reader_next(snapjar_reader *reader, const snapjar_record **record,
                                                                  snapjar_error *err);

/** Goes to `file_offset`, where a header must begin: the next call to next reads it and counts from `index`. */
SNAPJAR_API void snapjar_reader_seek(snapjar_reader *reader, uint64_t file_offset, uint64_t index);

/**
 * Goes to the last record by its trailer, in constant time; the next call to next reads it. `index` of that record
 * is then unknown and counts from 0. Fails with `tail-torn` when the file does not end with a whole record.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_reader_seek_last(snapjar_reader *reader, snapjar_error *err);

SNAPJAR_API const snapjar_header *snapjar_record_header(const snapjar_record *record);
/** Number of the record in the file, from 0. */
SNAPJAR_API uint64_t snapjar_record_index(const snapjar_record *record);
/** Where the record's header frame begins in the file. */
SNAPJAR_API uint64_t snapjar_record_offset(const snapjar_record *record);
/** Bytes of the whole record: header frame, payload and trailer. */
SNAPJAR_API uint64_t snapjar_record_size(const snapjar_record *record);
/** Where the payload frames begin in the file. */
SNAPJAR_API uint64_t snapjar_record_payload_offset(const snapjar_record *record);

typedef struct snapjar_check_options {
    /** sizeof(snapjar_check_options) of the program. */
    size_t struct_size;
    /**
     * Threads that decompress a large payload, at most 64. The calling thread hashes, analyses and writes beside them
     * and calls the program's functions. 0: no other threads, the calling one does it all.
     */
    unsigned threads;
    /** Check the stored bytes and the trailer only; decompress nothing. For snapjar_record_verify. */
    bool stored_only;
    snapjar_progress *progress;
    void *progress_state;
    /**
     * Judges the pickle; borrowed. What it does not allow is not handed out: SNAPJAR_REFUSED with the diagnostic of the
     * first denial (`global-denied`), or with the status of what the analysis failed with. In snapjar_record_verify the
     * verdict is a result. NULL: no judgement. The buffers of a record come with it and need no permission.
     */
    const snapjar_policy *policy;
    /**
     * Is reset, takes on the record's string encoding, and has what was found in the pickle afterwards; NULL: a scan of
     * the library's own, with default limits. If the call fails for another reason than the policy's, so has the scan.
     */
    snapjar_scan *scan;
    /**
     * For snapjar_record_load and snapjar_record_unpack; borrowed. The record must be of its type and of a version that
     * it accepts or has migrations for, else `unexpected-type` or `migration-version`, before a byte of the payload is
     * read. What is handed out is of the current version, or of an accepted one: migrated in memory, and judged
     * by the contract's policy (or by `policy`, if there is one) as it comes out; on the way in, names are admitted
     * that the migrations take away. snapjar_record_verify does not look at it.
     */
    const struct snapjar_contract *contract;
} snapjar_check_options;

#define SNAPJAR_CHECK_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(snapjar_check_options), 0, false, NULL, NULL, NULL, NULL, NULL                                          \
    }

/** What a full check learnt. After a failure or stored_only nothing is analysed or allowed. */
typedef struct snapjar_verification {
    /** Opcodes of the pickle; 0 after stored_only. */
    uint64_t opcode_count;
    /** zstd frames of the payload. */
    uint64_t frame_count;
    /** The analysis followed the pickle to its STOP. If not, no loader can load it, or it is over a limit. */
    bool is_analysed;
    /** There is a policy, and it allows all that the pickle does. Never true of what was not analysed. */
    bool is_allowed;
    /** Distinct globals, and findings: things that no pickler writes (scan.h). 0 unless analysed. */
    uint64_t global_count;
    uint64_t finding_count;
    /** What the policy denies; findings are denied as well. */
    uint64_t denial_count;
    /** Why the pickle was not analysed, or the first denial; status SNAPJAR_OK if neither. */
    snapjar_error reason;
} snapjar_verification;

/**
 * Checks everything about the reader's current record in bounded memory (a few times `frame_size` a thread, however
 * large the payload, and the scan's): trailer, stored checksum, frames, decompression, content checksum, padding, the
 * pickle's opcodes to STOP. SNAPJAR_OK is the only answer that means whole; all others say what is wrong. A record is
 * whole whatever its pickle does, even if no loader could load it: `*result` says what the analysis came to, and what
 * the policy, which needs a result. `options` and `result` may be NULL.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_record_verify(snapjar_reader *reader,
                                                                    const snapjar_check_options *options,
                                                                    snapjar_verification *result, snapjar_error *err);

/**
 * Writes the record's pickle to `sink`, checked as by snapjar_record_verify. A sink that is not transactional gets its
 * first byte after everything was verified; of a transactional one, what it got must be thrown away if this fails
 * (do not finish it). Out-of-band buffers are put back into the pickle, so that plain pickle.load reads the result.
 * The sink is not finished. `options` may be NULL. Without a policy the bytes are handed out whatever they do.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_record_unpack(snapjar_reader *reader, snapjar_sink *sink,
                                                                    const snapjar_check_options *options,
                                                                    snapjar_error *err);

/** Verified content in memory of its own. */
typedef struct snapjar_content snapjar_content;

/**
 * Decompresses the record's content, checked as by snapjar_record_verify, straight into memory that the caller keeps.
 * Free it with snapjar_content_free before the context. On failure `*content` is NULL. `options` may be NULL. Without a
 * policy the bytes are handed out whatever they do: a program that goes on to load them should have one.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_record_load(snapjar_reader *reader, snapjar_content **content,
                                                                  const snapjar_check_options *options,
                                                                  snapjar_error *err);

/** The content's bytes, writable, at a multiple of 64: the pickle first (`pickle_size` bytes), then the buffers. */
SNAPJAR_API void *snapjar_content_data(snapjar_content *content, uint64_t *size, uint64_t *pickle_size);
/**
 * Where the buffers stand in the content, which is not where the header says if it was migrated; `*count` is 0 if there
 * are none. Borrowed from the content.
 */
SNAPJAR_API const snapjar_buffer_span *snapjar_content_buffers(const snapjar_content *content, size_t *count);
/** The schema version of the content: the header's, or the contract's if it was migrated. */
SNAPJAR_API int64_t snapjar_content_schema_version(const snapjar_content *content);
SNAPJAR_API void snapjar_content_free(snapjar_content *content);

/* ---- writing ---- */

typedef enum snapjar_compression {
    /** Compress unless that gains less than 1/128 of a frame, or 1/16 where there are buffers beside the pickle. */
    SNAPJAR_COMPRESSION_AUTO = 0,
    /** Store as raw zstd blocks: still a zstd stream, no time spent. */
    SNAPJAR_COMPRESSION_RAW = 1,
    /** Compress always. */
    SNAPJAR_COMPRESSION_ZSTD = 2
} snapjar_compression;

/** An out-of-band buffer to store beside a protocol 5 pickle. */
typedef struct snapjar_buffer {
    const void *data;
    size_t size;
} snapjar_buffer;

/** Seals records as they are written: seal.h. */
typedef struct snapjar_sealer snapjar_sealer;

typedef struct snapjar_pack_options {
    /** sizeof(snapjar_pack_options) of the program. */
    size_t struct_size;
    /**
     * Object type: not empty, UTF-8, at most 1,024 bytes. NULL: told from the pickle's root object. That is the class
     * (or function) that the root is made by, as "app.jobs:Job", or a type of Python's own, as "builtins:dict"; or else
     * SNAPJAR_TYPE_UNKNOWN, where the pickle does not say it: a bare global, a persistent id, a pickle that no Python
     * could load.
     */
    const char *type;
    /** The user's schema version, >= 0. */
    int64_t schema_version;
    /** RFC 3339 UTC; NULL: SOURCE_DATE_EPOCH from the environment, or else now. */
    const char *created;
    /** JSON object of build info to add to `tool` ({"app":"etl","version":"1.2"}); NULL: none. */
    const char *build_json;
    /** JSON object of string -> scalar; NULL: none. */
    const char *labels_json;
    snapjar_string_encoding string_encoding;
    snapjar_compression compression;
    /** zstd level, -7 to 22; 0: the default: 3, or 1 for frames up to 4 KiB, -1 up to 512 bytes. */
    int level;
    /**
     * Threads that compress a large pickle, at most 64. The calling thread reads, analyses and hashes beside them and
     * calls the program's functions. 0: no other threads, the calling one does it all.
     */
    unsigned threads;
    /** Content bytes of a frame: a power of two, 64 KiB to 8 MiB; 0: 2 MiB. */
    uint32_t frame_size;
    /** Out-of-band buffers, borrowed during the call, as many as the pickle has NEXT_BUFFER opcodes. */
    const snapjar_buffer *buffers;
    size_t buffer_count;
    /** Only limits on input apply (content_size_max, pickle_line_size_max); NULL: defaults. */
    const snapjar_limits *limits;
    snapjar_progress *progress;
    void *progress_state;
    /**
     * Is reset, takes on the string encoding, and has what was found in the pickle afterwards, whatever that is: it
     * decides nothing. NULL: a scan of the library's own. If the call fails, so has the scan.
     */
    snapjar_scan *scan;
    /** Seals the record, and says which one of its file it is; borrowed. NULL: no seal. */
    snapjar_sealer *sealer;
    /**
     * The pickle must be as this says for the type and version that it is stored as, or is refused (SNAPJAR_REFUSED):
     * `contract-drifted` with the fields that it has and those of the contract, `contract-type`, `contract-version`.
     * Borrowed. `type` NULL is the contract's then, and so is the version unless it is set. NULL: no contract.
     */
    const snapjar_contract *contract;
    /** With a contract: `schema_version` is meant, 0 too. */
    bool schema_version_is_set;
} snapjar_pack_options;

#define SNAPJAR_PACK_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_pack_options), NULL, 0, NULL, NULL, NULL, SNAPJAR_STRING_ASCII, SNAPJAR_COMPRESSION_AUTO, 0, 0, \
            0, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, false                                                      \
    }

/** Bytes of JSON that a header spends on `layout` at most; a larger one is left out. */
#define SNAPJAR_LAYOUT_SIZE_MAX ((size_t)64 << 10)

/** What was written. */
typedef struct snapjar_packed {
    /** Bytes of the pickle, which is where the next one begins in the source. */
    uint64_t pickle_size;
    /** Bytes of content and of the stored payload. */
    uint64_t size;
    uint64_t stored_size;
    /** Bytes of the whole record. */
    uint64_t record_size;
    int protocol;
} snapjar_packed;

/**
 * Reads the pickle that begins at `offset` of `source` to its STOP, exactly as it is, and writes one record to `sink`.
 * Any pickle that has an end is stored, whatever it does. On the way it is analysed: the header's `layout` gets the
 * field names of its classes, unless they are not all known, none has any, or they take more than
 * SNAPJAR_LAYOUT_SIZE_MAX.
 * A failure to read leaves the sink untouched: nothing is written before the whole pickle was read, or, into the
 * temporary file of a sink for a path, it is taken back. Elsewhere, and where the type is not given, compressed frames
 * are held in memory up to 256 MiB and beyond that in an unlinked temporary file. The sink is not finished. `packed`
 * may be NULL. Errors about the pickle count offsets from the start of `source` (SNAPJAR_SPACE_CONTENT).
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pack(snapjar_context *context, snapjar_source *source,
                                                           uint64_t offset, snapjar_sink *sink,
                                                           const snapjar_pack_options *options, snapjar_packed *packed,
                                                           snapjar_error *err);

typedef struct snapjar_append_options {
    /** sizeof(snapjar_append_options) of the program. */
    size_t struct_size;
    /** A torn tail is written to a new file beside the snapshot (snapjar_sink_torn_path), then cut off. */
    bool repair;
    /** Make the file if it is not there (atomically: it appears with its first record). */
    bool create;
    snapjar_durability durability;
    /** For the headers that are in the file. NULL: the defaults. Borrowed for the call. */
    const snapjar_limits *limits;
} snapjar_append_options;

#define SNAPJAR_APPEND_OPTIONS_INIT                                                                                    \
    {                                                                                                                  \
        sizeof(snapjar_append_options), false, false, SNAPJAR_DURABILITY_SYNC, NULL                                    \
    }

/**
 * Opens a snapshot file for appending and holds its lock (an open file description lock on the whole file) until the
 * sink is freed; waits for other appenders. The file must end with a whole record, else `tail-torn` (or `repair`). What
 * is written becomes part of the file on finish, synced; without finish the file is cut back to what it was.
 * `*repaired_size` (may be NULL) is the number of torn bytes set aside.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_open_append(snapjar_sink **sink, snapjar_context *context,
                                                                       const char *path,
                                                                       const snapjar_append_options *options,
                                                                       uint64_t *repaired_size, snapjar_error *err);

/* ---- input of other kinds ---- */

typedef enum snapjar_input_kind {
    SNAPJAR_INPUT_PICKLE = 0,
    SNAPJAR_INPUT_GZIP = 1,
    SNAPJAR_INPUT_BZIP2 = 2,
    SNAPJAR_INPUT_XZ = 3,
    SNAPJAR_INPUT_LZMA = 4,
    SNAPJAR_INPUT_ZLIB = 5,
    SNAPJAR_INPUT_ZSTD = 6,
    SNAPJAR_INPUT_SNAPSHOT = 7
} snapjar_input_kind;

/** The name of an input kind ("gzip"). Static. */
SNAPJAR_API const char *snapjar_input_kind_name(snapjar_input_kind kind);

/**
 * Looks at the first bytes of `source` and tells what it is; content decides, never a file name. Fails with
 * `input-not-pickle` if it is none of the kinds, `pickle-empty` if it is empty.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_input_detect(snapjar_source *source, snapjar_input_kind *kind,
                                                                   snapjar_error *err);

/**
 * Decompresses `source` of the given compressed kind to its end into `*plain`, a source of its own (memory, or an
 * unlinked temporary file when large), stopping with `input-too-large` at the content limit. Free it as any source.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_input_decompress(snapjar_source **plain, snapjar_context *context,
                                                                       snapjar_source *source, snapjar_input_kind kind,
                                                                       const snapjar_limits *limits,
                                                                       snapjar_error *err);

/* ---- recovering ---- */

typedef enum snapjar_recover_event {
    /** A whole record was copied. */
    SNAPJAR_RECOVER_KEPT = 0,
    /** Bytes belong to no whole record and were left out. */
    SNAPJAR_RECOVER_LOST = 1,
    /** A whole record was found by searching raw bytes: it may be data inside another's payload. */
    SNAPJAR_RECOVER_UNCONFIRMED = 2
} snapjar_recover_event;

/**
 * Called for each range of the source, in order. `reason` says what is wrong with a lost range, else it is NULL;
 * borrowed.
 */
typedef void snapjar_recover_report(void *state, snapjar_recover_event event, uint64_t file_offset, uint64_t size,
                                    const snapjar_error *reason);

typedef struct snapjar_recovered {
    uint64_t kept_count;
    uint64_t unconfirmed_count;
    uint64_t lost_size;
} snapjar_recovered;

/**
 * Copies every whole record of a damaged source to `kept`, byte for byte; records found by searching go to
 * `unconfirmed` (NULL: only counted). A record is whole if its header, stored checksum and trailer hold. Neither sink
 * is finished. SNAPJAR_OK means that the source was read to its end, not that nothing was lost: see `*recovered`.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_recover(snapjar_context *context, snapjar_source *source,
                                                              snapjar_sink *kept, snapjar_sink *unconfirmed,
                                                              const snapjar_limits *limits,
                                                              snapjar_recover_report *report, void *report_state,
                                                              snapjar_recovered *recovered, snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
