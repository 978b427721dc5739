/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the scan of lib/pickle: a pickle gives the same answer whole (the fast path), byte by byte (the slow one), in
 * pieces of any size, and after one that is nearly the same; the answer agrees with itself and with a walk over the
 * opcodes; and no policy allows what it must not. Input: 4 bytes that say which encoding and limits, and how to cut,
 * then the pickle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/policy.h>

#include "util/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL_SIZE 4

/** abort() is what a fuzzer sees also where assert is compiled out. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

/* ---- an answer as one hash ---- */

static void hash_bytes(uint64_t *hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
}

static void hash_number(uint64_t *hash, uint64_t number)
{
    hash_bytes(hash, &number, sizeof number);
}

static void hash_text(uint64_t *hash, snapjar_text text)
{
    hash_number(hash, text.size);
    hash_bytes(hash, text.data, text.size);
}

static void hash_use(uint64_t *hash, const snapjar_use_record *use, uint64_t size)
{
    require(use->count > 0 ? use->offset < size : use->offset == SNAPJAR_OFFSET_NONE);
    hash_number(hash, use->count);
    hash_number(hash, use->offset);
}

static void hash_global(uint64_t *hash, snapjar_scan *scan, size_t index, uint64_t size)
{
    const snapjar_scan_global *global = snapjar_scan_global_at(scan, index);
    size_t count;
    require(global->uses[SNAPJAR_USE_IMPORT].count > 0);
    require(global->extension_code != 0 ? global->module.size == 0 : global->module.size + global->name.size > 0);
    hash_text(hash, global->module);
    hash_text(hash, global->name);
    hash_text(hash, global->mapped_module);
    hash_text(hash, global->mapped_name);
    hash_number(hash, global->extension_code);
    hash_number(hash, (uint64_t)global->protocol * 8 + global->is_attribute * 4 + global->is_dotted * 2 +
                          global->fields_are_whole);
    for (size_t use = 0; use < SNAPJAR_USE_COUNT; use++)
        hash_use(hash, &global->uses[use], size);
    const snapjar_text *fields = snapjar_scan_fields(scan, index, &count);
    hash_number(hash, count);
    for (size_t i = 0; i < count; i++)
        hash_text(hash, fields[i]);
}

/** All that the scan says. */
static uint64_t hash_scan(snapjar_scan *scan, snapjar_status status, const snapjar_error *err, uint64_t size)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    const snapjar_scan_finding *finding;
    uint64_t hash = UINT64_C(14695981039346656037);
    require(summary->is_complete == (status == SNAPJAR_OK));
    require((snapjar_scan_failure(scan) == NULL) == (status == SNAPJAR_OK));
    hash_number(&hash, status);
    if (status != SNAPJAR_OK) {
        require(err->offset <= size && err->message[0] != '\0');
        hash_number(&hash, err->diagnostic);
        hash_number(&hash, err->offset);
    }
    hash_number(&hash, summary->size);
    hash_number(&hash, summary->opcode_count);
    hash_number(&hash, summary->stack_depth);
    hash_number(&hash, summary->memo_count);
    hash_number(&hash, summary->finding_count);
    hash_number(&hash, summary->root_global);
    hash_number(&hash, (uint64_t)summary->protocol * 64 + summary->root * 2 + summary->layout_is_whole);
    hash_use(&hash, &summary->persistent_ids, size);
    hash_use(&hash, &summary->buffers, size);
    hash_use(&hash, &summary->computed_calls, size);
    for (size_t i = 0; (finding = snapjar_scan_finding_at(scan, i)) != NULL; i++) {
        require(finding->offset <= size && i < summary->finding_count && finding->message[0] != '\0');
        hash_number(&hash, finding->diagnostic);
        hash_number(&hash, finding->offset);
        hash_bytes(&hash, finding->message, strlen(finding->message));
    }
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++)
        hash_global(&hash, scan, i, size);
    return hash;
}

/* ---- feeding ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/** How large the next piece is. 0 for `seed` means all at once, 1 single bytes. */
static size_t piece_size(uint64_t *seed, size_t left)
{
    static const size_t scales[] = {1, 2, 10, 20, 70, 300};
    if (*seed == 0)
        return left;
    if (*seed == 1)
        return 1;
    const size_t size = (size_t)next_random(seed) % (scales[next_random(seed) % 6] + 1);
    return size < left ? size : left;
}

/** Each piece is a block of its own, so that a sanitizer sees a read past its end or after its time. */
static snapjar_status feed(snapjar_scan *scan, const uint8_t *bytes, size_t size, uint64_t seed, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;
    size_t at = 0;
    snapjar_scan_reset(scan, 0);
    while (at < size && status == SNAPJAR_OK) {
        const size_t taken = piece_size(&seed, size - at);
        uint8_t *piece = malloc(taken > 0 ? taken : 1);
        size_t consumed;
        require(piece != NULL);
        if (taken > 0)
            memcpy(piece, bytes + at, taken);
        status = snapjar_scan_feed(scan, piece, taken, &consumed, err);
        free(piece);
        require(consumed <= taken);
        at += consumed;
        if (consumed < taken)
            break;
    }
    return status == SNAPJAR_OK ? snapjar_scan_finish(scan, size, err) : status;
}

/* ---- policies ---- */

static snapjar_verdict judge(const snapjar_policy *policy, snapjar_scan *scan, snapjar_judgement **judgement)
{
    require(snapjar_policy_judge(policy, scan, judgement, NULL) == SNAPJAR_OK);
    const snapjar_verdict verdict = snapjar_judgement_verdict(*judgement);
    const bool is_denied = verdict == SNAPJAR_VERDICT_DENIED;
    require(is_denied || snapjar_judgement_denial_count(*judgement) == 0);
    require((verdict == SNAPJAR_VERDICT_NOT_ANALYSED) == (snapjar_scan_failure(scan) != NULL));
    return verdict;
}

/** Whether a policy that knows nothing but names could allow it. */
static bool can_be_allowed(snapjar_scan *scan)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    return summary->is_complete && summary->finding_count == 0 && summary->computed_calls.count == 0;
}

/** A policy that allows nothing allows plain literals and no more. */
static void check_empty(const snapjar_policy *policy, snapjar_scan *scan)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    snapjar_judgement *judgement;
    const bool expected = can_be_allowed(scan) && snapjar_scan_global_count(scan) == 0 &&
                          summary->persistent_ids.count == 0 && summary->buffers.count == 0;
    require((judge(policy, scan, &judgement) == SNAPJAR_VERDICT_ALLOWED) == expected);
    snapjar_judgement_free(judgement);
}

/** Adds what a denial says must be added; false if nothing helps. */
static bool add_line(snapjar_policy *policy, snapjar_scan *scan, const snapjar_denial *denial)
{
    char text[SNAPJAR_DENIAL_TEXT_SIZE + 64];
    switch (denial->diagnostic) {
    case SNAPJAR_DIAG_GLOBAL_DENIED:
        if (denial->line[0] == '\0')
            return false;
        (void)snprintf(text, sizeof text, "{\"snapjar_policy\": 1, \"allow\": {%s}}", denial->line);
        return snapjar_policy_read(policy, text, strlen(text), NULL) == SNAPJAR_OK;
    case SNAPJAR_DIAG_EXTENSION_DENIED: {
        const uint32_t code = snapjar_scan_global_at(scan, denial->global_index)->extension_code;
        require(snapjar_policy_map_extension(policy, code, "no_such_module:name", NULL) == SNAPJAR_OK);
        return snapjar_policy_allow(policy, "no_such_module:name", SNAPJAR_USES_ALL, NULL, NULL) == SNAPJAR_OK;
    }
    case SNAPJAR_DIAG_PERSISTENT_ID_DENIED:
        snapjar_policy_allow_persistent_ids(policy, true);
        return true;
    case SNAPJAR_DIAG_BUFFER_DENIED:
        snapjar_policy_allow_buffers(policy, true);
        return true;
    default:
        return false;
    }
}

/** The lines that denials give are enough, and where no line helps nothing is allowed. */
static void check_lines(snapjar_context *context, const snapjar_policy *defaults, snapjar_scan *scan)
{
    snapjar_policy *wider;
    snapjar_judgement *judgement;
    snapjar_denial denial;
    bool is_enough = true;
    snapjar_verdict verdict = judge(defaults, scan, &judgement);
    require(verdict != SNAPJAR_VERDICT_ALLOWED || can_be_allowed(scan));
    if (verdict != SNAPJAR_VERDICT_DENIED) {
        snapjar_judgement_free(judgement);
        return;
    }
    require(snapjar_policy_new(&wider, context, NULL) == SNAPJAR_OK);
    require(snapjar_policy_allow_defaults(wider, NULL) == SNAPJAR_OK);
    for (size_t i = 0; i < snapjar_judgement_denial_count(judgement); i++) {
        snapjar_judgement_describe(judgement, i, &denial);
        require(denial.reason[0] != '\0' && denial.offset != SNAPJAR_OFFSET_NONE);
        require((denial.uses != 0) == (denial.global_index != SIZE_MAX));
        is_enough = add_line(wider, scan, &denial) && is_enough;
    }
    snapjar_judgement_free(judgement);
    verdict = judge(wider, scan, &judgement);
    require(!is_enough || verdict == SNAPJAR_VERDICT_ALLOWED);
    require(verdict != SNAPJAR_VERDICT_ALLOWED || can_be_allowed(scan));
    snapjar_judgement_free(judgement);
    snapjar_policy_free(wider);
}

/** A walk over the opcodes alone sees the same pickle. */
static void check_extent(snapjar_scan *scan, const uint8_t *bytes, size_t size)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    snapjar_pickle_extent extent;
    if (!summary->is_complete)
        return;
    require(snapjar_pickle_measure(&extent, bytes, size, NULL, NULL) == SNAPJAR_OK);
    require(extent.size == summary->size && extent.size == size);
    require(extent.opcode_count == summary->opcode_count);
    require(extent.buffer_count == summary->buffers.count);
    require(extent.protocol == summary->protocol);
}

/** The same with a few bytes changed is, after this one and on its own, the same to a scan. */
static void check_twin(snapjar_context *context, const snapjar_scan_options *options, snapjar_scan *scan,
                       const uint8_t *bytes, size_t size, uint64_t seed)
{
    uint8_t *changed = malloc(size + 1);
    snapjar_scan *other;
    snapjar_error err;
    require(changed != NULL && snapjar_scan_new(&other, context, options, NULL) == SNAPJAR_OK);
    for (int round = 0; round < 4; round++) {
        memcpy(changed, bytes, size);
        for (int i = 0; i < round && size > 0; i++)
            changed[next_random(&seed) % size] ^= (uint8_t)(1u << next_random(&seed) % 8);
        (void)feed(scan, bytes, size, 0, &err);
        snapjar_status status = feed(scan, changed, size, 0, &err);
        const uint64_t hash = hash_scan(scan, status, &err, size);
        status = feed(other, changed, size, 1, &err);
        require(hash_scan(other, status, &err, size) == hash);
    }
    snapjar_scan_free(other);
    free(changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t depths[] = {0, 0, 0, 1, 2, 5, 20, 100};
    static const uint64_t memos[] = {0, 0, 1, 4};
    /* Made once, as making them costs more than all else here. */
    static snapjar_context *context;
    static snapjar_policy *empty, *defaults;
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_scan *scan;
    snapjar_error err;
    if (size < CONTROL_SIZE)
        return 0;
    if (context == NULL) {
        require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
        require(snapjar_policy_new(&empty, context, NULL) == SNAPJAR_OK);
        require(snapjar_policy_new(&defaults, context, NULL) == SNAPJAR_OK);
        require(snapjar_policy_allow_defaults(defaults, NULL) == SNAPJAR_OK);
    }
    options.string_encoding = (snapjar_string_encoding)(data[0] % 3);
    options.stack_depth_max = depths[data[1] % 8];
    options.memo_count_max = memos[data[1] / 8 % 4];
    options.global_count_max = memos[data[1] / 32 % 4];
    options.field_count_max = memos[data[1] / 128 * 2];
    const uint64_t seed = sj_read_le16(data + 2) + UINT64_C(2);
    const uint8_t *bytes = data + CONTROL_SIZE;
    size -= CONTROL_SIZE;
    require(snapjar_scan_new(&scan, context, &options, NULL) == SNAPJAR_OK);
    const snapjar_status slow = feed(scan, bytes, size, 1, &err);
    const uint64_t expected = hash_scan(scan, slow, &err, size);
    const snapjar_status cut = feed(scan, bytes, size, seed, &err);
    require(hash_scan(scan, cut, &err, size) == expected);
    const snapjar_status whole = feed(scan, bytes, size, 0, &err);
    require(hash_scan(scan, whole, &err, size) == expected);
    check_extent(scan, bytes, size);
    check_empty(empty, scan);
    check_lines(context, defaults, scan);
    check_twin(context, &options, scan, bytes, size, seed);
    snapjar_scan_free(scan);
    return 0;
}
