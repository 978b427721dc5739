/* SPDX-License-Identifier: MIT
 *
 * The options that set limits on headers: the same for every command that reads them.
 */
#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

#include <snapjar/snapjar.h>

#include "options.h"

/** A member of a command's struct of options. */
struct header_limit_values {
    uint64_t json_size;
    uint64_t seal_size;
    struct option_number depth;
};

/* clang-format off */
#define HEADER_LIMIT_ROWS(values_type, member)                                                                         \
    {0, "max-header", "SIZE", OPTION_SIZE, offsetof(values_type, member.json_size),                                    \
     "refuse a header with more JSON than SIZE (default 1M)", NULL, 0, 0},                                             \
    {0, "max-seal", "SIZE", OPTION_SIZE, offsetof(values_type, member.seal_size),                                      \
     "refuse a header with larger seals than SIZE (default 64K)", NULL, 0, 0},                                         \
    {0, "max-depth", "N", OPTION_NUMBER, offsetof(values_type, member.depth),                                          \
     "refuse a header whose JSON is nested deeper than N (default 32)", NULL, 32, 1000}
/* clang-format on */

/** Sets the limits that were given; the others stay as they are. */
static inline void header_limits_set(snapjar_limits *limits, const struct header_limit_values *values)
{
    if (values->json_size)
        limits->header_json_size_max = values->json_size;
    if (values->seal_size)
        limits->seal_size_max = values->seal_size;
    if (values->depth.is_given)
        limits->json_depth_max = (uint64_t)values->depth.value;
}

#endif
