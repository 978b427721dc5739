/* SPDX-License-Identifier: MIT
 *
 * Looking at many files.
 */
#include "batch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "head_source.h"
#include "json_out.h"
#include "parallel.h"
#include "walk.h"

/* A file up to this size is read at once, with three system calls in all, where its payload is wanted too. */
#define HEAD_SIZE (16u << 10)
/* What a file gives is handed on in pieces of this size, where it is the only one. */
#define PIECE_SIZE ((size_t)64 << 10)

struct batch_worker {
    snapjar_context *context;
    snapjar_scan *scan;
    char *head;
    struct head_source source;
};

void batch_init(struct batch *batch, struct cli *cli, const struct batch_values *values, void *state, bool is_json)
{
    *batch = (struct batch){.cli = cli,
                            .state = state,
                            .limits = SNAPJAR_LIMITS_INIT,
                            .scan_options = SNAPJAR_SCAN_OPTIONS_INIT,
                            .is_json = is_json};
    cli->report.has_no_hints = is_json;
    header_limits_set(&batch->limits, &values->header);
    batch->jobs = (unsigned)values->jobs.value;
    if (!batch->jobs)
        batch->jobs = parallel_processors();
}

void outcome_note(struct outcome *outcome, const snapjar_error *err)
{
    int code = report_exit_code(err->status);
    size_t number = (size_t)err->diagnostic;

    if (code > outcome->exit_code) {
        outcome->exit_code = code;
        outcome->worst = err->status;
    }
    if (number < REPORT_DIAGNOSTIC_MAX)
        outcome->seen[number / 64] |= UINT64_C(1) << number % 64;
}

void outcome_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    outcome_note(outcome, err);
    report_format_line(&batch->cli->report, &outcome->log, path, err, outcome->content);
    if (batch->is_json) {
        json_begin(&outcome->out, "error");
        json_file(&outcome->out, "file", path);
        json_error(&outcome->out, "error", err);
        json_end(&outcome->out);
    }
}

void batch_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    if (batch->fail)
        batch->fail(batch, outcome, path, err);
    else
        outcome_fail(batch, outcome, path, err);
}

/* A source of what the file holds; `*fd` stays open as long as the source, or is -1. */
static snapjar_status open_source(const struct batch *batch, struct batch_worker *worker, const char *path,
                                  snapjar_source **source, int *fd, snapjar_error *err)
{
    if (!strcmp(path, "-"))
        return snapjar_source_from_fd(source, worker->context, STDIN_FILENO, path, 0, err);
    do {
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (*fd < 0 && errno == EINTR);
    if (*fd < 0) {
        report_make_errno(err, SNAPJAR_DIAG_OPEN_FAILED, "cannot open the file");
        return err->status;
    }
    if (batch->is_header_only) {
        snapjar_status status = head_source_open(&worker->source, source, worker->context, *fd, err);
        if (status != SNAPJAR_OK || *source)
            return status;
        return snapjar_source_from_fd(source, worker->context, *fd, path, 0, err);
    }
    size_t got;
    /* Larger files, pipes, directories and whatever fails: the library knows what to do. */
    if (head_read(*fd, worker->head, HEAD_SIZE, 0, &got, err) != SNAPJAR_OK || got == HEAD_SIZE)
        return snapjar_source_from_fd(source, worker->context, *fd, path, 0, err);
    close(*fd);
    *fd = -1;
    return snapjar_source_from_memory(source, worker->context, worker->head, got, err);
}

static bool is_snapshot(snapjar_source *source)
{
    snapjar_input_kind kind;
    return snapjar_input_detect(source, &kind, NULL) == SNAPJAR_OK && kind == SNAPJAR_INPUT_SNAPSHOT;
}

static snapjar_status prepare_worker(const struct batch *batch, struct batch_worker *worker, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;

    if (!worker->head)
        worker->head = memory_get(HEAD_SIZE);
    if (!worker->context)
        status = snapjar_context_new(&worker->context, NULL, err);
    if (status == SNAPJAR_OK && batch->needs_scan && !worker->scan)
        status = snapjar_scan_new(&worker->scan, worker->context, &batch->scan_options, err);
    return status;
}

static snapjar_status open_reader(const struct batch *batch, snapjar_context *context, snapjar_source *source,
                                  snapjar_reader **reader, snapjar_error *err)
{
    snapjar_status status = snapjar_reader_new(reader, context, source, &batch->limits, err);

    return status == SNAPJAR_OK && batch->seal ? snapjar_reader_demand_seal(*reader, batch->seal, err) : status;
}

static void look_at_file(struct batch *batch, struct batch_worker *worker, const struct walk_item *item,
                         struct outcome *outcome)
{
    snapjar_error err;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    int fd = -1;
    snapjar_status status = prepare_worker(batch, worker, &err);

    outcome->scan = worker->scan;
    if (status == SNAPJAR_OK)
        status = open_source(batch, worker, item->path, &source, &fd, &err);
    if (status == SNAPJAR_OK && strcmp(item->path, "-") != 0)
        status = snapjar_source_set_path(source, item->path, &err);
    if (status != SNAPJAR_OK)
        batch_fail(batch, outcome, item->path, &err); /* NOLINT(bugprone-branch-clone): failures are treated alike */
    else if (batch->look_source)
        batch->look_source(batch, worker->context, source, item->path, outcome);
    else if (item->kind == WALK_OTHER && !is_snapshot(source))
        outcome->is_other = true;
    else if (open_reader(batch, worker->context, source, &reader, &err) != SNAPJAR_OK)
        batch_fail(batch, outcome, item->path, &err);
    else
        batch->look(batch, item->path, reader, outcome);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    if (fd >= 0)
        close(fd);
}

static void work(void *state, unsigned worker, size_t index, void *result)
{
    struct batch *batch = state;
    const struct walk_item *item = &batch->walk->items[index];
    struct outcome *outcome = result;

    text_clear(&outcome->out);
    text_clear(&outcome->log);
    *outcome = (struct outcome){.out = outcome->out, .log = outcome->log, .content = REPORT_CONTENT_PICKLE};
    outcome->is_found = item->kind == WALK_OTHER || item->kind == WALK_LEFTOVER;
    if (item->kind == WALK_LEFTOVER && !batch->looks_at_leftovers)
        return;
    if (item->kind == WALK_FAILED) {
        snapjar_error err;
        errno = item->reason;
        report_make_errno(&err, SNAPJAR_DIAG_OPEN_FAILED, "cannot read the directory");
        batch_fail(batch, outcome, item->path, &err);
        return;
    }
    look_at_file(batch, &batch->workers[worker], item, outcome);
}

static void count(struct batch *batch, const struct outcome *outcome)
{
    batch->file_count++;
    batch->record_count += outcome->record_count;
    if (outcome->worst != SNAPJAR_OK && (size_t)outcome->worst < sizeof(batch->failed_counts) / sizeof(size_t))
        batch->failed_counts[outcome->worst]++;
}

static void hand_on(struct batch *batch, const char *path, struct outcome *outcome)
{
    if (batch->take)
        batch->take(batch, path, outcome);
    else
        report_print(&outcome->out);
}

void batch_hand_on(struct batch *batch, const char *path, struct outcome *outcome)
{
    if (!batch->is_alone || outcome->out.size < PIECE_SIZE)
        return;
    progress_clear(&batch->progress);
    hand_on(batch, path, outcome);
    text_clear(&outcome->out);
}

static void emit(void *state, size_t index, void *result)
{
    struct batch *batch = state;
    const struct walk_item *item = &batch->walk->items[index];
    struct outcome *outcome = result;
    struct report *report = &batch->cli->report;

    (void)progress_update(&batch->progress, index, batch->walk->count);
    if (outcome->is_other) {
        batch->other_count++;
        return;
    }
    if (item->kind == WALK_LEFTOVER && !batch->looks_at_leftovers) {
        batch->leftover_count++;
        if (batch->leave_out)
            batch->leave_out(batch, item->path);
        else if (!report->is_quiet)
            report_remark(batch->cli, item->path, "left behind by an interrupted write or a repair, not looked at");
        return;
    }
    count(batch, outcome);
    if (outcome->out.size || outcome->log.size)
        progress_clear(&batch->progress);
    hand_on(batch, item->path, outcome);
    if (outcome->log.size) {
        report_flush();
        fwrite(outcome->log.data, 1, outcome->log.size, stderr);
    }
    report_raise(report, outcome->exit_code);
    for (size_t i = 0; outcome->exit_code && i < REPORT_DIAGNOSTIC_MAX; i++)
        report->seen[i] |= (outcome->seen[i / 64] >> i % 64 & 1) != 0;
}

static void release(void *result)
{
    struct outcome *outcome = result;
    text_free(&outcome->out);
    text_free(&outcome->log);
}

void batch_run(struct batch *batch, const struct string_list *paths)
{
    struct walk walk;

    walk_paths(&walk, paths);
    batch->walk = &walk;
    batch->other_count = walk.special_count;
    batch->is_alone = walk.count == 1;
    /* As many files at once as there are jobs: then none needs threads of its own. */
    batch->inner_threads =
        batch->is_alone || walk.count < batch->jobs ? batch->jobs / (walk.count ? (unsigned)walk.count : 1) : 0;
    batch->workers = memory_get(batch->jobs * sizeof(*batch->workers));
    progress_begin(&batch->progress, batch->verb, false, batch->verb && walk.count > 1 && !batch->cli->report.is_quiet);
    struct parallel jobs = {walk.count, batch->jobs, sizeof(struct outcome), batch, work, emit, release};
    parallel_run(&jobs);
    progress_clear(&batch->progress);
    for (unsigned i = 0; i < batch->jobs; i++) {
        snapjar_scan_free(batch->workers[i].scan);
        snapjar_context_free(batch->workers[i].context);
        free(batch->workers[i].head);
        head_source_clear(&batch->workers[i].source);
    }
    free(batch->workers);
    batch->workers = NULL;
    batch->walk = NULL;
    walk_free(&walk);
}

void batch_add_json_summary(const struct batch *batch, struct text *out)
{
    size_t failed = 0;

    json_number(out, "files", batch->file_count);
    json_number(out, "records", batch->record_count);
    json_key(out, "failed");
    text_putc(out, '{');
    for (size_t i = 1; i <= SNAPJAR_BUG; i++) {
        failed += batch->failed_counts[i];
        if (batch->failed_counts[i])
            json_number(out, snapjar_status_name((snapjar_status)i), batch->failed_counts[i]);
    }
    text_putc(out, '}');
    json_number(out, "good_files", batch->file_count - failed);
    json_number(out, "other_files", batch->other_count);
    json_number(out, "leftovers", batch->leftover_count);
}

void batch_tell_left_out(struct batch *batch)
{
    if (batch->cli->report.is_quiet || !batch->other_count)
        return;
    report_remark(batch->cli, NULL, "%zu other file%s not looked at", batch->other_count,
                  batch->other_count == 1 ? "" : "s");
}
