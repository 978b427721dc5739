/* SPDX-License-Identifier: MIT
 *
 * A ring of slots, one lock, two conditions.
 */
#include "util/pipeline.h"

#include <pthread.h>
#include <stdint.h>

typedef enum slot_state { SLOT_FREE, SLOT_FILLED, SLOT_TAKEN, SLOT_DONE, SLOT_DRAINED } slot_state;

typedef struct slot {
    slot_state state;
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
    /** Something that the calling thread may wait for has happened. */
    pthread_cond_t has_done;
    pthread_cond_t has_drained;
    /** Items that left their slots, items drained, and items filled: item n is in slot n % slot_count. */
    uint64_t emitted;
    uint64_t head;
    uint64_t tail;
    snapjar_status emit_status;
    snapjar_error emit_error;
    bool has_emitter;
    unsigned slot_count;
    bool is_closed;
    slot slots[SJ_SLOTS_MAX];
    worker workers[SJ_THREADS_MAX];
};

static slot *slot_of(ring *r, uint64_t item)
{
    return &r->slots[item % r->slot_count];
}

/* The oldest item that nobody has taken, or NULL. With the lock held. */
static slot *take_oldest(ring *r)
{
    for (uint64_t item = r->head; item < r->tail; item++) {
        slot *s = slot_of(r, item);
        if (s->state == SLOT_FILLED) {
            s->state = SLOT_TAKEN;
            return s;
        }
    }
    return NULL;
}

/* With the lock held, which is given up for the work itself. */
static void work_on(ring *r, slot *s, unsigned number)
{
    (void)pthread_mutex_unlock(&r->lock);
    snapjar_status status = r->job->work(r->job->state, (unsigned)(s - r->slots), number, &s->error);
    (void)pthread_mutex_lock(&r->lock);
    s->status = status;
    s->state = SLOT_DONE;
    (void)pthread_cond_signal(&r->has_done);
}

static void *worker_main(void *argument)
{
    worker *self = argument;
    ring *r = self->owner;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->is_closed) {
        slot *s = take_oldest(r);
        if (s)
            work_on(r, s, self->number);
        else
            (void)pthread_cond_wait(&r->has_filled, &r->lock);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Puts drained items out in order until there are no more or one fails. */
static void *emitter_main(void *argument)
{
    ring *r = argument;

    (void)pthread_mutex_lock(&r->lock);
    for (;;) {
        slot *s = slot_of(r, r->emitted);
        if (r->emitted < r->head && s->state == SLOT_DRAINED) {
            (void)pthread_mutex_unlock(&r->lock);
            snapjar_status status = r->job->emit(r->job->state, (unsigned)(s - r->slots), &s->error);
            (void)pthread_mutex_lock(&r->lock);
            if (status != SNAPJAR_OK) {
                r->emit_status = status;
                r->emit_error = s->error;
            }
            s->state = SLOT_FREE;
            r->emitted++;
            (void)pthread_cond_signal(&r->has_done);
            if (status != SNAPJAR_OK)
                break;
        } else if (r->is_closed) {
            break;
        } else {
            (void)pthread_cond_wait(&r->has_drained, &r->lock);
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* How many items have left their slots; `may_wait`: waits until one more has, or putting out has failed. */
static snapjar_status count_emitted(ring *r, bool may_wait, uint64_t *count, snapjar_error *err)
{
    (void)pthread_mutex_lock(&r->lock);
    while (may_wait && r->emitted == *count && r->emit_status == SNAPJAR_OK)
        (void)pthread_cond_wait(&r->has_done, &r->lock);
    *count = r->emitted;
    snapjar_status status = r->emit_status;
    (void)pthread_mutex_unlock(&r->lock);
    if (status != SNAPJAR_OK && err)
        *err = r->emit_error;
    return status;
}

/* Waits for the oldest item, working meanwhile, and drains it. */
static snapjar_status finish_oldest(ring *r, snapjar_error *err)
{
    slot *oldest = slot_of(r, r->head);

    (void)pthread_mutex_lock(&r->lock);
    while (oldest->state != SLOT_DONE) {
        slot *s = take_oldest(r);
        if (s)
            work_on(r, s, 0);
        else
            (void)pthread_cond_wait(&r->has_done, &r->lock);
    }
    (void)pthread_mutex_unlock(&r->lock);

    if (oldest->status != SNAPJAR_OK) {
        if (err)
            *err = oldest->error;
        return oldest->status;
    }
    SJ_TRY(r->job->drain(r->job->state, (unsigned)(oldest - r->slots), err));
    if (r->job->emit && !r->has_emitter)
        SJ_TRY(r->job->emit(r->job->state, (unsigned)(oldest - r->slots), err));
    (void)pthread_mutex_lock(&r->lock);
    oldest->state = r->has_emitter ? SLOT_DRAINED : SLOT_FREE;
    r->emitted += !r->has_emitter;
    r->head++;
    (void)pthread_cond_signal(&r->has_drained);
    (void)pthread_mutex_unlock(&r->lock);
    return SNAPJAR_OK;
}

static snapjar_status fill_next(ring *r, bool *has_item, snapjar_error *err)
{
    slot *s = slot_of(r, r->tail);

    SJ_TRY(r->job->fill(r->job->state, (unsigned)(s - r->slots), has_item, err));
    if (!*has_item)
        return SNAPJAR_OK;
    (void)pthread_mutex_lock(&r->lock);
    s->state = SLOT_FILLED;
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
    uint64_t emitted = 0;

    while (has_item || r->head < r->tail) {
        SJ_TRY(count_emitted(r, false, &emitted, err));
        /* Filling first keeps the other threads busy; a slot that is still being put out is no reason to wait. */
        if (has_item && r->tail - emitted < r->slot_count)
            SJ_TRY(fill_or_finish(r, &has_item, err));
        else if (r->head < r->tail)
            SJ_TRY(finish_oldest(r, err));
        else
            SJ_TRY(count_emitted(r, true, &emitted, err));
    }
    while (emitted < r->tail)
        SJ_TRY(count_emitted(r, true, &emitted, err));
    return SNAPJAR_OK;
}

static snapjar_status run_threads(snapjar_context *context, const sj_pipeline *job, snapjar_error *err)
{
    ring *r = sj_alloc_zero(context, sizeof(*r));
    unsigned started = 0;
    pthread_t emitter;

    if (!r)
        return sj_raise_no_memory(err, sizeof(*r));
    r->job = job;
    r->slot_count = job->threads + 1 + (job->emit != NULL && job->threads > 1);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->has_filled, NULL);
    (void)pthread_cond_init(&r->has_done, NULL);
    (void)pthread_cond_init(&r->has_drained, NULL);
    for (; started + 1 < job->threads; started++) {
        worker *w = &r->workers[started];
        w->owner = r;
        w->number = started + 1;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
    }
    r->has_emitter = job->emit && pthread_create(&emitter, NULL, emitter_main, r) == 0;
    snapjar_status status = run_ring(r, err);
    (void)pthread_mutex_lock(&r->lock);
    r->is_closed = true;
    (void)pthread_cond_broadcast(&r->has_filled);
    (void)pthread_cond_signal(&r->has_drained);
    (void)pthread_mutex_unlock(&r->lock);
    if (r->has_emitter)
        (void)pthread_join(emitter, NULL);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(r->workers[i].thread, NULL);
    /* What was put out stood before whatever failed otherwise. */
    if (r->emit_status != SNAPJAR_OK) {
        status = r->emit_status;
        if (err)
            *err = r->emit_error;
    }
    (void)pthread_cond_destroy(&r->has_drained);
    (void)pthread_cond_destroy(&r->has_done);
    (void)pthread_cond_destroy(&r->has_filled);
    (void)pthread_mutex_destroy(&r->lock);
    sj_free(context, r);
    return status;
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

snapjar_status sj_pipeline_run(snapjar_context *context, const sj_pipeline *job, snapjar_error *err)
{
    return job->threads > 1 || job->emit ? run_threads(context, job, err) : run_alone(job, err);
}
