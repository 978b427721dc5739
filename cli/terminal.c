/* SPDX-License-Identifier: MIT
 *
 * Asking the terminal.
 */
#include "terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

size_t terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

size_t terminal_text_width(const char *string)
{
    size_t bytes = 0;
    while ((unsigned char)string[bytes] >= 0x20 && (unsigned char)string[bytes] < 0x7f)
        bytes++;
    if (!string[bytes])
        return bytes;

    size_t width = bytes;
    mbstate_t state = {0};
    for (const char *p = string + bytes; *p;) {
        wchar_t wide;
        size_t length = mbrtowc(&wide, p, strlen(p), &state);
        if (length == 0 || length > 4)
            return width + strlen(p);
        int columns = wcwidth(wide);
        width += columns > 0 ? (size_t)columns : 0;
        p += length;
    }
    return width;
}

static const char *const styles[] = {
    [STYLE_PLAIN] = "",         [STYLE_DIM] = "\033[2m",   [STYLE_BOLD] = "\033[1m",
    [STYLE_BAD] = "\033[1;31m", [STYLE_GOOD] = "\033[32m", [STYLE_CHANGED] = "\033[33m",
};

void terminal_begin(struct text *out, bool has_colour, enum terminal_style style)
{
    if (has_colour)
        text_puts(out, styles[style]);
}

void terminal_end(struct text *out, bool has_colour, enum terminal_style style)
{
    if (has_colour && style != STYLE_PLAIN)
        text_puts(out, "\033[0m");
}
