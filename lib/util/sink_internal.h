/* SPDX-License-Identifier: MIT
 *
 * What a sink is inside the library, so that a kind of sink can be added in a file of its own: a struct that begins
 * with a snapjar_sink and a table of functions. For the files that define kinds; all others use io.h.
 */
#ifndef SJ_UTIL_SINK_INTERNAL_H
#define SJ_UTIL_SINK_INTERNAL_H

#include "util/io.h"

typedef enum sj_sink_state { SJ_SINK_OPEN, SJ_SINK_FAILED, SJ_SINK_FINISHED } sj_sink_state;

typedef struct sj_sink_kind {
    /** Takes all bytes or fails. Never called after a failure or after finish. */
    snapjar_status (*write)(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err);
    /** Called at most once, and only if no write failed. May be NULL. */
    snapjar_status (*finish)(snapjar_sink *sink, snapjar_error *err);
    /**
     * Undoes what was done unless `sink->state` is SJ_SINK_FINISHED and gives up what the sink holds, but not the
     * struct, which snapjar_sink_free frees. May be NULL.
     */
    void (*close)(snapjar_sink *sink);
    /** As sj_sink_skip, sj_sink_place, sj_sink_fill and sj_sink_unskip. May be NULL, all four. */
    snapjar_status (*skip)(snapjar_sink *sink, uint64_t size, snapjar_error *err);
    snapjar_status (*place)(snapjar_sink *sink, const void *bytes, size_t size, uint64_t offset, snapjar_error *err);
    snapjar_status (*fill)(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err);
    snapjar_status (*unskip)(snapjar_sink *sink, snapjar_error *err);
    /** As snapjar_sink_replaced_links. May be NULL. */
    uint64_t (*replaced_links)(const snapjar_sink *sink);
    /** As snapjar_sink_torn_path. May be NULL. */
    const char *(*torn_path)(const snapjar_sink *sink);
} sj_sink_kind;

struct snapjar_sink {
    const sj_sink_kind *kind;
    snapjar_context *context;
    bool is_transactional;
    sj_sink_state state;
};

/** Memory for a kind's struct of `size` bytes; all but the snapjar_sink at its start is zero. */
snapjar_status sj_sink_new(snapjar_sink **sink, snapjar_context *context, size_t size, const sj_sink_kind *kind,
                           bool is_transactional, snapjar_error *err);

#endif
