/* SPDX-License-Identifier: MIT
 *
 * diff: what changed between the pickles of two files, without their classes. Nothing is imported, nothing is loaded.
 */
#include "core.h"

#include <stdio.h>
#include <string.h>

/* What the comparison tells, as it comes. The interpreter lock is taken for each change and is given up again. */
typedef struct collection {
    PyThreadState *thread;
    /** Of the pickles that are compared. */
    unsigned long long record;
    PyObject *changes;
    PyObject *layout_changes;
    /** [(field, before, after, record)] of headers. */
    PyObject *header_changes;
    /** [("added" or "removed", record)] of records that only one of the files has. */
    PyObject *record_changes;
    /** [(record, count of its changes)] of the pairs that were compared. */
    PyObject *counts;
} collection;

static PyObject *text(const char *bytes)
{
    return PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)strlen(bytes), "backslashreplace");
}

static PyObject *text_or_none(const char *bytes, bool is_there)
{
    return is_there ? text(bytes) : Py_NewRef(Py_None);
}

static PyObject *offset_or_none(uint64_t offset)
{
    return offset == SNAPJAR_OFFSET_NONE ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(offset);
}

/* Takes `row`. The exception, if there is one, stays set for the end. */
static snapjar_status append(PyObject *list, PyObject *row)
{
    int status = row ? PyList_Append(list, row) : -1;

    Py_XDECREF(row);
    return status < 0 ? SNAPJAR_CANCELLED : SNAPJAR_OK;
}

static snapjar_status take_change(void *state, const snapjar_change *change, snapjar_error *err)
{
    collection *collecting = state;

    (void)err;
    PyEval_RestoreThread(collecting->thread);
    PyObject *row =
        Py_BuildValue("sNNNNNK", snapjar_change_name(change->kind), text(change->path),
                      text_or_none(change->before, change->kind != SNAPJAR_CHANGE_ADDED),
                      text_or_none(change->after, change->kind != SNAPJAR_CHANGE_REMOVED),
                      offset_or_none(change->before_offset), offset_or_none(change->after_offset), collecting->record);
    snapjar_status status = append(collecting->changes, row);
    collecting->thread = PyEval_SaveThread();
    return status;
}

static snapjar_status take_layout(void *state, const snapjar_layout_change *change, snapjar_error *err)
{
    collection *collecting = state;

    (void)err;
    PyEval_RestoreThread(collecting->thread);
    const bool is_name = change->field == NULL;
    PyObject *row =
        Py_BuildValue("sNNKKNNKN",
                      is_name            ? "renamed"
                      : change->is_added ? "added"
                                         : "removed",
                      text(change->class_name), text(is_name ? "" : change->field), (unsigned long long)change->count,
                      (unsigned long long)change->object_count, text(change->path), text(is_name ? "" : change->value),
                      collecting->record, text(is_name ? change->value : ""));
    snapjar_status status = append(collecting->layout_changes, row);
    collecting->thread = PyEval_SaveThread();
    return status;
}

typedef struct comparing {
    pickle_target targets[2];
    /** Compare only the pickles with this number. */
    bool has_record;
    unsigned long long record;
    unsigned long long change_count_max;
    unsigned long long effort_max;
    snapjar_string_encoding encoding;
    pickle_values sides[2];
} comparing;

/* ---- what is told, with the interpreter lock ---- */

/* What a header says, as Python sees it: 0 is the type, 1 the schema version. */
static PyObject *header_field(const snapjar_header *header, int field)
{
    snapjar_text type = snapjar_header_type(header);

    return field ? PyLong_FromLongLong(snapjar_header_schema_version(header))
                 : PyUnicode_DecodeUTF8(type.data, (Py_ssize_t)type.size, "backslashreplace");
}

static snapjar_status tell_headers(collection *collecting, const comparing *c)
{
    static const char *const names[2] = {"type", "schema_version"};
    const snapjar_header *before = c->sides[0].item->header;
    const snapjar_header *after = c->sides[1].item->header;
    snapjar_status status = SNAPJAR_OK;

    if (!before || !after)
        return SNAPJAR_OK;
    PyEval_RestoreThread(collecting->thread);
    for (int field = 0; field < 2 && status == SNAPJAR_OK; field++) {
        PyObject *values[2] = {header_field(before, field), header_field(after, field)};
        int is_same = values[0] && values[1] ? PyObject_RichCompareBool(values[0], values[1], Py_EQ) : -1;
        if (is_same == 0)
            status = append(collecting->header_changes,
                            Py_BuildValue("sOOK", names[field], values[0], values[1], collecting->record));
        else if (is_same < 0)
            status = SNAPJAR_CANCELLED;
        Py_XDECREF(values[0]);
        Py_XDECREF(values[1]);
    }
    collecting->thread = PyEval_SaveThread();
    return status;
}

static snapjar_status tell_single(collection *collecting, bool is_added)
{
    PyEval_RestoreThread(collecting->thread);
    snapjar_status status =
        append(collecting->record_changes, Py_BuildValue("sK", is_added ? "added" : "removed", collecting->record));
    collecting->thread = PyEval_SaveThread();
    return status;
}

static snapjar_status tell_count(collection *collecting, uint64_t count)
{
    PyEval_RestoreThread(collecting->thread);
    snapjar_status status =
        append(collecting->counts, Py_BuildValue("KK", collecting->record, (unsigned long long)count));
    collecting->thread = PyEval_SaveThread();
    return status;
}

/* ---- the comparison, without it ---- */

/* Says which of the two a failure is of, where the library does not know. */
static snapjar_status name_side(snapjar_status status, int side, snapjar_error *err)
{
    if (status != SNAPJAR_OK && !*err->place)
        (void)snprintf(err->place, sizeof(err->place), "%s", side ? "after" : "before");
    return status;
}

static snapjar_status compare_pair(workspace *ws, comparing *c, collection *collecting, snapjar_error *err)
{
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_diff_summary summary = {0};
    snapjar_status status = SNAPJAR_OK;

    options.is_unicode = true;
    options.change_count_max = c->change_count_max;
    options.effort_max = c->effort_max;
    options.take_change = take_change;
    options.take_layout = take_layout;
    options.state = collecting;
    for (int i = 0; i < 2 && status == SNAPJAR_OK; i++)
        status = name_side(values_load(&c->sides[i], ws, err), i, err);
    if (status == SNAPJAR_OK)
        status = tell_headers(collecting, c);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_diff(c->sides[0].graph, c->sides[1].graph, &options, &summary, err);
    return status == SNAPJAR_OK ? tell_count(collecting, summary.change_count) : status;
}

static snapjar_status next_pair(comparing *c, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;

    for (int i = 0; i < 2 && status == SNAPJAR_OK; i++)
        status = name_side(c->has_record ? values_go_to(&c->sides[i], c->record, err) : values_next(&c->sides[i], err),
                           i, err);
    return status;
}

/* Pair by pair. `*missing` is the number of the side without the wanted pickle, or -1. */
static snapjar_status compare_files(workspace *ws, comparing *c, collection *collecting, int *missing,
                                    snapjar_error *err)
{
    const pickle_values *sides = c->sides;
    snapjar_status status = SNAPJAR_OK;

    *missing = -1;
    for (int i = 0; i < 2 && status == SNAPJAR_OK; i++)
        status = name_side(values_open(&c->sides[i], ws, &c->targets[i], c->encoding, err), i, err);
    for (collecting->record = c->record; status == SNAPJAR_OK; collecting->record++) {
        status = next_pair(c, err);
        if (status != SNAPJAR_OK || (!c->has_record && !sides[0].item && !sides[1].item))
            return status;
        if (sides[0].item && sides[1].item)
            status = compare_pair(ws, c, collecting, err);
        else if (c->has_record)
            *missing = sides[0].item ? 1 : 0;
        else
            status = tell_single(collecting, !sides[0].item);
        if (c->has_record)
            return status;
    }
    return status;
}

/* The lists of a collection as a tuple, the number of the side that has no such pickle, or NULL with an exception. */
static PyObject *compare(module_state *state, workspace *ws, comparing *c, collection *collecting)
{
    int missing = -1;
    snapjar_error err;

    collecting->thread = PyEval_SaveThread();
    snapjar_status status = compare_files(ws, c, collecting, &missing, &err);
    values_close(&c->sides[1]);
    values_close(&c->sides[0]);
    PyEval_RestoreThread(collecting->thread);
    if (PyErr_Occurred())
        return NULL;
    if (status != SNAPJAR_OK)
        return raise_error(state, &err);
    if (missing >= 0)
        return PyLong_FromLong(missing);
    return PyTuple_Pack(5, collecting->changes, collecting->layout_changes, collecting->header_changes,
                        collecting->record_changes, collecting->counts);
}

/** diff(before, after, record or None, most changes, effort, encoding): see `compare`. */
PyObject *core_diff(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    PyObject *lists[5] = {NULL};
    PyObject *objects[2] = {NULL, NULL};
    PyObject *record = NULL;
    PyObject *result = NULL;
    comparing c = {0};
    int encoding = 0;

    if (!PyArg_ParseTuple(args, "OOOKKi", &objects[0], &objects[1], &record, &c.change_count_max, &c.effort_max,
                          &encoding))
        return NULL;
    c.encoding = (snapjar_string_encoding)encoding;
    c.has_record = record != Py_None;
    c.record = c.has_record ? PyLong_AsUnsignedLongLong(record) : 0;
    if (PyErr_Occurred())
        return NULL;
    bool is_ready =
        target_get(state, &c.targets[0], objects[0]) == 0 && target_get(state, &c.targets[1], objects[1]) == 0;
    for (size_t i = 0; is_ready && i < 5; i++)
        is_ready = (lists[i] = PyList_New(0)) != NULL;
    collection collecting = {NULL, 0, lists[0], lists[1], lists[2], lists[3], lists[4]};
    workspace *ws = is_ready ? workspace_acquire(state) : NULL;
    if (ws) {
        result = compare(state, ws, &c, &collecting);
        workspace_release(state, ws);
    }
    for (size_t i = 0; i < 5; i++)
        Py_XDECREF(lists[i]);
    target_release(&c.targets[1]);
    target_release(&c.targets[0]);
    return result;
}
