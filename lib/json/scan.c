/* SPDX-License-Identifier: MIT
 *
 * Offsets in JSON text (RFC 8259), without building anything.
 */
#include "json/scan.h"

#include <stdint.h>
#include <string.h>

#include "json/json.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_space(const char *text, size_t size, size_t at)
{
    while (at < size && is_space(text[at]))
        at++;
    return at;
}

size_t sj_json_depth(const char *text, size_t size, size_t limit, size_t *beyond_at)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest) {
                deepest = depth;
                if (depth == limit + 1)
                    *beyond_at = i;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

size_t sj_json_string_start(const char *text, size_t end)
{
    /* Back to the closing quote, then to the one before it that no backslash escapes. */
    while (end > 0 && text[end - 1] != '"')
        end--;
    for (size_t at = end > 0 ? end - 1 : 0; at > 0; at--) {
        size_t backslashes = 0;
        if (text[at - 1] != '"')
            continue;
        while (at - 1 > backslashes && text[at - 2 - backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 0)
            return at - 1;
    }
    return 0;
}

size_t sj_json_number_start(const char *text, size_t end)
{
    while (end > 0 && !is_digit(text[end - 1]))
        end--;
    while (end > 0 && (is_digit(text[end - 1]) || strchr("+-.eE", text[end - 1])))
        end--;
    return end;
}

/* Length of the UTF-8 sequence at `p` (RFC 3629), or 0. */
static size_t utf8_size(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || size > left)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
               (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : size;
}

size_t sj_json_bad_utf8(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t step = utf8_size((const uint8_t *)text + at, size - at);
        if (!step)
            return at;
        at += step;
    }
    return size;
}

/*
 * The scalar readers return the offset behind the value and set `*ok` to false at the byte that is wrong, which they
 * then return instead.
 */
static uint32_t hex4(const char *p, bool *ok)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit = is_digit(c)            ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            *ok = false;
        value = value << 4 | (digit & 15);
    }
    return value;
}

/* `at` is at the backslash. Surrogates must come in pairs and U+0000 is refused, as jansson does. */
static size_t scan_escape(const char *text, size_t size, size_t at, bool *ok)
{
    if (at + 1 >= size || !strchr("\"\\/bfnrtu", text[at + 1]) || !text[at + 1]) {
        *ok = false;
        return at;
    }
    if (text[at + 1] != 'u')
        return at + 2;
    uint32_t unit = 0;
    if (at + 6 <= size)
        unit = hex4(text + at + 2, ok);
    else
        *ok = false;
    if (!*ok || unit == 0 || (unit >= 0xdc00 && unit < 0xe000)) {
        *ok = false;
        return at;
    }
    if (unit < 0xd800 || unit > 0xdbff)
        return at + 6;
    if (at + 12 > size || text[at + 6] != '\\' || text[at + 7] != 'u')
        *ok = false;
    else {
        uint32_t low = hex4(text + at + 8, ok);
        *ok = *ok && low >= 0xdc00 && low < 0xe000;
    }
    return *ok ? at + 12 : at;
}

static size_t scan_string(const char *text, size_t size, size_t at, bool *ok)
{
    for (at++; at < size && text[at] != '"';) {
        if ((uint8_t)text[at] < 0x20) {
            *ok = false;
            return at;
        }
        if (text[at] != '\\')
            at++;
        else
            at = scan_escape(text, size, at, ok);
        if (!*ok)
            return at;
    }
    if (at >= size) {
        *ok = false;
        return size;
    }
    return at + 1;
}

static size_t scan_digits(const char *text, size_t size, size_t at, bool *ok)
{
    if (at >= size || !is_digit(text[at]))
        *ok = false;
    while (at < size && is_digit(text[at]))
        at++;
    return at;
}

static size_t scan_number(const char *text, size_t size, size_t at, bool *ok)
{
    if (text[at] == '-')
        at++;
    if (at < size && text[at] == '0')
        at++;
    else
        at = scan_digits(text, size, at, ok);
    if (*ok && at < size && text[at] == '.')
        at = scan_digits(text, size, at + 1, ok);
    if (*ok && at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < size && (text[at] == '+' || text[at] == '-'))
            at++;
        at = scan_digits(text, size, at, ok);
    }
    return at;
}

static size_t scan_scalar(const char *text, size_t size, size_t at, bool *ok)
{
    static const char *const words[] = {"true", "false", "null"};

    if (at < size && text[at] == '"')
        return scan_string(text, size, at, ok);
    if (at < size && (text[at] == '-' || is_digit(text[at])))
        return scan_number(text, size, at, ok);
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (size - at >= length && !memcmp(text + at, words[i], length))
            return at + length;
    }
    *ok = false;
    return at;
}

/* What may stand next; an explicit stack of brackets instead of recursion. */
typedef enum expectation {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING
} expectation;

typedef struct walker {
    const char *text;
    size_t size;
    size_t at;
    size_t depth;
    expectation expect;
    char stack[SJ_JSON_SCAN_DEPTH_MAX];
} walker;

static void after_value(walker *w)
{
    w->expect = w->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static bool step_key(walker *w)
{
    bool ok = true;

    if (w->text[w->at] != '"')
        return false;
    w->at = scan_string(w->text, w->size, w->at, &ok);
    if (!ok)
        return false;
    w->at = skip_space(w->text, w->size, w->at);
    if (w->at >= w->size || w->text[w->at] != ':')
        return false;
    w->at++;
    w->expect = EXPECT_VALUE;
    return true;
}

static bool step_value(walker *w)
{
    bool ok = true;
    char c = w->text[w->at];

    if (c == '{' || c == '[') {
        if (w->depth == SJ_JSON_SCAN_DEPTH_MAX)
            return false;
        w->stack[w->depth++] = c == '{' ? '}' : ']';
        w->expect = c == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
        w->at++;
        return true;
    }
    w->at = scan_scalar(w->text, w->size, w->at, &ok);
    if (ok)
        after_value(w);
    return ok;
}

static bool step_end(walker *w)
{
    if (w->text[w->at] != w->stack[w->depth - 1])
        return false;
    w->at++;
    w->depth--;
    after_value(w);
    return true;
}

static bool step(walker *w)
{
    char c = w->text[w->at];
    bool is_end = w->depth && (c == '}' || c == ']');

    switch (w->expect) {
    case EXPECT_VALUE:
        return step_value(w);
    case EXPECT_VALUE_OR_END:
        return is_end ? step_end(w) : step_value(w);
    case EXPECT_KEY:
        return step_key(w);
    case EXPECT_KEY_OR_END:
        return is_end ? step_end(w) : step_key(w);
    case EXPECT_COMMA_OR_END:
        if (c != ',')
            return is_end && step_end(w);
        w->expect = w->stack[w->depth - 1] == '}' ? EXPECT_KEY : EXPECT_VALUE;
        w->at++;
        return true;
    case EXPECT_NOTHING:
        break;
    }
    return false;
}

size_t sj_json_bad_syntax(const char *text, size_t size)
{
    walker w = {.text = text, .size = size, .expect = EXPECT_VALUE};

    for (;;) {
        w.at = skip_space(text, size, w.at);
        if (w.at >= size || !step(&w))
            return w.at;
    }
}

/* The offset behind the value at `at` in a valid text. */
static size_t skip_value(const char *text, size_t size, size_t at)
{
    size_t depth = 0;
    bool ok = true;

    for (;;) {
        at = skip_space(text, size, at);
        if (at >= size)
            return size;
        char c = text[at];
        if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
            at++;
        } else if (c == ',' || c == ':') {
            at++;
            continue;
        } else {
            at = scan_scalar(text, size, at, &ok);
            if (!ok)
                return size;
        }
        if (depth == 0)
            return at;
    }
}

/* The character that an escape at `at` stands for, as UTF-8; `*at` goes behind it. The text is valid. */
static size_t read_escape(const char *text, size_t *at, char out[4])
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, text[*at + 1]);
    bool ok = true;

    if (text[*at + 1] != 'u') {
        out[0] = letter ? meanings[letter - letters] : text[*at + 1];
        *at += 2;
        return 1;
    }
    uint32_t point = hex4(text + *at + 2, &ok);
    *at += 6;
    if (point >= 0xd800 && point < 0xe000) {
        point = 0x10000 + ((point & 0x3ff) << 10 | (hex4(text + *at + 2, &ok) & 0x3ff));
        *at += 6;
    }
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(size == 1 ? point : (0xf00u >> size & 0xff) | point);
    return size;
}

/* Whether the string from `at` to `end`, quotes and all, is `name`. */
static bool is_string(const char *text, size_t at, size_t end, const char *name)
{
    size_t left = strlen(name);
    char bytes[4];

    for (at++; at < end - 1;) {
        size_t size = 1;
        bytes[0] = text[at];
        if (text[at] == '\\')
            size = read_escape(text, &at, bytes);
        else
            at++;
        if (size > left || memcmp(name, bytes, size) != 0)
            return false;
        name += size;
        left -= size;
    }
    return left == 0;
}

/* The member `name` of the object at `at`: the offset of its value, or `size`. */
static size_t find_member(const char *text, size_t size, size_t at, const char *name)
{
    bool ok = true;

    if (at >= size || text[at] != '{')
        return size;
    for (at = skip_space(text, size, at + 1); at < size && text[at] == '"'; at = skip_space(text, size, at)) {
        size_t end = scan_string(text, size, at, &ok);
        bool is_match = is_string(text, at, end, name);
        at = skip_space(text, size, end);
        at = skip_space(text, size, at + 1); /* the colon */
        if (is_match)
            return at;
        at = skip_space(text, size, skip_value(text, size, at));
        if (at < size && text[at] == ',')
            at = skip_space(text, size, at + 1);
    }
    return size;
}

static size_t find_element(const char *text, size_t size, size_t at, size_t index)
{
    if (at >= size || text[at] != '[')
        return size;
    at = skip_space(text, size, at + 1);
    for (size_t i = 0; i < index && at < size; i++) {
        at = skip_space(text, size, skip_value(text, size, at));
        if (at < size && text[at] == ',')
            at = skip_space(text, size, at + 1);
    }
    return at;
}

size_t sj_json_locate_steps(const char *text, size_t size, const sj_json_step *steps, size_t count)
{
    size_t found = skip_space(text, size, 0);

    for (size_t i = 0; i < count; i++) {
        size_t at = steps[i].key ? find_member(text, size, found, steps[i].key)
                                 : find_element(text, size, found, steps[i].index);
        if (at >= size)
            break;
        found = at;
    }
    return found;
}

size_t sj_json_locate(const char *text, size_t size, const sj_json_path *path)
{
    return sj_json_locate_steps(text, size, path->steps, path->depth);
}
