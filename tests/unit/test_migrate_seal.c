/* SPDX-License-Identifier: MIT
 *
 * Migrations of sealed files: whose seal must hold before, and what is sealed afterwards. A migration must never make a
 * file good that no trusted key had sealed.
 */
#include "support.h"

#include "craft.h"
#include "fail_alloc.h"
#include "sealing.h"

static snapjar_context *context;
static snapjar_key *key;
static snapjar_key *other_key;
static snapjar_migrate_options options;
static snapjar_migration migration;
static snapjar_migrated_seals seals;

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1);
    other_key = fixed_key(context, SNAPJAR_SEAL_MAC, 2);
    options = (snapjar_migrate_options)SNAPJAR_MIGRATE_OPTIONS_INIT;
    options.has_protocol = true;
    options.protocol = 2;
    options.seals = &seals;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_sealer_free(options.sealer);
    snapjar_key_free(key);
    snapjar_key_free(other_key);
    snapjar_context_free(context);
    return 0;
}

/* Not inlined: gcc 12 takes the sizes for too small otherwise. */
__attribute__((noinline)) static blob file_of(const snapjar_key *by, size_t count, const char *seal_context)
{
    return sealed_file(context, by, count, seal_context);
}

static snapjar_status migrate(const blob *file, blob *out, snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    size_t size = 0;

    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    snapjar_status status = snapjar_migrate(context, source, sink, &options, &migration, err);
    const void *bytes = snapjar_sink_memory(sink, &size);
    *out = status == SNAPJAR_OK ? blob_copy(bytes, size) : (blob){NULL, 0};
    snapjar_source_free(source);
    if (status == SNAPJAR_OK) {
        assert_ok(snapjar_source_from_memory(&source, context, out->bytes, out->size, err));
        assert_ok(snapjar_migration_check(&migration, context, source, err));
        snapjar_source_free(source);
    }
    snapjar_sink_free(sink);
    return status;
}

/* Verifies under trust in one key alone; frees nothing. */
static snapjar_status check(const blob *file, const snapjar_key *by, const char *seal_context, size_t *count,
                            snapjar_error *err)
{
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_trust *trust = trust_in(context, by, NULL);
    snapjar_source *source = NULL;

    demand.trust = trust;
    demand.context = seal_context;
    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    snapjar_status status = verify_sealed(context, source, &demand, count, err);
    snapjar_source_free(source);
    snapjar_trust_free(trust);
    return status;
}

static void assert_sealed(const blob *file, const snapjar_key *by, const char *seal_context, size_t count)
{
    size_t found = 0;

    assert_ok(check(file, by, seal_context, &found, err));
    assert_int_equal(found, count);
}

static void assert_refused(const blob *file, snapjar_status status, snapjar_diagnostic diagnostic, uint64_t offset)
{
    snapjar_error err;
    blob out;

    memset(&seals, 1, sizeof(seals));
    assert_fault(migrate(file, &out, &err), &err, status, diagnostic, SNAPJAR_SPACE_FILE, offset);
    assert_null(out.bytes);
    assert_int_equal(seals.renewed_count + seals.new_count + seals.dropped_count, 0);
}

static void seal_with(const snapjar_key *by, const char *seal_context)
{
    snapjar_sealer_free(options.sealer);
    options.sealer = fixed_sealer(context, &by, 1, seal_context);
}

static void assert_seals(uint64_t renewed, uint64_t made, uint64_t dropped)
{
    assert_int_equal(seals.renewed_count, renewed);
    assert_int_equal(seals.new_count, made);
    assert_int_equal(seals.dropped_count, dropped);
}

static void test_renewed(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 3; count++) {
        blob old = file_of(key, count, "jobs");
        blob new;
        seal_with(key, "jobs");
        assert_ok(migrate(&old, &new, err));
        assert_int_equal(migration.changed_count, count);
        assert_seals(count, 0, 0);
        assert_sealed(&new, key, "jobs", count);
        /* What is current stays as it is. */
        blob again;
        assert_ok(migrate(&new, &again, err));
        assert_true(migration.is_current);
        assert_seals(0, 0, 0);
        assert_int_equal(again.size, 0);
        free(again.bytes);
        free(new.bytes);
        free(old.bytes);
    }
}

static void test_another_key(void **state)
{
    (void)state;
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_trust *trust = trust_in(context, key, NULL);
    blob old = file_of(key, 2, NULL);
    blob new;
    size_t count;
    snapjar_error err;

    seal_with(other_key, NULL);
    assert_refused(&old, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, area_at(old.bytes) + 76);
    demand.trust = trust;
    options.seal = &demand;
    assert_ok(migrate(&old, &new, err));
    assert_sealed(&new, other_key, NULL, 2);
    assert_int_equal(check(&new, key, NULL, &count, &err), SNAPJAR_BAD_SEAL);
    free(new.bytes);
    free(old.bytes);
    snapjar_trust_free(trust);
}

/* The first record is current already: it is copied, and yet sealed by the new key beside the old one. */
static void test_current_records_beside(void **state)
{
    (void)state;
    uint8_t pickles[2 * sizeof(pickle_small)];
    snapjar_pack_options packing = test_options();
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_trust *trust = trust_in(context, key, NULL);
    blob new;

    memcpy(pickles, pickle_small, sizeof(pickle_small));
    memcpy(pickles + sizeof(pickle_small),
           "\x80\x02}q\x00X\x01\x00\x00\x00"
           "aq\x01K\x01s.",
           17);
    packing.sealer = fixed_sealer(context, (const snapjar_key *const *)&key, 1, NULL);
    blob old = pack_all(context, pickles, sizeof(pickle_small) + 17, 2, &packing);
    snapjar_sealer_free(packing.sealer);
    options.protocol = 4;
    demand.trust = trust;
    options.seal = &demand;
    seal_with(other_key, NULL);
    assert_ok(migrate(&old, &new, err));
    assert_int_equal(migration.changed_count, 1);
    assert_int_equal(migration.record_count, 2);
    assert_seals(2, 0, 0);
    assert_sealed(&new, other_key, NULL, 2);
    free(new.bytes);
    /* Without seals, the second names the first as it stands. */
    options.drop_seal = true;
    snapjar_sealer_free(options.sealer);
    options.sealer = NULL;
    assert_ok(migrate(&old, &new, err));
    /* That of the record which is copied stays. */
    assert_seals(0, 0, 1);
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    assert_ok(snapjar_source_from_memory(&source, context, new.bytes, new.size, err));
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    for (int i = 0; i < 3; i++)
        assert_ok(snapjar_reader_next(reader, &record, err));
    assert_null(record);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(new.bytes);
    free(old.bytes);
    snapjar_trust_free(trust);
}

/* None of these may come out sealed. */
static void test_forged_is_not_renewed(void **state)
{
    (void)state;
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_trust *trust = trust_in(context, key, NULL);
    blob old = file_of(key, 1, NULL);
    blob stripped = with_area(&old, NULL, 0);
    blob forged = file_of(other_key, 1, NULL);
    blob altered = blob_copy(old.bytes, old.size);
    blob joined = {must_alloc(old.size + stripped.size), old.size + stripped.size};

    seal_with(key, NULL);
    char *at = memmem(altered.bytes, altered.size, "app:T", 5);
    assert_non_null(at);
    at[4] = 'U';
    mend(&altered);
    memcpy(joined.bytes, old.bytes, old.size);
    memcpy(joined.bytes + old.size, stripped.bytes, stripped.size);
    assert_refused(&forged, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, area_at(forged.bytes) + 76);
    assert_refused(&altered, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SJ_PREFIX_SIZE);
    assert_refused(&joined, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, old.size + 24);
    /* Without a seal anywhere it is as if it were packed now; but not where a seal is demanded. */
    blob new;
    assert_ok(migrate(&stripped, &new, err));
    assert_seals(0, 1, 0);
    assert_sealed(&new, key, NULL, 1);
    free(new.bytes);
    demand.trust = trust;
    options.seal = &demand;
    assert_refused(&stripped, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, 24);
    const blob pickle = {(uint8_t *)(uintptr_t)pickle_small, sizeof(pickle_small)};
    assert_refused(&pickle, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, 0);
    snapjar_trust_free(trust);
    free(joined.bytes);
    free(altered.bytes);
    free(forged.bytes);
    free(stripped.bytes);
    free(old.bytes);
}

static void test_other_context(void **state)
{
    (void)state;
    blob old = file_of(key, 1, "staging");

    seal_with(key, "production");
    assert_refused(&old, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, area_at(old.bytes) + 76);
    free(old.bytes);
}

static void test_dropped_on_demand(void **state)
{
    (void)state;
    blob old = file_of(other_key, 2, NULL);
    blob new;

    seal_with(key, NULL);
    options.drop_seal = true;
    assert_ok(migrate(&old, &new, err));
    assert_seals(0, 2, 2);
    assert_sealed(&new, key, NULL, 2);
    free(new.bytes);
    free(old.bytes);
}

static bool holds_text(const blob *file, const char *text)
{
    return memmem(file->bytes, file->size, text, strlen(text)) != NULL;
}

/* A record of an object of app:T, sealed by `key` or not. */
static blob object_file(bool is_sealed)
{
    static const char pickle[] = "\x80\4\x8c\3app\x8c\1T\x93)\x81.";
    snapjar_pack_options packing = test_options();

    if (is_sealed)
        packing.sealer = fixed_sealer(context, (const snapjar_key *const *)&key, 1, NULL);
    blob file = pack_all(context, pickle, sizeof(pickle) - 1, 1, &packing);
    snapjar_sealer_free(packing.sealer);
    return file;
}

/* The history says of a seal what the counts say. */
static void test_history(void **state)
{
    static const char text[] =
        "{\"snapjar_contract\": 1, \"type\": \"app:T\", \"schema_version\": 2, \"classes\": {\"app:T\": {\"fields\": "
        "{}}}, \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": []}]}";
    static const struct {
        bool was_sealed;
        bool has_key;
        bool drops;
        uint64_t renewed, made, dropped;
    } rows[] = {
        {true, true, false, 1, 0, 0}, {false, true, false, 0, 1, 0}, {true, true, true, 0, 1, 1},
        {false, true, true, 0, 1, 0}, {true, false, true, 0, 0, 1},  {false, false, false, 0, 0, 0},
    };
    snapjar_contract *contract = NULL;

    (void)state;
    assert_ok(snapjar_contract_read(&contract, context, text, sizeof(text) - 1, NULL, err));
    options.contract = contract;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        blob old = object_file(rows[i].was_sealed);
        blob new;
        if (rows[i].has_key)
            seal_with(key, NULL);
        options.drop_seal = rows[i].drops;
        assert_ok(migrate(&old, &new, err));
        assert_seals(rows[i].renewed, rows[i].made, rows[i].dropped);
        assert_true(holds_text(&new, "\"history\":[{\"from\":1,\"to\":2,"));
        assert_int_equal(holds_text(&new, "\"seal\":\"renewed\""), rows[i].renewed);
        snapjar_sealer_free(options.sealer);
        options.sealer = NULL;
        free(new.bytes);
        free(old.bytes);
    }
    snapjar_contract_free(contract);
}

typedef struct once {
    const blob *file;
    uint64_t read;
} once;

static snapjar_status read_once(void *state, void *buffer, size_t size, uint64_t offset, size_t *got,
                                snapjar_error *err)
{
    once *o = state;

    (void)err;
    assert_true(offset == o->read);
    *got = size < o->file->size - offset ? size : (size_t)(o->file->size - offset);
    memcpy(buffer, o->file->bytes + offset, *got);
    o->read += *got;
    return SNAPJAR_OK;
}

static snapjar_status size_of_once(void *state, uint64_t *size, snapjar_error *err)
{
    (void)err;
    *size = ((once *)state)->file->size;
    return SNAPJAR_OK;
}

/* Each byte is read once, so that nobody can exchange what was found sealed before it is sealed again. */
static void test_old_file_is_read_once(void **state)
{
    static const snapjar_source_functions functions = {sizeof(functions), read_once, size_of_once, NULL};
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;

    (void)state;
    seal_with(key, NULL);
    blob old = file_of(key, 3, NULL);
    once o = {&old, 0};
    assert_ok(snapjar_source_from_functions(&source, context, &functions, &o, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_migrate(context, source, sink, &options, &migration, err));
    assert_int_equal(o.read, old.size);
    assert_int_equal(migration.record_count, 3);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(old.bytes);
}

static snapjar_status migrate_in(snapjar_context *own, void *state, snapjar_error *err)
{
    const blob *old = state;
    snapjar_sealer_options sealing = SNAPJAR_SEALER_OPTIONS_INIT;
    snapjar_migrate_options now = options;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    const snapjar_key *by = key;

    sealing.keys = &by;
    sealing.key_count = 1;
    snapjar_status status = snapjar_source_from_memory(&source, own, old->bytes, old->size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, own, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sealer_new(&now.sealer, own, &sealing, err);
    if (status == SNAPJAR_OK)
        status = snapjar_migrate(own, source, sink, &now, &migration, err);
    snapjar_sealer_free(now.sealer);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return status;
}

static void test_without_memory(void **state)
{
    (void)state;
    blob old = file_of(key, 2, NULL);

    assert_true(fail_alloc_run(migrate_in, &old) > 30);
    free(old.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_renewed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_current_records_beside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forged_is_not_renewed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_context, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_on_demand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_file_is_read_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
