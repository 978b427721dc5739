/* SPDX-License-Identifier: MIT
 *
 * Files in which a length and a JSON header of the program's own stand before each pickle or group of pickles.
 */
#include <inttypes.h>
#include <string.h>

#include <snapjar/pickles.h>

#include "snapshot/digest.h"
#include "snapshot/migrating.h"
#include "snapshot/range.h"

static snapjar_status open_pickles(const sj_migrating *m, snapjar_source *source, snapjar_pickles **pickles,
                                   snapjar_error *err)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;

    options.limits = &m->limits;
    return snapjar_pickles_open(pickles, m->context, source, &options, err);
}

/* ---- what could be two things ---- */

/* Whether a pickle, or what decompresses to one, begins there and comes to its end. */
static bool is_pickle(const sj_migrating *m, snapjar_source *source)
{
    snapjar_pickles *pickles = NULL;
    const snapjar_pickles_item *item = NULL;

    snapjar_status status = open_pickles(m, source, &pickles, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_pickles_next(pickles, &item, NULL);
    /* Going on finds the end. */
    if (status == SNAPJAR_OK && item)
        status = snapjar_pickles_next(pickles, &item, NULL);
    snapjar_pickles_free(pickles);
    return status == SNAPJAR_OK;
}

snapjar_status sj_migrate_check_ambiguous(const sj_migrating *m, snapjar_source *source, uint64_t source_size,
                                          const sj_old_header *header, snapjar_error *err)
{
    snapjar_source *range = NULL;

    if (m->old.length != SNAPJAR_OLD_LENGTH_ANY)
        return SNAPJAR_OK;
    SJ_TRY(sj_source_from_range(&range, source, header->offset, source_size - header->offset, err));
    bool is_both = is_pickle(m, range);
    snapjar_source_free(range);
    if (!is_both)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_OLD_HEADER_AMBIGUOUS, SJ_AT_FILE(header->offset),
                    "what begins here can be a length and a JSON header, and a pickle as well: say which it is");
}

/* ---- where a payload ends ---- */

/* Looks for a header behind a pickle. */
static snapjar_status is_header_at(const sj_migrating *m, snapjar_source *source, uint64_t source_size, uint64_t at,
                                   bool *is_there, snapjar_error *err)
{
    sj_old_header header;
    snapjar_error near;

    snapjar_status status =
        sj_old_header_find(&header, m->context, source, source_size, at, m->old.length, &m->limits, &near, err);
    *is_there = status == SNAPJAR_OK && header.root;
    if (*is_there)
        status = sj_migrate_check_ambiguous(m, source, source_size, &header, err);
    sj_old_header_clear(&header);
    return status;
}

/* Without a size, bare pickles go on to the next header, and anything compressed to the end. */
static snapjar_status find_end(const sj_migrating *m, snapjar_source *source, uint64_t source_size,
                               const sj_old_header *header, snapjar_source *rest, uint64_t *size, snapjar_error *err)
{
    snapjar_pickles *pickles = NULL;
    const snapjar_pickles_item *item = NULL;
    bool is_header = false;

    SJ_TRY(open_pickles(m, rest, &pickles, err));
    bool is_bare = snapjar_pickles_kind(pickles) == SNAPJAR_INPUT_PICKLE;
    snapjar_status status = is_bare ? snapjar_pickles_next(pickles, &item, err) : SNAPJAR_OK;
    while (status == SNAPJAR_OK && item && !is_header) {
        status = snapjar_pickles_next(pickles, &item, err);
        if (status == SNAPJAR_OK && item)
            status = is_header_at(m, source, source_size, header->payload_offset + item->offset, &is_header, err);
        if (is_header)
            *size = item->offset;
    }
    snapjar_pickles_free(pickles);
    return status;
}

static snapjar_status read_size(const sj_migrating *m, const sj_old_header *header, uint64_t rest, uint64_t *size,
                                snapjar_error *err)
{
    const char *field = m->old.size_field;
    const sj_json *value = sj_old_header_get(header, field);

    if (!value || sj_json_type_of(value) != SJ_JSON_INTEGER || sj_json_integer(value) < 1)
        return sj_old_header_raise(header, field, err, "is not there, or is no integer of 1 or more, as a size is");
    *size = (uint64_t)sj_json_integer(value);
    if (*size > rest)
        return sj_raise_place(
            err,
            sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_OLD_HEADER_FIELD, SJ_AT_FILE(header->payload_offset),
                     "the old header says %" PRIu64 " bytes of payload, %" PRIu64 " are there", *size, rest),
            field);
    return SNAPJAR_OK;
}

/* ---- a header and its pickles ---- */

static snapjar_status check_payload(const sj_migrating *m, const sj_old_header *header, snapjar_source *source,
                                    snapjar_source *payload, uint64_t size, snapjar_error *err)
{
    snapjar_source *plain = NULL;
    snapjar_input_kind kind = SNAPJAR_INPUT_PICKLE;

    if (!m->old.checksum_count)
        return SNAPJAR_OK;
    /* What it is will be told when it is read. */
    if (snapjar_input_detect(payload, &kind, NULL) == SNAPJAR_OK && kind != SNAPJAR_INPUT_PICKLE &&
        kind != SNAPJAR_INPUT_SNAPSHOT)
        (void)!snapjar_input_decompress(&plain, m->context, payload, kind, &m->limits, NULL);
    snapjar_status status = SNAPJAR_OK;
    for (size_t i = 0; status == SNAPJAR_OK && i < m->old.checksum_count; i++)
        status = sj_old_header_check(header, &m->old.checksums[i], source, size, plain, err);
    snapjar_source_free(plain);
    return status;
}

static snapjar_status migrate_payload(sj_migrating *m, snapjar_source *source, const sj_old_header *header,
                                      uint64_t size, snapjar_error *err)
{
    snapjar_source *payload = NULL;
    sj_carried carried = {.context = NULL};

    SJ_TRY(sj_source_from_range(&payload, source, header->payload_offset, size, err));
    snapjar_status status = check_payload(m, header, source, payload, size, err);
    if (status == SNAPJAR_OK)
        status = sj_carry_old(&carried, m->context, header, &m->old, err);
    if (status == SNAPJAR_OK)
        status = sj_migrate_pickles(m, payload, header->payload_offset, &carried, err);
    sj_carried_clear(&carried);
    snapjar_source_free(payload);
    return status;
}

/* One header and what belongs to it; `*end` is where that ends. */
static snapjar_status migrate_group(sj_migrating *m, snapjar_source *source, uint64_t source_size,
                                    const sj_old_header *header, uint64_t *end, snapjar_error *err)
{
    snapjar_source *rest = NULL;
    uint64_t size = source_size - header->payload_offset;

    if (!size)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, SJ_AT_FILE(header->payload_offset),
                        "nothing stands behind the old header");
    snapjar_status status = SNAPJAR_OK;
    if (m->old.size_field) {
        status = read_size(m, header, size, &size, err);
    } else {
        SJ_TRY(sj_source_from_range(&rest, source, header->payload_offset, size, err));
        status = find_end(m, source, source_size, header, rest, &size, err);
        snapjar_source_free(rest);
    }
    SJ_TRY(status);
    *end = header->payload_offset + size;
    return migrate_payload(m, source, header, size, err);
}

snapjar_status sj_migrate_old(sj_migrating *m, snapjar_source *source, uint64_t source_size, sj_old_header *header,
                              snapjar_error *err)
{
    snapjar_error near;
    uint64_t at = 0;

    m->result.has_old_header = true;
    snapjar_status status = sj_migrate_check_ambiguous(m, source, source_size, header, err);
    while (status == SNAPJAR_OK) {
        status = migrate_group(m, source, source_size, header, &at, err);
        sj_old_header_clear(header);
        if (status != SNAPJAR_OK || at >= source_size)
            break;
        status = sj_old_header_find(header, m->context, source, source_size, at, m->old.length, &m->limits, &near, err);
        if (status == SNAPJAR_OK && !header->root)
            status = sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE, SJ_AT_FILE(at),
                              "neither a length and a JSON header nor a pickle stands behind the last pickle");
    }
    sj_old_header_clear(header);
    return status;
}

/* ---- options ---- */

static bool is_build_key(const char *key)
{
    static const char *const keys[] = {"app", "version", "commit", "python", "platform", "packages"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!strcmp(key, keys[i]))
            return true;
    }
    return !strncmp(key, "packages.", 9) && key[9];
}

const char *sj_old_options_fault(const snapjar_old_options *options)
{
    if ((unsigned)options->length > SNAPJAR_OLD_LENGTH_NONE)
        return "the old header's length is of no kind that exists";
    if ((options->build_count && !options->build) || (options->checksum_count && !options->checksums))
        return "a count of the old header's fields is set, and they are NULL";
    for (size_t i = 0; i < options->build_count; i++) {
        if (!options->build[i].key || !options->build[i].field || !is_build_key(options->build[i].key))
            return "build info is app, version, commit, python, platform, packages or packages.NAME, from a field";
    }
    for (size_t i = 0; i < options->checksum_count; i++) {
        const snapjar_old_checksum *checksum = &options->checksums[i];
        if (!checksum->algorithm || !checksum->field || sj_digest_find(checksum->algorithm) == SJ_DIGEST_COUNT)
            return "a checksum is crc32, adler32, xxh64, xxh3-64, xxh3-128, md5 or sha256, of a field";
    }
    return NULL;
}
