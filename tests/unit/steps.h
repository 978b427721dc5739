/* SPDX-License-Identifier: MIT
 *
 * What the tests of migration steps share: steps in JSON applied to a pickle, a line each. Include after support.h.
 */
#ifndef TEST_STEPS_H
#define TEST_STEPS_H

#include <snapjar/diff.h>
#include <snapjar/graph.h>

#include "fail_alloc.h"
#include "migrate/steps.h"

/** The steps of {"steps": text}, in which backticks stand for quotes. */
static inline snapjar_status read_steps(sj_steps **steps, snapjar_context *context, const char *text,
                                        snapjar_error *err)
{
    char json[4096];
    sj_json *root;
    *steps = NULL;
    assert_true(snprintf(json, sizeof json, "{\"steps\":%s}", text) < (int)sizeof json);
    for (char *at = json; *at != '\0'; at++)
        *at = *at == '`' ? '"' : *at;
    SJ_TRY(sj_json_parse(&root, json, strlen(json), 64, SNAPJAR_SPACE_FILE, 0, err));
    const sj_json_document document = {json, strlen(json), root};
    const snapjar_status status = sj_steps_read(steps, context, &document, sj_json_get(root, "steps"), err);
    sj_json_free(root);
    return status;
}

/** Memory that never holds the same twice: what reads it before it is written is found out. */
static inline void *soiled_allocate(void *state, size_t size)
{
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; bytes != NULL && i < size; i++)
        bytes[i] = (*(uint8_t *)state)++;
    *(uint8_t *)state += 3;
    return bytes;
}

static inline void *soiled_reallocate(void *state, void *pointer, size_t size)
{
    (void)state;
    return realloc(pointer, size);
}

static inline void soiled_release(void *state, void *pointer)
{
    (void)state;
    free(pointer);
}

typedef struct migration {
    const char *steps;
    const char *from;
    size_t from_size;
    int protocol;
    const char *to;
    size_t to_size;
} migration;

static inline snapjar_status apply_steps(snapjar_context *context, const migration *m, snapjar_sink *sink,
                                         sj_steps_report *report, snapjar_error *err)
{
    snapjar_graph *graph = NULL;
    sj_steps *steps = NULL;
    snapjar_status status = snapjar_graph_new(&graph, context, m->from, m->from_size, NULL, err);
    if (status == SNAPJAR_OK)
        status = read_steps(&steps, context, m->steps, err);
    if (status == SNAPJAR_OK)
        status = sj_steps_apply(steps, graph, report, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_emit(graph, m->protocol, sink, NULL, NULL, err);
    sj_steps_free(steps);
    snapjar_graph_free(graph);
    return status;
}

static inline void print_bytes(const char *what, const uint8_t *bytes, size_t size)
{
    fprintf(stderr, "%s: ", what);
    for (size_t i = 0; i < size; i++)
        fprintf(stderr, bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '\\' ? "%c" : "\\x%02x", bytes[i]);
    fprintf(stderr, "\n");
}

/** Whether the changed graph and that of the pickle which was written of it are the same to `diff`. */
static inline bool check_reread(const migration *m)
{
    uint8_t next = 1;
    const snapjar_allocator allocator = {&next, soiled_allocate, soiled_reallocate, soiled_release};
    snapjar_context *context = NULL;
    snapjar_graph *before = NULL, *after = NULL;
    sj_steps *steps = NULL;
    snapjar_sink *sink = NULL;
    snapjar_diff_summary summary;
    size_t size;
    snapjar_context_options options = SNAPJAR_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    assert_ok(snapjar_context_new(&context, &options, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_graph_new(&before, context, m->from, m->from_size, NULL, err));
    assert_ok(read_steps(&steps, context, m->steps, err));
    assert_ok(sj_steps_apply(steps, before, NULL, err));
    assert_ok(snapjar_graph_emit(before, m->protocol, sink, NULL, NULL, err));
    const uint8_t *bytes = snapjar_sink_memory(sink, &size);
    assert_ok(snapjar_graph_new(&after, context, bytes, size, NULL, err));
    assert_ok(snapjar_graph_diff(before, after, NULL, &summary, err));
    sj_steps_free(steps);
    snapjar_graph_free(after);
    snapjar_graph_free(before);
    snapjar_sink_free(sink);
    snapjar_context_free(context);
    return summary.change_count == 0 && summary.layout_count == 0;
}

/** Whether the new pickle is exactly this one. */
static inline bool check_migration(snapjar_context *context, const migration *m)
{
    snapjar_sink *sink;
    snapjar_error error;
    size_t size;
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    const snapjar_status status = apply_steps(context, m, sink, NULL, &error);
    const uint8_t *bytes = snapjar_sink_memory(sink, &size);
    const bool is_right = status == SNAPJAR_OK && size == m->to_size && memcmp(bytes, m->to, size) == 0;
    if (status != SNAPJAR_OK) {
        fprintf(stderr, "%s: %s [%s]\n", m->steps, error.message, snapjar_diagnostic_name(error.diagnostic));
    } else if (!is_right) {
        fprintf(stderr, "%s\n", m->steps);
        print_bytes("got", bytes, size);
        print_bytes("expected", (const uint8_t *)m->to, m->to_size);
    }
    snapjar_sink_free(sink);
    if (is_right && !check_reread(m)) {
        fprintf(stderr, "%s: read again it differs\n", m->steps);
        return false;
    }
    return is_right;
}

typedef struct refusal {
    const char *steps;
    const char *from;
    size_t from_size;
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    snapjar_space space;
    uint64_t offset;
    /** In the message. */
    const char *says;
} refusal;

static inline bool check_refusal(snapjar_context *context, const refusal *r)
{
    const migration m = {.steps = r->steps, .from = r->from, .from_size = r->from_size, .protocol = 2};
    snapjar_sink *sink;
    snapjar_error error;
    memset(&error, 0, sizeof error);
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    const snapjar_status status = apply_steps(context, &m, sink, NULL, &error);
    const bool is_right = status == r->status && error.diagnostic == r->diagnostic && error.space == r->space &&
                          error.offset == r->offset && strstr(error.message, r->says) != NULL;
    if (!is_right)
        fprintf(stderr, "%s: %s [%s] at %lld: %s\n", r->steps, snapjar_status_name(status),
                snapjar_diagnostic_name(error.diagnostic), (long long)error.offset, error.message);
    assert_int_equal(apply_steps(context, &m, sink, NULL, NULL), r->status);
    snapjar_sink_free(sink);
    return is_right;
}

/** For fail_alloc_run: `state` is a migration. */
static inline snapjar_status migrate_one(snapjar_context *context, void *state, snapjar_error *err)
{
    snapjar_sink *sink = NULL;
    sj_steps_report report = {0};
    SJ_TRY(snapjar_sink_to_memory(&sink, context, err));
    const snapjar_status status = apply_steps(context, state, sink, &report, err);
    sj_steps_report_clear(&report);
    snapjar_sink_free(sink);
    return status;
}

#endif
