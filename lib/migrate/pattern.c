/* SPDX-License-Identifier: MIT
 *
 * Compiles in one pass into steps whose jumps are relative, so that what a repetition repeats can be moved and copied;
 * matches by following all ways at once.
 */
#include "migrate/pattern.h"

#include <string.h>

#include "pickle/out.h"

typedef enum step_op { STEP_POINT, STEP_ANY, STEP_SET, STEP_SPLIT, STEP_JUMP, STEP_END } step_op;

typedef struct step {
    step_op op;
    /** The code point, the set, or where to go from here. */
    int32_t a;
    int32_t b;
} step;

/** Code points from `low` to `high`; a set is some of them in a row. */
typedef struct range {
    uint32_t low;
    uint32_t high;
} range;

typedef struct set {
    uint32_t first;
    uint32_t count;
    bool is_negated;
} set;

#define RANGES_MAX 1024
#define SETS_MAX 256

struct sj_pattern {
    step steps[SJ_PATTERN_STEPS_MAX];
    size_t count;
    range ranges[RANGES_MAX];
    size_t range_count;
    set sets[SETS_MAX];
    size_t set_count;
};

/** A group that is open. */
typedef struct group {
    size_t start;
    /** The jump at the end of the alternatives so far; SIZE_MAX: there is one only. */
    size_t jump;
} group;

typedef struct compiler {
    sj_pattern *pattern;
    const char *text;
    size_t size;
    size_t at;
    group groups[SJ_PATTERN_GROUPS_MAX + 1];
    size_t depth;
    /** Where the last atom begins; SIZE_MAX: there is nothing to repeat. */
    size_t atom;
    snapjar_error *err;
} compiler;

static snapjar_status refuse(const compiler *c, size_t at, const char *what)
{
    return sj_raise(c->err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_CONTRACT_PATTERN, SJ_NOWHERE, "pattern, character %zu: %s",
                    at + 1, what);
}

static snapjar_status refuse_size(const compiler *c)
{
    return sj_raise(c->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_PATTERN, SJ_NOWHERE,
                    "the pattern takes more than %d steps, %d sets or %d ranges", SJ_PATTERN_STEPS_MAX, SETS_MAX,
                    RANGES_MAX);
}

/** Puts a step in front of those from `at` on. */
static snapjar_status insert(compiler *c, size_t at, step made)
{
    sj_pattern *p = c->pattern;
    if (p->count == SJ_PATTERN_STEPS_MAX)
        return refuse_size(c);
    memmove(p->steps + at + 1, p->steps + at, (p->count - at) * sizeof *p->steps);
    p->steps[at] = made;
    p->count++;
    return SNAPJAR_OK;
}

static snapjar_status append(compiler *c, step made)
{
    return insert(c, c->pattern->count, made);
}

static snapjar_status append_atom(compiler *c, step made)
{
    c->atom = c->pattern->count;
    return append(c, made);
}

/* ---- sets ---- */

static snapjar_status add_range(compiler *c, uint32_t low, uint32_t high)
{
    sj_pattern *p = c->pattern;
    if (p->range_count == RANGES_MAX)
        return refuse_size(c);
    p->ranges[p->range_count++] = (range){low, high};
    return SNAPJAR_OK;
}

/** "[:alpha:]" and its kin, of ASCII. */
static snapjar_status add_class(compiler *c)
{
    static const struct {
        const char *name;
        const char *ranges;
    } classes[] = {
        {"[:alpha:]", "azAZ"},   {"[:digit:]", "09"},       {"[:alnum:]", "azAZ09"},
        {"[:upper:]", "AZ"},     {"[:lower:]", "az"},       {"[:space:]", "\t\r  "},
        {"[:blank:]", "\t\t  "}, {"[:punct:]", "!/:@[`{~"}, {"[:xdigit:]", "09afAF"},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const size_t length = strlen(classes[i].name);
        if (c->size - c->at < length || memcmp(c->text + c->at, classes[i].name, length) != 0)
            continue;
        for (const char *r = classes[i].ranges; *r != '\0'; r += 2)
            SJ_TRY(add_range(c, (uint32_t)r[0], (uint32_t)r[1]));
        c->at += length;
        return SNAPJAR_OK;
    }
    return refuse(c, c->at, "no class of characters that is known: [:alpha:], [:digit:], [:alnum:], ...");
}

static uint32_t take_point(compiler *c)
{
    bool is_byte;
    return sj_read_point(c->text, c->size, &c->at, &is_byte);
}

/** One member of a set: a class, a character or a range. */
static snapjar_status add_member(compiler *c)
{
    const size_t from = c->at;
    if (c->text[c->at] == '[') {
        const char next = c->at + 1 < c->size ? c->text[c->at + 1] : '\0';
        if (next == '.' || next == '=')
            return refuse(c, from, "[. .] and [= =] are not supported");
        if (next == ':')
            return add_class(c);
    }
    const uint32_t low = take_point(c);
    uint32_t high = low;
    if (c->at + 1 < c->size && c->text[c->at] == '-' && c->text[c->at + 1] != ']') {
        c->at++;
        high = take_point(c);
    }
    if (high < low)
        return refuse(c, from, "the range ends before it begins");
    return add_range(c, low, high);
}

static snapjar_status compile_set(compiler *c)
{
    sj_pattern *p = c->pattern;
    const size_t from = c->at++;
    if (p->set_count == SETS_MAX)
        return refuse_size(c);
    set made = {(uint32_t)p->range_count, 0, false};
    if (c->at < c->size && c->text[c->at] == '^') {
        made.is_negated = true;
        c->at++;
    }
    bool is_first = true;
    for (; c->at < c->size && (is_first || c->text[c->at] != ']'); is_first = false)
        SJ_TRY(add_member(c));
    if (c->at >= c->size)
        return refuse(c, from, "the [ has no end");
    c->at++;
    made.count = (uint32_t)p->range_count - made.first;
    p->sets[p->set_count] = made;
    return append_atom(c, (step){STEP_SET, (int32_t)p->set_count++, 0});
}

/* ---- repetitions ---- */

/** Repeats the last atom from `low` to `high` times; SIZE_MAX: any number of times. */
static snapjar_status repeat(compiler *c, size_t low, size_t high)
{
    sj_pattern *p = c->pattern;
    const size_t start = c->atom;
    const size_t length = p->count - start;
    const size_t copies = high == SIZE_MAX ? low + 1 : high;
    if (length + 2 > SJ_PATTERN_STEPS_MAX || copies * (length + 2) > SJ_PATTERN_STEPS_MAX - start)
        return refuse_size(c);
    step body[SJ_PATTERN_STEPS_MAX];
    memcpy(body, p->steps + start, length * sizeof *body);
    p->count = start;
    for (size_t i = 0; i < copies; i++) {
        const bool is_optional = i >= low;
        /* Behind all that may still come. */
        const size_t rest = high == SIZE_MAX ? length + 2 : (copies - i) * (length + 1);
        if (is_optional)
            SJ_TRY(append(c, (step){STEP_SPLIT, 1, (int32_t)rest}));
        memcpy(p->steps + p->count, body, length * sizeof *body);
        p->count += length;
        if (is_optional && high == SIZE_MAX)
            SJ_TRY(append(c, (step){STEP_JUMP, -(int32_t)(length + 1), 0}));
    }
    c->atom = SIZE_MAX;
    return SNAPJAR_OK;
}

static bool take_number(compiler *c, size_t *number)
{
    const size_t from = c->at;
    *number = 0;
    for (; c->at < c->size && c->text[c->at] >= '0' && c->text[c->at] <= '9'; c->at++)
        *number = *number > SJ_PATTERN_REPEAT_MAX ? *number : *number * 10 + (size_t)(c->text[c->at] - '0');
    return c->at > from;
}

/** "{2}", "{2,}", "{2,5}". */
static snapjar_status compile_bounds(compiler *c)
{
    const size_t from = c->at++;
    size_t low, high;
    bool is_good = take_number(c, &low);
    high = low;
    if (is_good && c->at < c->size && c->text[c->at] == ',') {
        c->at++;
        if (!take_number(c, &high))
            high = SIZE_MAX;
    }
    is_good = is_good && c->at < c->size && c->text[c->at] == '}' && low <= high && low <= SJ_PATTERN_REPEAT_MAX &&
              (high == SIZE_MAX || high <= SJ_PATTERN_REPEAT_MAX);
    if (!is_good)
        return refuse(c, from, "after { come one or two numbers up to 1000, and }");
    c->at++;
    return repeat(c, low, high);
}

static snapjar_status compile_repetition(compiler *c)
{
    const char sign = c->text[c->at];
    if (c->atom == SIZE_MAX)
        return refuse(c, c->at, "there is nothing to repeat before it; put \\ before what is meant as it is");
    if (sign == '{')
        return compile_bounds(c);
    c->at++;
    return repeat(c, sign == '+', sign == '?' ? 1 : SIZE_MAX);
}

/* ---- groups ---- */

/** The alternative that ends here goes on behind all of them. */
static void close_alternative(compiler *c, group *g)
{
    if (g->jump != SIZE_MAX)
        c->pattern->steps[g->jump].a = (int32_t)(c->pattern->count - g->jump);
}

static snapjar_status compile_bar(compiler *c)
{
    group *g = &c->groups[c->depth];
    close_alternative(c, g);
    const size_t length = c->pattern->count - g->start;
    SJ_TRY(insert(c, g->start, (step){STEP_SPLIT, 1, (int32_t)(length + 2)}));
    g->jump = c->pattern->count;
    SJ_TRY(append(c, (step){STEP_JUMP, 1, 0}));
    c->at++;
    c->atom = SIZE_MAX;
    return SNAPJAR_OK;
}

static snapjar_status compile_open(compiler *c)
{
    if (c->depth == SJ_PATTERN_GROUPS_MAX)
        return sj_raise(c->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_PATTERN, SJ_NOWHERE,
                        "pattern, character %zu: groups stand more than %d deep", c->at + 1, SJ_PATTERN_GROUPS_MAX);
    c->groups[++c->depth] = (group){c->pattern->count, SIZE_MAX};
    c->at++;
    c->atom = SIZE_MAX;
    return SNAPJAR_OK;
}

static snapjar_status compile_close(compiler *c)
{
    if (c->depth == 0)
        return refuse(c, c->at, "the ) has no beginning");
    group *g = &c->groups[c->depth--];
    close_alternative(c, g);
    c->atom = g->start;
    c->at++;
    return SNAPJAR_OK;
}

static snapjar_status compile_escape(compiler *c)
{
    static const char allowed[] = ".[]\\()*+?{}|^$/-";
    const char next = c->at + 1 < c->size ? c->text[c->at + 1] : '\0';
    if (next == '\0' || strchr(allowed, next) == NULL)
        return refuse(c, c->at, "\\ stands before one of . [ ] \\ ( ) * + ? { } | ^ $ / - only");
    c->at += 2;
    return append_atom(c, (step){STEP_POINT, next, 0});
}

/** "^" and "$" say what is so anyway: at the two ends they may stand. */
static snapjar_status compile_anchor(compiler *c)
{
    const bool is_at_end = c->text[c->at] == '^' ? c->at == 0 : c->at + 1 == c->size;
    if (!is_at_end)
        return refuse(c, c->at, "^ and $ may stand at the beginning and the end only");
    c->at++;
    c->atom = SIZE_MAX;
    return SNAPJAR_OK;
}

static snapjar_status compile_next(compiler *c)
{
    switch (c->text[c->at]) {
    case '*':
    case '+':
    case '?':
    case '{':
        return compile_repetition(c);
    case '(':
        return compile_open(c);
    case ')':
        return compile_close(c);
    case '|':
        return compile_bar(c);
    case '[':
        return compile_set(c);
    case '\\':
        return compile_escape(c);
    case '^':
    case '$':
        return compile_anchor(c);
    case '.':
        c->at++;
        return append_atom(c, (step){STEP_ANY, 0, 0});
    default:
        return append_atom(c, (step){STEP_POINT, (int32_t)take_point(c), 0});
    }
}

static snapjar_status compile(compiler *c)
{
    while (c->at < c->size)
        SJ_TRY(compile_next(c));
    if (c->depth > 0)
        return refuse(c, c->size, "a ( has no end");
    close_alternative(c, &c->groups[0]);
    return append(c, (step){STEP_END, 0, 0});
}

snapjar_status sj_pattern_new(sj_pattern **pattern, snapjar_context *context, const char *text, size_t size,
                              snapjar_error *err)
{
    compiler c = {.text = text, .size = size, .groups = {{0, SIZE_MAX}}, .atom = SIZE_MAX, .err = err};
    *pattern = NULL;
    c.pattern = sj_alloc_zero(context, sizeof *c.pattern);
    if (c.pattern == NULL)
        return sj_raise_no_memory(err, sizeof *c.pattern);
    const snapjar_status status = compile(&c);
    if (status != SNAPJAR_OK) {
        sj_free(context, c.pattern);
        return status;
    }
    *pattern = c.pattern;
    return SNAPJAR_OK;
}

void sj_pattern_free(sj_pattern *pattern, snapjar_context *context)
{
    sj_free(context, pattern);
}

/* ---- matching ---- */

typedef struct matcher {
    /** The steps at which the text may be, now and behind the next character. */
    uint16_t items[2][SJ_PATTERN_STEPS_MAX];
    size_t counts[2];
    /** By step: the turn in which it was added last. */
    uint32_t seen[SJ_PATTERN_STEPS_MAX];
    uint16_t stack[2 * SJ_PATTERN_STEPS_MAX];
} matcher;

/** Adds a step, and where jumps lead from it. */
static void add(const sj_pattern *pattern, matcher *m, size_t side, size_t at, uint32_t turn)
{
    size_t depth = 0;
    m->stack[depth++] = (uint16_t)at;
    while (depth > 0) {
        at = m->stack[--depth];
        if (m->seen[at] == turn)
            continue;
        m->seen[at] = turn;
        const step *s = &pattern->steps[at];
        if (s->op == STEP_SPLIT)
            m->stack[depth++] = (uint16_t)((int32_t)at + s->b);
        if (s->op == STEP_SPLIT || s->op == STEP_JUMP)
            m->stack[depth++] = (uint16_t)((int32_t)at + s->a);
        else
            m->items[side][m->counts[side]++] = (uint16_t)at;
    }
}

static bool takes(const sj_pattern *pattern, const step *s, uint32_t point)
{
    bool is_in = false;
    switch (s->op) {
    case STEP_POINT:
        return point == (uint32_t)s->a;
    case STEP_ANY:
        return true;
    case STEP_SET:
        for (uint32_t i = 0; i < pattern->sets[s->a].count && !is_in; i++) {
            const range *r = &pattern->ranges[pattern->sets[s->a].first + i];
            is_in = point >= r->low && point <= r->high;
        }
        return is_in != pattern->sets[s->a].is_negated;
    case STEP_SPLIT:
    case STEP_JUMP:
    case STEP_END:
        break;
    }
    return false;
}

static bool run(const sj_pattern *pattern, matcher *m, const sj_literal *text)
{
    size_t at = 0, side = 0;
    uint32_t point, turn = 1;
    bool is_byte;
    add(pattern, m, side, 0, turn);
    while (sj_literal_point(text, &at, &point, &is_byte)) {
        turn++;
        m->counts[!side] = 0;
        for (size_t i = 0; i < m->counts[side]; i++) {
            const size_t place = m->items[side][i];
            if (takes(pattern, &pattern->steps[place], point))
                add(pattern, m, !side, place + 1, turn);
        }
        side = !side;
        if (m->counts[side] == 0)
            return false;
    }
    return m->seen[pattern->count - 1] == turn;
}

snapjar_status sj_pattern_match(const sj_pattern *pattern, snapjar_context *context, const sj_literal *text,
                                bool *matches, snapjar_error *err)
{
    *matches = false;
    if (text->size > SJ_PATTERN_TEXT_MAX)
        return SNAPJAR_OK;
    matcher *m = sj_alloc_zero(context, sizeof *m);
    if (m == NULL)
        return sj_raise_no_memory(err, sizeof *m);
    *matches = run(pattern, m, text);
    sj_free(context, m);
    return SNAPJAR_OK;
}
