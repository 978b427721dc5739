/* SPDX-License-Identifier: MIT
 *
 * scan: what the pickles of a file would do, and what a policy says to it, without running or loading anything.
 */
#include "core.h"

/* The exception for an error, not raised. */
static PyObject *failure_object(module_state *state, const snapjar_error *err)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;

    (void)raise_error(state, err);
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* (index, offset, verdict, globals, denials, failure or None, header JSON or None); takes `failure`. */
static PyObject *describe(module_state *state, snapjar_scan *scan, PyObject *policy, const snapjar_pickles_item *item,
                          PyObject *failure)
{
    snapjar_judgement *judgement = NULL;
    snapjar_error err;

    if (!failure)
        return NULL;
    if (snapjar_policy_judge(policy_get(policy), scan, &judgement, &err) != SNAPJAR_OK) {
        Py_DECREF(failure);
        return raise_error(state, &err);
    }
    const char *verdict = snapjar_verdict_name(snapjar_judgement_verdict(judgement));
    PyObject *denials = describe_denials(judgement);
    snapjar_judgement_free(judgement);
    PyObject *globals = denials ? globals_list(scan) : NULL;
    if (!globals) {
        Py_XDECREF(denials);
        Py_DECREF(failure);
        return NULL;
    }
    snapjar_text json = item->header ? snapjar_header_json(item->header) : (snapjar_text){NULL, 0};
    return Py_BuildValue("KKsNNNy#", (unsigned long long)item->index, (unsigned long long)item->offset, verdict,
                         globals, denials, failure, json.data, (Py_ssize_t)json.size);
}

static PyObject *scan_current(module_state *state, snapjar_pickles *pickles, const snapjar_pickles_item *item,
                              snapjar_scan *scan, PyObject *policy)
{
    snapjar_error err;
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = snapjar_pickles_scan(pickles, scan, &err);

    PyEval_RestoreThread(thread);
    if (status == SNAPJAR_NO_MEMORY || status == SNAPJAR_IO)
        return raise_error(state, &err);
    return describe(state, scan, policy, item, status == SNAPJAR_OK ? Py_NewRef(Py_None) : failure_object(state, &err));
}

/* All pickles; what stops the walk is the last element's failure, or raised if there is none. */
static PyObject *scan_all(module_state *state, workspace *ws, snapjar_pickles *pickles, PyObject *policy)
{
    const snapjar_pickles_item *item = NULL;
    snapjar_scan *scan = NULL;
    PyObject *list = PyList_New(0);
    snapjar_error err;

    if (list && snapjar_scan_new(&scan, ws->context, NULL, &err) != SNAPJAR_OK) {
        Py_DECREF(list);
        return raise_error(state, &err);
    }
    while (list) {
        if (snapjar_pickles_next(pickles, &item, &err) != SNAPJAR_OK) {
            PyObject *failure = failure_object(state, &err);
            if (!failure || PyList_Append(list, failure) < 0)
                Py_CLEAR(list);
            Py_XDECREF(failure);
            break;
        }
        if (!item)
            break;
        PyObject *row = scan_current(state, pickles, item, scan, policy);
        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    snapjar_scan_free(scan);
    return list;
}

/** scan(target, policy, string_encoding): target as target_get takes it. */
PyObject *core_scan(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    module_state *state = core_state(module);
    PyObject *result = NULL;
    pickle_target target;
    pickle_values values;
    snapjar_error err;

    if (count != 3 || !PyObject_TypeCheck(arguments[1], state->policy_type) || !policy_get(arguments[1]) ||
        (!PyBytes_Check(arguments[0]) && !PyTuple_Check(arguments[0]))) {
        PyErr_SetString(PyExc_TypeError, "scan(target, policy, string_encoding)");
        return NULL;
    }
    long encoding = PyLong_AsLong(arguments[2]);
    if (PyErr_Occurred() || target_get(state, &target, arguments[0]) < 0)
        return NULL;
    workspace *ws = workspace_acquire(state);
    if (ws) {
        PyThreadState *thread = PyEval_SaveThread();
        snapjar_status status = values_open(&values, ws, &target, (snapjar_string_encoding)encoding, &err);
        PyEval_RestoreThread(thread);
        if (status == SNAPJAR_OK)
            result = scan_all(state, ws, values.pickles, arguments[1]);
        else
            (void)raise_error(state, &err);
        values_close(&values);
        workspace_release(state, ws);
    }
    target_release(&target);
    return result;
}
