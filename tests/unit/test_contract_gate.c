/* SPDX-License-Identifier: MIT
 *
 * Migrations on whole records: the way from a version, what is judged when, what is refused before a byte is read, and
 * what is handed out.
 */
#include "support.h"

#include "fail_alloc.h"
#include "migrate/chain.h"
#include "snapshot/contract_gate.h"

static const char contract_text[] =
    "{\"snapjar_contract\":1,\"type\":\"app:Job\",\"schema_version\":3,\"classes\":{\"app:Job\":{\"fields\":{"
    "\"id\":{\"type\":\"int\"},\"state\":{\"type\":\"str\"},\"done\":{\"type\":\"bool\"}}}},\"versions\":{"
    "\"2\":{\"accepted\":true,\"classes\":{\"app:Job\":{\"fields\":{\"id\":{},\"state\":{}}}}},"
    "\"1\":{\"classes\":{\"app:Job\":{\"fields\":{\"id\":{},\"status\":{}}}}},\"0\":{}},\"migrations\":["
    "{\"from\":0,\"to\":1,\"steps\":[{\"op\":\"rename\",\"from\":\"old:Job\",\"to\":\"app:Job\"}]},"
    "{\"from\":1,\"to\":3,\"description\":\"a better name\",\"steps\":[{\"op\":\"rename_field\",\"class\":\"app:Job\","
    "\"from\":\"status\",\"to\":\"state\"},{\"op\":\"add\",\"class\":\"app:Job\",\"field\":\"done\",\"value\":false}]}]"
    "}";

/* Job of a module: {"id": 7, NAME: "run"}. */
#define JOB(module, name) "\x80\x02" module "\nJob\n)\x81}(X\x02\0\0\0idK\x07X" name "X\x03\0\0\0runub."
#define NAME_STATUS "\x06\0\0\0status"
#define NAME_STATE "\x05\0\0\0state"

static const char job_0[] = JOB("cold", NAME_STATUS);
static const char job_1[] = JOB("capp", NAME_STATUS);
static const char job_2[] = JOB("capp", NAME_STATE);
/* A name that no step takes away. */
static const char job_bad[] = JOB("cbad", NAME_STATUS);

static snapjar_context *context;
static snapjar_contract *contract;
static size_t step_count;

static int set_up(void **state)
{
    (void)state;
    step_count = 0;
    if (snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    assert_ok(snapjar_contract_read(&contract, context, contract_text, sizeof contract_text - 1, NULL, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_contract_free(contract);
    snapjar_context_free(context);
    return 0;
}

/** Whether the contract allows a pickle of a version. */
static bool allows(const char *bytes, size_t size, int64_t version)
{
    snapjar_scan *scan = NULL;
    snapjar_judgement *judgement = NULL;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    assert_ok(snapjar_scan_pickle(scan, bytes, size - 1, err));
    assert_ok(snapjar_contract_judge(contract, scan, version, &judgement, err));
    const bool is_allowed = snapjar_judgement_verdict(judgement) == SNAPJAR_VERDICT_ALLOWED;
    snapjar_judgement_free(judgement);
    assert_int_equal(snapjar_contract_judge(NULL, scan, version, &judgement, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_judge(contract, NULL, version, &judgement, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_judge(contract, scan, version, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(judgement);
    snapjar_scan_free(scan);
    return is_allowed;
}

/** What the migrations take away is admitted in a pickle that is to be migrated, and in no other. */
static void test_judge(void **state)
{
    (void)state;
    assert_true(allows(job_0, sizeof job_0, 0));
    assert_false(allows(job_0, sizeof job_0, 1));
    assert_false(allows(job_0, sizeof job_0, 2));
    assert_false(allows(job_0, sizeof job_0, 3));
    assert_false(allows(job_0, sizeof job_0, 9));
    assert_true(allows(job_1, sizeof job_1, 1));
    assert_true(allows(job_2, sizeof job_2, 2));
    assert_false(allows(job_bad, sizeof job_bad, 0));
}

static blob pack_job(const char *bytes, size_t size, const char *type, int64_t version)
{
    snapjar_pack_options options = test_options();
    options.type = type;
    options.schema_version = version;
    return pack_all(context, bytes, size - 1, 1, &options);
}

/* Loads the record of `file` with the contract; frees the file. */
static snapjar_status load(blob file, const snapjar_policy *policy, snapjar_content **content, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    options.contract = contract;
    options.policy = policy;
    *content = NULL;
    snapjar_status status = snapjar_source_from_memory(&source, context, file.bytes, file.size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_next(reader, &record, err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_load(reader, content, &options, err);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(file.bytes);
    return status;
}

static snapjar_status take_step(void *state, const snapjar_step_done *done, snapjar_error *err)
{
    const char *const ops[] = {"rename", "rename_field", "add"};
    (void)err;
    assert_ptr_equal(state, &step_count);
    assert_string_equal(done->op, ops[step_count]);
    assert_int_equal(done->from, step_count ? 1 : 0);
    assert_int_equal(done->to, step_count ? 3 : 1);
    assert_int_equal(done->step, step_count ? step_count - 1 : 0);
    assert_int_equal(done->changed_count, 1);
    step_count++;
    return SNAPJAR_OK;
}

static snapjar_graph *make_graph(const char *bytes, size_t size)
{
    snapjar_graph *graph = NULL;
    assert_ok(snapjar_graph_new(&graph, context, bytes, size - 1, NULL, err));
    return graph;
}

/* ---- graphs ---- */

static void test_graph_goes_all_the_way(void **state)
{
    (void)state;
    snapjar_assessment *assessment = NULL;
    snapjar_graph *graph = make_graph(job_0, sizeof job_0);
    assert_ok(snapjar_graph_migrate(graph, contract, 0, take_step, &step_count, err));
    assert_int_equal(step_count, 3);
    assert_ok(snapjar_contract_check(contract, graph, "app:Job", 3, &assessment, err));
    assert_int_equal(snapjar_assessment_state(assessment), SNAPJAR_CONTRACT_CURRENT);
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    /* What is accepted, or current, is compared and stays. */
    graph = make_graph(job_2, sizeof job_2);
    assert_ok(snapjar_graph_migrate(graph, contract, 2, take_step, &step_count, err));
    assert_int_equal(step_count, 3);
    snapjar_graph_free(graph);
}

static void refuse_graph(const char *bytes, size_t size, int64_t version, snapjar_diagnostic diagnostic,
                         snapjar_space space, uint64_t offset)
{
    snapjar_error err;
    snapjar_graph *graph = make_graph(bytes, size);
    assert_fault(snapjar_graph_migrate(graph, contract, version, NULL, NULL, &err), &err, SNAPJAR_REFUSED, diagnostic,
                 space, offset);
    snapjar_graph_free(graph);
}

static void test_graph_is_refused(void **state)
{
    (void)state;
    snapjar_error err;
    /* Neither a newer version nor an unknown one. */
    refuse_graph(job_1, sizeof job_1, 4, SNAPJAR_DIAG_MIGRATION_VERSION, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    /* Not as its version is described: before, and where nothing is to be done. */
    refuse_graph(job_2, sizeof job_2, 1, SNAPJAR_DIAG_MIGRATION_LAYOUT, SNAPJAR_SPACE_CONTENT, 12);
    refuse_graph(job_1, sizeof job_1, 2, SNAPJAR_DIAG_MIGRATION_LAYOUT, SNAPJAR_SPACE_CONTENT, 12);
    refuse_graph(job_1, sizeof job_1, 3, SNAPJAR_DIAG_MIGRATION_LAYOUT, SNAPJAR_SPACE_CONTENT, 12);
    assert_int_equal(snapjar_graph_migrate(NULL, contract, 0, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_graph *graph = make_graph(job_2, sizeof job_2);
    /* Version 0 is not described, so the step itself finds nothing to rename. */
    assert_int_equal(snapjar_graph_migrate(graph, contract, 0, NULL, NULL, &err), SNAPJAR_UNSUPPORTED);
    snapjar_graph_free(graph);
}

static snapjar_text text_of(const char *string)
{
    return (snapjar_text){string, strlen(string)};
}

static void test_ways(void **state)
{
    (void)state;
    snapjar_error err;
    sj_contract_way way;
    assert_ok(sj_contract_way_find(&way, contract, text_of("old:Job"), 0, err));
    assert_true(way.is_migrated);
    assert_int_equal(way.to, 3);
    assert_ok(sj_contract_way_find(&way, contract, text_of("app:Job"), 2, err));
    assert_false(way.is_migrated);
    assert_int_equal(way.to, 2);
    /* The old name is gone when version 1 begins. */
    assert_int_equal(sj_contract_way_find(&way, contract, text_of("old:Job"), 1, &err), SNAPJAR_REFUSED);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_UNEXPECTED_TYPE);
    assert_int_equal(sj_contract_way_find(&way, contract, text_of("Job"), 1, NULL), SNAPJAR_REFUSED);
    assert_ok(sj_contract_way_find(&way, contract, text_of(""), 1, err));
    assert_int_equal(sj_contract_way_find(&way, contract, text_of("app:Job"), 9, &err), SNAPJAR_REFUSED);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_MIGRATION_VERSION);
    assert_true(sj_chain_admits(contract, 0, text_of("old"), text_of("Job")));
    assert_false(sj_chain_admits(contract, 0, text_of("old"), text_of("Other")));
    /* A class that a version is described to have, in that version only; a name as long as no class has. */
    assert_true(sj_chain_admits(contract, 1, text_of("app"), text_of("Job")));
    assert_false(sj_chain_admits(contract, 9, text_of("app"), text_of("Job")));
    static char longer[4096];
    memset(longer, 'x', sizeof longer - 1);
    assert_false(sj_chain_admits(contract, 1, text_of("app"), text_of(longer)));
    assert_int_equal(sj_chain_protocol(contract, 0), -1);
    assert_int_equal(sj_contract_protocol(&way, 2), 2);
}

/* ---- loading ---- */

static void test_load_migrates(void **state)
{
    (void)state;
    snapjar_content *content = NULL;
    uint64_t size, pickle_size;
    size_t count;
    assert_ok(load(pack_job(job_0, sizeof job_0, "old:Job", 0), NULL, &content, err));
    const char *bytes = snapjar_content_data(content, &size, &pickle_size);
    assert_int_equal(size, pickle_size);
    assert_int_equal(snapjar_content_schema_version(content), 3);
    assert_null(snapjar_content_buffers(content, &count));
    assert_int_equal(count, 0);
    assert_non_null(memmem(bytes, size, "capp\nJob\n", 9));
    assert_null(memmem(bytes, size, "status", 6));
    assert_non_null(memmem(bytes, size, "done", 4));
    snapjar_content_free(content);
    assert_ok(load(pack_job(job_2, sizeof job_2, "app:Job", 2), NULL, &content, err));
    assert_memory_equal(snapjar_content_data(content, &size, NULL), job_2, sizeof job_2 - 1);
    assert_int_equal(snapjar_content_schema_version(content), 2);
    snapjar_content_free(content);
}

static void refuse_load(blob file, const snapjar_policy *policy, snapjar_diagnostic diagnostic, snapjar_space space,
                        uint64_t offset)
{
    snapjar_content *content;
    snapjar_error err;
    assert_fault(load(file, policy, &content, &err), &err, SNAPJAR_REFUSED, diagnostic, space, offset);
    assert_null(content);
    assert_int_equal(err.record_index, 0);
}

static uint64_t find(blob file, const char *text)
{
    const uint8_t *at = memmem(file.bytes, file.size, text, strlen(text));
    assert_non_null(at);
    return (uint64_t)(at - file.bytes) + strlen(text);
}

static void test_load_refuses(void **state)
{
    (void)state;
    snapjar_policy *policy = NULL;
    blob file = pack_job(job_1, sizeof job_1, "other:Job", 1);
    /* Nothing of the payload is read: it is damaged. */
    uint64_t at = find(file, "\"type\":");
    file.bytes[file.size - 30] ^= 1;
    refuse_load(file, NULL, SNAPJAR_DIAG_UNEXPECTED_TYPE, SNAPJAR_SPACE_FILE, at);
    file = pack_job(job_1, sizeof job_1, "app:Job", 4);
    at = find(file, "\"schema_version\":");
    refuse_load(file, NULL, SNAPJAR_DIAG_MIGRATION_VERSION, SNAPJAR_SPACE_FILE, at);
    /* A name that the migrations do not take away, and one that they do but later. */
    refuse_load(pack_job(job_bad, sizeof job_bad, "app:Job", 0), NULL, SNAPJAR_DIAG_GLOBAL_DENIED,
                SNAPJAR_SPACE_CONTENT, 2);
    refuse_load(pack_job(job_0, sizeof job_0, "app:Job", 1), NULL, SNAPJAR_DIAG_GLOBAL_DENIED, SNAPJAR_SPACE_CONTENT,
                2);
    refuse_load(pack_job(job_0, sizeof job_0, "app:Job", 2), NULL, SNAPJAR_DIAG_GLOBAL_DENIED, SNAPJAR_SPACE_CONTENT,
                2);
    /* The program's own policy decides about what comes out. */
    assert_ok(snapjar_policy_new(&policy, context, err));
    refuse_load(pack_job(job_1, sizeof job_1, "app:Job", 1), policy, SNAPJAR_DIAG_GLOBAL_DENIED, SNAPJAR_SPACE_CONTENT,
                2);
    snapjar_policy_free(policy);
    refuse_load(pack_job(job_2, sizeof job_2, "app:Job", 1), NULL, SNAPJAR_DIAG_MIGRATION_LAYOUT, SNAPJAR_SPACE_CONTENT,
                12);
}

static snapjar_status load_with(snapjar_context *refusing, void *state, snapjar_error *err)
{
    const blob *file = state;
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    snapjar_content *content = NULL;
    const snapjar_record *record = NULL;
    options.contract = contract;
    snapjar_status status = snapjar_source_from_memory(&source, refusing, file->bytes, file->size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, refusing, source, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_next(reader, &record, err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_load(reader, &content, &options, err);
    snapjar_content_free(content);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return status;
}

static void test_load_allocation_failures(void **state)
{
    (void)state;
    blob file = pack_job(job_0, sizeof job_0, "old:Job", 0);
    assert_true(fail_alloc_run(load_with, &file) > 20);
    free(file.bytes);
}

/* A pickle whose scan is too large to be kept in the context is still judged by that scan. */
static void test_load_judges_large_scans(void **state)
{
    static const char begin[] = "\x80\4capp\nJob\n)\x81}(X\2\0\0\0id](";
    static const char end[] = "eX" NAME_STATE "X\3\0\0\0runub.";
    const size_t count = (size_t)1 << 20;
    const size_t size = sizeof begin - 1 + 2 * count + sizeof end;
    char *bytes = malloc(size);
    snapjar_content *content = NULL;
    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, begin, sizeof begin - 1);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + sizeof begin - 1 + 2 * i, "]\x94", 2);
    memcpy(bytes + sizeof begin - 1 + 2 * count, end, sizeof end);
    assert_ok(load(pack_job(bytes, size, "app:Job", 2), NULL, &content, err));
    snapjar_content_free(content);
    free(bytes);
}

static void test_load_moves_buffers(void **state)
{
    (void)state;
    /* As job_1 at protocol 5, with a buffer for the status. */
    static const char with_buffer[] = "\x80\x05"
                                      "capp\nJob\n)\x81}(X\x02\0\0\0idK\x07X\x06\0\0\0status\x97ub.";
    static const char text[] =
        "{\"snapjar_contract\":1,\"type\":\"app:Job\",\"schema_version\":1,\"classes\":{"
        "\"app:Job\":{\"fields\":{\"id\":{},\"status\":{},\"long\":{}}}},\"migrations\":[{\"from\":0,"
        "\"to\":1,\"steps\":[{\"op\":\"add\",\"class\":\"app:Job\",\"field\":\"long\",\"value\":"
        "\"0123456789012345678901234567890123456789\"}]}]}";
    snapjar_pack_options packing = test_options();
    const snapjar_buffer buffers[] = {{"some bytes", 10}};
    snapjar_content *content = NULL;
    uint64_t size, pickle_size;
    size_t count;
    snapjar_contract_free(contract);
    assert_ok(snapjar_contract_read(&contract, context, text, sizeof text - 1, NULL, err));
    packing.type = "app:Job";
    packing.schema_version = 0;
    packing.buffers = buffers;
    packing.buffer_count = 1;
    blob file = pack_all(context, with_buffer, sizeof with_buffer - 1, 1, &packing);
    assert_ok(load(file, NULL, &content, err));
    const char *bytes = snapjar_content_data(content, &size, &pickle_size);
    const snapjar_buffer_span *spans = snapjar_content_buffers(content, &count);
    assert_int_equal(count, 1);
    assert_true(pickle_size > 64);
    assert_int_equal(spans[0].offset, 128);
    assert_int_equal(spans[0].size, 10);
    assert_int_equal(size, 138);
    assert_memory_equal(bytes + 128, "some bytes", 10);
    for (uint64_t i = pickle_size; i < 128; i++)
        assert_int_equal(bytes[i], 0);
    snapjar_content_free(content);
}

/* ---- files ---- */

static snapjar_status migrate(blob file, snapjar_migrate_options *options, snapjar_migration *migration, blob *out,
                              snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    size_t size;
    options->contract = contract;
    assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    snapjar_status status = snapjar_migrate(context, source, sink, options, migration, err);
    const void *bytes = snapjar_sink_memory(sink, &size);
    *out = blob_copy(bytes, size);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(file.bytes);
    return status;
}

static void assert_holds(blob file, const char *text)
{
    if (!memmem(file.bytes, file.size, text, strlen(text)))
        fail_msg("%s is not there", text);
}

static void test_files(void **state)
{
    (void)state;
    snapjar_migrate_options options = SNAPJAR_MIGRATE_OPTIONS_INIT;
    snapjar_migration migration;
    blob out;
    size_t whole;
    snapjar_error err;
    options.take_step = take_step;
    options.state = &step_count;
    assert_ok(migrate(pack_job(job_0, sizeof job_0, "old:Job", 0), &options, &migration, &out, err));
    assert_int_equal(step_count, 3);
    assert_int_equal(verify_all(context, out.bytes, out.size, NULL, NULL, &whole, &err), SNAPJAR_OK);
    assert_int_equal(migration.changed_count, 1);
    assert_holds(out, "\"type\":\"app:Job\",\"schema_version\":3");
    assert_holds(out, "\"history\":[{\"from\":0,\"to\":1,\"when\":\"");
    assert_holds(out, "},{\"from\":1,\"to\":3,\"when\":\"");
    /* And again: nothing to do. */
    blob none;
    assert_ok(migrate(out, &options, &migration, &none, err));
    assert_true(migration.is_current);
    free(none.bytes);
    /* Accepted and of another type: left alone, and the other type is counted. */
    assert_ok(migrate(pack_job(job_2, sizeof job_2, "app:Job", 2), &options, &migration, &none, err));
    assert_true(migration.is_current);
    assert_int_equal(migration.foreign_count, 0);
    free(none.bytes);
    assert_ok(migrate(pack_job(job_2, sizeof job_2, "app:Event", 7), &options, &migration, &none, err));
    assert_true(migration.is_current);
    assert_int_equal(migration.foreign_count, 1);
    free(none.bytes);
}

static void test_files_are_refused(void **state)
{
    (void)state;
    snapjar_migrate_options options = SNAPJAR_MIGRATE_OPTIONS_INIT;
    snapjar_migration migration;
    snapjar_error err;
    blob out;
    assert_fault(migrate(pack_job(job_1, sizeof job_1, "app:Job", 9), &options, &migration, &out, &err), &err,
                 SNAPJAR_REFUSED, SNAPJAR_DIAG_MIGRATION_VERSION, SNAPJAR_SPACE_FILE, 0);
    free(out.bytes);
    /* A bare pickle does not say its version. */
    assert_fault(migrate(blob_copy(job_1, sizeof job_1 - 1), &options, &migration, &out, &err), &err, SNAPJAR_REFUSED,
                 SNAPJAR_DIAG_MIGRATION_VERSION, SNAPJAR_SPACE_FILE, 0);
    free(out.bytes);
    options.has_schema_version = true;
    options.schema_version = 1;
    assert_ok(migrate(blob_copy(job_1, sizeof job_1 - 1), &options, &migration, &out, err));
    assert_int_equal(migration.changed_count, 1);
    free(out.bytes);
    options.schema_version = 3;
    assert_fault(migrate(blob_copy(job_1, sizeof job_1 - 1), &options, &migration, &out, &err), &err, SNAPJAR_REFUSED,
                 SNAPJAR_DIAG_MIGRATION_LAYOUT, SNAPJAR_SPACE_CONTENT, 12);
    free(out.bytes);
    options.schema_version = 0;
    assert_fault(migrate(blob_copy(job_bad, sizeof job_bad - 1), &options, &migration, &out, &err), &err,
                 SNAPJAR_REFUSED, SNAPJAR_DIAG_GLOBAL_DENIED, SNAPJAR_SPACE_CONTENT, 2);
    assert_int_equal(out.size, 0);
    free(out.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_goes_all_the_way),
        TEST(test_graph_is_refused),
        TEST(test_ways),
        TEST(test_judge),
        TEST(test_load_migrates),
        TEST(test_load_refuses),
        TEST(test_load_allocation_failures),
        TEST(test_load_judges_large_scans),
        TEST(test_load_moves_buffers),
        TEST(test_files),
        TEST(test_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
