/* SPDX-License-Identifier: MIT
 *
 * Putting changes into words, and adding up the fields that classes got or lost.
 */
#include <stdlib.h>
#include <string.h>

#include "pickle/diff.h"

#define PATH_SIZE 2048
#define VALUE_SIZE 256
#define VALUE_TEXT_MAX 60
#define KEY_TEXT_MAX 60
/** Characters that two texts have in common, shown before those that differ. */
#define CONTEXT 10
/** Labels at the end of a long path, and at its beginning. */
#define LABELS_LAST 24
#define LABELS_FIRST 8
/** Rows of fields that are kept; beyond them fields are told one by one. */
#define LAYOUTS_MAX 512
/** Pairs of classes that are looked at; beyond them each object is told to be of another type. */
#define RENAMES_MAX 512
/** Classes of which objects are counted. */
#define CLASSES_MAX 1024

const char *snapjar_change_name(snapjar_change_kind kind)
{
    static const char *const names[] = {"value", "type", "added", "removed", "copied", "shared"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

/* ---- paths ---- */

static void put_label(const sj_diff *diff, sj_out *out, const sj_pair *pair)
{
    const snapjar_graph *graph = diff->graphs[pair->key_is_after ? SJ_AFTER : SJ_BEFORE];
    const sj_ref value = pair->refs[pair->key_is_after ? SJ_AFTER : SJ_BEFORE];
    const sj_step step = {(sj_step_kind)pair->kind, pair->index, pair->key, value};
    if (pair->kind != UINT8_MAX)
        sj_view_label(out, graph, &step, KEY_TEXT_MAX);
}

/** From the root to the pair, which may be NULL, or the same as the last frame's. */
static void put_path(const sj_diff *diff, const sj_pair *pair, char path[PATH_SIZE])
{
    sj_out out;
    sj_out_to_text(&out, path, PATH_SIZE, diff->options.is_unicode);
    for (size_t i = 0; i < diff->depth; i++) {
        if (diff->depth > LABELS_FIRST + LABELS_LAST && i == LABELS_FIRST) {
            i = diff->depth - LABELS_LAST;
            sj_out_text(&out, "...");
        }
        put_label(diff, &out, &diff->frames[i].pair);
    }
    if (pair != NULL)
        put_label(diff, &out, pair);
    (void)sj_out_end(&out);
}

static void put_value(const sj_diff *diff, int side, sj_ref ref, char value[VALUE_SIZE])
{
    sj_out out;
    sj_out_to_text(&out, value, VALUE_SIZE, diff->options.is_unicode);
    if (ref != 0)
        sj_picture_short(&out, diff->graphs[side], ref, VALUE_TEXT_MAX);
    (void)sj_out_end(&out);
}

/* ---- changes of values ---- */

static uint64_t offset_of(const snapjar_graph *graph, sj_ref ref)
{
    return ref == 0 ? SNAPJAR_OFFSET_NONE : sj_graph_offset(graph, ref);
}

/** Of two texts that look the same because they are cut, what is shown begins a little before they differ. */
static void put_difference(const sj_diff *diff, const sj_pair *pair, char values[2][VALUE_SIZE])
{
    const uint64_t common = sj_diff_common(diff, pair->refs[SJ_BEFORE], pair->refs[SJ_AFTER]);
    if (strcmp(values[SJ_BEFORE], values[SJ_AFTER]) != 0 || common < CONTEXT)
        return;
    for (int side = 0; side < 2; side++) {
        sj_out out;
        sj_out_to_text(&out, values[side], VALUE_SIZE, diff->options.is_unicode);
        sj_picture_part(&out, diff->graphs[side], pair->refs[side], common - CONTEXT, VALUE_TEXT_MAX);
        (void)sj_out_end(&out);
    }
}

snapjar_status sj_diff_tell(sj_diff *diff, snapjar_change_kind kind, const sj_pair *pair)
{
    char path[PATH_SIZE];
    char values[2][VALUE_SIZE];
    const uint64_t told = diff->summary.change_count++;
    if (diff->options.take_change == NULL || told >= diff->options.change_count_max)
        return SNAPJAR_OK;
    put_path(diff, pair, path);
    for (int side = 0; side < 2; side++)
        put_value(diff, side, pair->refs[side], values[side]);
    if (kind == SNAPJAR_CHANGE_VALUE)
        put_difference(diff, pair, values);
    const snapjar_change change = {
        .kind = kind,
        .path = path,
        .before = values[SJ_BEFORE],
        .after = values[SJ_AFTER],
        .before_offset = offset_of(diff->graphs[SJ_BEFORE], pair->refs[SJ_BEFORE]),
        .after_offset = offset_of(diff->graphs[SJ_AFTER], pair->refs[SJ_AFTER]),
    };
    return diff->options.take_change(diff->options.state, &change, diff->err);
}

/* ---- changes of classes ---- */

static sj_class_row *find_class(sj_diff *diff, uint32_t hash)
{
    for (size_t i = diff->class_count; i > 0; i--) {
        if (diff->classes[i - 1].hash == hash)
            return &diff->classes[i - 1];
    }
    return NULL;
}

snapjar_status sj_diff_count_object(sj_diff *diff, uint32_t class_hash)
{
    sj_class_row *row = find_class(diff, class_hash);
    if (row == NULL && diff->class_count == CLASSES_MAX)
        return SNAPJAR_OK;
    if (row == NULL) {
        SJ_TRY(sj_diff_grow(diff, &diff->classes, sizeof *diff->classes, diff->class_count, &diff->class_capacity));
        row = &diff->classes[diff->class_count++];
        *row = (sj_class_row){class_hash, 0};
    }
    row->object_count++;
    return SNAPJAR_OK;
}

static snapjar_status add_layout(sj_diff *diff, const sj_pair *pair, int side, sj_ref class, uint32_t class_hash,
                                 uint32_t field_hash)
{
    char path[PATH_SIZE];
    char value[VALUE_SIZE];
    SJ_TRY(sj_diff_grow(diff, &diff->layouts, sizeof *diff->layouts, diff->layout_count, &diff->layout_capacity));
    put_path(diff, NULL, path);
    put_value(diff, side, pair->refs[side], value);
    sj_layout_row *row = &diff->layouts[diff->layout_count];
    *row = (sj_layout_row){class,
                           pair->key,
                           (uint8_t)side,
                           class_hash,
                           field_hash,
                           1,
                           sj_dup_text(diff->context, path, strlen(path)),
                           sj_dup_text(diff->context, value, strlen(value))};
    diff->layout_count++;
    return row->path != NULL && row->value != NULL ? SNAPJAR_OK : sj_raise_no_memory(diff->err, sizeof path);
}

snapjar_status sj_diff_count_field(sj_diff *diff, const sj_pair *pair)
{
    const int side = pair->key_is_after ? SJ_AFTER : SJ_BEFORE;
    const snapjar_graph *graph = diff->graphs[side];
    /* The last frame is the object's. */
    const sj_node *object = sj_graph_node(graph, diff->frames[diff->depth - 1].pair.refs[side]);
    uint32_t skipped;
    const sj_ref class = sj_picture_class(graph, object, &skipped);
    if (class == 0)
        return sj_diff_tell(diff, side == SJ_AFTER ? SNAPJAR_CHANGE_ADDED : SNAPJAR_CHANGE_REMOVED, pair);
    const uint32_t class_hash = diff->hashes[side][class];
    const uint32_t field_hash = diff->hashes[side][pair->key];
    for (size_t i = 0; i < diff->layout_count; i++) {
        sj_layout_row *row = &diff->layouts[i];
        if (row->class_hash == class_hash && row->field_hash == field_hash && row->side == side) {
            row->count++;
            return SNAPJAR_OK;
        }
    }
    if (diff->layout_count == LAYOUTS_MAX)
        return sj_diff_tell(diff, side == SJ_AFTER ? SNAPJAR_CHANGE_ADDED : SNAPJAR_CHANGE_REMOVED, pair);
    diff->summary.layout_count++;
    return add_layout(diff, pair, side, class, class_hash, field_hash);
}

/* ---- classes with another name ---- */

static int compare_hashes(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static snapjar_status list_names(sj_diff *diff, int side)
{
    const snapjar_graph *graph = diff->graphs[side];
    sj_numbers *names = &diff->names[side];
    if (names->count > 0)
        return SNAPJAR_OK;
    for (sj_ref ref = 1; ref < graph->node_count; ref++) {
        if ((graph->nodes[ref].flags & SJ_NODE_IS_REFERENCED) == 0 || !sj_picture_is_name(graph, ref))
            continue;
        SJ_TRY(sj_diff_grow(diff, &names->items, sizeof *names->items, names->count, &names->capacity));
        names->items[names->count++] = diff->hashes[side][ref];
    }
    if (names->count > 1)
        qsort(names->items, names->count, sizeof *names->items, compare_hashes);
    return SNAPJAR_OK;
}

/** Whether a graph names the class `ref` of the other one anywhere. */
static bool is_named(const sj_diff *diff, int side, sj_ref ref)
{
    const sj_numbers *names = &diff->names[side];
    return bsearch(&diff->hashes[1 - side][ref], names->items, names->count, sizeof *names->items, compare_hashes) !=
           NULL;
}

static sj_rename_row *find_rename(sj_diff *diff, const sj_ref classes[2])
{
    for (size_t i = diff->rename_count; i > 0; i--) {
        sj_rename_row *row = &diff->renames[i - 1];
        if (row->hashes[SJ_BEFORE] == diff->hashes[SJ_BEFORE][classes[SJ_BEFORE]] &&
            row->hashes[SJ_AFTER] == diff->hashes[SJ_AFTER][classes[SJ_AFTER]])
            return row;
    }
    return NULL;
}

snapjar_status sj_diff_see_rename(sj_diff *diff, const sj_ref classes[2], bool *is_renamed)
{
    const sj_rename_row *known = find_rename(diff, classes);
    *is_renamed = known != NULL && known->is_renamed;
    if (known != NULL || diff->rename_count == RENAMES_MAX)
        return SNAPJAR_OK;
    SJ_TRY(sj_diff_grow(diff, &diff->renames, sizeof *diff->renames, diff->rename_count, &diff->rename_capacity));
    SJ_TRY(list_names(diff, SJ_BEFORE));
    SJ_TRY(list_names(diff, SJ_AFTER));
    *is_renamed = !is_named(diff, SJ_AFTER, classes[SJ_BEFORE]) && !is_named(diff, SJ_BEFORE, classes[SJ_AFTER]);
    diff->renames[diff->rename_count++] = (sj_rename_row){
        .refs = {classes[SJ_BEFORE], classes[SJ_AFTER]},
        .hashes = {diff->hashes[SJ_BEFORE][classes[SJ_BEFORE]], diff->hashes[SJ_AFTER][classes[SJ_AFTER]]},
        .is_renamed = *is_renamed};
    return SNAPJAR_OK;
}

snapjar_status sj_diff_count_rename(sj_diff *diff, const sj_ref classes[2], const sj_pair *pair)
{
    char path[PATH_SIZE];
    sj_rename_row *row = find_rename(diff, classes);
    if (row == NULL || row->count++ > 0)
        return SNAPJAR_OK;
    diff->summary.layout_count++;
    put_path(diff, pair, path);
    row->path = sj_dup_text(diff->context, path, strlen(path));
    return row->path != NULL ? SNAPJAR_OK : sj_raise_no_memory(diff->err, sizeof path);
}

static snapjar_status tell_rename(sj_diff *diff, const sj_rename_row *row)
{
    char names[2][2 * SJ_PICTURE_NAME_SIZE];
    const sj_class_row *class_row = find_class(diff, row->hashes[SJ_BEFORE]);
    for (int side = 0; side < 2; side++) {
        sj_out out;
        sj_out_to_text(&out, names[side], sizeof names[side], diff->options.is_unicode);
        sj_picture_global(&out, diff->graphs[side], row->refs[side]);
        (void)sj_out_end(&out);
    }
    const snapjar_layout_change change = {
        .class_name = names[SJ_BEFORE],
        .count = row->count,
        .object_count = class_row != NULL ? class_row->object_count : row->count,
        .path = row->path,
        .value = names[SJ_AFTER],
    };
    return diff->options.take_layout(diff->options.state, &change, diff->err);
}

/* ---- all of them ---- */

static snapjar_status tell_layout(sj_diff *diff, const sj_layout_row *row)
{
    char class_name[2 * SJ_PICTURE_NAME_SIZE];
    char field[VALUE_SIZE];
    const snapjar_graph *graph = diff->graphs[row->side];
    const sj_class_row *class_row = find_class(diff, row->class_hash);
    const sj_step step = {SJ_STEP_FIELD, 0, row->field, 0};
    sj_out out;
    sj_out_to_text(&out, class_name, sizeof class_name, diff->options.is_unicode);
    sj_picture_global(&out, graph, row->class_ref);
    (void)sj_out_end(&out);
    sj_out_to_text(&out, field, sizeof field, diff->options.is_unicode);
    sj_view_label(&out, graph, &step, KEY_TEXT_MAX);
    (void)sj_out_end(&out);
    const snapjar_layout_change change = {
        .class_name = class_name,
        /* Without the dot of the label. */
        .field = field + 1,
        .is_added = row->side == SJ_AFTER,
        .count = row->count,
        .object_count = class_row != NULL ? class_row->object_count : row->count,
        .path = row->path,
        .value = row->value,
    };
    return diff->options.take_layout(diff->options.state, &change, diff->err);
}

snapjar_status sj_diff_tell_layouts(sj_diff *diff)
{
    for (size_t i = 0; i < diff->rename_count && diff->options.take_layout != NULL; i++) {
        if (diff->renames[i].count > 0)
            SJ_TRY(tell_rename(diff, &diff->renames[i]));
    }
    for (size_t i = 0; i < diff->layout_count && diff->options.take_layout != NULL; i++)
        SJ_TRY(tell_layout(diff, &diff->layouts[i]));
    return SNAPJAR_OK;
}
