/* SPDX-License-Identifier: MIT
 *
 * The context of all tests of a file, and the fixtures that make and free it.
 */
#ifndef TEST_ONE_CONTEXT_H
#define TEST_ONE_CONTEXT_H

#include "support.h"

static snapjar_context *context;

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    return 0;
}

#endif
