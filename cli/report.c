/* SPDX-License-Identifier: MIT
 *
 * Telling failures.
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define HELP_WIDTH 80

/* errno of the first write to standard output that failed: stdio keeps only that one did. */
static int stdout_errno;

static _Thread_local struct report_captured *capture;

static bool has_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return !(no_colour && *no_colour) && isatty(fd) && terminal && strcmp(terminal, "dumb") != 0;
}

void report_init(struct report *report)
{
    *report = (struct report){0};
    report->stdout_has_colour = has_colour(STDOUT_FILENO);
    report->stderr_has_colour = has_colour(STDERR_FILENO);
}

int report_exit_code(snapjar_status status)
{
    switch (status) {
    case SNAPJAR_OK:
        return EXIT_YES;
    case SNAPJAR_CUT_SHORT:
    case SNAPJAR_WRONG_FORMAT:
    case SNAPJAR_UNSUPPORTED:
    case SNAPJAR_DAMAGED:
    case SNAPJAR_BAD_SEAL:
    case SNAPJAR_REFUSED:
    case SNAPJAR_NOT_FOUND:
        return EXIT_NO;
    case SNAPJAR_INVALID_ARGUMENT:
    case SNAPJAR_NO_MEMORY:
    case SNAPJAR_LIMIT:
    case SNAPJAR_IO:
    case SNAPJAR_CANCELLED:
    case SNAPJAR_BUG:
        return EXIT_TROUBLE;
    }
    return EXIT_TROUBLE;
}

int report_raise(struct report *report, int code)
{
    int *exit_code = capture ? &capture->exit_code : &report->exit_code;

    if (code > *exit_code)
        *exit_code = code;
    return *exit_code;
}

void report_note(struct report *report, snapjar_status status, snapjar_diagnostic diagnostic)
{
    report_raise(report, report_exit_code(status));
    if ((unsigned)diagnostic >= REPORT_DIAGNOSTIC_MAX)
        return;
    if (capture)
        capture->seen[diagnostic / 64] |= UINT64_C(1) << diagnostic % 64;
    else
        report->seen[diagnostic] = true;
}

void report_capture(struct report_captured *to)
{
    capture = to;
}

bool report_is_captured(void)
{
    return capture != NULL;
}

void report_emit(struct report *report, struct report_captured *captured)
{
    report_print(&captured->out);
    if (captured->log.size) {
        report_flush();
        fwrite(captured->log.data, 1, captured->log.size, stderr);
    }
    report_raise(report, captured->exit_code);
    for (size_t i = 0; i < REPORT_DIAGNOSTIC_MAX; i++)
        report->seen[i] |= (captured->seen[i / 64] >> i % 64 & 1) != 0;
    text_clear(&captured->out);
    text_clear(&captured->log);
    *captured = (struct report_captured){.out = captured->out, .log = captured->log};
}

void report_format(struct text *out, const snapjar_error *err, const char *content)
{
    /* The library's message is printable already. */
    text_puts(out, err->message);
    if (err->diagnostic != SNAPJAR_DIAG_NONE)
        text_printf(out, " [%s]", snapjar_diagnostic_name(err->diagnostic));
    if (err->space != SNAPJAR_SPACE_NONE && err->offset != SNAPJAR_OFFSET_NONE) {
        text_printf(out, " at byte %" PRIu64, err->offset);
        if (err->space == SNAPJAR_SPACE_CONTENT && content)
            text_printf(out, " of %s", content);
    }
    if (err->record_index != SNAPJAR_OFFSET_NONE)
        text_printf(out, " (record %" PRIu64 ")", err->record_index);
}

static void add_prefix(const struct report *report, struct text *out, bool is_failure)
{
    if (report->stderr_has_colour)
        text_puts(out, is_failure ? "\033[1;31msnapjar:\033[0m " : "\033[1msnapjar:\033[0m ");
    else
        text_puts(out, "snapjar: ");
}

static void print_line(struct text *line)
{
    if (capture) {
        text_add(&capture->log, line->data, line->size);
    } else {
        report_flush();
        fwrite(line->data, 1, line->size, stderr);
    }
    text_free(line);
}

void report_format_line(const struct report *report, struct text *out, const char *file, const snapjar_error *err,
                        const char *content)
{
    add_prefix(report, out, true);
    if (file) {
        text_escape_string(out, *file ? file : "\"\"");
        text_puts(out, ": ");
    }
    report_format(out, err, content);
    text_putc(out, '\n');
}

int report_failure(struct cli *cli, const char *file, const snapjar_error *err, const char *content)
{
    struct text line = {0};

    report_format_line(&cli->report, &line, file, err, content);
    print_line(&line);
    report_note(&cli->report, err->status, err->diagnostic);
    return report_raise(&cli->report, EXIT_YES);
}

static void format_message(snapjar_error *err, const char *format, va_list arguments)
{
    char raw[SNAPJAR_ERROR_MESSAGE_SIZE];
    struct text escaped = {0};

    vsnprintf(raw, sizeof(raw), format, arguments);
    text_escape_string(&escaped, raw);
    snprintf(err->message, sizeof(err->message), "%s", text_string(&escaped));
    text_free(&escaped);
}

void report_make(snapjar_error *err, snapjar_status status, snapjar_diagnostic diagnostic, const char *format, ...)
{
    va_list arguments;

    *err = (snapjar_error){.status = status,
                           .diagnostic = diagnostic,
                           .space = SNAPJAR_SPACE_NONE,
                           .offset = SNAPJAR_OFFSET_NONE,
                           .record_index = SNAPJAR_OFFSET_NONE};
    va_start(arguments, format);
    format_message(err, format, arguments);
    va_end(arguments);
}

void report_make_errno(snapjar_error *err, snapjar_diagnostic diagnostic, const char *what)
{
    int reason = errno;
    report_make(err, SNAPJAR_IO, diagnostic, "%s: %s", what, strerror(reason));
    err->system_errno = reason;
}

int report_usage(struct cli *cli, const char *format, ...)
{
    struct text line = {0};
    va_list arguments;
    char *message = NULL;

    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    va_end(arguments);
    add_prefix(&cli->report, &line, true);
    if (cli->command)
        text_printf(&line, "%s: ", cli->command->name);
    if (message)
        text_escape_string(&line, message);
    free(message);
    if (cli->command)
        text_printf(&line, "\n  hint: `snapjar %s --help` says what there is\n", cli->command->name);
    else
        text_puts(&line, "\n  hint: `snapjar help` lists the commands\n");
    print_line(&line);
    return report_raise(&cli->report, EXIT_TROUBLE);
}

void report_remark(struct cli *cli, const char *file, const char *format, ...)
{
    struct text line = {0};
    va_list arguments;
    char *message = NULL;

    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    va_end(arguments);
    add_prefix(&cli->report, &line, false);
    if (file) {
        text_escape_string(&line, file);
        text_puts(&line, ": ");
    }
    if (message)
        text_escape_string(&line, message);
    free(message);
    text_putc(&line, '\n');
    print_line(&line);
}

/* A hint that only repeats that there is a message is none. */
static const char *hint_of(snapjar_diagnostic diagnostic)
{
    static const char *const empty[] = {"The message gives the system's reason.", "The message says how.",
                                        "The message says what: the input itself, a directory, a socket."};
    const char *hint = snapjar_diagnostic_hint(diagnostic);

    /* Of the program the user is told nothing new. */
    if (diagnostic == SNAPJAR_DIAG_INVALID_ARGUMENT)
        return "";
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        size_t size = strlen(empty[i]);
        if (!strncmp(hint, empty[i], size))
            hint += size + (hint[size] == ' ');
    }
    return hint;
}

void report_hints(struct report *report)
{
    unsigned count = 0;
    struct text out = {0};

    if (report->is_quiet || report->has_no_hints)
        return;
    for (int i = 0; i < REPORT_DIAGNOSTIC_MAX; i++)
        count += report->seen[i];
    for (int i = 0; i < REPORT_DIAGNOSTIC_MAX; i++) {
        const char *hint = hint_of((snapjar_diagnostic)i);
        if (!report->seen[i] || !*hint)
            continue;
        size_t begin = out.size;
        if (count > 1)
            text_printf(&out, "  hint [%s]: ", snapjar_diagnostic_name((snapjar_diagnostic)i));
        else
            text_puts(&out, "  hint: ");
        text_wrap(&out, hint, out.size - begin, 4, HELP_WIDTH);
        text_putc(&out, '\n');
    }
    fwrite(text_string(&out), 1, out.size, stderr);
    text_free(&out);
}

void report_print(const struct text *text)
{
    if (capture)
        text_add(&capture->out, text->data, text->size);
    else if (text->size && fwrite(text->data, 1, text->size, stdout) != text->size && !stdout_errno)
        stdout_errno = errno;
}

void report_flush(void)
{
    if (fflush(stdout) != 0 && !stdout_errno)
        stdout_errno = errno;
}

int report_stdout_close(struct cli *cli)
{
    snapjar_error err;

    report_flush();
    if (!stdout_errno && !ferror(stdout))
        return cli->report.exit_code;
    /* A reader that has seen enough (`| head`) needs no message. */
    if (stdout_errno == EPIPE)
        return report_raise(&cli->report, EXIT_TROUBLE);
    errno = stdout_errno ? stdout_errno : EIO;
    report_make_errno(&err, SNAPJAR_DIAG_NONE, "cannot write");
    return report_failure(cli, "standard output", &err, NULL);
}
