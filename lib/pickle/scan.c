/* SPDX-License-Identifier: MIT
 *
 * The public face of the scan: options, chunks, and what was found.
 */
#include <string.h>

#include "pickle/scan.h"
#include "util/options.h"

#define GLOBAL_COUNT_MAX (UINT64_C(1) << 20)
#define DEPTH_MAX (UINT64_C(1) << 30)
#define TEXT_SIZE_MAX ((uint64_t)SJ_PAYLOAD_MAX * SJ_TEXT_UNIT)
#define FIELD_COUNT_MAX (UINT64_C(1) << 24)
/** After so many pickles that were no twins only every few are learnt, so that those cost little who have none. */
#define STRANGERS_MAX 4U
#define STRANGERS_STEP 16U

static const char *const use_names[SNAPJAR_USE_COUNT] = {
    [SNAPJAR_USE_IMPORT] = "import",     [SNAPJAR_USE_CALL] = "call",       [SNAPJAR_USE_NEW] = "new",
    [SNAPJAR_USE_BUILD] = "build",       [SNAPJAR_USE_SETITEM] = "setitem", [SNAPJAR_USE_APPEND] = "append",
    [SNAPJAR_USE_ARGUMENT] = "argument",
};

const char *snapjar_use_name(snapjar_use use)
{
    return (size_t)use < SNAPJAR_USE_COUNT ? use_names[use] : "unknown";
}

static const char *const root_names[] = {
    [SNAPJAR_ROOT_NONE] = "NoneType",
    [SNAPJAR_ROOT_BOOL] = "bool",
    [SNAPJAR_ROOT_INT] = "int",
    [SNAPJAR_ROOT_FLOAT] = "float",
    [SNAPJAR_ROOT_STR] = "str",
    [SNAPJAR_ROOT_BYTES] = "bytes",
    [SNAPJAR_ROOT_BYTEARRAY] = "bytearray",
    [SNAPJAR_ROOT_TUPLE] = "tuple",
    [SNAPJAR_ROOT_LIST] = "list",
    [SNAPJAR_ROOT_DICT] = "dict",
    [SNAPJAR_ROOT_SET] = "set",
    [SNAPJAR_ROOT_FROZENSET] = "frozenset",
    [SNAPJAR_ROOT_BUFFER] = "buffer",
    [SNAPJAR_ROOT_INSTANCE] = "instance",
    [SNAPJAR_ROOT_GLOBAL] = "global",
    [SNAPJAR_ROOT_PERSISTENT] = "persistent",
    [SNAPJAR_ROOT_COMPUTED] = "computed",
};

const char *snapjar_root_name(snapjar_root root)
{
    return (size_t)root < sizeof root_names / sizeof *root_names ? root_names[root] : "unknown";
}

/** Puts the default where nothing is set, and takes no more than can be. */
static void settle_limit(uint64_t *limit, uint64_t standard, uint64_t highest)
{
    *limit = sj_min(*limit == 0 ? standard : *limit, highest);
}

static void settle_limits(snapjar_scan_options *options)
{
    settle_limit(&options->stack_depth_max, SNAPJAR_SCAN_STACK_DEPTH_DEFAULT, DEPTH_MAX);
    settle_limit(&options->memo_count_max, SNAPJAR_SCAN_MEMO_COUNT_DEFAULT, DEPTH_MAX);
    settle_limit(&options->global_count_max, SNAPJAR_SCAN_GLOBAL_COUNT_DEFAULT, GLOBAL_COUNT_MAX);
    settle_limit(&options->text_size_max, SNAPJAR_SCAN_TEXT_SIZE_DEFAULT, TEXT_SIZE_MAX);
    settle_limit(&options->field_count_max, SNAPJAR_SCAN_FIELD_COUNT_DEFAULT, FIELD_COUNT_MAX);
    settle_limit(&options->finding_count_max, SNAPJAR_SCAN_FINDING_COUNT_DEFAULT, UINT32_MAX);
    settle_limit(&options->line_size_max, SNAPJAR_PICKLE_LINE_SIZE_DEFAULT, UINT64_MAX);
}

snapjar_status sj_scan_options_read(snapjar_scan_options *own, const snapjar_scan_options *options, snapjar_error *err)
{
    SJ_TRY(sj_options_read(own, sizeof *own, options, "snapjar_scan_options", err));
    if ((unsigned)own->string_encoding > SNAPJAR_STRING_BYTES)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "string_encoding %d is none", (int)own->string_encoding);
    settle_limits(own);
    return SNAPJAR_OK;
}

/** Lets go of what was found of the pickle before. */
static void forget(snapjar_scan *scan)
{
    if (!scan->is_waiting)
        return;
    sj_machine_reset(&scan->machine, scan->base_offset);
    scan->machine.lexer.line_size_max = sj_min(scan->machine.lexer.line_size_max, scan->line_size_max);
    scan->is_waiting = false;
    scan->is_fresh = false;
    scan->has_layout_json = false;
    scan->twin.is_known = false;
    scan->generation++;
}

/** Makes it ready for the next pickle. What was found of the one before stays as long as that can have twins. */
static void begin(snapjar_scan *scan, uint64_t base_offset, uint64_t line_size_max)
{
    scan->base_offset = base_offset;
    scan->line_size_max = line_size_max;
    scan->failure.status = SNAPJAR_OK;
    scan->has_buffers = false;
    scan->is_unfed = true;
    scan->is_waiting = true;
    if (!scan->twin.is_known || !scan->machine.summary.is_complete)
        forget(scan);
}

snapjar_status snapjar_scan_new(snapjar_scan **scan, snapjar_context *context, const snapjar_scan_options *options,
                                snapjar_error *err)
{
    snapjar_scan_options own;
    if (scan != NULL)
        *scan = NULL;
    if (scan == NULL || context == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        scan == NULL ? "scan" : "context");
    SJ_TRY(sj_scan_options_read(&own, options, err));
    snapjar_scan *made = sj_alloc(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    sj_machine_init(&made->machine, context, &own);
    memset(&made->failure, 0, sizeof made->failure);
    made->generation = 0;
    made->stranger_count = 0;
    made->layout_json = NULL;
    made->twin.is_known = false;
    begin(made, own.base_offset, UINT64_MAX);
    *scan = made;
    return SNAPJAR_OK;
}

void snapjar_scan_free(snapjar_scan *scan)
{
    if (scan == NULL)
        return;
    snapjar_context *context = scan->machine.context;
    sj_free(context, scan->layout_json);
    sj_machine_clear(&scan->machine);
    sj_free(context, scan);
}

void snapjar_scan_reset(snapjar_scan *scan, uint64_t base_offset)
{
    begin(scan, base_offset, UINT64_MAX);
}

void sj_scan_begin(snapjar_scan *scan, uint64_t base_offset, snapjar_string_encoding string_encoding,
                   uint64_t line_size_max)
{
    scan->machine.options.string_encoding = string_encoding;
    begin(scan, base_offset, line_size_max);
}

void sj_scan_fail(snapjar_scan *scan, const snapjar_error *failure)
{
    forget(scan);
    /* What was found holds for a part of what there is, or for something else than what it was taken for. */
    scan->machine.summary.is_complete = false;
    if (failure != &scan->failure)
        scan->failure = *failure;
}

size_t sj_scan_memory(const snapjar_scan *scan)
{
    const sj_machine *machine = &scan->machine;
    return machine->stack_capacity * sizeof *machine->stack + machine->mark_capacity * sizeof *machine->marks +
           machine->memo_capacity * (sizeof *machine->memo_kinds + sizeof *machine->memo_payloads) +
           machine->texts.capacity + machine->texts.table_capacity * sizeof *machine->texts.table +
           machine->names.capacity * sizeof *machine->names.globals +
           machine->layout.shape_capacity * sizeof *machine->layout.shapes +
           machine->layout.field_capacity * sizeof *machine->layout.fields +
           machine->finding_capacity * sizeof *machine->findings;
}

/** Keeps a failure, which from now on is the answer to everything, and returns it. */
static snapjar_status fail(snapjar_scan *scan, const snapjar_error *failure, snapjar_error *err)
{
    if (failure != &scan->failure)
        scan->failure = *failure;
    if (err != NULL)
        *err = scan->failure;
    return scan->failure.status;
}

/** Whether the first bytes are a twin of the pickle before; then all is done. Else the scan of them may begin. */
static bool find_twin(snapjar_scan *scan, const uint8_t *bytes, size_t size)
{
    scan->is_unfed = false;
    if (!scan->is_waiting)
        return false;
    if (!sj_twin_find(&scan->twin, &scan->machine, scan->base_offset, bytes, size)) {
        forget(scan);
        return false;
    }
    scan->is_waiting = false;
    scan->stranger_count = 0;
    return true;
}

/** After a pickle that was scanned whole, in one chunk. */
static void learn(snapjar_scan *scan)
{
    scan->stranger_count++;
    if (scan->stranger_count <= STRANGERS_MAX || scan->stranger_count % STRANGERS_STEP == 0)
        sj_twin_learn(&scan->twin, &scan->machine);
}

snapjar_status snapjar_scan_feed(snapjar_scan *scan, const void *bytes, size_t size, size_t *consumed,
                                 snapjar_error *err)
{
    snapjar_error failure;
    size_t done = 0;
    bool is_first = scan != NULL && scan->is_unfed;
    if (consumed != NULL)
        *consumed = 0;
    if (scan == NULL || (bytes == NULL && size > 0))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        scan == NULL ? "scan" : "bytes");
    if (scan->failure.status != SNAPJAR_OK)
        return fail(scan, &scan->failure, err);
    if (size > 0 && find_twin(scan, bytes, size)) {
        if (consumed != NULL)
            *consumed = (size_t)scan->machine.summary.size;
        return SNAPJAR_OK;
    }
    scan->is_fresh = false;
    while (done < size && !scan->machine.summary.is_complete) {
        const size_t piece = (size_t)sj_min(size - done, SJ_CHUNK_SIZE_MAX);
        size_t taken;
        if (sj_machine_feed(&scan->machine, (const uint8_t *)bytes + done, piece, &taken, &failure) != SNAPJAR_OK)
            return fail(scan, &failure, err);
        done += taken;
        if (is_first && scan->machine.summary.is_complete)
            learn(scan);
        is_first = false;
    }
    if (consumed != NULL)
        *consumed = done;
    return SNAPJAR_OK;
}

snapjar_status snapjar_scan_finish(snapjar_scan *scan, uint64_t expected_size, snapjar_error *err)
{
    snapjar_error failure;
    snapjar_status status = SNAPJAR_OK;
    if (scan == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "scan is NULL");
    snapjar_scan_summary *summary = &scan->machine.summary;
    if (scan->failure.status != SNAPJAR_OK)
        return fail(scan, &scan->failure, err);
    forget(scan);
    if (!summary->is_complete)
        status = sj_lexer_raise_end(&scan->machine.lexer, &failure);
    else if (expected_size != 0 && summary->size != expected_size)
        status = sj_raise(&failure, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH,
                          SJ_AT_CONTENT(scan->machine.lexer.base_offset + summary->size),
                          "the pickle's STOP ends it after %llu bytes, not %llu", (unsigned long long)summary->size,
                          (unsigned long long)expected_size);
    if (status == SNAPJAR_OK)
        return SNAPJAR_OK;
    /* What was found holds for a part of what there is, so it is not the whole answer. */
    summary->is_complete = false;
    return fail(scan, &failure, err);
}

snapjar_status snapjar_scan_pickle(snapjar_scan *scan, const void *bytes, size_t size, snapjar_error *err)
{
    if (scan == NULL || (bytes == NULL && size > 0))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        scan == NULL ? "scan" : "bytes");
    snapjar_scan_reset(scan, scan->machine.options.base_offset);
    SJ_TRY(snapjar_scan_feed(scan, bytes, size, NULL, err));
    return snapjar_scan_finish(scan, size, err);
}

/** Brings what is shown up to date. */
static void refresh(snapjar_scan *scan)
{
    sj_machine *machine = &scan->machine;
    forget(scan);
    if (scan->is_fresh)
        return;
    sj_names_refresh(&machine->names);
    /* Texts may have moved since fields were last shown. */
    machine->layout.sorted_count = 0;
    machine->summary.opcode_count = machine->opcode_count;
    machine->summary.stack_depth = machine->stack_high;
    machine->summary.memo_count = machine->memo_count;
    machine->summary.layout_is_whole = true;
    for (size_t i = 0; i < machine->names.count; i++)
        machine->summary.layout_is_whole &= machine->names.globals[i].info.fields_are_whole;
    scan->is_fresh = true;
}

const snapjar_scan_summary *snapjar_scan_summarize(snapjar_scan *scan)
{
    refresh(scan);
    return &scan->machine.summary;
}

const snapjar_error *snapjar_scan_failure(const snapjar_scan *scan)
{
    const bool is_complete = scan->machine.summary.is_complete && !scan->is_waiting;
    return is_complete && scan->failure.status == SNAPJAR_OK ? NULL : &scan->failure;
}

size_t snapjar_scan_global_count(const snapjar_scan *scan)
{
    return scan->is_waiting ? 0 : scan->machine.names.count;
}

uint64_t snapjar_scan_generation(const snapjar_scan *scan)
{
    return snapjar_scan_failure(scan) == NULL ? scan->generation : 0;
}

const snapjar_scan_global *snapjar_scan_global_at(snapjar_scan *scan, size_t index)
{
    refresh(scan);
    return index < scan->machine.names.count ? &scan->machine.names.globals[index].info : NULL;
}

const snapjar_text *snapjar_scan_fields(snapjar_scan *scan, size_t index, size_t *count)
{
    refresh(scan);
    return sj_layout_fields(&scan->machine.layout, (uint32_t)sj_min(index, UINT32_MAX - 1), count);
}

const snapjar_scan_finding *snapjar_scan_finding_at(const snapjar_scan *scan, size_t index)
{
    return !scan->is_waiting && index < scan->machine.finding_count ? &scan->machine.findings[index] : NULL;
}
