/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over a kept corpus without a fuzzer: replay FILE... where each line of a file is an input in hex
 * digits. The last line printed is `N passed, 0 failed`; a finding ends the program.
 */
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int digit(int c)
{
    return isdigit(c) ? c - '0' : c - 'a' + 10;
}

static int run_line(char *line)
{
    size_t length = strcspn(line, "\r\n");
    /* A block of exactly the input's size, so that a sanitizer sees a read behind its end. */
    uint8_t *bytes = malloc(length / 2 + (length < 2));

    if (!bytes)
        return -1;
    for (size_t i = 0; i + 1 < length; i += 2) {
        if (!isxdigit((unsigned char)line[i]) || !isxdigit((unsigned char)line[i + 1])) {
            free(bytes);
            return -1;
        }
        bytes[i / 2] = (uint8_t)(digit(line[i]) << 4 | digit(line[i + 1]));
    }
    (void)LLVMFuzzerTestOneInput(bytes, length / 2);
    free(bytes);
    return 0;
}

int main(int count, char **names)
{
    size_t passed = 0;

    for (int i = 1; i < count; i++) {
        FILE *file = fopen(names[i], "r");
        char *line = NULL;
        size_t room = 0;
        if (!file) {
            perror(names[i]);
            return 2;
        }
        while (getline(&line, &room, file) > 0) {
            if (line[0] == '#')
                continue;
            if (run_line(line) != 0) {
                fprintf(stderr, "%s: input %zu is not hex digits\n", names[i], passed);
                return 2;
            }
            passed++;
        }
        free(line);
        fclose(file);
    }
    printf("%zu passed, 0 failed\n", passed);
    return passed ? 0 : 1;
}
