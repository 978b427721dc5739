/* SPDX-License-Identifier: MIT
 *
 * Filling in snapjar_error, and the names of statuses and diagnostics.
 */
#include "util/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <snapjar/version.h>

#include "util/bytes.h"

static const snapjar_diagnostic_info diagnostics[] = {
#define X(number, enum_name, name, summary, explanation) {SNAPJAR_DIAG_##enum_name, name, summary, explanation},
#include "util/diagnostics.def"
#undef X
};

#define DIAGNOSTIC_COUNT (sizeof(diagnostics) / sizeof(diagnostics[0]))

static const char *const status_names[] = {
    "ok",          "invalid-argument", "no-memory", "limit",   "io",        "cut-short", "wrong-format",
    "unsupported", "damaged",          "bad-seal",  "refused", "not-found", "cancelled", "bug",
};

const char *snapjar_version(void)
{
    return SNAPJAR_VERSION;
}

const char *snapjar_status_name(snapjar_status status)
{
    size_t index = (size_t)status;
    return index < sizeof(status_names) / sizeof(status_names[0]) ? status_names[index] : "unknown";
}

static const snapjar_diagnostic_info *find_number(snapjar_diagnostic diagnostic)
{
    for (size_t i = 0; i < DIAGNOSTIC_COUNT; i++) {
        if (diagnostics[i].diagnostic == diagnostic)
            return &diagnostics[i];
    }
    return NULL;
}

const char *snapjar_diagnostic_name(snapjar_diagnostic diagnostic)
{
    if (diagnostic == SNAPJAR_DIAG_NONE)
        return "none";
    const snapjar_diagnostic_info *info = find_number(diagnostic);
    return info ? info->name : "unknown";
}

const char *snapjar_diagnostic_hint(snapjar_diagnostic diagnostic)
{
    const snapjar_diagnostic_info *info = find_number(diagnostic);
    return info ? info->explanation : "";
}

size_t snapjar_diagnostic_count(void)
{
    return DIAGNOSTIC_COUNT;
}

const snapjar_diagnostic_info *snapjar_diagnostic_at(size_t index)
{
    return index < DIAGNOSTIC_COUNT ? &diagnostics[index] : NULL;
}

const snapjar_diagnostic_info *snapjar_diagnostic_find(const char *name)
{
    if (!name)
        return NULL;
    for (size_t i = 0; i < DIAGNOSTIC_COUNT; i++) {
        if (!strcmp(diagnostics[i].name, name))
            return &diagnostics[i];
    }
    if ((name[0] == 'S' || name[0] == 's') && (name[1] == 'J' || name[1] == 'j'))
        name += 2;
    int number = 0;
    for (const char *p = name; *p; p++) {
        if (*p < '0' || *p > '9' || p - name >= 6)
            return NULL;
        number = number * 10 + (*p - '0');
    }
    return find_number((snapjar_diagnostic)number);
}

/* One byte as printable text; returns its length, at most 4. */
static size_t escape_byte(char out[4], uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    const char *short_form = NULL;

    switch (byte) {
    case '\n':
        short_form = "\\n";
        break;
    case '\r':
        short_form = "\\r";
        break;
    case '\t':
        short_form = "\\t";
        break;
    case '"':
        short_form = "\\\"";
        break;
    case '\\':
        short_form = "\\\\";
        break;
    default:
        break;
    }
    if (short_form) {
        memcpy(out, short_form, 2);
        return 2;
    }
    if (byte >= 0x20 && byte < 0x7f) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[byte >> 4];
    out[3] = hex[byte & 15];
    return 4;
}

size_t snapjar_text_escape(char *out, size_t out_size, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    size_t used = 0;
    size_t safe = 0; /* the longest prefix that leaves room for "..." */

    if (out_size < 4) {
        if (out_size)
            out[0] = '\0';
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        char piece[4];
        size_t piece_size = escape_byte(piece, in[i]);
        if (used + piece_size >= out_size) {
            memcpy(out + safe, "...", 4);
            return safe + 3;
        }
        memcpy(out + used, piece, piece_size);
        used += piece_size;
        if (used + 4 <= out_size)
            safe = used;
    }
    out[used] = '\0';
    return used;
}

void sj_hex16(char out[33], const uint8_t bytes[16])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[32] = '\0';
}

/* Messages are built from escaped pieces; this only guards against a piece that was forgotten. */
static void drop_controls(char *text)
{
    for (; *text; text++) {
        if ((uint8_t)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

static void start(snapjar_error *err, snapjar_status status, snapjar_diagnostic diagnostic, sj_where where)
{
    err->status = status;
    err->diagnostic = diagnostic;
    err->space = where.space;
    err->offset = where.offset;
    err->record_index = SNAPJAR_OFFSET_NONE;
    err->system_errno = 0;
    err->place[0] = '\0';
    err->message[0] = '\0';
}

snapjar_status(sj_raise)(snapjar_error *err, snapjar_status status, snapjar_diagnostic diagnostic, sj_where where,
                         const char *format, ...)
{
    va_list arguments;

    if (!err)
        return status;
    start(err, status, diagnostic, where);
    va_start(arguments, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    drop_controls(err->message);
    return status;
}

snapjar_status(sj_raise_errno)(snapjar_error *err, snapjar_diagnostic diagnostic, int system_errno, const char *place,
                               const char *what)
{
    char buffer[96];

    if (!err)
        return SNAPJAR_IO;
    start(err, SNAPJAR_IO, diagnostic, SJ_NOWHERE);
    err->system_errno = system_errno;
    /* GNU strerror_r: returns the text, which may be its own static one; safe for threads. */
    (void)snprintf(err->message, sizeof(err->message), "%s: %s", what,
                   strerror_r(system_errno, buffer, sizeof(buffer)));
    drop_controls(err->message);
    return sj_raise_place(err, SNAPJAR_IO, place);
}

snapjar_status(sj_raise_no_memory)(snapjar_error *err, uint64_t size)
{
    return sj_raise(err, SNAPJAR_NO_MEMORY, SNAPJAR_DIAG_OUT_OF_MEMORY, SJ_NOWHERE, "cannot allocate %" PRIu64 " bytes",
                    size);
}

snapjar_status sj_raise_place(snapjar_error *err, snapjar_status status, const char *place)
{
    if (err && place && !err->place[0])
        (void)snapjar_text_escape(err->place, sizeof(err->place), place, strlen(place));
    return status;
}
