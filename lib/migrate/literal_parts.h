/* SPDX-License-Identifier: MIT
 *
 * The JSON of a literal taken apart: what it is, the value of one without parts, and the parts of one with. For
 * literal.c, literal_equal.c, contract_steps.c and step_rename.c only; nothing here allocates.
 */
#ifndef SJ_MIGRATE_LITERAL_PARTS_H
#define SJ_MIGRATE_LITERAL_PARTS_H

#include "migrate/literal.h"
#include "pickle/decimal.h"
#include "json/json.h"

typedef enum sj_literal_tag {
    SJ_LITERAL_INVALID = 0,
    SJ_LITERAL_NONE,
    SJ_LITERAL_BOOL,
    SJ_LITERAL_INT,
    SJ_LITERAL_FLOAT,
    SJ_LITERAL_COMPLEX,
    SJ_LITERAL_STR,
    SJ_LITERAL_BYTES,
    SJ_LITERAL_BYTEARRAY,
    SJ_LITERAL_GLOBAL,
    /** From here on: with parts. */
    SJ_LITERAL_LIST,
    SJ_LITERAL_TUPLE,
    SJ_LITERAL_SET,
    SJ_LITERAL_FROZENSET,
    /** A JSON object; "$dict". */
    SJ_LITERAL_OBJECT,
    SJ_LITERAL_DICT,
    SJ_LITERAL_CALL,
    SJ_LITERAL_NEW
} sj_literal_tag;

static inline bool sj_literal_has_parts(sj_literal_tag tag)
{
    return tag >= SJ_LITERAL_LIST;
}

sj_literal_tag sj_literal_tag_of(const sj_json *json);

/** The value of an object's one tag; of other JSON itself. */
const sj_json *sj_literal_tagged(const sj_json *json);

/** An integer as few bytes as LONG1 takes; false if it is none. */
bool sj_literal_int(const sj_json *json, uint8_t bytes[SJ_DECIMAL_BYTES_MAX], size_t *size);
/** The bits of a float; false if it is none. */
bool sj_literal_float(const sj_json *json, uint64_t *bits);
bool sj_literal_complex(const sj_json *json, uint64_t bits[2]);
/** Decodes base64 (with its padding, without spaces) into `out` (NULL: only its size); false if it is none. */
bool sj_literal_base64(snapjar_text text, uint8_t *out, size_t out_size, size_t *size);
/** Whether a string is "module:Name". */
bool sj_literal_is_name(const sj_json *string);

/** A walk over parts. Of calls and instances: the arguments, then the state. */
typedef struct sj_literal_parts {
    sj_literal_tag tag;
    const sj_json *array;
    void *iterator;
    bool is_begun;
    size_t index;
} sj_literal_parts;

void sj_literal_parts_begin(sj_literal_parts *parts, const sj_json *json, sj_literal_tag tag);
/** The next part, and of a JSON object's its key (else `key` stays as it is); NULL after the last. */
const sj_json *sj_literal_parts_next(sj_literal_parts *parts, snapjar_text *key);

/** A walk over the names in a literal that was checked: "module:Name" of "$global", "$call" and "$new". */
typedef struct sj_literal_names {
    sj_literal_parts frames[SJ_LITERAL_DEPTH_MAX + 1];
    size_t depth;
    /** The value that comes next; NULL: the walk is over. */
    const sj_json *at;
} sj_literal_names;

void sj_literal_names_begin(sj_literal_names *walk, const sj_json *json);
/** False after the last. The text is borrowed from the JSON. */
bool sj_literal_names_next(sj_literal_names *walk, snapjar_text *name);

#endif
