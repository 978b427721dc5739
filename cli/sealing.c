/* SPDX-License-Identifier: MIT
 *
 * From options to keys and trust.
 */
#include "sealing.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

/* Where passphrases come from: what was given is read once, and is that of every key. */
struct passphrases {
    struct cli *cli;
    const struct passphrase_values *values;
    char given[PASSPHRASE_ROOM];
    bool is_read;
    bool is_given;
};

static int get_passphrase(struct passphrases *from, const char *path, char out[PASSPHRASE_ROOM])
{
    struct text prompt = {0};

    if (!from->is_read) {
        int code = passphrase_get(from->cli, from->values, from->given, &from->is_given);
        if (code >= 0)
            return code;
        from->is_read = true;
    }
    if (from->is_given) {
        memcpy(out, from->given, PASSPHRASE_ROOM);
        return -1;
    }
    text_printf(&prompt, "Passphrase of %s", path);
    int code = passphrase_ask(from->cli, prompt.data, out);
    text_free(&prompt);
    return code;
}

/* A key that cannot be had is trouble: nothing is known of any file then. */
static int refuse(struct cli *cli, const char *path, const snapjar_error *err)
{
    report_failure(cli, path, err, NULL);
    return report_raise(&cli->report, EXIT_TROUBLE);
}

static int open_key(struct passphrases *from, snapjar_context *context, const char *path, snapjar_key **key)
{
    snapjar_key_options options = SNAPJAR_KEY_OPTIONS_INIT;
    char passphrase[PASSPHRASE_ROOM];
    snapjar_error err;
    snapjar_status status = snapjar_key_open_path(key, context, path, NULL, &err);

    if (status != SNAPJAR_OK && err.diagnostic == SNAPJAR_DIAG_KEY_PASSPHRASE_NEEDED) {
        int code = get_passphrase(from, path, passphrase);
        if (code >= 0)
            return code;
        options.passphrase = passphrase;
        status = snapjar_key_open_path(key, context, path, &options, &err);
        explicit_bzero(passphrase, sizeof(passphrase));
    }
    return status == SNAPJAR_OK ? -1 : refuse(from->cli, path, &err);
}

static int refuse_public(struct cli *cli, const char *path)
{
    snapjar_error err;

    report_make(&err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_KEY_NO_SECRET,
                "this is a public key, which cannot seal: give the secret one");
    return refuse(cli, path, &err);
}

int sealing_load(struct sealing *sealing, struct cli *cli, const struct sealing_values *values)
{
    struct passphrases from = {.cli = cli, .values = &values->passphrase};
    snapjar_error err;
    int code = -1;

    *sealing = (struct sealing){.seal_context = values->seal_context};
    if (!values->keys.count && (values->seal_context || values->passphrase.file || values->passphrase.fd.is_given))
        return report_usage(cli, "--context and passphrases are for a --key, and none was given");
    if (!values->keys.count)
        return -1;
    if (values->seal_context && strlen(values->seal_context) > SNAPJAR_SEAL_CONTEXT_SIZE_MAX)
        return report_usage(cli, "--context has at most %d bytes", SNAPJAR_SEAL_CONTEXT_SIZE_MAX);
    if (snapjar_context_new(&sealing->context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    sealing->keys = memory_get(values->keys.count * sizeof(*sealing->keys));
    for (size_t i = 0; i < values->keys.count && code < 0; i++) {
        code = open_key(&from, sealing->context, values->keys.items[i], &sealing->keys[i]);
        sealing->key_count += code < 0;
        if (code < 0 && !snapjar_key_has_secret(sealing->keys[i]))
            code = refuse_public(cli, values->keys.items[i]);
    }
    explicit_bzero(from.given, sizeof(from.given));
    return code;
}

void sealing_clear(struct sealing *sealing)
{
    for (size_t i = 0; i < sealing->key_count; i++)
        snapjar_key_free(sealing->keys[i]);
    free(sealing->keys);
    snapjar_context_free(sealing->context);
    *sealing = (struct sealing){0};
}

void sealing_free_values(struct sealing_values *values)
{
    string_list_free(&values->keys);
}

snapjar_status sealing_make(const struct sealing *sealing, snapjar_context *context, snapjar_sealer **sealer,
                            snapjar_error *err)
{
    snapjar_sealer_options options = SNAPJAR_SEALER_OPTIONS_INIT;

    *sealer = NULL;
    if (!sealing->key_count)
        return SNAPJAR_OK;
    options.keys = (const snapjar_key *const *)sealing->keys;
    options.key_count = sealing->key_count;
    options.context = sealing->seal_context;
    return snapjar_sealer_new(sealer, context, &options, err);
}

void sealing_remark_detached(struct cli *cli, const char *path)
{
    if (snapjar_detached_is_beside(path))
        report_remark(
            cli, path,
            "its detached seal is of the file as it was: seal it again (seal --detached --replace), or remove "
            "it (unseal --detached)");
}

/* ---- trust ---- */

static snapjar_status read_text(snapjar_context *context, const char *path, char **text, size_t *size,
                                snapjar_error *err)
{
    snapjar_source *source = NULL;
    uint64_t whole = 0;

    *text = NULL;
    *size = 0;
    snapjar_status status = snapjar_source_open_path(&source, context, path, SNAPJAR_TRUST_FILE_SIZE_MAX, err);
    if (status == SNAPJAR_OK)
        status = snapjar_source_size(source, &whole, err);
    if (status == SNAPJAR_OK && whole > SNAPJAR_TRUST_FILE_SIZE_MAX) {
        report_make(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, "a trust file has at most %zu bytes",
                    SNAPJAR_TRUST_FILE_SIZE_MAX);
        status = err->status;
    }
    if (status == SNAPJAR_OK) {
        *text = memory_get((size_t)whole + 1);
        status = snapjar_source_read_at(source, *text, (size_t)whole, 0, size, err);
    }
    snapjar_source_free(source);
    return status;
}

/* A public key is trust in that key. */
static snapjar_status add_public(struct trusting *trusting, const char *text, size_t size, snapjar_error *err)
{
    snapjar_key *key = NULL;
    snapjar_status status = snapjar_key_read(&key, trusting->context, text, size, NULL, err);

    if (status == SNAPJAR_OK)
        status = snapjar_trust_add(trusting->trust, key, NULL, err);
    snapjar_key_free(key);
    return status;
}

static snapjar_status add_file(struct trusting *trusting, const char *path, snapjar_error *err)
{
    static const char title[] = "snapjar public key";
    static const char secret_title[] = "snapjar secret key";
    char *text;
    size_t size;
    snapjar_status status = read_text(trusting->context, path, &text, &size, err);

    if (status == SNAPJAR_OK && size >= sizeof(secret_title) - 1 &&
        !memcmp(text, secret_title, sizeof(secret_title) - 1)) {
        report_make(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TRUST_INVALID,
                    "this is a secret key: trust is a trust file, or a public key");
        status = err->status;
    } else if (status == SNAPJAR_OK && size >= sizeof(title) - 1 && !memcmp(text, title, sizeof(title) - 1)) {
        status = add_public(trusting, text, size, err);
    } else if (status == SNAPJAR_OK) {
        status = snapjar_trust_read(trusting->trust, text, size, err);
        /* The hints about JSON speak of headers. */
        if (status == SNAPJAR_DAMAGED)
            err->diagnostic = SNAPJAR_DIAG_TRUST_INVALID;
    }
    free(text);
    return status;
}

static int supply(struct trusting *trusting, struct passphrases *from, const char *path)
{
    snapjar_key *key = NULL;
    snapjar_error err;
    int code = open_key(from, trusting->context, path, &key);

    if (code < 0 && snapjar_trust_supply(trusting->trust, key, &err) != SNAPJAR_OK)
        code = refuse(from->cli, path, &err);
    snapjar_key_free(key);
    return code;
}

static int fill(struct trusting *trusting, struct cli *cli, const struct trusting_values *values)
{
    struct passphrases from = {.cli = cli, .values = &values->passphrase};
    snapjar_error err;
    int code = -1;

    for (size_t i = 0; i < values->files.count && code < 0; i++) {
        if (add_file(trusting, values->files.items[i], &err) != SNAPJAR_OK)
            code = refuse(cli, values->files.items[i], &err);
    }
    for (size_t i = 0; i < values->keys.count && code < 0; i++)
        code = supply(trusting, &from, values->keys.items[i]);
    explicit_bzero(from.given, sizeof(from.given));
    if (code < 0 && values->seal_file &&
        snapjar_detached_open_path(&trusting->detached, trusting->context, values->seal_file, &err) != SNAPJAR_OK)
        code = refuse(cli, values->seal_file, &err);
    return code;
}

int trusting_make(struct trusting *trusting, struct cli *cli, const struct trusting_values *values)
{
    snapjar_error err;

    *trusting = (struct trusting){.demand = SNAPJAR_SEAL_DEMAND_INIT};
    if (!values->files.count && (values->keys.count || values->seal_context))
        return report_usage(cli, "--key and --context are for a --trust, and none was given");
    if (!values->files.count && (values->is_detached || values->seal_file))
        return report_usage(cli, "--detached and --seal are for a --trust, and none was given");
    if (values->is_detached && values->seal_file)
        return report_usage(cli,
                            "--detached and --seal exclude each other: the seal is FILE.seal, or in the file named");
    if (!values->files.count)
        return -1;
    if (values->seal_context && strlen(values->seal_context) > SNAPJAR_SEAL_CONTEXT_SIZE_MAX)
        return report_usage(cli, "--context has at most %d bytes", SNAPJAR_SEAL_CONTEXT_SIZE_MAX);
    if (snapjar_context_new(&trusting->context, NULL, &err) != SNAPJAR_OK ||
        snapjar_trust_new(&trusting->trust, trusting->context, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    trusting->demand.trust = trusting->trust;
    trusting->demand.context = values->seal_context;
    trusting->demand.is_beside = values->is_detached;
    int code = fill(trusting, cli, values);
    trusting->demand.detached = trusting->detached;
    return code;
}

void trusting_clear(struct trusting *trusting)
{
    snapjar_trust_free(trusting->trust);
    snapjar_detached_free(trusting->detached);
    snapjar_context_free(trusting->context);
    trusting->trust = NULL;
    trusting->detached = NULL;
    trusting->context = NULL;
}

void trusting_free_values(struct trusting_values *values)
{
    string_list_free(&values->files);
    string_list_free(&values->keys);
}

const snapjar_seal_demand *trusting_demand(const struct trusting *trusting)
{
    return trusting->trust ? &trusting->demand : NULL;
}
