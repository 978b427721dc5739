/* SPDX-License-Identifier: MIT
 *
 * Workspaces: libsnapjar's contexts, kept between calls because fresh compression contexts cost several times what a
 * small pickle does. The interpreter lock guards the list of spare ones.
 */
#include "core.h"

#include <sched.h>

/** A scan that read a pickle larger than this is not kept: its stack and memo stay as large as they had to be. */
#define SCAN_KEPT_SIZE ((uint64_t)16 << 20)

static workspace *workspace_new(module_state *state)
{
    snapjar_error err;
    workspace *ws = PyMem_Calloc(1, sizeof(*ws));

    if (!ws)
        return (workspace *)PyErr_NoMemory();
    if (snapjar_context_new(&ws->context, NULL, &err) != SNAPJAR_OK) {
        PyMem_Free(ws);
        return (workspace *)raise_error(state, &err);
    }
    ws->references = 1;
    return ws;
}

static void workspace_free(workspace *ws)
{
    Py_XDECREF(ws->keywords);
    Py_XDECREF(ws->buffers);
    recent_clear(&ws->recent);
    snapjar_scan_free(ws->scan);
    snapjar_sink_free(ws->record);
    snapjar_context_free(ws->context);
    PyMem_Free(ws);
}

workspace *workspace_acquire(module_state *state)
{
    if (state->spare_count)
        return state->spare[--state->spare_count];
    return workspace_new(state);
}

void workspace_release(module_state *state, workspace *ws)
{
    if (!ws)
        return;
    if (ws->references == 1 && state->spare_count < SPARE_MAX)
        state->spare[state->spare_count++] = ws;
    else
        workspace_drop(ws);
}

void workspace_hold(workspace *ws)
{
    ws->references++;
}

void workspace_drop(workspace *ws)
{
    if (--ws->references == 0)
        workspace_free(ws);
}

snapjar_scan *scan_borrow(module_state *state, workspace *ws)
{
    snapjar_error err;

    if (!ws->scan && snapjar_scan_new(&ws->scan, ws->context, NULL, &err) != SNAPJAR_OK)
        return (snapjar_scan *)raise_error(state, &err);
    return ws->scan;
}

void scan_return(workspace *ws, uint64_t size)
{
    if (size > SCAN_KEPT_SIZE) {
        recent_clear(&ws->recent);
        snapjar_scan_free(ws->scan);
        ws->scan = NULL;
    }
}

unsigned threads_default(void)
{
    cpu_set_t processors;

    if (sched_getaffinity(0, sizeof(processors), &processors) < 0)
        return 0;
    unsigned count = (unsigned)CPU_COUNT(&processors);
    return count < 2 ? 0 : count < THREADS_DEFAULT_MAX ? count : THREADS_DEFAULT_MAX;
}

int threads_read(const module_state *state, unsigned *threads, PyObject *argument)
{
    unsigned long count = argument == Py_None ? state->threads : PyLong_AsUnsignedLong(argument);

    if (count > UINT_MAX && !PyErr_Occurred())
        PyErr_SetString(PyExc_OverflowError, "too many threads");
    *threads = (unsigned)count;
    return PyErr_Occurred() ? -1 : 0;
}
