/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the headers that programs made for themselves: what is found is inside of the file and is what the file says;
 * the search in all ways agrees with those in each way alone; digests of what is behind the header are checked. Input:
 * the way of the length, where the header begins, the kind of digest (a byte each), and the file.
 */
#include <stdlib.h>
#include <string.h>

#include "snapshot/old_header.h"

#include "header/header.h"
#include "snapshot/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FORM_COUNT 4

static const struct {
    snapjar_old_length length;
    size_t size;
} forms[FORM_COUNT] = {
    {SNAPJAR_OLD_LENGTH_LE32, 4},
    {SNAPJAR_OLD_LENGTH_BE32, 4},
    {SNAPJAR_OLD_LENGTH_LE64, 8},
    {SNAPJAR_OLD_LENGTH_BE64, 8},
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

typedef struct input {
    snapjar_context *context;
    snapjar_source *source;
    const uint8_t *bytes;
    size_t size;
    uint64_t at;
    snapjar_limits limits;
} input;

/** What a search in one way gave. */
typedef struct outcome {
    snapjar_status status;
    snapjar_status near;
    sj_old_header header;
} outcome;

static outcome find(const input *in, snapjar_old_length length)
{
    outcome o;
    snapjar_error near, err;
    memset(&err, 0, sizeof err);
    o.status =
        sj_old_header_find(&o.header, in->context, in->source, in->size, in->at, length, &in->limits, &near, &err);
    o.near = near.status;
    require(o.status == SNAPJAR_OK || (o.status == SNAPJAR_WRONG_FORMAT &&
                                       err.diagnostic == SNAPJAR_DIAG_OLD_HEADER_AMBIGUOUS && err.offset == in->at));
    if (near.status != SNAPJAR_OK)
        require(near.offset >= in->at && near.offset <= in->size && near.message[0] != '\0');
    require(o.header.root == NULL || o.header.json_size <= in->limits.header_json_size_max);
    return o;
}

/** What a header says of itself is in the file. */
static void check_place(const input *in, const outcome *o, size_t length_size)
{
    const sj_old_header *header = &o->header;
    require(header->offset == in->at && sj_json_type_of(header->root) == SJ_JSON_OBJECT);
    require(header->payload_offset == in->at + length_size + header->json_size && header->payload_offset <= in->size);
    require(memcmp(header->json, in->bytes + in->at + length_size, header->json_size) == 0);
    require(header->json[0] == '{' && header->json[header->json_size] == '\0');
}

static void check_digest(const input *in, const sj_old_header *header, const char *algorithm, const char *field)
{
    const snapjar_old_checksum checksum = {.algorithm = algorithm, .field = field};
    snapjar_error err;
    memset(&err, 0, sizeof err);
    const uint64_t rest = in->size - header->payload_offset;
    const snapjar_status status = sj_old_header_check(header, &checksum, in->source, rest, in->source, &err);
    require(status == SNAPJAR_OK || status == SNAPJAR_DAMAGED);
    if (status != SNAPJAR_OK && err.diagnostic == SNAPJAR_DIAG_OLD_HEADER_FIELD)
        require(err.offset == header->offset);
    else if (status != SNAPJAR_OK)
        require(err.diagnostic == SNAPJAR_DIAG_OLD_CHECKSUM_MISMATCH && err.offset == header->payload_offset);
    require(sj_old_header_get(header, field) != NULL || status != SNAPJAR_OK);
}

/** All ways at once find what the one way finds that finds anything. */
static void check_ways(const input *in)
{
    outcome all = find(in, SNAPJAR_OLD_LENGTH_ANY);
    size_t found = 0, first = 0;
    bool is_ambiguous = false;
    outcome each[FORM_COUNT];
    for (size_t i = 0; i < FORM_COUNT; i++) {
        each[i] = find(in, forms[i].length);
        require(each[i].status == SNAPJAR_OK);
        if (each[i].header.root == NULL)
            continue;
        check_place(in, &each[i], forms[i].size);
        is_ambiguous = is_ambiguous || (found > 0 && (forms[first].size != forms[i].size ||
                                                      each[first].header.json_size != each[i].header.json_size));
        first = found++ == 0 ? i : first;
    }
    require((all.status == SNAPJAR_OK) == !is_ambiguous);
    if (all.status == SNAPJAR_OK)
        require((all.header.root != NULL) == (found > 0));
    if (all.header.root != NULL)
        require(all.header.json_size == each[first].header.json_size);
    for (size_t i = 0; i < FORM_COUNT; i++)
        sj_old_header_clear(&each[i].header);
    sj_old_header_clear(&all.header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {"crc32", "adler32", "xxh64", "xxh3-64", "xxh3-128", "md5", "sha256"};
    static const char *const fields[] = {"sum", "meta.sum", "a.b.c", ".", ""};
    input in = {.at = 0};
    if (size < 3)
        return 0;
    in.size = size - 3;
    in.at = data[1] % 16;
    if (in.at > in.size)
        return 0;
    uint8_t *copy = malloc(in.size > 0 ? in.size : 1);
    require(copy != NULL);
    if (in.size > 0)
        memcpy(copy, data + 3, in.size);
    in.bytes = copy;
    require(snapjar_context_new(&in.context, NULL, NULL) == SNAPJAR_OK);
    require(snapjar_source_from_memory(&in.source, in.context, copy, in.size, NULL) == SNAPJAR_OK);
    require(sj_limits_resolve(&in.limits, NULL, NULL) == SNAPJAR_OK);
    if (data[0] >= 128)
        in.limits.header_json_size_max = 16;
    check_ways(&in);
    outcome o = find(&in, forms[data[0] % FORM_COUNT].length);
    for (size_t i = 0; o.header.root != NULL && i < sizeof fields / sizeof *fields; i++)
        check_digest(&in, &o.header, kinds[data[2] % (sizeof kinds / sizeof *kinds)], fields[i]);
    sj_old_header_clear(&o.header);
    snapjar_source_free(in.source);
    snapjar_context_free(in.context);
    free(copy);
    return 0;
}
