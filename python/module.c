/* SPDX-License-Identifier: MIT
 *
 * snapjar._core: the extension module. What users see is the package around it (src/snapjar).
 */
#include "core.h"

module_state *core_state(PyObject *module)
{
    return PyModule_GetState(module);
}

/** configure(hook, ...): the Python side's functions, in the order of `enum hook`. */
static PyObject *core_configure(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    module_state *state = core_state(module);

    if (count != HOOK_COUNT) {
        PyErr_SetString(PyExc_TypeError, "wrong number of hooks");
        return NULL;
    }
    for (int i = 0; i < HOOK_COUNT; i++) {
        PyObject *old = state->hooks[i];
        state->hooks[i] = Py_NewRef(arguments[i]);
        Py_XDECREF(old);
    }
    Py_RETURN_NONE;
}

/** forget(): drops what was remembered about the build info and the environment, which the caller has changed. */
static PyObject *core_forget(PyObject *module, PyObject *unused)
{
    module_state *state = core_state(module);

    (void)unused;
    Py_CLEAR(state->build_json);
    Py_CLEAR(state->typed_module);
    Py_CLEAR(state->typed_name);
    Py_CLEAR(state->typed_text);
    environments_clear(state);
    recents_clear(state);
    plans_clear(state);
    Py_RETURN_NONE;
}

/** diagnostics() -> [(number, name, summary, explanation)] */
static PyObject *core_diagnostics(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    const snapjar_diagnostic_info *row = NULL;

    (void)module;
    (void)unused;
    for (size_t i = 0; list && (row = snapjar_diagnostic_at(i)); i++) {
        PyObject *item = Py_BuildValue("isss", (int)row->diagnostic, row->name, row->summary, row->explanation);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyMethodDef core_methods[] = {
    {"configure", (PyCFunction)(void (*)(void))core_configure, METH_FASTCALL, NULL},
    {"forget", core_forget, METH_NOARGS, NULL},
    {"diagnostics", core_diagnostics, METH_NOARGS, NULL},
    {"presets", core_presets, METH_NOARGS, NULL},
    {"loads", (PyCFunction)(void (*)(void))core_loads, METH_FASTCALL | METH_KEYWORDS, core_loads_doc},
    {"dumps", (PyCFunction)(void (*)(void))core_dumps, METH_FASTCALL | METH_KEYWORDS, core_dumps_doc},
    {"load_bytes", (PyCFunction)(void (*)(void))core_load_bytes, METH_FASTCALL, NULL},
    {"dump_bytes", (PyCFunction)(void (*)(void))core_dump_bytes, METH_FASTCALL, NULL},
    {"dump_path", (PyCFunction)(void (*)(void))core_dump_path, METH_FASTCALL, NULL},
    {"seal", (PyCFunction)(void (*)(void))core_seal, METH_FASTCALL, NULL},
    {"seal_path", core_seal_path, METH_VARARGS, NULL},
    {"unseal_path", core_unseal_path, METH_VARARGS, NULL},
    {"key_generate", core_key_generate, METH_VARARGS, NULL},
    {"key_open", core_key_open, METH_VARARGS, NULL},
    {"scan", (PyCFunction)(void (*)(void))core_scan, METH_FASTCALL, NULL},
    {"show", core_show, METH_VARARGS, NULL},
    {"diff", core_diff, METH_VARARGS, NULL},
    {"contract_read", core_contract_read, METH_VARARGS, NULL},
    {"contract_check", core_contract_check, METH_VARARGS, NULL},
    {"migrate_bytes", core_migrate_bytes, METH_VARARGS, NULL},
    {"migrate_paths", core_migrate_paths, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec)
{
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *type ? 0 : -1;
}

static int add_names(module_state *state)
{
    state->callback_name = PyUnicode_InternFromString("buffer_callback");
    state->raw_name = PyUnicode_InternFromString("raw");
    state->module_name = PyUnicode_InternFromString("__module__");
    state->qualname_name = PyUnicode_InternFromString("__qualname__");
    state->schema_name = PyUnicode_InternFromString("__snapjar_schema__");
    state->load_name = PyUnicode_InternFromString("load");
    return state->callback_name && state->raw_name && state->module_name && state->qualname_name &&
                   state->schema_name && state->load_name
               ? 0
               : -1;
}

static int core_exec(PyObject *module)
{
    module_state *state = core_state(module);

    for (int i = 0; i < HOOK_COUNT; i++)
        state->hooks[i] = Py_NewRef(Py_None);
    state->threads = threads_default();
    PyObject *pickle = PyImport_ImportModule("_pickle");
    if (!pickle)
        return -1;
    state->pickle_dumps = PyObject_GetAttrString(pickle, "dumps");
    Py_DECREF(pickle);
    if (!state->pickle_dumps || add_names(state) < 0 || quick_init(state) < 0 || unpickler_init(module, state) < 0 ||
        add_type(module, &state->policy_type, &policy_spec) < 0 ||
        add_type(module, &state->content_type, &content_spec) < 0 ||
        add_type(module, &state->buffer_type, &buffer_spec) < 0 ||
        add_type(module, &state->stream_type, &stream_spec) < 0 ||
        add_type(module, &state->reader_type, &reader_spec) < 0 ||
        add_type(module, &state->writer_type, &writer_spec) < 0 || add_type(module, &state->key_type, &key_spec) < 0 ||
        add_type(module, &state->trust_type, &trust_spec) < 0)
        return -1;
    if (PyModule_AddType(module, state->policy_type) < 0 || PyModule_AddType(module, state->reader_type) < 0 ||
        PyModule_AddType(module, state->writer_type) < 0 || PyModule_AddType(module, state->trust_type) < 0 ||
        PyModule_AddIntConstant(module, "USES_CLASS", (long)SNAPJAR_USES_CLASS) < 0 ||
        PyModule_AddIntConstant(module, "USES_ALL", (long)SNAPJAR_USES_ALL) < 0 ||
        PyModule_AddStringConstant(module, "__version__", SNAPJAR_VERSION) < 0)
        return -1;
    PyObject *uses = PyTuple_New(SNAPJAR_USE_COUNT);
    for (int use = 0; uses && use < SNAPJAR_USE_COUNT; use++) {
        PyObject *name = PyUnicode_FromString(snapjar_use_name((snapjar_use)use));
        if (!name)
            Py_CLEAR(uses);
        else
            (void)PyTuple_SetItem(uses, use, name);
    }
    int status = uses ? PyModule_AddObjectRef(module, "USES", uses) : -1;
    Py_XDECREF(uses);
    return status;
}

static int core_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = core_state(module);

    Py_VISIT(state->policy_type);
    Py_VISIT(state->content_type);
    Py_VISIT(state->buffer_type);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->reader_type);
    Py_VISIT(state->writer_type);
    Py_VISIT(state->key_type);
    Py_VISIT(state->trust_type);
    Py_VISIT(state->unpickler_type);
    Py_VISIT(state->pickle_dumps);
    for (int i = 0; i < HOOK_COUNT; i++)
        Py_VISIT(state->hooks[i]);
    for (int i = 0; i < PLAN_COUNT; i++) {
        Py_VISIT(state->plans[i].policy);
        Py_VISIT(state->plans[i].table);
        Py_VISIT(state->plans[i].places);
    }
    for (int i = 0; i < ENVIRONMENT_COUNT; i++)
        Py_VISIT(state->environments[i].rules);
    return 0;
}

static int core_clear(PyObject *module)
{
    module_state *state = core_state(module);

    Py_CLEAR(state->policy_type);
    Py_CLEAR(state->content_type);
    Py_CLEAR(state->buffer_type);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->reader_type);
    Py_CLEAR(state->writer_type);
    Py_CLEAR(state->key_type);
    Py_CLEAR(state->trust_type);
    Py_CLEAR(state->unpickler_type);
    Py_CLEAR(state->pickle_dumps);
    for (int i = 0; i < HOOK_COUNT; i++)
        Py_CLEAR(state->hooks[i]);
    environments_clear(state);
    recents_clear(state);
    plans_clear(state);
    return 0;
}

static void core_free(void *module)
{
    module_state *state = core_state(module);

    if (!state)
        return;
    (void)core_clear(module);
    Py_CLEAR(state->build_json);
    Py_CLEAR(state->typed_module);
    Py_CLEAR(state->typed_name);
    Py_CLEAR(state->typed_text);
    Py_CLEAR(state->callback_name);
    Py_CLEAR(state->raw_name);
    Py_CLEAR(state->module_name);
    Py_CLEAR(state->qualname_name);
    Py_CLEAR(state->schema_name);
    Py_CLEAR(state->load_name);
    quick_clear(state);
    PyMem_Free(state->build_modules);
    state->build_modules = NULL;
    while (state->spare_count)
        workspace_drop(state->spare[--state->spare_count]);
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, (void *)core_exec},
    {0, NULL},
};

static PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT,          .m_name = "snapjar._core", .m_doc = "The C side of snapjar: not for direct use.",
    .m_size = sizeof(module_state), .m_methods = core_methods, .m_slots = core_slots,
    .m_traverse = core_traverse,    .m_clear = core_clear,     .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
