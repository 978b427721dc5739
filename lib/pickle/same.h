/* SPDX-License-Identifier: MIT
 *
 * Whether two graphs are made alike. The quick way to know that a pickle which was written and read again has all the
 * values that were meant, in a fraction of what a comparison takes. Changes nothing.
 */
#ifndef SJ_PICKLE_SAME_H
#define SJ_PICKLE_SAME_H

#include "pickle/graph.h"

/**
 * True in `*is_same` if both graphs have the same values, filled with the same in the same order, and the same
 * references to one object: snapjar_graph_diff would find nothing then. False says only that this is not seen at once:
 * a value may be written in another way, a dict in another order. Fails only for want of memory.
 */
snapjar_status sj_graph_compare(const snapjar_graph *a, const snapjar_graph *b, bool *is_same, snapjar_error *err)
    __attribute__((warn_unused_result));

#endif
