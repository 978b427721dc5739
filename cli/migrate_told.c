/* SPDX-License-Identifier: MIT
 *
 * Telling what became of files.
 */
#include "migrate_told.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "json_out.h"
#include "migrating.h"

#define KINDS_MAX 1000

/* ---- records ---- */

/* As "app.jobs:Job, version 1 -> 2, protocol 2 -> 4". */
static void add_kind(struct text *out, const snapjar_migrated *record)
{
    text_escape_string(out, record->type);
    if (record->from_version != record->to_version)
        text_printf(out, ", version %" PRId64 " -> %" PRId64, record->from_version, record->to_version);
    if (record->is_converted)
        text_puts(out, ", from a pickle");
    if (record->from_protocol != record->to_protocol)
        text_printf(out, ", protocol %d -> %d", record->from_protocol, record->to_protocol);
}

static void add_record_json(const struct migrate_file *file, const snapjar_migrated *record, struct text *out)
{
    json_begin(out, "migrated-record");
    json_file(out, "file", file->path);
    json_number(out, "record", record->index);
    json_string(out, "type", record->type);
    json_number(out, "from_version", (uint64_t)record->from_version);
    json_number(out, "to_version", (uint64_t)record->to_version);
    json_number(out, "from_protocol", (uint64_t)record->from_protocol);
    json_number(out, "to_protocol", (uint64_t)record->to_protocol);
    json_number(out, "from_size", record->from_size);
    json_number(out, "to_size", record->to_size);
    json_bool(out, "converted", record->is_converted);
    json_end(out);
}

struct changes {
    struct migrate_file *file;
    uint64_t index;
};

static void begin_change(const struct changes *changes, const char *kind)
{
    struct text *out = &changes->file->out;

    json_begin(out, kind);
    json_file(out, "file", changes->file->path);
    json_number(out, "record", changes->index);
}

static snapjar_status take_change(void *state, const snapjar_change *change, snapjar_error *err)
{
    const struct changes *changes = state;
    struct text *out = &changes->file->out;

    (void)err;
    if (changes->file->migrate->is_json) {
        begin_change(changes, "change");
        changes_add_json(out, change);
        json_end(out);
    } else {
        changes_add(out, changes->file->migrate->cli->report.stdout_has_colour, change);
    }
    return SNAPJAR_OK;
}

static snapjar_status take_layout(void *state, const snapjar_layout_change *change, snapjar_error *err)
{
    const struct changes *changes = state;
    struct text *out = &changes->file->out;

    (void)err;
    if (changes->file->migrate->is_json) {
        begin_change(changes, "layout-change");
        changes_add_layout_json(out, change);
        json_end(out);
    } else {
        changes_add_layout(out, changes->file->migrate->cli->report.stdout_has_colour, change);
    }
    return SNAPJAR_OK;
}

/* What would change, as diff prints it. */
static snapjar_status add_changes(struct migrate_file *file, const snapjar_migrated *record, snapjar_error *err)
{
    const struct migrate *migrate = file->migrate;
    struct changes changes = {file, record->index};
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_diff_summary summary;
    uint64_t told = migrate->change_count_max;

    if (!record->before || !record->after)
        return SNAPJAR_OK;
    options.is_unicode = migrate->is_json || text_speaks_utf8();
    options.change_count_max = told ? told : 1;
    options.take_change = told ? take_change : NULL;
    options.take_layout = take_layout;
    options.state = &changes;
    snapjar_status status = snapjar_graph_diff(record->before, record->after, &options, &summary, err);
    if (status == SNAPJAR_OK && summary.change_count > told && !migrate->is_json)
        text_printf(&file->out, "  ... %" PRIu64 " more change%s\n", summary.change_count - told,
                    summary.change_count - told == 1 ? "" : "s");
    return status;
}

snapjar_status migrate_take(void *state, const snapjar_migrated *record, snapjar_error *err)
{
    struct migrate_file *file = state;
    const struct migrate *migrate = file->migrate;
    size_t start = file->kinds.size;

    if (record->is_copied)
        return SNAPJAR_OK;
    add_kind(&file->kinds, record);
    text_putc(&file->kinds, '\0');
    if (migrate->is_json) {
        if (!migrate->is_summary)
            add_record_json(file, record, &file->out);
    } else if (migrate->is_dry && !migrate->is_summary) {
        text_escape_string(&file->out, file->path);
        text_printf(&file->out, ": record %" PRIu64 ": %s\n", record->index, file->kinds.data + start);
    }
    return migrate->is_dry && !migrate->is_summary ? add_changes(file, record, err) : SNAPJAR_OK;
}

/* ---- files ---- */

static void add_kinds(struct migrate_total *total, const struct text *kinds)
{
    for (size_t at = 0; at < kinds->size; at += strlen(kinds->data + at) + 1) {
        const char *name = kinds->data + at;
        size_t i = 0;
        while (i < total->kind_count && strcmp(total->kinds[i].name, name) != 0)
            i++;
        if (i == KINDS_MAX) {
            total->more_records++;
            continue;
        }
        if (i == total->kind_count) {
            total->kinds = memory_resize(total->kinds, (i + 1) * sizeof(*total->kinds));
            total->kinds[total->kind_count++] = (struct migrate_kind){memory_string(name), 0};
        }
        total->kinds[i].count++;
    }
}

static void add_seals(struct migrate_total *total, const snapjar_migrated_seals *seals)
{
    total->seals.renewed_count += seals->renewed_count;
    total->seals.new_count += seals->new_count;
    total->seals.dropped_count += seals->dropped_count;
}

static void add_to_total(struct migrate_total *total, const struct migrate_file *file)
{
    pthread_mutex_lock(&total->lock);
    switch (file->fate) {
    case FATE_OTHER:
        total->other_files++;
        break;
    case FATE_CURRENT:
        total->current_files++;
        total->records += file->migration.record_count;
        break;
    case FATE_CHANGED:
        total->changed_files++;
        total->records += file->migration.record_count;
        total->changed_records += file->migration.changed_count;
        add_seals(total, &file->seals);
        add_kinds(total, &file->kinds);
        break;
    case FATE_FAILED:
        total->failed_files++;
        break;
    }
    pthread_mutex_unlock(&total->lock);
}

static void add_seals_json(struct text *out, const snapjar_migrated_seals *seals)
{
    json_number(out, "renewed_seals", seals->renewed_count);
    json_number(out, "new_seals", seals->new_count);
    json_number(out, "dropped_seals", seals->dropped_count);
}

/* As ", 2 seals renewed". */
static void add_seals_text(struct text *out, uint64_t count, const char *what)
{
    if (count)
        text_printf(out, ", %" PRIu64 " seal%s %s", count, count == 1 ? "" : "s", what);
}

static void print_changed(const struct migrate_file *file)
{
    const struct migrate *migrate = file->migrate;
    struct text out = {0};

    if (migrate->is_json) {
        json_begin(&out, "migrated");
        json_file(&out, "file", file->path);
        json_string(&out, "input", snapjar_input_kind_name(file->migration.kind));
        json_bool(&out, "old_header", file->migration.has_old_header);
        json_number(&out, "records", file->migration.record_count);
        json_number(&out, "changed_records", file->migration.changed_count);
        add_seals_json(&out, &file->seals);
        json_number(&out, "size", file->migration.size);
        json_bool(&out, "dry_run", migrate->is_dry);
        json_end(&out);
    } else if (!migrate->is_dry) {
        text_escape_string(&out, file->path);
        text_printf(&out, ": %" PRIu64 " of %" PRIu64 " record%s migrated", file->migration.changed_count,
                    file->migration.record_count, file->migration.record_count == 1 ? "" : "s");
        add_seals_text(&out, file->seals.renewed_count, "renewed");
        add_seals_text(&out, file->seals.new_count, "new");
        add_seals_text(&out, file->seals.dropped_count, "dropped");
        text_putc(&out, '\n');
    }
    report_print(&out);
    text_free(&out);
}

static void print_failed(struct migrate_file *file)
{
    struct migrate *migrate = file->migrate;
    struct text out = {0};

    if (migrate->is_json) {
        json_begin(&out, "error");
        json_file(&out, "file", file->path);
        json_error(&out, "error", &file->err);
        json_end(&out);
        report_print(&out);
        text_free(&out);
    }
    report_failure(migrate->cli, file->path, &file->err, REPORT_CONTENT_PICKLE);
}

void migrate_tell_file(struct migrate_file *file)
{
    struct migrate *migrate = file->migrate;

    add_to_total(&migrate->total, file);
    if (file->fate == FATE_CHANGED && !migrate->is_quiet && !(migrate->is_dry && migrate->is_summary)) {
        report_print(&file->out);
        print_changed(file);
    }
    if (file->fate == FATE_CHANGED && file->links)
        report_remark(migrate->cli, file->path, "other hard links to the replaced file keep the old bytes");
    /* Without the option, a file that has one is refused. */
    if (file->fate == FATE_CHANGED && !migrate->is_dry && migrate->options.drop_seal)
        sealing_remark_detached(migrate->cli, file->path);
    if (file->fate == FATE_FAILED)
        print_failed(file);
    text_free(&file->out);
    text_free(&file->kinds);
}

/* ---- all of it ---- */

static int compare_kinds(const void *a, const void *b)
{
    return strcmp(((const struct migrate_kind *)a)->name, ((const struct migrate_kind *)b)->name);
}

static void add_total_json(const struct migrate *migrate, struct text *out)
{
    const struct migrate_total *total = &migrate->total;

    json_begin(out, "summary");
    json_number(out, "changed_files", total->changed_files);
    json_number(out, "current_files", total->current_files);
    json_number(out, "other_files", total->other_files);
    json_number(out, "failed_files", total->failed_files);
    json_number(out, "records", total->records);
    json_number(out, "changed_records", total->changed_records);
    add_seals_json(out, &total->seals);
    json_number(out, "removed_leftovers", total->removed_leftovers);
    json_key(out, "changes");
    text_putc(out, '{');
    for (size_t i = 0; i < total->kind_count; i++)
        json_number(out, total->kinds[i].name, total->kinds[i].count);
    text_putc(out, '}');
    json_bool(out, "dry_run", migrate->is_dry);
    json_end(out);
}

static void add_total_seals(struct text *out, uint64_t count, const char *what)
{
    if (count)
        text_printf(out, "%8" PRIu64 " seal%s %s\n", count, count == 1 ? "  " : "s ", what);
}

static void add_total_text(const struct migrate *migrate, struct text *out)
{
    const struct migrate_total *total = &migrate->total;

    for (size_t i = 0; i < total->kind_count; i++)
        text_printf(out, "%8" PRIu64 " record%s %s\n", total->kinds[i].count, total->kinds[i].count == 1 ? " " : "s",
                    total->kinds[i].name);
    if (total->more_records)
        text_printf(out, "%8" PRIu64 " records of more kinds\n", total->more_records);
    add_total_seals(out, total->seals.renewed_count, "renewed");
    add_total_seals(out, total->seals.new_count, "new");
    add_total_seals(out, total->seals.dropped_count, "dropped");
    text_printf(out, "%" PRIu64 " file%s %s, %" PRIu64 " current, %" PRIu64 " other, %" PRIu64 " failed\n",
                total->changed_files, total->changed_files == 1 ? "" : "s",
                migrate->is_dry ? "to be migrated" : "migrated", total->current_files, total->other_files,
                total->failed_files);
}

void migrate_tell_total(struct migrate *migrate)
{
    struct migrate_total *total = &migrate->total;
    struct text out = {0};

    if (total->kind_count)
        qsort(total->kinds, total->kind_count, sizeof(*total->kinds), compare_kinds);
    if (migrate->is_json)
        add_total_json(migrate, &out);
    else
        add_total_text(migrate, &out);
    report_print(&out);
    text_free(&out);
    for (size_t i = 0; i < total->kind_count; i++)
        free(total->kinds[i].name);
    free(total->kinds);
    total->kinds = NULL;
}
