/* SPDX-License-Identifier: MIT
 *
 * How failures are told: one line that says which file, what, where; then, once for each kind, a hint; and the exit
 * code of it all. Everything goes to standard error. Only the main thread, who holds the lock on output, or a thread
 * that is captured (report_capture) calls this.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

#include <snapjar/snapjar.h>

#include "text.h"

struct cli;

enum exit_code {
    EXIT_YES = 0,
    /** The answer is no: damaged, cut short, another format, newer, not found. */
    EXIT_NO = 1,
    /** Usage, input and output, memory, a limit: nothing is known about the data. */
    EXIT_TROUBLE = 2
};

#define REPORT_DIAGNOSTIC_MAX 512

struct report {
    int exit_code;
    bool stdout_has_colour;
    bool stderr_has_colour;
    /** No remarks and no hints. */
    bool is_quiet;
    /** No hints: a program reads the output. */
    bool has_no_hints;
    /** Kinds of failure that were told, by number. */
    bool seen[REPORT_DIAGNOSTIC_MAX];
};

/** What a thread told instead of printing it. */
struct report_captured {
    /** For standard output. */
    struct text out;
    /** For standard error. */
    struct text log;
    /** Kinds of failure, a bit each. */
    uint64_t seen[REPORT_DIAGNOSTIC_MAX / 64];
    int exit_code;
};

/** From now on what this thread tells goes to `to`; NULL: it is printed again. */
void report_capture(struct report_captured *to);

/** True if what this thread tells is captured: no progress line is shown then. */
bool report_is_captured(void);

/** Prints what was captured, as the thread would have, and empties it for the next time. */
void report_emit(struct report *report, struct report_captured *captured);

/** What offsets into content are offsets of: "the pickle". */
#define REPORT_CONTENT_PICKLE "the pickle"

void report_init(struct report *report);

/** The exit code that a status means. */
int report_exit_code(snapjar_status status);

/** Raises the exit code to `code` if it is lower. Returns the exit code of all. */
int report_raise(struct report *report, int code);

/** Adds "message [diagnostic] at byte N (record 2)" for `err`. */
void report_format(struct text *out, const snapjar_error *err, const char *content);

/** Adds the whole line "snapjar: FILE: ...", with its end. `file` may be NULL. */
void report_format_line(const struct report *report, struct text *out, const char *file, const snapjar_error *err,
                        const char *content);

/** Tells a failure of the library about `file` (may be NULL), raises the exit code and returns it. */
int report_failure(struct cli *cli, const char *file, const snapjar_error *err, const char *content);

/** Remembers a failure that was told elsewhere, for the exit code and the hints. */
void report_note(struct report *report, snapjar_status status, snapjar_diagnostic diagnostic);

/** Fills in an error of the program's own. */
void report_make(snapjar_error *err, snapjar_status status, snapjar_diagnostic diagnostic, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The same from errno: adds ": " and the system's reason. */
void report_make_errno(snapjar_error *err, snapjar_diagnostic diagnostic, const char *what);

/** Tells that the command was called wrongly. Returns EXIT_TROUBLE. */
int report_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Prints a line "snapjar: FILE: message" that is no failure; `file` may be NULL. */
void report_remark(struct cli *cli, const char *file, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Prints the hints for all kinds of failure that were told. */
void report_hints(struct report *report);

/** Writes to standard output; the first failure is kept until report_stdout_close. */
void report_print(const struct text *text);

/** Hands to the system what was printed, before something else is written to a terminal. */
void report_flush(void);

/** Flushes standard output; reports a failure to write. Returns the exit code of all. */
int report_stdout_close(struct cli *cli);

#endif
