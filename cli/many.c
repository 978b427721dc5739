/* SPDX-License-Identifier: MIT
 *
 * Many files on many threads.
 */
#include "many.h"

#include <errno.h>

#include "parallel.h"
#include "progress.h"
#include "report.h"

struct run {
    const struct many *many;
    struct progress progress;
};

unsigned many_jobs(const struct option_number *option, size_t count)
{
    unsigned jobs = option->value ? (unsigned)option->value : parallel_processors();
    return count < jobs ? (count ? (unsigned)count : 1) : jobs;
}

static void work(void *state, unsigned worker, size_t index, void *result)
{
    const struct many *many = ((struct run *)state)->many;

    if (interrupt_is_pending())
        return;
    report_capture(result);
    many->work(many->state, worker, index);
    report_capture(NULL);
}

static void emit(void *state, size_t index, void *result)
{
    struct run *run = state;
    const struct report_captured *captured = result;

    const struct many *many = run->many;
    size_t files = many->file_count ? many->file_count : many->count;

    (void)progress_update(&run->progress, (uint64_t)index * files / many->count, files);
    if (captured->out.size || captured->log.size)
        progress_clear(&run->progress);
    report_emit(&run->many->cli->report, result);
}

static void release(void *result)
{
    struct report_captured *captured = result;
    text_free(&captured->out);
    text_free(&captured->log);
}

void many_run(const struct many *many)
{
    struct run run = {.many = many};
    struct parallel jobs = {many->count, many->jobs, sizeof(struct report_captured), &run, work, emit, release};

    if (many->jobs <= 1) {
        for (size_t i = 0; i < many->count; i++)
            many->work(many->state, 0, i);
        return;
    }
    interrupt_hold();
    progress_begin(&run.progress, many->verb, false, true);
    parallel_run(&jobs);
    progress_clear(&run.progress);
    interrupt_release();
}

void many_expand(struct cli *cli, struct walk *walk, struct string_list *files, const struct string_list *paths,
                 bool (*is_wanted)(const char *path), const char *what)
{
    size_t other_count;
    size_t failed_count = 0;

    walk_paths(walk, paths);
    other_count = walk->special_count;
    for (size_t i = 0; i < walk->count; i++) {
        const struct walk_item *item = &walk->items[i];
        snapjar_error err;
        switch (item->kind) {
        case WALK_NAMED:
            string_list_add(files, item->path);
            break;
        case WALK_FOUND:
        case WALK_OTHER:
            if (is_wanted(item->path))
                string_list_add(files, item->path);
            else
                other_count++;
            break;
        case WALK_LEFTOVER:
            report_remark(cli, item->path, "left behind by an interrupted write or a repair, not looked at");
            break;
        case WALK_FAILED:
            errno = item->reason;
            report_make_errno(&err, SNAPJAR_DIAG_OPEN_FAILED, "cannot read the directory");
            report_failure(cli, item->path, &err, NULL);
            failed_count++;
            break;
        }
    }
    if (other_count)
        report_remark(cli, NULL, "%zu other file%s not looked at", other_count, other_count == 1 ? "" : "s");
    if (!files->count && !failed_count) {
        snapjar_error err;
        report_make(&err, SNAPJAR_IO, SNAPJAR_DIAG_NONE, "there is no %s here", what);
        report_failure(cli, paths->items[0], &err, NULL);
    }
}
