/* SPDX-License-Identifier: MIT
 *
 * The table of commands.
 */
#include <string.h>

#include "command.h"

static const struct command *const commands[] = {
    &command_pack,   &command_unpack,   &command_info,   &command_ls,        &command_verify,  &command_scan,
    &command_show,   &command_diff,     &command_dis,    &command_transcode, &command_migrate, &command_report,
    &command_doctor, &command_contract, &command_append, &command_recover,   &command_keygen,  &command_seal,
    &command_unseal, &command_explain,  &command_help,   &command_version,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_at(size_t index)
{
    return index < COMMAND_COUNT ? commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

const struct command *command_nearest(const char *name)
{
    const struct command *best = NULL;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t distance = word_distance(name, commands[i]->name);
        if (distance < best_distance) {
            best_distance = distance;
            best = commands[i];
        }
    }
    return word_is_near(name, best_distance) ? best : NULL;
}
