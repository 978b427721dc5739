/* SPDX-License-Identifier: MIT
 *
 * show: the value of a pickle as text or JSON, without its classes. Nothing is imported, nothing is loaded.
 */
#include "core.h"

typedef struct showing {
    unsigned long long record;
    snapjar_show_options show;
    snapjar_string_encoding encoding;
} showing;

/* The text in the sink, or an exception. Without the interpreter lock all the way: values may be many. */
static PyObject *show_to_text(module_state *state, workspace *ws, const pickle_target *target, const showing *s)
{
    snapjar_sink *sink = NULL;
    PyObject *text = NULL;
    pickle_values values;
    size_t size = 0;
    snapjar_error err;
    PyThreadState *thread = PyEval_SaveThread();

    snapjar_status status = values_open(&values, ws, target, s->encoding, &err);
    if (status == SNAPJAR_OK)
        status = values_go_to(&values, s->record, &err);
    if (status == SNAPJAR_OK && values.item)
        status = values_load(&values, ws, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, ws->context, &err);
    if (status == SNAPJAR_OK && values.graph)
        status = snapjar_graph_show(values.graph, sink, &s->show, NULL, &err);
    PyEval_RestoreThread(thread);
    if (status != SNAPJAR_OK) {
        (void)raise_error(state, &err);
    } else if (!values.graph) {
        text = Py_NewRef(Py_None);
    } else {
        const void *bytes = snapjar_sink_memory(sink, &size);
        text = PyUnicode_DecodeUTF8(size ? bytes : "", (Py_ssize_t)size, "surrogatepass");
    }
    snapjar_sink_free(sink);
    values_close(&values);
    return text;
}

/** show(target, record, path, json, depth, length, text, policy or None, encoding): None if there is no such pickle. */
PyObject *core_show(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    showing s = {.show = SNAPJAR_SHOW_OPTIONS_INIT};
    unsigned long long limits[3];
    PyObject *object = NULL;
    PyObject *policy = NULL;
    PyObject *text = NULL;
    int is_json = 0;
    int encoding = 0;
    pickle_target target;

    if (!PyArg_ParseTuple(args, "OKspKKKOi", &object, &s.record, &s.show.path, &is_json, &limits[0], &limits[1],
                          &limits[2], &policy, &encoding) ||
        target_get(state, &target, object) < 0)
        return NULL;
    s.encoding = (snapjar_string_encoding)encoding;
    s.show.form = is_json ? SNAPJAR_SHOW_JSON : SNAPJAR_SHOW_TEXT;
    s.show.is_unicode = true;
    s.show.depth_max = limits[0];
    s.show.length_max = limits[1];
    s.show.text_max = limits[2];
    s.show.policy = PyObject_TypeCheck(policy, state->policy_type) ? policy_get(policy) : NULL;
    workspace *ws = workspace_acquire(state);
    if (ws)
        text = show_to_text(state, ws, &target, &s);
    workspace_release(state, ws);
    target_release(&target);
    return text;
}
