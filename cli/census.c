/* SPDX-License-Identifier: MIT
 *
 * Taking in what workers saw, and making sense of it.
 */
#include "census.h"

#include <stdlib.h>
#include <string.h>

/* Layouts that are kept, and bytes of their names: beyond that they are counted only. */
#define LAYOUT_MAX 65536
#define LAYOUT_SIZE_MAX ((size_t)64 << 20)
/* Bytes of the keys of other rows. */
#define KEY_SIZE_MAX ((size_t)64 << 20)

const struct concern_info concern_infos[CONCERN_COUNT] = {
    [CONCERN_DAMAGED] = {"damaged", "damaged",
                         "The bytes are not those that were written. Restore the file from a copy, or save its whole "
                         "records with `snapjar recover`.",
                         2},
    [CONCERN_CUT_SHORT] =
        {"cut-short", "cut short",
         "The file ends too early. If nobody is writing it, save its whole records with `snapjar recover`.", 2},
    [CONCERN_NO_SNAPSHOT] = {"no-snapshot", "no snapshot", "The file is called *.snapjar and does not begin as one.",
                             2},
    [CONCERN_UNSUPPORTED] = {"unsupported", "unsupported",
                             "Written by newer software, or of a kind that is not supported: update snapjar.", 2},
    [CONCERN_MALFORMED] = {"malformed", "malformed",
                           "No Python could load the pickle, although its bytes are those that were stored.", 2},
    [CONCERN_NOT_ANALYSED] = {"not-analysed", "not analysed",
                              "It could not be read, or is over a limit. Nothing is known about it.", 2},
    [CONCERN_BAD_SEAL] =
        {"bad-seal", "not sealed as demanded",
         "There is no seal by a trusted key that may seal this type: do not load it before you know who made it.", 2},
    [CONCERN_DENIED] =
        {"denied", "denied by the policy",
         "The pickle does what the policy does not allow: do not load it. `snapjar scan` says all of it.", 2},
    [CONCERN_ODD] = {"odd", "odd", "No pickler writes such a pickle: do not load it before you know who made it.", 1},
    [CONCERN_OFF_CONTRACT] = {"off-contract", "not as the contract says",
                              "Fields or values are not as the contract describes this schema version: the class "
                              "changed and its version did not.",
                              2},
    [CONCERN_UNKNOWN_VERSION] = {"unknown-version", "of an unknown version",
                                 "The contract has no way from this schema version to its own.", 2},
    [CONCERN_DRIFTED] = {"drifted", "drifted",
                         "A class has other fields in other records of the same schema version. Raise the schema "
                         "version when fields change.",
                         2},
    [CONCERN_BEHIND] =
        {"behind", "behind the contract",
         "Of an older schema version, from which migrations lead on: `snapjar migrate` does it for good.", 2},
    [CONCERN_STALE] = {"stale", "stale", "Older than --stale-after.", 2},
    [CONCERN_FUTURE] = {"future", "made in the future",
                        "Created after the time of this report: a clock was or is wrong.", 1},
    [CONCERN_UNSEALED] = {"unsealed", "not sealed",
                          "Nothing but checksums speaks for these records: whoever can write the file can make others.",
                          0},
    [CONCERN_NO_CONTRACT] = {"no-contract", "without a contract", "No contract was given for their type.", 0},
    [CONCERN_BARE] = {"bare", "in no jar",
                      "Bare or compressed pickles: no version, no checksum, no date. `snapjar pack` wraps them.", 1},
    [CONCERN_UNOPENED] = {"not-opened", "not looked into",
                          "Compressed files: what is in them is known only with --verify.", 0},
    [CONCERN_LEFTOVER] = {"left-behind", "left behind",
                          "Temporary files of an interrupted write, or tails that a repair cut off.", 0},
};

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

const struct age_info age_infos[AGE_COUNT] = {
    {HOUR, "under 1 hour"},          {DAY, "under 1 day"},         {7 * DAY, "under 1 week"},
    {30 * DAY, "under 1 month"},     {90 * DAY, "under 3 months"}, {182 * DAY, "under 6 months"},
    {365 * DAY, "under 1 year"},     {730 * DAY, "under 2 years"}, {1825 * DAY, "under 5 years"},
    {INT64_MAX, "5 years and more"},
};

void census_init(struct census *census, const struct census_options *options)
{
    *census = (struct census){.options = *options};
    census->group_keys = tally_new(options->row_max, KEY_SIZE_MAX);
    census->writer_keys = tally_new(options->row_max, KEY_SIZE_MAX);
    census->layout_keys = tally_new(LAYOUT_MAX, LAYOUT_SIZE_MAX);
    census->other_group.is_record = true;
}

/* ---- taking in ---- */

/* A reader of packed sightings. */
struct unpacking {
    const char *next;
    const char *end;
    struct sighting sighting;
    snapjar_text texts[SEEN_COUNT];
    snapjar_text layout;
};

static snapjar_text take_bytes(struct unpacking *from, size_t size)
{
    snapjar_text taken = {from->next, size};
    from->next += size;
    return taken;
}

static bool unpack(struct unpacking *from)
{
    if (from->next == from->end)
        return false;
    memcpy(&from->sighting, from->next, sizeof(from->sighting));
    from->next += sizeof(from->sighting);
    for (size_t i = 0; i < SEEN_COUNT; i++)
        from->texts[i] = take_bytes(from, from->sighting.text_sizes[i]);
    from->layout = take_bytes(from, from->sighting.layout_size);
    return true;
}

/* Counts this file, unless it was counted. */
static void count_file(const struct census *census, uint64_t *file_count, uint64_t *last_file)
{
    if (*last_file == census->file_number)
        return;
    *last_file = census->file_number;
    ++*file_count;
}

void census_name_item(const struct census *census, struct concern *concern, const char *path, uint64_t record,
                      snapjar_diagnostic diagnostic, const char *message, size_t message_size)
{
    if (concern->item_count >= census->options.list_max)
        return;
    concern->items = array_grown(concern->items, concern->item_count, sizeof(*concern->items));
    struct concern_item *item = &concern->items[concern->item_count++];
    *item = (struct concern_item){memory_string(path), record, diagnostic, memory_get(message_size + 1)};
    if (message_size)
        memcpy(item->message, message, message_size);
}

static void note_concern(struct census *census, enum concern_kind kind, const char *path, uint64_t record,
                         snapjar_diagnostic diagnostic, const char *message, size_t message_size)
{
    static const unsigned once = 1u << CONCERN_BAD_SEAL | 1u << CONCERN_STALE | 1u << CONCERN_BEHIND |
                                 1u << CONCERN_NO_CONTRACT | 1u << CONCERN_FUTURE | 1u << CONCERN_UNSEALED |
                                 1u << CONCERN_BARE;
    struct concern *concern = &census->concerns[kind];
    const uint64_t files = concern->file_count;

    concern->count++;
    count_file(census, &concern->file_count, &concern->last_file);
    /* Where all records of a file are likely to have it, the file is named once. */
    if (files != concern->file_count || !(once >> kind & 1))
        census_name_item(census, concern, path, record, diagnostic, message, message_size);
}

static struct group *find_group(struct census *census, const struct unpacking *seen)
{
    const struct sighting *sighting = &seen->sighting;
    const bool is_record = sighting->kind == SIGHTING_RECORD;
    struct text key = {0};

    /* Records are in jars, whatever the jar is in. */
    const int64_t numbers[] = {is_record, is_record ? 0 : (int64_t)sighting->input, sighting->schema_version};
    text_add(&key, (const char *)numbers, sizeof(numbers));
    text_add(&key, seen->texts[SEEN_TYPE].data, seen->texts[SEEN_TYPE].size);
    size_t known = census->group_keys.count;
    size_t number = tally_add(&census->group_keys, key.data, key.size);
    text_free(&key);
    if (number == TALLY_NONE)
        return &census->other_group;
    if (number == known) {
        struct tally_key kept = census->group_keys.keys[number];
        census->groups = array_grown(census->groups, number, sizeof(*census->groups));
        census->groups[number] = (struct group){.type = {kept.data + sizeof(numbers), kept.size - sizeof(numbers)},
                                                .input = sighting->input,
                                                .is_record = is_record,
                                                .schema_version = sighting->schema_version};
    }
    return &census->groups[number];
}

static struct writer *find_writer(struct census *census, const struct unpacking *seen)
{
    struct text key = {0};
    uint32_t sizes[2] = {(uint32_t)seen->texts[SEEN_TOOL].size, (uint32_t)seen->texts[SEEN_APP].size};

    text_add(&key, (const char *)sizes, sizeof(sizes));
    for (size_t i = SEEN_TOOL; i <= SEEN_PYTHON; i++)
        text_add(&key, seen->texts[i].data, seen->texts[i].size);
    size_t known = census->writer_keys.count;
    size_t number = tally_add(&census->writer_keys, key.data, key.size);
    text_free(&key);
    if (number == TALLY_NONE)
        return &census->other_writer;
    if (number == known) {
        struct unpacking kept = {.next = census->writer_keys.keys[number].data + sizeof(sizes)};
        census->writers = array_grown(census->writers, number, sizeof(*census->writers));
        struct writer *writer = &census->writers[number];
        *writer = (struct writer){0};
        writer->tool = take_bytes(&kept, seen->texts[SEEN_TOOL].size);
        writer->app = take_bytes(&kept, seen->texts[SEEN_APP].size);
        writer->python = take_bytes(&kept, seen->texts[SEEN_PYTHON].size);
    }
    return &census->writers[number];
}

static void take_class(struct census *census, size_t group, snapjar_text class_name, snapjar_text fields,
                       const char *path, const struct sighting *sighting)
{
    struct text key = {0};
    const uint64_t numbers[] = {group, class_name.size};

    text_add(&key, (const char *)numbers, sizeof(numbers));
    text_add(&key, class_name.data, class_name.size);
    text_add(&key, fields.data, fields.size);
    size_t known = census->layout_keys.count;
    size_t number = tally_add(&census->layout_keys, key.data, key.size);
    text_free(&key);
    if (number == TALLY_NONE) {
        census->layouts_left_out++;
        return;
    }
    if (number == known) {
        struct unpacking kept = {.next = census->layout_keys.keys[number].data + sizeof(numbers)};
        census->layouts = array_grown(census->layouts, number, sizeof(*census->layouts));
        struct layout *layout = &census->layouts[number];
        *layout = (struct layout){.group = group,
                                  .type = census->groups[group].type,
                                  .schema_version = census->groups[group].schema_version,
                                  .oldest = sighting->created,
                                  .newest = sighting->created,
                                  .first_path = memory_string(path),
                                  .first_record = sighting->record};
        layout->class_name = take_bytes(&kept, class_name.size);
        layout->fields = take_bytes(&kept, fields.size);
    }
    struct layout *layout = &census->layouts[number];
    layout->count++;
    count_file(census, &layout->file_count, &layout->last_file);
    layout->oldest = sighting->created < layout->oldest ? sighting->created : layout->oldest;
    layout->newest = sighting->created > layout->newest ? sighting->created : layout->newest;
}

static void take_layout(struct census *census, const struct group *group, const struct unpacking *seen,
                        const char *path)
{
    const char *next = seen->layout.data;
    const char *end = next + seen->layout.size;
    uint32_t sizes[2];

    if (group == &census->other_group) {
        census->layouts_left_out++;
        return;
    }
    while (next < end) {
        memcpy(sizes, next, sizeof(sizes));
        snapjar_text class_name = {next + sizeof(sizes), sizes[0]};
        snapjar_text fields = {class_name.data + sizes[0], sizes[1]};
        take_class(census, (size_t)(group - census->groups), class_name, fields, path, &seen->sighting);
        next = fields.data + fields.size;
    }
}

static void note(struct census *census, enum concern_kind kind, const char *path, const struct sighting *sighting)
{
    note_concern(census, kind, path, sighting->record, SNAPJAR_DIAG_NONE, "", 0);
}

static void note_time(struct census *census, enum concern_kind kind, const char *path, const struct sighting *sighting)
{
    struct text message = {0};

    text_puts(&message, "created ");
    moment_add(&message, sighting->created);
    note_concern(census, kind, path, sighting->record, SNAPJAR_DIAG_NONE, message.data, message.size);
    text_free(&message);
}

static void take_age(struct census *census, struct group *group, const char *path, const struct sighting *sighting)
{
    const int64_t age = census->options.now - sighting->created;
    size_t row = 0;

    while (age >= age_infos[row].limit)
        row++;
    census->age_counts[row]++;
    moments_add(&census->created, sighting->created);
    if (age < 0)
        note_time(census, CONCERN_FUTURE, path, sighting);
    if (census->options.stale_after < 0 || age <= census->options.stale_after)
        return;
    group->stale_count++;
    note_time(census, CONCERN_STALE, path, sighting);
}

static void take_record(struct census *census, const struct unpacking *seen, const char *path)
{
    const struct sighting *sighting = &seen->sighting;
    struct group *group = find_group(census, seen);
    struct writer *writer = find_writer(census, seen);

    group->count++;
    count_file(census, &group->file_count, &group->last_file);
    group->size += sighting->size;
    group->stored_size += sighting->stored_size;
    group->sealed_count += sighting->is_sealed;
    group->migrated_count += sighting->is_migrated;
    group->behind_count += sighting->is_behind;
    group->layout_count += sighting->layout_size > 0;
    if (sighting->protocol >= 0 && sighting->protocol < 6)
        group->protocols[sighting->protocol]++;
    moments_add(&group->created, sighting->created);
    if (sighting->kind == SIGHTING_PICKLE) {
        census->pickle_count++;
        note(census, CONCERN_BARE, path, sighting);
        return;
    }
    writer->count++;
    count_file(census, &writer->file_count, &writer->last_file);
    moments_add(&writer->created, sighting->created);
    census->record_count++;
    census->size += sighting->size;
    census->stored_size += sighting->stored_size;
    census->sealed_count += sighting->is_sealed;
    census->migrated_count += sighting->is_migrated;
    census->layout_count += sighting->layout_size > 0;
    if (!sighting->is_sealed)
        note(census, CONCERN_UNSEALED, path, sighting);
    take_age(census, group, path, sighting);
    take_layout(census, group, seen, path);
}

void census_take(struct batch *batch, const char *path, struct outcome *outcome)
{
    struct census *census = batch->state;
    struct unpacking seen = {.next = text_string(&outcome->out)};
    bool is_counted = false;

    seen.end = seen.next + outcome->out.size;
    census->file_count++;
    census->file_number++;
    while (unpack(&seen)) {
        if (seen.sighting.kind == SIGHTING_CONCERN) {
            note_concern(census, seen.sighting.concern, path, seen.sighting.record, seen.sighting.diagnostic,
                         seen.texts[SEEN_TYPE].data, seen.texts[SEEN_TYPE].size);
            continue;
        }
        struct input_count *input = &census->inputs[seen.sighting.input];
        input->file_count += !is_counted;
        input->size += seen.sighting.stored_size;
        is_counted = true;
        take_record(census, &seen, path);
    }
}

void census_leave_out(struct batch *batch, const char *path)
{
    struct census *census = batch->state;

    census->file_number++;
    note_concern(census, CONCERN_LEFTOVER, path, SNAPJAR_OFFSET_NONE, SNAPJAR_DIAG_NONE, "", 0);
}
