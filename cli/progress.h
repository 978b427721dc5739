/* SPDX-License-Identifier: MIT
 *
 * How far a long command is: a line on a terminal's standard error, from its second second on. And the wish to stop:
 * while something is being written, an interrupt is kept until everything is cleaned up.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    /** What is done, as "packing". */
    const char *verb;
    /** The numbers are bytes, not files. */
    bool is_bytes;
    bool is_shown;
    bool is_line_open;
    int64_t begun_ms;
    int64_t drawn_ms;
};

/** `is_wanted` false: never shows anything. */
void progress_begin(struct progress *progress, const char *verb, bool is_bytes, bool is_wanted);

/** Has the form of snapjar_progress: `state` is a struct progress. False if the user wants to stop. */
bool progress_update(void *state, uint64_t done, uint64_t total);

/** Removes the line, so that something else can be printed. */
void progress_clear(struct progress *progress);

/**
 * From here to interrupt_release, SIGINT, SIGTERM and SIGHUP only make progress_update false. Calls nest; within
 * an outer pair, from any thread.
 */
void interrupt_hold(void);

/** True if such a signal came meanwhile. */
bool interrupt_is_pending(void);

/** Lets a signal that came meanwhile do what it would have done. */
void interrupt_release(void);

#endif
