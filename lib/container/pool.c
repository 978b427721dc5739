/* SPDX-License-Identifier: MIT
 *
 * Kept buffers.
 */
#include "container/pool.h"

#include "util/bytes.h"

/* Compressed frames beyond this go to a temporary file. */
#define SPOOL_MEMORY_MAX (UINT64_C(256) << 20)
/* A buffer is not kept for itself alone below this: small ones grow by doubling from here. */
#define BUFFER_SIZE_MIN 4096

/* From here on a buffer is at least a huge page: what is not touched costs nothing, and what is, far less. */
#define LARGE_SIZE_MIN (UINT64_C(256) << 10)
#define LARGE_SIZE (UINT64_C(2) << 20)

typedef struct buffer {
    uint8_t *bytes;
    void *block;
    uint64_t size;
} buffer;

typedef struct pool {
    buffer buffers[SJ_POOL_COUNT];
    sj_spool *spool;
} pool;

static void release(snapjar_context *context, void *pointer)
{
    pool *kept = pointer;

    for (unsigned i = 0; i < SJ_POOL_COUNT; i++)
        sj_free(context, kept->buffers[i].block);
    sj_spool_free(kept->spool);
    sj_free(context, kept);
}

static pool *get_pool(snapjar_context *context)
{
    if (!context->slots[SJ_SLOT_CONTAINER].kept) {
        context->slots[SJ_SLOT_CONTAINER].kept = sj_alloc_zero(context, sizeof(pool));
        context->slots[SJ_SLOT_CONTAINER].release = release;
    }
    return context->slots[SJ_SLOT_CONTAINER].kept;
}

uint8_t *sj_pool_get(snapjar_context *context, unsigned number, uint64_t size)
{
    pool *kept = get_pool(context);

    if (!kept)
        return NULL;
    buffer *b = &kept->buffers[number];
    if (size > b->size || !b->bytes) {
        uint64_t room = BUFFER_SIZE_MIN;
        while (room < size && room < LARGE_SIZE_MIN)
            room *= 2;
        if (room < size)
            room = size < LARGE_SIZE ? LARGE_SIZE : size;
        sj_free(context, b->block);
        *b = (buffer){NULL, NULL, 0};
        b->bytes = sj_alloc_large(context, room, &b->block);
        if (b->bytes)
            b->size = room;
    }
    return b->bytes;
}

sj_spool *sj_pool_spool(snapjar_context *context, snapjar_error *err)
{
    pool *kept = get_pool(context);

    if (!kept) {
        (void)sj_raise_no_memory(err, sizeof(*kept));
        return NULL;
    }
    if (!kept->spool && sj_spool_new(&kept->spool, context, SPOOL_MEMORY_MAX, err) != SNAPJAR_OK)
        return NULL;
    sj_spool_reset(kept->spool);
    return kept->spool;
}
