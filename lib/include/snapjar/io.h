/* SPDX-License-Identifier: MIT
 *
 * Sources are what the library reads from, sinks what it writes to. A program can make its own from a table
 * of functions. Interrupted calls, short reads and partial writes are dealt with inside.
 */
#ifndef SNAPJAR_IO_H
#define SNAPJAR_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sources ---- */

/** Bytes of a known size that can be read at any offset, and again. */
typedef struct snapjar_source snapjar_source;

/** The functions of a program's own source. */
typedef struct snapjar_source_functions {
    /** sizeof(snapjar_source_functions) of the program. */
    size_t struct_size;
    /** Reads `size` bytes at `offset`, all of them unless the source ends there; `*got` says how many. */
    snapjar_status (*read_at)(void *state, void *buffer, size_t size, uint64_t offset, size_t *got, snapjar_error *err);
    /** The size now. It may grow between calls when somebody appends. */
    snapjar_status (*get_size)(void *state, uint64_t *size, snapjar_error *err);
    /** Called once by snapjar_source_free. May be NULL. */
    void (*close)(void *state);
} snapjar_source_functions;

/**
 * A source over `size` bytes of the caller's memory, which must stay as they are until the source is freed.
 * `memory` may be NULL if `size` is 0.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_from_memory(snapjar_source **source,
                                                                         snapjar_context *context, const void *memory,
                                                                         size_t size, snapjar_error *err);

/**
 * Opens the file `path` for reading. A pipe, terminal or device is read as far as it is asked for, and to its end for
 * its size, and kept in memory, beyond 16 MiB in an unlinked temporary file; it may have up to `size_max` bytes (0: the
 * default content limit), else `input-too-large`. A directory is refused.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_open_path(snapjar_source **source,
                                                                       snapjar_context *context, const char *path,
                                                                       uint64_t size_max, snapjar_error *err);

/**
 * The same for an open descriptor, which stays the caller's and must stay open as long as the source. `name` is for
 * messages ("-").
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_from_fd(snapjar_source **source, snapjar_context *context,
                                                                     int fd, const char *name, uint64_t size_max,
                                                                     snapjar_error *err);

/** A source over the program's own functions; the table is copied, `state` is handed to them. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_from_functions(snapjar_source **source,
                                                                            snapjar_context *context,
                                                                            const snapjar_source_functions *functions,
                                                                            void *state, snapjar_error *err);

/**
 * Says that the bytes are those of the file at `path`, which is copied: beside it a detached seal is looked for
 * (seal.h). Sources that were opened by a path know it.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_set_path(snapjar_source *source, const char *path,
                                                                      snapjar_error *err);

/** The size in bytes now. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_size(snapjar_source *source, uint64_t *size,
                                                                  snapjar_error *err);

/** Reads `size` bytes at `offset`; fewer only at the end, `*got` says how many. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_source_read_at(snapjar_source *source, void *buffer, size_t size,
                                                                     uint64_t offset, size_t *got, snapjar_error *err);

/** Closes and frees a source. NULL is allowed. */
SNAPJAR_API void snapjar_source_free(snapjar_source *source);

/* ---- sinks ---- */

/**
 * Takes bytes in order. Either it is finished, and only then anything is visible for good, or it is freed
 * without, and everything it did is undone (as far as the target allows: see each kind).
 */
typedef struct snapjar_sink snapjar_sink;

/** The functions of a program's own sink. */
typedef struct snapjar_sink_functions {
    /** sizeof(snapjar_sink_functions) of the program. */
    size_t struct_size;
    /** Takes all `size` bytes or fails. */
    snapjar_status (*write)(void *state, const void *bytes, size_t size, snapjar_error *err);
    /** Makes everything written so far stand. May be NULL. */
    snapjar_status (*finish)(void *state, snapjar_error *err);
    /** Called once by snapjar_sink_free; `finished` says whether finish succeeded. May be NULL. */
    void (*close)(void *state, bool finished);
    /**
     * True if bytes count only once finish was called (a temporary file), false if a reader may use them at
     * once (a pipe). What is unpacked goes into a sink of the second kind only after all of it was verified.
     */
    bool is_transactional;
} snapjar_sink_functions;

typedef enum snapjar_durability {
    /** The file and its folder are synced before finish returns. */
    SNAPJAR_DURABILITY_SYNC = 0,
    /** Atomic replacement, but nothing is synced: after a power cut the old or the new file, or an empty one, is there.
     */
    SNAPJAR_DURABILITY_NONE = 1
} snapjar_durability;

typedef struct snapjar_path_sink_options {
    /** sizeof(snapjar_path_sink_options) of the program. */
    size_t struct_size;
    snapjar_durability durability;
    /**
     * Refuse with `target-exists` if `path` exists when it is opened or finished. Character devices and pipes are not
     * refused: writing there destroys nothing.
     */
    bool must_not_exist;
    /** Permission bits of a new file before umask, 0: 0666. A file that is replaced hands on its own mode. */
    unsigned mode;
} snapjar_path_sink_options;

#define SNAPJAR_PATH_SINK_OPTIONS_INIT                                                                                 \
    {                                                                                                                  \
        sizeof(snapjar_path_sink_options), SNAPJAR_DURABILITY_SYNC, false, 0                                           \
    }

/**
 * Writes to a temporary neighbour of `path` and renames it over `path` on finish. Mode, owner and extended
 * attributes of a file that is replaced are kept (owner and attributes as far as the system permits); a symbolic
 * link is followed, so that the file it points to is replaced; another hard link to the old file keeps the old
 * bytes (see snapjar_sink_replaced_links). Without finish the target is as it was and the temporary file is gone.
 * It holds the lock that an appender takes, from the opening of an existing file until the sink is freed, and waits for
 * it: one thread must not have an append sink and a path sink open on the same file.
 * A target that is not a regular file (a device, a pipe) is written in place, and is then not transactional.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_open_path(snapjar_sink **sink, snapjar_context *context,
                                                                     const char *path,
                                                                     const snapjar_path_sink_options *options,
                                                                     snapjar_error *err);

/** Writes to an open descriptor, which stays the caller's and open. Not transactional. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_from_fd(snapjar_sink **sink, snapjar_context *context,
                                                                   int fd, const char *name, snapjar_error *err);

/** Gathers the bytes in memory; see snapjar_sink_memory. Transactional. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_to_memory(snapjar_sink **sink, snapjar_context *context,
                                                                     snapjar_error *err);

/** A sink over the program's own functions; the table is copied. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_from_functions(snapjar_sink **sink, snapjar_context *context,
                                                                          const snapjar_sink_functions *functions,
                                                                          void *state, snapjar_error *err);

/** Writes `size` bytes. After a failure only snapjar_sink_free may follow. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_write(snapjar_sink *sink, const void *bytes, size_t size,
                                                                 snapjar_error *err);

/** Makes what was written stand. Nothing may be written afterwards. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sink_finish(snapjar_sink *sink, snapjar_error *err);

/** The bytes in a memory sink: borrowed, valid until the next call on the sink. NULL and 0 for other kinds. */
SNAPJAR_API const void *snapjar_sink_memory(const snapjar_sink *sink, size_t *size);

/** Empties a memory sink and keeps its memory, so that it can be used again. No effect on other kinds. */
SNAPJAR_API void snapjar_sink_reset(snapjar_sink *sink);

/** How many other names (hard links) the replaced file has, which keep the old bytes. 0 for other kinds. */
SNAPJAR_API uint64_t snapjar_sink_replaced_links(const snapjar_sink *sink);

/**
 * The file that torn bytes were moved to when the sink was opened (snapjar_sink_open_append with `repair`). Borrowed
 * from the sink. NULL if there were none, and for other kinds.
 */
SNAPJAR_API const char *snapjar_sink_torn_path(const snapjar_sink *sink);

/** Closes and frees a sink, undoing what was not finished. NULL is allowed. */
SNAPJAR_API void snapjar_sink_free(snapjar_sink *sink);

#ifdef __cplusplus
}
#endif
#endif
