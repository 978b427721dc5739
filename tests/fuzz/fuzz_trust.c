/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the reading of trust files: what is taken are keys with ids, exact types and times in order; what is refused
 * is refused at a byte of the file. Input: the trust file.
 */
#include <stdlib.h>
#include <string.h>

#include "seal/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_key(const snapjar_trust *trust, size_t index)
{
    const sj_trusted *trusted = &trust->keys[index];

    require(strlen(trusted->id_text) == SNAPJAR_KEY_ID_SIZE && sj_trust_find(trust, trusted->id) == trusted);
    require(trusted->not_before <= trusted->not_after);
    require(!trusted->context || (trusted->context[0] && strlen(trusted->context) <= SNAPJAR_SEAL_CONTEXT_SIZE_MAX));
    require((trusted->key != NULL) == (trusted->algorithm == SNAPJAR_SEAL_ED25519));
    require(!trusted->key || (!trusted->key->secret && !memcmp(trusted->key->id, trusted->id, SJ_ID_SIZE)));
    for (size_t i = 0; i < trusted->type_count; i++)
        require(trusted->types[i][0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    snapjar_context *context;
    snapjar_trust *trust;
    snapjar_error err;
    char *text = malloc(size > 0 ? size : 1);

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    require(snapjar_trust_new(&trust, context, NULL) == SNAPJAR_OK);
    snapjar_status status = snapjar_trust_read(trust, text, size, &err);
    for (size_t i = 0; i < trust->count; i++)
        check_key(trust, i);
    if (status != SNAPJAR_OK) {
        require(status == SNAPJAR_DAMAGED || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT);
        require(err.status == status && err.space == SNAPJAR_SPACE_FILE && err.offset <= size && err.message[0]);
    }
    snapjar_trust_free(trust);
    snapjar_context_free(context);
    free(text);
    return 0;
}
