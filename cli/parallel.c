/* SPDX-License-Identifier: MIT
 *
 * Jobs on threads: a window of results, which whoever completes the oldest one empties.
 */
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "text.h"

/* How far fast jobs may run ahead of a slow one. */
#define WINDOW 1024

struct pool {
    const struct parallel *jobs;
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t next;
    size_t emitted;
    bool done[WINDOW];
    char *results;
};

struct worker {
    struct pool *pool;
    unsigned number;
    pthread_t thread;
};

static void *result_at(const struct pool *pool, size_t index)
{
    return pool->results + index % WINDOW * pool->jobs->result_size;
}

static void emit_ready(struct pool *pool)
{
    size_t before = pool->emitted;

    while (pool->done[pool->emitted % WINDOW]) {
        pool->jobs->emit(pool->jobs->state, pool->emitted, result_at(pool, pool->emitted));
        pool->done[pool->emitted % WINDOW] = false;
        pool->emitted++;
    }
    if (pool->emitted != before)
        pthread_cond_broadcast(&pool->room);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    while (pool->next < pool->jobs->count) {
        if (pool->next - pool->emitted >= WINDOW) {
            pthread_cond_wait(&pool->room, &pool->lock);
            continue;
        }
        size_t index = pool->next++;
        pthread_mutex_unlock(&pool->lock);
        pool->jobs->work(pool->jobs->state, worker->number, index, result_at(pool, index));
        pthread_mutex_lock(&pool->lock);
        pool->done[index % WINDOW] = true;
        emit_ready(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void run_alone(const struct parallel *jobs)
{
    void *result = memory_get(jobs->result_size);

    for (size_t i = 0; i < jobs->count; i++) {
        jobs->work(jobs->state, 0, i, result);
        jobs->emit(jobs->state, i, result);
    }
    jobs->release(result);
    free(result);
}

void parallel_run(const struct parallel *jobs)
{
    struct worker workers[PARALLEL_JOBS_MAX];
    unsigned count = jobs->jobs < PARALLEL_JOBS_MAX ? jobs->jobs : PARALLEL_JOBS_MAX;

    if (count <= 1 || jobs->count <= 1) {
        run_alone(jobs);
        return;
    }
    struct pool *pool = memory_get(sizeof(*pool));
    pool->jobs = jobs;
    pool->results = memory_get(WINDOW * jobs->result_size);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->room, NULL);
    unsigned made = 1;
    for (; made < count; made++) {
        workers[made] = (struct worker){.pool = pool, .number = made};
        if (pthread_create(&workers[made].thread, NULL, work, &workers[made]) != 0)
            break;
    }
    workers[0] = (struct worker){.pool = pool, .number = 0};
    work(&workers[0]);
    for (unsigned i = 1; i < made; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < WINDOW; i++)
        jobs->release(result_at(pool, i));
    pthread_cond_destroy(&pool->room);
    pthread_mutex_destroy(&pool->lock);
    free(pool->results);
    free(pool);
}

unsigned parallel_processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > PARALLEL_JOBS_MAX ? PARALLEL_JOBS_MAX : (unsigned)count;
}
