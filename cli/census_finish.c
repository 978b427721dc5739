/* SPDX-License-Identifier: MIT
 *
 * Making sense of a census that is complete: what drifted, and the order of the rows.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"

static int compare_texts(snapjar_text a, snapjar_text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Of one class in one group the layout that most records have comes first. */
static int compare_layouts(const void *left, const void *right)
{
    const struct layout *a = left;
    const struct layout *b = right;
    int order = compare_texts(a->type, b->type);

    order = order ? order : (a->schema_version > b->schema_version) - (a->schema_version < b->schema_version);
    order = order ? order : compare_texts(a->class_name, b->class_name);
    order = order ? order : (a->count < b->count) - (a->count > b->count);
    return order ? order : compare_texts(a->fields, b->fields);
}

size_t census_next_class(const struct census *census, size_t *first)
{
    const struct layout *layouts = census->layouts;
    const size_t begin = *first;
    size_t end = begin;

    assert(layouts || begin == census->layout_keys.count);
    while (end < census->layout_keys.count && layouts[end].group == layouts[begin].group &&
           !compare_texts(layouts[end].class_name, layouts[begin].class_name))
        end++;
    *first = end;
    return end - begin;
}

bool layout_field(const struct layout *layout, size_t *offset, snapjar_text *field)
{
    uint32_t size;

    if (*offset >= layout->fields.size)
        return false;
    memcpy(&size, layout->fields.data + *offset, sizeof(size));
    *field = (snapjar_text){layout->fields.data + *offset + sizeof(size), size};
    *offset += sizeof(size) + size;
    return true;
}

/* Of a class with several layouts, all but the most frequent one are named. */
static void note_drift(struct census *census, const struct layout *layouts, size_t count)
{
    struct concern *concern = &census->concerns[CONCERN_DRIFTED];

    if (count < 2)
        return;
    concern->count++;
    census->groups[layouts[0].group].drifted_count++;
    for (size_t i = 1; i < count; i++) {
        struct text message = {0};
        text_escape(&message, layouts[i].class_name.data, layouts[i].class_name.size);
        text_printf(&message, " has other fields than in most records of schema version %lld",
                    (long long)layouts[i].schema_version);
        census_name_item(census, concern, layouts[i].first_path, layouts[i].first_record, SNAPJAR_DIAG_LAYOUT_DIFFERS,
                         message.data, message.size);
        text_free(&message);
    }
}

static int compare_groups(const void *left, const void *right)
{
    const struct group *a = left;
    const struct group *b = right;
    int order = b->is_record - a->is_record;

    order = order ? order : a->is_record ? 0 : (a->input > b->input) - (a->input < b->input);
    order = order ? order : compare_texts(a->type, b->type);
    return order ? order : (a->schema_version > b->schema_version) - (a->schema_version < b->schema_version);
}

static int compare_writers(const void *left, const void *right)
{
    const struct writer *a = left;
    const struct writer *b = right;
    int order = (a->count < b->count) - (a->count > b->count);

    order = order ? order : compare_texts(a->app, b->app);
    order = order ? order : compare_texts(a->tool, b->tool);
    return order ? order : compare_texts(a->python, b->python);
}

void census_finish(struct census *census, const struct batch *batch)
{
    census->other_count = batch->other_count;
    if (census->layouts)
        qsort(census->layouts, census->layout_keys.count, sizeof(*census->layouts), compare_layouts);
    for (size_t first = 0, count; (count = census_next_class(census, &first));)
        note_drift(census, &census->layouts[first - count], count);
    if (census->concerns[CONCERN_DRIFTED].count)
        report_raise(&batch->cli->report, EXIT_NO);
    /* Layouts have found their groups by number: these are sorted last. */
    if (census->groups)
        qsort(census->groups, census->group_keys.count, sizeof(*census->groups), compare_groups);
    if (census->writers)
        qsort(census->writers, census->writer_keys.count, sizeof(*census->writers), compare_writers);
}

void census_free(struct census *census)
{
    for (size_t i = 0; i < census->group_keys.count; i++)
        moments_free(&census->groups[i].created);
    for (size_t i = 0; i < census->writer_keys.count; i++)
        moments_free(&census->writers[i].created);
    for (size_t i = 0; i < census->layout_keys.count; i++)
        free(census->layouts[i].first_path);
    for (size_t i = 0; i < CONCERN_COUNT; i++) {
        for (size_t j = 0; j < census->concerns[i].item_count; j++) {
            free(census->concerns[i].items[j].path);
            free(census->concerns[i].items[j].message);
        }
        free(census->concerns[i].items);
    }
    moments_free(&census->other_group.created);
    moments_free(&census->other_writer.created);
    moments_free(&census->created);
    free(census->groups);
    free(census->writers);
    free(census->layouts);
    tally_free(&census->group_keys);
    tally_free(&census->writer_keys);
    tally_free(&census->layout_keys);
    *census = (struct census){0};
}
