/* SPDX-License-Identifier: MIT
 *
 * Writer: many records to one file, which is replaced or appended to when it is finished, or stays as it was.
 */
#include "core.h"

typedef struct writer_object {
    PyObject_HEAD module_state *state;
    workspace *ws;
    snapjar_sink *sink;
    int is_busy;
    /** Bytes of a torn tail that were set aside. */
    unsigned long long repaired_size;
    bool appends;
    /** The record that others are appended to is sealed; and one was appended to it that is not. */
    bool follows_seal;
    bool breaks_seal;
    /** Seals what is written, by these keys; or NULL. */
    snapjar_sealer *sealer;
    PyObject *keys;
} writer_object;

static void writer_shut(writer_object *self)
{
    snapjar_sink_free(self->sink);
    self->sink = NULL;
    snapjar_sealer_free(self->sealer);
    self->sealer = NULL;
    Py_CLEAR(self->keys);
    if (self->ws)
        workspace_release(self->state, self->ws);
    self->ws = NULL;
}

static void writer_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    writer_shut((writer_object *)object);
    release(object);
    Py_DECREF(type);
}

static snapjar_status open_sink(writer_object *self, const char *path, int appends, int repair, int is_synced,
                                int must_not_exist, snapjar_error *err)
{
    snapjar_durability durability = is_synced ? SNAPJAR_DURABILITY_SYNC : SNAPJAR_DURABILITY_NONE;
    uint64_t repaired = 0;

    self->appends = appends != 0;
    if (appends) {
        snapjar_append_options options = SNAPJAR_APPEND_OPTIONS_INIT;
        options.repair = repair != 0;
        options.create = true;
        options.durability = durability;
        snapjar_status status =
            snapjar_sink_open_append(&self->sink, self->ws->context, path, &options, &repaired, err);
        self->repaired_size = repaired;
        return status;
    }
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    options.durability = durability;
    options.must_not_exist = must_not_exist != 0;
    return snapjar_sink_open_path(&self->sink, self->ws->context, path, &options, err);
}

/* ---- seals of what is appended to ---- */

/* Whether the file ends with a sealed record. */
static bool last_is_sealed(snapjar_context *context, const char *path)
{
    const snapjar_record *record = NULL;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;

    snapjar_status status = snapjar_source_open_path(&source, context, path, 0, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, NULL, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_seek_last(reader, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_next(reader, &record, NULL);
    bool is_sealed = status == SNAPJAR_OK && record && snapjar_header_seal_size(snapjar_record_header(record)) > 0;
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return is_sealed;
}

/* Whether there is a record without a seal among these. */
static bool has_unsealed(snapjar_context *context, const void *bytes, size_t size)
{
    const snapjar_record *record = NULL;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    bool is_found = false;

    snapjar_status status = snapjar_source_from_memory(&source, context, bytes, size, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, NULL, NULL);
    while (status == SNAPJAR_OK && !is_found) {
        status = snapjar_reader_next(reader, &record, NULL);
        if (status != SNAPJAR_OK || !record)
            break;
        is_found = snapjar_header_seal_size(snapjar_record_header(record)) == 0;
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return is_found;
}

/* ---- the object ---- */

/* Writer(path in bytes, appends, repair, sync, must_not_exist) */
static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    const char *path = NULL;
    int appends = 0;
    int repair = 0;
    int is_synced = 0;
    int must_not_exist = 0;
    snapjar_error err;

    (void)keywords;
    if (!PyArg_ParseTuple(args, "ypppp", &path, &appends, &repair, &is_synced, &must_not_exist))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    writer_object *self = (writer_object *)allocate(type, 0);
    if (!self)
        return NULL;
    self->state = PyType_GetModuleState(type);
    self->ws = workspace_acquire(self->state);
    if (!self->ws) {
        Py_DECREF(self);
        return NULL;
    }
    /* Waits for other writers. */
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = open_sink(self, path, appends, repair, is_synced, must_not_exist, &err);
    if (status == SNAPJAR_OK && appends)
        self->follows_seal = last_is_sealed(self->ws->context, path);
    PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK)
        return (PyObject *)self;
    (void)raise_error(self->state, &err);
    Py_DECREF(self);
    return NULL;
}

static int writer_begin(writer_object *self)
{
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the writer is in use by another thread");
        return -1;
    }
    if (!self->sink) {
        PyErr_SetString(PyExc_ValueError, "the writer is closed");
        return -1;
    }
    self->is_busy = 1;
    return 0;
}

/* A record goes to memory first: an object that cannot be pickled, or fails to be packed, leaves nothing behind. */
static int write_record(writer_object *self, PyObject *bytes)
{
    char *record = NULL;
    Py_ssize_t size = 0;
    snapjar_error err;

    if (PyBytes_AsStringAndSize(bytes, &record, &size) < 0)
        return -1;
    if (self->follows_seal && !self->sealer && !self->breaks_seal)
        self->breaks_seal = has_unsealed(self->ws->context, record, (size_t)size);
    PyThreadState *thread = (uint64_t)size > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    snapjar_status status = snapjar_sink_write(self->sink, record, (size_t)size, &err);
    if (thread)
        PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK)
        return 0;
    (void)raise_error(self->state, &err);
    /* Part of it may be there. Nothing can follow; what was is undone. */
    writer_shut(self);
    return -1;
}

/* seal_with(keys in a tuple, context or None): before the first record */
static PyObject *writer_seal_with(PyObject *object, PyObject *args)
{
    writer_object *self = (writer_object *)object;
    PyObject *keys = NULL;
    PyObject *seal_context = NULL;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &keys, &seal_context) || writer_begin(self) < 0)
        return NULL;
    self->is_busy = 0;
    self->sealer = sealer_make(self->state, self->ws->context, keys, seal_context);
    if (!self->sealer)
        return NULL;
    self->keys = Py_NewRef(keys);
    if (self->appends && snapjar_sealer_follow(self->sealer, self->sink, &err) != SNAPJAR_OK)
        return raise_error(self->state, &err);
    Py_RETURN_NONE;
}

static PyObject *writer_write(PyObject *object, PyObject *record)
{
    writer_object *self = (writer_object *)object;

    if (writer_begin(self) < 0)
        return NULL;
    PyObject *sealed =
        self->sealer ? seal_records(self->state, self->ws, self->sealer, record, true) : Py_NewRef(record);
    int status = sealed ? write_record(self, sealed) : -1;
    Py_XDECREF(sealed);
    self->is_busy = 0;
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_finish(PyObject *object, PyObject *unused)
{
    writer_object *self = (writer_object *)object;
    snapjar_error err;

    (void)unused;
    if (writer_begin(self) < 0)
        return NULL;
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = snapjar_sink_finish(self->sink, &err);
    PyEval_RestoreThread(thread);
    self->is_busy = 0;
    if (status != SNAPJAR_OK)
        (void)raise_error(self->state, &err);
    writer_shut(self);
    if (status != SNAPJAR_OK)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *object, PyObject *unused)
{
    writer_object *self = (writer_object *)object;

    (void)unused;
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the writer is in use by another thread");
        return NULL;
    }
    writer_shut(self);
    Py_RETURN_NONE;
}

static PyObject *writer_repaired_size(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((writer_object *)object)->repaired_size);
}

static PyObject *writer_breaks_seal(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((writer_object *)object)->breaks_seal);
}

static PyMethodDef writer_methods[] = {
    {"seal_with", writer_seal_with, METH_VARARGS, NULL},
    {"write", writer_write, METH_O, NULL},
    {"finish", writer_finish, METH_NOARGS, NULL},
    {"abort", writer_abort, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef writer_attributes[] = {
    {"repaired_size", writer_repaired_size, NULL, NULL, NULL},
    {"breaks_seal", writer_breaks_seal, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_new, (void *)writer_new},
    {Py_tp_dealloc, (void *)writer_dealloc},
    {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_attributes},
    {0, NULL},
};

PyType_Spec writer_spec = {
    .name = "snapjar._core.Writer",
    .basicsize = sizeof(writer_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = writer_slots,
};
