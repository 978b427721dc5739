/* SPDX-License-Identifier: MIT
 *
 * What the two forms of show share: options, the numbers of values that are referred to, what a policy denies.
 */
#ifndef SJ_PICKLE_SHOW_H
#define SJ_PICKLE_SHOW_H

#include <snapjar/show.h>

#include "pickle/policy.h"
#include "pickle/view.h"

#define SJ_SHOW_BUFFER_SIZE 16384

typedef struct sj_show {
    const snapjar_graph *graph;
    snapjar_show_options options;
    snapjar_show_summary summary;
    sj_out out;
    /** By node: the number it was given, or 0. */
    uint32_t *numbers;
    uint32_t number_count;
    char buffer[SJ_SHOW_BUFFER_SIZE];
} sj_show;

/** Whether a value is told once and then referred to: it is shared, and has parts or is long. */
bool sj_show_is_numbered(const sj_show *show, sj_ref ref);

/** What a value does that the policy does not allow: a set of SJ_DENIED_... and of uses. 0 without a policy. */
unsigned sj_show_denied(const sj_show *show, sj_ref ref, bool is_root);

/** Beyond the uses. SJ_DENIED_ALL: the policy has no rule for the global, whatever its use. */
#define SJ_DENIED_ALL (1u << 15)
#define SJ_DENIED_COMPUTED (1u << 16)
#define SJ_DENIED_PERSISTENT (1u << 17)
#define SJ_DENIED_BUFFER (1u << 18)
#define SJ_DENIED_EXTENSION (1u << 19)
#define SJ_DENIED_TARGET (1u << 20)

/** Names what is denied, `between` two: "call, build". */
void sj_show_put_denied(sj_out *out, unsigned denied, const char *quote, const char *between);

snapjar_status sj_show_text(sj_show *show, sj_ref root, snapjar_error *err) __attribute__((warn_unused_result));
snapjar_status sj_show_json(sj_show *show, sj_ref root, snapjar_error *err) __attribute__((warn_unused_result));

#endif
