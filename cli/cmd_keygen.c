/* SPDX-License-Identifier: MIT
 *
 * snapjar keygen: a new key to seal with.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_out.h"
#include "output.h"
#include "passphrase.h"

struct values {
    struct passphrase_values passphrase;
    bool mac;
    bool no_passphrase;
    const char *comment;
    bool json;
};

static const struct option_row rows[] = {
    {0, "mac", NULL, OPTION_FLAG, offsetof(struct values, mac),
     "a shared secret: whoever can check can seal, too (default: Ed25519)", NULL, 0, 0},
    {'c', "comment", "TEXT", OPTION_TEXT, offsetof(struct values, comment), "a line that says whose key it is", NULL, 0,
     0},
    {0, "no-passphrase", NULL, OPTION_FLAG, offsetof(struct values, no_passphrase),
     "do not protect the secret: whoever can read the file can seal", NULL, 0, 0},
    PASSPHRASE_ROWS(struct values, passphrase),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON", NULL, 0, 0},
    {0},
};

static const char *const key_suffixes[] = {".key", NULL};

/* Asks twice, so that nobody locks a key up by a slip. */
static int ask_twice(struct cli *cli, char out[PASSPHRASE_ROOM])
{
    char again[PASSPHRASE_ROOM];
    int code = passphrase_ask(cli, "Passphrase for the new key", out);

    if (code < 0)
        code = passphrase_ask(cli, "The same again", again);
    if (code < 0 && strcmp(out, again) != 0)
        code = report_usage(cli, "the two passphrases differ");
    explicit_bzero(again, sizeof(again));
    return code;
}

static int get_passphrase(struct cli *cli, const struct values *values, char out[PASSPHRASE_ROOM])
{
    bool is_given;

    if (values->no_passphrase) {
        out[0] = '\0';
        return -1;
    }
    int code = passphrase_get(cli, &values->passphrase, out, &is_given);
    if (code >= 0 || is_given)
        return code;
    if (!passphrase_can_ask())
        return report_usage(cli, "a passphrase is needed and there is no terminal to ask at: give --passphrase-file, "
                                 "--passphrase-fd or SNAPJAR_PASSPHRASE, or say --no-passphrase");
    return ask_twice(cli, out);
}

static snapjar_status write_public(snapjar_context *context, const snapjar_key *key, const char *path,
                                   snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_sink *sink = NULL;

    options.must_not_exist = true;
    snapjar_status status = snapjar_sink_open_path(&sink, context, path, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_key_write_public(key, sink, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, err);
    snapjar_sink_free(sink);
    return status;
}

static void tell(const struct values *values, const snapjar_key *key, const char *path, const char *public_path)
{
    struct text out = {0};
    const char *algorithm = snapjar_seal_algorithm_name(snapjar_key_algorithm(key));

    if (values->json) {
        json_begin(&out, "key");
        json_file(&out, "file", path);
        if (public_path)
            json_file(&out, "public_file", public_path);
        json_string(&out, "algorithm", algorithm);
        json_string(&out, "key_id", snapjar_key_id(key));
        json_bool(&out, "protected", !values->no_passphrase);
        json_end(&out);
    } else {
        text_printf(&out, "%s key %s\n", algorithm, snapjar_key_id(key));
        text_puts(&out, "  secret, to seal with: ");
        text_escape_string(&out, path);
        if (public_path) {
            text_puts(&out, "\n  public, to check with: ");
            text_escape_string(&out, public_path);
        }
        text_putc(&out, '\n');
    }
    report_print(&out);
    text_free(&out);
}

static snapjar_status make(const struct values *values, snapjar_context *context, const char *path,
                           const char *public_path, const char *passphrase, const char **guilty, snapjar_error *err)
{
    snapjar_key *key = NULL;
    snapjar_status status = snapjar_key_generate(&key, context, values->mac ? SNAPJAR_SEAL_MAC : SNAPJAR_SEAL_ED25519,
                                                 values->comment, err);

    *guilty = public_path;
    /* The public one first: a secret that is there is whole. */
    if (status == SNAPJAR_OK && public_path)
        status = write_public(context, key, public_path, err);
    if (status == SNAPJAR_OK) {
        *guilty = path;
        status = snapjar_key_write_secret(key, path, *passphrase ? passphrase : NULL, err);
        if (status != SNAPJAR_OK && public_path)
            (void)unlink(public_path);
    }
    if (status == SNAPJAR_OK)
        tell(values, key, path, public_path);
    snapjar_key_free(key);
    return status;
}

static int keygen(struct cli *cli, const struct values *values, const char *path)
{
    snapjar_context *context = NULL;
    char passphrase[PASSPHRASE_ROOM];
    char *public_path = values->mac ? NULL : path_derive(path, key_suffixes, NULL, ".pub", NULL);
    const char *guilty = path;
    snapjar_error err;
    int code = get_passphrase(cli, values, passphrase);

    if (code < 0 && (snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK ||
                     make(values, context, path, public_path, passphrase, &guilty, &err) != SNAPJAR_OK))
        code = report_failure(cli, guilty, &err, NULL);
    explicit_bzero(passphrase, sizeof(passphrase));
    snapjar_context_free(context);
    free(public_path);
    return code < 0 ? cli->report.exit_code : code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list operands = {0};
    int code = options_parse(cli, &values, &operands, argc, argv);

    if (code < 0 && operands.count != 1)
        code = report_usage(cli, "name one file for the secret key, as build.key");
    if (code < 0 && !strcmp(operands.items[0], "-"))
        code = report_usage(cli, "a secret key goes to a file that only you can read, not to standard output");
    if (code < 0 && values.no_passphrase && (values.passphrase.file || values.passphrase.fd.is_given))
        code = report_usage(cli, "--no-passphrase goes with no passphrase");
    if (code < 0 && values.comment && !text_is_utf8(values.comment, strlen(values.comment)))
        code = report_usage(cli, "--comment is not UTF-8");
    if (code < 0)
        code = keygen(cli, &values, operands.items[0]);
    string_list_free(&operands);
    return code;
}

static const struct example examples[] = {
    {"A key for the build machine: build.key and build.pub", "snapjar keygen --comment 'build machine' build.key"},
    {"A secret that one service shares with itself", "snapjar keygen --mac --no-passphrase cache.key"},
    {NULL, NULL},
};

const struct command command_keygen = {
    "keygen",
    "make a key to seal snapshots with",
    "[OPTION]... FILE",
    "Makes a new key and writes its secret part to the new file FILE, for its owner only (mode 0600), and its public "
    "part "
    "to FILE without .key, with .pub. The secret is protected by a passphrase, which is asked for at the terminal "
    "unless "
    "it is given by an option or in the environment.\n\n"
    "An Ed25519 key seals with its secret part and is checked with its public one. A MAC key (--mac) is one secret for "
    "both: faster, and for files that one service writes for itself.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
