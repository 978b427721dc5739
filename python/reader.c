/* SPDX-License-Identifier: MIT
 *
 * Reader: the records of memory, a descriptor or a path, one after another or from any place. One thread at a time;
 * a second one is refused, not made to wait.
 */
#include "core.h"

typedef struct reader_object {
    PyObject_HEAD module_state *state;
    workspace *ws;
    snapjar_source *source;
    snapjar_reader *reader;
    const snapjar_record *record;
    /** Memory that is read from. */
    Py_buffer view;
    int has_view;
    int is_busy;
    /** Whose seals are accepted, and the detached one that is demanded; or NULL. */
    PyObject *trust;
    snapjar_detached *detached;
} reader_object;

static void reader_shut(reader_object *self)
{
    snapjar_reader_free(self->reader);
    snapjar_detached_free(self->detached);
    snapjar_source_free(self->source);
    self->detached = NULL;
    self->reader = NULL;
    self->source = NULL;
    self->record = NULL;
    if (self->ws)
        workspace_release(self->state, self->ws);
    self->ws = NULL;
    if (self->has_view)
        PyBuffer_Release(&self->view);
    self->has_view = 0;
}

static void reader_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    reader_shut((reader_object *)object);
    Py_XDECREF(((reader_object *)object)->trust);
    release(object);
    Py_DECREF(type);
}

/* Opens what `target` is: a path in bytes, the number of a descriptor, or (memory,). */
static snapjar_status open_source(reader_object *self, PyObject *target, const char *name, snapjar_error *err)
{
    snapjar_context *context = self->ws->context;
    snapjar_status status = SNAPJAR_OK;

    if (self->has_view)
        return snapjar_source_from_memory(&self->source, context, self->view.buf, (size_t)self->view.len, err);
    int fd = PyLong_Check(target) ? (int)PyLong_AsLong(target) : -1;
    const char *path = fd < 0 ? PyBytes_AsString(target) : NULL;
    /* A pipe is read to its end. */
    PyThreadState *thread = PyEval_SaveThread();
    if (path)
        status = snapjar_source_open_path(&self->source, context, path, 0, err);
    else
        status = snapjar_source_from_fd(&self->source, context, fd, name, 0, err);
    PyEval_RestoreThread(thread);
    return status;
}

/* Reader(target, name, header_json_size_max, content_size_max) */
static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    unsigned long long json_max = 0;
    unsigned long long content_max = 0;
    PyObject *target = NULL;
    const char *name = NULL;
    snapjar_error err;

    (void)keywords;
    if (!PyArg_ParseTuple(args, "OsKK", &target, &name, &json_max, &content_max))
        return NULL;
    limits.header_json_size_max = json_max;
    limits.content_size_max = content_max;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    reader_object *self = (reader_object *)allocate(type, 0);
    if (!self)
        return NULL;
    self->state = PyType_GetModuleState(type);
    self->ws = workspace_acquire(self->state);
    if (self->ws && PyTuple_Check(target)) {
        if (PyObject_GetBuffer(PyTuple_GetItem(target, 0), &self->view, PyBUF_SIMPLE) == 0)
            self->has_view = 1;
    } else if (self->ws && !PyLong_Check(target) && !PyBytes_Check(target)) {
        PyErr_SetString(PyExc_TypeError, "bytes, a number or a tuple");
    }
    if (PyErr_Occurred()) {
        Py_DECREF(self);
        return NULL;
    }
    if (open_source(self, target, name, &err) == SNAPJAR_OK &&
        snapjar_reader_new(&self->reader, self->ws->context, self->source, &limits, &err) == SNAPJAR_OK)
        return (PyObject *)self;
    (void)raise_error(self->state, &err);
    Py_DECREF(self);
    return NULL;
}

/* Makes the reader this call's own. */
static int reader_begin(reader_object *self, bool needs_record)
{
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the reader is in use by another thread");
        return -1;
    }
    if (!self->reader) {
        PyErr_SetString(PyExc_ValueError, "the reader is closed");
        return -1;
    }
    if (needs_record && !self->record) {
        PyErr_SetString(PyExc_ValueError, "the reader is at no record: call next first");
        return -1;
    }
    self->is_busy = 1;
    return 0;
}

static PyObject *describe_record(const snapjar_record *record)
{
    snapjar_text json = snapjar_header_json(snapjar_record_header(record));

    return Py_BuildValue("KKKy#", (unsigned long long)snapjar_record_index(record),
                         (unsigned long long)snapjar_record_offset(record),
                         (unsigned long long)snapjar_record_size(record), json.data, (Py_ssize_t)json.size);
}

static PyObject *reader_next(PyObject *object, PyObject *unused)
{
    reader_object *self = (reader_object *)object;
    snapjar_error err;

    (void)unused;
    if (reader_begin(self, false) < 0)
        return NULL;
    const snapjar_record *record = NULL;
    snapjar_status status = snapjar_reader_next(self->reader, &record, &err);
    self->record = status == SNAPJAR_OK ? record : self->record;
    self->is_busy = 0;
    if (status != SNAPJAR_OK)
        return raise_error(self->state, &err);
    if (!record)
        Py_RETURN_NONE;
    return describe_record(record);
}

static PyObject *reader_seek(PyObject *object, PyObject *args)
{
    reader_object *self = (reader_object *)object;
    unsigned long long offset = 0;
    unsigned long long index = 0;

    if (!PyArg_ParseTuple(args, "KK", &offset, &index) || reader_begin(self, false) < 0)
        return NULL;
    snapjar_reader_seek(self->reader, offset, index);
    self->record = NULL;
    self->is_busy = 0;
    Py_RETURN_NONE;
}

static PyObject *reader_seek_last(PyObject *object, PyObject *unused)
{
    reader_object *self = (reader_object *)object;
    snapjar_error err;

    (void)unused;
    if (reader_begin(self, false) < 0)
        return NULL;
    snapjar_status status = snapjar_reader_seek_last(self->reader, &err);
    self->record = NULL;
    self->is_busy = 0;
    if (status != SNAPJAR_OK)
        return raise_error(self->state, &err);
    Py_RETURN_NONE;
}

static PyObject *reader_size(PyObject *object, PyObject *unused)
{
    reader_object *self = (reader_object *)object;
    uint64_t size = 0;
    snapjar_error err;

    (void)unused;
    if (reader_begin(self, false) < 0)
        return NULL;
    snapjar_status status = snapjar_source_size(self->source, &size, &err);
    self->is_busy = 0;
    if (status != SNAPJAR_OK)
        return raise_error(self->state, &err);
    return PyLong_FromUnsignedLongLong(size);
}

static PyObject *reader_load(PyObject *object, PyObject *args)
{
    reader_object *self = (reader_object *)object;
    load_settings settings;
    PyObject *threads = NULL;

    if (!PyArg_ParseTuple(args, "O!OiOO", self->state->policy_type, &settings.policy, &settings.environment,
                          &settings.layout, &settings.expected, &threads) ||
        threads_read(self->state, &settings.threads, threads) < 0)
        return NULL;
    if (!policy_get(settings.policy)) {
        PyErr_SetString(PyExc_TypeError, "policy must be a snapjar.Policy");
        return NULL;
    }
    if (reader_begin(self, true) < 0)
        return NULL;
    PyObject *loaded = load_record(self->state, self->ws, self->reader, self->record, &settings);
    self->is_busy = 0;
    return loaded;
}

/* verify(threads, stored_only) -> (opcodes, frames) */
static PyObject *reader_verify(PyObject *object, PyObject *args)
{
    reader_object *self = (reader_object *)object;
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_verification found;
    PyObject *threads = NULL;
    int stored_only = 0;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "Op", &threads, &stored_only) ||
        threads_read(self->state, &options.threads, threads) < 0 || reader_begin(self, true) < 0)
        return NULL;
    options.stored_only = stored_only != 0;
    PyThreadState *thread =
        snapjar_header_size(snapjar_record_header(self->record)) > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    snapjar_status status = snapjar_record_verify(self->reader, &options, &found, &err);
    if (thread)
        PyEval_RestoreThread(thread);
    self->is_busy = 0;
    if (status != SNAPJAR_OK)
        return raise_error(self->state, &err);
    return Py_BuildValue("KK", (unsigned long long)found.opcode_count, (unsigned long long)found.frame_count);
}

/* pickle(threads) -> the verified pickle, its buffers put back */
static PyObject *reader_pickle(PyObject *object, PyObject *args)
{
    reader_object *self = (reader_object *)object;
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_sink *sink = NULL;
    PyObject *pickle = NULL;
    PyObject *threads = NULL;
    size_t size = 0;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "O", &threads) || threads_read(self->state, &options.threads, threads) < 0 ||
        reader_begin(self, true) < 0)
        return NULL;
    PyThreadState *thread =
        snapjar_header_size(snapjar_record_header(self->record)) > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    snapjar_status status = snapjar_sink_to_memory(&sink, self->ws->context, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_unpack(self->reader, sink, &options, &err);
    if (thread)
        PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK) {
        const void *bytes = snapjar_sink_memory(sink, &size);
        pickle = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
    } else {
        (void)raise_error(self->state, &err);
    }
    snapjar_sink_free(sink);
    self->is_busy = 0;
    return pickle;
}

static snapjar_status demand_seal(reader_object *self, snapjar_seal_demand *demand, const detached_choice *choice,
                                  snapjar_error *err)
{
    snapjar_detached *detached = NULL;
    snapjar_status status = detached_demand(choice, demand, &detached, self->ws, self->source, err);

    if (status != SNAPJAR_OK)
        return status;
    status = snapjar_reader_demand_seal(self->reader, demand, err);
    if (status != SNAPJAR_OK)
        detached_blame(choice, err);
    /* After a failure too it is the reader's. */
    snapjar_detached *old = self->detached;
    self->detached = detached;
    snapjar_detached_free(old);
    return status;
}

/* demand_seal(trust, context or None, what detached_choose takes): once, before the first record */
static PyObject *reader_demand_seal(PyObject *object, PyObject *args)
{
    reader_object *self = (reader_object *)object;
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    detached_choice choice;
    PyObject *trust = NULL;
    PyObject *detached = NULL;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "O!zO", self->state->trust_type, &trust, &demand.context, &detached) ||
        detached_choose(&choice, detached) < 0)
        return NULL;
    /* What the reader borrows is kept for one demand. */
    if (self->trust)
        PyErr_SetString(PyExc_ValueError, "a seal is demanded already");
    if (self->trust || reader_begin(self, false) < 0) {
        detached_release(&choice);
        return NULL;
    }
    demand.trust = trust_get(self->state, trust);
    /* The seal may be read from a pipe. */
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = demand.trust ? demand_seal(self, &demand, &choice, &err) : SNAPJAR_OK;
    PyEval_RestoreThread(thread);
    self->is_busy = 0;
    detached_release(&choice);
    if (!demand.trust)
        return NULL;
    if (status != SNAPJAR_OK)
        return raise_error(self->state, &err);
    PyObject *old = self->trust;
    self->trust = Py_NewRef(trust);
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

static PyObject *reader_close(PyObject *object, PyObject *unused)
{
    reader_object *self = (reader_object *)object;

    (void)unused;
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the reader is in use by another thread");
        return NULL;
    }
    reader_shut(self);
    Py_RETURN_NONE;
}

static PyMethodDef reader_methods[] = {
    {"next", reader_next, METH_NOARGS, NULL},           {"seek", reader_seek, METH_VARARGS, NULL},
    {"seek_last", reader_seek_last, METH_NOARGS, NULL}, {"size", reader_size, METH_NOARGS, NULL},
    {"load", reader_load, METH_VARARGS, NULL},          {"verify", reader_verify, METH_VARARGS, NULL},
    {"pickle", reader_pickle, METH_VARARGS, NULL},      {"demand_seal", reader_demand_seal, METH_VARARGS, NULL},
    {"close", reader_close, METH_NOARGS, NULL},         {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_new, (void *)reader_new},
    {Py_tp_dealloc, (void *)reader_dealloc},
    {Py_tp_methods, reader_methods},
    {0, NULL},
};

PyType_Spec reader_spec = {
    .name = "snapjar._core.Reader",
    .basicsize = sizeof(reader_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = reader_slots,
};
