/* SPDX-License-Identifier: MIT
 *
 * Reading passphrases.
 */
#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define KEY_INTERRUPT 3
#define KEY_END 4
#define KEY_BACKSPACE 8
#define KEY_CLEAR 21
#define KEY_DELETE 127

/* One byte; false at the end. */
static bool read_byte(int fd, char *byte)
{
    ssize_t got;

    do {
        got = read(fd, byte, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1;
}

/* Up to the end of the line, which is not kept: byte by byte, since what follows may be for somebody else. */
static int read_line(struct cli *cli, int fd, const char *name, char out[PASSPHRASE_ROOM])
{
    size_t size = 0;
    char byte;

    while (read_byte(fd, &byte) && byte != '\n') {
        if (size == PASSPHRASE_ROOM - 1)
            return report_usage(cli, "the passphrase in %s is longer than %d bytes", name,
                                SNAPJAR_KEY_PASSPHRASE_SIZE_MAX);
        if (!byte)
            return report_usage(cli, "the passphrase in %s has a NUL", name);
        out[size++] = byte;
    }
    out[size] = '\0';
    return size ? -1 : report_usage(cli, "there is no passphrase in %s", name);
}

static int read_file(struct cli *cli, const char *path, char out[PASSPHRASE_ROOM])
{
    snapjar_error err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        report_make_errno(&err, SNAPJAR_DIAG_OPEN_FAILED, "cannot open the file");
        return report_failure(cli, path, &err, NULL);
    }
    int code = read_line(cli, fd, path, out);
    close(fd);
    return code;
}

int passphrase_get(struct cli *cli, const struct passphrase_values *values, char out[PASSPHRASE_ROOM], bool *is_given)
{
    const char *environment = getenv("SNAPJAR_PASSPHRASE");

    *is_given = true;
    if (values->file && values->fd.is_given)
        return report_usage(cli, "--passphrase-file and --passphrase-fd contradict each other");
    if (values->file)
        return read_file(cli, values->file, out);
    if (values->fd.is_given)
        return read_line(cli, (int)values->fd.value, "the descriptor", out);
    *is_given = environment && *environment;
    if (!*is_given)
        return -1;
    if (strlen(environment) >= PASSPHRASE_ROOM)
        return report_usage(cli, "SNAPJAR_PASSPHRASE is longer than %d bytes", SNAPJAR_KEY_PASSPHRASE_SIZE_MAX);
    memcpy(out, environment, strlen(environment) + 1);
    return -1;
}

bool passphrase_can_ask(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* False when it was given up. Characters come one by one, so that nothing is left behind in the terminal. */
static bool read_keys(int fd, char out[PASSPHRASE_ROOM])
{
    size_t size = 0;
    char key;

    while (read_byte(fd, &key) && key != '\n' && key != '\r') {
        if (key == KEY_INTERRUPT || (key == KEY_END && !size))
            return false;
        if (key == KEY_CLEAR)
            size = 0;
        else if (key == KEY_BACKSPACE || key == KEY_DELETE)
            size -= size > 0;
        else if (key && size < PASSPHRASE_ROOM - 1)
            out[size++] = key;
    }
    out[size] = '\0';
    return size > 0;
}

int passphrase_ask(struct cli *cli, const char *prompt, char out[PASSPHRASE_ROOM])
{
    struct termios before;
    struct text line = {0};
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    bool is_read = false;

    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0)
            close(fd);
        return report_usage(cli, "a passphrase is needed and there is no terminal to ask at: give --passphrase-file, "
                                 "--passphrase-fd or SNAPJAR_PASSPHRASE");
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    text_escape_string(&line, prompt);
    text_puts(&line, ": ");
    if (tcsetattr(fd, TCSAFLUSH, &silent) == 0 && write(fd, line.data, line.size) >= 0)
        is_read = read_keys(fd, out);
    (void)!write(fd, "\n", 1);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    close(fd);
    text_free(&line);
    return is_read ? -1 : report_usage(cli, "no passphrase was given");
}
