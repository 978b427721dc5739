/* SPDX-License-Identifier: MIT
 *
 * dumps and loads, as most programs call them: with an object or bytes and a few keywords. Whatever else is asked for,
 * and every mistake, goes to the functions of the same names in Python (_dump.py, _load.py), which know all keywords.
 */
#include "core.h"

enum keyword {
    KEYWORD_TYPE,
    KEYWORD_SCHEMA_VERSION,
    KEYWORD_PROTOCOL,
    KEYWORD_COMPRESSION,
    KEYWORD_LEVEL,
    KEYWORD_FRAME_SIZE,
    KEYWORD_THREADS,
    KEYWORD_ALLOW,
    KEYWORD_POLICY,
    KEYWORD_COUNT
};

_Static_assert(KEYWORD_COUNT == QUICK_KEYWORD_COUNT, "the module's state has room for them");

static const char *const keyword_names[] = {
    "type", "schema_version", "protocol", "compression", "level", "frame_size", "threads", "allow", "policy",
};

/* By the number that the library has for each. */
static const char *const compression_names[] = {"auto", "raw", "zstd"};

int quick_init(module_state *state)
{
    for (int i = 0; i < KEYWORD_COUNT; i++) {
        state->quick_keywords[i] = PyUnicode_InternFromString(keyword_names[i]);
        if (!state->quick_keywords[i])
            return -1;
    }
    for (int i = 0; i < QUICK_COMPRESSION_COUNT; i++) {
        state->quick_compressions[i] = PyUnicode_InternFromString(compression_names[i]);
        state->quick_numbers[i] = PyLong_FromLong(i);
        if (!state->quick_compressions[i] || !state->quick_numbers[i])
            return -1;
    }
    state->quick_protocol = PyLong_FromLong(5);
    state->quick_nothing = PyTuple_New(0);
    return state->quick_protocol && state->quick_nothing ? 0 : -1;
}

void quick_clear(module_state *state)
{
    for (int i = 0; i < KEYWORD_COUNT; i++)
        Py_CLEAR(state->quick_keywords[i]);
    for (int i = 0; i < QUICK_COMPRESSION_COUNT; i++) {
        Py_CLEAR(state->quick_compressions[i]);
        Py_CLEAR(state->quick_numbers[i]);
    }
    Py_CLEAR(state->quick_protocol);
    Py_CLEAR(state->quick_nothing);
}

static PyObject *call_python(PyObject *function, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    PyObject *positional = PyTuple_New(count);
    PyObject *keywords = PyDict_New();
    PyObject *result = NULL;
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;

    for (Py_ssize_t i = 0; positional && i < count; i++)
        (void)PyTuple_SetItem(positional, i, Py_NewRef(arguments[i]));
    for (Py_ssize_t i = 0; keywords && i < named; i++) {
        if (PyDict_SetItem(keywords, PyTuple_GetItem(names, i), arguments[count + i]) < 0)
            Py_CLEAR(keywords);
    }
    if (positional && keywords)
        result = PyObject_Call(function, positional, keywords);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}

/* Puts each argument where its keyword has its place. False if one is not among those from `first` to `last`. */
static bool bind(const module_state *state, PyObject *given[KEYWORD_COUNT], enum keyword first, enum keyword last,
                 PyObject *const *arguments, PyObject *names)
{
    Py_ssize_t count = names ? PyTuple_Size(names) : 0;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GetItem(names, i);
        unsigned at = first;
        /* Names in calls are interned; of others Python takes care. */
        while (at <= last && state->quick_keywords[at] != name)
            at++;
        if (at > last)
            return false;
        given[at] = arguments[i];
    }
    return true;
}

static PyObject *or_else(PyObject *given, PyObject *otherwise)
{
    return given ? given : otherwise;
}

/* NULL: it is none, or a text that is not interned. */
static PyObject *compression_number(const module_state *state, PyObject *given)
{
    for (int i = 0; i < QUICK_COMPRESSION_COUNT; i++) {
        if (!given || given == state->quick_compressions[i])
            return state->quick_numbers[i];
    }
    return NULL;
}

PyObject *core_dumps(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    module_state *state = core_state(module);
    PyObject *given[KEYWORD_COUNT] = {NULL};

    bool is_quick = count == 1 && bind(state, given, KEYWORD_TYPE, KEYWORD_THREADS, arguments + count, names);
    PyObject *compression = compression_number(state, given[KEYWORD_COMPRESSION]);
    PyObject *type = or_else(given[KEYWORD_TYPE], Py_None);
    if (!is_quick || !compression || (type != Py_None && !PyUnicode_CheckExact(type)))
        return call_python(state->hooks[HOOK_DUMPS], arguments, count, names);
    PyObject *all[DUMP_ARGUMENT_COUNT] = {
        arguments[0],
        type,
        or_else(given[KEYWORD_SCHEMA_VERSION], Py_None),
        Py_None,
        Py_None,
        or_else(given[KEYWORD_PROTOCOL], state->quick_protocol),
        compression,
        or_else(given[KEYWORD_LEVEL], state->quick_numbers[0]),
        or_else(given[KEYWORD_THREADS], Py_None),
        or_else(given[KEYWORD_FRAME_SIZE], state->quick_numbers[0]),
    };
    return core_dump_bytes(module, all, DUMP_ARGUMENT_COUNT);
}

PyObject *core_loads(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    module_state *state = core_state(module);
    PyObject *given[KEYWORD_COUNT] = {NULL};

    if (count != 1 || !bind(state, given, KEYWORD_THREADS, KEYWORD_POLICY, arguments + count, names))
        return call_python(state->hooks[HOOK_LOADS], arguments, count, names);
    PyObject *policy = given[KEYWORD_POLICY];
    if (policy && !given[KEYWORD_ALLOW] && PyObject_TypeCheck(policy, state->policy_type))
        Py_INCREF(policy);
    else
        policy = PyObject_CallFunctionObjArgs(state->hooks[HOOK_RESOLVE_POLICY],
                                              or_else(given[KEYWORD_ALLOW], state->quick_nothing),
                                              or_else(policy, Py_None), NULL);
    if (!policy)
        return NULL;
    /* The environment and the layout are looked at and warned of; nothing is expected of the type. */
    PyObject *all[] = {arguments[0],
                       policy,
                       state->hooks[HOOK_WARN_RULES],
                       state->quick_numbers[1],
                       Py_None,
                       or_else(given[KEYWORD_THREADS], Py_None)};
    PyObject *object = core_load_bytes(module, all, sizeof(all) / sizeof(*all));
    Py_DECREF(policy);
    return object;
}

const char core_dumps_doc[] =
    "dumps($module, /, obj, *, type=None, schema_version=None, labels=None, created=None, protocol=5,\n"
    "compression=\"auto\", level=0, threads=None, frame_size=0, contract=None, key=None, context=None)\n"
    "--\n\nA record of an object, as bytes.";

const char core_loads_doc[] =
    "loads($module, /, data, *, allow=(), policy=None, environment=\"warn\", layout=\"warn\", type=None,\n"
    "schema_version=None, threads=None, contract=None, migrations=None, trust=None, context=None,\n"
    "detached=False)\n"
    "--\n\nThe object of a record in memory, through the whole gate.";
