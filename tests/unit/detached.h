/* SPDX-License-Identifier: MIT
 *
 * A file of three records, detached seals of it, and what a reader that demands one says.
 */
#ifndef TEST_DETACHED_H
#define TEST_DETACHED_H

#include "support.h"

#include "craft.h"
#include "folder.h"
#include "seal/detached.h"
#include "sealing.h"
#include "snapshot/gate.h"

#define RECORDS 3
/* Any digest and any id. */
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID "00112233445566778899aabbccddeeff"

static snapjar_context *context;
static snapjar_key *key;
static snapjar_key *other_key;
/* Three records that differ in their labels, and where they begin. */
static blob file;
static size_t starts[RECORDS + 1];

static inline blob record_called(const char *name)
{
    snapjar_pack_options options = test_options();
    char labels[64];

    (void)snprintf(labels, sizeof(labels), "{\"name\":\"%s\"}", name);
    options.labels_json = labels;
    return pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
}

static int set_up(void **state)
{
    static const char *const names[RECORDS] = {"first", "second", "third"};

    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1);
    other_key = fixed_key(context, SNAPJAR_SEAL_MAC, 2);
    file = (blob){must_alloc(4096), 0};
    for (size_t i = 0; i < RECORDS; i++) {
        blob record = record_called(names[i]);
        starts[i] = file.size;
        memcpy(file.bytes + file.size, record.bytes, record.size);
        file.size += record.size;
        free(record.bytes);
    }
    starts[RECORDS] = file.size;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(file.bytes);
    snapjar_key_free(key);
    snapjar_key_free(other_key);
    snapjar_context_free(context);
    return 0;
}

static inline snapjar_status try_detach(snapjar_context *own, const blob *of, const snapjar_key *by,
                                        const char *seal_context, const snapjar_detached *kept, blob *out,
                                        snapjar_error *err)
{
    snapjar_sealer_options options = SNAPJAR_SEALER_OPTIONS_INIT;
    snapjar_sealer *sealer = NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    uint64_t count = 99;
    size_t size = 0;

    options.keys = &by;
    options.key_count = 1;
    options.context = seal_context;
    *out = (blob){NULL, 0};
    snapjar_status status = snapjar_sealer_new(&sealer, own, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_source_from_memory(&source, own, of->bytes, of->size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, own, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_seal_detached(sealer, source, sink, kept, NULL, &count, err);
        assert_true(status == SNAPJAR_OK ? count > 0 : count == 0);
    }
    if (status == SNAPJAR_OK) {
        const void *bytes = snapjar_sink_memory(sink, &size);
        *out = blob_copy(bytes, size);
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_sealer_free(sealer);
    return status;
}

static inline blob detach(const blob *of, const snapjar_key *by, const char *seal_context)
{
    blob text;

    assert_ok(try_detach(context, of, by, seal_context, NULL, &text, err));
    return text;
}

static inline snapjar_detached *read_detached(const blob *text)
{
    snapjar_detached *detached = NULL;

    assert_ok(snapjar_detached_read(&detached, context, (const char *)text->bytes, text->size, err));
    return detached;
}

/* What a reader says of a file by the text of a seal. */
static inline snapjar_status check_by(snapjar_context *own, const blob *of, const blob *text,
                                      const snapjar_trust *trust, const char *seal_context, size_t *count,
                                      snapjar_error *err)
{
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_detached *detached = NULL;
    snapjar_source *source = NULL;

    *count = 0;
    snapjar_status status = snapjar_detached_read(&detached, own, (const char *)text->bytes, text->size, err);
    demand.trust = trust;
    demand.context = seal_context;
    demand.detached = detached;
    if (status == SNAPJAR_OK)
        status = snapjar_source_from_memory(&source, own, of->bytes, of->size, err);
    if (status == SNAPJAR_OK)
        status = verify_sealed(own, source, &demand, count, err);
    snapjar_source_free(source);
    snapjar_detached_free(detached);
    return status;
}

static inline snapjar_status check(const blob *of, const blob *text, const snapjar_key *by, size_t *count,
                                   snapjar_error *err)
{
    snapjar_trust *trust = trust_in(context, by, NULL);
    snapjar_status status = check_by(context, of, text, trust, NULL, count, err);

    snapjar_trust_free(trust);
    return status;
}

static inline void expect_good(const blob *of, const blob *text, const snapjar_key *by, size_t records)
{
    size_t count;

    assert_ok(check(of, text, by, &count, err));
    assert_int_equal(count, records);
}

static inline void write_blob(const char *name, const blob *bytes)
{
    FILE *out = fopen(name, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes->bytes, 1, bytes->size, out), bytes->size);
    assert_int_equal(fclose(out), 0);
}

/** A reader of a file in memory, and what it needs to demand seals by the key. End it with demanding_end. */
typedef struct demanding {
    snapjar_trust *trust;
    snapjar_source *source;
    snapjar_reader *reader;
    snapjar_seal_demand demand;
} demanding;

static inline demanding demanding_begin(const blob *of)
{
    demanding d = {.demand = SNAPJAR_SEAL_DEMAND_INIT};

    d.trust = trust_in(context, key, NULL);
    d.demand.trust = d.trust;
    assert_ok(snapjar_source_from_memory(&d.source, context, of->bytes, of->size, err));
    assert_ok(snapjar_reader_new(&d.reader, context, d.source, NULL, err));
    return d;
}

static inline void demanding_end(demanding *d)
{
    snapjar_reader_free(d->reader);
    snapjar_source_free(d->source);
    snapjar_trust_free(d->trust);
}

#endif
