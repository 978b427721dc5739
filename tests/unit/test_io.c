/* SPDX-License-Identifier: MIT
 *
 * Contexts, options structs, descriptors, sources, sinks in memory and on descriptors, and the spool around its limits.
 * Sinks that replace files are in test_path_sink.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "util/fd.h"
#include "util/io.h"
#include "util/options.h"

#define assert_ok(call) assert_int_equal((call), SNAPJAR_OK)

static snapjar_context *context;
static snapjar_error err;

static int set_up(void **state)
{
    (void)state;
    return snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    return 0;
}

static void assert_error(snapjar_status status, snapjar_status expected, snapjar_diagnostic diagnostic, uint64_t offset)
{
    assert_int_equal(status, expected);
    assert_int_equal(err.status, expected);
    assert_int_equal(err.diagnostic, diagnostic);
    assert_int_equal(err.offset, offset);
    assert_int_equal(err.space, offset == SNAPJAR_OFFSET_NONE ? SNAPJAR_SPACE_NONE : SNAPJAR_SPACE_FILE);
}

static void assert_argument(snapjar_status status)
{
    assert_error(status, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_OFFSET_NONE);
}

/** An open file without a name that holds `size` bytes; byte i is pattern(i). */
static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static uint8_t *new_pattern(size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(i);
    return bytes;
}

static int open_pattern_file(size_t size)
{
    FILE *file = tmpfile();
    uint8_t *bytes = new_pattern(size);
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fflush(file), 0);
    free(bytes);
    int fd = dup(fileno(file));
    fclose(file);
    return fd;
}

static void assert_source_is_pattern(snapjar_source *source, uint64_t size)
{
    uint64_t got_size;
    size_t got;
    uint8_t *bytes = malloc((size_t)size + 10);
    uint8_t *expected = new_pattern((size_t)size);
    assert_ok(snapjar_source_size(source, &got_size, &err));
    assert_int_equal(got_size, size);
    assert_ok(snapjar_source_read_at(source, bytes, (size_t)size + 10, 0, &got, &err));
    assert_int_equal(got, size);
    assert_memory_equal(bytes, expected, (size_t)size);
    for (uint64_t offset = 0; offset <= size; offset += size / 3 + 1) {
        assert_ok(snapjar_source_read_at(source, bytes, 7, offset, &got, &err));
        assert_int_equal(got, size - offset < 7 ? size - offset : 7);
        assert_memory_equal(bytes, expected + offset, got);
    }
    assert_ok(snapjar_source_read_at(source, bytes, 1, size, &got, &err));
    assert_int_equal(got, 0);
    assert_ok(snapjar_source_read_at(source, bytes, 8, UINT64_MAX, &got, &err));
    assert_int_equal(got, 0);
    free(bytes);
    free(expected);
}

/* ---- contexts and options ---- */

static void test_context_options(void **state)
{
    (void)state;
    snapjar_context *made = (snapjar_context *)&err;
    snapjar_context_options options = SNAPJAR_CONTEXT_OPTIONS_INIT;
    snapjar_allocator half = {NULL, fail_alloc_allocate, NULL, fail_alloc_release};
    options.allocator = &half;
    assert_argument(snapjar_context_new(&made, &options, &err));
    assert_null(made);
    assert_argument(snapjar_context_new(NULL, NULL, &err));
    options.allocator = NULL;
    assert_ok(snapjar_context_new(&made, &options, NULL));
    snapjar_context_free(made);
    snapjar_context_free(NULL);
}

typedef struct sample_options {
    size_t struct_size;
    uint32_t a;
    uint32_t b;
    uint64_t c;
} sample_options;

static void test_options_of_other_sizes(void **state)
{
    (void)state;
    sample_options read;
    memset(&read, 0xEE, sizeof read);
    assert_ok(sj_options_read(&read, sizeof read, NULL, "sample", &err));
    assert_int_equal(read.struct_size, sizeof read);
    assert_int_equal(read.a + read.b + read.c, 0);

    sample_options older = {offsetof(sample_options, b), 5, 6, 7};
    assert_ok(sj_options_read(&read, sizeof read, &older, "sample", &err));
    assert_int_equal(read.struct_size, sizeof read);
    assert_int_equal(read.a, 5);
    assert_int_equal(read.b, 0);
    assert_int_equal(read.c, 0);

    struct {
        sample_options known;
        uint64_t tail[2];
    } newer = {{sizeof newer, 5, 6, 7}, {0, 0}};
    assert_ok(sj_options_read(&read, sizeof read, &newer, "sample", &err));
    assert_int_equal(read.struct_size, sizeof read);
    assert_int_equal(read.c, 7);
    ((uint8_t *)&newer)[sizeof newer - 1] = 1;
    assert_argument(sj_options_read(&read, sizeof read, &newer, "sample", &err));
    assert_non_null(strstr(err.message, "sample"));
}

static void test_options_with_impossible_size(void **state)
{
    (void)state;
    sample_options read;
    sample_options unset = {0, 1, 2, 3};
    const size_t sizes[] = {0, sizeof(size_t) - 1, 4097, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unset.struct_size = sizes[i];
        assert_argument(sj_options_read(&read, sizeof read, &unset, "sample", &err));
    }
    unset.struct_size = sizeof(size_t);
    assert_ok(sj_options_read(&read, sizeof read, &unset, "sample", &err));
    assert_int_equal(read.a, 0);
}

static void test_large_memory_is_aligned(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 300, (2u << 20) - 1, 2u << 20, (6u << 20) + 12345};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block;
        uint8_t *bytes = sj_alloc_large(context, sizes[i], &block);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % (sizes[i] >= 2u << 20 ? 2u << 20 : 64), 0);
        memset(bytes, 1, sizes[i]);
        sj_free(context, block);
    }
    void *block = &err;
    assert_null(sj_alloc_large(context, SIZE_MAX - 5, &block));
    assert_null(block);
}

/* ---- sources ---- */

static void test_memory_source(void **state)
{
    (void)state;
    snapjar_source *source;
    uint8_t *bytes = new_pattern(1000);
    assert_ok(snapjar_source_from_memory(&source, context, bytes, 1000, &err));
    assert_source_is_pattern(source, 1000);
    assert_ptr_equal(sj_source_borrow(source, 0, 1000), bytes);
    assert_ptr_equal(sj_source_borrow(source, 999, 1), bytes + 999);
    assert_null(sj_source_borrow(source, 999, 2));
    assert_null(sj_source_borrow(source, 1001, 0));
    assert_null(sj_source_borrow(source, 2, UINT64_MAX));
    assert_string_equal(sj_source_name(source), "");
    sj_source_expect_sequential(source);
    snapjar_source_free(source);
    free(bytes);

    assert_ok(snapjar_source_from_memory(&source, context, NULL, 0, NULL));
    assert_source_is_pattern(source, 0);
    snapjar_source_free(source);
    assert_argument(snapjar_source_from_memory(&source, context, NULL, 1, &err));
    assert_null(source);
    snapjar_source_free(NULL);
}

static void test_read_exact_names_the_end(void **state)
{
    (void)state;
    snapjar_source *source;
    uint8_t buffer[20];
    assert_ok(snapjar_source_from_memory(&source, context, "0123456789", 10, &err));
    assert_ok(sj_source_read_exact(source, buffer, 10, 0, SNAPJAR_DIAG_HEADER_CUT_SHORT, &err));
    assert_error(sj_source_read_exact(source, buffer, 10, 1, SNAPJAR_DIAG_HEADER_CUT_SHORT, &err), SNAPJAR_CUT_SHORT,
                 SNAPJAR_DIAG_HEADER_CUT_SHORT, 10);
    assert_error(sj_source_read_exact(source, buffer, 1, 10, SNAPJAR_DIAG_RECORD_CUT_SHORT, &err), SNAPJAR_CUT_SHORT,
                 SNAPJAR_DIAG_RECORD_CUT_SHORT, 10);
    /* Nothing of the range is there: the offset is the source's end, not the range's start. */
    assert_error(sj_source_read_exact(source, buffer, 1, 50, SNAPJAR_DIAG_RECORD_CUT_SHORT, &err), SNAPJAR_CUT_SHORT,
                 SNAPJAR_DIAG_RECORD_CUT_SHORT, 10);
    snapjar_source_free(source);
}

static void test_file_source(void **state)
{
    (void)state;
    snapjar_source *source;
    int fd = open_pattern_file(70000);
    assert_ok(snapjar_source_from_fd(&source, context, fd, "some\nname", 10, &err));
    assert_source_is_pattern(source, 70000);
    assert_null(sj_source_borrow(source, 0, 1));
    assert_string_equal(sj_source_name(source), "some\nname");
    sj_source_expect_sequential(source);
    snapjar_source_free(source);
    assert_int_equal(fcntl(fd, F_GETFD), 0);

    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_ok(snapjar_source_open_path(&source, context, path, 0, &err));
    assert_source_is_pattern(source, 70000);
    snapjar_source_free(source);
    close(fd);
}

static void test_file_source_grows_and_shrinks(void **state)
{
    (void)state;
    snapjar_source *source;
    uint8_t buffer[100];
    uint64_t size;
    size_t got;
    int fd = open_pattern_file(10);
    assert_ok(snapjar_source_from_fd(&source, context, fd, NULL, 0, &err));
    assert_int_equal(pwrite(fd, "abcdef", 6, 10), 6);
    assert_ok(snapjar_source_read_at(source, buffer, 100, 10, &got, &err));
    assert_int_equal(got, 6);
    assert_memory_equal(buffer, "abcdef", 6);
    assert_ok(snapjar_source_size(source, &size, &err));
    assert_int_equal(size, 16);
    assert_int_equal(ftruncate(fd, 4), 0);
    assert_ok(snapjar_source_read_at(source, buffer, 100, 0, &got, &err));
    assert_int_equal(got, 4);
    assert_ok(snapjar_source_size(source, &size, &err));
    assert_int_equal(size, 4);
    snapjar_source_free(source);
    close(fd);
}

static void test_source_failures(void **state)
{
    (void)state;
    snapjar_source *source;
    assert_error(snapjar_source_open_path(&source, context, "/nonexistent/x", 0, &err), SNAPJAR_IO,
                 SNAPJAR_DIAG_OPEN_FAILED, SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, ENOENT);
    assert_string_equal(err.place, "/nonexistent/x");
    assert_null(source);
    assert_int_equal(snapjar_source_open_path(&source, context, "/nonexistent/x", 0, NULL), SNAPJAR_IO);
    assert_error(snapjar_source_open_path(&source, context, "/", 0, &err), SNAPJAR_IO, SNAPJAR_DIAG_IS_DIRECTORY,
                 SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, EISDIR);
    assert_argument(snapjar_source_open_path(&source, NULL, "/", 0, &err));
    assert_argument(snapjar_source_open_path(NULL, context, "/", 0, &err));
    assert_argument(snapjar_source_from_fd(&source, context, -1, NULL, 0, &err));

    /* A file that is open for writing only: the first look succeeds, reading does not. */
    char path[64];
    int fd = open_pattern_file(10);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int write_only = open(path, O_WRONLY);
    size_t got = 5;
    uint8_t byte;
    assert_ok(snapjar_source_from_fd(&source, context, write_only, "w", 0, &err));
    assert_error(snapjar_source_read_at(source, &byte, 1, 0, &got, &err), SNAPJAR_IO, SNAPJAR_DIAG_READ_FAILED,
                 SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, EBADF);
    assert_string_equal(err.place, "w");
    assert_int_equal(got, 0);
    snapjar_source_free(source);
    close(write_only);
    close(fd);
}

typedef struct pipe_job {
    int fd;
    size_t size;
    useconds_t pause;
} pipe_job;

static void *fill_pipe(void *argument)
{
    const pipe_job *job = argument;
    uint8_t *bytes = new_pattern(job->size);
    for (size_t done = 0; done < job->size;) {
        size_t part = job->size - done < 50001 ? job->size - done : 50001;
        ssize_t count = write(job->fd, bytes + done, part);
        if (count < 0)
            break;
        done += (size_t)count;
        if (job->pause != 0)
            usleep(job->pause);
    }
    close(job->fd);
    free(bytes);
    return NULL;
}

/** A source made of a pipe into which a thread writes `size` bytes of the pattern. */
static snapjar_status source_of_pipe(snapjar_source **source, size_t size, uint64_t size_max, bool nonblocking)
{
    int fds[2];
    pthread_t thread;
    assert_int_equal(pipe(fds), 0);
    if (nonblocking)
        assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    pipe_job job = {fds[1], size, nonblocking ? 1000 : 0};
    assert_int_equal(pthread_create(&thread, NULL, fill_pipe, &job), 0);
    snapjar_status status = snapjar_source_from_fd(source, context, fds[0], "-", size_max, &err);
    if (status == SNAPJAR_OK) { /* the size reads it to its end */
        uint64_t whole;
        status = snapjar_source_size(*source, &whole, &err);
        if (status != SNAPJAR_OK) {
            snapjar_source_free(*source);
            *source = NULL;
        }
    }
    close(fds[0]);
    pthread_join(thread, NULL);
    return status;
}

static void test_pipe_source(void **state)
{
    (void)state;
    snapjar_source *source;
    signal(SIGPIPE, SIG_IGN);
    const size_t sizes[] = {0, 1, (256 << 10) - 1, 256 << 10, (17 << 20) + 3};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_ok(source_of_pipe(&source, sizes[i], 0, false));
        assert_source_is_pattern(source, sizes[i]);
        assert_string_equal(sj_source_name(source), "-");
        snapjar_source_free(source);
    }
    assert_ok(source_of_pipe(&source, 300000, 0, true));
    assert_source_is_pattern(source, 300000);
    snapjar_source_free(source);
}

static void test_pipe_source_limit(void **state)
{
    (void)state;
    snapjar_source *source;
    assert_ok(source_of_pipe(&source, 300000, 300000, false));
    snapjar_source_free(source);
    assert_error(source_of_pipe(&source, 300000, 299999, false), SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, 299999);
    assert_string_equal(err.place, "-");
    assert_null(source);
}

static void test_file_that_says_it_is_empty(void **state)
{
    (void)state;
    snapjar_source *source;
    uint64_t size;
    assert_ok(snapjar_source_open_path(&source, context, "/proc/self/stat", 0, &err));
    assert_ok(snapjar_source_size(source, &size, &err));
    assert_true(size > 10);
    snapjar_source_free(source);
    assert_ok(snapjar_source_open_path(&source, context, "/dev/null", 0, &err));
    assert_source_is_pattern(source, 0);
    snapjar_source_free(source);
}

typedef struct own_functions {
    snapjar_status result;
    bool fills_error;
    size_t got_extra;
    int closed;
    bool finished;
    size_t written;
} own_functions;

static snapjar_status own_result(const own_functions *own, snapjar_error *error)
{
    if (own->fills_error)
        return sj_raise(error, own->result, SNAPJAR_DIAG_CANCELLED, SJ_AT_FILE(77), "own message");
    return own->result;
}

static snapjar_status own_read(void *state, void *buffer, size_t size, uint64_t offset, size_t *got,
                               snapjar_error *error)
{
    const own_functions *own = state;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buffer)[i] = pattern(offset + i);
    *got = size + own->got_extra;
    return own_result(own, error);
}

static snapjar_status own_size(void *state, uint64_t *size, snapjar_error *error)
{
    *size = 1000;
    return own_result(state, error);
}

static void own_close(void *state)
{
    ((own_functions *)state)->closed++;
}

static void test_functions_source(void **state)
{
    (void)state;
    own_functions own = {SNAPJAR_OK, false, 0, 0, false, 0};
    snapjar_source_functions functions = {sizeof functions, own_read, own_size, own_close};
    snapjar_source *source;
    uint8_t buffer[10];
    size_t got;
    uint64_t size;
    assert_ok(snapjar_source_from_functions(&source, context, &functions, &own, &err));
    assert_ok(snapjar_source_size(source, &size, &err));
    assert_int_equal(size, 1000);
    assert_ok(snapjar_source_read_at(source, buffer, 10, 5, &got, &err));
    assert_int_equal(got, 10);
    assert_int_equal(buffer[0], pattern(5));
    own.got_extra = 1;
    assert_error(snapjar_source_read_at(source, buffer, 10, 5, &got, &err), SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, 5);
    assert_int_equal(got, 0);
    /* One that fails without saying why must not leave the caller's error unset, one that does is forwarded. */
    own.result = SNAPJAR_IO;
    assert_error(snapjar_source_read_at(source, buffer, 10, 5, &got, &err), SNAPJAR_IO, SNAPJAR_DIAG_READ_FAILED,
                 SNAPJAR_OFFSET_NONE);
    own.result = SNAPJAR_CANCELLED;
    own.fills_error = true;
    assert_error(snapjar_source_size(source, &size, &err), SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, 77);
    assert_int_equal(size, 0);
    assert_int_equal(snapjar_source_size(source, &size, NULL), SNAPJAR_CANCELLED);
    snapjar_source_free(source);
    assert_int_equal(own.closed, 1);

    functions.get_size = NULL;
    assert_argument(snapjar_source_from_functions(&source, context, &functions, &own, &err));
    functions.get_size = own_size;
    functions.struct_size = 0;
    assert_argument(snapjar_source_from_functions(&source, context, &functions, &own, &err));
    assert_null(source);
    assert_int_equal(own.closed, 1);
}

/* ---- sinks ---- */

static void test_memory_sink(void **state)
{
    (void)state;
    snapjar_sink *sink;
    size_t size = 5;
    uint8_t *bytes = new_pattern(100000);
    assert_ok(snapjar_sink_to_memory(&sink, context, &err));
    assert_true(sj_sink_is_transactional(sink));
    assert_null(snapjar_sink_memory(sink, &size));
    assert_int_equal(size, 0);
    for (int round = 0; round < 2; round++) {
        for (size_t done = 0; done < 100000; done += 1000)
            assert_ok(snapjar_sink_write(sink, bytes + done, 1000, &err));
        assert_ok(snapjar_sink_write(sink, NULL, 0, &err));
        const uint8_t *got = snapjar_sink_memory(sink, &size);
        assert_int_equal(size, 100000);
        assert_memory_equal(got, bytes, size);
        assert_ok(snapjar_sink_finish(sink, &err));
        assert_argument(snapjar_sink_write(sink, bytes, 1, &err));
        assert_argument(snapjar_sink_finish(sink, &err));
        assert_ptr_equal(snapjar_sink_memory(sink, &size), got);
        snapjar_sink_reset(sink);
        assert_ptr_equal(snapjar_sink_memory(sink, &size), got);
        assert_int_equal(size, 0);
    }
    uint8_t *room = sj_sink_reserve(sink, 200000);
    assert_non_null(room);
    memcpy(room, bytes, 100000);
    sj_sink_commit(sink, 100000);
    assert_memory_equal(snapjar_sink_memory(sink, &size), bytes, 100000);
    assert_int_equal(size, 100000);
    assert_null(sj_sink_reserve(sink, SIZE_MAX - 5));
    assert_int_equal(snapjar_sink_replaced_links(sink), 0);
    assert_argument(snapjar_sink_write(sink, NULL, 1, &err));
    snapjar_sink_free(sink);
    snapjar_sink_free(NULL);
    free(bytes);
    assert_argument(snapjar_sink_to_memory(NULL, context, &err));
}

static void test_memory_sink_is_content_with_less(void **state)
{
    (void)state;
    fail_alloc alloc = {0, 0, 0};
    snapjar_sink *sink;
    static const uint8_t bytes[5000];
    snapjar_context *own = fail_alloc_context(&alloc);
    assert_ok(snapjar_sink_to_memory(&sink, own, &err));
    assert_ok(snapjar_sink_write(sink, bytes, sizeof bytes, &err));
    /* Twice as much is refused, what is needed is not. */
    alloc.refused = alloc.count + 1;
    assert_ok(snapjar_sink_write(sink, bytes, 10, &err));
    assert_int_equal(alloc.count, alloc.refused + 1);
    snapjar_sink_free(sink);
    snapjar_context_free(own);
    assert_int_equal(alloc.live, 0);
}

static void test_fd_sink(void **state)
{
    (void)state;
    snapjar_sink *sink;
    size_t size = 3;
    int fd = open_pattern_file(0);
    assert_ok(snapjar_sink_from_fd(&sink, context, fd, NULL, &err));
    assert_false(sj_sink_is_transactional(sink));
    assert_null(snapjar_sink_memory(sink, &size));
    assert_int_equal(size, 0);
    assert_null(sj_sink_reserve(sink, 10));
    uint8_t *bytes = new_pattern(70000);
    assert_ok(snapjar_sink_write(sink, bytes, 1, &err));
    assert_ok(snapjar_sink_write(sink, bytes + 1, 69999, &err));
    snapjar_sink_reset(sink);
    assert_ok(snapjar_sink_finish(sink, &err));
    assert_argument(snapjar_sink_write(sink, bytes, 1, &err));
    snapjar_sink_free(sink);
    free(bytes);
    snapjar_source *source;
    assert_ok(snapjar_source_from_fd(&source, context, fd, NULL, 0, &err));
    assert_source_is_pattern(source, 70000);
    snapjar_source_free(source);
    close(fd);
}

static void test_full_device(void **state)
{
    (void)state;
    snapjar_sink *sink;
    int fd = open("/dev/full", O_WRONLY);
    assert_ok(snapjar_sink_from_fd(&sink, context, fd, "full", &err));
    assert_error(snapjar_sink_write(sink, "x", 1, &err), SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, ENOSPC);
    assert_string_equal(err.place, "full");
    /* After a failure nothing but freeing may follow. */
    assert_argument(snapjar_sink_write(sink, "x", 1, &err));
    assert_argument(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    close(fd);
}

static void test_closed_pipe(void **state)
{
    (void)state;
    snapjar_sink *sink;
    int fds[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_ok(snapjar_sink_from_fd(&sink, context, fds[1], "-", &err));
    assert_error(snapjar_sink_write(sink, "x", 1, &err), SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, EPIPE);
    snapjar_sink_free(sink);
    close(fds[1]);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void *read_slowly(void *argument)
{
    const pipe_job *job = argument;
    uint8_t buffer[8192];
    uint8_t *all = malloc(job->size + sizeof buffer);
    size_t done = 0;
    ssize_t count;
    while ((count = read(job->fd, buffer, sizeof buffer)) > 0 || (count < 0 && errno == EINTR)) {
        if (count < 0)
            continue;
        memcpy(all + done, buffer, (size_t)count);
        done += (size_t)count;
        usleep(job->pause);
        if (done > job->size)
            break;
    }
    return done == job->size ? all : (free(all), NULL);
}

/** A slow reader, a sink on a pipe that takes little at a time, and a timer that interrupts the writer all the time. */
static void write_interrupted(bool nonblocking)
{
    int fds[2];
    pthread_t thread;
    snapjar_sink *sink;
    struct sigaction action = {.sa_handler = ignore_signal};
    struct itimerval often = {{0, 500}, {0, 500}};
    struct itimerval never = {{0, 0}, {0, 0}};
    assert_int_equal(pipe(fds), 0);
    if (nonblocking)
        assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    sigaction(SIGALRM, &action, NULL);
    pipe_job job = {fds[0], 400000, 500};
    uint8_t *bytes = new_pattern(job.size);
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &job), 0);
    assert_ok(snapjar_sink_from_fd(&sink, context, fds[1], "-", &err));
    setitimer(ITIMER_REAL, &often, NULL);
    assert_ok(snapjar_sink_write(sink, bytes, job.size, &err));
    assert_ok(snapjar_sink_finish(sink, &err));
    setitimer(ITIMER_REAL, &never, NULL);
    snapjar_sink_free(sink);
    close(fds[1]);
    void *got;
    pthread_join(thread, &got);
    assert_non_null(got);
    assert_memory_equal(got, bytes, job.size);
    free(got);
    free(bytes);
    close(fds[0]);
}

static void test_interrupted_writes(void **state)
{
    (void)state;
    write_interrupted(false);
    write_interrupted(true);
}

static snapjar_status own_write(void *state, const void *bytes, size_t size, snapjar_error *error)
{
    (void)bytes;
    ((own_functions *)state)->written += size;
    return own_result(state, error);
}

static snapjar_status own_finish(void *state, snapjar_error *error)
{
    return own_result(state, error);
}

static void own_sink_close(void *state, bool finished)
{
    ((own_functions *)state)->closed++;
    ((own_functions *)state)->finished = finished;
}

static void test_functions_sink(void **state)
{
    (void)state;
    own_functions own = {SNAPJAR_OK, false, 0, 0, false, 0};
    snapjar_sink_functions functions = {sizeof functions, own_write, own_finish, own_sink_close, true};
    snapjar_sink *sink;
    assert_ok(snapjar_sink_from_functions(&sink, context, &functions, &own, &err));
    assert_true(sj_sink_is_transactional(sink));
    assert_ok(snapjar_sink_write(sink, "abc", 3, &err));
    assert_ok(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    assert_int_equal(own.written, 3);
    assert_int_equal(own.closed, 1);
    assert_true(own.finished);

    functions.is_transactional = false;
    own.result = SNAPJAR_IO;
    assert_ok(snapjar_sink_from_functions(&sink, context, &functions, &own, &err));
    assert_false(sj_sink_is_transactional(sink));
    assert_error(snapjar_sink_finish(sink, &err), SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_OFFSET_NONE);
    assert_argument(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    assert_int_equal(own.closed, 2);
    assert_false(own.finished);

    own.fills_error = true;
    functions.finish = NULL;
    functions.close = NULL;
    assert_ok(snapjar_sink_from_functions(&sink, context, &functions, &own, &err));
    assert_error(snapjar_sink_write(sink, "abc", 3, &err), SNAPJAR_IO, SNAPJAR_DIAG_CANCELLED, 77);
    snapjar_sink_free(sink);
    functions.write = NULL;
    assert_argument(snapjar_sink_from_functions(&sink, context, &functions, &own, &err));
    assert_null(sink);
}

/* ---- the spool ---- */

static sj_spool *new_filled_spool(uint64_t memory_max, size_t size, size_t piece)
{
    sj_spool *spool;
    uint8_t *bytes = new_pattern(size);
    assert_ok(sj_spool_new(&spool, context, memory_max, &err));
    for (size_t done = 0; done < size; done += piece)
        assert_ok(sj_spool_write(spool, bytes + done, size - done < piece ? size - done : piece, &err));
    assert_int_equal(sj_spool_size(spool), size);
    free(bytes);
    return spool;
}

static void assert_spool_is_pattern(sj_spool *spool, size_t size)
{
    snapjar_sink *sink;
    size_t got;
    uint8_t *expected = new_pattern(size);
    assert_ok(snapjar_sink_to_memory(&sink, context, &err));
    assert_ok(sj_spool_copy_to(spool, sink, &err));
    const void *bytes = snapjar_sink_memory(sink, &got);
    assert_int_equal(got, size);
    if (size > 0)
        assert_memory_equal(bytes, expected, size);
    snapjar_sink_free(sink);
    free(expected);
}

static void test_spool_around_its_limits(void **state)
{
    (void)state;
    /* The sizes of its first blocks, the limit on memory within one, on its edge and beyond; pieces that cross edges.
     */
    const size_t first = 64 << 10;
    const size_t second = first + (2 << 20);
    const size_t sizes[] = {0, 1, first - 1, first, first + 1, second - 1, second, second + 1, 9 << 20};
    const uint64_t limits[] = {0, 1, 1000, first, first + 1, second, UINT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t j = 0; j < sizeof limits / sizeof limits[0]; j++) {
            sj_spool *spool = new_filled_spool(limits[j], sizes[i], 100003);
            assert_spool_is_pattern(spool, sizes[i]);
            snapjar_source *source;
            assert_ok(sj_spool_take_source(&source, spool, "name", &err));
            assert_string_equal(sj_source_name(source), "name");
            assert_source_is_pattern(source, sizes[i]);
            snapjar_source_free(source);
        }
    }
    sj_spool_free(NULL);
}

static void test_spool_lends_within_a_block(void **state)
{
    (void)state;
    const size_t first = 64 << 10;
    snapjar_source *source;
    sj_spool *spool = new_filled_spool(first + 10, first + 20, 1 << 20);
    assert_ok(sj_spool_take_source(&source, spool, NULL, &err));
    const uint8_t *lent = sj_source_borrow(source, 100, first - 100);
    assert_non_null(lent);
    assert_int_equal(lent[0], pattern(100));
    assert_int_equal(lent[first - 101], pattern(first - 1));
    assert_null(sj_source_borrow(source, 100, first - 99));
    lent = sj_source_borrow(source, first + 3, 7);
    assert_non_null(lent);
    assert_int_equal(lent[0], pattern(first + 3));
    assert_null(sj_source_borrow(source, first + 3, 8));
    assert_null(sj_source_borrow(source, first + 10, 1));
    assert_null(sj_source_borrow(source, first + 3, UINT64_MAX));
    snapjar_source_free(source);
}

static void test_spool_is_used_again(void **state)
{
    (void)state;
    sj_spool *spool = new_filled_spool(100000, 3 << 20, 1 << 20);
    uint8_t *bytes = new_pattern(300000);
    for (size_t size = 0; size <= 300000; size += 100000) {
        sj_spool_reset(spool);
        assert_int_equal(sj_spool_size(spool), 0);
        assert_ok(sj_spool_write(spool, bytes, size, &err));
        assert_spool_is_pattern(spool, size);
    }
    free(bytes);
    sj_spool_free(spool);
}

static void test_spool_of_many_blocks(void **state)
{
    (void)state;
    /* More blocks than the spool has room for in itself. */
    const size_t size = 90 << 20;
    sj_spool *spool = new_filled_spool(UINT64_MAX, size, 5 << 20);
    assert_spool_is_pattern(spool, size);
    sj_spool_free(spool);
}

static void test_spool_without_folder(void **state)
{
    (void)state;
    sj_spool *spool;
    setenv("TMPDIR", "/nonexistent", 1);
    assert_ok(sj_spool_new(&spool, context, 10, &err));
    assert_ok(sj_spool_write(spool, "0123456789", 10, &err));
    assert_error(sj_spool_write(spool, "x", 1, &err), SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.place, "/nonexistent");
    sj_spool_free(spool);
    /* A file system without unnamed files (proc has no files to make at all). */
    setenv("TMPDIR", "/proc", 1);
    assert_ok(sj_spool_new(&spool, context, 0, &err));
    assert_error(sj_spool_write(spool, "x", 1, &err), SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED, SNAPJAR_OFFSET_NONE);
    sj_spool_free(spool);
    unsetenv("TMPDIR");
}

/* ---- descriptors ---- */

static void test_lock_excludes(void **state)
{
    (void)state;
    char path[64];
    int fd = open_pattern_file(10);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int other = open(path, O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_ok(sj_fd_lock(fd, "file", &err));
    assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), -1);
    assert_true(errno == EAGAIN || errno == EACCES);
    close(fd);
    assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), 0);
    close(other);

    int read_only = open("/dev/null", O_RDONLY);
    assert_error(sj_fd_lock(read_only, "file", &err), SNAPJAR_IO, SNAPJAR_DIAG_LOCK_FAILED, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.place, "file");
    assert_int_equal(err.system_errno, EBADF);
    close(read_only);
}

static void test_folder_sync(void **state)
{
    (void)state;
    assert_ok(sj_folder_sync("/tmp/x", &err));
    assert_ok(sj_folder_sync("/x", &err));
    assert_ok(sj_folder_sync("x", &err));
    assert_error(sj_folder_sync("/nonexistent/x", &err), SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED, SNAPJAR_OFFSET_NONE);
}

static void test_descriptors_are_closed_on_exec(void **state)
{
    (void)state;
    int fd;
    assert_ok(sj_fd_open(&fd, "/dev/null", O_RDONLY, 0, &err));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    assert_ok(sj_fd_open_unnamed(&fd, &err));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    assert_error(sj_fd_open(&fd, "/nonexistent", O_RDONLY, 0, &err), SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED,
                 SNAPJAR_OFFSET_NONE);
    assert_int_equal(fd, -1);
}

/* ---- refused memory ---- */

static snapjar_status use_everything(snapjar_context *own, void *state, snapjar_error *error)
{
    const uint8_t *bytes = state;
    snapjar_source *source = NULL;
    snapjar_sink *memory = NULL;
    snapjar_sink *file = NULL;
    sj_spool *spool = NULL;
    snapjar_status status = snapjar_source_open_path(&source, own, "/proc/self/stat", 0, error);
    snapjar_source_free(source);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&memory, own, error);
    for (int i = 0; status == SNAPJAR_OK && i < 3; i++)
        status = snapjar_sink_write(memory, bytes, 5000, error);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_from_fd(&file, own, 0, "name", error);
    if (status == SNAPJAR_OK)
        status = sj_spool_new(&spool, own, 100000, error);
    for (int i = 0; status == SNAPJAR_OK && i < 30; i++)
        status = sj_spool_write(spool, bytes, 5000, error);
    if (status == SNAPJAR_OK)
        status = sj_spool_copy_to(spool, memory, error);
    if (status == SNAPJAR_OK) {
        status = sj_spool_take_source(&source, spool, "name", error);
        spool = NULL;
        snapjar_source_free(source);
    }
    sj_spool_free(spool);
    snapjar_sink_free(file);
    snapjar_sink_free(memory);
    return status;
}

static void test_refused_memory(void **state)
{
    (void)state;
    uint8_t *bytes = new_pattern(5000);
    assert_true(fail_alloc_run(use_everything, bytes) > 10);
    free(bytes);
}

static snapjar_status pack_small(snapjar_context *own, void *state, snapjar_error *error)
{
    (void)state;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_status status = snapjar_source_from_memory(&source, own, "x", 1, error);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, own, error);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, "y", 1, error);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return status;
}

static void test_small_objects_take_few_requests(void **state)
{
    (void)state;
    /* The context, the source, the sink, the sink's memory. */
    assert_int_equal(fail_alloc_run(pack_small, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_options),
        cmocka_unit_test(test_options_of_other_sizes),
        cmocka_unit_test(test_options_with_impossible_size),
        cmocka_unit_test(test_large_memory_is_aligned),
        cmocka_unit_test(test_memory_source),
        cmocka_unit_test(test_read_exact_names_the_end),
        cmocka_unit_test(test_file_source),
        cmocka_unit_test(test_file_source_grows_and_shrinks),
        cmocka_unit_test(test_source_failures),
        cmocka_unit_test(test_pipe_source),
        cmocka_unit_test(test_pipe_source_limit),
        cmocka_unit_test(test_file_that_says_it_is_empty),
        cmocka_unit_test(test_functions_source),
        cmocka_unit_test(test_memory_sink),
        cmocka_unit_test(test_memory_sink_is_content_with_less),
        cmocka_unit_test(test_fd_sink),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_closed_pipe),
        cmocka_unit_test(test_interrupted_writes),
        cmocka_unit_test(test_functions_sink),
        cmocka_unit_test(test_spool_around_its_limits),
        cmocka_unit_test(test_spool_lends_within_a_block),
        cmocka_unit_test(test_spool_is_used_again),
        cmocka_unit_test(test_spool_of_many_blocks),
        cmocka_unit_test(test_spool_without_folder),
        cmocka_unit_test(test_lock_excludes),
        cmocka_unit_test(test_folder_sync),
        cmocka_unit_test(test_descriptors_are_closed_on_exec),
        cmocka_unit_test(test_refused_memory),
        cmocka_unit_test(test_small_objects_take_few_requests),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
