/* SPDX-License-Identifier: MIT
 *
 * A JSON text with what it says, so that whoever finds something wrong in a value can tell where that stands: line,
 * column, byte and path. Costs nothing until something is wrong.
 */
#ifndef SJ_JSON_DOCUMENT_H
#define SJ_JSON_DOCUMENT_H

#include "json/json.h"

/** Nesting up to which places are found; deeper ones are told as the root. */
#define SJ_JSON_DOCUMENT_DEPTH_MAX 256

/** Borrowed texts: they must stay as they are while the document is in use. */
typedef struct sj_json_document {
    const char *text;
    size_t size;
    const sj_json *root;
} sj_json_document;

/** A value by what it stands in, because equal values may be one. */
typedef struct sj_json_place {
    /** An object or array of the document; NULL: the root. */
    const sj_json *container;
    /** A member of it; or NULL. */
    const char *key;
    /** Else, an element of it; or SIZE_MAX: the container itself. */
    size_t index;
} sj_json_place;

static inline sj_json_place sj_json_itself(const sj_json *container)
{
    return (sj_json_place){container, NULL, SIZE_MAX};
}

static inline sj_json_place sj_json_member_of(const sj_json *object, const char *key)
{
    return (sj_json_place){object, key, SIZE_MAX};
}

static inline sj_json_place sj_json_element_of(const sj_json *array, size_t index)
{
    return (sj_json_place){array, NULL, index};
}

/**
 * Raises with the value's offset (SNAPJAR_SPACE_FILE), its path ("$.classes.app:Job.fields.id[0]") as the place, and a
 * message that begins with "line 3, column 14: ". Of a member that is not there, the place is the object's.
 */
snapjar_status sj_json_raise(const sj_json_document *document, sj_json_place place, snapjar_status status,
                             snapjar_diagnostic diagnostic, snapjar_error *err, const char *format, ...)
    __attribute__((format(printf, 6, 7), cold));

/** Puts line and column of the error's offset in front of its message: for what sj_json_parse failed with. */
void sj_json_add_line(const char *text, size_t size, snapjar_error *err);

/** Gives an error that was raised without an offset the place, as above. Returns `status`. */
snapjar_status sj_json_raise_place(const sj_json_document *document, sj_json_place place, snapjar_status status,
                                   snapjar_error *err);

#endif
