/* SPDX-License-Identifier: MIT
 *
 * Signatures added to files that exist and taken off them: inside the records, or beside the file. A file that is
 * rewritten is replaced whole, or stays as it is.
 */
#include "core.h"

typedef struct resealing {
    snapjar_context *context;
    const char *path;
    /** Of the detached seal; NULL: it is about those inside. */
    const char *seal_path;
    snapjar_durability durability;
    /** NULL: signatures are taken off, those of the key with this id or all. */
    snapjar_sealer *sealer;
    const char *key_id;
    snapjar_seal_options options;
    uint64_t count;
} resealing;

/* ---- inside ---- */

static snapjar_status rewrite(resealing *r, snapjar_replacing *replacing, snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;

    snapjar_status status = snapjar_replacing_open(replacing, r->path, &source, err);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_sink(replacing, &sink, err);
    if (status == SNAPJAR_OK && r->sealer)
        status = snapjar_seal(r->sealer, source, sink, &r->options, &r->count, err);
    else if (status == SNAPJAR_OK)
        status = snapjar_unseal(r->context, source, sink, r->key_id, &r->options, &r->count, err);
    if (status == SNAPJAR_OK && r->count)
        return snapjar_replacing_stage(replacing, NULL, err);
    snapjar_replacing_skip(replacing);
    return status;
}

static snapjar_status reseal_inside(resealing *r, snapjar_error *err)
{
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;
    snapjar_replacing *replacing = NULL;

    options.durability = r->durability;
    snapjar_status status = snapjar_replacing_new(&replacing, r->context, &options, err);
    if (status == SNAPJAR_OK)
        status = rewrite(r, replacing, err);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_commit(replacing, err);
    snapjar_replacing_free(replacing);
    return status;
}

/* ---- beside ---- */

static snapjar_status reseal_beside(resealing *r, snapjar_error *err)
{
    if (r->sealer)
        return snapjar_seal_detached_path(r->sealer, r->path, r->seal_path, r->durability, &r->options, &r->count, NULL,
                                          err);
    return snapjar_unseal_detached_path(r->context, r->seal_path, r->key_id, r->durability, &r->count, err);
}

static PyObject *reseal(module_state *state, resealing *r)
{
    snapjar_error err;
    PyThreadState *thread = PyEval_SaveThread();
    snapjar_status status = r->seal_path ? reseal_beside(r, &err) : reseal_inside(r, &err);
    PyEval_RestoreThread(thread);
    if (status == SNAPJAR_OK)
        return PyLong_FromUnsignedLongLong(r->count);
    bool is_of_seal = r->seal_path && err.diagnostic == SNAPJAR_DIAG_SEAL_NEEDS_REPLACE;
    const char *place = is_of_seal ? r->seal_path : r->path;
    if (!*err.place)
        (void)snapjar_text_escape(err.place, sizeof(err.place), place, strlen(place));
    return raise_error(state, &err);
}

/** seal_path(path, keys in a tuple, context or None, the detached seal's path or None, replace, stream, sync) ->
 * records
 */
PyObject *core_seal_path(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    resealing r = {.options = SNAPJAR_SEAL_OPTIONS_INIT};
    PyObject *keys = NULL, *seal_context = NULL, *seal_path = NULL, *result = NULL;
    int replace = 0, stream = 0, sync = 1;

    if (!PyArg_ParseTuple(args, "yO!OOppp", &r.path, &PyTuple_Type, &keys, &seal_context, &seal_path, &replace, &stream,
                          &sync) ||
        optional_text(&r.seal_path, seal_path) < 0)
        return NULL;
    r.options.replace = replace != 0;
    r.options.stream = stream != 0;
    r.durability = sync ? SNAPJAR_DURABILITY_SYNC : SNAPJAR_DURABILITY_NONE;
    workspace *ws = workspace_acquire(state);
    if (!ws)
        return NULL;
    r.context = ws->context;
    r.sealer = sealer_make(state, ws->context, keys, seal_context);
    if (r.sealer)
        result = reseal(state, &r);
    snapjar_sealer_free(r.sealer);
    workspace_release(state, ws);
    return result;
}

/** unseal_path(path, a key's id or None, the detached seal's path or None, sync) -> signatures taken off */
PyObject *core_unseal_path(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    resealing r = {.options = SNAPJAR_SEAL_OPTIONS_INIT};
    PyObject *seal_path = NULL;
    int sync = 1;

    if (!PyArg_ParseTuple(args, "yzOp", &r.path, &r.key_id, &seal_path, &sync) ||
        optional_text(&r.seal_path, seal_path) < 0)
        return NULL;
    r.durability = sync ? SNAPJAR_DURABILITY_SYNC : SNAPJAR_DURABILITY_NONE;
    workspace *ws = workspace_acquire(state);
    if (!ws)
        return NULL;
    r.context = ws->context;
    PyObject *result = reseal(state, &r);
    workspace_release(state, ws);
    return result;
}
