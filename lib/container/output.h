/* SPDX-License-Identifier: MIT
 *
 * A record on its way to a sink: payload frames as they are made, then the header that stands before them, and the
 * trailer. The frames wait in the kept spool until the header is known, or, where the sink can be filled in later, go
 * behind a gap of the size that the header is expected to have. One record at a time.
 */
#ifndef SJ_CONTAINER_OUTPUT_H
#define SJ_CONTAINER_OUTPUT_H

#include "container/record.h"

typedef struct sj_output {
    snapjar_context *context;
    snapjar_sink *sink;
    sj_spool *spool;
    /** The frames go to the sink, behind a gap. */
    bool is_direct;
} sj_output;

snapjar_status sj_output_begin(sj_output *output, snapjar_context *context, snapjar_sink *sink, snapjar_error *err);

/** Leaves a gap for a header frame of this size. Only where sj_sink_can_skip, and before the first frame. */
snapjar_status sj_output_go_direct(sj_output *output, size_t header_size, snapjar_error *err);

snapjar_status sj_output_write(sj_output *output, const uint8_t *bytes, size_t size, snapjar_error *err);

/** Writes the header and the trailer: the record is whole. A small one reaches the sink in one piece. */
snapjar_status sj_output_finish(sj_output *output, const uint8_t *header, size_t header_size, uint64_t record_size,
                                snapjar_error *err);

/** After a failure: takes back what has reached a sink that is still good. One that does not let it has failed. */
void sj_output_undo(sj_output *output);

#endif
