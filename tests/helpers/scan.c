/* SPDX-License-Identifier: MIT
 *
 * Prints what a scan says, one JSON object a line, for tests written in Python.
 *   scan [--encoding ascii|latin1|bytes] [--chunk N] FILE...         each file is one pickle
 *   scan [...] --blobs FILE    the file holds pickles one after another, each after its size (u32, little-endian)
 * With --chunk, each pickle is fed in pieces of N bytes, each at an address of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/scan.h>

#include "read_file.h"

typedef struct settings {
    snapjar_string_encoding encoding;
    size_t chunk_size;
} settings;

/** Bytes that are no ASCII become \u00NN: the reader encodes them as Latin-1 again. */
static void print_text(snapjar_text text)
{
    putchar('"');
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        if (byte < ' ' || byte >= 0x7f || byte == '"' || byte == '\\')
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
    putchar('"');
}

static void print_record(const char *name, const snapjar_use_record *record)
{
    if (record->count > 0)
        printf(",\"%s\":[%" PRIu64 ",%" PRIu64 "]", name, record->count, record->offset);
}

static void print_global(snapjar_scan *scan, size_t index)
{
    const snapjar_scan_global *global = snapjar_scan_global_at(scan, index);
    size_t count;
    const snapjar_text *fields = snapjar_scan_fields(scan, index, &count);
    printf("%s{\"module\":", index > 0 ? "," : "");
    print_text(global->module);
    printf(",\"name\":");
    print_text(global->name);
    printf(",\"mapped\":[");
    print_text(global->mapped_module);
    putchar(',');
    print_text(global->mapped_name);
    printf("],\"code\":%" PRIu32 ",\"dotted\":%d,\"attribute\":%d,\"protocol\":%d,\"whole\":%d,\"fields\":[",
           global->extension_code, global->is_dotted, global->is_attribute, global->protocol, global->fields_are_whole);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putchar(',');
        print_text(fields[i]);
    }
    putchar(']');
    for (int use = 0; use < SNAPJAR_USE_COUNT; use++)
        print_record(snapjar_use_name((snapjar_use)use), &global->uses[use]);
    putchar('}');
}

static void print_scan(snapjar_scan *scan, snapjar_status status, const snapjar_error *err)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    printf("{\"status\":\"%s\"", snapjar_status_name(status));
    if (status != SNAPJAR_OK)
        printf(",\"diagnostic\":\"%s\",\"offset\":%" PRIu64, snapjar_diagnostic_name(err->diagnostic), err->offset);
    printf(",\"complete\":%d,\"size\":%" PRIu64 ",\"opcodes\":%" PRIu64 ",\"depth\":%" PRIu64 ",\"memo\":%" PRIu64
           ",\"protocol\":%d,\"root\":\"%s\",\"root_global\":%lld,\"layout_is_whole\":%d",
           summary->is_complete, summary->size, summary->opcode_count, summary->stack_depth, summary->memo_count,
           summary->protocol, snapjar_root_name(summary->root),
           summary->root_global == SIZE_MAX ? -1LL : (long long)summary->root_global, summary->layout_is_whole);
    print_record("persistent", &summary->persistent_ids);
    print_record("buffers", &summary->buffers);
    print_record("computed", &summary->computed_calls);
    printf(",\"findings\":[");
    const snapjar_scan_finding *finding;
    for (size_t i = 0; (finding = snapjar_scan_finding_at(scan, i)) != NULL; i++) {
        printf("%s[\"%s\",%" PRIu64 ",", i > 0 ? "," : "", snapjar_diagnostic_name(finding->diagnostic),
               finding->offset);
        print_text((snapjar_text){finding->message, strlen(finding->message)});
        putchar(']');
    }
    printf("],\"finding_count\":%" PRIu64 ",\"globals\":[", summary->finding_count);
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++)
        print_global(scan, i);
    printf("]}\n");
}

/** Every piece is a copy of its own size, so that a sanitizer sees a read past its end or after its time. */
static int report(snapjar_scan *scan, const unsigned char *bytes, size_t size, const settings *set)
{
    snapjar_error err;
    snapjar_status status = SNAPJAR_OK;
    const size_t step = set->chunk_size > 0 ? set->chunk_size : size;
    size_t at = 0, consumed = 0;
    snapjar_scan_reset(scan, 0);
    while (at < size && status == SNAPJAR_OK) {
        const size_t piece_size = size - at < step ? size - at : step;
        unsigned char *piece = malloc(piece_size);
        if (piece == NULL)
            return 2;
        memcpy(piece, bytes + at, piece_size);
        status = snapjar_scan_feed(scan, piece, piece_size, &consumed, &err);
        free(piece);
        at += piece_size;
        if (consumed < piece_size)
            break;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_scan_finish(scan, size, &err);
    print_scan(scan, status, &err);
    return 0;
}

static int report_blobs(snapjar_scan *scan, const unsigned char *bytes, size_t size, const settings *set)
{
    size_t at = 0;
    while (size - at >= 4) {
        const size_t blob_size =
            (size_t)bytes[at] | (size_t)bytes[at + 1] << 8 | (size_t)bytes[at + 2] << 16 | (size_t)bytes[at + 3] << 24;
        at += 4;
        if (blob_size > size - at || report(scan, bytes + at, blob_size, set) != 0)
            return 2;
        at += blob_size;
    }
    return at == size ? 0 : 2;
}

static int read_encoding(const char *name, snapjar_string_encoding *encoding)
{
    *encoding = strcmp(name, "latin1") == 0  ? SNAPJAR_STRING_LATIN1
                : strcmp(name, "bytes") == 0 ? SNAPJAR_STRING_BYTES
                                             : SNAPJAR_STRING_ASCII;
    return 0;
}

int main(int argument_count, char **arguments)
{
    settings set = {SNAPJAR_STRING_ASCII, 0};
    int is_blobs = 0, result = 0;
    snapjar_context *context;
    snapjar_scan *scan;
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    int i = 1;
    for (; i < argument_count && strncmp(arguments[i], "--", 2) == 0; i++) {
        if (strcmp(arguments[i], "--blobs") == 0)
            is_blobs = 1;
        else if (strcmp(arguments[i], "--encoding") == 0 && i + 1 < argument_count)
            read_encoding(arguments[++i], &set.encoding);
        else if (strcmp(arguments[i], "--chunk") == 0 && i + 1 < argument_count)
            set.chunk_size = (size_t)strtoull(arguments[++i], NULL, 10);
        else
            return 2;
    }
    options.string_encoding = set.encoding;
    if (snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK ||
        snapjar_scan_new(&scan, context, &options, NULL) != SNAPJAR_OK)
        return 2;
    for (; i < argument_count && result == 0; i++) {
        size_t size = 0;
        unsigned char *bytes = read_file(arguments[i], &size);
        if (bytes == NULL) {
            perror(arguments[i]);
            result = 2;
            break;
        }
        result = is_blobs ? report_blobs(scan, bytes, size, &set) : report(scan, bytes, size, &set);
        free(bytes);
    }
    snapjar_scan_free(scan);
    snapjar_context_free(context);
    return result;
}
