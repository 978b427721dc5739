/* SPDX-License-Identifier: MIT
 *
 * The loop over files and their pickles.
 */
#include "pickle_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "json_out.h"
#include "walk.h"

snapjar_pickles_options pickle_walk_options(const struct pickle_walk_values *values, snapjar_limits *limits)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;

    *limits = (snapjar_limits)SNAPJAR_LIMITS_INIT;
    limits->content_size_max = values->max_size;
    options.limits = limits;
    if (values->encoding > 0)
        options.string_encoding = (snapjar_string_encoding)(values->encoding - 1);
    return options;
}

void pickle_walk_title(struct text *out, const char *path, const snapjar_pickles_item *item)
{
    text_escape_string(out, path);
    text_printf(out, ": %s %" PRIu64 " at byte %" PRIu64, item->header ? "record" : "pickle", item->index,
                item->offset);
    if (!item->header)
        return;
    snapjar_text type = snapjar_header_type(item->header);
    text_puts(out, ", ");
    text_escape(out, type.data, type.size);
    text_printf(out, ", schema %" PRId64, snapjar_header_schema_version(item->header));
}

void pickle_walk_json(struct text *out, const char *kind, const char *path, const snapjar_pickles_item *item)
{
    json_begin(out, kind);
    json_file(out, "file", path);
    json_number(out, "record", item->index);
}

void pickle_walk_fail(struct pickle_walk *walk, const char *path, const snapjar_error *err, const char *content)
{
    if (walk->is_json) {
        struct text out = {0};
        json_begin(&out, "error");
        json_file(&out, "file", path);
        json_error(&out, "error", err);
        json_end(&out);
        report_print(&out);
        text_free(&out);
    }
    report_flush();
    report_failure(walk->cli, path, err, content);
}

static void look_at_all(struct pickle_walk *walk, const char *path, snapjar_pickles *pickles)
{
    const struct option_number *wanted = &walk->values->record;
    snapjar_error err;
    snapjar_error last = {.status = SNAPJAR_OK};
    uint64_t count = 0;

    for (;; count++) {
        const snapjar_pickles_item *item;
        if (snapjar_pickles_next(pickles, &item, &err) != SNAPJAR_OK) {
            /* Behind a pickle that nobody could read, nothing can be found: that was told. */
            if (last.status == SNAPJAR_OK)
                pickle_walk_fail(walk, path, &err, NULL);
            return;
        }
        if (!item)
            break;
        if (wanted->is_given && item->index != (uint64_t)wanted->value)
            continue;
        last.status = SNAPJAR_OK;
        if (walk->look(walk, path, pickles, item, &err) != SNAPJAR_OK) {
            pickle_walk_fail(walk, path, &err, pickle_content(pickles, item));
            last = err;
        }
        if (wanted->is_given)
            return;
    }
    if (wanted->is_given) {
        report_make(&err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                    "there is no record %" PRId64 ": the file has %" PRIu64, wanted->value, count);
        pickle_walk_fail(walk, path, &err, NULL);
    }
}

static void look_at_file(struct pickle_walk *walk, const struct walk_item *item)
{
    struct pickle_file file = {0};
    snapjar_limits limits;
    snapjar_error err;
    snapjar_pickles_options options = pickle_walk_options(walk->values, &limits);

    options.seal = walk->seal;
    if (item->kind == WALK_FAILED) {
        errno = item->reason;
        report_make_errno(&err, SNAPJAR_DIAG_OPEN_FAILED, "cannot read the directory");
        pickle_walk_fail(walk, item->path, &err, NULL);
        return;
    }
    if (pickle_file_open(&file, walk->context, item->path, &options, &err) == SNAPJAR_OK)
        look_at_all(walk, item->path, file.pickles);
    else
        pickle_walk_fail(walk, item->path, &err, NULL);
    pickle_file_close(&file);
}

void pickle_walk_run(struct pickle_walk *walk, const struct string_list *paths)
{
    struct walk files;
    snapjar_error err;

    if (snapjar_context_new(&walk->context, NULL, &err) != SNAPJAR_OK) {
        report_failure(walk->cli, NULL, &err, NULL);
        return;
    }
    walk_paths(&files, paths);
    for (size_t i = 0; i < files.count; i++) {
        if (files.items[i].kind != WALK_LEFTOVER)
            look_at_file(walk, &files.items[i]);
    }
    walk_free(&files);
    snapjar_context_free(walk->context);
    walk->context = NULL;
}
