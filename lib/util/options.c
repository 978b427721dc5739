/* SPDX-License-Identifier: MIT
 *
 * Reads options structs of older and newer programs. Knows no particular struct, only that each begins with its size.
 */
#include "util/options.h"

#include <string.h>

/** No options struct comes near this: a larger size field was never set. */
#define OPTIONS_SIZE_MAX ((size_t)4096)

snapjar_status sj_options_read(void *to, size_t size, const void *from, const char *name, snapjar_error *err)
{
    memset(to, 0, size);
    memcpy(to, &size, sizeof size);
    if (from == NULL)
        return SNAPJAR_OK;
    size_t from_size;
    memcpy(&from_size, from, sizeof from_size);
    if (from_size < sizeof from_size || from_size > OPTIONS_SIZE_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "struct_size %zu of %s is not the size of such a struct (%zu here)", from_size, name, size);
    const unsigned char *bytes = from;
    for (size_t i = size; i < from_size; i++) {
        if (bytes[i] != 0)
            return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                            "byte %zu of %s is set, beyond the %zu bytes that this library knows", i, name, size);
    }
    size_t copied = from_size < size ? from_size : size;
    memcpy((unsigned char *)to + sizeof size, bytes + sizeof size, copied - sizeof size);
    return SNAPJAR_OK;
}
