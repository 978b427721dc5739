/* SPDX-License-Identifier: MIT
 *
 * Fuzzes detached seals: what is taken is the very text that is written for it, what is refused is refused at a byte of
 * the text, and a reader accepts a record by it only if the list is the genuine one and the genuine signature is there.
 * Input: the text; "@LIST" and "@SIGNATURE" stand for the genuine ones.
 */
#include <stdlib.h>
#include <string.h>

#include "container/record.h"
#include "seal/check.h"
#include "seal/detached.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_HERE 16384
#define LIST_MARK "@LIST"
#define SIGNATURE_MARK "@SIGNATURE"

static void require(bool holds)
{
    if (!holds)
        abort();
}

typedef struct text {
    char *bytes;
    size_t size;
} text;

static text take(snapjar_sink *sink)
{
    text taken;
    const void *bytes = snapjar_sink_memory(sink, &taken.size);

    taken.bytes = malloc(taken.size + 1);
    require(taken.bytes != NULL);
    memcpy(taken.bytes, bytes, taken.size);
    taken.bytes[taken.size] = '\0';
    snapjar_sink_reset(sink);
    return taken;
}

/* A list of one record, and a signature of it. */
static void make_genuine(snapjar_context *context, const snapjar_key *key, snapjar_sink *sink, text *list, text *line)
{
    const sj_listed listed = {{1, 2}, 34, {3, 4}};
    snapjar_detached *made;

    require(sj_detached_new(&made, context, NULL) == SNAPJAR_OK);
    require(sj_detached_add(made, &listed, 0, NULL) == SNAPJAR_OK);
    require(sj_detached_write_list(made, sink, &made->list_size, made->list_digest, NULL) == SNAPJAR_OK);
    *list = take(sink);
    require(sj_detached_write_signature(made, key, NULL, sink, NULL) == SNAPJAR_OK);
    *line = take(sink);
    snapjar_detached_free(made);
}

/* The input with the genuine parts in the place of their marks. */
static text expand(const uint8_t *data, size_t size, const text *list, const text *line)
{
    text out = {malloc(size + size / 5 * (list->size + line->size) + 1), 0};

    require(out.bytes != NULL);
    for (size_t i = 0; i < size;) {
        const text *part = NULL;
        size_t mark = 0;
        if (size - i >= sizeof(LIST_MARK) - 1 && !memcmp(data + i, LIST_MARK, sizeof(LIST_MARK) - 1))
            part = list, mark = sizeof(LIST_MARK) - 1;
        else if (size - i >= sizeof(SIGNATURE_MARK) - 1 &&
                 !memcmp(data + i, SIGNATURE_MARK, sizeof(SIGNATURE_MARK) - 1))
            part = line, mark = sizeof(SIGNATURE_MARK) - 1;
        if (part) {
            memcpy(out.bytes + out.size, part->bytes, part->size);
            out.size += part->size;
            i += mark;
        } else {
            out.bytes[out.size++] = (char)data[i++];
        }
    }
    return out;
}

/* Written again, it is the same. */
static void check_text(const snapjar_detached *detached, const text *input, snapjar_sink *sink)
{
    uint8_t digest[SJ_BLAKE_SIZE];
    uint64_t size;
    size_t count;

    require(sj_detached_write_list(detached, sink, &size, digest, NULL) == SNAPJAR_OK);
    require(size == detached->list_size && !memcmp(digest, detached->list_digest, SJ_BLAKE_SIZE));
    require(sj_detached_write_kept(detached, NULL, 0, &count, sink, NULL) == SNAPJAR_OK);
    require(count == snapjar_detached_signature_count(detached) && count <= SNAPJAR_SEAL_SIGNATURES_MAX);
    text again = take(sink);
    require(again.size == input->size && !memcmp(again.bytes, input->bytes, again.size));
    free(again.bytes);
}

static void check_signatures(snapjar_context *context, const snapjar_key *key, const snapjar_detached *detached,
                             const text *input, const text *list, const text *line)
{
    snapjar_trust *trust;
    sj_accepted accepted;
    snapjar_error err;

    require(snapjar_trust_new(&trust, context, NULL) == SNAPJAR_OK);
    require(snapjar_trust_add(trust, key, NULL, NULL) == SNAPJAR_OK);
    const sj_demand demand = {.trust = trust, .now = 1};
    snapjar_status status = sj_seal_check_detached(&accepted, context, &demand, detached, &err);
    if (status == SNAPJAR_OK) {
        require(detached->list_size == list->size && !memcmp(input->bytes, list->bytes, list->size));
        require(memmem(input->bytes, input->size, line->bytes, line->size) != NULL && accepted.count == 1);
    } else {
        require(status == SNAPJAR_BAD_SEAL && err.offset <= input->size);
    }
    snapjar_trust_free(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t secret[SJ_SECRET_SIZE] = {1};
    snapjar_context *context;
    snapjar_detached *detached;
    snapjar_key *key;
    snapjar_sink *sink;
    snapjar_error err;
    text list, line;

    if (size > SIZE_MAX_HERE)
        return 0;
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    require(sj_key_from_secret(&key, context, SNAPJAR_SEAL_ED25519, secret, NULL) == SNAPJAR_OK);
    require(snapjar_sink_to_memory(&sink, context, NULL) == SNAPJAR_OK);
    make_genuine(context, key, sink, &list, &line);
    text input = expand(data, size, &list, &line);
    snapjar_status status = snapjar_detached_read(&detached, context, input.bytes, input.size, &err);
    if (status == SNAPJAR_OK) {
        check_text(detached, &input, sink);
        check_signatures(context, key, detached, &input, &list, &line);
    } else {
        require(detached == NULL && err.status == status && err.offset <= input.size);
        require(status == SNAPJAR_DAMAGED || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT);
    }
    snapjar_detached_free(detached);
    free(input.bytes);
    free(line.bytes);
    free(list.bytes);
    snapjar_sink_free(sink);
    snapjar_key_free(key);
    snapjar_context_free(context);
    return 0;
}
