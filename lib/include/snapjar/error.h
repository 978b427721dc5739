/* SPDX-License-Identifier: MIT
 *
 * Where something is wrong, why, and what to do. The struct belongs to the caller, has a fixed size, and
 * filling it in never allocates. Every function that takes a `snapjar_error *` accepts NULL.
 */
#ifndef SNAPJAR_ERROR_H
#define SNAPJAR_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <snapjar/diagnostics.h>
#include <snapjar/export.h>
#include <snapjar/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What `snapjar_error.offset` counts from. */
typedef enum snapjar_space {
    /** The error has no offset. */
    SNAPJAR_SPACE_NONE = 0,
    /** Bytes from the start of the snapshot file (or the source). */
    SNAPJAR_SPACE_FILE = 1,
    /** Bytes from the start of the content: the pickle after decompression. */
    SNAPJAR_SPACE_CONTENT = 2
} snapjar_space;

#define SNAPJAR_OFFSET_NONE UINT64_MAX
#define SNAPJAR_ERROR_PLACE_SIZE 128
#define SNAPJAR_ERROR_MESSAGE_SIZE 320

/**
 * Filled in whole by a function that fails, untouched by one that succeeds; it needs no initialisation before
 * the call. Texts are UTF-8, end with NUL, are cut to fit, and hold no control characters: bytes of a file
 * that appear in them are escaped.
 */
typedef struct snapjar_error {
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    snapjar_space space;
    /** errno of the system call that failed, or 0. */
    int system_errno;
    /** Byte offset in `space`, or SNAPJAR_OFFSET_NONE. */
    uint64_t offset;
    /** Number of the record (from 0) the error is in, or SNAPJAR_OFFSET_NONE. */
    uint64_t record_index;
    /** A file's name or a header field's path as "payload.size"; empty if neither is known. */
    char place[SNAPJAR_ERROR_PLACE_SIZE];
    /** One sentence without full stop that names the field and the values. */
    char message[SNAPJAR_ERROR_MESSAGE_SIZE];
} snapjar_error;

/** One row of the table of diagnostics. All texts are static. */
typedef struct snapjar_diagnostic_info {
    snapjar_diagnostic diagnostic;
    /** As "header-checksum-mismatch": stable, for scripts. */
    const char *name;
    /** What is wrong, in a few words. */
    const char *summary;
    /** Why it happens and what to do. */
    const char *explanation;
} snapjar_diagnostic_info;

/** The name of a diagnostic; "none" for SNAPJAR_DIAG_NONE, "unknown" for a number that is none. Static. */
SNAPJAR_API const char *snapjar_diagnostic_name(snapjar_diagnostic diagnostic);

/** The number of rows in the table of diagnostics. */
SNAPJAR_API size_t snapjar_diagnostic_count(void);

/** Row `index` of the table, in the order of numbers, or NULL beyond its end. Static. */
SNAPJAR_API const snapjar_diagnostic_info *snapjar_diagnostic_at(size_t index);

/** The row with this name ("json-syntax") or number ("12", "SJ12"), or NULL. Static. */
SNAPJAR_API const snapjar_diagnostic_info *snapjar_diagnostic_find(const char *name);

/** What to do about a diagnostic: the explanation of its row; "" for SNAPJAR_DIAG_NONE. Static. */
SNAPJAR_API const char *snapjar_diagnostic_hint(snapjar_diagnostic diagnostic);

/**
 * Writes `size` bytes as printable ASCII into `out`: control characters, quotes, backslashes and bytes above
 * 0x7e become \xNN, \n, \r, \t, \" or \\. Always ends with NUL; a text that does not fit ends in "...".
 * Returns the length without NUL. `out_size` must be at least 4, else 0 is returned (and "" written if it is 1 or
 * more).
 */
SNAPJAR_API size_t snapjar_text_escape(char *out, size_t out_size, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
