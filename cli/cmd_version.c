/* SPDX-License-Identifier: MIT
 *
 * snapjar version.
 */
#include <stdbool.h>

#include <snapjar/snapjar.h>

#include "command.h"
#include "json_out.h"
#include "table.h"

struct values {
    bool json;
};

static const struct option_row rows[] = {
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print a JSON object", NULL, 0, 0},
    {0},
};

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list operands = {0};
    struct text out = {0};
    int code = options_parse(cli, &values, &operands, argc, argv);

    if (code < 0 && operands.count)
        code = report_usage(cli, "takes no argument: %s", operands.items[0]);
    if (code >= 0)
        goto out;
    code = EXIT_YES;
    if (values.json) {
        json_begin(&out, "version");
        json_string(&out, "version", SNAPJAR_VERSION);
        json_string(&out, "library_version", snapjar_version());
        json_number(&out, "format_version", SNAPJAR_FORMAT_VERSION);
        json_bool(&out, "smartcols", table_has_smartcols());
        json_end(&out);
    } else {
        text_printf(&out, "snapjar %s (library %s, format %d)\n", SNAPJAR_VERSION, snapjar_version(),
                    SNAPJAR_FORMAT_VERSION);
    }
    report_print(&out);
out:
    text_free(&out);
    string_list_free(&operands);
    return code;
}

const struct command command_version = {
    "version",  "print the version",
    "[--json]", "Prints the version of this program, of the library it runs with, and of the file format they write.",
    rows,       OPERAND_NONE,
    NULL,       run,
};
