/* SPDX-License-Identifier: MIT
 *
 * From a record to an object. The order is the gate's: the library verifies, decompresses into memory of ours, analyses
 * and judges; then the environment and the classes are looked at, and only then is that very memory unpickled. Nothing
 * here can be left out by a caller but the checks that merely warn.
 */
#include "core.h"

#include <string.h>

/* ---- the environment ---- */

/* Where the part of a header that many records share ends: 0 if it cannot be told. */
static size_t shared_size(snapjar_text json)
{
    static const char key[] = ",\"created\":";
    size_t size = sizeof(key) - 1;
    const char *comma = json.size >= size ? memrchr(json.data, ',', json.size - size + 1) : NULL;

    /* A text cannot hold these bytes: its quotes would be escaped. The last such key is the header's own, if any. */
    while (comma && memcmp(comma, key, size) != 0)
        comma = memrchr(json.data, ',', (size_t)(comma - json.data));
    return comma ? (size_t)(comma - json.data) : 0;
}

static int remember_environment(module_state *state, snapjar_text json, size_t shared, PyObject *rules)
{
    char *copy = PyMem_Malloc(shared);

    if (!copy) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(copy, json.data, shared);
    environment *kept = &state->environments[state->environment_next];
    state->environment_next = (state->environment_next + 1) % ENVIRONMENT_COUNT;
    environment old = *kept;
    *kept = (environment){Py_NewRef(rules), copy, shared};
    PyMem_Free(old.header);
    Py_XDECREF(old.rules);
    return 0;
}

void environments_clear(module_state *state)
{
    for (size_t i = 0; i < ENVIRONMENT_COUNT; i++) {
        environment old = state->environments[i];
        state->environments[i] = (environment){0};
        PyMem_Free(old.header);
        Py_XDECREF(old.rules);
    }
}

static bool environment_is_known(const module_state *state, snapjar_text json, size_t shared, const PyObject *rules)
{
    for (size_t i = 0; shared && i < ENVIRONMENT_COUNT; i++) {
        const environment *kept = &state->environments[i];
        if (kept->rules == rules && kept->header_size == shared && memcmp(kept->header, json.data, shared) == 0)
            return true;
    }
    return false;
}

static int check_environment(module_state *state, const snapjar_header *header, PyObject *rules)
{
    if (rules == Py_None)
        return 0;
    snapjar_text json = snapjar_header_json(header);
    size_t shared = shared_size(json);
    if (environment_is_known(state, json, shared, rules))
        return 0;
    PyObject *answer =
        PyObject_CallFunction(state->hooks[HOOK_CHECK_ENVIRONMENT], "y#O", json.data, (Py_ssize_t)json.size, rules);
    if (!answer)
        return -1;
    int is_same = answer == Py_True;
    Py_DECREF(answer);
    return is_same && shared ? remember_environment(state, json, shared, rules) : 0;
}

static int check_expected(module_state *state, const snapjar_header *header, PyObject *expected)
{
    if (expected == Py_None)
        return 0;
    snapjar_text json = snapjar_header_json(header);
    PyObject *answer =
        PyObject_CallFunction(state->hooks[HOOK_CHECK_EXPECTED], "y#O", json.data, (Py_ssize_t)json.size, expected);
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

/* ---- the gate ---- */

/* What the policy denies, all at once: the library's error has room for one. Sets the exception. */
static void raise_refusal(module_state *state, snapjar_scan *scan, PyObject *policy, const snapjar_error *reason)
{
    snapjar_judgement *judgement = NULL;
    snapjar_error err;

    if (snapjar_policy_judge(policy_get(policy), scan, &judgement, &err) != SNAPJAR_OK) {
        (void)raise_error(state, &err);
        return;
    }
    snapjar_verdict verdict = snapjar_judgement_verdict(judgement);
    if (verdict == SNAPJAR_VERDICT_ALLOWED)
        (void)raise_error(state, reason);
    else
        (void)raise_denial(state, judgement, verdict);
    snapjar_judgement_free(judgement);
}

/* Verified, analysed and allowed content, or NULL with an exception. */
static snapjar_content *read_content(module_state *state, snapjar_reader *reader, const snapjar_header *header,
                                     snapjar_scan *scan, const load_settings *settings)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_error err;

    options.threads = settings->threads;
    options.policy = policy_get(settings->policy);
    options.scan = scan;
    PyThreadState *thread = snapjar_header_size(header) > RELEASE_SIZE ? PyEval_SaveThread() : NULL;
    snapjar_status status = snapjar_record_load(reader, &content, &options, &err);
    if (thread)
        PyEval_RestoreThread(thread);
    if (status == SNAPJAR_REFUSED)
        raise_refusal(state, scan, settings->policy, &err);
    else if (status != SNAPJAR_OK)
        (void)raise_error(state, &err);
    return content;
}

/* The content as an object, and the table of what its pickle may use. */
static PyObject *admit(module_state *state, workspace *ws, snapjar_reader *reader, const snapjar_header *header,
                       const load_settings *settings, PyObject **table)
{
    snapjar_scan *scan = scan_borrow(state, ws);
    snapjar_content *content = scan ? read_content(state, reader, header, scan, settings) : NULL;

    *table = NULL;
    if (!content)
        return NULL;
    PyObject *owner = content_new(state, ws, content);
    if (owner && check_environment(state, header, settings->environment) == 0)
        *table = plan_find(state, ws, settings->policy, settings->layout, header);
    scan_return(ws, snapjar_header_pickle_size(header));
    if (!*table)
        Py_CLEAR(owner);
    return owner;
}

PyObject *load_record(module_state *state, workspace *ws, snapjar_reader *reader, const snapjar_record *record,
                      const load_settings *settings)
{
    const snapjar_header *header = snapjar_record_header(record);
    PyObject *table = NULL;

    if (check_expected(state, header, settings->expected) < 0)
        return NULL;
    PyObject *content = admit(state, ws, reader, header, settings, &table);
    if (!content)
        return NULL;
    PyObject *object = unpickle(state, content, table, header);
    Py_DECREF(content);
    Py_DECREF(table);
    return object;
}

int load_settings_read(const module_state *state, load_settings *settings, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "needs policy, environment, layout, expected, threads");
        return -1;
    }
    settings->policy = arguments[0];
    settings->environment = arguments[1];
    settings->layout = (int)PyLong_AsLong(arguments[2]);
    settings->expected = arguments[3];
    return PyErr_Occurred() ? -1 : threads_read(state, &settings->threads, arguments[4]);
}

/* ---- bytes ---- */

/*
 * The record must be the only one: what stands behind it would be lost in silence. Says what is wrong first, in the
 * order of the gate.
 */
static PyObject *refuse_others(module_state *state, snapjar_reader *reader)
{
    const snapjar_record *next = NULL;
    snapjar_error err;

    if (snapjar_record_verify(reader, NULL, NULL, &err) != SNAPJAR_OK ||
        snapjar_reader_next(reader, &next, &err) != SNAPJAR_OK)
        return raise_error(state, &err);
    PyErr_SetString(PyExc_ValueError, "holds more than one record: read them with snapjar.open_reader");
    return NULL;
}

static PyObject *loads_source(module_state *state, workspace *ws, snapjar_source *source, uint64_t size,
                              const load_settings *settings)
{
    const snapjar_record *record = NULL;
    snapjar_reader *reader = NULL;
    snapjar_error err;

    if (snapjar_reader_new(&reader, ws->context, source, NULL, &err) != SNAPJAR_OK ||
        snapjar_reader_next(reader, &record, &err) != SNAPJAR_OK) {
        snapjar_reader_free(reader);
        return raise_error(state, &err);
    }
    bool is_alone = snapjar_record_offset(record) + snapjar_record_size(record) == size;
    PyObject *object = is_alone ? load_record(state, ws, reader, record, settings) : refuse_others(state, reader);
    snapjar_reader_free(reader);
    return object;
}

/** load_bytes(data, policy, environment, layout, expected, threads) */
PyObject *core_load_bytes(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    module_state *state = core_state(module);
    snapjar_source *source = NULL;
    PyObject *object = NULL;
    load_settings settings;
    snapjar_error err;
    Py_buffer view;

    if (count < 1 || load_settings_read(state, &settings, arguments + 1, count - 1) < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "load_bytes needs data");
        return NULL;
    }
    if (!PyObject_TypeCheck(settings.policy, state->policy_type) || !policy_get(settings.policy)) {
        PyErr_SetString(PyExc_TypeError, "policy must be a snapjar.Policy");
        return NULL;
    }
    if (PyObject_GetBuffer(arguments[0], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    workspace *ws = workspace_acquire(state);
    if (ws) {
        if (snapjar_source_from_memory(&source, ws->context, view.buf, (size_t)view.len, &err) == SNAPJAR_OK)
            object = loads_source(state, ws, source, (uint64_t)view.len, &settings);
        else
            (void)raise_error(state, &err);
        snapjar_source_free(source);
        workspace_release(state, ws);
    }
    PyBuffer_Release(&view);
    return object;
}
