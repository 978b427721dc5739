/* SPDX-License-Identifier: MIT
 *
 * diff: what changed between the values of two pickles, without their classes. Nothing is imported, nothing is loaded.
 */
#include "core.h"

#include <stdio.h>
#include <string.h>

/* What the comparison tells, as it comes. The interpreter lock is taken for each change and is given up again. */
typedef struct collection {
    PyThreadState *thread;
    PyObject *changes;
    PyObject *layout_changes;
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
    PyObject *row = Py_BuildValue("sNNNNN", snapjar_change_name(change->kind), text(change->path),
                                  text_or_none(change->before, change->kind != SNAPJAR_CHANGE_ADDED),
                                  text_or_none(change->after, change->kind != SNAPJAR_CHANGE_REMOVED),
                                  offset_or_none(change->before_offset), offset_or_none(change->after_offset));
    snapjar_status status = append(collecting->changes, row);
    collecting->thread = PyEval_SaveThread();
    return status;
}

static snapjar_status take_layout(void *state, const snapjar_layout_change *change, snapjar_error *err)
{
    collection *collecting = state;

    (void)err;
    PyEval_RestoreThread(collecting->thread);
    PyObject *row = Py_BuildValue("sNNKKNN", change->is_added ? "added" : "removed", text(change->class_name),
                                  text(change->field), (unsigned long long)change->count,
                                  (unsigned long long)change->object_count, text(change->path), text(change->value));
    snapjar_status status = append(collecting->layout_changes, row);
    collecting->thread = PyEval_SaveThread();
    return status;
}

typedef struct comparing {
    pickle_target targets[2];
    unsigned long long record;
    unsigned long long change_count_max;
    snapjar_string_encoding encoding;
} comparing;

/* Opens both; `*missing` is the number of the one without such a pickle, or -1. */
static snapjar_status open_both(pickle_values *sides, workspace *ws, const comparing *c, int *missing,
                                snapjar_error *err)
{
    static const char *const names[2] = {"before", "after"};

    *missing = -1;
    for (int i = 0; i < 2; i++) {
        snapjar_status status = values_open(&sides[i], ws, &c->targets[i], c->record, c->encoding, err);
        if (status != SNAPJAR_OK && !*err->place)
            (void)snprintf(err->place, sizeof(err->place), "%s", names[i]);
        if (status != SNAPJAR_OK)
            return status;
        if (!sides[i].graph) {
            *missing = i;
            break;
        }
    }
    return SNAPJAR_OK;
}

/* (changes, layout changes, count of all changes), the number of the side that has no such pickle, or an exception. */
static PyObject *compare(module_state *state, workspace *ws, const comparing *c, collection *collecting)
{
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_diff_summary summary = {0};
    pickle_values sides[2] = {{0}, {0}};
    int missing = -1;
    snapjar_error err;

    options.is_unicode = true;
    options.change_count_max = c->change_count_max;
    options.take_change = take_change;
    options.take_layout = take_layout;
    options.state = collecting;
    collecting->thread = PyEval_SaveThread();
    snapjar_status status = open_both(sides, ws, c, &missing, &err);
    if (status == SNAPJAR_OK && missing < 0)
        status = snapjar_graph_diff(sides[0].graph, sides[1].graph, &options, &summary, &err);
    values_close(&sides[1]);
    values_close(&sides[0]);
    PyEval_RestoreThread(collecting->thread);
    if (PyErr_Occurred())
        return NULL;
    if (status != SNAPJAR_OK)
        return raise_error(state, &err);
    if (missing >= 0)
        return PyLong_FromLong(missing);
    return Py_BuildValue("OOK", collecting->changes, collecting->layout_changes,
                         (unsigned long long)summary.change_count);
}

/** diff(before, after, record, most changes, encoding): see `compare`. */
PyObject *core_diff(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    collection collecting = {0};
    PyObject *objects[2] = {NULL, NULL};
    PyObject *result = NULL;
    comparing c = {0};
    int encoding = 0;

    if (!PyArg_ParseTuple(args, "OOKKi", &objects[0], &objects[1], &c.record, &c.change_count_max, &encoding))
        return NULL;
    c.encoding = (snapjar_string_encoding)encoding;
    if (target_get(&c.targets[0], objects[0]) == 0 && target_get(&c.targets[1], objects[1]) == 0) {
        collecting.changes = PyList_New(0);
        collecting.layout_changes = PyList_New(0);
        workspace *ws = collecting.changes && collecting.layout_changes ? workspace_acquire(state) : NULL;
        if (ws) {
            result = compare(state, ws, &c, &collecting);
            workspace_release(state, ws);
        }
        Py_XDECREF(collecting.changes);
        Py_XDECREF(collecting.layout_changes);
    }
    target_release(&c.targets[1]);
    target_release(&c.targets[0]);
    return result;
}
