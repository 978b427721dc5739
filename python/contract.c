/* SPDX-License-Identifier: MIT
 *
 * Contracts and migrations for Python: a contract as a capsule, a check of a record by it, and the migration of records
 * in memory and of files in place.
 */
#include "core.h"

#include <string.h>

#define CAPSULE_NAME "snapjar._core.contract"

typedef struct held_contract {
    workspace *ws;
    snapjar_contract *contract;
} held_contract;

static void contract_release(PyObject *capsule)
{
    held_contract *held = PyCapsule_GetPointer(capsule, CAPSULE_NAME);

    snapjar_contract_free(held->contract);
    workspace_drop(held->ws);
    PyMem_Free(held);
}

/* The contract of a capsule, or NULL for None; -1 with an exception. */
static int contract_get(PyObject *object, const snapjar_contract **contract)
{
    *contract = NULL;
    if (object == Py_None)
        return 0;
    const held_contract *held = PyCapsule_GetPointer(object, CAPSULE_NAME);
    if (!held)
        return -1;
    *contract = held->contract;
    return 0;
}

/* [("module:name", uses)] of a policy. */
static PyObject *list_rules(const snapjar_policy *policy)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list && i < snapjar_policy_rule_count(policy); i++) {
        const snapjar_policy_rule *rule = snapjar_policy_rule_at(policy, i);
        PyObject *name = PyUnicode_FromFormat("%s:%s", rule->module, rule->name);
        PyObject *item = name ? Py_BuildValue("NI", name, rule->uses) : NULL;
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/** contract_read(text) -> (capsule, type, schema version, rules) */
PyObject *core_contract_read(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    const char *text = NULL;
    Py_ssize_t size = 0;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "y#", &text, &size))
        return NULL;
    held_contract *held = PyMem_Calloc(1, sizeof(*held));
    if (!held)
        return PyErr_NoMemory();
    held->ws = workspace_acquire(state);
    if (!held->ws) {
        PyMem_Free(held);
        return NULL;
    }
    PyObject *capsule = NULL;
    if (snapjar_contract_read(&held->contract, held->ws->context, text, (size_t)size, NULL, &err) != SNAPJAR_OK)
        (void)raise_error(state, &err);
    else
        capsule = PyCapsule_New(held, CAPSULE_NAME, contract_release);
    if (!capsule) {
        snapjar_contract_free(held->contract);
        workspace_drop(held->ws);
        PyMem_Free(held);
        return NULL;
    }
    return Py_BuildValue("NsLN", capsule, snapjar_contract_type(held->contract),
                         (long long)snapjar_contract_schema_version(held->contract),
                         list_rules(snapjar_contract_policy(held->contract)));
}

/* ---- checking ---- */

static PyObject *list_names(const snapjar_text *names, size_t count)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list && i < count; i++) {
        PyObject *name = PyUnicode_DecodeUTF8(names[i].data, (Py_ssize_t)names[i].size, "backslashreplace");
        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *describe(const snapjar_assessment *assessment)
{
    PyObject *list = PyList_New(0);
    const snapjar_contract_finding *finding = NULL;

    for (size_t i = 0; list && (finding = snapjar_assessment_finding(assessment, i)); i++) {
        PyObject *item = Py_BuildValue("sssNN", snapjar_finding_kind_name(finding->kind), finding->path,
                                       finding->message, list_names(finding->found, finding->found_count),
                                       list_names(finding->expected, finding->expected_count));
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return Py_BuildValue("sLN", snapjar_contract_state_name(snapjar_assessment_state(assessment)),
                         (long long)snapjar_assessment_version(assessment), list);
}

/** contract_check(capsule, data) -> (state, version, [(kind, path, message, found, expected)]) of the first pickle */
PyObject *core_contract_check(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    const snapjar_contract *contract = NULL;
    PyObject *capsule = NULL, *data = NULL, *answer = NULL;
    pickle_target target;
    pickle_values values = {0};
    snapjar_assessment *assessment = NULL;
    char type[1025] = "";
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "OO", &capsule, &data) || contract_get(capsule, &contract) < 0 || !contract)
        return NULL;
    PyObject *boxed = PyTuple_Pack(1, data);
    if (!boxed || target_get(state, &target, boxed) < 0) {
        Py_XDECREF(boxed);
        return NULL;
    }
    workspace *ws = workspace_acquire(state);
    if (ws) {
        int64_t version = SNAPJAR_VERSION_UNKNOWN;
        snapjar_status status = values_open(&values, ws, &target, SNAPJAR_STRING_ASCII, &err);
        if (status == SNAPJAR_OK)
            status = values_next(&values, &err);
        if (status == SNAPJAR_OK && values.item && values.item->header) {
            snapjar_text stored = snapjar_header_type(values.item->header);
            memcpy(type, stored.data, stored.size);
            version = snapjar_header_schema_version(values.item->header);
        }
        if (status == SNAPJAR_OK)
            status = values_load(&values, ws, &err);
        if (status == SNAPJAR_OK)
            status = snapjar_contract_check(contract, values.graph, *type ? type : NULL, version, &assessment, &err);
        answer = status == SNAPJAR_OK ? describe(assessment) : raise_error(state, &err);
        snapjar_assessment_free(assessment);
        values_close(&values);
        workspace_release(state, ws);
    }
    target_release(&target);
    Py_DECREF(boxed);
    return answer;
}

/* ---- in memory ---- */

/** migrate_bytes(capsule or None, data, protocol or -1, schema version or -1) -> bytes stored raw, or None if nothing
 * was to do */
PyObject *core_migrate_bytes(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    snapjar_migrate_options options = SNAPJAR_MIGRATE_OPTIONS_INIT;
    PyObject *capsule = NULL, *answer = NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_migration migration;
    long long version = -1;
    int protocol = -1;
    Py_buffer view;
    snapjar_error err;

    if (!PyArg_ParseTuple(args, "Oy*iL", &capsule, &view, &protocol, &version))
        return NULL;
    workspace *ws = contract_get(capsule, &options.contract) == 0 ? workspace_acquire(state) : NULL;
    if (ws) {
        options.has_protocol = protocol >= 0;
        options.protocol = protocol < 0 ? 0 : protocol;
        options.has_schema_version = version >= 0;
        options.schema_version = version < 0 ? 0 : version;
        /* Nothing is written that could pass for sealed; who demands a seal has checked these very bytes before. */
        options.drop_seal = true;
        /* It is loaded at once, and thrown away. */
        options.compression = SNAPJAR_COMPRESSION_RAW;
        PyThreadState *thread = (uint64_t)view.len > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
        snapjar_status status = snapjar_source_from_memory(&source, ws->context, view.buf, (size_t)view.len, &err);
        if (status == SNAPJAR_OK)
            status = snapjar_sink_to_memory(&sink, ws->context, &err);
        if (status == SNAPJAR_OK)
            status = snapjar_migrate(ws->context, source, sink, &options, &migration, &err);
        if (thread)
            PyEval_RestoreThread(thread);
        size_t size = 0;
        const void *bytes = snapjar_sink_memory(sink, &size);
        if (status != SNAPJAR_OK)
            (void)raise_error(state, &err);
        else if (migration.is_current)
            answer = Py_NewRef(Py_None);
        else
            answer = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
        snapjar_sink_free(sink);
        snapjar_source_free(source);
        workspace_release(state, ws);
    }
    PyBuffer_Release(&view);
    return answer;
}

/* ---- files ---- */

typedef struct migrated_file {
    snapjar_migration migration;
    snapjar_migrated_seals seals;
    uint64_t links;
    bool is_changed;
    snapjar_error err;
} migrated_file;

static void replaced(void *state, void *item, uint64_t links, const snapjar_error *failure)
{
    migrated_file *file = item;

    (void)state;
    file->links = links;
    if (failure)
        file->err = *failure;
}

typedef struct late_sink {
    snapjar_replacing *replacing;
} late_sink;

/* The new file comes into being with its first byte. */
static snapjar_status late_write(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    snapjar_sink *sink = NULL;
    snapjar_status status = snapjar_replacing_sink(((late_sink *)state)->replacing, &sink, err);

    return status == SNAPJAR_OK ? snapjar_sink_write(sink, bytes, size, err) : status;
}

/* A detached seal does not hold for what becomes of the file. */
static snapjar_status check_detached(const char *path, const snapjar_migrate_options *options, snapjar_error *err)
{
    if (options->drop_seal || !snapjar_detached_is_beside(path))
        return SNAPJAR_OK;
    *err = (snapjar_error){
        .status = SNAPJAR_REFUSED,
        .diagnostic = SNAPJAR_DIAG_RECORD_SEALED,
        .offset = SNAPJAR_OFFSET_NONE,
        .record_index = SNAPJAR_OFFSET_NONE,
        .message =
            "the file has a detached seal, which would not hold any more: drop_seal, and then seal, makes a new one",
    };
    return err->status;
}

static snapjar_status write_new(snapjar_context *context, snapjar_replacing *replacing, snapjar_source *source,
                                const char *path, const snapjar_migrate_options *options, migrated_file *file,
                                snapjar_error *err)
{
    const snapjar_sink_functions functions = {sizeof(functions), late_write, NULL, NULL, true};
    late_sink late = {replacing};
    snapjar_sink *sink = NULL;
    snapjar_source *written = NULL;

    snapjar_status status = snapjar_sink_from_functions(&sink, context, &functions, &late, err);
    if (status == SNAPJAR_OK)
        status = snapjar_migrate(context, source, sink, options, &file->migration, err);
    snapjar_sink_free(sink);
    file->is_changed = status == SNAPJAR_OK && !file->migration.is_current;
    if (file->is_changed)
        status = check_detached(path, options, err);
    if (status == SNAPJAR_OK && file->is_changed)
        status = snapjar_replacing_written(replacing, &written, err);
    if (status == SNAPJAR_OK && file->is_changed)
        status = snapjar_migration_check(&file->migration, context, written, err);
    return status;
}

static void migrate_file(snapjar_context *context, snapjar_replacing *replacing, const char *path,
                         const snapjar_migrate_options *options, migrated_file *file)
{
    snapjar_migrate_options own = *options;
    snapjar_source *source = NULL;

    own.seals = &file->seals;
    file->err.status = SNAPJAR_OK;
    snapjar_status status = snapjar_replacing_open(replacing, path, &source, &file->err);
    if (status == SNAPJAR_OK)
        status = write_new(context, replacing, source, path, &own, file, &file->err);
    if (status == SNAPJAR_OK && file->is_changed)
        status = snapjar_replacing_stage(replacing, file, &file->err);
    if (status == SNAPJAR_OK)
        file->err.status = SNAPJAR_OK;
    snapjar_replacing_skip(replacing);
}

/* (changed, records, changed records, records of other types, exception or None, seals renewed, new, dropped) */
static PyObject *describe_file(module_state *state, const migrated_file *file)
{
    const bool is_changed = file->is_changed && file->err.status == SNAPJAR_OK;
    const snapjar_migrated_seals seals = is_changed ? file->seals : (snapjar_migrated_seals){0};
    PyObject *type = NULL, *value = NULL, *trace = NULL;

    if (file->err.status != SNAPJAR_OK) {
        (void)raise_error(state, &file->err);
        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        Py_XDECREF(type);
        Py_XDECREF(trace);
    }
    return Py_BuildValue("iKKKNKKK", is_changed, (unsigned long long)file->migration.record_count,
                         (unsigned long long)file->migration.changed_count,
                         (unsigned long long)file->migration.foreign_count, value ? value : Py_NewRef(Py_None),
                         (unsigned long long)seals.renewed_count, (unsigned long long)seals.new_count,
                         (unsigned long long)seals.dropped_count);
}

static PyObject *migrate_all(module_state *state, workspace *ws, PyObject *paths,
                             const snapjar_migrate_options *options, const snapjar_replacing_options *replacing_options)
{
    Py_ssize_t count = PyList_Size(paths);
    migrated_file *files = PyMem_Calloc((size_t)count + 1, sizeof(*files));
    snapjar_replacing *replacing = NULL;
    snapjar_error err;

    if (!files)
        return PyErr_NoMemory();
    if (snapjar_replacing_new(&replacing, ws->context, replacing_options, &err) != SNAPJAR_OK) {
        PyMem_Free(files);
        return raise_error(state, &err);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const char *path = PyBytes_AsString(PyList_GetItem(paths, i));
        PyThreadState *thread = PyEval_SaveThread();
        migrate_file(ws->context, replacing, path, options, &files[i]);
        PyEval_RestoreThread(thread);
    }
    PyThreadState *thread = PyEval_SaveThread();
    (void)!snapjar_replacing_commit(replacing, NULL);
    snapjar_replacing_free(replacing);
    PyEval_RestoreThread(thread);
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *item = describe_file(state, &files[i]);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    PyMem_Free(files);
    return list;
}

/**
 * migrate_paths(capsule or None, [path as bytes], protocol or -1, schema version or -1, drop seal, backup suffix or
 * None, sync, keys in a tuple, trust or None, context or None) -> [(changed, records, changed records, records of other
 * types, exception or None, seals renewed, new, dropped)]
 */
PyObject *core_migrate_paths(PyObject *module, PyObject *args)
{
    module_state *state = core_state(module);
    snapjar_migrate_options options = SNAPJAR_MIGRATE_OPTIONS_INIT;
    snapjar_replacing_options replacing = SNAPJAR_REPLACING_OPTIONS_INIT;
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    PyObject *capsule = NULL, *paths = NULL, *keys = NULL, *trust = NULL, *seal_context = NULL, *answer = NULL;
    long long version = -1;
    int protocol = -1, drop_seal = 0, sync = 1;

    if (!PyArg_ParseTuple(args, "OO!iLpzpO!OO", &capsule, &PyList_Type, &paths, &protocol, &version, &drop_seal,
                          &replacing.backup_suffix, &sync, &PyTuple_Type, &keys, &trust, &seal_context))
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_Size(paths); i++) {
        if (!PyBytes_AsString(PyList_GetItem(paths, i)))
            return NULL;
    }
    workspace *ws = contract_get(capsule, &options.contract) == 0 ? workspace_acquire(state) : NULL;
    if (!ws)
        return NULL;
    options.has_protocol = protocol >= 0;
    options.protocol = protocol < 0 ? 0 : protocol;
    options.has_schema_version = version >= 0;
    options.schema_version = version < 0 ? 0 : version;
    options.drop_seal = drop_seal != 0;
    if (trust != Py_None) {
        demand.trust = trust_of(state, trust);
        demand.context = seal_context == Py_None ? NULL : PyBytes_AsString(seal_context);
        options.seal = &demand;
    }
    if (PyTuple_Size(keys) > 0 && !PyErr_Occurred())
        options.sealer = sealer_make(state, ws->context, keys, seal_context);
    if (PyErr_Occurred()) {
        workspace_release(state, ws);
        return NULL;
    }
    replacing.durability = sync ? SNAPJAR_DURABILITY_SYNC : SNAPJAR_DURABILITY_NONE;
    replacing.replaced = replaced;
    answer = migrate_all(state, ws, paths, &options, &replacing);
    snapjar_sealer_free(options.sealer);
    workspace_release(state, ws);
    return answer;
}
