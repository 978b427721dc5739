/* SPDX-License-Identifier: MIT
 *
 * Packing with a contract: what fits is stored, with the contract's type and version, and what drifted is refused.
 */
#include "support.h"

#include <unistd.h>

#include "fail_alloc.h"

#define CONTRACT                                                                                                       \
    "{\"snapjar_contract\": 1, \"type\": \"app:Job\", \"schema_version\": 2, \"classes\": {\"app:Job\": {\"fields\": " \
    "{\"id\": "                                                                                                        \
    "{\"type\": \"int\"}, \"name\": {}}}}, \"versions\": {\"1\": {\"accepted\": true, \"classes\": {\"app:Job\": "     \
    "{\"fields\": "                                                                                                    \
    "{\"id\": {}}}}}}, \"migrations\": [{\"from\": 0, \"to\": 2, \"steps\": []}]}"
#define JOB(fields) "\x80\4\x8c\3app\x8c\3Job\x93)\x81}(" fields "ub."
#define CURRENT JOB("\x8c\2idK\1\x8c\4nameN")
#define OLDER JOB("\x8c\2idK\1")
#define DRIFTED JOB("\x8c\2idK\1\x8c\5titleN")

static snapjar_context *context;
static snapjar_contract *contract;

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    assert_ok(snapjar_contract_read(&contract, context, CONTRACT, strlen(CONTRACT), NULL, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_contract_free(contract);
    snapjar_context_free(context);
    return 0;
}

/** A source that cannot lend its bytes. */
static snapjar_source *file_source(const void *bytes, size_t size)
{
    snapjar_source *source = NULL;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fflush(file), 0);
    const int fd = dup(fileno(file));
    assert_true(fd >= 0);
    (void)fclose(file);
    assert_ok(snapjar_source_from_fd(&source, context, fd, "file", 0, err));
    return source;
}

static snapjar_status pack(const void *pickle, size_t size, bool is_file, const snapjar_pack_options *options,
                           snapjar_sink *sink, snapjar_error *err)
{
    snapjar_source *source = NULL;
    if (is_file)
        source = file_source(pickle, size);
    else
        assert_ok(snapjar_source_from_memory(&source, context, pickle, size, err));
    const snapjar_status status = snapjar_pack(context, source, 0, sink, options, NULL, err);
    snapjar_source_free(source);
    return status;
}

static void expect_packed(const void *pickle, size_t size, const snapjar_pack_options *options, int64_t version)
{
    for (int is_file = 0; is_file < 2; is_file++) {
        snapjar_sink *sink = NULL;
        snapjar_source *source = NULL;
        snapjar_reader *reader = NULL;
        const snapjar_record *record = NULL;
        size_t record_size;
        assert_ok(snapjar_sink_to_memory(&sink, context, err));
        assert_ok(pack(pickle, size, is_file, options, sink, err));
        const void *bytes = snapjar_sink_memory(sink, &record_size);
        assert_ok(snapjar_source_from_memory(&source, context, bytes, record_size, err));
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_next(reader, &record, err));
        const snapjar_header *header = snapjar_record_header(record);
        assert_int_equal(snapjar_header_schema_version(header), version);
        assert_memory_equal(snapjar_header_type(header).data, "app:Job", 7);
        snapjar_reader_free(reader);
        snapjar_source_free(source);
        snapjar_sink_free(sink);
    }
}

static void expect_refused(const void *pickle, size_t size, const snapjar_pack_options *options,
                           snapjar_diagnostic diagnostic, snapjar_space space, uint64_t offset, const char *message)
{
    for (int is_file = 0; is_file < 2; is_file++) {
        snapjar_sink *sink = NULL;
        snapjar_error err;
        size_t written;
        assert_ok(snapjar_sink_to_memory(&sink, context, err));
        assert_fault(pack(pickle, size, is_file, options, sink, &err), &err, SNAPJAR_REFUSED, diagnostic, space,
                     offset);
        assert_string_equal(err.message, message);
        (void)snapjar_sink_memory(sink, &written);
        assert_int_equal(written, 0);
        snapjar_sink_free(sink);
    }
}

static snapjar_pack_options options_of(int64_t version, bool is_set)
{
    snapjar_pack_options options = SNAPJAR_PACK_OPTIONS_INIT;
    options.contract = contract;
    options.schema_version = version;
    options.schema_version_is_set = is_set;
    return options;
}

static void test_fitting(void **state)
{
    snapjar_pack_options options = options_of(0, false);
    (void)state;
    expect_packed(BYTES(CURRENT), &options, 2);
    /* A version that is not said to be meant is the contract's. */
    options = options_of(1, false);
    expect_packed(BYTES(CURRENT), &options, 2);
    options = options_of(1, true);
    expect_packed(BYTES(OLDER), &options, 1);
    /* Nobody has described version 0. */
    options = options_of(0, true);
    expect_packed(BYTES(DRIFTED), &options, 0);
    options = options_of(2, true);
    options.type = "app:Job";
    expect_packed(BYTES(CURRENT), &options, 2);
}

static void test_refused(void **state)
{
    snapjar_pack_options options = options_of(0, false);
    (void)state;
    expect_refused(BYTES(DRIFTED), &options, SNAPJAR_DIAG_CONTRACT_DRIFTED, SNAPJAR_SPACE_CONTENT, 14,
                   "app:Job has id, title; the contract says id, name");
    expect_refused(BYTES(JOB("\x8c\2idN\x8c\4nameN")), &options, SNAPJAR_DIAG_CONTRACT_DRIFTED, SNAPJAR_SPACE_CONTENT,
                   21, ".id: None stands where the contract says int");
    expect_refused(BYTES("N."), &options, SNAPJAR_DIAG_CONTRACT_DRIFTED, SNAPJAR_SPACE_CONTENT, 0,
                   "None stands where the contract says app:Job");
    options = options_of(1, true);
    expect_refused(BYTES(CURRENT), &options, SNAPJAR_DIAG_CONTRACT_DRIFTED, SNAPJAR_SPACE_CONTENT, 14,
                   "app:Job has id, name; the contract says id");
    options = options_of(3, true);
    expect_refused(BYTES(CURRENT), &options, SNAPJAR_DIAG_CONTRACT_VERSION, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE,
                   "schema version 3 is newer than the contract's 2");
    options = options_of(0, false);
    options.type = "app:Task";
    expect_refused(BYTES(CURRENT), &options, SNAPJAR_DIAG_CONTRACT_TYPE, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE,
                   "the type is \"app:Task\", the contract is about \"app:Job\"");
}

static snapjar_status read_and_pack(snapjar_context *failing, void *state, snapjar_error *err)
{
    snapjar_contract *own = NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_pack_options options = SNAPJAR_PACK_OPTIONS_INIT;
    (void)state;
    snapjar_status status = snapjar_contract_read(&own, failing, CONTRACT, strlen(CONTRACT), NULL, err);
    options.contract = own;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(CURRENT, 1, sizeof CURRENT - 1, file), sizeof CURRENT - 1);
    assert_int_equal(fflush(file), 0);
    if (status == SNAPJAR_OK)
        status = snapjar_source_from_fd(&source, failing, fileno(file), "file", 0, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, failing, err);
    if (status == SNAPJAR_OK)
        status = snapjar_pack(failing, source, 0, sink, &options, NULL, err);
    (void)fclose(file);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_contract_free(own);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(read_and_pack, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fitting),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
