/* SPDX-License-Identifier: MIT
 *
 * Patterns taken apart and followed. Each value is looked at once for each step that it can stand for, whatever cycles
 * there are: the time is that of the references times the steps.
 */
#include "migrate/path.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_SIZE SJ_PATH_SIZE_MAX

/* ---- taking apart ---- */

/** The end of a label in brackets that begins at `at`; NULL if it does not end. */
static const char *find_close(const char *at, const char *end)
{
    static const char opening[] = "[({";
    static const char closing[] = "])}";
    char expected[16];
    size_t depth = 0;
    for (; at < end; at++) {
        const char *open = strchr(opening, *at);
        if (*at == '\'') {
            for (at++; at < end && *at != '\''; at++)
                at += *at == '\\';
            continue;
        }
        if (open != NULL && *open != '\0') {
            if (depth == sizeof expected)
                return NULL;
            expected[depth++] = closing[open - opening];
        } else if (depth > 0 && *at == expected[depth - 1] && --depth == 0) {
            return at + 1;
        }
    }
    return NULL;
}

static bool is_text(const char *at, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(at, text, size) == 0;
}

const char *sj_path_read(sj_path *path, snapjar_text text, size_t *at)
{
    size_t size = 0;
    memset(path, 0, sizeof *path);
    *at = 0;
    if (text.size > SJ_PATH_SIZE_MAX)
        return "a path is longer than the limit";
    if (text.size > 0 && strchr(".[({", text.data[0]) == NULL)
        path->text[size++] = '.';
    if (text.size > 0)
        memcpy(path->text + size, text.data, text.size);
    const size_t skipped = size;
    size += text.size;
    const char *end = path->text + size;
    /* The root alone. */
    if (size == 1 && path->text[0] == '.')
        return NULL;
    for (const char *from = path->text, *to; from < end; from = to) {
        sj_path_step *step = &path->steps[path->count];
        *at = (size_t)(from - path->text) - (from > path->text ? skipped : 0);
        if (path->count == SJ_PATH_STEPS_MAX)
            return "a path has more steps than the limit";
        if (*from == '.') {
            for (to = from + 1; to < end && strchr(".[({", *to) == NULL;)
                to++;
            if (to == from + 1)
                return "a name is missing behind the dot";
        } else if (strchr("[({", *from) == NULL || (to = find_close(from, end)) == NULL) {
            return "a step of a path is none, or does not end";
        }
        *step = (sj_path_step){SJ_PATH_LABEL, (uint16_t)(from - path->text), (uint16_t)(to - from)};
        if (is_text(from, step->size, ".*"))
            step->kind = SJ_PATH_ANY_FIELD;
        else if (is_text(from, step->size, ".**"))
            step->kind = SJ_PATH_ANY_DEPTH;
        else if (is_text(from, step->size, "[*]"))
            step->kind = SJ_PATH_ANY_INDEX;
        else if (is_text(from, step->size, "{*}"))
            step->kind = SJ_PATH_ANY_ELEMENT;
        path->count++;
    }
    return NULL;
}

/* ---- following ---- */

bool sj_path_fits(const sj_path *path, uint32_t index, const snapjar_graph *graph, const sj_step *step)
{
    char label[LABEL_SIZE];
    sj_out out;
    const sj_path_step *wanted = &path->steps[index];
    const char *text = path->text + wanted->at;
    switch (wanted->kind) {
    case SJ_PATH_ANY_FIELD:
        return step->kind == SJ_STEP_FIELD;
    case SJ_PATH_ANY_INDEX:
        return step->kind == SJ_STEP_INDEX || step->kind == SJ_STEP_KEY;
    case SJ_PATH_ANY_ELEMENT:
        return step->kind == SJ_STEP_ELEMENT;
    case SJ_PATH_ANY_DEPTH:
        return true;
    case SJ_PATH_LABEL:
        break;
    }
    if ((step->kind == SJ_STEP_FIELD) != (text[0] == '.'))
        return false;
    sj_out_to_text(&out, label, sizeof label, true);
    sj_view_label(&out, graph, step, UINT64_MAX);
    const bool is_cut = out.is_cut;
    const size_t size = sj_out_end(&out);
    return !is_cut && size == wanted->size && memcmp(label, text, size) == 0;
}

snapjar_status sj_refs_add(snapjar_context *context, sj_refs *refs, sj_ref ref, snapjar_error *err)
{
    if (refs->count == refs->capacity) {
        const size_t capacity = refs->capacity == 0 ? 64 : 2 * refs->capacity;
        sj_ref *items = sj_realloc(context, refs->items, capacity * sizeof *items);
        if (items == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *items);
        refs->items = items;
        refs->capacity = capacity;
    }
    refs->items[refs->count++] = ref;
    return SNAPJAR_OK;
}

typedef struct following {
    const sj_path *path;
    const snapjar_graph *graph;
    /** By node: bit i says that the first i steps of the pattern lead there. */
    uint32_t *reached;
    /** The same, of what was not followed yet. */
    uint32_t *waiting;
    sj_refs pending;
    sj_refs *found;
} following;

/** What a set of places in the pattern includes: `.**` may stand for no step. */
static uint32_t close_over(const sj_path *path, uint32_t mask)
{
    for (uint32_t i = 0; i < path->count; i++) {
        if ((mask >> i & 1) != 0 && path->steps[i].kind == SJ_PATH_ANY_DEPTH)
            mask |= UINT32_C(1) << (i + 1);
    }
    return mask;
}

static snapjar_status reach(following *f, sj_ref ref, uint32_t mask, snapjar_error *err)
{
    const uint32_t last = UINT32_C(1) << f->path->count;
    const uint32_t added = close_over(f->path, mask) & ~f->reached[ref];
    if (added == 0)
        return SNAPJAR_OK;
    f->reached[ref] |= added;
    if ((added & last) != 0)
        SJ_TRY(sj_refs_add(f->graph->context, f->found, ref, err));
    if ((added & ~last) == 0)
        return SNAPJAR_OK;
    if (f->waiting[ref] == 0)
        SJ_TRY(sj_refs_add(f->graph->context, &f->pending, ref, err));
    f->waiting[ref] |= added & ~last;
    return SNAPJAR_OK;
}

static snapjar_status follow(following *f, sj_ref ref, snapjar_error *err)
{
    const uint32_t mask = f->waiting[ref];
    sj_view view;
    sj_step step;
    f->waiting[ref] = 0;
    sj_view_begin(&view, f->graph, ref);
    while (sj_view_next(&view, &step)) {
        uint32_t next = 0;
        for (uint32_t i = 0; i < f->path->count; i++) {
            if ((mask >> i & 1) == 0 || !sj_path_fits(f->path, i, f->graph, &step))
                continue;
            next |= UINT32_C(1) << (f->path->steps[i].kind == SJ_PATH_ANY_DEPTH ? i : i + 1);
        }
        if (next != 0)
            SJ_TRY(reach(f, step.value, next, err));
    }
    return SNAPJAR_OK;
}

static int compare_refs(const void *a, const void *b)
{
    const sj_ref left = *(const sj_ref *)a, right = *(const sj_ref *)b;
    return (left > right) - (left < right);
}

snapjar_status sj_path_select(const sj_path *path, const snapjar_graph *graph, sj_refs *found, snapjar_error *err)
{
    const size_t size = graph->node_count * sizeof(uint32_t);
    const size_t first = found->count;
    following f = {.path = path, .graph = graph, .found = found};
    f.reached = sj_alloc_zero(graph->context, size);
    f.waiting = sj_alloc_zero(graph->context, size);
    snapjar_status status =
        f.reached != NULL && f.waiting != NULL ? reach(&f, graph->root, 1, err) : sj_raise_no_memory(err, size);
    while (status == SNAPJAR_OK && f.pending.count > 0)
        status = follow(&f, f.pending.items[--f.pending.count], err);
    if (found->count > first)
        qsort(found->items + first, found->count - first, sizeof *found->items, compare_refs);
    sj_free(graph->context, f.reached);
    sj_free(graph->context, f.waiting);
    sj_free(graph->context, f.pending.items);
    return status;
}
