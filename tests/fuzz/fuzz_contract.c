/* SPDX-License-Identifier: MIT
 *
 * Fuzzes contracts: a text is read or refused at one of its bytes; a check says "as it is described" if and only if it
 * found nothing; what is inferred from a pickle is a contract that the pickle is current by; and the next version of a
 * contract can be read. Input: the size of the contract in 2 bytes (little-endian), the contract, a pickle.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/contract.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_printable(const char *text)
{
    for (; *text != '\0'; text++)
        require(*text >= ' ' && *text < 0x7f);
}

/** A block of exactly this size, so that a sanitizer sees a read past its end. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    require(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static snapjar_contract *read_contract(snapjar_context *context, const char *text, size_t size)
{
    snapjar_contract *contract;
    snapjar_error err;
    const snapjar_status status = snapjar_contract_read(&contract, context, text, size, NULL, &err);
    if (status == SNAPJAR_OK)
        return contract;
    require(contract == NULL);
    require(status == SNAPJAR_DAMAGED || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT);
    require(err.status == status && err.space == SNAPJAR_SPACE_FILE && err.offset <= size);
    require(strncmp(err.message, "line ", 5) == 0 || err.diagnostic == SNAPJAR_DIAG_CONTRACT_LIMIT);
    return NULL;
}

static void check_finding(const snapjar_contract_finding *finding, size_t pickle_size)
{
    require(finding->count > 0);
    require(finding->offset == SNAPJAR_OFFSET_NONE || finding->offset < pickle_size);
    require(finding->message[0] != '\0');
    require_printable(finding->message);
    require_printable(finding->path);
    require_printable(finding->class_name);
    require((finding->kind == SNAPJAR_FINDING_FIELDS) == (finding->found != NULL && finding->expected != NULL));
}

/** Whether nothing was found. */
static bool check(const snapjar_contract *contract, const snapjar_graph *graph, size_t pickle_size, int64_t version)
{
    snapjar_assessment *assessment;
    uint64_t told = 0;
    require(snapjar_contract_check(contract, graph, NULL, version, &assessment, NULL) == SNAPJAR_OK);
    const snapjar_contract_state state = snapjar_assessment_state(assessment);
    const bool is_clean = snapjar_assessment_total(assessment) == 0;
    require(is_clean == (state < SNAPJAR_CONTRACT_DRIFTED));
    const size_t count = snapjar_assessment_finding_count(assessment);
    for (size_t i = 0; i < count; i++) {
        check_finding(snapjar_assessment_finding(assessment, i), pickle_size);
        told += snapjar_assessment_finding(assessment, i)->count;
    }
    require(told <= snapjar_assessment_total(assessment) && (count > 0) == !is_clean);
    require(snapjar_assessment_finding(assessment, count) == NULL);
    if (state < SNAPJAR_CONTRACT_DRIFTED)
        require(snapjar_contract_accepts(contract, snapjar_assessment_version(assessment)) ||
                snapjar_contract_chain(contract, snapjar_assessment_version(assessment), NULL));
    snapjar_assessment_free(assessment);
    return is_clean;
}

static void check_inferred(snapjar_context *context, const snapjar_samples *samples, const snapjar_graph *graph,
                           size_t pickle_size)
{
    snapjar_sink *sink;
    size_t size;
    require(snapjar_sink_to_memory(&sink, context, NULL) == SNAPJAR_OK);
    require(snapjar_contract_infer(samples, sink, NULL) == SNAPJAR_OK);
    const char *text = snapjar_sink_memory(sink, &size);
    snapjar_contract *contract = read_contract(context, text, size);
    require(contract != NULL);
    require(check(contract, graph, pickle_size, 0));
    snapjar_contract_free(contract);
    snapjar_sink_free(sink);
}

static void check_bumped(snapjar_context *context, const char *text, size_t size, const snapjar_samples *samples)
{
    snapjar_sink *sink;
    size_t next_size;
    snapjar_error err;
    require(snapjar_sink_to_memory(&sink, context, NULL) == SNAPJAR_OK);
    const snapjar_status status = snapjar_contract_bump(text, size, samples, samples, sink, &err);
    require(status == SNAPJAR_OK || status == SNAPJAR_LIMIT);
    if (status == SNAPJAR_OK) {
        const char *next = snapjar_sink_memory(sink, &next_size);
        snapjar_contract *contract;
        const snapjar_status again = snapjar_contract_read(&contract, context, next, next_size, NULL, NULL);
        require(again == SNAPJAR_OK || again == SNAPJAR_LIMIT);
        snapjar_contract_free(contract);
    }
    snapjar_sink_free(sink);
}

static void look(snapjar_context *context, const char *text, size_t text_size, const uint8_t *pickle, size_t size)
{
    snapjar_graph *graph = NULL;
    snapjar_samples *samples;
    snapjar_contract *contract = read_contract(context, text, text_size);
    if (snapjar_graph_new(&graph, context, pickle, size, NULL, NULL) != SNAPJAR_OK) {
        snapjar_contract_free(contract);
        return;
    }
    require(snapjar_samples_new(&samples, context, NULL) == SNAPJAR_OK);
    const bool is_sample = snapjar_samples_add(samples, graph, NULL, 0, NULL) == SNAPJAR_OK;
    if (is_sample)
        check_inferred(context, samples, graph, size);
    if (contract != NULL) {
        (void)check(contract, graph, size, SNAPJAR_VERSION_UNKNOWN);
        (void)check(contract, graph, size, snapjar_contract_schema_version(contract));
        (void)check(contract, graph, size, 1);
    }
    if (contract != NULL && is_sample)
        check_bumped(context, text, text_size, samples);
    snapjar_samples_free(samples);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    snapjar_context *context;
    if (size < 2)
        return 0;
    size_t text_size = (size_t)(data[0] | data[1] << 8);
    text_size = text_size < size - 2 ? text_size : size - 2;
    const size_t pickle_size = size - 2 - text_size;
    uint8_t *text = copy_of(data + 2, text_size);
    uint8_t *pickle = copy_of(data + 2 + text_size, pickle_size);
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    look(context, (const char *)text, text_size, pickle, pickle_size);
    snapjar_context_free(context);
    free(text);
    free(pickle);
    return 0;
}
