/* SPDX-License-Identifier: MIT
 *
 * The spool: bytes that are written once, in order, and wanted later or not at all. In blocks of memory up to a limit,
 * the rest in a file without a name, so that nothing is left behind whatever happens to the process.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/fd.h"
#include "util/source_internal.h"

/** The first block is small and kept for reuse; the others are made for large data, where huge pages pay. */
#define FIRST_BLOCK_SIZE ((size_t)64 << 10)
#define SECOND_BLOCK_SIZE ((size_t)2 << 20)
#define BLOCK_SIZE_MAX ((size_t)8 << 20)
#define COPY_SIZE ((size_t)256 << 10)
#define OWN_BLOCKS 8

static const char file_name[] = "temporary file";

/** Blocks follow one another without gaps: all but the last are full. */
typedef struct block {
    uint8_t *bytes;
    void *allocation;
    /** Where its first byte is in the spool. */
    uint64_t start;
    size_t capacity;
} block;

struct sj_spool {
    snapjar_context *context;
    uint64_t memory_max;
    uint64_t size;
    /** Bytes in blocks; the others, if any, are in the file from its offset 0 on. */
    uint64_t memory_size;
    block *blocks;
    size_t block_count;
    size_t block_capacity;
    /** -1 as long as there is none. */
    int fd;
    /** Where `blocks` points until there are more: nearly always. */
    block own_blocks[OWN_BLOCKS];
};

typedef struct spool_source {
    snapjar_source base;
    sj_spool *spool;
} spool_source;

snapjar_status sj_spool_new(sj_spool **spool, snapjar_context *context, uint64_t memory_max, snapjar_error *err)
{
    *spool = NULL;
    sj_spool *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->memory_max = memory_max;
    made->blocks = made->own_blocks;
    made->block_capacity = OWN_BLOCKS;
    made->fd = -1;
    *spool = made;
    return SNAPJAR_OK;
}

/** Makes room for one more entry in the list of blocks. */
static snapjar_status grow_list(sj_spool *spool, snapjar_error *err)
{
    assert(spool->blocks != NULL); /* At first `own_blocks`. */
    if (spool->block_count < spool->block_capacity)
        return SNAPJAR_OK;
    size_t capacity = spool->block_capacity * 2;
    block *blocks = sj_alloc(spool->context, capacity * sizeof *blocks);
    if (blocks == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *blocks);
    memcpy(blocks, spool->blocks, spool->block_count * sizeof *blocks);
    if (spool->blocks != spool->own_blocks)
        sj_free(spool->context, spool->blocks);
    spool->blocks = blocks;
    spool->block_capacity = capacity;
    return SNAPJAR_OK;
}

/** Adds an empty block; only called while `memory_size` is below `memory_max` and all blocks are full. */
static snapjar_status add_block(sj_spool *spool, snapjar_error *err)
{
    SJ_TRY(grow_list(spool, err));
    size_t capacity = spool->block_count == 0 ? FIRST_BLOCK_SIZE : SECOND_BLOCK_SIZE;
    for (size_t i = 2; i <= spool->block_count && capacity < BLOCK_SIZE_MAX; i++)
        capacity *= 2;
    capacity = (size_t)sj_min(capacity, spool->memory_max - spool->memory_size);
    block *added = &spool->blocks[spool->block_count];
    added->bytes = sj_alloc_large(spool->context, capacity, &added->allocation);
    if (added->bytes == NULL)
        return sj_raise_no_memory(err, capacity);
    added->start = spool->memory_size;
    added->capacity = capacity;
    spool->block_count++;
    return SNAPJAR_OK;
}

static snapjar_status write_file(sj_spool *spool, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    if (spool->fd < 0)
        SJ_TRY(sj_fd_open_unnamed(&spool->fd, err));
    SJ_TRY(sj_fd_write(spool->fd, file_name, bytes, size, err));
    spool->size += size;
    return SNAPJAR_OK;
}

snapjar_status sj_spool_write(sj_spool *spool, const void *bytes, size_t size, snapjar_error *err)
{
    const uint8_t *from = bytes;
    while (size > 0 && spool->memory_size < spool->memory_max) {
        const block *last = spool->block_count == 0 ? NULL : &spool->blocks[spool->block_count - 1];
        if (last == NULL || spool->memory_size - last->start == last->capacity) {
            SJ_TRY(add_block(spool, err));
            last = &spool->blocks[spool->block_count - 1];
        }
        size_t used = (size_t)(spool->memory_size - last->start);
        size_t part = size < last->capacity - used ? size : last->capacity - used;
        memcpy(last->bytes + used, from, part);
        spool->memory_size += part;
        spool->size += part;
        from += part;
        size -= part;
    }
    return size == 0 ? SNAPJAR_OK : write_file(spool, from, size, err);
}

uint64_t sj_spool_size(const sj_spool *spool)
{
    return spool->size;
}

const uint8_t *sj_spool_borrow(const sj_spool *spool)
{
    return spool->block_count == 1 && spool->memory_size == spool->size ? spool->blocks[0].bytes : NULL;
}

/** Frees all blocks from number `kept` on. */
static void free_blocks(sj_spool *spool, size_t kept)
{
    while (spool->block_count > kept)
        sj_free(spool->context, spool->blocks[--spool->block_count].allocation);
}

void sj_spool_reset(sj_spool *spool)
{
    free_blocks(spool, 1);
    spool->memory_size = 0;
    spool->size = 0;
    if (spool->fd >= 0)
        (void)close(spool->fd);
    spool->fd = -1;
}

void sj_spool_free(sj_spool *spool)
{
    if (spool == NULL)
        return;
    sj_spool_reset(spool);
    free_blocks(spool, 0);
    if (spool->blocks != spool->own_blocks)
        sj_free(spool->context, spool->blocks);
    sj_free(spool->context, spool);
}

static snapjar_status copy_file(sj_spool *spool, void *buffer, snapjar_sink *sink, snapjar_error *err)
{
    uint64_t file_size = spool->size - spool->memory_size;
    for (uint64_t offset = 0; offset < file_size;) {
        size_t part = (size_t)sj_min(COPY_SIZE, file_size - offset);
        size_t got;
        SJ_TRY(sj_fd_read_at(spool->fd, file_name, buffer, part, offset, &got, err));
        if (got != part)
            return sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_READ_FAILED, SJ_NOWHERE,
                            "the temporary file ends at %" PRIu64 " instead of %" PRIu64, offset + got, file_size);
        SJ_TRY(snapjar_sink_write(sink, buffer, part, err));
        offset += part;
    }
    return SNAPJAR_OK;
}

snapjar_status sj_spool_copy_to(sj_spool *spool, snapjar_sink *sink, snapjar_error *err)
{
    for (size_t i = 0; i < spool->block_count; i++) {
        const block *from = &spool->blocks[i];
        uint64_t size = sj_min(from->capacity, spool->memory_size - from->start);
        SJ_TRY(snapjar_sink_write(sink, from->bytes, (size_t)size, err));
    }
    if (spool->size == spool->memory_size)
        return SNAPJAR_OK;
    void *buffer = sj_alloc(spool->context, COPY_SIZE);
    if (buffer == NULL)
        return sj_raise_no_memory(err, COPY_SIZE);
    snapjar_status status = copy_file(spool, buffer, sink, err);
    sj_free(spool->context, buffer);
    return status;
}

/* ---- a spool as a source ---- */

/** The block that holds the byte at `offset`, which must be below `memory_size`. */
static const block *find_block(const sj_spool *spool, uint64_t offset)
{
    size_t low = 0;
    size_t high = spool->block_count - 1;
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (spool->blocks[middle].start <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return &spool->blocks[low];
}

static snapjar_status spool_read_at(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                    snapjar_error *err)
{
    const sj_spool *spool = ((spool_source *)source)->spool;
    uint8_t *to = buffer;
    if (offset >= spool->size)
        return SNAPJAR_OK;
    size = (size_t)sj_min(size, spool->size - offset);
    size_t done = 0;
    while (done < size && offset + done < spool->memory_size) {
        const block *from = find_block(spool, offset + done);
        uint64_t end = sj_min(from->start + from->capacity, spool->memory_size);
        size_t part = (size_t)sj_min(size - done, end - (offset + done));
        memcpy(to + done, from->bytes + (offset + done - from->start), part);
        done += part;
    }
    size_t file_got = 0;
    if (done < size)
        SJ_TRY(sj_fd_read_at(spool->fd, file_name, to + done, size - done, offset + done - spool->memory_size,
                             &file_got, err));
    *got = done + file_got;
    return SNAPJAR_OK;
}

static snapjar_status spool_get_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    (void)err;
    *size = ((spool_source *)source)->spool->size;
    return SNAPJAR_OK;
}

static const uint8_t *spool_borrow(const snapjar_source *source, uint64_t offset, uint64_t size)
{
    const sj_spool *spool = ((const spool_source *)source)->spool;
    if (offset >= spool->memory_size)
        return NULL;
    const block *from = find_block(spool, offset);
    uint64_t end = sj_min(from->start + from->capacity, spool->memory_size);
    return size <= end - offset ? from->bytes + (offset - from->start) : NULL;
}

static void spool_close(snapjar_source *source)
{
    sj_spool_free(((spool_source *)source)->spool);
}

static const sj_source_kind spool_kind = {
    .read_at = spool_read_at,
    .get_size = spool_get_size,
    .borrow = spool_borrow,
    .close = spool_close,
};

snapjar_status sj_spool_take_source(snapjar_source **source, sj_spool *spool, const char *name, snapjar_error *err)
{
    snapjar_status status = sj_source_new(source, spool->context, sizeof(spool_source), &spool_kind, name, err);
    if (status != SNAPJAR_OK) {
        sj_spool_free(spool);
        return status;
    }
    ((spool_source *)*source)->spool = spool;
    return SNAPJAR_OK;
}
