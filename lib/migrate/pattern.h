/* SPDX-License-Identifier: MIT
 *
 * Patterns for texts: a part of POSIX extended regular expressions, matched against the whole text, code point by code
 * point, in time that grows with the text and never with its content. Independent of the locale. See spec/contract.md.
 */
#ifndef SJ_MIGRATE_PATTERN_H
#define SJ_MIGRATE_PATTERN_H

#include "pickle/literal.h"
#include "util/context.h"

/** Steps of a compiled pattern, and groups inside one another. */
#define SJ_PATTERN_STEPS_MAX 4096
#define SJ_PATTERN_GROUPS_MAX 32
/** The highest number of repetitions that can be written. */
#define SJ_PATTERN_REPEAT_MAX 1000
/** Bytes of a text that is matched; none that is longer matches. */
#define SJ_PATTERN_TEXT_MAX ((size_t)1 << 20)

typedef struct sj_pattern sj_pattern;

/**
 * Compiles a pattern in UTF-8. What it does not understand gives SNAPJAR_DAMAGED with `contract-pattern`, no offset,
 * and a message that names the character; one that is too large gives SNAPJAR_LIMIT.
 */
snapjar_status sj_pattern_new(sj_pattern **pattern, snapjar_context *context, const char *text, size_t size,
                              snapjar_error *err) __attribute__((warn_unused_result));

/** Whether all of a text is as the pattern says. */
snapjar_status sj_pattern_match(const sj_pattern *pattern, snapjar_context *context, const sj_literal *text,
                                bool *matches, snapjar_error *err) __attribute__((warn_unused_result));

void sj_pattern_free(sj_pattern *pattern, snapjar_context *context);

#endif
