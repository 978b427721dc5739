/* SPDX-License-Identifier: MIT
 *
 * What opcodes do beyond pushing a literal: name globals, call, make, fill, give state. Each function is one opcode of
 * a loader, after its operands were taken from the token; all failures are at the token's offset.
 */
#ifndef SJ_PICKLE_EFFECTS_H
#define SJ_PICKLE_EFFECTS_H

#include "pickle/machine.h"

#define SJ_EFFECT snapjar_status __attribute__((warn_unused_result))

/** Raises `pickle-stack-underflow`: `token` needs `count` values above the last mark, and there are fewer. */
SJ_EFFECT sj_underflow(const sj_machine *machine, const sj_token *token, size_t count, snapjar_error *err);

#ifdef SJ_ANALYZE
#define sj_underflow(...) sj_failed(sj_underflow(__VA_ARGS__))
#endif

/** `pickle-stack-underflow` unless `count` values are above the last mark. */
SJ_EFFECT sj_need(const sj_machine *machine, const sj_token *token, size_t count, snapjar_error *err);

/** Pushes; fails with `pickle-stack-limit`. */
SJ_EFFECT sj_push(sj_machine *machine, const sj_token *token, sj_tag tag, snapjar_error *err);

/** Takes the last mark away and gives the first value above it; fails with `pickle-mark-missing`. */
SJ_EFFECT sj_take_mark(sj_machine *machine, const sj_token *token, sj_value **first, snapjar_error *err);

/** Raises `pickle-operand-invalid`: the opcode cannot work on a value of this kind. */
snapjar_status sj_raise_operand(const sj_token *token, const char *what, sj_tag tag, snapjar_error *err)
    __attribute__((cold));

/** Raises `pickle-argument-invalid`. */
snapjar_status sj_raise_argument(const sj_token *token, const char *what, snapjar_error *err) __attribute__((cold));

/** As in "a list". Static. */
const char *sj_kind_name(sj_kind kind);

/** The value is about to be known by a second tag: if it is a dict, its keys can be told no longer. */
void sj_forget_shape(sj_machine *machine, sj_value *value);

/** The globals among these values are used as parts of another. */
void sj_mark_arguments(sj_machine *machine, const sj_token *token, const sj_value *from, const sj_value *to);

/** GET, BINGET, LONG_BINGET. */
SJ_EFFECT sj_do_get(sj_machine *machine, const sj_token *token, snapjar_error *err);
/** PUT, BINPUT, LONG_BINPUT, MEMOIZE. */
SJ_EFFECT sj_do_put(sj_machine *machine, const sj_token *token, snapjar_error *err);

/** GLOBAL; STACK_GLOBAL; INST with the values from `first` as arguments; EXT1, EXT2, EXT4. */
SJ_EFFECT sj_do_global(sj_machine *machine, const sj_token *token, snapjar_error *err);
SJ_EFFECT sj_do_stack_global(sj_machine *machine, const sj_token *token, snapjar_error *err);
SJ_EFFECT sj_do_inst(sj_machine *machine, const sj_token *token, snapjar_error *err);
/**
 * Arguments of builtins.getattr, which is right below `first`: a global and a text that is the name of an attribute.
 * `*tag` becomes that of a tuple that stands for the attribute, whose import is noted, if it is this.
 */
SJ_EFFECT sj_pair_attribute(sj_machine *machine, const sj_token *token, sj_value *first, sj_tag *tag,
                            snapjar_error *err);
SJ_EFFECT sj_do_extension(sj_machine *machine, const sj_token *token, snapjar_error *err);

SJ_EFFECT sj_do_reduce(sj_machine *machine, const sj_token *token, snapjar_error *err);
SJ_EFFECT sj_do_obj(sj_machine *machine, const sj_token *token, snapjar_error *err);
/** NEWOBJ, NEWOBJ_EX. */
SJ_EFFECT sj_do_newobj(sj_machine *machine, const sj_token *token, snapjar_error *err);
SJ_EFFECT sj_do_build(sj_machine *machine, const sj_token *token, snapjar_error *err);

/** DICT and EMPTY_DICT: a dict of the values from `first` in their place. */
SJ_EFFECT sj_do_dict(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err);
/** TUPLE1 to TUPLE3, TUPLE, EMPTY_TUPLE: a tuple of the values from `first` in their place. */
SJ_EFFECT sj_do_tuple(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err);
/** SETITEM, SETITEMS; APPEND, APPENDS; ADDITEMS: with the values from `first`. */
SJ_EFFECT sj_do_setitems(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err);
SJ_EFFECT sj_do_appends(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err);
SJ_EFFECT sj_do_additems(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err);

#endif
