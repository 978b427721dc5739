/* SPDX-License-Identifier: MIT
 *
 * Resealing many files: each worker replaces its own, under their locks, with a few syncs for all of them.
 */
#include "resealing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "output.h"

struct worker {
    const struct resealing *resealing;
    snapjar_context *context;
    snapjar_sealer *sealer;
    snapjar_replacing *replacing;
    snapjar_limits limits;
    snapjar_seal_options options;
};

/* A file that was written anew and waits to take its place. */
struct staged {
    const char *path;
    /** Of its detached seal, which was written instead; NULL: none. */
    char *seal_path;
    uint64_t count;
};

static void fail(const struct resealing *resealing, const char *path, const snapjar_error *err)
{
    if (resealing->values->json) {
        struct text out = {0};
        json_begin(&out, "error");
        json_file(&out, "file", path);
        json_error(&out, "error", err);
        json_end(&out);
        report_print(&out);
        text_free(&out);
    }
    report_failure(resealing->cli, path, err, NULL);
}

static void replaced(void *state, void *item, uint64_t links, const snapjar_error *failure)
{
    const struct worker *worker = state;
    struct staged *staged = item;
    struct text out = {0};

    if (failure) {
        fail(worker->resealing, staged->path, failure);
    } else if (worker->resealing->values->json) {
        json_begin(&out, worker->resealing->kind);
        json_file(&out, "file", staged->path);
        if (staged->seal_path)
            json_file(&out, "seal_file", staged->seal_path);
        json_number(&out, worker->resealing->counted, staged->count);
        json_end(&out);
        report_print(&out);
    }
    if (!failure && links)
        report_remark(worker->resealing->cli, staged->path, "other hard links to the replaced file keep the old bytes");
    text_free(&out);
    free(staged->seal_path);
    free(staged);
}

static snapjar_status make_worker(struct worker *worker, const struct resealing *resealing, snapjar_error *err)
{
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;

    *worker = (struct worker){.resealing = resealing, .limits = SNAPJAR_LIMITS_INIT, .options = resealing->options};
    header_limits_set(&worker->limits, &resealing->values->header);
    worker->options.limits = &worker->limits;
    options.durability = resealing->values->no_sync ? SNAPJAR_DURABILITY_NONE : SNAPJAR_DURABILITY_SYNC;
    options.replaced = replaced;
    options.state = worker;
    snapjar_status status = snapjar_context_new(&worker->context, NULL, err);
    if (status == SNAPJAR_OK && resealing->sealing)
        status = sealing_make(resealing->sealing, worker->context, &worker->sealer, err);
    return status == SNAPJAR_OK ? snapjar_replacing_new(&worker->replacing, worker->context, &options, err) : status;
}

static void clear_worker(struct worker *worker)
{
    snapjar_replacing_free(worker->replacing);
    snapjar_sealer_free(worker->sealer);
    snapjar_context_free(worker->context);
}

static snapjar_status rewrite(struct worker *worker, const char *path, uint64_t *count, bool *is_changed,
                              snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_status status = snapjar_replacing_open(worker->replacing, path, &source, err);

    *is_changed = true;
    if (status != SNAPJAR_OK)
        return status;
    status = snapjar_replacing_sink(worker->replacing, &sink, err);
    if (status == SNAPJAR_OK && worker->sealer)
        status = snapjar_seal(worker->sealer, source, sink, &worker->options, count, err);
    else if (status == SNAPJAR_OK)
        status = snapjar_unseal(worker->context, source, sink, worker->resealing->key_id, &worker->options, count, err);
    if (status == SNAPJAR_OK && !*count)
        *is_changed = false;
    if (status != SNAPJAR_OK || !*is_changed)
        snapjar_replacing_skip(worker->replacing);
    return status;
}

static char *seal_path_of(const char *path)
{
    size_t size = strlen(path) + sizeof(SNAPJAR_DETACHED_SUFFIX);
    char *seal_path = memory_get(size);

    (void)snprintf(seal_path, size, "%s" SNAPJAR_DETACHED_SUFFIX, path);
    return seal_path;
}

static void reseal_detached(struct worker *worker, const char *path)
{
    const struct resealing *resealing = worker->resealing;
    snapjar_durability durability = resealing->values->no_sync ? SNAPJAR_DURABILITY_NONE : SNAPJAR_DURABILITY_SYNC;
    struct staged *staged = memory_get(sizeof(*staged));
    const char *blamed;
    snapjar_status status;
    snapjar_error err;

    *staged = (struct staged){.path = path, .seal_path = seal_path_of(path)};
    blamed = staged->seal_path;
    if (worker->sealer)
        status = snapjar_seal_detached_path(worker->sealer, path, staged->seal_path, durability, &worker->options,
                                            &staged->count, &blamed, &err);
    else
        status = snapjar_unseal_detached_path(worker->context, staged->seal_path, resealing->key_id, durability,
                                              &staged->count, &err);
    if (status == SNAPJAR_OK) {
        replaced(worker, staged, 0, NULL);
        return;
    }
    fail(resealing, blamed, &err);
    free(staged->seal_path);
    free(staged);
}

static void reseal(struct worker *worker, const char *path)
{
    struct staged *staged = memory_get(sizeof(*staged));
    bool is_changed = false;
    snapjar_error err;

    *staged = (struct staged){.path = path};
    snapjar_status status = rewrite(worker, path, &staged->count, &is_changed, &err);
    if (status == SNAPJAR_OK && !is_changed) {
        /* Nothing to take off: the file stays as it is. */
        replaced(worker, staged, 0, NULL);
        return;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_stage(worker->replacing, staged, &err);
    if (status == SNAPJAR_OK)
        return;
    free(staged);
    fail(worker->resealing, path, &err);
}

struct jobs {
    struct worker *workers;
    const struct string_list *files;
};

static void work(void *state, unsigned worker, size_t index)
{
    const struct jobs *jobs = state;

    if (jobs->workers[worker].resealing->values->is_detached)
        reseal_detached(&jobs->workers[worker], jobs->files->items[index]);
    else
        reseal(&jobs->workers[worker], jobs->files->items[index]);
}

static bool is_snapshot_name(const char *path)
{
    static const char *const suffixes[] = {".snapjar", NULL};
    char *other = path_derive(path, suffixes, NULL, "", NULL);
    bool is_snapshot = strcmp(other, path) != 0;

    free(other);
    return is_snapshot;
}

static int run_files(const struct resealing *resealing, const struct string_list *files)
{
    struct cli *cli = resealing->cli;
    struct many many = {.cli = cli, .verb = resealing->verb, .count = files->count, .work = work};
    snapjar_error err;
    int code = -1;

    many.jobs = many_jobs(&resealing->values->jobs, files->count);
    struct jobs jobs = {memory_get(many.jobs * sizeof(*jobs.workers)), files};
    many.state = &jobs;
    for (unsigned i = 0; i < many.jobs && code < 0; i++) {
        if (make_worker(&jobs.workers[i], resealing, &err) != SNAPJAR_OK)
            code = report_failure(cli, NULL, &err, NULL);
    }
    if (code < 0)
        many_run(&many);
    for (unsigned i = 0; i < many.jobs; i++) {
        /* Each file's failure was told by `replaced`. */
        if (code < 0)
            (void)!snapjar_replacing_commit(jobs.workers[i].replacing, &err);
        clear_worker(&jobs.workers[i]);
    }
    free(jobs.workers);
    return code < 0 ? cli->report.exit_code : code;
}

int resealing_run(const struct resealing *resealing, const struct string_list *paths)
{
    struct string_list files = {0};
    struct walk walk = {0};
    int code;

    resealing->cli->report.has_no_hints = resealing->values->json;
    for (size_t i = 0; i < paths->count; i++) {
        if (!strcmp(paths->items[i], "-"))
            return report_usage(resealing->cli, "files are sealed where they are: - is none");
    }
    many_expand(resealing->cli, &walk, &files, paths, is_snapshot_name, "file called *.snapjar");
    code = run_files(resealing, &files);
    walk_free(&walk);
    string_list_free(&files);
    return code;
}
