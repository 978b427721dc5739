/* SPDX-License-Identifier: MIT
 *
 * Writing JSON.
 */
#include "json_out.h"

#include <inttypes.h>
#include <string.h>

void json_begin(struct text *out, const char *kind)
{
    text_printf(out, "{\"json_version\":%d", JSON_VERSION);
    json_string(out, "kind", kind);
}

void json_end(struct text *out)
{
    text_puts(out, "}\n");
}

static void add_unicode_escape(struct text *out, uint32_t character)
{
    if (character > 0xffff) {
        uint32_t rest = character - 0x10000;
        text_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
    } else {
        text_printf(out, "\\u%04" PRIx32, character);
    }
}

void json_quoted(struct text *out, const char *bytes, size_t size)
{
    size_t plain = 0; /* bytes from here on stand as they are and are not yet added */

    text_putc(out, '"');
    for (size_t done = 0; done < size;) {
        uint32_t character = 0xfffd;
        size_t length = text_decode(&character, bytes + done, size - done);
        if (length && character != '"' && character != '\\' && text_is_plain(character)) {
            done += length;
            continue;
        }
        text_add(out, bytes + plain, done - plain);
        if (character == '"' || character == '\\')
            text_printf(out, "\\%c", (char)character);
        else
            add_unicode_escape(out, length ? character : 0xfffd);
        done += length ? length : 1;
        plain = done;
    }
    text_add(out, bytes + plain, size - plain);
    text_putc(out, '"');
}

void json_key(struct text *out, const char *key)
{
    char last = out->size ? out->data[out->size - 1] : '{';

    if (last != '{' && last != '[')
        text_putc(out, ',');
    text_putc(out, '"');
    text_puts(out, key);
    text_puts(out, "\":");
}

void json_text(struct text *out, const char *key, snapjar_text value)
{
    json_key(out, key);
    json_quoted(out, value.data, value.size);
}

void json_string(struct text *out, const char *key, const char *value)
{
    json_text(out, key, (snapjar_text){value, strlen(value)});
}

void json_number(struct text *out, const char *key, uint64_t value)
{
    json_key(out, key);
    text_number(out, value);
}

void json_bool(struct text *out, const char *key, bool value)
{
    json_key(out, key);
    text_puts(out, value ? "true" : "false");
}

void json_file(struct text *out, const char *key, const char *name)
{
    json_string(out, key, name);
    if (text_is_utf8(name, strlen(name)))
        return;
    text_printf(out, ",\"%s_hex\":\"", key);
    for (const char *p = name; *p; p++)
        text_printf(out, "%02x", (unsigned)(unsigned char)*p);
    text_putc(out, '"');
}

void json_error_object(struct text *out, const snapjar_error *err)
{
    static const char *const spaces[] = {"none", "file", "content"};

    text_putc(out, '{');
    json_string(out, "status", snapjar_status_name(err->status));
    json_string(out, "diagnostic", snapjar_diagnostic_name(err->diagnostic));
    json_string(out, "message", err->message);
    if (err->space != SNAPJAR_SPACE_NONE && err->offset != SNAPJAR_OFFSET_NONE) {
        json_string(out, "space", spaces[err->space]);
        json_number(out, "offset", err->offset);
    }
    if (err->record_index != SNAPJAR_OFFSET_NONE)
        json_number(out, "record", err->record_index);
    if (err->place[0])
        json_string(out, "place", err->place);
    if (err->system_errno)
        json_number(out, "errno", (uint64_t)err->system_errno);
    text_putc(out, '}');
}

void json_error(struct text *out, const char *key, const snapjar_error *err)
{
    json_key(out, key);
    json_error_object(out, err);
}

void json_embed(struct text *out, const char *json, size_t size)
{
    size_t plain = 0;

    for (size_t done = 0; done < size;) {
        uint32_t character = ' ';
        size_t length = text_decode(&character, json + done, size - done);
        if (length && text_is_plain(character)) {
            done += length;
            continue;
        }
        text_add(out, json + plain, done - plain);
        /* Below 0x20 only white space between tokens can stand in valid JSON; all else is inside strings. */
        if (length && character < 0x20)
            text_putc(out, ' ');
        else
            add_unicode_escape(out, length ? character : 0xfffd);
        done += length ? length : 1;
        plain = done;
    }
    text_add(out, json + plain, size - plain);
}

static size_t digits(const char *p)
{
    return strspn(p, "0123456789");
}

static bool is_number(const char *p)
{
    p += *p == '-';
    size_t whole = digits(p);
    if (!whole || (*p == '0' && whole > 1))
        return false;
    p += whole;
    if (*p == '.') {
        size_t part = digits(++p);
        if (!part)
            return false;
        p += part;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        size_t part = digits(p);
        if (!part)
            return false;
        p += part;
    }
    return !*p;
}

static bool is_string(const char *p)
{
    if (*p++ != '"')
        return false;
    for (; *p && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return false;
        if (*p != '\\')
            continue;
        p++;
        if (*p == 'u') {
            if (strspn(p + 1, "0123456789abcdefABCDEF") < 4)
                return false;
            p += 4;
        } else if (!*p || !strchr("\"\\/bfnrt", *p)) {
            return false;
        }
    }
    return p[0] == '"' && !p[1];
}

bool json_is_scalar(const char *json)
{
    return !strcmp(json, "true") || !strcmp(json, "false") || !strcmp(json, "null") || is_number(json) ||
           is_string(json);
}
