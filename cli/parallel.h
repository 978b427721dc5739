/* SPDX-License-Identifier: MIT
 *
 * Many small jobs on several threads, whose results come out in the order of the jobs.
 */
#ifndef CLI_PARALLEL_H
#define CLI_PARALLEL_H

#include <stddef.h>

struct parallel {
    size_t count;
    /** Threads, 1 to PARALLEL_JOBS_MAX; 1: none beside the calling one. */
    unsigned jobs;
    /** Bytes of a result. Results begin as zeros and are used again and again: see `work`. */
    size_t result_size;
    void *state;
    /** Does job `index` into `result`, which holds what an earlier job left in it. `worker` is 0 to jobs - 1. */
    void (*work)(void *state, unsigned worker, size_t index, void *result);
    /** Takes the results one by one, in order; never two at a time. */
    void (*emit)(void *state, size_t index, void *result);
    /** Frees what is in a result, at the end. */
    void (*release)(void *result);
};

#define PARALLEL_JOBS_MAX 64

/** Runs all jobs. Where threads cannot be made, fewer do. */
void parallel_run(const struct parallel *jobs);

/** The number of processors that this process may use. */
unsigned parallel_processors(void);

#endif
