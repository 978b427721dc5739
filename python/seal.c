/* SPDX-License-Identifier: MIT
 *
 * Keys and trust as objects, and sealing records. What they mean is said in snapjar/seal.h. Neither changes by being
 * used, so threads may share them; a trust set is filled before that.
 */
#include "core.h"

typedef struct key_object {
    PyObject_HEAD workspace *ws;
    snapjar_key *key;
} key_object;

typedef struct trust_object {
    PyObject_HEAD workspace *ws;
    snapjar_trust *trust;
} trust_object;

snapjar_trust *trust_get(module_state *state, PyObject *object)
{
    trust_object *self = (trust_object *)object;
    snapjar_error err;

    /* Made at the first use: a subclass does not lead to the module's state before that. */
    if (!self->ws)
        self->ws = workspace_acquire(state);
    if (self->ws && !self->trust && snapjar_trust_new(&self->trust, self->ws->context, &err) != SNAPJAR_OK)
        (void)raise_error(state, &err);
    return self->trust;
}

snapjar_trust *trust_of(module_state *state, PyObject *object)
{
    if (PyObject_TypeCheck(object, state->trust_type))
        return trust_get(state, object);
    PyErr_SetString(PyExc_TypeError, "trust must be a snapjar.Trust");
    return NULL;
}

/* ---- keys ---- */

static void key_dealloc(PyObject *object)
{
    key_object *self = (key_object *)object;
    PyTypeObject *type = Py_TYPE(object);

    snapjar_key_free(self->key);
    if (self->ws)
        workspace_drop(self->ws);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* An object without a key yet. */
static key_object *key_make(module_state *state)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(state->key_type, Py_tp_alloc);
    key_object *self = (key_object *)allocate(state->key_type, 0);

    if (self)
        self->ws = workspace_acquire(state);
    if (self && !self->ws)
        Py_CLEAR(self);
    return self;
}

static PyObject *key_finish(module_state *state, key_object *self, snapjar_status status, const snapjar_error *err)
{
    if (status == SNAPJAR_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return raise_error(state, err);
}

/** key_generate(algorithm, comment or None) */
PyObject *core_key_generate(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    int algorithm = 0;
    const char *comment = NULL;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "iz", &algorithm, &comment))
        return NULL;
    key_object *self = key_make(state);
    if (!self)
        return NULL;
    snapjar_status status =
        snapjar_key_generate(&self->key, self->ws->context, (snapjar_seal_algorithm)algorithm, comment, &err);
    return key_finish(state, self, status, &err);
}

/** key_open(path in bytes, passphrase or None) */
PyObject *core_key_open(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    snapjar_key_options options = SNAPJAR_KEY_OPTIONS_INIT;
    const char *path = NULL;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "yz", &path, &options.passphrase))
        return NULL;
    key_object *self = key_make(state);
    if (!self)
        return NULL;
    /* A passphrase costs most of a second on purpose. */
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = snapjar_key_open_path(&self->key, self->ws->context, path, &options, &err);
    PyEval_RestoreThread(thread);
    return key_finish(state, self, status, &err);
}

/* write(path in bytes, passphrase or None) */
static PyObject *key_write(PyObject *object, PyTypeObject *defining, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *names)
{
    module_state *state = PyType_GetModuleState(defining);
    const char *passphrase = NULL;
    snapjar_error err;

    (void)names;
    if (!state || count != 2)
        return PyErr_Format(PyExc_TypeError, "needs path, passphrase");
    const char *path = PyBytes_AsString(arguments[0]);
    if (arguments[1] != Py_None)
        passphrase = PyBytes_AsString(arguments[1]);
    if (!path || PyErr_Occurred())
        return NULL;
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = snapjar_key_write_secret(((key_object *)object)->key, path, passphrase, &err);
    PyEval_RestoreThread(thread);
    if (status != SNAPJAR_OK)
        return raise_error(state, &err);
    Py_RETURN_NONE;
}

static PyObject *key_public_text(PyObject *object, PyTypeObject *defining, PyObject *const *arguments, Py_ssize_t count,
                                 PyObject *names)
{
    key_object *self = (key_object *)object;
    module_state *state = PyType_GetModuleState(defining);
    snapjar_sink *sink = NULL;
    PyObject *text = NULL;
    size_t size = 0;
    snapjar_error err;

    (void)arguments;
    (void)names;
    if (!state || count)
        return PyErr_Format(PyExc_TypeError, "takes no arguments");
    snapjar_status status = snapjar_sink_to_memory(&sink, self->ws->context, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_key_write_public(self->key, sink, &err);
    if (status == SNAPJAR_OK) {
        const char *bytes = snapjar_sink_memory(sink, &size);
        text = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)size, NULL);
    } else {
        (void)raise_error(state, &err);
    }
    snapjar_sink_free(sink);
    return text;
}

/* (algorithm, id, comment, has secret) */
static PyObject *key_description(PyObject *object, void *unused)
{
    const snapjar_key *key = ((key_object *)object)->key;

    (void)unused;
    return Py_BuildValue("sssN", snapjar_seal_algorithm_name(snapjar_key_algorithm(key)), snapjar_key_id(key),
                         snapjar_key_comment(key), PyBool_FromLong(snapjar_key_has_secret(key)));
}

static PyMethodDef key_methods[] = {
    {"write", (PyCFunction)(void (*)(void))key_write, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"public_text", (PyCFunction)(void (*)(void))key_public_text, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef key_attributes[] = {
    {"description", key_description, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot key_slots[] = {
    {Py_tp_dealloc, (void *)key_dealloc},
    {Py_tp_methods, key_methods},
    {Py_tp_getset, key_attributes},
    {0, NULL},
};

PyType_Spec key_spec = {
    .name = "snapjar._core.Key",
    .basicsize = sizeof(key_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = key_slots,
};

/* ---- trust ---- */

static void trust_dealloc(PyObject *object)
{
    trust_object *self = (trust_object *)object;
    PyTypeObject *type = Py_TYPE(object);

    snapjar_trust_free(self->trust);
    if (self->ws)
        workspace_drop(self->ws);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *trust_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)args;
    (void)keywords;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

/* read(text in bytes) */
static PyObject *trust_read(PyObject *object, PyTypeObject *defining, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *names)
{
    module_state *state = PyType_GetModuleState(defining);
    char *text = NULL;
    Py_ssize_t size = 0;
    snapjar_error err;

    (void)names;
    if (!state || count != 1)
        return PyErr_Format(PyExc_TypeError, "needs text");
    if (PyBytes_AsStringAndSize(arguments[0], &text, &size) < 0)
        return NULL;
    snapjar_trust *trust = trust_get(state, object);
    if (!trust)
        return NULL;
    if (snapjar_trust_read(trust, text, (size_t)size, &err) != SNAPJAR_OK)
        return raise_error(state, &err);
    Py_RETURN_NONE;
}

int optional_text(const char **text, PyObject *value)
{
    *text = value == Py_None ? NULL : PyBytes_AsString(value);
    return value != Py_None && !*text ? -1 : 0;
}

static const char **type_names(PyObject *types, size_t *count)
{
    Py_ssize_t size = PyTuple_Size(types);
    const char **names = size < 0 ? NULL : PyMem_Calloc((size_t)size + 1, sizeof(*names));

    *count = 0;
    for (Py_ssize_t i = 0; names && i < size; i++) {
        names[i] = PyBytes_AsString(PyTuple_GetItem(types, i));
        if (!names[i]) {
            PyMem_Free(names);
            return NULL;
        }
        *count = (size_t)i + 1;
    }
    return names;
}

/* add(key, types in a tuple, not_before, not_after, context); no types: any */
static PyObject *trust_add(PyObject *object, PyTypeObject *defining, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *names)
{
    module_state *state = PyType_GetModuleState(defining);
    snapjar_trust_options options = SNAPJAR_TRUST_OPTIONS_INIT;
    snapjar_error err;

    (void)names;
    if (!state || count != 5 || !PyObject_TypeCheck(arguments[0], state->key_type))
        return PyErr_Format(PyExc_TypeError, "needs key, types, not_before, not_after, context");
    if (optional_text(&options.not_before, arguments[2]) < 0 || optional_text(&options.not_after, arguments[3]) < 0 ||
        optional_text(&options.context, arguments[4]) < 0)
        return NULL;
    snapjar_trust *trust = trust_get(state, object);
    const char **types = trust ? type_names(arguments[1], &options.type_count) : NULL;
    if (!types)
        return NULL;
    options.types = types;
    snapjar_status status = snapjar_trust_add(trust, ((key_object *)arguments[0])->key, &options, &err);
    PyMem_Free(types);
    if (status != SNAPJAR_OK)
        return raise_error(state, &err);
    Py_RETURN_NONE;
}

/* supply(key) */
static PyObject *trust_supply(PyObject *object, PyTypeObject *defining, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *names)
{
    module_state *state = PyType_GetModuleState(defining);
    snapjar_error err;

    (void)names;
    if (!state || count != 1 || !PyObject_TypeCheck(arguments[0], state->key_type))
        return PyErr_Format(PyExc_TypeError, "needs key");
    snapjar_trust *trust = trust_get(state, object);
    if (!trust)
        return NULL;
    if (snapjar_trust_supply(trust, ((key_object *)arguments[0])->key, &err) != SNAPJAR_OK)
        return raise_error(state, &err);
    Py_RETURN_NONE;
}

static PyObject *trust_ids(PyObject *object, void *unused)
{
    const snapjar_trust *trust = ((trust_object *)object)->trust;
    Py_ssize_t count = trust ? (Py_ssize_t)snapjar_trust_key_count(trust) : 0;
    PyObject *ids = PyTuple_New(count);

    (void)unused;
    for (Py_ssize_t i = 0; ids && i < count; i++) {
        PyObject *id = PyUnicode_FromString(snapjar_trust_key_id(trust, (size_t)i));
        if (!id || PyTuple_SetItem(ids, i, id) < 0)
            Py_CLEAR(ids);
    }
    return ids;
}

static PyMethodDef trust_methods[] = {
    {"_read", (PyCFunction)(void (*)(void))trust_read, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_add", (PyCFunction)(void (*)(void))trust_add, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_supply", (PyCFunction)(void (*)(void))trust_supply, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef trust_attributes[] = {
    {"key_ids", trust_ids, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot trust_slots[] = {
    {Py_tp_new, (void *)trust_new},
    {Py_tp_dealloc, (void *)trust_dealloc},
    {Py_tp_methods, trust_methods},
    {Py_tp_getset, trust_attributes},
    {0, NULL},
};

PyType_Spec trust_spec = {
    .name = "snapjar._core.Trust",
    .basicsize = sizeof(trust_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = trust_slots,
};

/* ---- sealing ---- */

snapjar_sealer *sealer_make(module_state *state, snapjar_context *context, PyObject *keys, PyObject *seal_context)
{
    snapjar_sealer_options options = SNAPJAR_SEALER_OPTIONS_INIT;
    const snapjar_key *list[SNAPJAR_SEAL_SIGNATURES_MAX];
    snapjar_sealer *sealer = NULL;
    snapjar_error err;
    Py_ssize_t count = PyTuple_Size(keys);

    if (count < 0 || optional_text(&options.context, seal_context) < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *key = PyTuple_GetItem(keys, i);
        if (i == SNAPJAR_SEAL_SIGNATURES_MAX || !PyObject_TypeCheck(key, state->key_type)) {
            PyErr_SetString(PyExc_TypeError, "keys must be a few snapjar.Key");
            return NULL;
        }
        list[i] = ((key_object *)key)->key;
    }
    options.keys = list;
    options.key_count = (size_t)count;
    if (snapjar_sealer_new(&sealer, context, &options, &err) != SNAPJAR_OK)
        (void)raise_error(state, &err);
    return sealer;
}

PyObject *seal_records(module_state *state, workspace *ws, snapjar_sealer *sealer, PyObject *records, bool continues)
{
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    PyObject *sealed = NULL;
    char *bytes = NULL;
    Py_ssize_t size = 0;
    size_t sealed_size = 0;
    snapjar_error err;

    if (PyBytes_AsStringAndSize(records, &bytes, &size) < 0)
        return NULL;
    options.stream = true;
    options.continues = continues;
    PyThreadState *thread = (uint64_t)size > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    snapjar_status status = snapjar_source_from_memory(&source, ws->context, bytes, (size_t)size, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, ws->context, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_seal(sealer, source, sink, &options, NULL, &err);
    if (thread)
        PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK) {
        const char *whole = snapjar_sink_memory(sink, &sealed_size);
        sealed = PyBytes_FromStringAndSize(whole, (Py_ssize_t)sealed_size);
    } else {
        (void)raise_error(state, &err);
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return sealed;
}

/** seal(records, keys in a tuple, context or None) -> the same records, sealed */
PyObject *core_seal(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    module_state *state = core_state(module);
    PyObject *sealed = NULL;

    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "needs records, keys, context");
    workspace *ws = workspace_acquire(state);
    if (!ws)
        return NULL;
    snapjar_sealer *sealer = sealer_make(state, ws->context, arguments[1], arguments[2]);
    if (sealer)
        sealed = seal_records(state, ws, sealer, arguments[0], false);
    snapjar_sealer_free(sealer);
    workspace_release(state, ws);
    return sealed;
}
