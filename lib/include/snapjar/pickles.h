/* SPDX-License-Identifier: MIT
 *
 * The pickles of a file, whatever it is: a snapshot's records, one pickle or several one after another, all that also
 * inside gzip, bzip2, xz, lzma, zlib or zstd. Content decides, never a file's name. What is none of these is refused
 * with `input-not-pickle`; nothing is passed over.
 *
 * Use: snapjar_pickles_open, then snapjar_pickles_next until it gives NULL; for each pickle, if its bytes are wanted,
 * snapjar_pickles_load or snapjar_pickles_scan.
 */
#ifndef SNAPJAR_PICKLES_H
#define SNAPJAR_PICKLES_H

#include <snapjar/scan.h>
#include <snapjar/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

struct snapjar_seal_demand;

/** A walk over the pickles of one source. One thread at a time. */
typedef struct snapjar_pickles snapjar_pickles;

typedef struct snapjar_pickles_options {
    /** sizeof(snapjar_pickles_options) of the program. */
    size_t struct_size;
    /** How text of Python 2 is read in pickles that are in no snapshot; a record says it itself. */
    snapjar_string_encoding string_encoding;
    /** Threads that work on a large payload, as in snapjar_check_options. */
    unsigned threads;
    /** NULL: defaults. content_size_max applies to decompressed input too. Copied. */
    const snapjar_limits *limits;
    /** Called while a pickle is loaded or scanned. */
    snapjar_progress *progress;
    void *progress_state;
    /**
     * Demands a seal of every record (seal.h); what is no snapshot has none and is refused with `seal-missing`. NULL:
     * none is demanded. Borrowed while the walk is opened; its trust set until the walk is freed.
     */
    const struct snapjar_seal_demand *seal;
} snapjar_pickles_options;

#define SNAPJAR_PICKLES_OPTIONS_INIT                                                                                   \
    {                                                                                                                  \
        sizeof(snapjar_pickles_options), SNAPJAR_STRING_ASCII, 0, NULL, NULL, NULL, NULL                               \
    }

/** A pickle that was come to. Borrowed until the next call of snapjar_pickles_next or snapjar_pickles_free. */
typedef struct snapjar_pickles_item {
    /** Number of the pickle in the file, from 0. */
    uint64_t index;
    /** Where it begins in the file, or in what the file decompresses to; of a snapshot, where the record does. */
    uint64_t offset;
    /**
     * What offsets of opcodes count from here: the pickle's first byte has this offset in scans and errors. 0 in a
     * record, where content is counted; else the same as `offset`.
     */
    uint64_t base_offset;
    /** Of the record; NULL outside of a snapshot. */
    const snapjar_header *header;
    /** The record's, or that of the options. */
    snapjar_string_encoding string_encoding;
} snapjar_pickles_item;

/**
 * Looks at what `source` is and, if it is compressed, decompresses all of it (into memory, beyond 64 MiB into an
 * unlinked temporary file). `source` is borrowed and must outlive the walk. `options` may be NULL. Fails with
 * `input-not-pickle` for what is no pickle of any kind and for what is compressed twice, with `pickle-empty` for what
 * is empty, or as snapjar_input_decompress does. Free it with snapjar_pickles_free before the context.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickles_open(snapjar_pickles **pickles, snapjar_context *context,
                                                                   snapjar_source *source,
                                                                   const snapjar_pickles_options *options,
                                                                   snapjar_error *err);

/** Frees a walk and its current item. NULL is allowed. */
SNAPJAR_API void snapjar_pickles_free(snapjar_pickles *pickles);

/** What the source is. A compressed one may hold pickles or a snapshot: see the items. */
SNAPJAR_API snapjar_input_kind snapjar_pickles_kind(const snapjar_pickles *pickles);

/**
 * Goes to the next pickle; `*item` is NULL after the last one. Moving on from a bare pickle that was neither loaded nor
 * scanned looks for its end; moving on from a record checks its trailer. So a walk that ends with NULL has come to the
 * end of the file, and all of it are pickles or records; it has not been said that they are sound. Where that fails,
 * with what loading or scanning the pickle failed with if they did, nothing behind can be found, and the walk stays
 * where it is.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickles_next(snapjar_pickles *pickles,
                                                                   const snapjar_pickles_item **item,
                                                                   snapjar_error *err);

/**
 * Gives the current pickle in memory that the caller keeps, and behind it the buffers, if it is a record with such.
 * Its opcodes end with STOP at its last byte, and a record has passed all checks of snapjar_record_load; that a loader
 * could load it is not said. Fails with `input-joblib-array` where a pickle breaks off because joblib has put raw
 * arrays into it. Free it with snapjar_content_free before the context. On failure `*content` is NULL.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickles_load(snapjar_pickles *pickles, snapjar_content **content,
                                                                   snapjar_error *err);

/**
 * Gives all bytes from the first of the current pickle to the end of the input, whatever they are: for showing what is
 * wrong with a bare pickle that snapjar_pickles_load refuses. Of a record nothing unverified is given out:
 * SNAPJAR_INVALID_ARGUMENT.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickles_load_rest(snapjar_pickles *pickles,
                                                                        snapjar_content **content, snapjar_error *err);

/**
 * Resets `scan`, gives it the pickle's string encoding and base offset, and feeds it the current pickle in bounded
 * memory. SNAPJAR_OK if and only if the pickle was read whole (and a record passed all checks): the scan may then be
 * judged. On any failure the scan has failed with the same error, so that judging it gives "not analysed".
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickles_scan(snapjar_pickles *pickles, snapjar_scan *scan,
                                                                   snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
