/* SPDX-License-Identifier: MIT
 *
 * Writes pickles at each protocol, for tests written in Python.
 *   transcode [--encoding ascii|latin1|bytes] FILE
 * FILE holds pickles one after another, each after its size (u32, little-endian). For each of them and each protocol
 * from 0 to 5, the output has the status (one byte, 0 for success), a size (u32) and so many bytes: the new pickle, or
 * "diagnostic offset message".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/graph.h>

#include "read_file.h"

static void print_answer(snapjar_status status, const void *bytes, size_t size)
{
    const unsigned char head[5] = {(unsigned char)status, (unsigned char)size, (unsigned char)(size >> 8),
                                   (unsigned char)(size >> 16), (unsigned char)(size >> 24)};
    fwrite(head, 1, sizeof head, stdout);
    fwrite(bytes, 1, size, stdout);
}

static void print_failure(snapjar_status status, const snapjar_error *err)
{
    char text[SNAPJAR_ERROR_MESSAGE_SIZE + 64];
    const int size = snprintf(text, sizeof text, "%s %lld %s", snapjar_diagnostic_name(err->diagnostic),
                              (long long)err->offset, err->message);
    print_answer(status, text, (size_t)size);
}

static void transcode(snapjar_context *context, const unsigned char *bytes, size_t size,
                      snapjar_string_encoding encoding)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    snapjar_error err;
    options.string_encoding = encoding;
    const snapjar_status made = snapjar_graph_new(&graph, context, bytes, size, &options, &err);
    for (int protocol = 0; protocol <= 5; protocol++) {
        snapjar_sink *sink = NULL;
        snapjar_status status = made;
        if (status == SNAPJAR_OK)
            status = snapjar_sink_to_memory(&sink, context, &err);
        if (status == SNAPJAR_OK)
            status = snapjar_graph_emit(graph, protocol, sink, NULL, NULL, &err);
        if (status == SNAPJAR_OK) {
            size_t out_size;
            const void *out = snapjar_sink_memory(sink, &out_size);
            print_answer(status, out, out_size);
        } else {
            print_failure(status, &err);
        }
        snapjar_sink_free(sink);
    }
    snapjar_graph_free(graph);
}

int main(int argument_count, char **arguments)
{
    snapjar_string_encoding encoding = SNAPJAR_STRING_ASCII;
    snapjar_context *context;
    size_t size = 0, at = 0;
    int i = 1;
    if (argument_count == 4 && strcmp(arguments[1], "--encoding") == 0) {
        encoding = strcmp(arguments[2], "latin1") == 0  ? SNAPJAR_STRING_LATIN1
                   : strcmp(arguments[2], "bytes") == 0 ? SNAPJAR_STRING_BYTES
                                                        : SNAPJAR_STRING_ASCII;
        i = 3;
    }
    if (argument_count != i + 1 || snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return 2;
    unsigned char *bytes = read_file(arguments[i], &size);
    if (bytes == NULL)
        return 2;
    while (size - at >= 4) {
        const size_t blob_size =
            (size_t)bytes[at] | (size_t)bytes[at + 1] << 8 | (size_t)bytes[at + 2] << 16 | (size_t)bytes[at + 3] << 24;
        at += 4;
        if (blob_size > size - at)
            return 2;
        /* A copy of its own size, so that a sanitizer sees a read past its end. */
        unsigned char *blob = malloc(blob_size > 0 ? blob_size : 1);
        if (blob == NULL)
            return 2;
        memcpy(blob, bytes + at, blob_size);
        transcode(context, blob, blob_size, encoding);
        free(blob);
        at += blob_size;
    }
    free(bytes);
    snapjar_context_free(context);
    return at == size ? 0 : 2;
}
