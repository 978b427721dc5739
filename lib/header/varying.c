/* SPDX-License-Identifier: MIT
 *
 * JSON of one known shape, read and written without a tree: parsing it as JSON was the largest cost of listing many
 * files, printf's formats a large one of packing small pickles. Whatever this accepts, the way over the tree accepts
 * with the same result (tests/unit/test_header.c and the fuzz target compare the two).
 */
#include "header/varying.h"

#include <string.h>

#include "header/fields.h"

#define DIGITS_MAX 18

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static bool take(cursor *c, const char *literal)
{
    size_t size = strlen(literal);

    if ((size_t)(c->end - c->at) < size || memcmp(c->at, literal, size) != 0)
        return false;
    c->at += size;
    return true;
}

/* Digits without a leading zero; at most 18, so that the value fits; zero is for the tree, which says what is wrong
 * with it. */
static bool take_number(cursor *c, uint64_t *value)
{
    const char *start = c->at;

    *value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - start <= DIGITS_MAX)
        *value = *value * 10 + (uint64_t)(*c->at++ - '0');
    return c->at > start && c->at - start <= DIGITS_MAX && *start != '0';
}

/* Of a lower-case digit; for anything else a number beyond 15. */
static unsigned hex_value(char digit)
{
    unsigned decimal = (unsigned)(uint8_t)digit - '0';
    unsigned letter = (unsigned)(uint8_t)digit - 'a';

    return decimal < 10 ? decimal : letter < 6 ? letter + 10 : 16;
}

static bool take_checksum(cursor *c, uint8_t out[SJ_CHECKSUM_SIZE])
{
    if (!take(c, "\"xxh3-128:") || c->end - c->at < 32)
        return false;
    unsigned wrong = 0;
    for (size_t i = 0; i < 16; i++) {
        unsigned high = hex_value(c->at[2 * i]);
        unsigned low = hex_value(c->at[2 * i + 1]);
        wrong |= high | low;
        out[i] = (uint8_t)(high << 4 | low);
    }
    c->at += 32;
    return wrong < 16 && take(c, "\"");
}

static bool take_created(cursor *c, snapjar_text *created)
{
    const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));

    if (!quote)
        return false;
    *created = (snapjar_text){c->at, (size_t)(quote - c->at)};
    c->at = quote + 1;
    return sj_is_time(*created);
}

static bool take_protocol(cursor *c, int *protocol)
{
    if (c->at >= c->end || *c->at < '0' || *c->at > '5')
        return false;
    *protocol = *c->at++ - '0';
    return true;
}

static bool take_encoding(cursor *c, snapjar_string_encoding *encoding)
{
    *encoding = SNAPJAR_STRING_ASCII;
    if (!take(c, ",\"string_encoding\":\""))
        return true;
    for (int i = SNAPJAR_STRING_ASCII; i <= SNAPJAR_STRING_BYTES; i++) {
        if (take(c, snapjar_string_encoding_name((snapjar_string_encoding)i))) {
            *encoding = (snapjar_string_encoding)i;
            return take(c, "\"");
        }
    }
    return false;
}

bool sj_varying_read(snapjar_header *header, size_t split)
{
    cursor c = {header->json + split, header->json + header->prefix.json_size};
    uint64_t frame_size = 0;

    bool is_read =
        take(&c, ",\"created\":\"") && take_created(&c, &header->created) &&
        take(&c, ",\"payload\":{\"content_type\":\"pickle\",\"protocol\":") && take_protocol(&c, &header->protocol) &&
        take_encoding(&c, &header->string_encoding) && take(&c, ",\"compression\":\"zstd\",\"frame_size\":") &&
        take_number(&c, &frame_size) && take(&c, ",\"size\":") && take_number(&c, &header->size) &&
        take(&c, ",\"pickle_size\":") && take_number(&c, &header->pickle_size) && take(&c, ",\"stored_size\":") &&
        take_number(&c, &header->stored_size) && take(&c, ",\"checksum\":") && take_checksum(&c, header->checksum) &&
        take(&c, ",\"content_checksum\":") && take_checksum(&c, header->content_checksum) && take(&c, "}}");
    /* Trailing spaces are allowed, and rare enough to be left to the tree. */
    if (!is_read || c.at != c.end || header->pickle_size != header->size || frame_size < SNAPJAR_FRAME_SIZE_MIN ||
        frame_size > SNAPJAR_FRAME_SIZE_MAX || (frame_size & (frame_size - 1)))
        return false;
    header->frame_size = (uint32_t)frame_size;
    return true;
}

/* ---- writing ---- */

/* Each writes at `out` and returns where it ended. */

static char *put(char *out, const char *literal)
{
    size_t size = strlen(literal);

    memcpy(out, literal, size);
    return out + size;
}

static char *put_number(char *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    memcpy(out, digits + at, sizeof(digits) - at);
    return out + (sizeof(digits) - at);
}

static char *put_checksum(char *out, const uint8_t checksum[SJ_CHECKSUM_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    out = put(out, "\"xxh3-128:");
    for (size_t i = 0; i < SJ_CHECKSUM_SIZE; i++) {
        *out++ = digits[checksum[i] >> 4];
        *out++ = digits[checksum[i] & 15];
    }
    return put(out, "\"");
}

static char *put_buffers(char *out, const sj_header_plan *plan)
{
    out = put(out, ",\"buffers\":[");
    for (size_t i = 0; i < plan->buffer_count; i++) {
        out = put_number(put(out, i ? ",{\"offset\":" : "{\"offset\":"), plan->buffers[i].offset);
        out = put_number(put(out, ",\"size\":"), plan->buffers[i].size);
        out = put(out, "}");
    }
    return put(out, "]");
}

size_t sj_varying_write(char *start, const char *created, const sj_header_plan *plan)
{
    char *out = put(put(start, ",\"created\":\""), created);

    out = put(out, "\",\"payload\":{\"content_type\":\"pickle\",\"protocol\":");
    out = put_number(out, (uint64_t)plan->protocol);
    if (plan->string_encoding != SNAPJAR_STRING_ASCII) {
        out = put(out, ",\"string_encoding\":\"");
        out = put(put(out, snapjar_string_encoding_name(plan->string_encoding)), "\"");
    }
    out = put_number(put(out, ",\"compression\":\"zstd\",\"frame_size\":"), plan->frame_size);
    out = put_number(put(out, ",\"size\":"), plan->size);
    out = put_number(put(out, ",\"pickle_size\":"), plan->pickle_size);
    out = put_number(put(out, ",\"stored_size\":"), plan->stored_size);
    out = put_checksum(put(out, ",\"checksum\":"), plan->checksum);
    out = put_checksum(put(out, ",\"content_checksum\":"), plan->content_checksum);
    if (plan->buffer_count)
        out = put_buffers(out, plan);
    return (size_t)(put(out, "}}") - start);
}
