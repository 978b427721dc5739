/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the reading of key files: what is taken is, of a public key, the very text that is written for it; what is
 * refused is refused at a byte of the file. Input: the key file.
 */
#include <stdlib.h>
#include <string.h>

#include <snapjar/seal.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_public(snapjar_context *context, const snapjar_key *key, const char *text, size_t size)
{
    snapjar_sink *sink;
    size_t written;

    require(snapjar_sink_to_memory(&sink, context, NULL) == SNAPJAR_OK);
    require(snapjar_key_write_public(key, sink, NULL) == SNAPJAR_OK);
    const void *bytes = snapjar_sink_memory(sink, &written);
    require(written == size && !memcmp(bytes, text, size));
    snapjar_sink_free(sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    snapjar_context *context;
    snapjar_key_options options = SNAPJAR_KEY_OPTIONS_INIT;
    snapjar_key *key;
    snapjar_error err;
    char *text = malloc(size > 0 ? size : 1);

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    options.passphrase = "p";
    options.memory_max = 8192;
    options.passes_max = 1;
    snapjar_status status = snapjar_key_read(&key, context, text, size, &options, &err);
    if (status == SNAPJAR_OK) {
        require(strlen(snapjar_key_id(key)) == SNAPJAR_KEY_ID_SIZE);
        require(strlen(snapjar_key_comment(key)) <= SNAPJAR_KEY_COMMENT_SIZE_MAX);
        if (!snapjar_key_has_secret(key))
            check_public(context, key, text, size);
    } else {
        require(key == NULL && err.status == status && err.message[0] != '\0');
        require(status == SNAPJAR_DAMAGED || status == SNAPJAR_REFUSED || status == SNAPJAR_LIMIT);
        require(err.space == SNAPJAR_SPACE_FILE && err.offset <= size);
    }
    snapjar_key_free(key);
    snapjar_context_free(context);
    free(text);
    return 0;
}
