/* SPDX-License-Identifier: MIT
 *
 * Migrating many files in place.
 */
#include "migrating.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "many.h"
#include "progress.h"

/* Files of a group, each of which holds a descriptor until the group takes its place. */
#define GROUP_MAX ((size_t)1024)
#define DESCRIPTORS_MAX 65536
#define DESCRIPTORS_KEPT ((rlim_t)100)

struct run {
    struct migrate *migrate;
    struct migrate_file *files;
    size_t count;
    size_t group_size;
    /** One for each worker. */
    snapjar_context **contexts;
};

/* ---- one file ---- */

/* Whether what breaks off as a pickle is a text by all that is seen: no name of a global stands before the fault. */
static bool is_harmless_text(snapjar_context *context, const struct migrate_file *file)
{
    snapjar_source *source = NULL;
    snapjar_pickles *pickles = NULL;
    const snapjar_pickles_item *item = NULL;
    snapjar_scan *scan = NULL;
    bool is_text = false;

    snapjar_status status = snapjar_source_open_path(&source, context, file->path, 0, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_pickles_open(&pickles, context, source, NULL, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_pickles_next(pickles, &item, NULL);
    if (status == SNAPJAR_OK && item && !item->header)
        status = snapjar_scan_new(&scan, context, NULL, NULL);
    if (status == SNAPJAR_OK && scan) {
        const snapjar_status scanned = snapjar_pickles_scan(pickles, scan, NULL);
        const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
        is_text = (scanned == SNAPJAR_DAMAGED || scanned == SNAPJAR_UNSUPPORTED) && !snapjar_scan_global_count(scan) &&
                  !summary->persistent_ids.count && !summary->buffers.count;
    }
    snapjar_scan_free(scan);
    snapjar_pickles_free(pickles);
    snapjar_source_free(source);
    return is_text;
}

static void fail(snapjar_context *context, struct migrate_file *file, const snapjar_error *err)
{
    bool is_no_pickle =
        err->diagnostic == SNAPJAR_DIAG_INPUT_NOT_PICKLE || err->diagnostic == SNAPJAR_DIAG_PICKLE_EMPTY;
    bool is_pickle_fault =
        err->space == SNAPJAR_SPACE_CONTENT && (err->status == SNAPJAR_DAMAGED || err->status == SNAPJAR_UNSUPPORTED);
    bool is_foreign = err->diagnostic == SNAPJAR_DIAG_UNEXPECTED_TYPE;

    /* What is found in a directory may be anything. */
    bool is_other = (file->is_found && is_no_pickle) || (!file->is_named && is_foreign) ||
                    (file->is_found && is_pickle_fault && is_harmless_text(context, file));
    file->fate = is_other ? FATE_OTHER : FATE_FAILED;
    file->err = *err;
}

/* Nothing was to be done. */
static void leave(snapjar_context *context, struct migrate_file *file)
{
    snapjar_error err;

    /* Some records of other types are left alone, now as before. */
    if (file->migration.foreign_count < file->migration.record_count || !file->migration.foreign_count) {
        file->fate = FATE_CURRENT;
        return;
    }
    report_make(&err, SNAPJAR_REFUSED, SNAPJAR_DIAG_UNEXPECTED_TYPE, "no record is of the contract's type %s",
                snapjar_contract_type(file->migrate->options.contract));
    fail(context, file, &err);
}

static snapjar_status drop(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    (void)state;
    (void)bytes;
    (void)size;
    (void)err;
    return SNAPJAR_OK;
}

/* A detached seal does not hold for what becomes of the file, and nobody but its keys' owner can make another. */
static snapjar_status check_detached(const struct migrate_file *file, snapjar_error *err)
{
    if (file->migrate->options.drop_seal || !snapjar_detached_is_beside(file->path))
        return SNAPJAR_OK;
    report_make(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_RECORD_SEALED,
                "the file has a detached seal, which would not hold any more: --drop-seal, and then seal --detached "
                "--replace, makes a new one");
    return err->status;
}

static snapjar_status migrate_source(snapjar_context *context, struct migrate_file *file, snapjar_source *source,
                                     snapjar_sink *sink, snapjar_error *err)
{
    const struct migrate *migrate = file->migrate;
    snapjar_migrate_options options = migrate->options;

    options.old = &migrate->old;
    options.limits = &migrate->limits;
    options.needs_graphs = migrate->is_dry && !migrate->is_summary;
    options.take = migrate_take;
    options.state = file;
    options.seals = &file->seals;
    snapjar_status status = sealing_make(migrate->sealing, context, &options.sealer, err);
    if (status == SNAPJAR_OK)
        status = snapjar_migrate(context, source, sink, &options, &file->migration, err);
    if (status == SNAPJAR_OK && !file->migration.is_current)
        status = check_detached(file, err);
    snapjar_sealer_free(options.sealer);
    return status;
}

/* What would be done to a file. */
static void try_file(snapjar_context *context, struct migrate_file *file)
{
    static const snapjar_sink_functions functions = {sizeof(functions), drop, NULL, NULL, true};
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_error err;

    snapjar_status status = snapjar_source_open_path(&source, context, file->path, 0, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_from_functions(&sink, context, &functions, NULL, &err);
    if (status == SNAPJAR_OK)
        status = migrate_source(context, file, source, sink, &err);
    if (status != SNAPJAR_OK)
        fail(context, file, &err);
    else if (file->migration.is_current)
        leave(context, file);
    else
        file->fate = FATE_CHANGED;
    snapjar_sink_free(sink);
    snapjar_source_free(source);
}

/* The new file comes into being with its first byte, so that nothing happens to a file that is current. */
struct late_sink {
    snapjar_replacing *replacing;
};

static snapjar_status late_write(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    const struct late_sink *late = state;
    snapjar_sink *sink = NULL;
    snapjar_status status = snapjar_replacing_sink(late->replacing, &sink, err);

    return status == SNAPJAR_OK ? snapjar_sink_write(sink, bytes, size, err) : status;
}

static snapjar_status write_new(snapjar_context *context, snapjar_replacing *replacing, struct migrate_file *file,
                                snapjar_source *source, snapjar_error *err)
{
    static const snapjar_sink_functions functions = {sizeof(functions), late_write, NULL, NULL, true};
    struct late_sink late = {replacing};
    snapjar_sink *sink = NULL;
    snapjar_source *written = NULL;

    snapjar_status status = snapjar_sink_from_functions(&sink, context, &functions, &late, err);
    if (status == SNAPJAR_OK)
        status = migrate_source(context, file, source, sink, err);
    snapjar_sink_free(sink);
    if (status == SNAPJAR_OK && !file->migration.is_current)
        status = snapjar_replacing_written(replacing, &written, err);
    if (status == SNAPJAR_OK && !file->migration.is_current)
        status = snapjar_migration_check(&file->migration, context, written, err);
    return status;
}

static void migrate_file(snapjar_context *context, snapjar_replacing *replacing, struct migrate_file *file)
{
    snapjar_source *source = NULL;
    snapjar_error err;

    snapjar_status status = snapjar_replacing_open(replacing, file->path, &source, &err);
    if (status == SNAPJAR_OK)
        status = write_new(context, replacing, file, source, &err);
    if (status == SNAPJAR_OK && !file->migration.is_current) {
        /* Until it has taken its place. */
        file->fate = FATE_CHANGED;
        status = snapjar_replacing_stage(replacing, file, &err);
    } else if (status == SNAPJAR_OK) {
        leave(context, file);
    }
    if (status != SNAPJAR_OK)
        fail(context, file, &err);
    snapjar_replacing_skip(replacing);
}

static void replaced(void *state, void *item, uint64_t links, const snapjar_error *failure)
{
    struct migrate_file *file = item;

    (void)state;
    file->links = links;
    if (!failure)
        return;
    file->fate = FATE_FAILED;
    file->err = *failure;
}

/* ---- a group ---- */

static snapjar_status work_on(struct run *run, unsigned worker, struct migrate_file *files, size_t count, size_t *done,
                              snapjar_error *err)
{
    const struct migrate *migrate = run->migrate;
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;
    snapjar_replacing *replacing = NULL;
    snapjar_status status = SNAPJAR_OK;

    if (!run->contexts[worker])
        status = snapjar_context_new(&run->contexts[worker], NULL, err);
    options.durability = migrate->no_sync ? SNAPJAR_DURABILITY_NONE : SNAPJAR_DURABILITY_SYNC;
    options.backup_suffix = migrate->backup_suffix;
    options.file_count_max = GROUP_MAX;
    options.replaced = replaced;
    if (status == SNAPJAR_OK && !migrate->is_dry)
        status = snapjar_replacing_new(&replacing, run->contexts[worker], &options, err);
    if (status != SNAPJAR_OK)
        return status;
    for (; *done < count && !interrupt_is_pending(); ++*done) {
        if (migrate->is_dry)
            try_file(run->contexts[worker], &files[*done]);
        else
            migrate_file(run->contexts[worker], replacing, &files[*done]);
    }
    /* How each file ended is told by `replaced`. */
    if (replacing)
        (void)!snapjar_replacing_commit(replacing, NULL);
    snapjar_replacing_free(replacing);
    return SNAPJAR_OK;
}

static void work(void *state, unsigned worker, size_t index)
{
    struct run *run = state;
    size_t start = index * run->group_size;
    size_t count = run->count - start < run->group_size ? run->count - start : run->group_size;
    size_t done = 0;
    snapjar_error err;

    if (work_on(run, worker, run->files + start, count, &done, &err) != SNAPJAR_OK)
        report_failure(run->migrate->cli, NULL, &err, NULL);
    for (size_t i = 0; i < done; i++)
        migrate_tell_file(&run->files[start + i]);
}

/* ---- all files ---- */

static bool ends_with(const char *path, const char *suffix)
{
    size_t size = strlen(path);
    size_t suffix_size = strlen(suffix);

    return size > suffix_size && !strcmp(path + size - suffix_size, suffix);
}

/* What an interrupted run left is removed if nobody can be using it. */
static void clean(struct migrate *migrate, const char *path)
{
    snapjar_context *context = NULL;
    snapjar_error err;
    int is_removed = 0;

    snapjar_status status = snapjar_context_new(&context, NULL, &err);
    if (status == SNAPJAR_OK && !migrate->is_dry)
        status = snapjar_replacing_clean(context, path, &is_removed, &err);
    snapjar_context_free(context);
    if (status != SNAPJAR_OK)
        report_failure(migrate->cli, path, &err, NULL);
    else if (is_removed)
        migrate->total.removed_leftovers++;
    else
        report_remark(migrate->cli, path, "left behind by an interrupted write or a repair, not looked at");
}

static void add_file(struct run *run, const struct walk_item *item)
{
    struct migrate *migrate = run->migrate;
    snapjar_error err;
    bool is_backup =
        ends_with(item->path, "~") || (migrate->backup_suffix && ends_with(item->path, migrate->backup_suffix));

    switch (item->kind) {
    case WALK_FOUND:
    case WALK_OTHER:
        if (is_backup) {
            migrate->total.other_files++;
            return;
        }
        break;
    case WALK_NAMED:
        break;
    case WALK_LEFTOVER:
        clean(migrate, item->path);
        return;
    case WALK_FAILED:
        errno = item->reason;
        report_make_errno(&err, SNAPJAR_DIAG_OPEN_FAILED, "cannot read the directory");
        report_failure(migrate->cli, item->path, &err, NULL);
        migrate->total.failed_files++;
        return;
    }
    run->files[run->count++] = (struct migrate_file){.migrate = migrate,
                                                     .path = item->path,
                                                     .is_found = item->kind == WALK_OTHER,
                                                     .is_named = item->kind == WALK_NAMED};
}

/* As many files as descriptors allow, but so few that every worker has some. */
static size_t choose_group_size(const struct migrate *migrate, size_t count)
{
    struct rlimit limit;
    size_t size = GROUP_MAX;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        rlim_t wanted = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
        if (limit.rlim_cur < wanted) {
            limit.rlim_cur = wanted;
            (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
        (void)getrlimit(RLIMIT_NOFILE, &limit);
        size_t room = limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? (size_t)(limit.rlim_cur - DESCRIPTORS_KEPT) : 1;
        if (room / migrate->jobs < size)
            size = room / migrate->jobs ? room / migrate->jobs : 1;
    }
    size_t share = (count + migrate->jobs - 1) / migrate->jobs;
    return share < size ? (share ? share : 1) : size;
}

void migrate_run(struct migrate *migrate, const struct string_list *paths)
{
    struct walk walk;
    struct run run = {.migrate = migrate};

    pthread_mutex_init(&migrate->total.lock, NULL);
    walk_paths(&walk, paths);
    migrate->total.other_files = walk.special_count;
    run.files = memory_get((walk.count + 1) * sizeof(*run.files));
    run.contexts = memory_get((migrate->jobs + 1) * sizeof(*run.contexts));
    for (size_t i = 0; i < walk.count; i++)
        add_file(&run, &walk.items[i]);
    run.group_size = choose_group_size(migrate, run.count);
    size_t groups = (run.count + run.group_size - 1) / run.group_size;
    struct many many = {
        .cli = migrate->cli,
        .verb = "migrating",
        .count = groups,
        .file_count = run.count,
        .jobs = groups < migrate->jobs ? (unsigned)groups : migrate->jobs,
        .state = &run,
        .work = work,
    };
    interrupt_hold();
    many_run(&many);
    migrate_tell_total(migrate);
    report_flush();
    interrupt_release();
    for (unsigned i = 0; i < migrate->jobs; i++)
        snapjar_context_free(run.contexts[i]);
    free(run.contexts);
    free(run.files);
    walk_free(&walk);
    pthread_mutex_destroy(&migrate->total.lock);
}
