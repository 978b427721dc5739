/* SPDX-License-Identifier: MIT
 *
 * Where a record's parts go as it is written.
 */
#include "container/output.h"

#include <string.h>

#include "container/pool.h"

/* A record up to this size is handed to the sink in one piece. */
#define ONE_PIECE_MAX (UINT64_C(64) << 10)

snapjar_status sj_output_begin(sj_output *output, snapjar_context *context, snapjar_sink *sink, snapjar_error *err)
{
    *output = (sj_output){.context = context, .sink = sink, .spool = sj_pool_spool(context, err)};
    return output->spool ? SNAPJAR_OK : SNAPJAR_NO_MEMORY;
}

snapjar_status sj_output_go_direct(sj_output *output, size_t header_size, snapjar_error *err)
{
    SJ_TRY(sj_sink_skip(output->sink, header_size, err));
    output->is_direct = true;
    return SNAPJAR_OK;
}

snapjar_status sj_output_write(sj_output *output, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    return output->is_direct ? snapjar_sink_write(output->sink, bytes, size, err)
                             : sj_spool_write(output->spool, bytes, size, err);
}

static snapjar_status write_one_piece(const sj_output *output, const uint8_t *header, size_t header_size,
                                      const uint8_t *trailer, uint64_t record_size, snapjar_error *err)
{
    size_t payload_size = (size_t)sj_spool_size(output->spool);
    uint8_t *whole = sj_pool_get(output->context, SJ_POOL_RECORD, record_size);

    if (!whole)
        return sj_raise_no_memory(err, record_size);
    memcpy(whole, header, header_size);
    memcpy(whole + header_size, sj_spool_borrow(output->spool), payload_size);
    memcpy(whole + header_size + payload_size, trailer, SJ_TRAILER_SIZE);
    return snapjar_sink_write(output->sink, whole, (size_t)record_size, err);
}

snapjar_status sj_output_finish(sj_output *output, const uint8_t *header, size_t header_size, uint64_t record_size,
                                snapjar_error *err)
{
    uint8_t trailer[SJ_TRAILER_SIZE];

    sj_trailer_write(trailer, record_size, header + SJ_PREFIX_SIZE - SJ_CHECKSUM_SIZE);
    if (output->is_direct) {
        SJ_TRY(sj_sink_fill(output->sink, header, header_size, err));
    } else {
        if (record_size <= ONE_PIECE_MAX && sj_spool_borrow(output->spool))
            return write_one_piece(output, header, header_size, trailer, record_size, err);
        SJ_TRY(snapjar_sink_write(output->sink, header, header_size, err));
        SJ_TRY(sj_spool_copy_to(output->spool, output->sink, err));
    }
    return snapjar_sink_write(output->sink, trailer, sizeof(trailer), err);
}

void sj_output_undo(sj_output *output)
{
    /* If this fails, the sink has failed and says so at its next use. */
    if (output->is_direct && sj_sink_unskip(output->sink, NULL) != SNAPJAR_OK)
        return;
    output->is_direct = false;
}
