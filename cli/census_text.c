/* SPDX-License-Identifier: MIT
 *
 * A census as tables, for people.
 */
#include <inttypes.h>
#include <string.h>

#include "census.h"
#include "table.h"
#include "terminal.h"

static const struct table_column type_columns[] = {
    {.title = "TYPE", .may_cut = true},
    {.title = "SCHEMA", .is_right = true},
    {.title = "RECORDS", .is_right = true},
    {.title = "FILES", .is_right = true, .rank = 5},
    {.title = "OLDEST", .rank = 2},
    {.title = "NEWEST"},
    {.title = "MEDIAN AGE", .rank = 4},
    {.title = "SIZE", .is_right = true},
    {.title = "STORED", .is_right = true, .rank = 3},
    {.title = "RATIO", .is_right = true, .rank = 6},
    {.title = "NOTES", .rank = 1},
};

static const struct table_column writer_columns[] = {
    {.title = "TOOL", .may_cut = true},
    {.title = "APP", .may_cut = true},
    {.title = "PYTHON", .may_cut = true},
    {.title = "RECORDS", .is_right = true},
    {.title = "FILES", .is_right = true, .rank = 2},
    {.title = "OLDEST", .rank = 1},
    {.title = "NEWEST"},
};

static const struct table_column bare_columns[] = {
    {.title = "KIND"},
    {.title = "TYPE", .may_cut = true},
    {.title = "PROTOCOL"},
    {.title = "FILES", .is_right = true},
    {.title = "PICKLES", .is_right = true},
    {.title = "OLDEST", .rank = 1},
    {.title = "NEWEST"},
    {.title = "SIZE", .is_right = true},
};

static const struct table_column layout_columns[] = {
    {.title = "TYPE", .may_cut = true},  {.title = "SCHEMA", .is_right = true},
    {.title = "CLASS", .may_cut = true}, {.title = "RECORDS", .is_right = true},
    {.title = "NEWEST", .rank = 1},      {.title = "FIELDS", .may_wrap = true},
};

static const struct table_column age_columns[] = {
    {.title = "AGE"},
    {.title = "RECORDS", .is_right = true},
    {.title = "SHARE"},
};

#define NEW_TABLE(columns) table_new(columns, sizeof(columns) / sizeof((columns)[0]))
#define BAR_WIDTH 30

static void add_number(struct table *table, uint64_t number)
{
    text_number(table_cell(table), number);
}

static void add_text(struct table *table, snapjar_text text)
{
    struct text *cell = table_cell(table);

    if (text.size)
        text_escape(cell, text.data, text.size);
    else
        text_putc(cell, '-');
}

static void add_day(struct table *table, const struct moments *moments, int64_t moment)
{
    struct text *cell = table_cell(table);

    if (moments->count)
        moment_add_day(cell, moment);
    else
        text_putc(cell, '-');
}

static void print_title(const struct cli *cli, const char *title)
{
    struct text out = {0};
    bool has_colour = cli->report.stdout_has_colour;

    text_putc(&out, '\n');
    terminal_begin(&out, has_colour, STYLE_BOLD);
    text_puts(&out, title);
    terminal_end(&out, has_colour, STYLE_BOLD);
    text_putc(&out, '\n');
    report_print(&out);
    text_free(&out);
}

static void finish_table(const struct cli *cli, struct table *table, const char *title, bool has_rows)
{
    if (has_rows) {
        print_title(cli, title);
        table_print(table);
    }
    table_free(table);
}

/* ---- types ---- */

static void add_note(struct text *out, uint64_t count, uint64_t all, const char *what)
{
    if (!count)
        return;
    if (out->size && out->data[out->size - 1] != '\0')
        text_puts(out, ", ");
    if (count != all)
        text_printf(out, "%" PRIu64 " ", count);
    text_puts(out, what);
}

static void add_notes(struct table *table, const struct group *group)
{
    struct text notes = {0};

    if (group->drifted_count)
        text_puts(&notes, "drifted");
    add_note(&notes, group->behind_count, group->count, "behind");
    add_note(&notes, group->stale_count, group->count, "stale");
    add_note(&notes, group->migrated_count, group->count, "migrated");
    add_note(&notes, group->sealed_count, group->count, "sealed");
    text_puts(table_cell(table), notes.size ? notes.data : "-");
    text_free(&notes);
}

static void add_group(struct table *table, const struct census *census, struct group *group, bool shows_type)
{
    struct text *cell;

    if (group == &census->other_group)
        text_printf(table_cell(table), "(other types)");
    else if (shows_type)
        add_text(table, group->type);
    else
        text_puts(table_cell(table), "");
    cell = table_cell(table);
    if (group == &census->other_group)
        text_putc(cell, '-');
    else
        text_printf(cell, "%" PRId64, group->schema_version);
    add_number(table, group->count);
    add_number(table, group->file_count);
    add_day(table, &group->created, group->created.oldest);
    add_day(table, &group->created, group->created.newest);
    duration_add(table_cell(table), census->options.now - moments_median(&group->created));
    text_size(table_cell(table), group->size);
    text_size(table_cell(table), group->stored_size);
    text_printf(table_cell(table), "%.2f", group->stored_size ? (double)group->size / (double)group->stored_size : 0.0);
    add_notes(table, group);
}

static bool is_same_type(const struct group *a, const struct group *b)
{
    return a->type.size == b->type.size && !memcmp(a->type.data, b->type.data, a->type.size);
}

static void print_types(const struct cli *cli, struct census *census)
{
    struct table *table = NEW_TABLE(type_columns);

    for (size_t i = 0; i < census->group_keys.count && census->groups[i].is_record; i++)
        add_group(table, census, &census->groups[i], !i || !is_same_type(&census->groups[i - 1], &census->groups[i]));
    if (census->other_group.count)
        add_group(table, census, &census->other_group, true);
    finish_table(cli, table, "Types and schema versions", census->record_count > 0);
}

/* ---- writers ---- */

static void print_writers(const struct cli *cli, const struct census *census)
{
    struct table *table = NEW_TABLE(writer_columns);

    for (size_t i = 0; i <= census->writer_keys.count; i++) {
        const bool is_other = i == census->writer_keys.count;
        const struct writer *writer = is_other ? &census->other_writer : &census->writers[i];
        if (!writer->count)
            continue;
        if (is_other)
            text_puts(table_cell(table), "(other writers)");
        else
            add_text(table, writer->tool);
        add_text(table, writer->app);
        add_text(table, writer->python);
        add_number(table, writer->count);
        add_number(table, writer->file_count);
        add_day(table, &writer->created, writer->created.oldest);
        add_day(table, &writer->created, writer->created.newest);
    }
    finish_table(cli, table, "Writers", census->record_count > 0);
}

/* ---- pickles in no jar ---- */

static void add_protocols(struct text *out, const struct group *group)
{
    const char *comma = "";

    for (int i = 0; i < 6; i++) {
        if (!group->protocols[i])
            continue;
        text_printf(out, "%s%d", comma, i);
        comma = ", ";
    }
    if (!*comma)
        text_putc(out, '-');
}

static void print_bare(const struct cli *cli, const struct census *census)
{
    struct table *table = NEW_TABLE(bare_columns);
    bool has_rows = false;

    for (size_t i = 0; i < census->group_keys.count; i++) {
        const struct group *group = &census->groups[i];
        if (group->is_record)
            continue;
        has_rows = true;
        text_puts(table_cell(table),
                  group->input == SNAPJAR_INPUT_PICKLE ? "bare" : snapjar_input_kind_name(group->input));
        add_text(table, group->type);
        add_protocols(table_cell(table), group);
        add_number(table, group->file_count);
        /* Of a file of which only the start was looked at nobody knows how many there are. */
        if (group->type.size)
            add_number(table, group->count);
        else
            text_putc(table_cell(table), '-');
        add_day(table, &group->created, group->created.oldest);
        add_day(table, &group->created, group->created.newest);
        text_size(table_cell(table), group->stored_size);
    }
    finish_table(cli, table, "In no jar", has_rows);
}

/* ---- ages ---- */

static void print_ages(const struct cli *cli, const struct census *census)
{
    struct table *table = NEW_TABLE(age_columns);
    uint64_t most = 1;
    size_t first = AGE_COUNT;
    size_t end = 0;

    for (size_t i = 0; i < AGE_COUNT; i++) {
        most = census->age_counts[i] > most ? census->age_counts[i] : most;
        if (!census->age_counts[i])
            continue;
        first = first < i ? first : i;
        end = i + 1;
    }
    for (size_t i = first; i < end; i++) {
        text_puts(table_cell(table), age_infos[i].name);
        add_number(table, census->age_counts[i]);
        double share = (double)census->age_counts[i] / (double)most;
        size_t width = (size_t)(share * BAR_WIDTH + 0.5);
        text_repeat(table_cell(table), '#', census->age_counts[i] && !width ? 1 : width);
    }
    finish_table(cli, table, "Ages", census->record_count > 0);
}

/* ---- layouts ---- */

static void add_fields(struct text *out, const struct layout *layout)
{
    snapjar_text field;
    const char *comma = "";

    for (size_t offset = 0; layout_field(layout, &offset, &field); comma = ", ") {
        text_puts(out, comma);
        text_escape(out, field.data, field.size);
    }
}

static void print_layouts(const struct cli *cli, const struct census *census)
{
    struct table *table = NEW_TABLE(layout_columns);
    bool has_rows = false;

    for (size_t first = 0, count; (count = census_next_class(census, &first));) {
        for (size_t i = first - count; count > 1 && i < first; i++) {
            const struct layout *layout = &census->layouts[i];
            has_rows = true;
            add_text(table, layout->type);
            text_printf(table_cell(table), "%" PRId64, layout->schema_version);
            add_text(table, layout->class_name);
            add_number(table, layout->count);
            moment_add_day(table_cell(table), layout->newest);
            add_fields(table_cell(table), layout);
        }
    }
    finish_table(cli, table, "Drifted: one schema version, several layouts", has_rows);
}

/* ---- what needs attention ---- */

static void add_item(struct text *out, const struct concern_item *item)
{
    text_puts(out, "    ");
    text_escape_string(out, item->path);
    if (item->message[0] && item->record != SNAPJAR_OFFSET_NONE)
        text_printf(out, ": record %" PRIu64, item->record);
    if (item->message[0])
        text_printf(out, ": %s", item->message);
    text_putc(out, '\n');
}

static void add_concern(struct text *out, const struct cli *cli, const struct concern *concern,
                        const struct concern_info *info)
{
    enum terminal_style style = info->weight == 2 ? STYLE_BAD : info->weight == 1 ? STYLE_CHANGED : STYLE_PLAIN;

    text_puts(out, "  ");
    terminal_begin(out, cli->report.stdout_has_colour, style);
    text_puts(out, info->title);
    terminal_end(out, cli->report.stdout_has_colour, style);
    text_puts(out, ": ");
    if (concern->file_count)
        text_printf(out, "%" PRIu64 " file%s", concern->file_count, concern->file_count == 1 ? "" : "s");
    else
        text_printf(out, "%" PRIu64 " class%s", concern->count, concern->count == 1 ? "" : "es");
    text_puts(out, ". ");
    size_t line = out->size;
    while (line && out->data[line - 1] != '\n')
        line--;
    text_wrap(out, info->advice, out->size - line, 4, 100);
    text_putc(out, '\n');
}

static void print_concerns(struct cli *cli, const struct census *census)
{
    struct text out = {0};

    for (size_t i = 0; i < CONCERN_COUNT; i++) {
        const struct concern *concern = &census->concerns[i];
        if (!concern->count)
            continue;
        add_concern(&out, cli, concern, &concern_infos[i]);
        /* Remarks are numbers only. */
        if (!concern_infos[i].weight)
            continue;
        for (size_t j = 0; j < concern->item_count; j++)
            add_item(&out, &concern->items[j]);
        if (concern->item_count && concern->item_count < concern->file_count)
            text_printf(&out, "    and %" PRIu64 " more\n", concern->file_count - concern->item_count);
    }
    if (out.size)
        print_title(cli, "Attention");
    report_print(&out);
    text_free(&out);
}

static void add_count(struct text *out, uint64_t count, const char *what)
{
    text_printf(out, "%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
}

void census_print_summary(const struct census *census)
{
    struct text out = {0};

    add_count(&out, census->file_count, "file");
    text_puts(&out, ", ");
    add_count(&out, census->record_count, "record");
    if (census->record_count) {
        text_puts(&out, ": ");
        text_size(&out, census->size);
        text_puts(&out, " stored as ");
        text_size(&out, census->stored_size);
    }
    if (census->pickle_count) {
        text_puts(&out, "; ");
        text_printf(&out, "%" PRIu64 " file%s in no jar", census->concerns[CONCERN_BARE].file_count,
                    census->concerns[CONCERN_BARE].file_count == 1 ? "" : "s");
    }
    if (census->other_count) {
        text_puts(&out, "; ");
        add_count(&out, census->other_count, "other file");
    }
    text_puts(&out, census->options.policy    ? "; all was read and judged\n"
                    : census->options.is_deep ? "; all was read and checked\n"
                                              : "; headers only\n");
    report_print(&out);
    text_free(&out);
}

void census_print_text(struct cli *cli, struct census *census)
{
    census_print_summary(census);
    print_types(cli, census);
    print_writers(cli, census);
    print_bare(cli, census);
    print_ages(cli, census);
    print_layouts(cli, census);
    print_concerns(cli, census);
}
