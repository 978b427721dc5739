/* SPDX-License-Identifier: MIT
 *
 * From an object to a record: pickled by CPython, large buffers kept out of the pickle and not copied, analysed for the
 * modules whose versions the header names, and packed by the library into memory or a file.
 */
#include "core.h"

#include <string.h>

/** Smaller buffers go into the pickle: a place in the header costs more than copying them. */
#define BUFFER_SIZE_MIN 4096
/** More than so many go into the pickle too, or the header would be large. */
#define BUFFER_COUNT_MAX 4096
/** Larger records are gathered in memory that is given back. */
#define KEPT_RECORD_SIZE ((uint64_t)1 << 20)

enum argument {
    ARGUMENT_OBJECT,
    ARGUMENT_TYPE,
    ARGUMENT_SCHEMA_VERSION,
    ARGUMENT_LABELS,
    ARGUMENT_CREATED,
    ARGUMENT_PROTOCOL,
    ARGUMENT_COMPRESSION,
    ARGUMENT_LEVEL,
    ARGUMENT_THREADS,
    ARGUMENT_FRAME_SIZE,
};

/* What a dump holds while it lasts. */
typedef struct dumping {
    module_state *state;
    workspace *ws;
    PyObject *pickle;
    /** Views of the out-of-band buffers. */
    Py_buffer *views;
    size_t view_count;
    snapjar_buffer *buffers;
    PyObject *type_text;
    PyObject *build_json;
    snapjar_pack_options options;
} dumping;

/* ---- pickling ---- */

/* buffer_callback: keeps the buffer (in the list that it is bound to), or says that it should go into the pickle. */
static PyObject *keep_buffer(PyObject *list, PyObject *pickle_buffer)
{
    Py_buffer view;

    /* One that is not contiguous is refused by the pickler itself. */
    if (PyObject_GetBuffer(pickle_buffer, &view, PyBUF_FULL_RO) < 0) {
        PyErr_Clear();
        Py_RETURN_TRUE;
    }
    bool is_kept =
        view.len >= BUFFER_SIZE_MIN && PyList_Size(list) < BUFFER_COUNT_MAX && PyBuffer_IsContiguous(&view, 'A');
    PyBuffer_Release(&view);
    if (!is_kept)
        Py_RETURN_TRUE;
    if (PyList_Append(list, pickle_buffer) < 0)
        return NULL;
    Py_RETURN_FALSE;
}

static PyMethodDef keep_buffer_method = {"keep_buffer", keep_buffer, METH_O, NULL};

/* The list of a workspace and the keywords with the callback bound to it, made once. 0, or -1 with an exception. */
static int prepare_keywords(module_state *state, workspace *ws)
{
    if (ws->keywords)
        return 0;
    ws->buffers = PyList_New(0);
    PyObject *callback = ws->buffers ? PyCFunction_New(&keep_buffer_method, ws->buffers) : NULL;
    ws->keywords = callback ? PyDict_New() : NULL;
    if (ws->keywords && PyDict_SetItem(ws->keywords, state->callback_name, callback) < 0)
        Py_CLEAR(ws->keywords);
    Py_XDECREF(callback);
    if (!ws->keywords)
        Py_CLEAR(ws->buffers);
    return ws->keywords ? 0 : -1;
}

static PyObject *call_pickle(module_state *state, workspace *ws, PyObject *object, PyObject *protocol)
{
    PyObject *arguments = PyTuple_Pack(2, object, protocol);
    PyObject *pickle = arguments ? PyObject_Call(state->pickle_dumps, arguments, ws->keywords) : NULL;

    Py_XDECREF(arguments);
    return pickle;
}

static int view_buffers(dumping *d)
{
    PyObject *list = d->ws->buffers;
    size_t count = (size_t)PyList_Size(list);

    if (!count)
        return 0;
    d->views = PyMem_Calloc(count, sizeof(*d->views));
    d->buffers = PyMem_Calloc(count, sizeof(*d->buffers));
    if (!d->views || !d->buffers) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        PyObject *raw = PyObject_CallMethodObjArgs(PyList_GetItem(list, (Py_ssize_t)i), d->state->raw_name, NULL);
        if (!raw)
            return -1;
        int status = PyObject_GetBuffer(raw, &d->views[i], PyBUF_SIMPLE);
        Py_DECREF(raw); /* the view keeps it alive */
        if (status < 0)
            return -1;
        d->view_count = i + 1;
        d->buffers[i] = (snapjar_buffer){d->views[i].buf, (size_t)d->views[i].len};
    }
    d->options.buffers = d->buffers;
    d->options.buffer_count = count;
    return 0;
}

static int pickle_object(dumping *d, PyObject *object, PyObject *protocol)
{
    long number = PyLong_AsLong(protocol);

    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number < 0 || number > 5) {
        PyErr_Format(PyExc_ValueError, "protocol must be from 0 to 5, not %ld", number);
        return -1;
    }
    if (number == 5) {
        if (prepare_keywords(d->state, d->ws) < 0)
            return -1;
        d->pickle = call_pickle(d->state, d->ws, object, protocol);
    } else {
        d->pickle = PyObject_CallFunctionObjArgs(d->state->pickle_dumps, object, protocol, NULL);
    }
    if (!d->pickle)
        replace_exception(d->state->hooks[HOOK_EXPLAIN_PICKLING], object);
    int status = d->pickle ? 0 : -1;
    if (status == 0 && number == 5)
        status = view_buffers(d);
    /* The views hold what is needed of them. */
    if (d->ws->buffers && PyList_Size(d->ws->buffers) &&
        PyList_SetSlice(d->ws->buffers, 0, PyList_Size(d->ws->buffers), NULL) < 0)
        status = -1;
    return status;
}

/* ---- the header ---- */

/* "module:Qualname" of a class in bytes, kept for the next object of the same one. A new reference. */
static PyObject *name_class(module_state *state, PyObject *class)
{
    PyObject *module = PyObject_GetAttr(class, state->module_name);
    PyObject *name = module ? PyObject_GetAttr(class, state->qualname_name) : NULL;
    PyObject *text = NULL;

    if (name && module == state->typed_module && name == state->typed_name) {
        text = Py_NewRef(state->typed_text);
    } else if (name) {
        PyObject *joined = PyUnicode_FromFormat("%U:%U", module, name);
        text = joined ? PyUnicode_AsUTF8String(joined) : NULL;
        Py_XDECREF(joined);
    }
    if (text && text != state->typed_text) {
        PyObject *old[] = {state->typed_module, state->typed_name, state->typed_text};
        state->typed_module = Py_NewRef(module);
        state->typed_name = Py_NewRef(name);
        state->typed_text = Py_NewRef(text);
        for (size_t i = 0; i < sizeof(old) / sizeof(*old); i++)
            Py_XDECREF(old[i]);
    }
    Py_XDECREF(name);
    Py_XDECREF(module);
    return text;
}

/* Whether the class may have a schema version. Asking an object is cheaper than an AttributeError of its class, where
 * the two must answer the same. */
static bool may_have_schema(const dumping *d, PyObject *object)
{
    PyTypeObject *class = Py_TYPE(object);

    if (!(PyType_GetFlags(class) & Py_TPFLAGS_HEAPTYPE))
        return false;
    bool is_usual = Py_TYPE((PyObject *)class) == &PyType_Type &&
                    (getattrofunc)PyType_GetSlot(class, Py_tp_getattro) == PyObject_GenericGetAttr;
    return !is_usual || PyObject_HasAttr(object, d->state->schema_name);
}

/* "module:Qualname" of the object's class, and the schema version that the class says it has. */
static int describe_type(dumping *d, PyObject *object, PyObject *type, PyObject *schema_version)
{
    PyObject *class = (PyObject *)Py_TYPE(object);

    d->type_text = type != Py_None ? PyUnicode_AsUTF8String(type) : name_class(d->state, class);
    if (!d->type_text)
        return -1;
    d->options.type = PyBytes_AsString(d->type_text);
    PyObject *version = NULL;
    if (schema_version != Py_None)
        version = Py_NewRef(schema_version);
    else if (may_have_schema(d, object))
        version = PyObject_GetAttr(class, d->state->schema_name);
    if (!version) {
        if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    d->options.schema_version = PyLong_AsLongLong(version);
    Py_DECREF(version);
    return PyErr_Occurred() ? -1 : 0;
}

/* The modules of the globals, one after another with a NUL behind each; NULL with an exception. */
static char *list_modules(snapjar_scan *scan, size_t *size)
{
    size_t count = snapjar_scan_global_count(scan);
    size_t used = 0;

    *size = 0;
    for (size_t i = 0; i < count; i++)
        *size += snapjar_scan_global_at(scan, i)->module.size + 1;
    char *modules = PyMem_Malloc(*size ? *size : 1);
    if (!modules)
        return (char *)PyErr_NoMemory();
    for (size_t i = 0; i < count; i++) {
        snapjar_text module = snapjar_scan_global_at(scan, i)->module;
        if (module.size)
            memcpy(modules + used, module.data, module.size);
        used += module.size;
        modules[used++] = '\0';
    }
    return modules;
}

/* Takes the JSON for this record. 1: it is not what `d` had; 0: it is. */
static int use_build(dumping *d, PyObject *json)
{
    if (d->build_json == json)
        return 0;
    Py_XDECREF(d->build_json);
    /* Held: another thread may replace the one that is remembered. */
    d->build_json = Py_NewRef(json);
    d->options.build_json = PyBytes_AsString(json);
    return 1;
}

/* Build info for what a scan has seen. 1: it is not what `d` had; 0: it is; -1 with an exception. */
static int describe_build(dumping *d, snapjar_scan *scan)
{
    module_state *state = d->state;
    recent *r = &d->ws->recent;
    uint64_t generation = snapjar_scan_generation(scan);
    size_t size = 0;

    /* The same modules as before, and nobody has asked for others since. */
    if (generation && r->build_generation == generation && r->build_json == state->build_json)
        return use_build(d, state->build_json);
    char *modules = list_modules(scan, &size);

    if (!modules)
        return -1;
    if (!state->build_json || state->build_modules_size != size || memcmp(state->build_modules, modules, size) != 0) {
        PyObject *json = PyObject_CallFunction(state->hooks[HOOK_DESCRIBE_BUILD], "y#", modules, (Py_ssize_t)size);
        if (!json) {
            PyMem_Free(modules);
            return -1;
        }
        PyMem_Free(state->build_modules);
        state->build_modules = modules;
        state->build_modules_size = size;
        PyObject *old = state->build_json;
        state->build_json = json;
        Py_XDECREF(old);
    } else {
        PyMem_Free(modules);
    }
    PyObject *old = r->build_json;
    r->build_generation = generation;
    r->build_json = Py_NewRef(state->build_json);
    Py_XDECREF(old);
    return use_build(d, state->build_json);
}

/* Before a large pickle is packed: packing it twice would cost more. */
static int analyse(dumping *d)
{
    snapjar_scan *scan = scan_borrow(d->state, d->ws);
    char *bytes = NULL;
    Py_ssize_t size = 0;
    snapjar_error err;

    if (!scan || PyBytes_AsStringAndSize(d->pickle, &bytes, &size) < 0)
        return -1;
    PyThreadState *thread = (uint64_t)size > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    /* A pickle that cannot be analysed is stored all the same; what was seen up to there is named. */
    snapjar_status status = snapjar_scan_pickle(scan, bytes, (size_t)size, &err);
    if (thread)
        PyEval_RestoreThread(thread);
    if (status == SNAPJAR_NO_MEMORY) {
        (void)raise_error(d->state, &err);
        return -1;
    }
    int result = describe_build(d, scan);
    scan_return(d->ws, (uint64_t)size);
    return result < 0 ? -1 : 0;
}

/* ---- packing ---- */

static int read_optional_text(const char **text, PyObject *argument)
{
    if (argument == Py_None)
        return 0;
    *text = PyBytes_AsString(argument);
    return *text ? 0 : -1;
}

static int read_options(dumping *d, PyObject *const *arguments)
{
    snapjar_pack_options *options = &d->options;

    options->compression = (snapjar_compression)PyLong_AsLong(arguments[ARGUMENT_COMPRESSION]);
    options->level = (int)PyLong_AsLong(arguments[ARGUMENT_LEVEL]);
    options->frame_size = (uint32_t)PyLong_AsUnsignedLong(arguments[ARGUMENT_FRAME_SIZE]);
    if (PyErr_Occurred() || threads_read(d->state, &options->threads, arguments[ARGUMENT_THREADS]) < 0 ||
        read_optional_text(&options->labels_json, arguments[ARGUMENT_LABELS]) < 0 ||
        read_optional_text(&options->created, arguments[ARGUMENT_CREATED]) < 0)
        return -1;
    return 0;
}

static uint64_t content_size(const dumping *d)
{
    uint64_t size = (uint64_t)PyBytes_Size(d->pickle);

    for (size_t i = 0; i < d->view_count; i++)
        size += (uint64_t)d->views[i].len;
    return size;
}

static int pack(dumping *d, snapjar_sink *sink)
{
    snapjar_source *source = NULL;
    char *bytes = NULL;
    Py_ssize_t size = 0;
    snapjar_error err;

    if (PyBytes_AsStringAndSize(d->pickle, &bytes, &size) < 0)
        return -1;
    PyThreadState *thread = content_size(d) > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    snapjar_status status = snapjar_source_from_memory(&source, d->ws->context, bytes, (size_t)size, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_pack(d->ws->context, source, 0, sink, &d->options, NULL, &err);
    snapjar_source_free(source);
    if (thread)
        PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK)
        return 0;
    (void)raise_error(d->state, &err);
    return -1;
}

static int prepare(dumping *d, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != DUMP_ARGUMENT_COUNT) {
        PyErr_SetString(PyExc_TypeError, "wrong number of arguments");
        return -1;
    }
    if (read_options(d, arguments) < 0 ||
        describe_type(d, arguments[ARGUMENT_OBJECT], arguments[ARGUMENT_TYPE], arguments[ARGUMENT_SCHEMA_VERSION]) <
            0 ||
        pickle_object(d, arguments[ARGUMENT_OBJECT], arguments[ARGUMENT_PROTOCOL]) < 0)
        return -1;
    return 0;
}

static void dumping_clear(dumping *d)
{
    for (size_t i = 0; i < d->view_count; i++)
        PyBuffer_Release(&d->views[i]);
    PyMem_Free(d->views);
    PyMem_Free(d->buffers);
    Py_XDECREF(d->build_json);
    Py_XDECREF(d->type_text);
    Py_XDECREF(d->pickle);
}

/*
 * A small pickle is packed with the build info of the one before, which packing it then shows to be the right one: most
 * pickles of a program name the same modules. If not, it is packed again.
 */
static int pack_small(dumping *d, snapjar_sink *sink)
{
    snapjar_scan *scan = scan_borrow(d->state, d->ws);

    if (!scan)
        return -1;
    if (d->state->build_json)
        (void)use_build(d, d->state->build_json);
    d->options.scan = scan;
    if (pack(d, sink) < 0)
        return -1;
    int is_other = describe_build(d, scan);
    if (is_other <= 0)
        return is_other;
    snapjar_sink_reset(sink);
    return pack(d, sink);
}

static int pack_to_memory(dumping *d, snapjar_sink *sink)
{
    if (content_size(d) <= RELEASE_SIZE)
        return pack_small(d, sink);
    return analyse(d) < 0 ? -1 : pack(d, sink);
}

/* The workspace's memory sink, empty. NULL with an exception. */
static snapjar_sink *kept_sink(dumping *d)
{
    workspace *ws = d->ws;
    snapjar_error err;

    if (!ws->record && snapjar_sink_to_memory(&ws->record, ws->context, &err) != SNAPJAR_OK)
        return (snapjar_sink *)raise_error(d->state, &err);
    snapjar_sink_reset(ws->record);
    return ws->record;
}

/* ---- bytes ---- */

static PyObject *dump_to_bytes(dumping *d, snapjar_sink *sink)
{
    size_t size = 0;

    if (pack_to_memory(d, sink) < 0)
        return NULL;
    const void *record = snapjar_sink_memory(sink, &size);
    return PyBytes_FromStringAndSize(record, (Py_ssize_t)size);
}

/* The memory that a small record is gathered in is kept for the next one. */
static PyObject *dump_in_memory(dumping *d)
{
    snapjar_sink *sink = NULL;
    snapjar_error err;

    if (content_size(d) <= KEPT_RECORD_SIZE) {
        sink = kept_sink(d);
        return sink ? dump_to_bytes(d, sink) : NULL;
    }
    if (snapjar_sink_to_memory(&sink, d->ws->context, &err) != SNAPJAR_OK)
        return raise_error(d->state, &err);
    PyObject *bytes = dump_to_bytes(d, sink);
    snapjar_sink_free(sink);
    return bytes;
}

/** dump_bytes(object, type, schema_version, labels, created, protocol, compression, level, threads, frame_size) */
PyObject *core_dump_bytes(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    module_state *state = core_state(module);
    PyObject *result = NULL;
    workspace *ws = workspace_acquire(state);

    if (!ws)
        return NULL;
    dumping d = {.state = state, .ws = ws, .options = SNAPJAR_PACK_OPTIONS_INIT};
    if (prepare(&d, arguments, count) == 0)
        result = dump_in_memory(&d);
    dumping_clear(&d);
    workspace_release(state, ws);
    return result;
}

/* ---- files ---- */

static int finish(module_state *state, snapjar_sink *sink)
{
    snapjar_error err;
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = snapjar_sink_finish(sink, &err);

    PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK)
        return 0;
    (void)raise_error(state, &err);
    return -1;
}

static snapjar_status open_path(snapjar_sink **sink, snapjar_context *context, const char *path, int is_synced,
                                int must_not_exist, snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;

    options.durability = is_synced ? SNAPJAR_DURABILITY_SYNC : SNAPJAR_DURABILITY_NONE;
    options.must_not_exist = must_not_exist != 0;
    /* Opening may wait for somebody else's lock. */
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = snapjar_sink_open_path(sink, context, path, &options, err);
    PyEval_RestoreThread(thread);
    return status;
}

/* A small record is made in memory first, so that it reaches the file in one write. */
static int pack_to_file(dumping *d, snapjar_sink *file)
{
    snapjar_error err;
    size_t size = 0;

    if (content_size(d) > RELEASE_SIZE)
        return analyse(d) < 0 ? -1 : pack(d, file);
    snapjar_sink *memory = kept_sink(d);
    if (!memory || pack_small(d, memory) < 0)
        return -1;
    const void *record = snapjar_sink_memory(memory, &size);
    if (snapjar_sink_write(file, record, size, &err) == SNAPJAR_OK)
        return 0;
    (void)raise_error(d->state, &err);
    return -1;
}

static int dump_to_path(module_state *state, workspace *ws, dumping *d, const char *path, int is_synced,
                        int must_not_exist)
{
    snapjar_sink *sink = NULL;
    snapjar_error err;

    if (open_path(&sink, ws->context, path, is_synced, must_not_exist, &err) != SNAPJAR_OK) {
        (void)raise_error(state, &err);
        return -1;
    }
    int status = pack_to_file(d, sink);
    if (status == 0)
        status = finish(state, sink);
    snapjar_sink_free(sink);
    return status;
}

/** dump_path(path, sync, must_not_exist, arguments of dump_bytes...): path as bytes. */
PyObject *core_dump_path(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    module_state *state = core_state(module);
    const char *path = count > 3 ? PyBytes_AsString(arguments[0]) : NULL;
    int status = -1;

    if (!path) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "wrong number of arguments");
        return NULL;
    }
    workspace *ws = workspace_acquire(state);
    if (!ws)
        return NULL;
    dumping d = {.state = state, .ws = ws, .options = SNAPJAR_PACK_OPTIONS_INIT};
    if (prepare(&d, arguments + 3, count - 3) == 0)
        status = dump_to_path(state, ws, &d, path, PyObject_IsTrue(arguments[1]), PyObject_IsTrue(arguments[2]));
    dumping_clear(&d);
    workspace_release(state, ws);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}
