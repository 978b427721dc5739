/* SPDX-License-Identifier: MIT
 *
 * Going over the pickles of files.
 */
#include "pickle_files.h"

#include <string.h>
#include <unistd.h>

snapjar_status pickle_file_open(struct pickle_file *file, snapjar_context *context, const char *path,
                                const snapjar_pickles_options *options, snapjar_error *err)
{
    uint64_t size_max = options && options->limits ? options->limits->content_size_max : 0;
    snapjar_status status;

    *file = (struct pickle_file){NULL, NULL};
    if (!strcmp(path, "-"))
        status = snapjar_source_from_fd(&file->source, context, STDIN_FILENO, path, size_max, err);
    else
        status = snapjar_source_open_path(&file->source, context, path, size_max, err);
    return status == SNAPJAR_OK ? snapjar_pickles_open(&file->pickles, context, file->source, options, err) : status;
}

void pickle_file_close(struct pickle_file *file)
{
    snapjar_pickles_free(file->pickles);
    snapjar_source_free(file->source);
    *file = (struct pickle_file){NULL, NULL};
}

const char *pickle_content(const snapjar_pickles *pickles, const snapjar_pickles_item *item)
{
    if (item && item->header)
        return REPORT_CONTENT_PICKLE;
    return snapjar_pickles_kind(pickles) == SNAPJAR_INPUT_PICKLE ? NULL : "the decompressed input";
}

void pickle_add_type(struct text *out, snapjar_scan *scan)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    const snapjar_scan_global *global =
        summary->root_global != SIZE_MAX ? snapjar_scan_global_at(scan, summary->root_global) : NULL;

    if (global && summary->root == SNAPJAR_ROOT_INSTANCE) {
        text_add(out, global->mapped_module.data, global->mapped_module.size);
        text_putc(out, ':');
        text_add(out, global->mapped_name.data, global->mapped_name.size);
    } else if (summary->root < SNAPJAR_ROOT_BUFFER) {
        text_printf(out, "builtins:%s", snapjar_root_name(summary->root));
    } else {
        text_puts(out, SNAPJAR_TYPE_UNKNOWN);
    }
}

bool pickle_is_harmless_text(const struct outcome *outcome, const snapjar_error *err)
{
    if ((err->status != SNAPJAR_DAMAGED && err->status != SNAPJAR_UNSUPPORTED) || !outcome->item ||
        outcome->item->header || outcome->item->index)
        return false;
    const snapjar_scan_summary *summary = snapjar_scan_summarize(outcome->scan);
    return !snapjar_scan_global_count(outcome->scan) && !summary->persistent_ids.count && !summary->buffers.count;
}

static bool is_same(const snapjar_error *a, const snapjar_error *b)
{
    return a->status == b->status && a->diagnostic == b->diagnostic && a->offset == b->offset;
}

static void look_at_all(struct batch *batch, snapjar_pickles *pickles, const char *path, pickle_look *look,
                        struct outcome *outcome)
{
    snapjar_error err;
    snapjar_error last = {.status = SNAPJAR_OK};

    for (;;) {
        const snapjar_pickles_item *item;
        if (snapjar_pickles_next(pickles, &item, &err) != SNAPJAR_OK) {
            /* Moving on meets again what looking at the pickle has met. */
            if (outcome->item && outcome->item->header)
                outcome->item = NULL; /* the fault is behind that record */
            if (!is_same(&err, &last))
                batch_fail(batch, outcome, path, &err);
            return;
        }
        if (!item)
            return;
        last.status = SNAPJAR_OK;
        outcome->record_count++;
        outcome->content = pickle_content(pickles, item);
        if (look(batch, path, pickles, item, outcome, &err) == SNAPJAR_OK)
            continue;
        batch_fail(batch, outcome, path, &err);
        last = err;
    }
}

void pickle_files_look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                       pickle_look *look, struct outcome *outcome)
{
    snapjar_error err;
    snapjar_pickles *pickles = NULL;
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    struct progress progress;

    options.string_encoding = batch->string_encoding;
    options.limits = &batch->limits;
    options.seal = batch->seal;
    options.threads = batch->inner_threads;
    progress_begin(&progress, batch->verb, true, batch->is_alone && batch->verb && !batch->cli->report.is_quiet);
    if (batch->is_alone) {
        options.progress = progress_update;
        options.progress_state = &progress;
    }
    outcome->content = NULL;
    if (snapjar_pickles_open(&pickles, context, source, &options, &err) == SNAPJAR_OK)
        look_at_all(batch, pickles, path, look, outcome);
    else
        batch_fail(batch, outcome, path, &err);
    progress_clear(&progress);
    snapjar_pickles_free(pickles);
}
