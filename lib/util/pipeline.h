/* SPDX-License-Identifier: MIT
 *
 * A job in stages over numbered items: fill (in order, calling thread), work (any order, any thread), drain (in order,
 * calling thread) and, if there is one, emit (in order, a thread of its own: for writing, which waits for the system
 * rather than computes). The calling thread works too when it has nothing else to do, so one thread and no emit means
 * no other thread and no locks. Knows nothing of what the items are.
 */
#ifndef SJ_UTIL_PIPELINE_H
#define SJ_UTIL_PIPELINE_H

#include <stdbool.h>

#include "util/context.h"
#include "util/error.h"

#define SJ_THREADS_MAX 64u
/** Slots are one more than threads, so that a worker finds its next item filled, and one more for emit; one thread
 * alone has one. */
#define SJ_SLOTS_MAX (SJ_THREADS_MAX + 2)

typedef struct sj_pipeline {
    /** Fills `slot` with the next item; `*has_item` false ends the job. */
    snapjar_status (*fill)(void *state, unsigned slot, bool *has_item, snapjar_error *err);
    /** Works on the item in `slot`; `worker` is 0 for the calling thread, else the number of the thread. */
    snapjar_status (*work)(void *state, unsigned slot, unsigned worker, snapjar_error *err);
    /** Takes the result out of `slot`, which is then free, or goes on to emit. */
    snapjar_status (*drain)(void *state, unsigned slot, snapjar_error *err);
    /** The last use of `slot`; NULL: there is no such stage. */
    snapjar_status (*emit)(void *state, unsigned slot, snapjar_error *err);
    void *state;
    /** 1 to SJ_THREADS_MAX. */
    unsigned threads;
} sj_pipeline;

/**
 * Runs the job to its end or first failure (the first in the order of items). A thread that cannot be started is done
 * without. When this returns, no thread of its own is left.
 */
snapjar_status sj_pipeline_run(snapjar_context *context, const sj_pipeline *job, snapjar_error *err);

#endif
