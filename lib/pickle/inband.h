/* SPDX-License-Identifier: MIT
 *
 * Puts out-of-band buffers back into a pickle, so that plain `pickle.load` reads it. Everything else of the pickle
 * stays byte for byte as it is; no opcode is run.
 */
#ifndef SJ_PICKLE_INBAND_H
#define SJ_PICKLE_INBAND_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** A buffer that a NEXT_BUFFER opcode stands for. `data` may be NULL if `size` is 0. */
typedef struct sj_inband_buffer {
    const void *data;
    uint64_t size;
} sj_inband_buffer;

/** Takes `size` > 0 bytes in order, or fails. */
typedef snapjar_status sj_inband_sink(void *state, const void *bytes, size_t size, snapjar_error *err);

/**
 * Writes the pickle that `bytes` consists of to `sink` with each NEXT_BUFFER replaced by the next of `buffers`:
 * BYTEARRAY8 and its bytes, or BINBYTES8 and its bytes if READONLY_BUFFER follows at once, which is then left out.
 * FRAME opcodes are left out too, since their sizes would be wrong (frames are optional: load_frame of CPython's
 * Modules/_pickle.c only reads ahead). Without buffers the pickle is written as it is. Lines may have any length.
 *
 * All is checked before the first byte is written. Fails as snapjar_pickle_measure does, with `pickle-size-mismatch` at
 * the byte after STOP if that is not the last one, with `pickle-buffers-mismatch` at the end of the pickle if it asks
 * for another number of buffers, or with what `sink` fails with.
 */
snapjar_status sj_inband_write(const void *bytes, size_t size, const sj_inband_buffer *buffers, size_t buffer_count,
                               sj_inband_sink *sink, void *sink_state, snapjar_error *err)
    __attribute__((warn_unused_result));

#endif
