/* SPDX-License-Identifier: MIT
 *
 * Finding a length and a JSON header, and checking the digests that it names.
 */
#include "snapshot/old_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snapshot/digest.h"
#include "util/bytes.h"

#define LENGTH_SIZE_MAX 8
/** `{}` */
#define JSON_SIZE_MIN 2
#define CHUNK_SIZE ((size_t)64 << 10)
#define FIELD_SIZE_MAX 256

/* ---- finding it ---- */

/** A way to read the length. */
typedef struct length_form {
    snapjar_old_length length;
    size_t size;
    bool is_big_endian;
} length_form;

static const length_form forms[] = {
    {SNAPJAR_OLD_LENGTH_LE32, 4, false},
    {SNAPJAR_OLD_LENGTH_BE32, 4, true},
    {SNAPJAR_OLD_LENGTH_LE64, 8, false},
    {SNAPJAR_OLD_LENGTH_BE64, 8, true},
};

#define FORM_COUNT (sizeof forms / sizeof forms[0])

static uint64_t read_length(const length_form *form, const uint8_t *bytes)
{
    uint64_t length = 0;

    for (size_t i = 0; i < form->size; i++)
        length = length << 8 | bytes[form->is_big_endian ? i : form->size - 1 - i];
    return length;
}

/** Where a search is, and what it found so far. */
typedef struct search {
    sj_old_header *header;
    snapjar_source *source;
    uint64_t source_size;
    uint64_t at;
    const snapjar_limits *limits;
    snapjar_error *near;
    const length_form *found;
} search;

static snapjar_status parse(search *s, const length_form *form, uint64_t length, snapjar_error *err)
{
    sj_old_header *header = s->header;
    uint64_t from = s->at + form->size;
    snapjar_error fault;
    sj_json *root = NULL;
    char *json = sj_alloc(header->context, (size_t)length + 1);

    if (!json)
        return sj_raise_no_memory(err, length + 1);
    snapjar_status status =
        sj_source_read_exact(s->source, json, (size_t)length, from, SNAPJAR_DIAG_SOURCE_CHANGED, err);
    if (status != SNAPJAR_OK) {
        sj_free(header->context, json);
        return status;
    }
    json[length] = '\0';
    status =
        sj_json_parse(&root, json, (size_t)length, (size_t)s->limits->json_depth_max, SNAPJAR_SPACE_FILE, from, &fault);
    if (status == SNAPJAR_OK && !s->found) {
        header->offset = s->at;
        header->payload_offset = from + length;
        header->json = json;
        header->json_size = (size_t)length;
        header->root = root;
        s->found = form;
        return SNAPJAR_OK;
    }
    sj_json_free(root);
    sj_free(header->context, json);
    if (status == SNAPJAR_NO_MEMORY)
        return sj_raise_no_memory(err, length);
    if (status != SNAPJAR_OK)
        (void)sj_raise(s->near, status, SNAPJAR_DIAG_OLD_HEADER_DAMAGED, SJ_AT_FILE(fault.offset),
                       "what looks like a JSON header of %" PRIu64 " bytes is none: %s", length, fault.message);
    else if (s->found->size != form->size || header->json_size != length)
        return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_OLD_HEADER_AMBIGUOUS, SJ_AT_FILE(s->at),
                        "a length of %zu bytes and one of %zu bytes both lead to a JSON header: say which it is",
                        s->found->size, form->size);
    return SNAPJAR_OK;
}

/** Tries one way to read the length. */
static snapjar_status try_form(search *s, const length_form *form, const uint8_t *first, size_t first_size,
                               snapjar_error *err)
{
    uint8_t last = 0;
    size_t got = 0;

    if (first_size <= form->size || first[form->size] != '{')
        return SNAPJAR_OK;
    uint64_t length = read_length(form, first);
    if (length < JSON_SIZE_MIN || length > s->source_size - s->at - form->size)
        return SNAPJAR_OK;
    SJ_TRY(snapjar_source_read_at(s->source, &last, 1, s->at + form->size + length - 1, &got, err));
    if (!got || !strchr("} \t\r\n", last))
        return SNAPJAR_OK;
    if (length > s->limits->header_json_size_max) {
        (void)sj_raise(s->near, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_AT_FILE(s->at),
                       "what looks like a JSON header has %" PRIu64 " bytes, %" PRIu64 " are allowed", length,
                       s->limits->header_json_size_max);
        return SNAPJAR_OK;
    }
    return parse(s, form, length, err);
}

snapjar_status sj_old_header_find(sj_old_header *header, snapjar_context *context, snapjar_source *source,
                                  uint64_t source_size, uint64_t at, snapjar_old_length length,
                                  const snapjar_limits *limits, snapjar_error *near, snapjar_error *err)
{
    uint8_t first[LENGTH_SIZE_MAX + 1];
    size_t first_size = 0;
    search s = {
        .header = header, .source = source, .source_size = source_size, .at = at, .limits = limits, .near = near};

    *header = (sj_old_header){.context = context};
    near->status = SNAPJAR_OK;
    if (length == SNAPJAR_OLD_LENGTH_NONE)
        return SNAPJAR_OK;
    SJ_TRY(snapjar_source_read_at(source, first, sizeof first, at, &first_size, err));
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (length == SNAPJAR_OLD_LENGTH_ANY || length == forms[i].length)
            SJ_TRY(try_form(&s, &forms[i], first, first_size, err));
    }
    return SNAPJAR_OK;
}

void sj_old_header_clear(sj_old_header *header)
{
    sj_json_free(header->root);
    sj_free(header->context, header->json);
    header->root = NULL;
    header->json = NULL;
}

/* ---- its fields ---- */

const sj_json *sj_old_header_get(const sj_old_header *header, const char *field)
{
    char name[FIELD_SIZE_MAX];
    const sj_json *value = sj_json_get(header->root, field);

    for (const sj_json *at = header->root; !value && at;) {
        size_t size = strcspn(field, ".");
        if (size >= sizeof name || sj_json_type_of(at) != SJ_JSON_OBJECT)
            return NULL;
        memcpy(name, field, size);
        name[size] = '\0';
        at = sj_json_get(at, name);
        if (!field[size])
            return at;
        field += size + 1;
    }
    return value;
}

snapjar_status sj_old_header_raise(const sj_old_header *header, const char *field, snapjar_error *err, const char *what)
{
    return sj_raise_place(err,
                          sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SJ_AT_FILE(header->offset),
                                   "the old header's field \"%s\" %s", field, what),
                          field);
}

/* ---- digests ---- */

/** A digest as text, in small letters. */
static void format_digest(char out[2 * SJ_DIGEST_SIZE_MAX + 1], const uint8_t *digest, size_t size)
{
    for (size_t i = 0; i < size; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/** Hex digits in either case, perhaps with the name of the algorithm or 0x before them. */
static bool is_same_text(snapjar_text text, const char *hex)
{
    size_t size = strlen(hex);
    if (text.size < size)
        return false;
    const char *colon = memchr(text.data, ':', text.size);

    if (colon) {
        text.size -= (size_t)(colon + 1 - text.data);
        text.data = colon + 1;
    }
    if (text.size > 2 && text.data[0] == '0' && (text.data[1] == 'x' || text.data[1] == 'X')) {
        text.data += 2;
        text.size -= 2;
    }
    if (text.size != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = text.data[i];
        if ((c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) != hex[i])
            return false;
    }
    return true;
}

static bool is_same_number(int64_t value, const uint8_t *digest, size_t size)
{
    uint64_t number = 0;

    if (size > sizeof number)
        return false;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | digest[i];
    /* Signed 32 bits are what some languages print. */
    return (uint64_t)value == number || (size == 4 && value < 0 && (uint32_t)value == number);
}

static snapjar_status digest_range(snapjar_context *context, sj_digest_kind kind, snapjar_source *source, uint64_t from,
                                   uint64_t size, uint8_t out[SJ_DIGEST_SIZE_MAX], size_t *out_size, snapjar_error *err)
{
    sj_digest digest;
    uint8_t *buffer = sj_alloc(context, CHUNK_SIZE);
    snapjar_status status = buffer ? SNAPJAR_OK : sj_raise_no_memory(err, CHUNK_SIZE);

    sj_digest_begin(&digest, kind);
    while (status == SNAPJAR_OK && size > 0) {
        size_t step = (size_t)sj_min(size, CHUNK_SIZE);
        status = sj_source_read_exact(source, buffer, step, from, SNAPJAR_DIAG_SOURCE_CHANGED, err);
        if (status == SNAPJAR_OK)
            sj_digest_add(&digest, buffer, step);
        from += step;
        size -= step;
    }
    *out_size = sj_digest_end(&digest, out);
    sj_free(context, buffer);
    return status;
}

static bool matches(const sj_json *value, const uint8_t *digest, size_t size)
{
    char hex[2 * SJ_DIGEST_SIZE_MAX + 1] = "";

    if (sj_json_type_of(value) == SJ_JSON_INTEGER)
        return is_same_number(sj_json_integer(value), digest, size);
    format_digest(hex, digest, size);
    return is_same_text(sj_json_string(value), hex);
}

snapjar_status sj_old_header_check(const sj_old_header *header, const snapjar_old_checksum *checksum,
                                   snapjar_source *source, uint64_t size, snapjar_source *plain, snapjar_error *err)
{
    const sj_json *value = sj_old_header_get(header, checksum->field);
    uint8_t digest[SJ_DIGEST_SIZE_MAX];
    size_t digest_size = 0;
    uint64_t plain_size = 0;
    sj_digest_kind kind = sj_digest_find(checksum->algorithm);

    if (!value)
        return sj_old_header_raise(header, checksum->field, err, "is not there");
    if (sj_json_type_of(value) != SJ_JSON_STRING && sj_json_type_of(value) != SJ_JSON_INTEGER)
        return sj_old_header_raise(header, checksum->field, err, "is a checksum that is neither a text nor an integer");
    SJ_TRY(digest_range(header->context, kind, source, header->payload_offset, size, digest, &digest_size, err));
    if (matches(value, digest, digest_size))
        return SNAPJAR_OK;
    char hex[2 * SJ_DIGEST_SIZE_MAX + 1] = "";
    format_digest(hex, digest, digest_size);
    if (plain) {
        SJ_TRY(snapjar_source_size(plain, &plain_size, err));
        SJ_TRY(digest_range(header->context, kind, plain, 0, plain_size, digest, &digest_size, err));
        if (matches(value, digest, digest_size))
            return SNAPJAR_OK;
    }
    return sj_raise_place(err,
                          sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_CHECKSUM_MISMATCH,
                                   SJ_AT_FILE(header->payload_offset),
                                   "the %s of the %" PRIu64 " bytes behind the old header is %s, which the header does "
                                   "not say",
                                   checksum->algorithm, size, hex),
                          checksum->field);
}
