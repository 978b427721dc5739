/* SPDX-License-Identifier: MIT
 *
 * Where the values of a pickle come from: a path or memory, one pickle of it, its graph. For what looks at values
 * without loading them (show.c, diff.c); nothing but `target_get` and `target_release` needs the interpreter lock.
 */
#include "core.h"

int target_get(module_state *state, pickle_target *target, PyObject *object)
{
    *target = (pickle_target){.demand = SNAPJAR_SEAL_DEMAND_INIT};
    if (PyTuple_Check(object) && PyTuple_Size(object) == 4) {
        PyObject *seal_context = PyTuple_GetItem(object, 2);
        target->demand.trust = trust_of(state, PyTuple_GetItem(object, 1));
        if (target->demand.trust && seal_context != Py_None)
            target->demand.context = PyBytes_AsString(seal_context);
        if (PyErr_Occurred() || detached_choose(&target->detached, PyTuple_GetItem(object, 3)) < 0)
            return -1;
        object = PyTuple_GetItem(object, 0);
    }
    if (PyTuple_Check(object))
        return PyObject_GetBuffer(PyTuple_GetItem(object, 0), &target->view, PyBUF_SIMPLE);
    target->path = PyBytes_AsString(object);
    return target->path ? 0 : -1;
}

void target_release(pickle_target *target)
{
    if (target->view.obj)
        PyBuffer_Release(&target->view);
    detached_release(&target->detached);
    target->path = NULL;
}

static void drop_values(pickle_values *values)
{
    snapjar_graph_free(values->graph);
    snapjar_content_free(values->content);
    values->graph = NULL;
    values->content = NULL;
}

snapjar_status values_open(pickle_values *values, workspace *ws, const pickle_target *target,
                           snapjar_string_encoding encoding, snapjar_error *err)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;

    *values = (pickle_values){.demand = target->demand};
    options.string_encoding = encoding;
    options.seal = target->demand.trust ? &values->demand : NULL;
    snapjar_status status = target->path ? snapjar_source_open_path(&values->source, ws->context, target->path, 0, err)
                                         : snapjar_source_from_memory(&values->source, ws->context, target->view.buf,
                                                                      (size_t)target->view.len, err);
    if (status == SNAPJAR_OK)
        status = detached_demand(&target->detached, &values->demand, &values->detached, ws, values->source, err);
    if (status != SNAPJAR_OK)
        return status;
    status = snapjar_pickles_open(&values->pickles, ws->context, values->source, &options, err);
    if (status != SNAPJAR_OK)
        detached_blame(&target->detached, err);
    return status;
}

snapjar_status values_next(pickle_values *values, snapjar_error *err)
{
    drop_values(values);
    return snapjar_pickles_next(values->pickles, &values->item, err);
}

snapjar_status values_go_to(pickle_values *values, unsigned long long index, snapjar_error *err)
{
    do {
        snapjar_status status = values_next(values, err);
        if (status != SNAPJAR_OK)
            return status;
    } while (values->item && values->item->index < index);
    return SNAPJAR_OK;
}

snapjar_status values_load(pickle_values *values, workspace *ws, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    uint64_t pickle_size = 0;

    snapjar_status status = snapjar_pickles_load(values->pickles, &values->content, err);
    if (status != SNAPJAR_OK)
        return status;
    const void *bytes = snapjar_content_data(values->content, NULL, &pickle_size);
    options.string_encoding = values->item->string_encoding;
    options.base_offset = values->item->base_offset;
    return snapjar_graph_new(&values->graph, ws->context, bytes, (size_t)pickle_size, &options, err);
}

void values_close(pickle_values *values)
{
    drop_values(values);
    snapjar_pickles_free(values->pickles);
    snapjar_source_free(values->source);
    snapjar_detached_free(values->detached);
    *values = (pickle_values){0};
}
