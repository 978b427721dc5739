/* SPDX-License-Identifier: MIT
 *
 * What a scan says of a pickle that is worth keeping in its record's header: the type of its root and the layout of its
 * classes. Nothing that a header cannot hold.
 */
#ifndef SJ_SNAPSHOT_DESCRIBE_H
#define SJ_SNAPSHOT_DESCRIBE_H

#include <snapjar/scan.h>

#include "header/header.h"

/**
 * The type of the pickle's root: the class, or else the function, that it was made by ("module:Qualname" in the names
 * of Python 3), or one of Python's own ("builtins:dict"). SNAPJAR_TYPE_UNKNOWN if that cannot be told.
 */
void sj_describe_type(snapjar_scan *scan, char out[SJ_TYPE_SIZE_MAX + 1]);

/**
 * The layout as JSON: class -> sorted field names, classes sorted too. `*json` is NULL if there is none: no class has
 * fields, or they are not all known, or cannot be told apart, or the text would exceed SNAPJAR_LAYOUT_SIZE_MAX. The
 * scan keeps it until the next call or until it is fed. In the middle of a pickle it is that of the classes and fields
 * seen so far. Fails only for want of memory.
 */
snapjar_status sj_describe_layout(snapjar_scan *scan, const char **json, snapjar_error *err)
    __attribute__((warn_unused_result));

#endif
