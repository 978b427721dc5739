/* SPDX-License-Identifier: MIT
 *
 * Contracts from files, and their findings as text and JSON.
 */
#include "contracts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"

static snapjar_status read_text(snapjar_context *context, const char *path, char **text, size_t *size,
                                snapjar_error *err)
{
    snapjar_source *source = NULL;
    uint64_t file_size = 0;
    snapjar_status status = snapjar_source_open_path(&source, context, path, SNAPJAR_CONTRACT_SIZE_DEFAULT, err);

    *size = 0;
    if (status == SNAPJAR_OK)
        status = snapjar_source_size(source, &file_size, err);
    if (status == SNAPJAR_OK && file_size > SNAPJAR_CONTRACT_SIZE_DEFAULT) {
        report_make(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_LIMIT, "a contract has at most %" PRIu64 " bytes",
                    SNAPJAR_CONTRACT_SIZE_DEFAULT);
        status = err->status;
    }
    if (status == SNAPJAR_OK) {
        *text = memory_get((size_t)file_size + 1);
        (*text)[file_size] = '\0';
        status = snapjar_source_read_at(source, *text, (size_t)file_size, 0, size, err);
    }
    snapjar_source_free(source);
    return status;
}

int contracts_read(struct cli *cli, snapjar_context *context, const char *path, snapjar_contract **contract,
                   char **text)
{
    snapjar_error err;
    char *own = NULL;
    size_t size;
    snapjar_status status = read_text(context, path, &own, &size, &err);

    *contract = NULL;
    if (status == SNAPJAR_OK)
        status = snapjar_contract_read(contract, context, own, size, NULL, &err);
    if (text)
        *text = own;
    else
        free(own);
    if (status == SNAPJAR_OK)
        return -1;
    /* The hints about JSON speak of headers. */
    if (err.diagnostic >= SNAPJAR_DIAG_JSON_SYNTAX && err.diagnostic <= SNAPJAR_DIAG_JSON_NOT_OBJECT)
        err.diagnostic = SNAPJAR_DIAG_CONTRACT_INVALID;
    if (text) {
        free(own);
        *text = NULL;
    }
    /* A contract that is wrong is wrong usage, as a policy is: nothing is known of any file. */
    (void)report_failure(cli, path, &err, NULL);
    return report_raise(&cli->report, EXIT_TROUBLE);
}

void contracts_add_chain(struct text *out, const snapjar_contract *contract, int64_t version)
{
    text_printf(out, "%" PRId64, version);
    while (version != snapjar_contract_schema_version(contract) &&
           snapjar_contract_next(contract, version, &version, NULL))
        text_printf(out, " -> %" PRId64, version);
}

static void add_names(struct text *out, const char *title, const snapjar_text *names, size_t count)
{
    text_printf(out, "    %s", title);
    for (size_t i = 0; i < count; i++) {
        text_puts(out, i ? ", " : " ");
        text_escape(out, names[i].data, names[i].size);
    }
    text_puts(out, count ? "\n" : " (none)\n");
}

void contracts_add_findings(struct text *out, const snapjar_assessment *assessment, const char *content)
{
    const uint64_t total = snapjar_assessment_total(assessment);
    const snapjar_contract_finding *finding;
    uint64_t told = 0;

    for (size_t i = 0; (finding = snapjar_assessment_finding(assessment, i)); i++) {
        text_printf(out, "  %s%s%s", finding->path, *finding->path ? ": " : "", finding->message);
        if (finding->offset != SNAPJAR_OFFSET_NONE)
            text_printf(out, ", byte %" PRIu64 "%s%s", finding->offset, content ? " of " : "", content ? content : "");
        if (finding->count > 1)
            text_printf(out, " (%" PRIu64 " objects)", finding->count);
        text_putc(out, '\n');
        if (finding->kind == SNAPJAR_FINDING_FIELDS) {
            add_names(out, "it has:  ", finding->found, finding->found_count);
            add_names(out, "contract:", finding->expected, finding->expected_count);
        }
        told += finding->count;
    }
    if (told < total)
        text_printf(out, "  and %" PRIu64 " more\n", total - told);
}

static void add_json_names(struct text *out, const char *key, const snapjar_text *names, size_t count)
{
    json_key(out, key);
    text_putc(out, '[');
    for (size_t i = 0; i < count; i++) {
        text_puts(out, i ? "," : "");
        json_quoted(out, names[i].data, names[i].size);
    }
    text_putc(out, ']');
}

static void add_json_finding(struct text *out, const snapjar_contract_finding *finding)
{
    const char *kind = snapjar_finding_kind_name(finding->kind);

    text_puts(out, "{\"kind\":");
    json_quoted(out, kind, strlen(kind));
    json_string(out, "path", finding->path);
    if (finding->offset != SNAPJAR_OFFSET_NONE)
        json_number(out, "offset", finding->offset);
    json_number(out, "count", finding->count);
    json_string(out, "message", finding->message);
    if (*finding->class_name)
        json_string(out, "class", finding->class_name);
    if (finding->kind == SNAPJAR_FINDING_FIELDS) {
        add_json_names(out, "found", finding->found, finding->found_count);
        add_json_names(out, "contract", finding->expected, finding->expected_count);
    }
    text_putc(out, '}');
}

void contracts_add_json(struct text *out, const snapjar_contract *contract, const snapjar_assessment *assessment)
{
    const snapjar_contract_finding *finding;
    const int64_t current = snapjar_contract_schema_version(contract);
    int64_t version = snapjar_assessment_version(assessment);

    json_string(out, "state", snapjar_contract_state_name(snapjar_assessment_state(assessment)));
    if (version >= 0)
        json_number(out, "schema_version", (uint64_t)version);
    json_number(out, "contract_version", (uint64_t)current);
    if (snapjar_assessment_state(assessment) == SNAPJAR_CONTRACT_MIGRATABLE) {
        json_key(out, "chain");
        text_printf(out, "[%" PRId64, version);
        while (version != current && snapjar_contract_next(contract, version, &version, NULL))
            text_printf(out, ",%" PRId64, version);
        text_putc(out, ']');
    }
    json_number(out, "findings_total", snapjar_assessment_total(assessment));
    json_key(out, "findings");
    text_putc(out, '[');
    for (size_t i = 0; (finding = snapjar_assessment_finding(assessment, i)); i++) {
        text_puts(out, i ? "," : "");
        add_json_finding(out, finding);
    }
    text_putc(out, ']');
}
