/* SPDX-License-Identifier: MIT
 *
 * Which detached seal a call demands, from its argument to a reader's demand. Only `detached_choose` and
 * `detached_release` need the interpreter lock.
 */
#include "core.h"

int detached_choose(detached_choice *choice, PyObject *object)
{
    *choice = (detached_choice){0};
    if (object == Py_None)
        return 0;
    if (PyMemoryView_Check(object))
        return PyObject_GetBuffer(object, &choice->text, PyBUF_SIMPLE);
    const char *path = PyBytes_AsString(PyTuple_Check(object) ? PyTuple_GetItem(object, 0) : object);
    if (PyTuple_Check(object))
        choice->beside = path;
    else
        choice->path = path;
    return path ? 0 : -1;
}

void detached_release(detached_choice *choice)
{
    if (choice->text.obj)
        PyBuffer_Release(&choice->text);
    *choice = (detached_choice){0};
}

snapjar_status detached_demand(const detached_choice *choice, snapjar_seal_demand *demand, snapjar_detached **detached,
                               workspace *ws, snapjar_source *source, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;

    *detached = NULL;
    demand->is_beside = choice->beside != NULL;
    if (choice->beside)
        return snapjar_source_set_path(source, choice->beside, err);
    if (choice->path)
        status = snapjar_detached_open_path(detached, ws->context, choice->path, err);
    else if (choice->text.obj)
        status = snapjar_detached_read(detached, ws->context, choice->text.buf, (size_t)choice->text.len, err);
    demand->detached = *detached;
    return status;
}

void detached_blame(const detached_choice *choice, snapjar_error *err)
{
    if (choice->path && err->status == SNAPJAR_BAD_SEAL && !*err->place)
        (void)snapjar_text_escape(err->place, sizeof(err->place), choice->path, strlen(choice->path));
}
