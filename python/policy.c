/* SPDX-License-Identifier: MIT
 *
 * Policy: libsnapjar's allow-list as an object. It is filled while it is made and never changes afterwards, so that
 * threads may judge by it without a lock. What a rule means is said in snapjar/policy.h.
 */
#include "core.h"

typedef struct policy_object {
    PyObject_HEAD workspace *ws;
    snapjar_policy *policy;
    /** {(module, qualname): object} given by the caller, who means these very objects. */
    PyObject *objects;
    int is_frozen;
} policy_object;

const snapjar_policy *policy_get(PyObject *policy)
{
    return ((policy_object *)policy)->policy;
}

static PyObject *policy_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)args;
    (void)keywords;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    policy_object *self = (policy_object *)allocate(type, 0);
    return (PyObject *)self;
}

static void policy_dealloc(PyObject *object)
{
    policy_object *self = (policy_object *)object;
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->objects);
    snapjar_policy_free(self->policy);
    if (self->ws)
        workspace_drop(self->ws);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static int policy_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((policy_object *)object)->objects);
    return 0;
}

static int policy_clear(PyObject *object)
{
    Py_CLEAR(((policy_object *)object)->objects);
    return 0;
}

/* Sets `*policy` to what may be filled, made on first use. */
static int policy_open(module_state **state, snapjar_policy **policy, PyObject *object, PyTypeObject *defining)
{
    policy_object *self = (policy_object *)object;
    snapjar_error err;

    *state = PyType_GetModuleState(defining);
    if (!*state)
        return -1;
    if (self->is_frozen) {
        PyErr_SetString(PyExc_TypeError, "a policy does not change once it is made");
        return -1;
    }
    if (!self->policy) {
        if (!self->ws)
            self->ws = workspace_acquire(*state);
        if (!self->ws)
            return -1;
        if (snapjar_policy_new(&self->policy, self->ws->context, &err) != SNAPJAR_OK) {
            (void)raise_error(*state, &err);
            return -1;
        }
        /* A record brings its buffers with it, verified like the rest. */
        snapjar_policy_allow_buffers(self->policy, true);
    }
    *policy = self->policy;
    return 0;
}

static PyObject *policy_answer(module_state *state, snapjar_status status, const snapjar_error *err)
{
    if (status != SNAPJAR_OK)
        return raise_error(state, err);
    Py_RETURN_NONE;
}

static PyObject *policy_allow(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                              PyObject *names)
{
    module_state *state = NULL;
    snapjar_policy *policy = NULL;
    snapjar_error err;

    if (count != 2 || names) {
        PyErr_SetString(PyExc_TypeError, "_allow(global, uses)");
        return NULL;
    }
    if (policy_open(&state, &policy, self, defining) < 0)
        return NULL;
    PyObject *global = PyUnicode_AsUTF8String(args[0]);
    unsigned long uses = PyLong_AsUnsignedLong(args[1]);
    const char *text = global ? PyBytes_AsString(global) : NULL;
    if (!text || PyErr_Occurred()) {
        Py_XDECREF(global);
        return NULL;
    }
    snapjar_status status = snapjar_policy_allow(policy, text, (unsigned)uses, NULL, &err);
    Py_DECREF(global);
    return policy_answer(state, status, &err);
}

static PyObject *policy_preset(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                               PyObject *names)
{
    module_state *state = NULL;
    snapjar_policy *policy = NULL;
    snapjar_error err;

    if (count != 1 || names) {
        PyErr_SetString(PyExc_TypeError, "_preset(name or None)");
        return NULL;
    }
    if (policy_open(&state, &policy, self, defining) < 0)
        return NULL;
    if (args[0] == Py_None)
        return policy_answer(state, snapjar_policy_allow_defaults(policy, &err), &err);
    PyObject *name = PyUnicode_AsUTF8String(args[0]);
    if (!name)
        return NULL;
    snapjar_status status = snapjar_policy_allow_preset(policy, PyBytes_AsString(name), &err);
    Py_DECREF(name);
    return policy_answer(state, status, &err);
}

static PyObject *policy_read(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                             PyObject *names)
{
    module_state *state = NULL;
    snapjar_policy *policy = NULL;
    snapjar_error err;
    char *text = NULL;
    Py_ssize_t size = 0;

    if (count != 1 || names) {
        PyErr_SetString(PyExc_TypeError, "_read(bytes)");
        return NULL;
    }
    if (policy_open(&state, &policy, self, defining) < 0 || PyBytes_AsStringAndSize(args[0], &text, &size) < 0)
        return NULL;
    return policy_answer(state, snapjar_policy_read(policy, text, (size_t)size, &err), &err);
}

static PyObject *policy_freeze(PyObject *self, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                               PyObject *names)
{
    module_state *state = NULL;
    snapjar_policy *policy = NULL;

    if (count != 1 || names || !PyDict_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "_freeze(objects)");
        return NULL;
    }
    if (policy_open(&state, &policy, self, defining) < 0)
        return NULL;
    ((policy_object *)self)->objects = Py_NewRef(args[0]);
    ((policy_object *)self)->is_frozen = 1;
    Py_RETURN_NONE;
}

static PyObject *policy_rules(PyObject *self, PyObject *unused)
{
    const snapjar_policy *policy = policy_get(self);
    PyObject *list = PyList_New(0);
    size_t count = policy ? snapjar_policy_rule_count(policy) : 0;

    (void)unused;
    for (size_t i = 0; list && i < count; i++) {
        const snapjar_policy_rule *rule = snapjar_policy_rule_at(policy, i);
        PyObject *item = Py_BuildValue("ssIss", rule->module, rule->name, rule->uses, rule->reason, rule->preset);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *policy_objects(PyObject *self, void *unused)
{
    PyObject *objects = ((policy_object *)self)->objects;

    (void)unused;
    return Py_NewRef(objects ? objects : Py_None);
}

PyObject *core_presets(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    const snapjar_preset *preset = NULL;

    (void)module;
    (void)unused;
    for (size_t i = 0; list && (preset = snapjar_preset_at(i)); i++) {
        PyObject *item = Py_BuildValue("ssN", preset->name, preset->summary, PyBool_FromLong(preset->is_default));
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyMethodDef policy_methods[] = {
    {"_allow", (PyCFunction)(void (*)(void))policy_allow, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_preset", (PyCFunction)(void (*)(void))policy_preset, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_read", (PyCFunction)(void (*)(void))policy_read, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_freeze", (PyCFunction)(void (*)(void))policy_freeze, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_rules", policy_rules, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef policy_attributes[] = {
    {"_objects", policy_objects, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot policy_slots[] = {
    {Py_tp_new, (void *)policy_new},
    {Py_tp_dealloc, (void *)policy_dealloc},
    {Py_tp_traverse, (void *)policy_traverse},
    {Py_tp_clear, (void *)policy_clear},
    {Py_tp_methods, policy_methods},
    {Py_tp_getset, policy_attributes},
    {0, NULL},
};

PyType_Spec policy_spec = {
    .name = "snapjar._core.Policy",
    .basicsize = sizeof(policy_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = policy_slots,
};
