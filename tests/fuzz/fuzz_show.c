/* SPDX-License-Identifier: MIT
 *
 * Fuzzes show, dis and diff: a disassembly fed in pieces has the lines that it has whole, and fails where the graph
 * does; a picture is printable and no larger than the graph allows; a value has no difference to itself, and a
 * difference seen from one side is seen from the other. Input: 4 bytes of control, then one pickle, or two of which the
 * control says where the second begins.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/diff.h>
#include <snapjar/dis.h>
#include <snapjar/show.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL_SIZE 4

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* ---- dis ---- */

typedef struct listing {
    uint64_t hash;
    uint64_t count;
    uint64_t last_offset;
    bool has_failed;
} listing;

static void hash_text(uint64_t *hash, const char *text)
{
    for (; *text != '\0'; text++) {
        require((uint8_t)*text >= ' ' && *text != 0x7f);
        *hash = (*hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    }
}

static snapjar_status take_line(void *state, const snapjar_dis_line *line, snapjar_error *err)
{
    listing *list = state;
    (void)err;
    require(!list->has_failed);
    require(line->index == list->count++);
    require(line->index == 0 || line->offset > list->last_offset);
    list->last_offset = line->offset;
    list->has_failed = line->failure != NULL;
    hash_text(&list->hash, line->argument);
    for (size_t i = 0; i < line->stack_count; i++)
        hash_text(&list->hash, line->stack[i]);
    require(list->has_failed || line->stack_count + line->stack_hidden == line->depth + line->mark_count);
    for (size_t i = 0; i < line->finding_count; i++)
        hash_text(&list->hash, line->findings[i].message);
    return SNAPJAR_OK;
}

static snapjar_status disassemble(snapjar_context *context, const uint8_t *bytes, size_t size, size_t step,
                                  const snapjar_dis_options *options, listing *list)
{
    snapjar_dis *dis;
    snapjar_error err;
    if (snapjar_dis_new(&dis, context, options, take_line, list, &err) != SNAPJAR_OK)
        abort();
    snapjar_status status = SNAPJAR_OK;
    for (size_t at = 0; at < size && status == SNAPJAR_OK && !snapjar_dis_is_done(dis);) {
        const size_t piece = size - at < step ? size - at : step;
        uint8_t *copy = malloc(piece);
        require(copy != NULL);
        memcpy(copy, bytes + at, piece);
        status = snapjar_dis_feed(dis, copy, piece, NULL, &err);
        free(copy);
        at += piece;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_dis_finish(dis, &err);
    snapjar_dis_free(dis);
    return status;
}

static void check_dis(snapjar_context *context, const uint8_t *control, const uint8_t *bytes, size_t size)
{
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    listing whole = {0}, pieces = {0};
    options.is_unicode = (control[0] & 1) != 0;
    options.stack_max = control[1] % SNAPJAR_DIS_STACK_MAX + 1;
    options.text_max = control[2] + 1u;
    const snapjar_status status = disassemble(context, bytes, size, SIZE_MAX, &options, &whole);
    require(disassemble(context, bytes, size, control[3] % 16 + 1u, &options, &pieces) == status);
    require(whole.hash == pieces.hash && whole.count == pieces.count && whole.has_failed == pieces.has_failed);
}

/* ---- show ---- */

static void check_show(const snapjar_graph *graph, snapjar_context *context, const snapjar_policy *policy,
                       const uint8_t *control, size_t size)
{
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_show_summary summary;
    uint64_t node_count;
    size_t out_size;
    snapjar_graph_measure(graph, &node_count, NULL);
    options.is_unicode = (control[0] & 1) != 0;
    options.policy = (control[0] & 2) != 0 ? policy : NULL;
    options.depth_max = (control[0] & 4) != 0 ? SNAPJAR_SHOW_ALL : control[1];
    options.length_max = (control[0] & 8) != 0 ? SNAPJAR_SHOW_ALL : control[2];
    options.text_max = control[3];
    for (int form = 0; form < 2; form++) {
        snapjar_sink *sink;
        if (snapjar_sink_to_memory(&sink, context, NULL) != SNAPJAR_OK)
            abort();
        options.form = (snapjar_show_form)form;
        require(snapjar_graph_show(graph, sink, &options, &summary, NULL) == SNAPJAR_OK);
        const uint8_t *out = snapjar_sink_memory(sink, &out_size);
        for (size_t i = 0; i < out_size; i++)
            require(out[i] == '\n' || (out[i] >= ' ' && out[i] != 0x7f));
        /* References and leaves are short; the pickle's own texts come once, each byte as 6 at most, or in labels. */
        require(out_size <= 4096 + 2000 * (uint64_t)size + 300 * node_count);
        snapjar_sink_free(sink);
    }
}

/* ---- diff ---- */

static snapjar_status take_change(void *state, const snapjar_change *change, snapjar_error *err)
{
    uint64_t hash = 0;
    (void)err;
    hash_text(&hash, change->path);
    hash_text(&hash, change->before);
    hash_text(&hash, change->after);
    ++*(uint64_t *)state;
    return SNAPJAR_OK;
}

static uint64_t count_changes(const snapjar_graph *before, const snapjar_graph *after, bool *is_known)
{
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_diff_summary summary;
    snapjar_error err;
    uint64_t told = 0;
    options.take_change = take_change;
    options.state = &told;
    const snapjar_status status = snapjar_graph_diff(before, after, &options, &summary, &err);
    *is_known = status == SNAPJAR_OK;
    require(*is_known || err.diagnostic == SNAPJAR_DIAG_PICKLE_DIFF_LIMIT);
    if (!*is_known)
        return 0;
    require(told == (summary.change_count < 1000 ? summary.change_count : 1000));
    return summary.change_count + summary.layout_count;
}

static void check_diff(const snapjar_graph *graph, const snapjar_graph *other)
{
    bool is_known, is_reverse_known;
    require(count_changes(graph, graph, &is_known) == 0 && is_known);
    if (other == NULL)
        return;
    const uint64_t forth = count_changes(graph, other, &is_known);
    const uint64_t back = count_changes(other, graph, &is_reverse_known);
    require(!is_known || !is_reverse_known || (forth == 0) == (back == 0));
}

/* ---- all ---- */

static snapjar_graph *new_graph(snapjar_context *context, const uint8_t *bytes, size_t size)
{
    snapjar_graph *graph = NULL;
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    options.memo_count_max = 100000;
    if (snapjar_graph_new(&graph, context, bytes, size, &options, NULL) != SNAPJAR_OK)
        return NULL;
    return graph;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static snapjar_context *context;
    static snapjar_policy *policy;
    if (size < CONTROL_SIZE)
        return 0;
    if (context == NULL && (snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK ||
                            snapjar_policy_new(&policy, context, NULL) != SNAPJAR_OK ||
                            snapjar_policy_allow_defaults(policy, NULL) != SNAPJAR_OK))
        abort();
    const uint8_t *bytes = data + CONTROL_SIZE;
    size -= CONTROL_SIZE;
    snapjar_pickle_extent extent;
    size_t first_size = size;
    if (snapjar_pickle_measure(&extent, bytes, size, NULL, NULL) == SNAPJAR_OK)
        first_size = (size_t)extent.size;
    check_dis(context, data, bytes, size);
    snapjar_graph *graph = new_graph(context, bytes, first_size);
    if (graph == NULL)
        return 0;
    snapjar_graph *other = first_size < size ? new_graph(context, bytes + first_size, size - first_size) : NULL;
    check_show(graph, context, policy, data, size);
    check_diff(graph, other);
    snapjar_graph_free(other);
    snapjar_graph_free(graph);
    return 0;
}
