/* SPDX-License-Identifier: MIT
 *
 * What a pickle would do, found without doing it: which globals it names and how it uses each, where; what else it
 * hands to the loader; the field names of its classes; and whatever no pickler writes. Linear in the size of the
 * pickle, chunk by chunk, without a node per value. Knows nothing of containers. No opcode is ever executed.
 *
 * Use: snapjar_scan_new, snapjar_scan_feed until all is consumed, snapjar_scan_finish; or snapjar_scan_pickle for bytes
 * that are all there. Only a scan whose finish gave SNAPJAR_OK may be believed; policy.h says what to make of it.
 */
#ifndef SNAPJAR_SCAN_H
#define SNAPJAR_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/header.h>
#include <snapjar/pickle.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An analysis under way or done. One thread at a time. */
typedef struct snapjar_scan snapjar_scan;

/** Zero means the default. A limit is the largest value still allowed; going over one gives SNAPJAR_LIMIT. */
typedef struct snapjar_scan_options {
    /** sizeof(snapjar_scan_options) of the program. */
    size_t struct_size;
    /** How the loader will read text of Python 2. */
    snapjar_string_encoding string_encoding;
    /** Offset of the pickle's first byte; all offsets count from there. */
    uint64_t base_offset;
    /** Values on the stack at once, and marks. Default 10,000,000 of each; never more than 2^30. 8 and 4 bytes each. */
    uint64_t stack_depth_max;
    /** Highest memo index + 1. Default 2^28; never more than 2^30. 5 bytes each. */
    uint64_t memo_count_max;
    /** Distinct globals. Default 65,536; never more than 2^20. */
    uint64_t global_count_max;
    /** Bytes of texts remembered: names, and in a pickle that comes in chunks memoized text. Default 32 MiB. */
    uint64_t text_size_max;
    /** Field names over all classes. Default 2^18, never more than 2^24. Beyond it `layout_is_whole` is false; no
     * failure. */
    uint64_t field_count_max;
    /** Findings kept; those beyond are only counted. Default 256. */
    uint64_t finding_count_max;
    /** Bytes of one line of a protocol 0 opcode, without its newline. Default 64 MiB. */
    uint64_t line_size_max;
} snapjar_scan_options;

#define SNAPJAR_SCAN_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_scan_options), SNAPJAR_STRING_ASCII, 0, 0, 0, 0, 0, 0, 0, 0                                     \
    }

#define SNAPJAR_SCAN_STACK_DEPTH_DEFAULT UINT64_C(10000000)
#define SNAPJAR_SCAN_MEMO_COUNT_DEFAULT (UINT64_C(1) << 28)
#define SNAPJAR_SCAN_GLOBAL_COUNT_DEFAULT UINT64_C(65536)
#define SNAPJAR_SCAN_TEXT_SIZE_DEFAULT (UINT64_C(32) << 20)
#define SNAPJAR_SCAN_FIELD_COUNT_DEFAULT (UINT64_C(1) << 18)
#define SNAPJAR_SCAN_FINDING_COUNT_DEFAULT UINT64_C(256)

/** Text that may be a name (of a global or a field) has at most so many bytes of UTF-8. */
#define SNAPJAR_SCAN_NAME_SIZE_MAX 1024

/** How a pickle uses a global. */
typedef enum snapjar_use {
    /** GLOBAL, STACK_GLOBAL, INST, EXT1, EXT2, EXT4, or getattr: it is looked up, which imports its module. */
    SNAPJAR_USE_IMPORT = 0,
    /** REDUCE, INST, OBJ: it is called. */
    SNAPJAR_USE_CALL = 1,
    /** NEWOBJ, NEWOBJ_EX, and copyreg's functions that do the same: an instance is made without calling __init__. */
    SNAPJAR_USE_NEW = 2,
    /** BUILD on what it made: __setstate__ or attributes. */
    SNAPJAR_USE_BUILD = 3,
    /** SETITEM, SETITEMS on what it made. */
    SNAPJAR_USE_SETITEM = 4,
    /** APPEND, APPENDS on what it made. */
    SNAPJAR_USE_APPEND = 5,
    /** It is part of another value: an argument, an element, a state. */
    SNAPJAR_USE_ARGUMENT = 6
} snapjar_use;

#define SNAPJAR_USE_COUNT 7

/** The name of a use ("import", "argument"). Static; "unknown" for a number that is none. */
SNAPJAR_API const char *snapjar_use_name(snapjar_use use);

typedef struct snapjar_use_record {
    uint64_t count;
    /** Of the first opcode that does it. SNAPJAR_OFFSET_NONE if `count` is 0. */
    uint64_t offset;
} snapjar_use_record;

/** One distinct global. Texts are UTF-8 that may hold anything: escape before printing. */
typedef struct snapjar_scan_global {
    /** As written; empty for an extension code. */
    snapjar_text module;
    snapjar_text name;
    /** As a Python 3 loader looks it up under the protocol in force: the same from protocol 3 on. */
    snapjar_text mapped_module;
    snapjar_text mapped_name;
    /** Of EXT1, EXT2, EXT4, or else 0. */
    uint32_t extension_code;
    /** The protocol in force where it is first named. */
    int protocol;
    /** Whether `mapped_name` is a path of attributes ("Outer.Inner"). */
    bool is_dotted;
    /**
     * No opcode names it: a call of builtins.getattr with a global and a text gives it, which is how picklers write
     * nested classes below protocol 4, and some write enumerations. `name` is the path of both.
     */
    bool is_attribute;
    /** False if its instances get state whose field names could not all be told. */
    bool fields_are_whole;
    snapjar_use_record uses[SNAPJAR_USE_COUNT];
} snapjar_scan_global;

/** Something that no pickler writes. Any finding means that the pickle must not be loaded as if it were ordinary. */
typedef struct snapjar_scan_finding {
    snapjar_diagnostic diagnostic;
    uint64_t offset;
    /** One sentence; bytes of the pickle are escaped. */
    char message[160];
} snapjar_scan_finding;

/** What kind of value the pickle is. */
typedef enum snapjar_root {
    SNAPJAR_ROOT_NONE = 0,
    SNAPJAR_ROOT_BOOL,
    SNAPJAR_ROOT_INT,
    SNAPJAR_ROOT_FLOAT,
    SNAPJAR_ROOT_STR,
    SNAPJAR_ROOT_BYTES,
    SNAPJAR_ROOT_BYTEARRAY,
    SNAPJAR_ROOT_TUPLE,
    SNAPJAR_ROOT_LIST,
    SNAPJAR_ROOT_DICT,
    SNAPJAR_ROOT_SET,
    SNAPJAR_ROOT_FROZENSET,
    SNAPJAR_ROOT_BUFFER,
    /** What `root_global` made. */
    SNAPJAR_ROOT_INSTANCE,
    /** `root_global` itself. */
    SNAPJAR_ROOT_GLOBAL,
    /** What the loader makes of a persistent id. */
    SNAPJAR_ROOT_PERSISTENT,
    /** The result of a call of something computed. */
    SNAPJAR_ROOT_COMPUTED
} snapjar_root;

/** The name of a kind of root: as Python's type ("dict"), or "instance", "global", ... Static. */
SNAPJAR_API const char *snapjar_root_name(snapjar_root root);

typedef struct snapjar_scan_summary {
    /** Whether the pickle was read to STOP, and all that is said here is final. */
    bool is_complete;
    /** False if a limit on layouts was reached, or a state's fields could not be told. */
    bool layout_is_whole;
    /** The operand of a PROTO that comes first, or else the highest protocol of any opcode. */
    int protocol;
    snapjar_root root;
    /** Index of the global that the root is or was made by; SIZE_MAX without one. */
    size_t root_global;
    /** Bytes from the first opcode to STOP, both included. */
    uint64_t size;
    uint64_t opcode_count;
    /** Most values on the stack at once, marks not counted. */
    uint64_t stack_depth;
    /** Distinct memo entries. */
    uint64_t memo_count;
    /** PERSID and BINPERSID. */
    snapjar_use_record persistent_ids;
    /** NEXT_BUFFER. */
    snapjar_use_record buffers;
    /** Calls of what is itself computed: the result of a call or a persistent id. */
    snapjar_use_record computed_calls;
    /** All findings, kept or not. */
    uint64_t finding_count;
} snapjar_scan_summary;

/** Makes a scan. `options` may be NULL. Free it with snapjar_scan_free before the context. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_scan_new(snapjar_scan **scan, snapjar_context *context,
                                                               const snapjar_scan_options *options, snapjar_error *err);

/** Frees a scan. NULL is allowed. */
SNAPJAR_API void snapjar_scan_free(snapjar_scan *scan);

/** Forgets everything but the options, keeps the memory: for the next pickle. Borrowed texts become invalid. */
SNAPJAR_API void snapjar_scan_reset(snapjar_scan *scan, uint64_t base_offset);

/**
 * Reads the next `size` bytes, or up to STOP: `*consumed` bytes (may be NULL). Fewer than `size` means that STOP came.
 * Fails with a `pickle-` diagnostic where a loader would fail or a limit is reached; the scan then stays failed until
 * it is reset, and what it found so far can be read.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_scan_feed(snapjar_scan *scan, const void *bytes, size_t size,
                                                                size_t *consumed, snapjar_error *err);

/**
 * Ends the analysis. `expected_size` is how many bytes the pickle must have, 0 if it is not known. Fails with
 * `pickle-empty` or `pickle-cut-short` if STOP did not come, `pickle-size-mismatch` at the end of the pickle if it came
 * elsewhere, or again with what a feed failed with.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_scan_finish(snapjar_scan *scan, uint64_t expected_size,
                                                                  snapjar_error *err);

/** Reset, feed and finish: the bytes must be one pickle from the first to the last. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_scan_pickle(snapjar_scan *scan, const void *bytes, size_t size,
                                                                  snapjar_error *err);

/** Borrowed until the scan is fed, reset or freed, as is all below. */
SNAPJAR_API const snapjar_scan_summary *snapjar_scan_summarize(snapjar_scan *scan);

/** Why the scan is not complete: NULL if it is; an error of status SNAPJAR_OK if it is merely under way. */
SNAPJAR_API const snapjar_error *snapjar_scan_failure(const snapjar_scan *scan);

/**
 * A number that stays the same from one pickle of this scan to the next only if what was found is the same but for
 * offsets and sizes: globals, uses, fields, root. So what was made of that, a verdict or a table, can be kept for it.
 * It changes at any other pickle, perhaps of the same kind too. 0 if the scan is not complete.
 */
SNAPJAR_API uint64_t snapjar_scan_generation(const snapjar_scan *scan);

SNAPJAR_API size_t snapjar_scan_global_count(const snapjar_scan *scan);
/** In the order of their first import; NULL beyond the end. */
SNAPJAR_API const snapjar_scan_global *snapjar_scan_global_at(snapjar_scan *scan, size_t index);

/**
 * The names of the fields in the states (dicts and slots) that instances of global `index` get, sorted by bytes, each
 * once; NULL and 0 if it has none. NULL also without memory: then `*count` is SIZE_MAX.
 */
SNAPJAR_API const snapjar_text *snapjar_scan_fields(snapjar_scan *scan, size_t index, size_t *count);

/** In the order they were found; NULL beyond those kept. */
SNAPJAR_API const snapjar_scan_finding *snapjar_scan_finding_at(const snapjar_scan *scan, size_t index);

#ifdef __cplusplus
}
#endif
#endif
