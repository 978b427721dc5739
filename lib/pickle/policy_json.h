/* SPDX-License-Identifier: MIT
 *
 * The members of a policy as they stand in JSON: in policy files, and in documents that are more than a policy. Strict.
 */
#ifndef SJ_PICKLE_POLICY_JSON_H
#define SJ_PICKLE_POLICY_JSON_H

#include <snapjar/policy.h>

#include "json/document.h"

/**
 * Adds what member `key` of the document's root says: "presets", "allow", "extensions", "persistent_ids", "buffers". Of
 * any other, `*is_known` is false and nothing is done.
 */
snapjar_status sj_policy_read_member(snapjar_policy *policy, const sj_json_document *document, const char *key,
                                     bool *is_known, snapjar_error *err) __attribute__((warn_unused_result));

#endif
