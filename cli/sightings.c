/* SPDX-License-Identifier: MIT
 *
 * Packing sightings.
 */
#include "sightings.h"

#include <string.h>

const struct census_options *census_options_of(const struct batch *batch)
{
    return &((const struct census *)batch->state)->options;
}

/* ---- packing ---- */

void gathering_pack(struct text *out, struct gathering *seen)
{
    struct sighting *sighting = &seen->sighting;

    for (size_t i = 0; i < SEEN_COUNT; i++)
        sighting->text_sizes[i] = (uint32_t)seen->texts[i].size;
    sighting->layout_size = (uint32_t)seen->layout.size;
    text_add(out, (const char *)sighting, sizeof(*sighting));
    for (size_t i = 0; i < SEEN_COUNT; i++)
        text_add(out, text_string(&seen->texts[i]), seen->texts[i].size);
    text_add(out, text_string(&seen->layout), seen->layout.size);
}

void gathering_free(struct gathering *seen)
{
    for (size_t i = 0; i < SEEN_COUNT; i++)
        text_free(&seen->texts[i]);
    text_free(&seen->layout);
}

void sighting_concern(struct outcome *outcome, enum concern_kind kind, uint64_t record, snapjar_diagnostic diagnostic,
                      const char *message)
{
    struct gathering seen = {
        .sighting = {
            .kind = SIGHTING_CONCERN, .concern = kind, .diagnostic = diagnostic, .record = record, .protocol = -1}};

    text_puts(&seen.texts[SEEN_TYPE], message);
    gathering_pack(&outcome->out, &seen);
    gathering_free(&seen);
    /* The exit code is one number for all files: see census_take. */
    if (concern_infos[kind].weight == 2 && outcome->exit_code < EXIT_NO)
        outcome->exit_code = EXIT_NO;
}

/* ---- failures ---- */

enum concern_kind concern_of(const snapjar_error *err)
{
    switch (err->status) {
    case SNAPJAR_CUT_SHORT:
        return CONCERN_CUT_SHORT;
    case SNAPJAR_WRONG_FORMAT:
        return CONCERN_NO_SNAPSHOT;
    case SNAPJAR_UNSUPPORTED:
        return CONCERN_UNSUPPORTED;
    case SNAPJAR_REFUSED:
        return CONCERN_DENIED;
    case SNAPJAR_BAD_SEAL:
        return CONCERN_BAD_SEAL;
    case SNAPJAR_OK:
    case SNAPJAR_DAMAGED:
        return CONCERN_DAMAGED;
    case SNAPJAR_INVALID_ARGUMENT:
    case SNAPJAR_NO_MEMORY:
    case SNAPJAR_LIMIT:
    case SNAPJAR_IO:
    case SNAPJAR_NOT_FOUND:
    case SNAPJAR_CANCELLED:
    case SNAPJAR_BUG:
        break;
    }
    return CONCERN_NOT_ANALYSED;
}

void sighting_failure(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err,
                      enum concern_kind kind)
{
    struct text message = {0};

    outcome_note(outcome, err);
    if (report_exit_code(err->status) == EXIT_TROUBLE)
        report_format_line(&batch->cli->report, &outcome->log, path, err, outcome->content);
    /* The number of the record is told beside it. */
    snapjar_error told = *err;
    told.record_index = SNAPJAR_OFFSET_NONE;
    report_format(&message, &told, outcome->content);
    sighting_concern(outcome, kind, err->record_index, err->diagnostic, text_string(&message));
    text_free(&message);
}

void census_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    sighting_failure(batch, outcome, path, err, concern_of(err));
}
