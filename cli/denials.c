/* SPDX-License-Identifier: MIT
 *
 * Showing denials. All texts of a denial are printable ASCII when they come from the library.
 */
#include "denials.h"

#include <inttypes.h>

#include "json_out.h"

static void add_place(struct text *out, uint64_t offset, const char *content)
{
    text_printf(out, "  at byte %" PRIu64, offset);
    if (content)
        text_printf(out, " of %s", content);
    text_puts(out, ": ");
}

uint64_t findings_left_out(snapjar_scan *scan)
{
    uint64_t kept = 0;

    while (snapjar_scan_finding_at(scan, (size_t)kept))
        kept++;
    return snapjar_scan_summarize(scan)->finding_count - kept;
}

static void add_left_out(struct text *out, snapjar_scan *scan)
{
    uint64_t count = findings_left_out(scan);

    if (count)
        text_printf(out, "  and %" PRIu64 " more thing%s that no pickler writes\n", count, count == 1 ? "" : "s");
}

void denials_add_text(struct text *out, const snapjar_judgement *judgement, snapjar_scan *scan, const char *content)
{
    for (size_t i = 0; i < snapjar_judgement_denial_count(judgement); i++) {
        snapjar_denial denial;
        snapjar_judgement_describe(judgement, i, &denial);
        add_place(out, denial.offset, content);
        if (denial.global[0])
            text_printf(out, "%s: ", denial.global);
        text_printf(out, "%s [%s]\n", denial.reason, snapjar_diagnostic_name(denial.diagnostic));
        if (denial.line[0])
            text_printf(out, "    to allow it, if you know what it does: %s\n", denial.line);
    }
    add_left_out(out, scan);
}

void findings_add_text(struct text *out, snapjar_scan *scan, const char *content)
{
    const snapjar_scan_finding *finding;

    for (size_t i = 0; (finding = snapjar_scan_finding_at(scan, i)); i++) {
        add_place(out, finding->offset, content);
        text_printf(out, "%s [%s]\n", finding->message, snapjar_diagnostic_name(finding->diagnostic));
    }
    add_left_out(out, scan);
}

const char *analysis_word(const snapjar_scan *scan)
{
    const snapjar_error *failure = snapjar_scan_failure(scan);

    if (!failure)
        return "analysed";
    return report_exit_code(failure->status) == EXIT_NO ? "malformed" : "not-analysed";
}

void analysis_remark(struct cli *cli, const char *file, snapjar_scan *scan, const char *content)
{
    const snapjar_error *failure = snapjar_scan_failure(scan);
    const snapjar_scan_finding *finding = snapjar_scan_finding_at(scan, 0);
    uint64_t count = snapjar_scan_summarize(scan)->finding_count;
    struct text out = {0};

    if (failure) {
        report_format(&out, failure, content);
        report_remark(cli, file, "%s: %s",
                      report_exit_code(failure->status) == EXIT_NO ? "no Python can load this pickle"
                                                                   : "the pickle is not analysed",
                      text_string(&out));
    } else if (finding) {
        report_remark(cli, file, "no pickler writes such a pickle: %s [%s] at byte %" PRIu64 "%s%s%s", finding->message,
                      snapjar_diagnostic_name(finding->diagnostic), finding->offset, content ? " of " : "",
                      content ? content : "", count > 1 ? ", and more" : "");
    }
    text_free(&out);
}

void uses_add_json(struct text *out, const char *key, unsigned uses)
{
    const char *comma = "";

    json_key(out, key);
    text_putc(out, '[');
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if (!(uses & SNAPJAR_USES(use)))
            continue;
        text_printf(out, "%s\"%s\"", comma, snapjar_use_name((snapjar_use)use));
        comma = ",";
    }
    text_putc(out, ']');
}

void denial_add_json(struct text *out, const snapjar_denial *denial)
{
    json_string(out, "diagnostic", snapjar_diagnostic_name(denial->diagnostic));
    json_number(out, "offset", denial->offset);
    if (denial->global[0])
        json_string(out, "global", denial->global);
    if (denial->uses)
        uses_add_json(out, "uses", denial->uses);
    json_string(out, "reason", denial->reason);
    if (denial->line[0])
        json_string(out, "line", denial->line);
}

void denials_add_json(struct text *out, const char *key, const snapjar_judgement *judgement)
{
    json_key(out, key);
    text_putc(out, '[');
    for (size_t i = 0; i < snapjar_judgement_denial_count(judgement); i++) {
        snapjar_denial denial;
        snapjar_judgement_describe(judgement, i, &denial);
        text_puts(out, i ? ",{" : "{");
        denial_add_json(out, &denial);
        text_putc(out, '}');
    }
    text_putc(out, ']');
}
