/* SPDX-License-Identifier: MIT
 *
 * From libsnapjar's errors and verdicts to exceptions. Which class it becomes is decided in Python (_errors.py).
 */
#include "core.h"

PyObject *raise_error(module_state *state, const snapjar_error *err)
{
    PyObject *offset = NULL;
    PyObject *record = NULL;

    if (err->offset == SNAPJAR_OFFSET_NONE || err->space == SNAPJAR_SPACE_NONE)
        offset = Py_NewRef(Py_None);
    else
        offset = PyLong_FromUnsignedLongLong(err->offset);
    if (err->record_index == SNAPJAR_OFFSET_NONE)
        record = Py_NewRef(Py_None);
    else
        record = PyLong_FromUnsignedLongLong(err->record_index);
    if (!offset || !record) {
        Py_XDECREF(offset);
        Py_XDECREF(record);
        return NULL;
    }
    PyObject *error = PyObject_CallFunction(
        state->hooks[HOOK_MAKE_ERROR], "ssNsNsssi", snapjar_status_name(err->status),
        snapjar_diagnostic_name(err->diagnostic), offset,
        err->space == SNAPJAR_SPACE_CONTENT ? "content"
        : err->space == SNAPJAR_SPACE_FILE  ? "file"
                                            : "",
        record, err->place, err->message, snapjar_diagnostic_hint(err->diagnostic), err->system_errno);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static PyObject *use_names(unsigned uses)
{
    PyObject *names = PyList_New(0);

    for (int use = 0; names && use < SNAPJAR_USE_COUNT; use++) {
        if (!(uses & SNAPJAR_USES(use)))
            continue;
        PyObject *name = PyUnicode_FromString(snapjar_use_name((snapjar_use)use));
        if (!name || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

PyObject *describe_denials(const snapjar_judgement *judgement)
{
    PyObject *list = PyList_New(0);
    size_t count = snapjar_judgement_denial_count(judgement);

    for (size_t i = 0; list && i < count; i++) {
        snapjar_denial denial;
        snapjar_judgement_describe(judgement, i, &denial);
        PyObject *uses = use_names(denial.uses);
        PyObject *item =
            uses ? Py_BuildValue("sKsNss", snapjar_diagnostic_name(denial.diagnostic),
                                 (unsigned long long)denial.offset, denial.global, uses, denial.reason, denial.line)
                 : NULL;
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

PyObject *raise_denial(module_state *state, const snapjar_judgement *judgement, snapjar_verdict verdict)
{
    PyObject *denials = describe_denials(judgement);

    if (!denials)
        return NULL;
    PyObject *error =
        PyObject_CallFunction(state->hooks[HOOK_MAKE_DENIAL], "sN", snapjar_verdict_name(verdict), denials);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

void replace_exception(PyObject *hook, PyObject *object)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;

    /* Only what a pickle or an object can be the reason of: not KeyboardInterrupt, MemoryError and their like. */
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        (void)PyException_SetTraceback(value, traceback);
    PyObject *error = PyObject_CallFunctionObjArgs(hook, object, value, NULL);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
}
