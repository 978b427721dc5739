/* SPDX-License-Identifier: MIT
 *
 * The pipeline with any number of threads does what it does with one: order of fill and drain, which failure is told,
 * and no thread is left when it returns.
 */
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "util/pipeline.h"

static const unsigned thread_counts[] = {0, 1, 2, 3, 8, 64};
#define THREAD_COUNTS (sizeof(thread_counts) / sizeof(thread_counts[0]))
#define NEVER UINT64_MAX

typedef struct job {
    uint64_t item_count;
    unsigned threads;
    /** The items at which the stages fail. */
    uint64_t failing_fill;
    uint64_t failing_work;
    uint64_t failing_work2;
    uint64_t failing_drain;
    uint64_t filled;
    uint64_t drained;
    /** What is in a slot: the item plus 1; worked on: negative. */
    _Atomic int64_t slots[SJ_SLOTS_MAX];
    atomic_uint used_slots;
    pthread_t caller;
    atomic_uint worked_by_caller;
    atomic_uint running;
    atomic_uint running_max;
    atomic_uint workers[SJ_THREADS_MAX];
    /** Rules that were broken; assertions must not jump out of other threads. */
    atomic_uint broken;
    bool is_fill_last;
    bool is_slow;
} job;

static snapjar_status fail_at(snapjar_error *err, uint64_t item, snapjar_diagnostic diagnostic)
{
    return sj_raise(err, SNAPJAR_DAMAGED, diagnostic, SJ_AT_FILE(item), "item %d", (int)item);
}

static snapjar_status fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    job *j = state;

    if (j->is_fill_last || slot >= sj_pipeline_slots(j->threads) || j->slots[slot] ||
        j->used_slots >= sj_pipeline_slots(j->threads))
        j->broken++;
    *has_item = j->filled < j->item_count;
    if (j->filled == j->failing_fill)
        return fail_at(err, j->filled, SNAPJAR_DIAG_READ_FAILED);
    if (*has_item) {
        j->slots[slot] = (int64_t)++j->filled;
        j->used_slots++;
    } else {
        j->is_fill_last = true;
    }
    return SNAPJAR_OK;
}

static snapjar_status work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    job *j = state;
    uint64_t item = (uint64_t)j->slots[slot] - 1;

    if ((worker && worker >= j->threads) || atomic_fetch_add(&j->workers[worker], 1) != 0 || j->slots[slot] <= 0)
        j->broken++;
    j->worked_by_caller += pthread_equal(pthread_self(), j->caller) != 0;
    unsigned running = atomic_fetch_add(&j->running, 1) + 1;
    for (unsigned seen = j->running_max;
         running > seen && !atomic_compare_exchange_weak(&j->running_max, &seen, running);)
        continue;
    if (j->is_slow)
        (void)usleep((unsigned)(item * 7919 % 300));
    j->slots[slot] = -j->slots[slot];
    j->running--;
    j->workers[worker]--;
    if (item == j->failing_work || item == j->failing_work2)
        return fail_at(err, item, SNAPJAR_DIAG_DECODE_FAILED);
    return SNAPJAR_OK;
}

static snapjar_status drain(void *state, unsigned slot, snapjar_error *err)
{
    job *j = state;

    if (j->slots[slot] != -(int64_t)(j->drained + 1))
        j->broken++;
    if (j->drained == j->failing_drain)
        return fail_at(err, j->drained, SNAPJAR_DIAG_WRITE_FAILED);
    j->slots[slot] = 0;
    j->used_slots--;
    j->drained++;
    return SNAPJAR_OK;
}

static size_t count_threads(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

static snapjar_context *context;

static void *do_nothing(void *argument)
{
    return argument;
}

static int set_up(void **state)
{
    pthread_t thread;

    (void)state;
    /* A sanitizer starts threads of its own with the first one; they must not be counted later. */
    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return -1;
    return snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    return 0;
}

static job new_job(uint64_t item_count, unsigned threads)
{
    return (job){.item_count = item_count,
                 .threads = threads,
                 .caller = pthread_self(),
                 .failing_fill = NEVER,
                 .failing_work = NEVER,
                 .failing_work2 = NEVER,
                 .failing_drain = NEVER};
}

static snapjar_status run(job *j, snapjar_error *err)
{
    const sj_pipeline plan = {fill, work, drain, j, j->threads};
    size_t before = count_threads();

    snapjar_status status = sj_pipeline_run(context, &plan, err);
    /* A joined thread may stand in /proc for a moment longer. */
    for (int i = 0; i < 1000 && count_threads() > before; i++)
        (void)usleep(100);
    assert_int_equal(count_threads(), before);
    assert_int_equal(j->broken, 0);
    assert_int_equal(j->running, 0);
    return status;
}

static void test_order(void **state)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 4, 9, 64, 65, 66, 500};

    (void)state;
    for (size_t i = 0; i < THREAD_COUNTS; i++) {
        for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
            for (int way = 0; way < 2; way++) {
                job j = new_job(counts[k], thread_counts[i]);
                j.is_slow = way && counts[k] < 100;
                assert_ok(run(&j, err));
                assert_int_equal(j.filled, counts[k]);
                assert_int_equal(j.drained, counts[k]);
                assert_int_equal(j.used_slots, 0);
            }
        }
    }
}

/* Without workers all happens in the calling thread; otherwise none of the work does. */
static void test_who_works(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 2; threads++) {
        job j = new_job(20, threads);
        assert_ok(run(&j, err));
        assert_int_equal(j.worked_by_caller, threads ? 0 : 20);
        assert_true(j.running_max <= (threads ? threads : 1));
    }
}

static void test_threads_work_at_once(void **state)
{
    (void)state;
    /* On a busy machine threads may start late: try until it was seen. */
    for (int i = 0; i < 50; i++) {
        job j = new_job(200, 3);
        j.is_slow = true;
        assert_ok(run(&j, err));
        assert_true(j.running_max <= 3);
        if (j.running_max > 1)
            return;
    }
    fail_msg("no two items were worked on at once");
}

/* `made` fails with this; what came before was drained. */
static void expect_failure(const job *made, snapjar_diagnostic diagnostic, uint64_t item)
{
    job j = *made;
    job again = *made;
    snapjar_error err;

    assert_fault(run(&j, &err), &err, SNAPJAR_DAMAGED, diagnostic, SNAPJAR_SPACE_FILE, item);
    assert_int_equal(j.drained, item);
    assert_int_equal(run(&again, NULL), SNAPJAR_DAMAGED);
}

static void test_each_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < THREAD_COUNTS; i++) {
        /* Starting 64 threads takes its time: a few items will do there. */
        const uint64_t step = thread_counts[i] > 8 ? 5 : 1;
        for (uint64_t item = 0; item < 12; item += step) {
            job j = new_job(12, thread_counts[i]);
            j.failing_fill = item;
            expect_failure(&j, SNAPJAR_DIAG_READ_FAILED, item);
            j = new_job(12, thread_counts[i]);
            j.failing_work = item;
            expect_failure(&j, SNAPJAR_DIAG_DECODE_FAILED, item);
            j = new_job(12, thread_counts[i]);
            j.failing_drain = item;
            j.is_slow = item % 2;
            expect_failure(&j, SNAPJAR_DIAG_WRITE_FAILED, item);
        }
        /* The end itself may be what cannot be read. */
        job j = new_job(12, thread_counts[i]);
        j.failing_fill = 12;
        expect_failure(&j, SNAPJAR_DIAG_READ_FAILED, 12);
    }
}

/* Of two failures the first in the order of items is told, whichever happened first. */
static void test_first_failure(void **state)
{
    static const snapjar_diagnostic told[] = {SNAPJAR_DIAG_READ_FAILED, SNAPJAR_DIAG_DECODE_FAILED,
                                              SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_DIAG_WRITE_FAILED};

    (void)state;
    for (size_t i = 0; i + 1 < THREAD_COUNTS; i++) {
        for (size_t pair = 0; pair < 16; pair++) {
            for (uint64_t first = 0; first < 5; first++) {
                job j = new_job(20, thread_counts[i]);
                uint64_t *const stages[] = {&j.failing_fill, &j.failing_work, &j.failing_work2, &j.failing_drain};
                *stages[pair % 4] = first + 1 + pair / 4 % 2;
                *stages[pair / 4] = first;
                j.is_slow = first % 2;
                expect_failure(&j, told[pair / 4], first);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_who_works),
        cmocka_unit_test(test_threads_work_at_once),
        cmocka_unit_test(test_each_failure),
        cmocka_unit_test(test_first_failure),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
