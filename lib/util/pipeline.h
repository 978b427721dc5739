/* SPDX-License-Identifier: MIT
 *
 * A job in three stages over numbered items: fill (in order, calling thread), work (any order, any thread), drain (in order, calling
 * thread). The calling thread works too when it has nothing else to do, so one thread means no other thread and no locks that
 * wait. Knows nothing of what the items are.
 */
#ifndef SJ_UTIL_PIPELINE_H
#define SJ_UTIL_PIPELINE_H

#include <stdbool.h>

#include "util/context.h"
#include "util/error.h"

#define SJ_THREADS_MAX 64u
/** Slots are one more than threads, so that a worker finds its next item filled; with one thread there is one. */
#define SJ_SLOTS_MAX (SJ_THREADS_MAX + 1)

typedef struct sj_pipeline {
    /** Fills `slot` with the next item; `*has_item` false ends the job. */
    snapjar_status (*fill)(void *state, unsigned slot, bool *has_item, snapjar_error *err);
    /** Works on the item in `slot`; `worker` is 0 for the calling thread, else the number of the thread. */
    snapjar_status (*work)(void *state, unsigned slot, unsigned worker, snapjar_error *err);
    /** Takes the result out of `slot`, which is then free. */
    snapjar_status (*drain)(void *state, unsigned slot, snapjar_error *err);
    void *state;
    /** 1 to SJ_THREADS_MAX. */
    unsigned threads;
} sj_pipeline;

static inline unsigned sj_pipeline_slots(unsigned threads)
{
    return threads > 1 ? threads + 1 : 1;
}

/**
 * Runs the job to its end or first failure (the first in the order of items). A thread that cannot be started is done without.
 * When this returns, no thread of its own is left.
 */
snapjar_status sj_pipeline_run(snapjar_context *context, const sj_pipeline *job, snapjar_error *err);

#endif
