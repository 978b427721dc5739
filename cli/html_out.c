/* SPDX-License-Identifier: MIT
 *
 * Escaping for HTML.
 */
#include "html_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_special(struct text *out, const char *byte, size_t length, uint32_t character)
{
    switch (length ? character : 0x80) {
    case '&':
        text_puts(out, "&amp;");
        return;
    case '<':
        text_puts(out, "&lt;");
        return;
    case '>':
        text_puts(out, "&gt;");
        return;
    case '"':
        text_puts(out, "&quot;");
        return;
    case '\'':
        text_puts(out, "&#39;");
        return;
    default:
        break;
    }
    if (length <= 1)
        text_printf(out, "\\x%02x", (unsigned)(unsigned char)*byte);
    else if (character > 0xffff)
        text_printf(out, "\\U%08" PRIx32, character);
    else
        text_printf(out, "\\u%04" PRIx32, character);
}

void html_text(struct text *out, const char *bytes, size_t size)
{
    size_t plain = 0; /* bytes from here on stand as they are and are not yet added */

    for (size_t done = 0; done < size;) {
        uint32_t character = 0;
        size_t length = text_decode(&character, bytes + done, size - done);
        bool is_markup = length == 1 && character && strchr("&<>\"'", (int)character);
        if (length && !is_markup && text_is_plain(character)) {
            done += length;
            continue;
        }
        text_add(out, bytes + plain, done - plain);
        add_special(out, bytes + done, length, character);
        done += length ? length : 1;
        plain = done;
    }
    text_add(out, bytes + plain, size - plain);
}

void html_string(struct text *out, const char *string)
{
    html_text(out, string, strlen(string));
}

void html_sentence(struct text *out, const char *sentence)
{
    bool is_code = false;

    while (*sentence) {
        size_t size = strcspn(sentence, "`");
        html_text(out, sentence, size);
        sentence += size;
        if (!*sentence)
            break;
        is_code = !is_code;
        text_puts(out, is_code ? "<code>" : "</code>");
        sentence++;
    }
}

void html_code(struct text *out, snapjar_text text)
{
    if (!text.size) {
        text_puts(out, "<span class=\"soft\">\xe2\x80\x93</span>");
        return;
    }
    text_puts(out, "<code>");
    html_text(out, text.data, text.size);
    text_puts(out, "</code>");
}

void html_number(struct text *out, uint64_t number)
{
    char digits[24];
    int count = snprintf(digits, sizeof(digits), "%" PRIu64, number);

    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            text_putc(out, ',');
        text_putc(out, digits[i]);
    }
}

void html_count(struct text *out, uint64_t number, const char *one, const char *many)
{
    html_number(out, number);
    text_printf(out, " %s", number == 1 ? one : many);
}
