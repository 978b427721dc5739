/* SPDX-License-Identifier: MIT
 *
 * The second line of defence: CPython's own C unpickler, with a find_class that knows the objects which were found for
 * the globals of this very pickle, and nothing else. It imports nothing. Each pickle gets an unpickler of its own, so
 * that no memo outlives it; extension codes never get here (plan.c refuses them), and there is no persistent_load.
 */
#include "core.h"

#include <structmember.h>

static PyObject **table_of(module_state *state, PyObject *unpickler)
{
    return (PyObject **)((char *)unpickler + state->table_offset);
}

static PyObject *find_class(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                            PyObject *names)
{
    module_state *state = PyType_GetModuleState(defining);

    if (!state)
        return NULL;
    if (count != 2 || names) {
        PyErr_SetString(PyExc_TypeError, "find_class(module, name)");
        return NULL;
    }
    PyObject *key = PyTuple_Pack(2, args[0], args[1]);
    PyObject *table = *table_of(state, self);
    PyObject *found = key && table ? PyDict_GetItemWithError(table, key) : NULL;
    Py_XDECREF(key);
    if (found)
        return Py_NewRef(found);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_RuntimeError, "the unpickler asks for %R of module %R, which the analysis has not seen",
                     args[1], args[0]);
    return NULL;
}

int unpickler_init(PyObject *module, module_state *state)
{
    static const char doc[] = "Loads one verified pickle.";
    PyMethodDef *methods = state->unpickler_methods;
    PyMemberDef members[] = {{"_table", T_OBJECT_EX, 0, 0, NULL}, {NULL, 0, 0, 0, NULL}};
    PyObject *pickle = PyImport_ImportModule("_pickle");
    PyObject *base = pickle ? PyObject_GetAttrString(pickle, "Unpickler") : NULL;
    PyObject *size = base ? PyObject_GetAttrString(base, "__basicsize__") : NULL;
    PyObject *bases = base ? PyTuple_Pack(1, base) : NULL;
    int result = -1;

    methods[0] = (PyMethodDef){"find_class", (PyCFunction)(void (*)(void))find_class,
                               METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL};
    if (size && bases) {
        state->table_offset = PyLong_AsSsize_t(size);
        members[0].offset = state->table_offset;
        PyType_Slot slots[] = {{Py_tp_doc, (void *)doc}, {Py_tp_methods, methods}, {Py_tp_members, members}, {0, NULL}};
        PyType_Spec spec = {
            .name = "snapjar._core.Unpickler",
            .basicsize = (int)(state->table_offset + (Py_ssize_t)sizeof(PyObject *)),
            .flags = Py_TPFLAGS_DEFAULT,
            .slots = slots,
        };
        state->unpickler_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, bases);
        result = state->unpickler_type ? 0 : -1;
    }
    Py_XDECREF(bases);
    Py_XDECREF(size);
    Py_XDECREF(base);
    Py_XDECREF(pickle);
    return result;
}

static PyObject *list_buffers(module_state *state, PyObject *content, const snapjar_header *header)
{
    size_t count = 0;
    const snapjar_buffer_span *spans = snapjar_header_buffers(header, &count);
    PyObject *list = PyList_New((Py_ssize_t)count);

    for (size_t i = 0; list && i < count; i++) {
        PyObject *buffer = buffer_new(state, content, spans[i].offset, spans[i].size);
        if (!buffer)
            Py_CLEAR(list);
        else
            (void)PyList_SetItem(list, (Py_ssize_t)i, buffer);
    }
    return list;
}

/* Most pickles need no keyword at all; NULL without an exception says so. */
static PyObject *unpickler_keywords(module_state *state, PyObject *content, const snapjar_header *header)
{
    size_t count = 0;
    snapjar_string_encoding encoding = snapjar_header_string_encoding(header);

    (void)snapjar_header_buffers(header, &count);
    if (!count && encoding == SNAPJAR_STRING_ASCII)
        return NULL;
    PyObject *buffers = list_buffers(state, content, header);
    if (!buffers)
        return NULL;
    return Py_BuildValue("{s:s,s:N}", "encoding", snapjar_string_encoding_name(encoding), "buffers", buffers);
}

static PyObject *make_unpickler(module_state *state, PyObject *content, const snapjar_header *header)
{
    PyObject *unpickler = NULL;
    PyObject *stream = stream_new(state, content);

    if (!stream)
        return NULL;
    PyObject *keywords = unpickler_keywords(state, content, header);
    if (keywords) {
        PyObject *arguments = PyTuple_Pack(1, stream);
        if (arguments)
            unpickler = PyObject_Call((PyObject *)state->unpickler_type, arguments, keywords);
        Py_XDECREF(arguments);
        Py_DECREF(keywords);
    } else if (!PyErr_Occurred()) {
        unpickler = PyObject_CallFunctionObjArgs((PyObject *)state->unpickler_type, stream, NULL);
    }
    Py_DECREF(stream);
    return unpickler;
}

PyObject *unpickle(module_state *state, PyObject *content, PyObject *table, const snapjar_header *header)
{
    PyObject *unpickler = make_unpickler(state, content, header);

    if (!unpickler)
        return NULL;
    *table_of(state, unpickler) = Py_NewRef(table);
    PyObject *object = PyObject_CallMethodObjArgs(unpickler, state->load_name, NULL);
    Py_DECREF(unpickler);
    if (!object)
        replace_exception(state->hooks[HOOK_EXPLAIN_UNPICKLING], Py_None);
    return object;
}
