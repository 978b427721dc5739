/* SPDX-License-Identifier: MIT
 *
 * How code inside the library raises and forwards failures. Every failing function fills the caller's
 * snapjar_error once, where the fault is known best, and everyone above forwards. Never allocates.
 */
#ifndef SJ_UTIL_ERROR_H
#define SJ_UTIL_ERROR_H

#include <stdarg.h>

#include <snapjar/error.h>

/** Where in the data a failure is. */
typedef struct sj_where {
    snapjar_space space;
    uint64_t offset;
} sj_where;

#define SJ_NOWHERE ((sj_where){SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE})
#define SJ_AT_FILE(o) ((sj_where){SNAPJAR_SPACE_FILE, (o)})
#define SJ_AT_CONTENT(o) ((sj_where){SNAPJAR_SPACE_CONTENT, (o)})

/** Fills in `err` (NULL is fine) and returns `status`, which must not be SNAPJAR_OK. The format is printf's. */
snapjar_status sj_raise(snapjar_error *err, snapjar_status status, snapjar_diagnostic diagnostic, sj_where where,
                        const char *format, ...) __attribute__((format(printf, 5, 6), cold));

/** As sj_raise for a failed system call: appends ": " and the system's reason, and keeps `system_errno`. */
snapjar_status sj_raise_errno(snapjar_error *err, snapjar_diagnostic diagnostic, int system_errno, const char *place,
                              const char *what) __attribute__((cold));

/** SNAPJAR_NO_MEMORY for `size` bytes. */
snapjar_status sj_raise_no_memory(snapjar_error *err, uint64_t size) __attribute__((cold));

/** Names the place (a file or field) if none is named yet; escapes it. Returns `status`. */
snapjar_status sj_raise_place(snapjar_error *err, snapjar_status status, const char *place);

#ifdef SJ_ANALYZE
/* Static analysis reads one file at a time: it cannot know what the comments above promise. */
static inline snapjar_status sj_failed(snapjar_status status)
{
    if (status == SNAPJAR_OK)
        __builtin_unreachable();
    return status;
}
#define sj_raise(...) sj_failed(sj_raise(__VA_ARGS__))
#define sj_raise_errno(...) sj_failed(sj_raise_errno(__VA_ARGS__))
#define sj_raise_no_memory(...) sj_failed(sj_raise_no_memory(__VA_ARGS__))
#endif

/** Forwards a failure: the one macro that returns. */
#define SJ_TRY(call)                                                                                                   \
    do {                                                                                                               \
        snapjar_status sj_try_status = (call);                                                                         \
        if (sj_try_status != SNAPJAR_OK)                                                                               \
            return sj_try_status;                                                                                      \
    } while (0)

#endif
