/* SPDX-License-Identifier: MIT
 *
 * The plots of a census's HTML page, as inline SVG with the words beside it in HTML, so that these keep their size on a
 * phone. For census_html.c.
 */
#ifndef CLI_CENSUS_PLOTS_H
#define CLI_CENSUS_PLOTS_H

#include "census.h"

/** All schema versions of a type: groups `first` to `end` - 1. */
struct type_sum {
    size_t first;
    size_t end;
    uint64_t count;
    uint64_t size;
    uint64_t stored_size;
};

/** Adds up the types of records, in the order of their names; the caller frees the result. */
struct type_sum *type_sums(const struct census *census, size_t *count);

/** Content and stored bytes of the largest types. Sorts `sums`. */
void plot_sizes(struct text *out, const struct census *census, struct type_sum *sums, size_t count);
/** Records by time of creation and schema version, of the types that have most. Sorts `sums`. */
void plot_versions(struct text *out, const struct census *census, struct type_sum *sums, size_t count);
/** Records by age. */
void plot_ages(struct text *out, const struct census *census);

#endif
