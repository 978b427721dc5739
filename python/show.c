/* SPDX-License-Identifier: MIT
 *
 * show: the value of a pickle as text or JSON, without its classes. Nothing is imported, nothing is loaded.
 */
#include "core.h"

typedef struct showing {
    unsigned long long record;
    const char *path;
    snapjar_show_options show;
    snapjar_string_encoding encoding;
} showing;

/* Goes to the wanted pickle; `not-found` if there are fewer. */
static snapjar_status go_to(snapjar_pickles *pickles, unsigned long long index, const snapjar_pickles_item **item,
                            snapjar_error *err)
{
    do {
        snapjar_status status = snapjar_pickles_next(pickles, item, err);
        if (status != SNAPJAR_OK)
            return status;
    } while (*item && (*item)->index < index);
    return SNAPJAR_OK;
}

static snapjar_status show_item(workspace *ws, snapjar_pickles *pickles, const snapjar_pickles_item *item,
                                const showing *s, snapjar_sink *sink, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_graph *graph = NULL;
    uint64_t pickle_size = 0;

    snapjar_status status = snapjar_pickles_load(pickles, &content, err);
    if (status != SNAPJAR_OK)
        return status;
    const void *bytes = snapjar_content_data(content, NULL, &pickle_size);
    options.string_encoding = item->string_encoding;
    options.base_offset = item->base_offset;
    status = snapjar_graph_new(&graph, ws->context, bytes, (size_t)pickle_size, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_show(graph, sink, &s->show, NULL, err);
    snapjar_graph_free(graph);
    snapjar_content_free(content);
    return status;
}

static snapjar_status show_source(workspace *ws, snapjar_source *source, const showing *s, snapjar_sink *sink,
                                  bool *is_there, snapjar_error *err)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    const snapjar_pickles_item *item = NULL;
    snapjar_pickles *pickles = NULL;

    options.string_encoding = s->encoding;
    *is_there = false;
    snapjar_status status = snapjar_pickles_open(&pickles, ws->context, source, &options, err);
    if (status == SNAPJAR_OK)
        status = go_to(pickles, s->record, &item, err);
    if (status == SNAPJAR_OK && item) {
        *is_there = true;
        status = show_item(ws, pickles, item, s, sink, err);
    }
    snapjar_pickles_free(pickles);
    return status;
}

/* The text in the sink, or an exception. Without the interpreter lock all the way: values may be many. */
static PyObject *show_to_text(module_state *state, workspace *ws, const char *path, const Py_buffer *view,
                              const showing *s)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    PyObject *text = NULL;
    bool is_there = false;
    size_t size = 0;
    snapjar_error err;
    PyThreadState *thread = PyEval_SaveThread();

    snapjar_status status = path ? snapjar_source_open_path(&source, ws->context, path, 0, &err)
                                 : snapjar_source_from_memory(&source, ws->context, view->buf, (size_t)view->len, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, ws->context, &err);
    if (status == SNAPJAR_OK)
        status = show_source(ws, source, s, sink, &is_there, &err);
    PyEval_RestoreThread(thread);
    if (status != SNAPJAR_OK) {
        (void)raise_error(state, &err);
    } else if (!is_there) {
        text = Py_NewRef(Py_None);
    } else {
        const void *bytes = snapjar_sink_memory(sink, &size);
        text = PyUnicode_DecodeUTF8(size ? bytes : "", (Py_ssize_t)size, "surrogatepass");
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return text;
}

/** show(target, record, path, json, depth, length, text, policy or None, encoding): None if there is no such pickle. */
PyObject *core_show(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    showing s = {.show = SNAPJAR_SHOW_OPTIONS_INIT};
    unsigned long long limits[3];
    PyObject *target = NULL;
    PyObject *policy = NULL;
    PyObject *text = NULL;
    int is_json = 0;
    int encoding = 0;
    Py_buffer view = {0};

    if (!PyArg_ParseTuple(args, "OKspKKKOi", &target, &s.record, &s.path, &is_json, &limits[0], &limits[1], &limits[2],
                          &policy, &encoding))
        return NULL;
    const char *path = PyTuple_Check(target) ? NULL : PyBytes_AsString(target);
    if (PyErr_Occurred() || (!path && PyObject_GetBuffer(PyTuple_GetItem(target, 0), &view, PyBUF_SIMPLE) < 0))
        return NULL;
    s.encoding = (snapjar_string_encoding)encoding;
    s.show.form = is_json ? SNAPJAR_SHOW_JSON : SNAPJAR_SHOW_TEXT;
    s.show.is_unicode = true;
    s.show.depth_max = limits[0];
    s.show.length_max = limits[1];
    s.show.text_max = limits[2];
    s.show.path = s.path;
    s.show.policy = PyObject_TypeCheck(policy, state->policy_type) ? policy_get(policy) : NULL;
    workspace *ws = workspace_acquire(state);
    if (ws)
        text = show_to_text(state, ws, path, &view, &s);
    workspace_release(state, ws);
    if (view.obj)
        PyBuffer_Release(&view);
    return text;
}
