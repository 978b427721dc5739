/* SPDX-License-Identifier: MIT
 *
 * From values to their paths, for people: one walk from the root, as show does it, until all that is looked for was
 * met.
 */
#include <string.h>

#include "migrate/path.h"

/** Deeper values are not looked for: a path of so many steps says nothing. */
#define DEPTH_MAX 1000
#define TEXT_MAX 40

typedef struct frame {
    sj_view view;
    sj_step step;
} frame;

typedef struct search {
    const snapjar_graph *graph;
    uint64_t *seen;
    frame *frames;
    size_t depth;
    size_t capacity;
} search;

static snapjar_status enter(search *s, sj_ref ref, snapjar_error *err)
{
    uint64_t *word = &s->seen[ref / 64];
    const uint64_t bit = UINT64_C(1) << (ref % 64);
    if ((*word & bit) != 0 || s->depth == DEPTH_MAX || !sj_node_has_children(sj_graph_node(s->graph, ref)))
        return SNAPJAR_OK;
    *word |= bit;
    if (s->depth == s->capacity) {
        const size_t capacity = s->capacity == 0 ? 16 : 2 * s->capacity;
        frame *frames = sj_realloc(s->graph->context, s->frames, capacity * sizeof *frames);
        if (frames == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *frames);
        s->frames = frames;
        s->capacity = capacity;
    }
    sj_view_begin(&s->frames[s->depth++].view, s->graph, ref);
    return SNAPJAR_OK;
}

/** Writes the path to where the walk is. */
static void tell(const search *s, char path[SJ_PATH_TOLD_SIZE])
{
    sj_out out;
    sj_out_to_text(&out, path, SJ_PATH_TOLD_SIZE, true);
    if (s->depth == 0)
        sj_out_text(&out, ".");
    for (size_t i = 0; i < s->depth; i++)
        sj_view_label(&out, s->graph, &s->frames[i].step, TEXT_MAX);
    (void)sj_out_end(&out);
}

/** Notes the path of a value that is looked for; how many there are left. */
static size_t note(const search *s, sj_ref ref, const sj_ref *refs, size_t count, char (*paths)[SJ_PATH_TOLD_SIZE])
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (refs[i] == ref && paths[i][0] == '\0')
            tell(s, paths[i]);
        left += paths[i][0] == '\0';
    }
    return left;
}

static snapjar_status run(search *s, const sj_ref *refs, size_t count, char (*paths)[SJ_PATH_TOLD_SIZE],
                          snapjar_error *err)
{
    size_t left = note(s, s->graph->root, refs, count, paths);
    SJ_TRY(enter(s, s->graph->root, err));
    while (s->depth > 0 && left > 0) {
        frame *top = &s->frames[s->depth - 1];
        if (!sj_view_next(&top->view, &top->step)) {
            s->depth--;
            continue;
        }
        const sj_ref ref = top->step.value;
        left = note(s, ref, refs, count, paths);
        SJ_TRY(enter(s, ref, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_path_find(const snapjar_graph *graph, const sj_ref *refs, size_t count,
                            char (*paths)[SJ_PATH_TOLD_SIZE], snapjar_error *err)
{
    const size_t size = (graph->node_count / 64 + 1) * sizeof(uint64_t);
    search s = {.graph = graph};
    memset(paths, 0, count * sizeof *paths);
    s.seen = sj_alloc_zero(graph->context, size);
    const snapjar_status status = s.seen != NULL ? run(&s, refs, count, paths, err) : sj_raise_no_memory(err, size);
    sj_free(graph->context, s.seen);
    sj_free(graph->context, s.frames);
    return status;
}
