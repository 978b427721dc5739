/* SPDX-License-Identifier: MIT
 *
 * The public view of a header.
 */
#include <stdio.h>
#include <string.h>

#include "header/header.h"

int snapjar_header_format_version(const snapjar_header *header)
{
    return header->prefix.format_version;
}

snapjar_text snapjar_header_type(const snapjar_header *header)
{
    return header->type;
}

int64_t snapjar_header_schema_version(const snapjar_header *header)
{
    return header->schema_version;
}

snapjar_text snapjar_header_created(const snapjar_header *header)
{
    return header->created;
}

int snapjar_header_protocol(const snapjar_header *header)
{
    return header->protocol;
}

snapjar_string_encoding snapjar_header_string_encoding(const snapjar_header *header)
{
    return header->string_encoding;
}

uint32_t snapjar_header_frame_size(const snapjar_header *header)
{
    return header->frame_size;
}

uint64_t snapjar_header_size(const snapjar_header *header)
{
    return header->size;
}

uint64_t snapjar_header_pickle_size(const snapjar_header *header)
{
    return header->pickle_size;
}

uint64_t snapjar_header_stored_size(const snapjar_header *header)
{
    return header->stored_size;
}

const uint8_t *snapjar_header_checksum(const snapjar_header *header)
{
    return header->checksum;
}

const uint8_t *snapjar_header_content_checksum(const snapjar_header *header)
{
    return header->content_checksum;
}

const snapjar_buffer_span *snapjar_header_buffers(const snapjar_header *header, size_t *count)
{
    *count = header->buffer_count;
    return header->buffers;
}

snapjar_text snapjar_header_json(const snapjar_header *header)
{
    return (snapjar_text){header->json, header->prefix.json_size};
}

uint32_t snapjar_header_seal_size(const snapjar_header *header)
{
    return header->prefix.seal_size;
}

const char *snapjar_string_encoding_name(snapjar_string_encoding encoding)
{
    switch (encoding) {
    case SNAPJAR_STRING_ASCII:
        return "ascii";
    case SNAPJAR_STRING_LATIN1:
        return "latin1";
    case SNAPJAR_STRING_BYTES:
        return "bytes";
    }
    return "unknown";
}

/* ---- snapjar_header_each: a walk with an explicit stack, its depth bounded when the header was parsed ---- */

#define DEPTH_MAX 1000
#define PATH_SIZE_MAX 4096

typedef struct level {
    const sj_json *value;
    void *iterator;
    size_t index;
    /** Length of the path up to this value. */
    size_t path_size;
} level;

typedef struct walk {
    snapjar_header_visit *visit;
    void *state;
    snapjar_error *err;
    char path[PATH_SIZE_MAX];
    level levels[DEPTH_MAX];
    size_t depth;
} walk;

/* Appends a key or index to the path; a path that does not fit is cut. */
static void set_path(walk *w, const level *parent, const char *key, size_t index)
{
    size_t room = PATH_SIZE_MAX - parent->path_size;
    char *out = w->path + parent->path_size;

    if (key)
        (void)snprintf(out, room, "%s%s", parent->path_size ? "." : "", key);
    else
        (void)snprintf(out, room, "[%zu]", index);
}

static snapjar_status visit_leaf(walk *w, const sj_json *value)
{
    snapjar_status status = SNAPJAR_OK;

    if (sj_json_type_of(value) == SJ_JSON_STRING)
        return w->visit(w->state, w->path, sj_json_string(value), 1);
    size_t size = 0;
    char *text = sj_json_dump(value, &size);
    if (!text)
        return sj_raise_no_memory(w->err, 32);
    status = w->visit(w->state, w->path, (snapjar_text){text, size}, 0);
    sj_json_free_text(text);
    return status;
}

static snapjar_status enter(walk *w, const sj_json *value)
{
    bool is_object = sj_json_type_of(value) == SJ_JSON_OBJECT;

    if (!is_object && sj_json_type_of(value) != SJ_JSON_ARRAY)
        return visit_leaf(w, value);
    level *next = &w->levels[w->depth++];
    next->value = value;
    next->index = 0;
    next->iterator = is_object ? sj_json_first(value) : NULL;
    next->path_size = strlen(w->path);
    return SNAPJAR_OK;
}

static snapjar_status step(walk *w)
{
    level *top = &w->levels[w->depth - 1];
    const sj_json *child = NULL;

    if (sj_json_type_of(top->value) == SJ_JSON_OBJECT) {
        if (top->iterator) {
            child = sj_json_member(top->iterator);
            set_path(w, top, sj_json_key(top->iterator), 0);
            top->iterator = sj_json_next(top->value, top->iterator);
        }
    } else if (top->index < sj_json_count(top->value)) {
        child = sj_json_at(top->value, top->index);
        set_path(w, top, NULL, top->index);
        top->index++;
    }
    if (child)
        return enter(w, child);
    w->depth--;
    return SNAPJAR_OK;
}

snapjar_status snapjar_header_each(const snapjar_header *header, snapjar_header_visit *visit, void *state,
                                   snapjar_error *err)
{
    snapjar_context *context = header->context;
    sj_json *root = NULL;

    SJ_TRY(sj_json_parse(&root, header->json, header->prefix.json_size, DEPTH_MAX, SNAPJAR_SPACE_FILE,
                         header->json_offset, err));
    walk *w = sj_alloc_zero(context, sizeof(*w));
    snapjar_status status = w ? SNAPJAR_OK : sj_raise_no_memory(err, sizeof(*w));
    if (w) {
        w->visit = visit;
        w->state = state;
        w->err = err;
        status = enter(w, root);
        while (status == SNAPJAR_OK && w->depth)
            status = step(w);
    }
    sj_free(context, w);
    sj_json_free(root);
    return status;
}
