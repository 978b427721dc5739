/* SPDX-License-Identifier: MIT
 *
 * The walk over a graph that writes a pickle, with a stack of its own in place of recursion. A value that comes up
 * again while it is being made of its children is made inside, once, and taken from the memo outside, as picklers do
 * with tuples that contain themselves. Most graphs have none of these, and most values are referred to once: so memo
 * entries are made for what is known to be shared, and if that was not enough, all begins anew with one for everything.
 */
#include "pickle/emit.h"

#include <string.h>

#include "util/bytes.h"
#include "util/options.h"

/** Elements in one APPENDS, SETITEMS or ADDITEMS: _BATCHSIZE of CPython's Lib/pickle.py. */
#define BATCH_SIZE 1000
/** A pickle that says the same many times was long itself. */
#define REPEATS_PER_BYTE 16
/** Values that come up inside of themselves do so a few tasks away, as a rule: that is for large pickles. */
#define LOOKS_PER_BYTE 1024
#define LOOKS_MIN (UINT64_C(1) << 24)
#define LOOKS_MAX (UINT64_C(1) << 31)

/* ---- memo ---- */

/** Whether it could be told from a copy of itself, or something was done to it. */
static bool can_put(const sj_node *node)
{
    if (node->changes != 0)
        return true;
    return node->kind > SJ_NODE_FLOAT && (node->kind != SJ_NODE_TUPLE || node->count > 0);
}

static bool needs_put(const sj_emitter *e, const sj_node *node, bool is_dropped)
{
    if (!can_put(node))
        return false;
    if ((e->puts_all && !is_dropped) || (node->flags & (SJ_NODE_IS_SHARED | SJ_NODE_IS_FETCHED)) != 0)
        return true;
    /* One that is filled by calls is an argument of those. */
    return node->kind == SJ_NODE_SET && e->protocol < 4 && !sj_emit_can_gather(e, node);
}

/** A value comes up that has a memo entry. */
static SJ_EMIT get(sj_emitter *e, sj_ref ref, snapjar_error *err)
{
    if ((e->memo[ref] & SJ_MEMO_OPEN) != 0)
        SJ_TRY(sj_emit_check_open(e, ref, err));
    return sj_emit_get(e, (e->memo[ref] & ~SJ_MEMO_OPEN) - SJ_MEMO_FIRST, err);
}

/** A value comes up that was begun and has no memo entry. */
static SJ_EMIT repeat(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    if (!e->puts_all) {
        e->puts_all = e->must_restart = true;
        return SNAPJAR_OK;
    }
    if (node->kind == SJ_NODE_SET) {
        e->fills_sets = e->must_restart = true;
        return SNAPJAR_OK;
    }
    if (e->repeats_left <= node->count)
        return sj_emit_refuse(e, node->offset, err, "values that contain themselves would be written too often");
    e->repeats_left -= node->count + UINT64_C(1);
    return SNAPJAR_OK;
}

/* ---- tasks ---- */

static SJ_EMIT push(sj_emitter *e, const sj_emit_task *task, snapjar_error *err)
{
    if (e->task_count == e->task_capacity) {
        const size_t capacity = e->task_capacity == 0 ? 64 : e->task_capacity + e->task_capacity / 2;
        sj_emit_task *tasks = sj_realloc(e->context, e->tasks, capacity * sizeof *tasks);
        if (tasks == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *tasks);
        e->tasks = tasks;
        e->task_capacity = capacity;
    }
    e->tasks[e->task_count++] = *task;
    return SNAPJAR_OK;
}

/** A value is on the stack now: it gets its memo entry, and what happened to it follows. */
static SJ_EMIT finish(sj_emitter *e, const sj_emit_task *made, snapjar_error *err)
{
    const sj_ref ref = made->ref;
    const sj_node *node = sj_graph_node(e->graph, ref);
    sj_emit_task task = {.ref = ref, .is_made = true, .is_moved = made->is_moved, .effect_before = made->effect_before};
    uint32_t index;
    if (needs_put(e, node, made->is_dropped)) {
        SJ_TRY(sj_emit_put(e, &index, err));
        e->memo[ref] = index + SJ_MEMO_FIRST;
    }
    const bool has_elements = node->count > 0 && (node->kind == SJ_NODE_LIST || node->kind == SJ_NODE_DICT);
    if (made->is_gathered || (!has_elements && node->changes == 0)) {
        sj_emit_leave(e, made);
        return SNAPJAR_OK;
    }
    if (!has_elements)
        task.change = sj_graph_first_change(e->graph, node);
    if (e->memo[ref] >= SJ_MEMO_FIRST)
        e->memo[ref] |= SJ_MEMO_OPEN;
    return push(e, &task, err);
}

/** All that happened to a value was emitted. */
static void close_value(sj_emitter *e, const sj_emit_task *task)
{
    if (e->memo[task->ref] >= SJ_MEMO_FIRST)
        e->memo[task->ref] &= ~SJ_MEMO_OPEN;
    sj_emit_leave(e, task);
}

/** Whether it is a plain value to which nothing else refers, so that nothing of it need be remembered. */
static bool is_lone(const sj_emitter *e, const sj_node *node)
{
    return node->kind < SJ_NODE_EXTENSION && node->changes == 0 && !needs_put(e, node, false);
}

static SJ_EMIT emit_task(sj_emitter *e, sj_emit_task task, snapjar_error *err)
{
    const sj_ref ref = task.ref;
    const sj_node *node = sj_graph_node(e->graph, ref);
    bool is_open;
    SJ_TRY(sj_emit_boundary(e, err));
    if (is_lone(e, node))
        return sj_emit_plain(e, node, err);
    if (e->memo[ref] >= SJ_MEMO_FIRST)
        return get(e, ref, err);
    if (e->memo[ref] == SJ_MEMO_BEGUN && can_put(node)) {
        SJ_TRY(repeat(e, node, err));
        if (e->must_restart)
            return SNAPJAR_OK;
    }
    task.is_known = e->memo[ref] == SJ_MEMO_KNOWN;
    e->memo[ref] = SJ_MEMO_BEGUN;
    sj_emit_enter(e, &task);
    SJ_TRY(sj_emit_start(e, &task, &is_open, err));
    return is_open ? push(e, &task, err) : finish(e, &task, err);
}

static SJ_EMIT emit_value(sj_emitter *e, sj_ref ref, snapjar_error *err)
{
    return emit_task(e, (sj_emit_task){.ref = ref}, err);
}

/** All children of a value are on the stack. */
static SJ_EMIT make(sj_emitter *e, snapjar_error *err)
{
    const sj_emit_task task = e->tasks[--e->task_count];
    const sj_node *node = sj_graph_node(e->graph, task.ref);
    if (e->memo[task.ref] >= SJ_MEMO_FIRST) {
        sj_emit_leave(e, &task);
        SJ_TRY(sj_emit_unmake(e, node, err));
        return get(e, task.ref, err);
    }
    SJ_TRY(sj_emit_make(e, node, err));
    return finish(e, &task, err);
}

/* ---- what happens to a value ---- */

/** Elements that go into a container, by one opcode or several. */
typedef struct filling {
    uint32_t count;
    uint32_t first;
    uint64_t offset;
    /** For one element (a pair counts as one), and for many. */
    uint8_t single;
    uint8_t many;
    /** Words of an element, and of a batch. */
    uint32_t unit;
    uint32_t batch;
    /** A list, dict or set itself, so that it does not matter how the elements are batched. */
    bool is_exact;
    bool is_hashed;
} filling;

static filling describe(const sj_node *node, uint8_t op, uint32_t first, uint32_t count, uint64_t offset)
{
    filling f = {.count = count, .first = first, .offset = offset, .unit = 1};
    switch (op) {
    case SJ_OP_APPEND:
    case SJ_OP_APPENDS:
        f.single = SJ_OP_APPEND;
        f.many = SJ_OP_APPENDS;
        f.is_exact = node->kind == SJ_NODE_LIST;
        break;
    case SJ_OP_SETITEM:
    case SJ_OP_SETITEMS:
        f.single = SJ_OP_SETITEM;
        f.many = SJ_OP_SETITEMS;
        f.unit = 2;
        f.is_exact = node->kind == SJ_NODE_DICT;
        f.is_hashed = true;
        break;
    default:
        f.many = SJ_OP_ADDITEMS;
        f.is_exact = node->kind == SJ_NODE_SET;
        f.is_hashed = true;
        break;
    }
    f.batch = f.is_exact ? BATCH_SIZE * f.unit : count;
    return f;
}

/** Elements that go in together, or one by one: from `begin` on, up to `end`. */
typedef struct batch {
    uint32_t begin;
    uint32_t end;
    bool is_one_by_one;
} batch;

/** The batch of element `index`, of which there is one. */
static batch batch_of(const sj_emitter *e, const filling *f, uint8_t op, uint32_t index)
{
    batch b = {.begin = index / f->batch * f->batch};
    b.end = f->count - b.begin < f->batch ? f->count : b.begin + f->batch;
    if (f->single == 0)
        return b;
    if (e->protocol == 0 || (!f->is_exact && op == f->single))
        b.is_one_by_one = true;
    else
        b.is_one_by_one = f->is_exact && f->count - b.begin == f->unit;
    return b;
}

/** The opcode behind the element before `index`, which is of batch `b`. */
static SJ_EMIT close_element(sj_emitter *e, const filling *f, const batch *b, uint32_t index, snapjar_error *err)
{
    if (b->is_one_by_one)
        return index % f->unit == 0 ? sj_emit_opcode(e, f->single, err) : SNAPJAR_OK;
    return index == b->end ? sj_emit_opcode(e, f->many, err) : SNAPJAR_OK;
}

/** All elements went in: what that did counts. */
static SJ_EMIT end_filling(sj_emitter *e, const filling *f, bool has_hashed, snapjar_error *err)
{
    if (f->count == 0 && !f->is_exact && e->protocol > 0) {
        SJ_TRY(sj_emit_opcode(e, SJ_OP_MARK, err));
        SJ_TRY(sj_emit_opcode(e, f->many, err));
    }
    return has_hashed || !f->is_exact ? sj_emit_effect(e, f->offset, err) : SNAPJAR_OK;
}

/** Goes on with a filling, up to an element that leaves something to do; `*is_done` after the last. */
static SJ_EMIT fill(sj_emitter *e, sj_emit_task *task, const filling *f, uint8_t op, bool *is_done, snapjar_error *err)
{
    const size_t task_count = e->task_count;
    *is_done = f->count == 0;
    if (*is_done)
        return end_filling(e, f, task->has_hashed, err);
    batch b = batch_of(e, f, op, task->index == 0 ? 0 : task->index - 1);
    do {
        const uint32_t index = task->index;
        if (index > 0)
            SJ_TRY(close_element(e, f, &b, index, err));
        *is_done = index == f->count;
        if (*is_done)
            return end_filling(e, f, task->has_hashed, err);
        if (index == b.end)
            b = batch_of(e, f, op, index);
        if (index == b.begin && !b.is_one_by_one)
            SJ_TRY(sj_emit_opcode(e, SJ_OP_MARK, err));
        const sj_ref child = e->graph->words[f->first + index];
        if (f->is_hashed && index % f->unit == 0)
            task->has_hashed |= sj_graph_node(e->graph, child)->kind >= SJ_NODE_EXTENSION;
        task->index++;
        SJ_TRY(emit_value(e, child, err));
        /* A task that was added may have moved this one. */
    } while (e->task_count == task_count && !e->must_restart);
    return SNAPJAR_OK;
}

/** operator.ior(the set, set([elements])), below protocol 4. */
static SJ_EMIT fill_set(sj_emitter *e, sj_emit_task *task, const sj_change *change, bool *is_done, snapjar_error *err)
{
    const uint32_t index = task->index;
    *is_done = index == change->count;
    if (index == 0) {
        SJ_TRY(sj_emit_helper(e, SJ_HELPER_IOR, err));
        SJ_TRY(sj_emit_open_tuple(e, 2, err));
        SJ_TRY(sj_emit_get(e, (e->memo[task->ref] & ~SJ_MEMO_OPEN) - SJ_MEMO_FIRST, err));
        SJ_TRY(sj_emit_helper(e, SJ_HELPER_SET, err));
        SJ_TRY(sj_emit_open_tuple(e, 1, err));
        SJ_TRY(sj_emit_opcode(e, SJ_OP_MARK, err));
    }
    if (!*is_done) {
        task->index++;
        return emit_value(e, e->graph->words[change->first + index], err);
    }
    SJ_TRY(sj_emit_effect(e, change->offset, err));
    SJ_TRY(sj_emit_opcode(e, SJ_OP_LIST, err));
    SJ_TRY(sj_emit_close_tuple(e, 1, err));
    SJ_TRY(sj_emit_opcode(e, SJ_OP_REDUCE, err));
    SJ_TRY(sj_emit_close_tuple(e, 2, err));
    SJ_TRY(sj_emit_opcode(e, SJ_OP_REDUCE, err));
    return sj_emit_opcode(e, SJ_OP_POP, err);
}

/** BUILD, REDUCE, POP: their operands, then the opcode. */
static SJ_EMIT apply(sj_emitter *e, sj_emit_task *task, const sj_change *change, bool *is_done, snapjar_error *err)
{
    *is_done = task->index == change->count;
    if (!*is_done)
        return emit_task(e,
                         (sj_emit_task){.ref = e->graph->words[change->first + task->index++],
                                        .is_dropped = change->op == SJ_OP_POP},
                         err);
    if (change->op == SJ_OP_POP)
        return sj_emit_opcode(e, SJ_OP_POP, err);
    SJ_TRY(sj_emit_effect(e, change->offset, err));
    SJ_TRY(sj_emit_opcode(e, change->op, err));
    return change->op == SJ_OP_REDUCE ? sj_emit_opcode(e, SJ_OP_POP, err) : SNAPJAR_OK;
}

static SJ_EMIT step_change(sj_emitter *e, sj_emit_task *task, const sj_node *node, bool *is_done, snapjar_error *err)
{
    if (task->change == 0) {
        const uint8_t op = node->kind == SJ_NODE_LIST ? SJ_OP_APPENDS : SJ_OP_SETITEMS;
        const filling f = describe(node, op, node->first, node->count, node->offset);
        return fill(e, task, &f, op, is_done, err);
    }
    const sj_change change = sj_graph_change(e->graph, task->change);
    if (change.op == SJ_OP_BUILD || change.op == SJ_OP_REDUCE || change.op == SJ_OP_POP)
        return apply(e, task, &change, is_done, err);
    if (change.op == SJ_OP_ADDITEMS && e->protocol < 4) {
        if (node->kind != SJ_NODE_SET)
            return sj_emit_refuse(e, change.offset, err, "something other than a set is filled like one");
        return fill_set(e, task, &change, is_done, err);
    }
    const filling f = describe(node, change.op, change.first, change.count, change.offset);
    return fill(e, task, &f, change.op, is_done, err);
}

/** The task goes on to the next change; false if that was the last. */
static bool next_change(const sj_emitter *e, sj_emit_task *task, const sj_node *node)
{
    task->index = 0;
    task->has_hashed = false;
    task->change =
        task->change == 0 ? sj_graph_first_change(e->graph, node) : sj_graph_next_change(e->graph, node, task->change);
    return task->change != 0;
}

/** A set that is a call with all its elements: what ADDITEMS added goes into a list. */
static SJ_EMIT gather(sj_emitter *e, sj_emit_task *task, const sj_node *node, snapjar_error *err)
{
    bool is_done = true;
    if (task->change != 0) {
        const sj_change change = sj_graph_change(e->graph, task->change);
        filling f = describe(node, SJ_OP_APPENDS, change.first, change.count, change.offset);
        f.is_exact = f.is_hashed = true;
        f.batch = BATCH_SIZE;
        SJ_TRY(fill(e, task, &f, SJ_OP_APPENDS, &is_done, err));
        if (!is_done || next_change(e, task, node))
            return SNAPJAR_OK;
    }
    const sj_emit_task made = e->tasks[--e->task_count];
    SJ_TRY(sj_emit_close_tuple(e, 1, err));
    SJ_TRY(sj_emit_opcode(e, SJ_OP_REDUCE, err));
    return finish(e, &made, err);
}

/* ---- the walk ---- */

static SJ_EMIT advance(sj_emitter *e, snapjar_error *err)
{
    sj_emit_task *task = &e->tasks[e->task_count - 1];
    const size_t task_count = e->task_count;
    const sj_node *node = sj_graph_node(e->graph, task->ref);
    bool is_done;
    if (task->is_gathered)
        return gather(e, task, node, err);
    if (!task->is_made) {
        if (task->index == sj_emit_child_count(e, node))
            return make(e, err);
        return emit_value(e, sj_emit_child(e, node, task->index++), err);
    }
    SJ_TRY(step_change(e, task, node, &is_done, err));
    /* When it is done no task was pushed that could have moved this one. */
    if (is_done && !next_change(e, &e->tasks[task_count - 1], node))
        close_value(e, &e->tasks[--e->task_count]);
    return SNAPJAR_OK;
}

static SJ_EMIT run(sj_emitter *e, snapjar_error *err)
{
    while (e->task_count > 0 && !e->must_restart)
        SJ_TRY(advance(e, err));
    return SNAPJAR_OK;
}

/** Everything from PROTO to STOP, unless it must be begun anew. */
static SJ_EMIT attempt(sj_emitter *e, snapjar_error *err)
{
    const snapjar_graph *graph = e->graph;
    e->must_restart = false;
    e->memo_count = 0;
    e->task_count = 0;
    e->effect_offset = 0;
    e->repeats_left = REPEATS_PER_BYTE * ((uint64_t)graph->size + graph->node_count);
    const uint64_t looks = LOOKS_PER_BYTE * ((uint64_t)graph->size + graph->node_count);
    e->looks_left = looks < LOOKS_MIN ? LOOKS_MIN : sj_min(looks, LOOKS_MAX);
    memset(e->memo, 0, graph->node_count * sizeof *e->memo);
    memset(e->helpers, 0, sizeof e->helpers);
    SJ_TRY(sj_emit_begin(e, err));
    if (graph->prelude != 0) {
        const sj_node *prelude = sj_graph_node(graph, graph->prelude);
        const sj_emit_task task = {
            .ref = graph->prelude, .is_made = true, .change = sj_graph_first_change(graph, prelude)};
        SJ_TRY(push(e, &task, err));
        SJ_TRY(run(e, err));
    }
    if (!e->must_restart)
        SJ_TRY(emit_value(e, graph->root, err));
    SJ_TRY(run(e, err));
    return e->must_restart ? SNAPJAR_OK : sj_emit_end(e, err);
}

static SJ_EMIT emit_all(sj_emitter *e, snapjar_error *err)
{
    const size_t memo_size = e->graph->node_count * sizeof *e->memo;
    if (e->graph->dropped_offset != SNAPJAR_OFFSET_NONE)
        return sj_emit_refuse(e, e->graph->dropped_offset, err,
                              "what is made here is dropped, though it was kept for later");
    e->memo = sj_alloc(e->context, memo_size);
    e->buffer = sj_alloc(e->context, SJ_EMIT_BUFFER_SIZE);
    if (e->memo == NULL || e->buffer == NULL)
        return sj_raise_no_memory(err, memo_size + SJ_EMIT_BUFFER_SIZE);
    do {
        SJ_TRY(attempt(e, err));
    } while (e->must_restart);
    return SNAPJAR_OK;
}

snapjar_status snapjar_graph_emit(const snapjar_graph *graph, int protocol, snapjar_sink *sink,
                                  const snapjar_emit_options *options, uint64_t *size, snapjar_error *err)
{
    snapjar_emit_options own;
    if (size != NULL)
        *size = 0;
    if (graph == NULL || sink == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        graph == NULL ? "graph" : "sink");
    if (protocol < 0 || protocol > SJ_PROTOCOL_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "protocol %d is not from 0 to %d", protocol, SJ_PROTOCOL_MAX);
    SJ_TRY(sj_options_read(&own, sizeof own, options, "snapjar_emit_options", err));
    sj_emitter e = {.graph = graph, .context = graph->context, .protocol = protocol};
    SJ_TRY(sj_spool_new(&e.spool, e.context, own.memory_max != 0 ? own.memory_max : SNAPJAR_EMIT_MEMORY_DEFAULT, err));
    snapjar_status status = emit_all(&e, err);
    const uint64_t written = sj_spool_size(e.spool);
    if (status == SNAPJAR_OK)
        status = sj_spool_copy_to(e.spool, sink, err);
    if (status == SNAPJAR_OK && size != NULL)
        *size = written;
    sj_free(e.context, e.memo);
    sj_free(e.context, e.buffer);
    sj_free(e.context, e.tasks);
    sj_free(e.context, e.scratch);
    sj_spool_free(e.spool);
    return status;
}
