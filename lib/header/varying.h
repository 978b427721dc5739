/* SPDX-License-Identifier: MIT
 *
 * The short way through the part of a header that every record has anew. Used by header/ only.
 */
#ifndef SJ_HEADER_VARYING_H
#define SJ_HEADER_VARYING_H

#include "header/header.h"

/**
 * Reads the text from `,"created":` on if it is, byte for byte, of the form that writers of this format use: the keys
 * in their order, no white space, no escapes, no unknown keys, no buffers. Then all its rules are checked and the
 * header's fields are set. False, with nothing decided, for anything else: the caller parses it as JSON.
 */
bool sj_varying_read(snapjar_header *header, size_t split);

#endif
