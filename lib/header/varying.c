/* SPDX-License-Identifier: MIT
 *
 * JSON of one known shape, read without a tree: parsing it as JSON was the largest cost of listing many files. Whatever
 * this accepts, the way over the tree accepts with the same result (tests/unit/test_header.c and the fuzz target
 * compare the two).
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

static bool take_checksum(cursor *c, uint8_t out[SJ_CHECKSUM_SIZE])
{
    if (!take(c, "\"xxh3-128:") || c->end - c->at < 32)
        return false;
    for (size_t i = 0; i < 32; i++) {
        char digit = *c->at++;
        uint8_t value = digit >= '0' && digit <= '9'   ? (uint8_t)(digit - '0')
                        : digit >= 'a' && digit <= 'f' ? (uint8_t)(digit - 'a' + 10)
                                                       : 16;
        if (value == 16)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | value : value << 4);
    }
    return take(c, "\"");
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
