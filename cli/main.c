/* SPDX-License-Identifier: MIT
 *
 * snapjar: finds the command and runs it.
 */
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "docs.h"

/*
 * A closed standard descriptor must not become the number of a file that is opened later. What is opened here instead
 * can only be used the wrong way round, so that every use fails as it must.
 */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;

    if (!name)
        return report_usage(cli, "no command given");
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        name = "version";
    cli->command = command_find(name);
    if (cli->command)
        return cli->command->run(cli, argc - 1, argv + 1);
    const struct command *near = command_nearest(name);
    if (near)
        return report_usage(cli, "unknown command %s: did you mean %s?", name, near->name);
    return report_usage(cli, *name == '-' ? "unknown option %s" : "unknown command %s", name);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};

    hold_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    setlocale(LC_CTYPE, "");
    text_use_utf8(!strcmp(nl_langinfo(CODESET), "UTF-8"));
    report_init(&cli.report);
    report_raise(&cli.report, run(&cli, argc, argv));
    report_stdout_close(&cli);
    report_hints(&cli.report);
    return cli.report.exit_code;
}
