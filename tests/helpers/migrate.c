/* SPDX-License-Identifier: MIT
 *
 * Applies migration steps to pickles, for tests written in Python.
 *   migrate FILE
 * FILE holds cases one after another: the protocol of the new pickle (one byte), the string encoding (one byte, as
 * snapjar_string_encoding), and two texts, each after its size (u32, little-endian): {"steps": [...]} and the pickle.
 * For each, the output has the status (one byte, 0 for success), a size (u32) and so many bytes: the new pickle, or
 * "diagnostic offset message". What was meant and what was written must be the same to `diff`, or else that is the
 * answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/diff.h>
#include <snapjar/graph.h>

#include "migrate/steps.h"
#include "read_file.h"

static void print_answer(snapjar_status status, const void *bytes, size_t size)
{
    const unsigned char head[5] = {(unsigned char)status, (unsigned char)size, (unsigned char)(size >> 8),
                                   (unsigned char)(size >> 16), (unsigned char)(size >> 24)};
    fwrite(head, 1, sizeof head, stdout);
    fwrite(bytes, 1, size, stdout);
}

static snapjar_status read_steps(sj_steps **steps, snapjar_context *context, const char *text, size_t size,
                                 snapjar_error *err)
{
    sj_json *root;
    SJ_TRY(sj_json_parse(&root, text, size, 64, SNAPJAR_SPACE_FILE, 0, err));
    const sj_json_document document = {text, size, root};
    const snapjar_status status = sj_steps_read(steps, context, &document, sj_json_get(root, "steps"), err);
    sj_json_free(root);
    return status;
}

typedef struct job {
    int protocol;
    snapjar_string_encoding encoding;
    const char *steps;
    size_t steps_size;
    const unsigned char *pickle;
    size_t pickle_size;
} job;

static snapjar_status compare(snapjar_context *context, const snapjar_graph *meant,
                              const snapjar_graph_options *options, const void *bytes, size_t size, snapjar_error *err)
{
    snapjar_graph *graph = NULL;
    snapjar_diff_summary summary;
    SJ_TRY(snapjar_graph_new(&graph, context, bytes, size, options, err));
    snapjar_status status = snapjar_graph_diff(meant, graph, NULL, &summary, err);
    if (status == SNAPJAR_OK && (summary.change_count != 0 || summary.layout_count != 0))
        status = sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_MIGRATED_DIFFERS, SJ_NOWHERE, "%llu changes, %llu of layout",
                          (unsigned long long)summary.change_count, (unsigned long long)summary.layout_count);
    snapjar_graph_free(graph);
    return status;
}

static void migrate(snapjar_context *context, const job *one)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph = NULL;
    snapjar_sink *sink = NULL;
    sj_steps *steps = NULL;
    sj_steps_report report = {0};
    snapjar_error err;
    options.string_encoding = one->encoding;
    snapjar_status status = snapjar_sink_to_memory(&sink, context, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_new(&graph, context, one->pickle, one->pickle_size, &options, &err);
    if (status == SNAPJAR_OK)
        status = read_steps(&steps, context, one->steps, one->steps_size, &err);
    if (status == SNAPJAR_OK)
        status = sj_steps_apply(steps, graph, &report, &err);
    if (status == SNAPJAR_OK) {
        const int protocol = sj_steps_protocol(steps) >= 0 ? sj_steps_protocol(steps) : one->protocol;
        status = snapjar_graph_emit(graph, protocol, sink, NULL, NULL, &err);
    }
    size_t new_size = 0;
    const void *bytes = status == SNAPJAR_OK ? snapjar_sink_memory(sink, &new_size) : NULL;
    if (status == SNAPJAR_OK)
        status = compare(context, graph, &options, bytes, new_size, &err);
    if (status == SNAPJAR_OK) {
        print_answer(status, bytes, new_size);
    } else {
        char text[SNAPJAR_ERROR_MESSAGE_SIZE + 64];
        const int size = snprintf(text, sizeof text, "%s %lld %s", snapjar_diagnostic_name(err.diagnostic),
                                  (long long)err.offset, err.message);
        print_answer(status, text, (size_t)size);
    }
    sj_steps_report_clear(&report);
    sj_steps_free(steps);
    snapjar_graph_free(graph);
    snapjar_sink_free(sink);
}

/** A copy of its own size, so that a sanitizer sees a read past its end; NULL at the end of the file. */
static unsigned char *take(const unsigned char *bytes, size_t size, size_t *at, size_t *taken)
{
    if (size - *at < 4)
        return NULL;
    const unsigned char *head = bytes + *at;
    *taken = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    *at += 4;
    unsigned char *copy = *taken <= size - *at ? malloc(*taken > 0 ? *taken : 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, bytes + *at, *taken);
        *at += *taken;
    }
    return copy;
}

int main(int argument_count, char **arguments)
{
    snapjar_context *context;
    size_t size = 0, at = 0;
    if (argument_count != 2 || snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return 2;
    unsigned char *bytes = read_file(arguments[1], &size);
    if (bytes == NULL)
        return 2;
    while (size - at >= 2) {
        job one = {.protocol = bytes[at], .encoding = (snapjar_string_encoding)bytes[at + 1]};
        at += 2;
        unsigned char *steps = take(bytes, size, &at, &one.steps_size);
        unsigned char *pickle = take(bytes, size, &at, &one.pickle_size);
        if (steps == NULL || pickle == NULL)
            return 2;
        one.steps = (const char *)steps;
        one.pickle = pickle;
        migrate(context, &one);
        free(steps);
        free(pickle);
    }
    free(bytes);
    snapjar_context_free(context);
    return at == size ? 0 : 2;
}
