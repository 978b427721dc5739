/* SPDX-License-Identifier: MIT
 *
 * Macros that the other public headers share. Not meant to be included by programs.
 */
#ifndef SNAPJAR_EXPORT_H
#define SNAPJAR_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define SNAPJAR_API __attribute__((visibility("default")))
/** The result must not be ignored. */
#define SNAPJAR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SNAPJAR_API
#define SNAPJAR_MUST_CHECK
#endif

#endif
