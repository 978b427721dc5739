/* SPDX-License-Identifier: MIT
 *
 * The gate: what must hold of a record's content before anyone gets it, in the one order there is (design of the
 * format, spec/format.md, "order of checks"). The header's part of it is container/record.h's.
 */
#ifndef SJ_SNAPSHOT_GATE_H
#define SJ_SNAPSHOT_GATE_H

#include <snapjar/snapshot.h>

#include "container/record.h"

struct snapjar_record {
    sj_record inner;
};

struct snapjar_reader {
    snapjar_context *context;
    snapjar_source *source;
    snapjar_limits limits;
    /** The seal that every record must have; its trust set is NULL if none is demanded. */
    sj_demand demand;
    char *demand_context;
    /** For a detached seal: the keys that signed it, and the seal itself if the reader opened it. */
    sj_accepted *accepted;
    snapjar_detached *detached;
    snapjar_record record;
    bool has_record;
    /** The header before the current one, for its stream; NULL for the first and after a seek. */
    snapjar_header *previous;
    /** The source's size when it was last asked for. */
    uint64_t source_size;
    /** Where the next record begins. */
    uint64_t next_offset;
    uint64_t next_index;
};

/** Where content goes while it is checked. */
typedef struct sj_gate {
    snapjar_reader *reader;
    const snapjar_check_options *options;
    /** Gives memory for the whole content, once its size is known to be meant; may be NULL. */
    snapjar_status (*prepare)(void *state, uint8_t **content, snapjar_error *err);
    void *prepare_state;
    /**
     * Gets the content in order as it passes the lexer, before the content checksum is known; may be NULL.
     */
    snapjar_sink *sink;
    /** The same for a spool. */
    sj_spool *spool;
    /** Analyse the pickle even if nobody asks for it, and give a verdict as a result, not as a failure. */
    bool is_check;
} sj_gate;

/**
 * Steps from the limits on: `result` may be NULL. Whatever was given out before a failure must be thrown away. If it
 * fails, so has the scan of the options.
 */
snapjar_status sj_gate_pass(const sj_gate *gate, snapjar_verification *result, snapjar_error *err);

/** The reader's record, or SNAPJAR_INVALID_ARGUMENT if it has none. */
snapjar_status sj_gate_record(const sj_record **record, const snapjar_reader *reader, snapjar_error *err);

#endif
