/* SPDX-License-Identifier: MIT
 *
 * What the library itself needs of sources and sinks beyond the public calls, the spool, and raw descriptor I/O.
 * Interrupted calls, short reads and partial writes are dealt with here (fd.c) and nowhere else.
 */
#ifndef SJ_UTIL_IO_H
#define SJ_UTIL_IO_H

#include <snapjar/io.h>

#include "util/context.h"
#include "util/error.h"

/** Direct access to a memory source's bytes, or NULL if the source is of another kind or the range is not inside. */
const uint8_t *sj_source_borrow(const snapjar_source *source, uint64_t offset, uint64_t size);

/** Reads exactly `size` bytes; fewer is SNAPJAR_CUT_SHORT with `diagnostic` at the source's end. */
snapjar_status sj_source_read_exact(snapjar_source *source, void *buffer, size_t size, uint64_t offset,
                                    snapjar_diagnostic diagnostic, snapjar_error *err);

/** Tells the system that the source will be read once from start to end (posix_fadvise); no effect elsewhere. */
void sj_source_expect_sequential(snapjar_source *source);

/** True if asking for the size would first read a pipe to its end. */
bool sj_source_is_unread(const snapjar_source *source);

/** Whether several threads may read from the source at once: so they may from files. */
bool sj_source_is_for_any_thread(const snapjar_source *source);

/** The name for messages ("" if it has none). Borrowed. */
const char *sj_source_name(const snapjar_source *source);

/** The path of the file that the source is, if it is known, else NULL. Borrowed. */
const char *sj_source_path(const snapjar_source *source);

bool sj_sink_is_transactional(const snapjar_sink *sink);

/**
 * As snapjar_sink_open_path, but the temporary neighbour is made with the first byte, so that nothing happens in the
 * folder if none is written. It cannot be finished without one, and has no gaps.
 */
snapjar_status sj_sink_open_path_late(snapjar_sink **sink, snapjar_context *context, const char *path,
                                      const snapjar_path_sink_options *options, snapjar_error *err);

/**
 * Whether bytes can be written before others that stand in front of them: so they can into the temporary file that
 * takes a path's place when all is done.
 */
bool sj_sink_can_skip(const snapjar_sink *sink);
/** Leaves out `size` bytes, to be filled in later. One gap at a time. */
snapjar_status sj_sink_skip(snapjar_sink *sink, uint64_t size, snapjar_error *err);
/**
 * Writes some bytes of the gap, `offset` bytes behind its start; none are written twice. Several threads may do so at
 * once. The sink does not learn of a failure: whoever called must not finish it.
 */
snapjar_status sj_sink_place(snapjar_sink *sink, const void *bytes, size_t size, uint64_t offset, snapjar_error *err);
/** Fills the gap. If it has another size than `size`, all that was written behind it is moved, which takes time. */
snapjar_status sj_sink_fill(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err);
/** Takes back the gap and all that was written behind it. */
snapjar_status sj_sink_unskip(snapjar_sink *sink, snapjar_error *err);

/** Room for `size` bytes at the end of a memory sink, to be followed by sj_sink_commit; NULL for other kinds or no
 * memory. */
uint8_t *sj_sink_reserve(snapjar_sink *sink, size_t size);
void sj_sink_commit(snapjar_sink *sink, size_t size);

/**
 * Bytes kept until they are known to be wanted: in memory up to a limit, beyond that in an unlinked temporary file
 * (in TMPDIR or /var/tmp).
 */
typedef struct sj_spool sj_spool;

snapjar_status sj_spool_new(sj_spool **spool, snapjar_context *context, uint64_t memory_max, snapjar_error *err);
snapjar_status sj_spool_write(sj_spool *spool, const void *bytes, size_t size, snapjar_error *err);
uint64_t sj_spool_size(const sj_spool *spool);
/** The bytes, if they all stand in one piece in memory, else NULL. Borrowed until the next call on the spool. */
const uint8_t *sj_spool_borrow(const sj_spool *spool);
/** Forgets the bytes and keeps the first block of memory for the next use. */
void sj_spool_reset(sj_spool *spool);
/** Writes everything to `sink`. */
snapjar_status sj_spool_copy_to(sj_spool *spool, snapjar_sink *sink, snapjar_error *err);
/** Makes a source of the spool and takes it, also on failure. */
snapjar_status sj_spool_take_source(snapjar_source **source, sj_spool *spool, const char *name, snapjar_error *err);
void sj_spool_free(sj_spool *spool);

/** pread/write loops. `*got` is short only at the end of the file. */
snapjar_status sj_fd_read_at(int fd, const char *name, void *buffer, size_t size, uint64_t offset, size_t *got,
                             snapjar_error *err);
snapjar_status sj_fd_read(int fd, const char *name, void *buffer, size_t size, size_t *got, snapjar_error *err);
snapjar_status sj_fd_write(int fd, const char *name, const void *bytes, size_t size, snapjar_error *err);
snapjar_status sj_fd_write_at(int fd, const char *name, const void *bytes, size_t size, uint64_t offset,
                              snapjar_error *err);

/** Opens a file with O_CLOEXEC, again when interrupted. */
snapjar_status sj_fd_open(int *fd, const char *path, int flags, unsigned mode, snapjar_error *err);

/** Takes an exclusive open file description lock on the whole file (fcntl F_OFD_SETLKW), waiting for it. */
snapjar_status sj_fd_lock(int fd, const char *path, snapjar_error *err);

/** fsync of the folder that holds `path`. */
snapjar_status sj_folder_sync(const char *path, snapjar_error *err);

#endif
