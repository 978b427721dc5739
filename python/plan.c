/* SPDX-License-Identifier: MIT
 *
 * From the globals of a pickle to the objects that the unpickler may use. Finding them, and comparing the fields in the
 * pickle with the classes of today, is done in Python (_resolve.py) and remembered as a plan: as long as the modules
 * still hold the same objects under the same names, the next pickle of the kind takes it from there.
 */
#include "core.h"

#include <string.h>

typedef struct text_builder {
    char *data;
    size_t size;
    size_t capacity;
    int has_failed;
} text_builder;

static void put(text_builder *text, const void *bytes, size_t size)
{
    if (text->has_failed)
        return;
    if (size > text->capacity - text->size) {
        size_t capacity = (text->size + size) * 2 + 256;
        char *data = PyMem_Realloc(text->data, capacity);
        if (!data) {
            text->has_failed = 1;
            return;
        }
        text->data = data;
        text->capacity = capacity;
    }
    if (size)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
}

static void put_text(text_builder *text, snapjar_text piece)
{
    put(text, &piece.size, sizeof(piece.size));
    put(text, piece.data, piece.size);
}

/* All that a plan depends on: the names of the globals and the fields of their instances. */
static void put_signature(text_builder *text, snapjar_scan *scan, PyObject *policy, int layout,
                          const snapjar_header *header)
{
    size_t count = snapjar_scan_global_count(scan);
    int64_t schema_version = snapjar_header_schema_version(header);
    size_t root = snapjar_scan_summarize(scan)->root_global;

    put(text, &policy, sizeof(policy));
    put(text, &layout, sizeof(layout));
    put(text, &schema_version, sizeof(schema_version));
    put(text, &root, sizeof(root));
    for (size_t i = 0; i < count; i++) {
        const snapjar_scan_global *global = snapjar_scan_global_at(scan, i);
        size_t field_count = 0;
        const snapjar_text *fields = snapjar_scan_fields(scan, i, &field_count);
        if (field_count == SIZE_MAX) {
            text->has_failed = 1;
            return;
        }
        put_text(text, global->module);
        put_text(text, global->name);
        put_text(text, global->mapped_module);
        put_text(text, global->mapped_name);
        put(text, &global->fields_are_whole, sizeof(global->fields_are_whole));
        put(text, &global->is_attribute, sizeof(global->is_attribute));
        put(text, &field_count, sizeof(field_count));
        for (size_t field = 0; field < field_count; field++)
            put_text(text, fields[field]);
    }
}

static PyObject *text_object(snapjar_text text)
{
    return PyUnicode_DecodeUTF8(text.data ? text.data : "", (Py_ssize_t)text.size, "surrogatepass");
}

static PyObject *fields_object(snapjar_scan *scan, size_t index)
{
    size_t count = 0;
    const snapjar_text *fields = snapjar_scan_fields(scan, index, &count);

    if (count == SIZE_MAX)
        return PyErr_NoMemory();
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple && i < count; i++) {
        PyObject *name = text_object(fields[i]);
        if (!name)
            Py_CLEAR(tuple);
        else
            (void)PyTuple_SetItem(tuple, (Py_ssize_t)i, name);
    }
    return tuple;
}

static PyObject *global_object(snapjar_scan *scan, size_t index)
{
    const snapjar_scan_global *global = snapjar_scan_global_at(scan, index);
    unsigned uses = 0;
    uint64_t offset = SNAPJAR_OFFSET_NONE;

    for (int use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if (!global->uses[use].count)
            continue;
        uses |= SNAPJAR_USES(use);
        if (global->uses[use].offset < offset)
            offset = global->uses[use].offset;
    }
    PyObject *parts[] = {text_object(global->module), text_object(global->name), text_object(global->mapped_module),
                         text_object(global->mapped_name), fields_object(scan, index)};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (parts[i])
            continue;
        for (size_t other = 0; other < sizeof(parts) / sizeof(*parts); other++)
            Py_XDECREF(parts[other]);
        return NULL;
    }
    return Py_BuildValue("NNNNNNIKIN", parts[0], parts[1], parts[2], parts[3], parts[4],
                         PyBool_FromLong(global->fields_are_whole), uses, (unsigned long long)offset,
                         global->extension_code, PyBool_FromLong(global->is_attribute));
}

PyObject *globals_list(snapjar_scan *scan)
{
    size_t count = snapjar_scan_global_count(scan);
    PyObject *list = PyList_New((Py_ssize_t)count);

    for (size_t i = 0; list && i < count; i++) {
        PyObject *item = global_object(scan, i);
        if (!item)
            Py_CLEAR(list);
        else
            (void)PyList_SetItem(list, (Py_ssize_t)i, item);
    }
    return list;
}

/* ---- plans ---- */

static void plan_clear(plan *p)
{
    PyMem_Free(p->signature);
    Py_XDECREF(p->policy);
    Py_XDECREF(p->table);
    Py_XDECREF(p->places);
    *p = (plan){0};
}

void recent_clear(recent *r)
{
    recent old = *r;

    *r = (recent){0};
    Py_XDECREF(old.policy);
    Py_XDECREF(old.table);
    Py_XDECREF(old.places);
    Py_XDECREF(old.build_json);
}

void recents_clear(module_state *state)
{
    for (size_t i = 0; i < state->spare_count; i++)
        recent_clear(&state->spare[i]->recent);
}

void plans_clear(module_state *state)
{
    for (size_t i = 0; i < PLAN_COUNT; i++)
        plan_clear(&state->plans[i]);
}

/* Whether (module, names, object) still holds: 1, 0, or -1 with an exception. */
static int place_holds(PyObject *place)
{
    PyObject *names = PyTuple_GetItem(place, 1);
    PyObject *wanted = PyTuple_GetItem(place, 2);
    PyObject *at = PyImport_GetModule(PyTuple_GetItem(place, 0));

    for (Py_ssize_t i = 0; at && i < PyTuple_Size(names); i++) {
        PyObject *next = PyObject_GetAttr(at, PyTuple_GetItem(names, i));
        Py_DECREF(at);
        at = next;
    }
    if (!at) {
        if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(at);
    return at == wanted;
}

static int places_hold(PyObject *places)
{
    Py_ssize_t count = PyList_Size(places);

    for (Py_ssize_t i = 0; i < count; i++) {
        int holds = place_holds(PyList_GetItem(places, i));
        if (holds != 1)
            return holds;
    }
    return 1;
}

static plan *plan_remembered(module_state *state, const text_builder *signature)
{
    for (size_t i = 0; i < PLAN_COUNT; i++) {
        plan *p = &state->plans[i];
        if (p->signature && p->signature_size == signature->size &&
            memcmp(p->signature, signature->data, signature->size) == 0)
            return p;
    }
    return NULL;
}

/* ---- the plan of the last pickle ---- */

static bool recent_fits(const recent *r, uint64_t generation, PyObject *policy, int layout, int64_t schema_version)
{
    return generation && r->plan_generation == generation && r->policy == policy && r->layout == layout &&
           r->schema_version == schema_version;
}

/* For the next pickle of this generation. */
static void recent_keep(workspace *ws, const plan *p, int layout, const snapjar_header *header)
{
    recent *r = &ws->recent;
    PyObject *old[] = {r->policy, r->table, r->places};

    r->plan_generation = snapjar_scan_generation(ws->scan);
    r->layout = layout;
    r->schema_version = snapjar_header_schema_version(header);
    r->policy = Py_NewRef(p->policy);
    r->table = Py_NewRef(p->table);
    r->places = Py_NewRef(p->places);
    for (size_t i = 0; i < sizeof(old) / sizeof(*old); i++)
        Py_XDECREF(old[i]);
}

/* The table if the places still hold what they held: a new reference. NULL with an exception, or without one. */
static PyObject *table_if_it_holds(PyObject *table, PyObject *places)
{
    /* Looking at attributes can run code that loads something else and replaces what was remembered. */
    Py_INCREF(table);
    Py_INCREF(places);
    int holds = places_hold(places);
    Py_DECREF(places);
    if (holds == 1)
        return table;
    Py_DECREF(table);
    return NULL;
}

/* ---- making one ---- */

/* The table that Python makes; kept if it says that it may be. A new reference. */
static PyObject *plan_make(module_state *state, text_builder *signature, workspace *ws, PyObject *policy, int layout,
                           const snapjar_header *header)
{
    size_t root = snapjar_scan_summarize(ws->scan)->root_global;
    PyObject *root_index = root == SIZE_MAX ? Py_NewRef(Py_None) : PyLong_FromSize_t(root);
    PyObject *globals = globals_list(ws->scan);
    PyObject *answer = NULL;

    if (globals && root_index)
        answer = PyObject_CallFunction(state->hooks[HOOK_RESOLVE], "OOOiL", globals, root_index, policy, layout,
                                       (long long)snapjar_header_schema_version(header));
    Py_XDECREF(globals);
    Py_XDECREF(root_index);
    PyObject *table = NULL;
    PyObject *places = NULL;
    if (!answer || !PyArg_ParseTuple(answer, "O!O", &PyDict_Type, &table, &places)) {
        Py_XDECREF(answer);
        return NULL;
    }
    Py_INCREF(table);
    if (places != Py_None && PyList_Check(places)) {
        plan *p = &state->plans[state->plan_next];
        plan_clear(p);
        *p = (plan){signature->data, signature->size, Py_NewRef(policy), Py_NewRef(table), Py_NewRef(places)};
        state->plan_next = (state->plan_next + 1) % PLAN_COUNT;
        signature->data = NULL;
        recent_keep(ws, p, layout, header);
    }
    Py_DECREF(answer);
    return table;
}

/* By the names of the globals and the fields of their instances. */
static PyObject *plan_by_signature(module_state *state, text_builder *signature, workspace *ws, PyObject *policy,
                                   int layout, const snapjar_header *header)
{
    plan *p = plan_remembered(state, signature);

    if (p) {
        PyObject *table = table_if_it_holds(p->table, p->places);
        if (PyErr_Occurred())
            return NULL;
        p = plan_remembered(state, signature);
        if (table) {
            if (p && p->table == table)
                recent_keep(ws, p, layout, header);
            return table;
        }
        if (p)
            plan_clear(p);
    }
    return plan_make(state, signature, ws, policy, layout, header);
}

PyObject *plan_find(module_state *state, workspace *ws, PyObject *policy, int layout, const snapjar_header *header)
{
    const recent *r = &ws->recent;
    text_builder signature = {0};

    if (recent_fits(r, snapjar_scan_generation(ws->scan), policy, layout, snapjar_header_schema_version(header))) {
        PyObject *table = table_if_it_holds(r->table, r->places);
        if (table || PyErr_Occurred())
            return table;
    }
    put_signature(&signature, ws->scan, policy, layout, header);
    if (signature.has_failed) {
        PyMem_Free(signature.data);
        return PyErr_NoMemory();
    }
    PyObject *table = plan_by_signature(state, &signature, ws, policy, layout, header);
    PyMem_Free(signature.data);
    return table;
}
