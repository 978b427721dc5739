/* SPDX-License-Identifier: MIT
 *
 * A census for programs: one object a line.
 */
#include <inttypes.h>

#include "census.h"
#include "json_out.h"

static void add_integer(struct text *out, const char *key, int64_t value)
{
    json_key(out, key);
    text_printf(out, "%" PRId64, value);
}

static void add_moment(struct text *out, const char *key, int64_t seconds)
{
    struct text moment = {0};

    moment_add(&moment, seconds);
    json_string(out, key, text_string(&moment));
    text_free(&moment);
}

static void add_moments(struct text *out, struct moments *moments)
{
    if (!moments->count)
        return;
    add_moment(out, "oldest", moments->oldest);
    add_moment(out, "newest", moments->newest);
    add_moment(out, "median", moments_median(moments));
}

static void add_protocols(struct text *out, const struct group *group)
{
    char name[2] = "0";

    json_key(out, "protocols");
    text_putc(out, '{');
    for (; name[0] < '6'; name[0]++) {
        if (group->protocols[name[0] - '0'])
            json_number(out, name, group->protocols[name[0] - '0']);
    }
    text_putc(out, '}');
}

static void add_group(struct text *out, const struct census *census, struct group *group)
{
    const bool is_other = group == &census->other_group;

    json_begin(out, group->is_record ? "type" : "pickles");
    if (!group->is_record)
        json_string(out, "input", snapjar_input_kind_name(group->input));
    if (is_other)
        json_bool(out, "is_rest", true);
    else if (group->is_record || group->type.size)
        json_text(out, "type", group->type);
    if (group->is_record && !is_other)
        add_integer(out, "schema_version", group->schema_version);
    if (group->is_record)
        json_number(out, "records", group->count);
    else if (group->type.size)
        json_number(out, "pickles", group->count);
    json_number(out, "files", group->file_count);
    add_moments(out, &group->created);
    if (group->size || group->is_record)
        json_number(out, "size", group->size);
    json_number(out, "stored_size", group->stored_size);
    add_protocols(out, group);
    if (group->is_record) {
        json_number(out, "sealed", group->sealed_count);
        json_number(out, "migrated", group->migrated_count);
        json_number(out, "stale", group->stale_count);
        if (census->options.contracts)
            json_number(out, "behind", group->behind_count);
        json_number(out, "with_layout", group->layout_count);
        json_number(out, "drifted_classes", group->drifted_count);
    }
    json_end(out);
}

static void add_writer(struct text *out, struct writer *writer, bool is_other)
{
    if (!writer->count)
        return;
    json_begin(out, "writer");
    if (is_other) {
        json_bool(out, "is_rest", true);
    } else {
        json_text(out, "tool", writer->tool);
        if (writer->app.size)
            json_text(out, "app", writer->app);
        if (writer->python.size)
            json_text(out, "python", writer->python);
    }
    json_number(out, "records", writer->count);
    json_number(out, "files", writer->file_count);
    add_moments(out, &writer->created);
    json_end(out);
}

static void add_layout(struct text *out, const struct layout *layout)
{
    snapjar_text field;

    text_puts(out, out->data[out->size - 1] == '[' ? "{" : ",{");
    json_key(out, "fields");
    text_putc(out, '[');
    for (size_t offset = 0; layout_field(layout, &offset, &field);) {
        if (out->data[out->size - 1] != '[')
            text_putc(out, ',');
        json_quoted(out, field.data, field.size);
    }
    text_putc(out, ']');
    json_number(out, "records", layout->count);
    json_number(out, "files", layout->file_count);
    add_moment(out, "oldest", layout->oldest);
    add_moment(out, "newest", layout->newest);
    json_file(out, "file", layout->first_path);
    json_number(out, "record", layout->first_record);
    text_putc(out, '}');
}

static void add_drift(struct text *out, const struct layout *layouts, size_t count)
{
    json_begin(out, "drift");
    json_text(out, "type", layouts[0].type);
    add_integer(out, "schema_version", layouts[0].schema_version);
    json_text(out, "class", layouts[0].class_name);
    json_key(out, "layouts");
    text_putc(out, '[');
    for (size_t i = 0; i < count; i++)
        add_layout(out, &layouts[i]);
    text_putc(out, ']');
    json_end(out);
}

static void add_item(struct text *out, const struct concern_item *item)
{
    text_puts(out, out->data[out->size - 1] == '[' ? "{" : ",{");
    json_file(out, "file", item->path);
    if (item->record != SNAPJAR_OFFSET_NONE)
        json_number(out, "record", item->record);
    if (item->diagnostic != SNAPJAR_DIAG_NONE)
        json_string(out, "diagnostic", snapjar_diagnostic_name(item->diagnostic));
    if (item->message[0])
        json_string(out, "message", item->message);
    text_putc(out, '}');
}

static void add_concern(struct text *out, const struct concern *concern, const struct concern_info *info)
{
    json_begin(out, "concern");
    json_string(out, "concern", info->name);
    json_bool(out, "is_failure", info->weight == 2);
    json_number(out, "count", concern->count);
    if (concern->file_count)
        json_number(out, "files", concern->file_count);
    json_key(out, "listed");
    text_putc(out, '[');
    for (size_t i = 0; i < concern->item_count; i++)
        add_item(out, &concern->items[i]);
    text_putc(out, ']');
    json_end(out);
}

static void add_ages(struct text *out, const struct census *census)
{
    json_begin(out, "ages");
    json_key(out, "rows");
    text_putc(out, '[');
    for (size_t i = 0; i < AGE_COUNT; i++) {
        text_puts(out, i ? ",{" : "{");
        if (i + 1 < AGE_COUNT)
            add_integer(out, "below_seconds", age_infos[i].limit);
        json_number(out, "records", census->age_counts[i]);
        text_putc(out, '}');
    }
    text_putc(out, ']');
    json_end(out);
}

static void add_summary(struct text *out, struct census *census)
{
    json_begin(out, "summary");
    add_moment(out, "as_of", census->options.now);
    json_string(out, "depth", census->options.policy ? "judged" : census->options.is_deep ? "verified" : "headers");
    json_number(out, "files", census->file_count);
    json_number(out, "other_files", census->other_count);
    json_number(out, "records", census->record_count);
    json_number(out, "pickles", census->pickle_count);
    json_number(out, "size", census->size);
    json_number(out, "stored_size", census->stored_size);
    json_number(out, "sealed", census->sealed_count);
    json_number(out, "migrated", census->migrated_count);
    json_number(out, "layouts_left_out", census->layouts_left_out);
    add_moments(out, &census->created);
    json_key(out, "inputs");
    text_putc(out, '{');
    for (size_t i = 0; i < INPUT_COUNT; i++) {
        if (census->inputs[i].file_count)
            json_number(out, snapjar_input_kind_name((snapjar_input_kind)i), census->inputs[i].file_count);
    }
    text_putc(out, '}');
    json_end(out);
}

void census_print_json(struct census *census)
{
    struct text out = {0};

    for (size_t i = 0; i < census->group_keys.count; i++)
        add_group(&out, census, &census->groups[i]);
    if (census->other_group.count)
        add_group(&out, census, &census->other_group);
    for (size_t i = 0; i < census->writer_keys.count; i++)
        add_writer(&out, &census->writers[i], false);
    add_writer(&out, &census->other_writer, true);
    for (size_t first = 0, count; (count = census_next_class(census, &first));) {
        if (count > 1)
            add_drift(&out, &census->layouts[first - count], count);
    }
    if (census->record_count)
        add_ages(&out, census);
    for (size_t i = 0; i < CONCERN_COUNT; i++) {
        if (census->concerns[i].count)
            add_concern(&out, &census->concerns[i], &concern_infos[i]);
    }
    add_summary(&out, census);
    report_print(&out);
    text_free(&out);
}
