/* SPDX-License-Identifier: MIT
 *
 * Passphrases: from a file, a descriptor, the environment, or somebody at a terminal. Never from an argument, which
 * everybody on the machine can read.
 */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include <snapjar/snapjar.h>

#include "command.h"

/** A member of a command's struct of options. */
struct passphrase_values {
    const char *file;
    struct option_number fd;
};

/* clang-format off */
#define PASSPHRASE_ROWS(values_type, member)                                                                           \
    {0, "passphrase-file", "FILE", OPTION_FILE, offsetof(values_type, member.file),                                    \
     "read the passphrase of the key from the first line of FILE", NULL, 0, 0},                                        \
    {0, "passphrase-fd", "N", OPTION_NUMBER, offsetof(values_type, member.fd),                                         \
     "read it from the open descriptor N", NULL, 0, 65535}
/* clang-format on */

/** Room for a passphrase and its NUL. */
#define PASSPHRASE_ROOM (SNAPJAR_KEY_PASSPHRASE_SIZE_MAX + 1)

/**
 * Gets a passphrase that was given by an option or in the environment. Returns -1 to go on, with `*is_given`, or an
 * exit code after it told what is wrong.
 */
int passphrase_get(struct cli *cli, const struct passphrase_values *values, char out[PASSPHRASE_ROOM], bool *is_given);

/** Whether there is a terminal to ask at. */
bool passphrase_can_ask(void);

/** Asks for one at the terminal, without showing it. Returns -1 to go on, or an exit code. */
int passphrase_ask(struct cli *cli, const char *prompt, char out[PASSPHRASE_ROOM]);

#endif
