/* SPDX-License-Identifier: MIT
 *
 * Detached seals: from text to a list and signatures. Whatever is not exactly as it must be is refused at its byte.
 */
#include "seal/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal/lines.h"
#include "util/bytes.h"

#define ALGORITHM_NAME_SIZE_MAX 32
/* What is read at first: enough for a few records. */
#define FIRST_SIZE ((size_t)4096)

static snapjar_status read_title(sj_lines *l)
{
    static const size_t stem_size = sizeof(SJ_DETACHED_TITLE_STEM) - 1;
    static const size_t size = sizeof(SJ_DETACHED_TITLE) - 1;

    if (l->size < stem_size || memcmp(l->text, SJ_DETACHED_TITLE_STEM, stem_size) != 0)
        return sj_lines_refuse(l, 0, "the first line must be \"" SJ_DETACHED_TITLE_STEM "1\"");
    if (l->size < size || memcmp(l->text, SJ_DETACHED_TITLE, size) != 0)
        return sj_raise(l->err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, SJ_AT_FILE(stem_size),
                        "the detached seal is of another version than 1, which this reader knows");
    l->at = size;
    return SNAPJAR_OK;
}

static snapjar_status read_record(sj_lines *l, snapjar_detached *d, sj_line_value value, size_t line_at)
{
    sj_line_value header = sj_line_part(&value);
    sj_line_value stored = sj_line_part(&value);

    SJ_TRY(sj_detached_add(d, &(const sj_listed){0}, line_at, l->err));
    sj_listed *record = &d->records[d->count - 1];
    if (!sj_hex_read(record->header_digest, SJ_BLAKE_SIZE, header.text, header.size))
        return sj_lines_refuse(l, header.at, "a header digest must be 64 lower-case hex digits");
    if (!sj_line_number(&stored, &record->stored_size))
        return sj_lines_refuse(l, stored.at, "a stored size must be a decimal number above 0 without leading zeros");
    if (!sj_hex_read(record->payload_digest, SJ_BLAKE_SIZE, value.text, value.size))
        return sj_lines_refuse(l, value.at, "a payload digest must be 64 lower-case hex digits");
    return SNAPJAR_OK;
}

static bool is_algorithm_name(const sj_line_value *name)
{
    if (!name->size || name->size > ALGORITHM_NAME_SIZE_MAX)
        return false;
    for (size_t i = 0; i < name->size; i++) {
        char c = name->text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

static unsigned algorithm_number(const sj_line_value *name)
{
    static const snapjar_seal_algorithm known[] = {SNAPJAR_SEAL_ED25519, SNAPJAR_SEAL_MAC};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (sj_line_is(name, snapjar_seal_algorithm_name(known[i])))
            return (unsigned)known[i];
    }
    return 0;
}

/* The signature itself, of an algorithm whose signatures are passed over if it is not known. */
static bool read_signature_bytes(const sj_line_value *value, unsigned algorithm, sj_detached_line *line)
{
    uint8_t unknown[SNAPJAR_DETACHED_SIGNATURE_SIZE_MAX];

    if (algorithm)
        return sj_hex_read(line->signature, sj_signature_size(algorithm), value->text, value->size);
    return value->size && value->size <= 2 * sizeof(unknown) &&
           sj_hex_read(unknown, value->size / 2, value->text, value->size);
}

static bool has_key(const snapjar_detached *d, const uint8_t key_id[SJ_ID_SIZE])
{
    for (size_t i = 0; i < d->entry_count; i++) {
        if (!memcmp(d->lines[i].key_id, key_id, SJ_ID_SIZE))
            return true;
    }
    return false;
}

static snapjar_status read_signature(sj_lines *l, snapjar_detached *d, sj_line_value value, size_t line_at)
{
    if (d->entry_count == SNAPJAR_SEAL_SIGNATURES_MAX)
        return sj_raise(l->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_AT_FILE(line_at),
                        "a seal has at most %d signatures", SNAPJAR_SEAL_SIGNATURES_MAX);
    sj_detached_line *line = &d->lines[d->entry_count];
    sj_line_value name = sj_line_part(&value);
    sj_line_value key_id = sj_line_part(&value);
    sj_line_value context_id = sj_line_part(&value);
    unsigned algorithm = algorithm_number(&name);
    if (!is_algorithm_name(&name))
        return sj_lines_refuse(l, name.at, "an algorithm must be a word of lower-case letters, digits and hyphens");
    if (!sj_hex_read(line->key_id, SJ_ID_SIZE, key_id.text, key_id.size))
        return sj_lines_refuse(l, key_id.at, "a key's id must be 32 lower-case hex digits");
    if (has_key(d, line->key_id))
        return sj_lines_refuse(l, key_id.at, "the key has a signature already");
    if (!sj_hex_read(line->context_id, SJ_ID_SIZE, context_id.text, context_id.size))
        return sj_lines_refuse(l, context_id.at, "a context's id must be 32 lower-case hex digits");
    if (!read_signature_bytes(&value, algorithm, line))
        return sj_lines_refuse(l, value.at, "a signature must be lower-case hex digits, as many as its algorithm has");
    line->start = line_at - (size_t)d->list_size;
    line->size = l->at - line_at;
    d->entries[d->entry_count++] = (sj_seal_entry){
        .algorithm = algorithm,
        .key_id = line->key_id,
        .context_id = line->context_id,
        .signature = line->signature,
        .signature_size = sj_signature_size(algorithm),
        .at = line_at,
    };
    return SNAPJAR_OK;
}

static snapjar_status read_signatures(sj_lines *l, snapjar_detached *d)
{
    sj_line_value value = {NULL, 0, 0};
    size_t size = l->size - l->at;
    size_t line_at = l->at;

    d->signatures = sj_alloc(d->context, size + 1);
    if (!d->signatures)
        return sj_raise_no_memory(l->err, size + 1);
    memcpy(d->signatures, l->text + l->at, size);
    for (; sj_lines_next(l, "signature", &value); line_at = l->at)
        SJ_TRY(read_signature(l, d, value, line_at));
    return l->at == l->size ? SNAPJAR_OK : sj_lines_refuse(l, l->at, "only lines \"signature ...\" may stand here");
}

static snapjar_status read_text(sj_lines *l, snapjar_detached *d)
{
    sj_line_value value = {NULL, 0, 0};
    sj_blake_state state;

    if (l->size > SNAPJAR_DETACHED_SIZE_MAX)
        return sj_raise(l->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_AT_FILE(SNAPJAR_DETACHED_SIZE_MAX),
                        "a detached seal has at most %zu bytes", SNAPJAR_DETACHED_SIZE_MAX);
    SJ_TRY(read_title(l));
    for (size_t line_at = l->at; sj_lines_next(l, "record", &value); line_at = l->at)
        SJ_TRY(read_record(l, d, value, line_at));
    if (!d->count)
        return sj_lines_refuse(l, l->at, "a line \"record ...\" must stand here");
    d->list_size = l->at;
    sj_blake_begin(&state);
    sj_blake_add(&state, l->text, l->at);
    sj_blake_end(&state, d->list_digest);
    return read_signatures(l, d);
}

snapjar_status snapjar_detached_read(snapjar_detached **detached, snapjar_context *context, const char *text,
                                     size_t size, snapjar_error *err)
{
    sj_lines l = {text, size, 0, SNAPJAR_DIAG_SEAL_FILE_INVALID, err};

    if (detached)
        *detached = NULL;
    if (!detached || !context || !text)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "detached, context or text is NULL");
    SJ_TRY(sj_crypto_begin(err));
    SJ_TRY(sj_detached_new(detached, context, err));
    snapjar_status status = read_text(&l, *detached);
    if (status != SNAPJAR_OK) {
        snapjar_detached_free(*detached);
        *detached = NULL;
    }
    return status;
}

/* As much as there is, up to one byte more than is allowed. */
static snapjar_status read_file(int fd, const char *path, snapjar_context *context, char **text, size_t *size,
                                snapjar_error *err)
{
    size_t room = FIRST_SIZE;
    size_t got = 0;

    *text = NULL;
    *size = 0;
    do {
        room = *text ? (size_t)sj_min(2 * room, SNAPJAR_DETACHED_SIZE_MAX + 1) : room;
        char *larger = sj_realloc(context, *text, room);
        if (!larger)
            return sj_raise_no_memory(err, room);
        *text = larger;
        SJ_TRY(sj_fd_read(fd, path, *text + *size, room - *size, &got, err));
        *size += got;
    } while (*size == room && room <= SNAPJAR_DETACHED_SIZE_MAX);
    return SNAPJAR_OK;
}

static snapjar_status check_regular(int fd, const char *path, snapjar_error *err)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, errno, path, "cannot look at the file");
    return S_ISREG(info.st_mode) ? SNAPJAR_OK
                                 : sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, SJ_AT_FILE(0),
                                            "the detached seal is no regular file");
}

static snapjar_status open_path(snapjar_detached **detached, snapjar_context *context, const char *path,
                                bool must_be_regular, snapjar_error *err)
{
    char *text = NULL;
    size_t size = 0;
    int fd = -1;

    SJ_TRY(sj_fd_open(&fd, path, O_RDONLY | (must_be_regular ? O_NONBLOCK | O_NOCTTY : 0), 0, err));
    snapjar_status status = must_be_regular ? check_regular(fd, path, err) : SNAPJAR_OK;
    if (status == SNAPJAR_OK)
        status = read_file(fd, path, context, &text, &size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_detached_read(detached, context, text, size, err);
    sj_free(context, text);
    (void)close(fd);
    return status == SNAPJAR_OK ? status : sj_raise_place(err, status, path);
}

snapjar_status sj_detached_open_file(snapjar_detached **detached, snapjar_context *context, const char *path,
                                     snapjar_error *err)
{
    *detached = NULL;
    return open_path(detached, context, path, true, err);
}

snapjar_status snapjar_detached_open_path(snapjar_detached **detached, snapjar_context *context, const char *path,
                                          snapjar_error *err)
{
    if (detached)
        *detached = NULL;
    if (!detached || !context || !path)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "detached, context or path is NULL");
    return open_path(detached, context, path, false, err);
}
