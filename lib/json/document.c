/* SPDX-License-Identifier: MIT
 *
 * Finds a container in the tree, and then the same way in the text.
 */
#include "json/document.h"

#include <stdio.h>
#include <string.h>

/** A path is put together in this, and then cut to fit. */
#define PATH_SIZE 1024

/** An object or array that is being searched. */
typedef struct frame {
    const sj_json *node;
    void *iterator;
    size_t index;
    bool is_begun;
} frame;

typedef struct search {
    frame frames[SJ_JSON_DOCUMENT_DEPTH_MAX];
    sj_json_step steps[SJ_JSON_DOCUMENT_DEPTH_MAX + 1];
    size_t depth;
} search;

/** Goes to the next part of the innermost container; NULL after the last. */
static const sj_json *next_part(search *s)
{
    frame *top = &s->frames[s->depth - 1];
    sj_json_step *step = &s->steps[s->depth - 1];
    if (sj_json_type_of(top->node) == SJ_JSON_ARRAY) {
        *step = (sj_json_step){NULL, top->index};
        return sj_json_at(top->node, top->index++);
    }
    top->iterator = top->is_begun ? sj_json_next(top->node, top->iterator) : sj_json_first(top->node);
    top->is_begun = true;
    if (top->iterator == NULL)
        return NULL;
    *step = (sj_json_step){sj_json_key(top->iterator), 0};
    return sj_json_member(top->iterator);
}

/** Leaves the steps to `container` in `s`, none if it is not found. */
static void find(search *s, const sj_json *root, const sj_json *container)
{
    s->depth = 0;
    if (container == NULL || container == root)
        return;
    s->frames[s->depth++] = (frame){root, NULL, 0, false};
    while (s->depth > 0) {
        const sj_json *part = next_part(s);
        if (part == container)
            return;
        if (part == NULL) {
            s->depth--;
            continue;
        }
        const sj_json_type type = sj_json_type_of(part);
        if ((type == SJ_JSON_OBJECT || type == SJ_JSON_ARRAY) && s->depth < SJ_JSON_DOCUMENT_DEPTH_MAX)
            s->frames[s->depth++] = (frame){part, NULL, 0, false};
    }
}

/** Whether the document has such a member or element. */
static bool has(sj_json_place place, const sj_json *root)
{
    const sj_json *container = place.container != NULL ? place.container : root;
    if (place.key != NULL)
        return sj_json_get(container, place.key) != NULL;
    return place.index < sj_json_count(container);
}

static size_t add_step(char *path, size_t used, const sj_json_step *step)
{
    char escaped[PATH_SIZE / 2];
    if (step->key == NULL)
        return used + (size_t)snprintf(path + used, PATH_SIZE - used, "[%zu]", step->index);
    const bool is_plain = strpbrk(step->key, "[]\"' ") == NULL && step->key[0] != '\0';
    (void)snapjar_text_escape(escaped, sizeof escaped, step->key, strlen(step->key));
    return used + (size_t)snprintf(path + used, PATH_SIZE - used, is_plain ? ".%s" : "['%s']", escaped);
}

/** "$.a.b[2]"; of a path that is too long, the end. */
static void put_path(char out[SNAPJAR_ERROR_PLACE_SIZE], const sj_json_step *steps, size_t count)
{
    char path[PATH_SIZE] = "$";
    size_t used = 1;
    size_t first = 0;
    /* What does not fit into the room is not looked at. */
    while (count - first > PATH_SIZE / 8)
        first++;
    for (size_t i = first; i < count; i++) {
        if (used > PATH_SIZE / 2 + 8) {
            memmove(path, path + used - PATH_SIZE / 4, PATH_SIZE / 4);
            used = PATH_SIZE / 4;
            first = count;
        }
        used = add_step(path, used, &steps[i]);
        used = used < PATH_SIZE ? used : PATH_SIZE - 1;
    }
    if (first == 0 && used < SNAPJAR_ERROR_PLACE_SIZE) {
        memcpy(out, path, used + 1);
        return;
    }
    static const char dots[] = "$...";
    const size_t room = SNAPJAR_ERROR_PLACE_SIZE - sizeof dots;
    memcpy(out, dots, sizeof dots);
    memcpy(out + sizeof dots - 1, path + (used > room ? used - room : 0), (used > room ? room : used) + 1);
}

void sj_json_add_line(const char *text, size_t size, snapjar_error *err)
{
    char message[SNAPJAR_ERROR_MESSAGE_SIZE];
    size_t line = 1, column = 1;
    if (err == NULL)
        return;
    for (size_t i = 0; i < size && i < err->offset; i++) {
        const bool is_end = text[i] == '\n';
        line += is_end;
        column = is_end ? 1 : column + (((unsigned char)text[i] & 0xc0) != 0x80);
    }
    memcpy(message, err->message, sizeof message);
    message[sizeof message - 1] = '\0';
    (void)snprintf(err->message, sizeof err->message, "line %zu, column %zu: %s", line, column, message);
}

snapjar_status sj_json_raise_place(const sj_json_document *document, sj_json_place place, snapjar_status status,
                                   snapjar_error *err)
{
    search s;
    if (err == NULL || status == SNAPJAR_NO_MEMORY)
        return status;
    find(&s, document->root, place.container);
    if (has(place, document->root) && (s.depth > 0 || place.container == NULL || place.container == document->root))
        s.steps[s.depth++] = (sj_json_step){place.key, place.key != NULL ? 0 : place.index};
    err->space = SNAPJAR_SPACE_FILE;
    err->offset = sj_json_locate_steps(document->text, document->size, s.steps, s.depth);
    sj_json_add_line(document->text, document->size, err);
    put_path(err->place, s.steps, s.depth);
    return status;
}

snapjar_status sj_json_raise(const sj_json_document *document, sj_json_place place, snapjar_status status,
                             snapjar_diagnostic diagnostic, snapjar_error *err, const char *format, ...)
{
    char message[SNAPJAR_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    (void)sj_raise(err, status, diagnostic, SJ_NOWHERE, "%s", message);
    return sj_json_raise_place(document, place, status, err);
}
