/* SPDX-License-Identifier: MIT
 *
 * Keys that are always the same, trust in them, sealed files, and what a reader that demands a seal says of a file.
 * Include after support.h and craft.h.
 */
#ifndef TEST_SEALING_H
#define TEST_SEALING_H

#include "seal/area.h"
#include "seal/key.h"
#include "seal/trust.h"
#include "snapshot/sealer.h"

/** The Ed25519 key or MAC key whose secret is 32 times this byte. */
static inline snapjar_key *fixed_key(snapjar_context *context, snapjar_seal_algorithm algorithm, uint8_t byte)
{
    uint8_t secret[SJ_SECRET_SIZE];
    snapjar_key *key = NULL;

    memset(secret, byte, sizeof(secret));
    assert_ok(sj_key_from_secret(&key, context, algorithm, secret, err));
    return key;
}

static inline snapjar_sealer *fixed_sealer(snapjar_context *context, const snapjar_key *const *keys, size_t count,
                                           const char *seal_context)
{
    snapjar_sealer_options options = SNAPJAR_SEALER_OPTIONS_INIT;
    snapjar_sealer *sealer = NULL;

    options.keys = keys;
    options.key_count = count;
    options.context = seal_context;
    assert_ok(snapjar_sealer_new(&sealer, context, &options, err));
    return sealer;
}

/** A file of `count` small records, at most 4, without seals. */
static inline blob plain_file(snapjar_context *context, size_t count)
{
    snapjar_pack_options options = test_options();
    uint8_t pickles[4 * sizeof(pickle_small)];

    for (size_t i = 0; i < count; i++)
        memcpy(pickles + i * sizeof(pickle_small), pickle_small, sizeof(pickle_small));
    return pack_all(context, pickles, count * sizeof(pickle_small), count, &options);
}

/** A file of `count` small records, sealed by one key. */
static inline blob sealed_file(snapjar_context *context, const snapjar_key *key, size_t count, const char *seal_context)
{
    snapjar_pack_options options = test_options();
    uint8_t *pickles = must_alloc(count * sizeof(pickle_small));

    for (size_t i = 0; i < count; i++)
        memcpy(pickles + i * sizeof(pickle_small), pickle_small, sizeof(pickle_small));
    options.sealer = fixed_sealer(context, &key, 1, seal_context);
    blob file = pack_all(context, pickles, count * sizeof(pickle_small), count, &options);
    snapjar_sealer_free(options.sealer);
    free(pickles);
    return file;
}

/** Trust in one key, with these conditions (NULL: none). */
static inline snapjar_trust *trust_in(snapjar_context *context, const snapjar_key *key,
                                      const snapjar_trust_options *options)
{
    snapjar_trust *trust = NULL;

    assert_ok(snapjar_trust_new(&trust, context, err));
    if (key)
        assert_ok(snapjar_trust_add(trust, key, options, err));
    return trust;
}

/** Reads and verifies every record under a demand; the first failure, and how many records passed. */
static inline snapjar_status verify_sealed(snapjar_context *context, snapjar_source *source,
                                           const snapjar_seal_demand *demand, size_t *count, snapjar_error *err)
{
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    *count = 0;
    snapjar_status status = snapjar_reader_new(&reader, context, source, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_demand_seal(reader, demand, err);
    while (status == SNAPJAR_OK) {
        status = snapjar_reader_next(reader, &record, err);
        if (status != SNAPJAR_OK || !record)
            break;
        status = snapjar_record_verify(reader, NULL, NULL, err);
        if (status == SNAPJAR_OK)
            ++*count;
    }
    snapjar_reader_free(reader);
    return status;
}

/** The file of a record whose bytes were changed: checksum and trailer made to fit again. */
static inline void mend(blob *record)
{
    size_t frame_size = 8 + (size_t)sj_read_le32(record->bytes + 4);

    craft_checksum(record->bytes, frame_size);
    sj_trailer_write(record->bytes + record->size - SJ_TRAILER_SIZE, record->size, record->bytes + 28);
}

/** Where the seal area of the record at `bytes` begins, and its size. */
static inline size_t area_at(const uint8_t *bytes)
{
    return SJ_PREFIX_SIZE + sj_read_le32(bytes + 20);
}

static inline size_t area_size(const uint8_t *bytes)
{
    return sj_read_le32(bytes + 24);
}

/** The same record with another seal area. */
static inline blob with_area(const blob *record, const void *area, size_t size)
{
    size_t at = area_at(record->bytes);
    size_t behind = at + area_size(record->bytes);
    blob out = {must_alloc(record->size + size), at + size + (record->size - behind)};

    memcpy(out.bytes, record->bytes, at);
    if (size)
        memcpy(out.bytes + at, area, size);
    memcpy(out.bytes + at + size, record->bytes + behind, record->size - behind);
    sj_write_le32(out.bytes + 4, (uint32_t)(at - 8 + size));
    sj_write_le32(out.bytes + 24, (uint32_t)size);
    mend(&out);
    return out;
}

#endif
