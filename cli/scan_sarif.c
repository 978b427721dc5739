/* SPDX-License-Identifier: MIT
 *
 * Findings as SARIF 2.1.0 (OASIS, static analysis results interchange format), one document. Rules are the library's
 * diagnostics, whose names never change.
 */
#include <inttypes.h>
#include <string.h>

#include "denials.h"
#include "json_out.h"
#include "scan.h"

/* Percent-encoding of a path as a relative or file reference (RFC 3986): what is not a plain byte of a path segment. */
static void add_uri(struct text *out, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

    if (!strcmp(path, "-"))
        path = "stdin";
    if (path[0] == '/')
        text_puts(out, "file://");
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    for (; *path; path++) {
        if (strchr(plain, *path))
            text_putc(out, *path);
        else
            text_printf(out, "%%%02X", (unsigned)(unsigned char)*path);
    }
}

static uint64_t mix(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* The same for the same fault of the same pickle, wherever in it that is. */
static uint64_t fingerprint(const struct scan_fault *fault, const char *uri, size_t uri_size)
{
    const uint64_t index = fault->item ? fault->item->index : 0;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    hash = mix(hash, fault->diagnostic, strlen(fault->diagnostic));
    hash = mix(hash, uri, uri_size);
    hash = mix(hash, fault->global, strlen(fault->global));
    hash = mix(hash, (const char *)&fault->uses, sizeof(fault->uses));
    return mix(hash, (const char *)&index, sizeof(index));
}

/* Where in the file it is: of what is inside a compressed file, nowhere; of a record's content, at the record. */
static void add_region(struct text *out, const struct scan_fault *fault)
{
    uint64_t offset = fault->offset;

    if (!fault->is_file_offset && (!fault->item || !fault->item->header))
        return;
    if (!fault->is_file_offset)
        offset = fault->item->offset;
    if (offset != SNAPJAR_OFFSET_NONE)
        text_printf(out, ",\"region\":{\"startLine\":1,\"byteOffset\":%" PRIu64 "}", offset);
}

static void add_properties(struct text *out, const struct scan_fault *fault)
{
    json_key(out, "properties");
    text_putc(out, '{');
    if (fault->item)
        json_number(out, fault->item->header ? "record" : "pickle", fault->item->index);
    if (fault->offset != SNAPJAR_OFFSET_NONE)
        json_number(out, fault->is_file_offset ? "offset" : "contentOffset", fault->offset);
    if (fault->global[0])
        json_string(out, "global", fault->global);
    if (fault->uses)
        uses_add_json(out, "uses", fault->uses);
    if (fault->line[0])
        json_string(out, "line", fault->line);
    text_putc(out, '}');
}

void sarif_add_result(struct text *out, const struct scan_fault *fault)
{
    struct text message = {0};
    struct text uri = {0};

    add_uri(&uri, fault->path);
    if (fault->global[0])
        text_printf(&message, "%s: ", fault->global);
    text_puts(&message, fault->message);
    if (fault->line[0])
        text_printf(&message, ". To allow it, if you know what it does: %s", fault->line);
    text_puts(out, ",\n{");
    json_string(out, "ruleId", fault->diagnostic);
    json_string(out, "level", "error");
    text_puts(out, ",\"message\":{");
    json_string(out, "text", text_string(&message));
    text_puts(out, "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{");
    json_string(out, "uri", text_string(&uri));
    text_putc(out, '}');
    add_region(out, fault);
    text_printf(out, "}}],\"partialFingerprints\":{\"snapjarFault/v1\":\"%016" PRIx64 "\"}",
                fingerprint(fault, text_string(&uri), uri.size));
    add_properties(out, fault);
    text_putc(out, '}');
    text_free(&message);
    text_free(&uri);
}

void sarif_begin(struct text *out)
{
    text_puts(out, "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{"
                   "\"tool\":{\"driver\":{\"name\":\"snapjar\"");
    json_string(out, "semanticVersion", snapjar_version());
    text_puts(out, ",\"rules\":[");
    for (size_t i = 0; i < snapjar_diagnostic_count(); i++) {
        const snapjar_diagnostic_info *info = snapjar_diagnostic_at(i);
        text_puts(out, i ? ",\n{" : "\n{");
        json_string(out, "id", info->name);
        text_puts(out, ",\"shortDescription\":{");
        json_string(out, "text", info->summary);
        text_puts(out, "},\"help\":{");
        json_string(out, "text", info->explanation);
        text_puts(out, "},\"properties\":{\"tags\":[\"security\"]}}");
    }
    text_puts(out, "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
}

void sarif_end(struct text *out, int exit_code)
{
    /* A file that could not be read or was over a limit was not analysed, and the run not whole. */
    text_printf(out, "\n],\"invocations\":[{\"executionSuccessful\":%s,\"exitCode\":%d}]}]}\n",
                exit_code == EXIT_TROUBLE ? "false" : "true", exit_code);
}
