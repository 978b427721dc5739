/* SPDX-License-Identifier: MIT
 *
 * A walk over a pickle's opcodes that finds its end, its protocol and its number of out-of-band buffers, chunk by
 * chunk. It looks at no argument but PROTO's. snapjar_pickle_measure is the same over bytes that are all there.
 *
 * Use: sj_measure_init, sj_measure_feed for each chunk until sj_measure_is_done, sj_measure_finish.
 * Who needs the places of single opcodes reads tokens from the lexer (lexer.h), as inband.c does.
 */
#ifndef SJ_PICKLE_MEASURE_H
#define SJ_PICKLE_MEASURE_H

#include "pickle/lexer.h"

/** Fixed size, owns nothing. The fields are private but for `extent`, which is final once the walk is done. */
typedef struct sj_measure {
    sj_lexer lexer;
    snapjar_pickle_extent extent;
    /** Bits of the protocols of the opcodes so far, while no PROTO came first. */
    unsigned protocol_bits;
    bool has_protocol;
    bool is_done;
} sj_measure;

/**
 * Prepares for a pickle whose first byte has offset `base_offset`; offsets in errors count so, sizes count from that
 * byte. Of `limits` (NULL: defaults; its size field is not looked at) only pickle_line_size_max applies.
 */
void sj_measure_init(sj_measure *measure, const snapjar_limits *limits, uint64_t base_offset);

/**
 * Walks over the next `size` bytes, or up to the pickle's STOP: `*consumed` bytes. Fewer than `size` means that STOP
 * came; after it none is consumed. Fails as sj_lexer_next does, with `*consumed` 0; nothing but sj_measure_init may
 * follow a failure.
 */
snapjar_status sj_measure_feed(sj_measure *measure, const void *bytes, size_t size, size_t *consumed,
                               snapjar_error *err) __attribute__((warn_unused_result));

/** Whether STOP came. */
static inline bool sj_measure_is_done(const sj_measure *measure)
{
    return measure->is_done;
}

/** SNAPJAR_OK if STOP came, or else `pickle-empty` or `pickle-cut-short` at the end of what was fed. */
snapjar_status sj_measure_finish(const sj_measure *measure, snapjar_error *err) __attribute__((warn_unused_result));

#endif
