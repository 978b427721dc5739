/* SPDX-License-Identifier: MIT
 *
 * A folder of its own for each test, which is the current one meanwhile, and looking at what is in it.
 */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static inline bool enter_folder(void)
{
    strcpy(folder, "/tmp/snapjar-test-XXXXXX");
    return mkdtemp(folder) != NULL && chdir(folder) == 0;
}

/** Removes it with all that is in it. */
static inline bool leave_folder(void)
{
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", folder, folder);
    return chdir("/") == 0 && system(command) == 0;
}

/** The same two as fixtures of a test. */
static inline int folder_begin(void **state)
{
    (void)state;
    return enter_folder() ? 0 : -1;
}

static inline int folder_end(void **state)
{
    (void)state;
    return leave_folder() ? 0 : -1;
}

static inline void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static inline void assert_holds(const char *name, const char *text)
{
    char buffer[100000] = "";
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, buffer, sizeof buffer - 1);
    close(fd);
    assert_int_equal(got, strlen(text));
    assert_string_equal(buffer, text);
}

static inline struct stat look(const char *name)
{
    struct stat info;
    assert_int_equal(lstat(name, &info), 0);
    return info;
}

/** The number of names in the folder, hidden ones too. */
static inline int count_names(void)
{
    int count = 0;
    DIR *listing = opendir(".");
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(listing);
    return count;
}

#endif
