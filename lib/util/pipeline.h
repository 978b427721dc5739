/* SPDX-License-Identifier: MIT
 *
 * A job in stages over numbered items: fill (in order, calling thread), work (any order, worker threads) and drain (in
 * order, calling thread). The calling thread does not work itself: reading ahead, hashing and writing go on beside the
 * work, so that one worker alone is slowed down by none of them. Without workers all is done by the calling thread,
 * item by item, with no locks. Knows nothing of what the items are.
 */
#ifndef SJ_UTIL_PIPELINE_H
#define SJ_UTIL_PIPELINE_H

#include <stdbool.h>

#include "util/context.h"
#include "util/error.h"

#define SJ_THREADS_MAX 64u
#define SJ_SLOTS_MAX (SJ_THREADS_MAX + 1)

typedef struct sj_pipeline {
    /** Fills `slot` with the next item; `*has_item` false ends the job. */
    snapjar_status (*fill)(void *state, unsigned slot, bool *has_item, snapjar_error *err);
    /** Works on the item in `slot`; `worker` is below `threads`, or 0. */
    snapjar_status (*work)(void *state, unsigned slot, unsigned worker, snapjar_error *err);
    /** Takes the result out of `slot`, which is then free. */
    snapjar_status (*drain)(void *state, unsigned slot, snapjar_error *err);
    void *state;
    /** Worker threads, at most SJ_THREADS_MAX; 0: none. */
    unsigned threads;
} sj_pipeline;

/** Slots that are in use at once: one for each worker and one that is filled or drained meanwhile. More would only be
 * more memory to touch for the first time. */
static inline unsigned sj_pipeline_slots(unsigned threads)
{
    return threads + 1;
}

/**
 * Runs the job to its end or first failure (the first in the order of items). A thread that cannot be started is done
 * without. When this returns, no thread of its own is left.
 */
snapjar_status sj_pipeline_run(snapjar_context *context, const sj_pipeline *job, snapjar_error *err);

#endif
