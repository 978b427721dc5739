/* SPDX-License-Identifier: MIT
 *
 * Memory for content.
 */
#include "snapshot/content.h"

#include <string.h>

snapjar_status sj_content_new(snapjar_content **content, snapjar_context *context, uint64_t size, uint64_t pickle_size,
                              snapjar_error *err)
{
    *content = sj_alloc_zero(context, sizeof(**content));
    if (!*content)
        return sj_raise_no_memory(err, sizeof(**content));
    (*content)->context = context;
    (*content)->size = size;
    (*content)->pickle_size = pickle_size;
    return SNAPJAR_OK;
}

snapjar_status sj_content_allocate(snapjar_content *content, uint8_t **bytes, snapjar_error *err)
{
    if (content->size <= SIZE_MAX)
        content->bytes = sj_alloc_large(content->context, (size_t)content->size, &content->block);
    *bytes = content->bytes;
    return content->bytes ? SNAPJAR_OK : sj_raise_no_memory(err, content->size);
}

snapjar_status sj_content_set_buffers(snapjar_content *content, const snapjar_buffer_span *buffers, size_t count,
                                      snapjar_error *err)
{
    if (!count)
        return SNAPJAR_OK;
    content->buffers = sj_alloc(content->context, count * sizeof(*buffers));
    if (!content->buffers)
        return sj_raise_no_memory(err, count * sizeof(*buffers));
    memcpy(content->buffers, buffers, count * sizeof(*buffers));
    content->buffer_count = count;
    return SNAPJAR_OK;
}

const snapjar_buffer_span *snapjar_content_buffers(const snapjar_content *content, size_t *count)
{
    *count = content->buffer_count;
    return content->buffers;
}

int64_t snapjar_content_schema_version(const snapjar_content *content)
{
    return content->schema_version;
}

void *snapjar_content_data(snapjar_content *content, uint64_t *size, uint64_t *pickle_size)
{
    if (size)
        *size = content->size;
    if (pickle_size)
        *pickle_size = content->pickle_size;
    return content->bytes;
}

void snapjar_content_free(snapjar_content *content)
{
    if (!content)
        return;
    sj_free(content->context, content->buffers);
    sj_free(content->context, content->block);
    sj_free(content->context, content);
}
