/* SPDX-License-Identifier: MIT
 *
 * Text that grows, and the escaping of whatever comes from files, file names and arguments. Memory that runs out ends
 * the program with exit code 2: there is nothing to undo in a command that only builds text.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A growing text; `{0}` is an empty one. `data` ends with NUL once anything was added. */
struct text {
    char *data;
    size_t size;
    size_t capacity;
};

void text_free(struct text *text);
/** Empties a text and keeps its memory. */
void text_clear(struct text *text);
/** Makes room for `size` more bytes and returns where they go; text_grown must follow. */
char *text_reserve(struct text *text, size_t size);
void text_grown(struct text *text, size_t size);

void text_add(struct text *text, const char *bytes, size_t size);
void text_puts(struct text *text, const char *string);
void text_putc(struct text *text, char c);
void text_repeat(struct text *text, char c, size_t count);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_number(struct text *text, uint64_t number);

/** The text as a string, "" if empty; borrowed. */
const char *text_string(const struct text *text);

/**
 * Adds bytes for people to read: printable ASCII, and printable characters when the locale speaks UTF-8; everything
 * else (control characters, bidirectional marks, bytes that are not UTF-8, the backslash) as an escape.
 */
void text_escape(struct text *text, const char *bytes, size_t size);
void text_escape_string(struct text *text, const char *string);

/** Adds a size as "512 B" or "4.0 MiB". */
void text_size(struct text *text, uint64_t size);

/** Adds a size in both ways: "512 bytes" or "4.0 MiB (4194304 bytes)". */
void text_size_exact(struct text *text, uint64_t size);

/** Adds `paragraph` broken into lines of at most `width` columns, each but the first (`column` is where that begins)
 * indented. */
void text_wrap(struct text *text, const char *paragraph, size_t column, size_t indent, size_t width);

/** Decodes one UTF-8 character; returns its length, or 0 if the bytes are none. */
size_t text_decode(uint32_t *character, const char *bytes, size_t size);

/** False for controls, marks that change the direction or hide text, private and unassigned special characters. */
bool text_is_plain(uint32_t character);

bool text_is_utf8(const char *bytes, size_t size);

/** Called once by main, after setlocale. */
void text_use_utf8(bool use);
bool text_speaks_utf8(void);

/** Memory or the end of the program. */
void *memory_get(size_t size);
void *memory_resize(void *pointer, size_t size);
char *memory_string(const char *string);

#endif
