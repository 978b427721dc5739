/* SPDX-License-Identifier: MIT
 *
 * Verified content as objects: Content owns it, Buffer is a writable view that numpy arrays and their like live in,
 * Stream is the file that an unpickler reads. Nothing is copied: an array keeps the memory alive that it was
 * decompressed into.
 */
#include "core.h"

typedef struct content_object {
    PyObject_HEAD workspace *ws;
    snapjar_content *content;
} content_object;

typedef struct buffer_object {
    PyObject_HEAD PyObject *content;
    void *bytes;
    Py_ssize_t size;
} buffer_object;

typedef struct stream_object {
    PyObject_HEAD PyObject *content;
    void *bytes;
    Py_ssize_t size;
} stream_object;

static void free_object(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    release(object);
    Py_DECREF(type);
}

/* ---- Content ---- */

PyObject *content_new(module_state *state, workspace *ws, snapjar_content *content)
{
    content_object *self = PyObject_New(content_object, state->content_type);

    if (!self) {
        snapjar_content_free(content);
        return NULL;
    }
    workspace_hold(ws);
    self->ws = ws;
    self->content = content;
    return (PyObject *)self;
}

static void content_dealloc(PyObject *object)
{
    content_object *self = (content_object *)object;

    snapjar_content_free(self->content);
    workspace_drop(self->ws);
    free_object(object);
}

static PyType_Slot content_slots[] = {
    {Py_tp_dealloc, (void *)content_dealloc},
    {0, NULL},
};

PyType_Spec content_spec = {
    .name = "snapjar._core.Content",
    .basicsize = sizeof(content_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = content_slots,
};

/* ---- Buffer ---- */

PyObject *buffer_new(module_state *state, PyObject *content, uint64_t offset, uint64_t size)
{
    buffer_object *self = PyObject_New(buffer_object, state->buffer_type);

    if (!self)
        return NULL;
    self->content = Py_NewRef(content);
    self->bytes = (char *)snapjar_content_data(((content_object *)content)->content, NULL, NULL) + offset;
    self->size = (Py_ssize_t)size;
    return (PyObject *)self;
}

static int buffer_get(PyObject *object, Py_buffer *view, int flags)
{
    buffer_object *self = (buffer_object *)object;

    return PyBuffer_FillInfo(view, object, self->bytes, self->size, 0, flags);
}

static void buffer_dealloc(PyObject *object)
{
    Py_DECREF(((buffer_object *)object)->content);
    free_object(object);
}

static PyType_Slot buffer_slots[] = {
    {Py_tp_dealloc, (void *)buffer_dealloc},
    {Py_bf_getbuffer, (void *)buffer_get},
    {0, NULL},
};

PyType_Spec buffer_spec = {
    .name = "snapjar._core.Buffer",
    .basicsize = sizeof(buffer_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = buffer_slots,
};

/* ---- Stream ---- */

/*
 * An unpickler asks its file to `peek` first and takes all that it gets, in any object with a buffer. So the stream
 * answers with itself: the whole pickle, where it is. At the end the unpickler `read`s what it has used, to move the
 * file on, and throws the result away; there is nothing to move and nothing behind the pickle.
 */
PyObject *stream_new(module_state *state, PyObject *content)
{
    stream_object *self = PyObject_New(stream_object, state->stream_type);
    uint64_t pickle_size = 0;

    if (!self)
        return NULL;
    self->content = Py_NewRef(content);
    self->bytes = snapjar_content_data(((content_object *)content)->content, NULL, &pickle_size);
    self->size = (Py_ssize_t)pickle_size;
    return (PyObject *)self;
}

static int stream_get(PyObject *object, Py_buffer *view, int flags)
{
    stream_object *self = (stream_object *)object;

    return PyBuffer_FillInfo(view, object, self->bytes, self->size, 1, flags);
}

static void stream_dealloc(PyObject *object)
{
    Py_DECREF(((stream_object *)object)->content);
    free_object(object);
}

static PyObject *stream_peek(PyObject *self, PyObject *size)
{
    (void)size;
    return Py_NewRef(self);
}

static PyObject *stream_read(PyObject *self, PyObject *size)
{
    (void)self;
    (void)size;
    return PyBytes_FromStringAndSize(NULL, 0);
}

static PyObject *stream_readline(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBytes_FromStringAndSize(NULL, 0);
}

static PyMethodDef stream_methods[] = {
    {"peek", stream_peek, METH_O, NULL},
    {"read", stream_read, METH_O, NULL},
    {"readline", stream_readline, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, (void *)stream_dealloc},
    {Py_bf_getbuffer, (void *)stream_get},
    {Py_tp_methods, stream_methods},
    {0, NULL},
};

PyType_Spec stream_spec = {
    .name = "snapjar._core.Stream",
    .basicsize = sizeof(stream_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};
