/* SPDX-License-Identifier: MIT
 *
 * A ring of slots, one lock, two conditions.
 */
#include "util/pipeline.h"

#include <pthread.h>
#include <stdint.h>

typedef struct slot {
    bool is_done;
    snapjar_status status;
    snapjar_error error;
} slot;

typedef struct ring ring;

typedef struct worker {
    ring *owner;
    pthread_t thread;
    unsigned number;
} worker;

struct ring {
    const sj_pipeline *job;
    pthread_mutex_t lock;
    pthread_cond_t has_filled;
    pthread_cond_t has_done;
    /** Items drained, taken by a worker, and filled: item n is in slot n % slot_count. */
    uint64_t head;
    uint64_t taken;
    uint64_t tail;
    unsigned slot_count;
    bool is_closed;
    slot slots[SJ_SLOTS_MAX];
    worker workers[SJ_THREADS_MAX];
};

static slot *slot_of(ring *r, uint64_t item)
{
    return &r->slots[item % r->slot_count];
}

static void *worker_main(void *argument)
{
    worker *self = argument;
    ring *r = self->owner;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->is_closed) {
        if (r->taken == r->tail) {
            (void)pthread_cond_wait(&r->has_filled, &r->lock);
            continue;
        }
        slot *s = slot_of(r, r->taken++);
        (void)pthread_mutex_unlock(&r->lock);
        s->status = r->job->work(r->job->state, (unsigned)(s - r->slots), self->number, &s->error);
        (void)pthread_mutex_lock(&r->lock);
        s->is_done = true;
        (void)pthread_cond_signal(&r->has_done);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Waits for the oldest item and drains it. */
static snapjar_status finish_oldest(ring *r, snapjar_error *err)
{
    slot *oldest = slot_of(r, r->head);

    (void)pthread_mutex_lock(&r->lock);
    while (!oldest->is_done)
        (void)pthread_cond_wait(&r->has_done, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    if (oldest->status != SNAPJAR_OK) {
        if (err)
            *err = oldest->error;
        return oldest->status;
    }
    SJ_TRY(r->job->drain(r->job->state, (unsigned)(oldest - r->slots), err));
    r->head++;
    return SNAPJAR_OK;
}

static snapjar_status fill_next(ring *r, bool *has_item, snapjar_error *err)
{
    slot *s = slot_of(r, r->tail);

    SJ_TRY(r->job->fill(r->job->state, (unsigned)(s - r->slots), has_item, err));
    if (!*has_item)
        return SNAPJAR_OK;
    (void)pthread_mutex_lock(&r->lock);
    s->is_done = false;
    r->tail++;
    (void)pthread_cond_signal(&r->has_filled);
    (void)pthread_mutex_unlock(&r->lock);
    return SNAPJAR_OK;
}

/* Fills the next item. If that fails, the items before it are finished first: one of them may fail too, and then that
 * is told. */
static snapjar_status fill_or_finish(ring *r, bool *has_item, snapjar_error *err)
{
    snapjar_error fault;
    snapjar_status status = fill_next(r, has_item, &fault);

    if (status == SNAPJAR_OK)
        return SNAPJAR_OK;
    while (r->head < r->tail)
        SJ_TRY(finish_oldest(r, err));
    if (err)
        *err = fault;
    return status;
}

static snapjar_status run_ring(ring *r, snapjar_error *err)
{
    bool has_item = true;

    while (has_item || r->head < r->tail) {
        /* Filling first keeps the workers busy. */
        if (has_item && r->tail - r->head < r->slot_count)
            SJ_TRY(fill_or_finish(r, &has_item, err));
        else
            SJ_TRY(finish_oldest(r, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status run_alone(const sj_pipeline *job, snapjar_error *err)
{
    for (;;) {
        bool has_item = true;
        SJ_TRY(job->fill(job->state, 0, &has_item, err));
        if (!has_item)
            return SNAPJAR_OK;
        SJ_TRY(job->work(job->state, 0, 0, err));
        SJ_TRY(job->drain(job->state, 0, err));
    }
}

/* Starts the workers; returns how many there are. */
static unsigned start(ring *r)
{
    unsigned started = 0;

    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->has_filled, NULL);
    (void)pthread_cond_init(&r->has_done, NULL);
    for (; started < r->job->threads; started++) {
        worker *w = &r->workers[started];
        w->owner = r;
        w->number = started;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
    }
    return started;
}

static void stop(ring *r, unsigned started)
{
    (void)pthread_mutex_lock(&r->lock);
    r->is_closed = true;
    (void)pthread_cond_broadcast(&r->has_filled);
    (void)pthread_mutex_unlock(&r->lock);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(r->workers[i].thread, NULL);
    (void)pthread_cond_destroy(&r->has_done);
    (void)pthread_cond_destroy(&r->has_filled);
    (void)pthread_mutex_destroy(&r->lock);
}

snapjar_status sj_pipeline_run(snapjar_context *context, const sj_pipeline *job, snapjar_error *err)
{
    if (!job->threads)
        return run_alone(job, err);
    ring *r = sj_alloc_zero(context, sizeof(*r));
    if (!r)
        return sj_raise_no_memory(err, sizeof(*r));
    r->job = job;
    r->slot_count = sj_pipeline_slots(job->threads);
    unsigned started = start(r);
    snapjar_status status = started ? run_ring(r, err) : run_alone(job, err);
    stop(r, started);
    sj_free(context, r);
    return status;
}
