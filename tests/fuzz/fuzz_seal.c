/* SPDX-License-Identifier: MIT
 *
 * Fuzzes seal areas: the input is the area of a genuine record, with a checksum that fits. Whatever it is, the record
 * is accepted only if the genuine signature stands in it under the genuine key's id, and what can be taken apart is the
 * same when it is put together again.
 */
#include <stdlib.h>
#include <string.h>

#include "container/record.h"
#include "seal/area.h"
#include "seal/key.h"
#include "seal/sign.h"
#include "seal/trust.h"
#include "util/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char json[] = "{\"format_version\":1,\"type\":\"app:T\",\"schema_version\":1,\"build\":{\"tool\":{"
                           "\"name\":\"t\",\"version\":\"1\"}},"
                           "\"created\":\"2026-01-31T12:00:00Z\",\"payload\":{\"content_type\":\"pickle\",\"protocol\":"
                           "0,\"compression\":\"zstd\","
                           "\"frame_size\":65536,\"size\":2,\"pickle_size\":2,\"stored_size\":15,"
                           "\"checksum\":\"xxh3-128:00000000000000000000000000000000\","
                           "\"content_checksum\":\"xxh3-128:00000000000000000000000000000000\"}}";

/* Put together again, it is the same; and no entry lies outside. */
static void check_area(const uint8_t *data, size_t size)
{
    sj_seal_area area;
    snapjar_error err;

    if (size == 0)
        return;
    snapjar_status status = sj_seal_area_read(&area, data, size, 1000, &err);
    if (status != SNAPJAR_OK) {
        require(status == SNAPJAR_BAD_SEAL || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT);
        require(err.status == status && err.offset >= 1000 && err.offset <= 1000 + size);
        return;
    }
    require(area.count <= SNAPJAR_SEAL_SIGNATURES_MAX && sj_seal_area_size(&area) == size);
    uint8_t *again = malloc(size);
    require(again != NULL);
    sj_seal_area_write(again, &area);
    require(memcmp(again, data, size) == 0);
    free(again);
}

static uint8_t *make_frame(const uint8_t *area, size_t area_size, size_t *size)
{
    const size_t json_size = sizeof(json) - 1;
    sj_prefix prefix = {.format_version = 1, .json_size = (uint32_t)json_size};

    *size = SJ_PREFIX_SIZE + json_size + area_size;
    uint8_t *frame = malloc(*size);
    require(frame != NULL);
    sj_prefix_restore(frame, &prefix);
    memcpy(frame + SJ_PREFIX_SIZE, json, json_size);
    if (area_size)
        memcpy(frame + SJ_PREFIX_SIZE + json_size, area, area_size);
    sj_prefix_reseal(frame, (uint32_t)area_size);
    return frame;
}

/* Whether the genuine signature stands somewhere in the input. */
static bool has_genuine(const uint8_t *data, size_t size, const uint8_t *genuine, size_t genuine_size)
{
    const uint8_t *entry = genuine + SJ_SEAL_FIXED_SIZE;
    return size >= genuine_size && !memcmp(data + 4, genuine + 4, 40) &&
           memmem(data, size, entry + SJ_SEAL_ENTRY_SIZE, SJ_SIGNATURE_SIZE) != NULL &&
           memmem(data, size, entry + 4, SJ_ID_SIZE) != NULL;
}

static void check_record(snapjar_context *context, const snapjar_key *key, const uint8_t *data, size_t size)
{
    static const uint8_t digest[SJ_BLAKE_SIZE] = {1, 2, 3};
    const snapjar_limits limits = {sizeof(limits), UINT64_C(1) << 20, UINT64_C(1) << 24, 32, 1000, 1000};
    size_t bare_size, frame_size, genuine_size;
    uint8_t *bare = make_frame(NULL, 0, &bare_size);
    uint8_t *genuine;
    const sj_signing signing = {&key, 1, NULL, {bare + 8, bare + SJ_PREFIX_SIZE, sizeof(json) - 1}, 15, digest};
    snapjar_source *source;
    snapjar_trust *trust;
    sj_record record;
    snapjar_error err;

    require(sj_seal_make(&genuine, &genuine_size, context, &signing, NULL, NULL) == SNAPJAR_OK);
    uint8_t *frame = make_frame(data, size, &frame_size);
    require(snapjar_source_from_memory(&source, context, frame, frame_size, NULL) == SNAPJAR_OK);
    require(snapjar_trust_new(&trust, context, NULL) == SNAPJAR_OK);
    require(snapjar_trust_add(trust, key, NULL, NULL) == SNAPJAR_OK);
    const sj_demand demand = {.trust = trust, .now = 1};
    snapjar_status status = sj_record_read_sealed(&record, context, source, frame_size, 0, 0, &limits, &demand, &err);
    if (status == SNAPJAR_OK) {
        require(has_genuine(data, size, genuine, genuine_size));
        require(record.sealed_by != NULL && !memcmp(record.payload_digest, digest, SJ_BLAKE_SIZE));
    } else {
        require(status == SNAPJAR_BAD_SEAL || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT);
        require(err.status == status && err.offset <= frame_size);
    }
    sj_record_clear(&record);
    snapjar_trust_free(trust);
    snapjar_source_free(source);
    sj_free(context, genuine);
    free(frame);
    free(bare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t secret[SJ_SECRET_SIZE] = {1};
    snapjar_context *context;
    snapjar_key *key;

    if (size > 8192)
        return 0;
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    require(sj_key_from_secret(&key, context, SNAPJAR_SEAL_ED25519, secret, NULL) == SNAPJAR_OK);
    check_area(data, size);
    check_record(context, key, data, size);
    snapjar_key_free(key);
    snapjar_context_free(context);
    return 0;
}
