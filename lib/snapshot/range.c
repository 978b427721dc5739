/* SPDX-License-Identifier: MIT
 *
 * A part of a source.
 */
#include "snapshot/range.h"

#include "util/bytes.h"
#include "util/source_internal.h"

typedef struct range_source {
    snapjar_source base;
    snapjar_source *whole;
    uint64_t offset;
    uint64_t size;
} range_source;

static snapjar_status range_read(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                 snapjar_error *err)
{
    const range_source *range = (const range_source *)source;
    uint64_t left = offset < range->size ? range->size - offset : 0;
    return snapjar_source_read_at(range->whole, buffer, (size_t)sj_min(size, left), range->offset + offset, got, err);
}

static snapjar_status range_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    (void)err;
    *size = ((const range_source *)source)->size;
    return SNAPJAR_OK;
}

static const uint8_t *range_borrow(const snapjar_source *source, uint64_t offset, uint64_t size)
{
    const range_source *range = (const range_source *)source;
    if (offset > range->size || size > range->size - offset)
        return NULL;
    return sj_source_borrow(range->whole, range->offset + offset, size);
}

static const sj_source_kind range_kind = {.read_at = range_read, .get_size = range_size, .borrow = range_borrow};

snapjar_status sj_source_from_range(snapjar_source **range, snapjar_source *source, uint64_t offset, uint64_t size,
                                    snapjar_error *err)
{
    SJ_TRY(sj_source_new(range, source->context, sizeof(range_source), &range_kind, sj_source_name(source), err));
    range_source *made = (range_source *)*range;
    made->whole = source;
    made->offset = offset;
    made->size = size;
    return SNAPJAR_OK;
}
