/* SPDX-License-Identifier: MIT
 *
 * What pack, unpack and verify cost with the analysis of the pickle left out, as zstd does not analyse either:
 * container pack|unpack|verify THREADS INPUT [-o OUTPUT]. The same library code does the work in the same order
 * (header, checksums, frames, temporary file and rename); only nobody looks at the content. Linked to the internal
 * library, because no user has a reason to skip the analysis. Says on the standard error how much CPU time each thread
 * took: "cpu", the calling thread, the others as they were started.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <snapjar/snapjar.h>

#include "container/payload.h"
#include "container/record.h"
#include "header/header.h"
#include "header/prefix.h"

#define LEVEL 3

/* ---- threads: the linker gives every call of pthread_create to us (--wrap) ---- */

static struct started {
    void *(*run)(void *);
    void *argument;
    double seconds;
} started[64];
static size_t started_count;

static double cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

static void *run_counted(void *argument)
{
    struct started *self = argument;
    void *result = self->run(self->argument);

    self->seconds = cpu_seconds();
    return result;
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

/* The calling thread alone starts others, and waits for their ends before it looks at the figures. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    struct started *self = &started[started_count];

    if (started_count == sizeof(started) / sizeof(started[0]))
        return __real_pthread_create(thread, attributes, run, argument);
    started_count++;
    *self = (struct started){run, argument, 0};
    return __real_pthread_create(thread, attributes, run_counted, self);
}

static void tell_split(void)
{
    fprintf(stderr, "cpu %.6f", cpu_seconds());
    for (size_t i = 0; i < started_count; i++)
        fprintf(stderr, " %.6f", started[i].seconds);
    fputc('\n', stderr);
}

/* ---- the work ---- */

static void check(snapjar_status status, const snapjar_error *err)
{
    if (status == SNAPJAR_OK)
        return;
    fprintf(stderr, "container: %s\n", err->message);
    exit(2);
}

typedef struct input {
    snapjar_source *source;
    uint64_t size;
    uint64_t at;
    snapjar_context *context;
    const sj_header_plan *plan;
} input;

static snapjar_status produce(void *state, uint8_t *buffer, const uint8_t **bytes, size_t *size, snapjar_error *err)
{
    input *from = state;
    uint64_t left = from->size - from->at;

    *bytes = buffer;
    *size = left < SNAPJAR_FRAME_SIZE_DEFAULT ? (size_t)left : SNAPJAR_FRAME_SIZE_DEFAULT;
    SJ_TRY(sj_source_read_exact(from->source, buffer, *size, from->at, SNAPJAR_DIAG_READ_FAILED, err));
    from->at += *size;
    return SNAPJAR_OK;
}

/* As snapjar_pack tells it, but for what an analysis would add. */
static size_t expect_header(void *state, uint64_t content_size, uint64_t stored_size)
{
    const input *from = state;
    sj_header_plan plan = *from->plan;
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    plan.size = plan.pickle_size = from->size;
    plan.stored_size = (uint64_t)((double)plan.size * (double)stored_size / (double)content_size);
    return sj_header_build(&frame, &frame_size, from->context, &plan, NULL) == SNAPJAR_OK ? frame_size : 0;
}

static void pack(snapjar_context *context, input *from, snapjar_sink *sink, unsigned threads)
{
    const sj_payload_writing writing = {
        .context = context,
        .threads = threads,
        .level = LEVEL,
        .frame_size = SNAPJAR_FRAME_SIZE_DEFAULT,
        .produce = produce,
        .expect_header = expect_header,
        .state = from,
    };
    sj_payload_written written;
    sj_output output;
    sj_header_plan plan = {.type = "payloads:Job", .protocol = 5, .frame_size = SNAPJAR_FRAME_SIZE_DEFAULT};
    const uint8_t *frame = NULL;
    size_t frame_size = 0;
    snapjar_error err;

    check(sj_header_prepare(context, &plan, &err), &err);
    from->context = context;
    from->plan = &plan;
    check(sj_output_begin(&output, context, sink, &err), &err);
    check(sj_payload_write(&writing, &output, &written, &err), &err);
    plan.size = plan.pickle_size = written.size;
    plan.stored_size = written.stored_size;
    memcpy(plan.checksum, written.checksum, SJ_CHECKSUM_SIZE);
    memcpy(plan.content_checksum, written.content_checksum, SJ_CHECKSUM_SIZE);
    check(sj_header_build(&frame, &frame_size, context, &plan, &err), &err);
    check(sj_output_finish(&output, frame, frame_size, frame_size + written.stored_size + SJ_TRAILER_SIZE, &err), &err);
}

static snapjar_status place(void *state, const uint8_t *bytes, size_t size, uint64_t offset, snapjar_error *err)
{
    return sj_sink_place(state, bytes, size, offset, err);
}

static snapjar_status write_on(void *state, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    return state ? snapjar_sink_write(state, bytes, size, err) : SNAPJAR_OK;
}

/* Every record, to `sink` or nowhere. */
static void unpack(snapjar_context *context, const input *from, snapjar_sink *sink, unsigned threads)
{
    snapjar_limits limits;
    snapjar_error err;

    check(sj_limits_resolve(&limits, NULL, &err), &err);
    for (uint64_t offset = 0, index = 0; offset < from->size; index++) {
        sj_record record;
        check(sj_record_read(&record, context, from->source, from->size, offset, index, &limits, &err), &err);
        check(sj_record_check_end(&record, from->source, from->size, &err), &err);
        const bool is_placed = sink && threads > 1 && record.header->size > record.header->frame_size;
        if (is_placed)
            check(sj_sink_skip(sink, record.header->size, &err), &err);
        const sj_payload_reading reading = {
            .context = context,
            .source = from->source,
            .record = &record,
            .threads = threads,
            .consume = is_placed ? NULL : write_on,
            .place = is_placed ? place : NULL,
            .state = sink,
        };
        check(sj_payload_read(&reading, NULL, &err), &err);
        offset += record.size;
        sj_record_clear(&record);
    }
}

int main(int argc, char **argv)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_context *context = NULL;
    snapjar_sink *sink = NULL;
    input from = {.source = NULL};
    snapjar_error err;

    if (argc != 4 && argc != 6)
        return 2;
    const unsigned threads = (unsigned)strtoul(argv[2], NULL, 10);
    check(snapjar_context_new(&context, NULL, &err), &err);
    check(snapjar_source_open_path(&from.source, context, argv[3], 0, &err), &err);
    check(snapjar_source_size(from.source, &from.size, &err), &err);
    options.durability = SNAPJAR_DURABILITY_NONE;
    if (argc == 6)
        check(snapjar_sink_open_path(&sink, context, argv[5], &options, &err), &err);
    if (!strcmp(argv[1], "pack") && sink)
        pack(context, &from, sink, threads);
    else
        unpack(context, &from, sink, threads);
    if (sink)
        check(snapjar_sink_finish(sink, &err), &err);
    snapjar_sink_free(sink);
    snapjar_source_free(from.source);
    snapjar_context_free(context);
    tell_split();
    return 0;
}
