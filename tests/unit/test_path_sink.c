/* SPDX-License-Identifier: MIT
 *
 * The sink that replaces a file: what it keeps, what it refuses, that it waits for the lock, and that nothing is left
 * behind when it fails. Every test has an empty folder of its own, which must hold nothing unexpected at the end.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "fail_alloc.h"
#include "folder.h"
#include "locker.h"
#include "util/fd.h"
#include "util/io.h"

#define assert_ok(call) assert_int_equal((call), SNAPJAR_OK)

static snapjar_context *context;
static snapjar_error err;
static mode_t mask;

static int set_up(void **state)
{
    (void)state;
    mask = umask(022);
    if (!enter_folder())
        return -1;
    return snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    umask(mask);
    return leave_folder() ? 0 : -1;
}

static void assert_io_error(snapjar_status status, snapjar_diagnostic diagnostic, int system_errno, const char *place)
{
    assert_int_equal(status, SNAPJAR_IO);
    assert_int_equal(err.status, SNAPJAR_IO);
    assert_int_equal(err.diagnostic, diagnostic);
    assert_int_equal(err.system_errno, system_errno);
    assert_int_equal(err.offset, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.place, place);
}

static snapjar_status open_sink(snapjar_sink **sink, const char *path, snapjar_durability durability,
                                bool must_not_exist)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    options.durability = durability;
    options.must_not_exist = must_not_exist;
    return snapjar_sink_open_path(sink, context, path, &options, &err);
}

/** Writes `text` to `path` through a sink. */
static snapjar_status replace_file(const char *path, const char *text, snapjar_durability durability,
                                   bool must_not_exist)
{
    snapjar_sink *sink;
    snapjar_status status = open_sink(&sink, path, durability, must_not_exist);
    if (status != SNAPJAR_OK)
        return status;
    status = snapjar_sink_write(sink, text, strlen(text), &err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, &err);
    snapjar_sink_free(sink);
    return status;
}

/* ---- what is made ---- */

static void test_new_file(void **state)
{
    (void)state;
    snapjar_sink *sink;
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    assert_ok(snapjar_sink_open_path(&sink, context, "new", NULL, &err));
    assert_true(sj_sink_is_transactional(sink));
    assert_ok(snapjar_sink_write(sink, "ab", 2, &err));
    assert_int_equal(access("new", F_OK), -1);
    assert_int_equal(count_names(), 1);
    assert_ok(snapjar_sink_finish(sink, &err));
    assert_holds("new", "ab");
    assert_int_equal(snapjar_sink_replaced_links(sink), 0);
    snapjar_sink_free(sink);
    assert_int_equal(look("new").st_mode & 07777, 0644);

    options.mode = 0640;
    options.durability = SNAPJAR_DURABILITY_NONE;
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/other", folder);
    assert_ok(snapjar_sink_open_path(&sink, context, absolute, &options, &err));
    assert_ok(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    assert_holds("other", "");
    assert_int_equal(look("other").st_mode & 07777, 0640);
    assert_int_equal(count_names(), 2);
}

/* The lock alone changes nothing in the folder. */
static void test_late(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0604);
    assert_ok(sj_sink_open_path_late(&sink, context, "file", NULL, &err));
    int fd = open("file", O_RDWR);
    assert_true(is_locked(fd, F_WRLCK));
    close(fd);
    assert_int_equal(count_names(), 1);
    assert_ok(snapjar_sink_write(sink, "ab", 2, &err));
    assert_int_equal(count_names(), 2);
    assert_ok(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    assert_holds("file", "ab");
    assert_int_equal(look("file").st_mode & 07777, 0604);
    /* A temporary file that cannot be made is told by the first byte. */
    assert_int_equal(mkdir("gone", 0700), 0);
    assert_ok(sj_sink_open_path_late(&sink, context, "gone/file", NULL, &err));
    assert_int_equal(rmdir("gone"), 0);
    assert_io_error(snapjar_sink_write(sink, "ab", 2, &err), SNAPJAR_DIAG_OPEN_FAILED, ENOENT, "gone/file");
    snapjar_sink_free(sink);
    assert_int_equal(count_names(), 1);
}

static void test_many_writes(void **state)
{
    (void)state;
    static char text[60001];
    snapjar_sink *sink;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('a' + i % 23);
    /* Pieces below, at and above what is gathered. */
    const size_t pieces[] = {1, 4095, 1, 4096, 4097, 3000, 3000, 10000, 1, 28812};
    size_t done = 0;
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_ok(snapjar_sink_write(sink, text + done, pieces[i], &err));
        done += pieces[i];
    }
    assert_ok(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    text[done] = '\0';
    assert_holds("file", text);
}

static void test_replacing_keeps_mode_and_attributes(void **state)
{
    (void)state;
    char value[10] = "";
    write_file("file", "old", 0604);
    ino_t old = look("file").st_ino;
    bool has_attributes = setxattr("file", "user.note", "hello", 5, 0) == 0;
    assert_ok(replace_file("file", "new", SNAPJAR_DURABILITY_SYNC, false));
    assert_holds("file", "new");
    assert_int_equal(look("file").st_mode & 07777, 0604);
    assert_true(look("file").st_ino != old);
    assert_int_equal(count_names(), 1);
    if (has_attributes) {
        assert_int_equal(getxattr("file", "user.note", value, sizeof value), 5);
        assert_memory_equal(value, "hello", 5);
    }
}

static void test_replacing_keeps_owner(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    write_file("file", "old", 0640);
    assert_int_equal(chown("file", 1234, 2345), 0);
    assert_int_equal(chmod("file", 06750), 0);
    assert_ok(replace_file("file", "new", SNAPJAR_DURABILITY_NONE, false));
    assert_int_equal(look("file").st_uid, 1234);
    assert_int_equal(look("file").st_gid, 2345);
    assert_int_equal(look("file").st_mode & 07777, 06750);
}

static void test_group_that_cannot_be_kept_gets_no_more(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    /* User 4321 may replace the file, as the folder is theirs, but not give it to user 1234 or group 2345. */
    write_file("file", "old", 0664);
    assert_int_equal(chown("file", 1234, 2345), 0);
    assert_int_equal(chmod("file", 06674), 0);
    assert_int_equal(chown(".", 4321, 4321), 0);
    assert_int_equal(setegid(4321), 0);
    assert_int_equal(seteuid(4321), 0);
    snapjar_status status = replace_file("file", "new", SNAPJAR_DURABILITY_NONE, false);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_ok(status);
    assert_holds("file", "new");
    assert_int_equal(look("file").st_uid, 4321);
    assert_int_equal(look("file").st_gid, 4321);
    assert_int_equal(look("file").st_mode & 07777, 0644);
}

static void test_mode_is_taken_when_finishing(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0644);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    assert_int_equal(chmod("file", 0600), 0);
    assert_ok(snapjar_sink_finish(sink, &err));
    snapjar_sink_free(sink);
    assert_int_equal(look("file").st_mode & 07777, 0600);
}

static void test_symbolic_links_are_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    write_file("sub/file", "old", 0600);
    assert_int_equal(symlink("sub/second", "first"), 0);
    assert_int_equal(symlink("file", "sub/second"), 0);
    assert_ok(replace_file("first", "new", SNAPJAR_DURABILITY_NONE, false));
    assert_true(S_ISLNK(look("first").st_mode));
    assert_true(S_ISLNK(look("sub/second").st_mode));
    assert_holds("sub/file", "new");
    /* One that leads nowhere yet: the file is made where it leads to. */
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/sub/made", folder);
    assert_int_equal(symlink(absolute, "dangling"), 0);
    assert_ok(replace_file("dangling", "made", SNAPJAR_DURABILITY_NONE, false));
    assert_true(S_ISLNK(look("dangling").st_mode));
    assert_holds("sub/made", "made");
    assert_int_equal(count_names(), 3);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_io_error(replace_file("loop", "x", SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_OPEN_FAILED, ELOOP, "loop");
}

static void test_hard_links_are_counted(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0600);
    assert_int_equal(link("file", "second"), 0);
    assert_int_equal(link("file", "third"), 0);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    assert_int_equal(snapjar_sink_replaced_links(sink), 2);
    assert_int_equal(unlink("third"), 0);
    assert_ok(snapjar_sink_write(sink, "new", 3, &err));
    assert_ok(snapjar_sink_finish(sink, &err));
    assert_int_equal(snapjar_sink_replaced_links(sink), 1);
    snapjar_sink_free(sink);
    assert_holds("file", "new");
    assert_holds("second", "old");
}

/** The one hidden name in the folder. */
static void find_temporary(char name[256])
{
    name[0] = '\0';
    DIR *listing = opendir(".");
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] == '.' && strlen(entry->d_name) > 2)
            strcpy(name, entry->d_name);
    }
    closedir(listing);
    assert_true(name[0] == '.');
}

static void test_long_names(void **state)
{
    (void)state;
    snapjar_sink *sink;
    char name[256];
    char temporary[256];
    /* Where the name is cut for its neighbour's there are characters of two bytes, and the cut is within one. */
    for (size_t first = 200; first <= 201; first++) {
        memset(name, 'n', 255);
        name[255] = '\0';
        for (size_t i = first; i + 1 < 255; i += 2)
            memcpy(name + i, "\xc3\xa9", 2);
        assert_ok(open_sink(&sink, name, SNAPJAR_DURABILITY_NONE, false));
        find_temporary(temporary);
        const char *suffix = strstr(temporary, ".snapjar-");
        assert_non_null(suffix);
        assert_int_equal((uint8_t)suffix[-1], 0xa9);
        assert_ok(snapjar_sink_finish(sink, &err));
        snapjar_sink_free(sink);
        assert_holds(name, "");
    }
    assert_int_equal(count_names(), 2);
}

static void test_temporary_file_is_hidden(void **state)
{
    (void)state;
    snapjar_sink *sink;
    char temporary[256];
    write_file("file", "old", 0644);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    find_temporary(temporary);
    assert_int_equal(strncmp(temporary, ".file.snapjar-", 14), 0);
    assert_int_equal(strlen(temporary), 20);
    assert_null(strstr(temporary, "XXXXXX"));
    /* It may be for fewer people than the umask allows. */
    assert_int_equal(look(temporary).st_mode & 07777, 0600);
    snapjar_sink_free(sink);
    assert_int_equal(count_names(), 1);
}

/* ---- what is refused ---- */

static void test_must_not_exist(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0600);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_io_error(replace_file("file", "new", SNAPJAR_DURABILITY_NONE, true), SNAPJAR_DIAG_TARGET_EXISTS, EEXIST,
                    "file");
    assert_io_error(replace_file("dangling", "new", SNAPJAR_DURABILITY_NONE, true), SNAPJAR_DIAG_TARGET_EXISTS, EEXIST,
                    "dangling");
    assert_int_equal(count_names(), 2);
    assert_ok(replace_file("fresh", "new", SNAPJAR_DURABILITY_NONE, true));
    assert_holds("fresh", "new");
    /* One that appears while we write. */
    assert_ok(open_sink(&sink, "late", SNAPJAR_DURABILITY_NONE, true));
    write_file("late", "theirs", 0600);
    assert_io_error(snapjar_sink_finish(sink, &err), SNAPJAR_DIAG_TARGET_EXISTS, EEXIST, "late");
    snapjar_sink_free(sink);
    assert_holds("late", "theirs");
    assert_holds("file", "old");
    assert_int_equal(count_names(), 4);
}

static void test_targets_that_are_no_files(void **state)
{
    (void)state;
    snapjar_sink *sink;
    assert_int_equal(mkdir("sub", 0700), 0);
    const char *const directories[] = {"sub", "sub/", ".", "..", "/", "new/"};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        assert_io_error(open_sink(&sink, directories[i], SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_IS_DIRECTORY,
                        EISDIR, directories[i]);
        assert_null(sink);
    }
    assert_io_error(open_sink(&sink, "", SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_OPEN_FAILED, ENOENT, "");
    assert_io_error(open_sink(&sink, "none/file", SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_OPEN_FAILED, ENOENT,
                    "none/file");
    write_file("file", "old", 0600);
    assert_io_error(open_sink(&sink, "file/x", SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_OPEN_FAILED, ENOTDIR,
                    "file/x");
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_io_error(open_sink(&sink, "socket", SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_TARGET_UNSAFE, EINVAL,
                    "socket");
    /* A link of /proc to an open file: replacing what it leads to would take a log away from its writer. */
    char path[64];
    fd = open("file", O_WRONLY | O_APPEND);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_io_error(open_sink(&sink, path, SNAPJAR_DURABILITY_NONE, false), SNAPJAR_DIAG_TARGET_UNSAFE, EINVAL, path);
    close(fd);
    assert_holds("file", "old");
    assert_int_equal(count_names(), 3);
}

static void test_arguments(void **state)
{
    (void)state;
    snapjar_sink *sink;
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    assert_int_equal(snapjar_sink_open_path(NULL, context, "x", NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_sink_open_path(&sink, NULL, "x", NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_sink_open_path(&sink, context, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.mode = 010000;
    assert_int_equal(snapjar_sink_open_path(&sink, context, "x", &options, &err), SNAPJAR_INVALID_ARGUMENT);
    options.mode = 0;
    options.durability = (snapjar_durability)2;
    assert_int_equal(snapjar_sink_open_path(&sink, context, "x", &options, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INVALID_ARGUMENT);
    assert_null(sink);
    assert_int_equal(count_names(), 0);
}

/* ---- devices and pipes ---- */

static void test_device_is_written_in_place(void **state)
{
    (void)state;
    snapjar_sink *sink;
    struct stat before = look("/dev/null");
    for (int i = 0; i < 2; i++) {
        assert_ok(open_sink(&sink, "/dev/null", SNAPJAR_DURABILITY_SYNC, i == 1));
        assert_false(sj_sink_is_transactional(sink));
        assert_ok(snapjar_sink_write(sink, "x", 1, &err));
        assert_ok(snapjar_sink_finish(sink, &err));
        snapjar_sink_free(sink);
    }
    assert_int_equal(look("/dev/null").st_ino, before.st_ino);
    assert_true(S_ISCHR(look("/dev/null").st_mode));
    assert_ok(open_sink(&sink, "/dev/full", SNAPJAR_DURABILITY_SYNC, false));
    assert_io_error(snapjar_sink_write(sink, "x", 1, &err), SNAPJAR_DIAG_WRITE_FAILED, ENOSPC, "/dev/full");
    snapjar_sink_free(sink);
}

static void *read_pipe(void *text)
{
    char *to = text;
    int fd = open("pipe", O_RDONLY);
    for (ssize_t count; (count = read(fd, to, 10)) > 0;)
        to += count;
    close(fd);
    return NULL;
}

static void test_pipe_is_written_in_place(void **state)
{
    (void)state;
    snapjar_sink *sink;
    pthread_t thread;
    char text[100] = "";
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_pipe, text), 0);
    assert_ok(open_sink(&sink, "pipe", SNAPJAR_DURABILITY_SYNC, false));
    assert_false(sj_sink_is_transactional(sink));
    assert_ok(snapjar_sink_write(sink, "through ", 8, &err));
    assert_ok(snapjar_sink_write(sink, "the pipe", 8, &err));
    assert_ok(snapjar_sink_finish(sink, &err));
    /* The reader has seen the end before the sink is freed. */
    pthread_join(thread, NULL);
    snapjar_sink_free(sink);
    assert_string_equal(text, "through the pipe");
    assert_true(S_ISFIFO(look("pipe").st_mode));
    assert_int_equal(count_names(), 1);
}

/* ---- failures ---- */

static void test_unfinished_leaves_all_as_it_was(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0600);
    struct stat before = look("file");
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_SYNC, false));
    for (int i = 0; i < 3; i++)
        assert_ok(snapjar_sink_write(sink, "new", 3, &err));
    snapjar_sink_free(sink);
    assert_holds("file", "old");
    assert_int_equal(look("file").st_ino, before.st_ino);
    assert_int_equal(count_names(), 1);
}

static void test_failed_write_leaves_all_as_it_was(void **state)
{
    (void)state;
    static const char big[20000];
    snapjar_sink *sink;
    struct rlimit old_limit;
    write_file("file", "old", 0600);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    struct rlimit limit = {10000, old_limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_SYNC, false));
    setrlimit(RLIMIT_FSIZE, &limit);
    snapjar_status status = snapjar_sink_write(sink, big, sizeof big, &err);
    setrlimit(RLIMIT_FSIZE, &old_limit);
    assert_io_error(status, SNAPJAR_DIAG_WRITE_FAILED, EFBIG, "file");
    assert_int_equal(snapjar_sink_finish(sink, &err), SNAPJAR_INVALID_ARGUMENT);
    snapjar_sink_free(sink);
    assert_holds("file", "old");
    assert_int_equal(count_names(), 1);

    /* The same when it is found out only when the gathered bytes are written. */
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_SYNC, false));
    assert_ok(snapjar_sink_write(sink, big, 4000, &err));
    limit.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &limit);
    status = snapjar_sink_finish(sink, &err);
    setrlimit(RLIMIT_FSIZE, &old_limit);
    assert_io_error(status, SNAPJAR_DIAG_WRITE_FAILED, EFBIG, "file");
    snapjar_sink_free(sink);
    assert_holds("file", "old");
    assert_int_equal(count_names(), 1);
}

static void test_target_that_becomes_a_folder(void **state)
{
    (void)state;
    snapjar_sink *sink;
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_SYNC, false));
    assert_int_equal(mkdir("file", 0700), 0);
    assert_io_error(snapjar_sink_finish(sink, &err), SNAPJAR_DIAG_TARGET_UNSAFE, EINVAL, "file");
    snapjar_sink_free(sink);
    assert_true(S_ISDIR(look("file").st_mode));
    assert_int_equal(count_names(), 1);
}

static void test_temporary_file_that_vanishes(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0600);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_SYNC, false));
    assert_int_equal(system("rm .file.snapjar-*"), 0);
    assert_io_error(snapjar_sink_finish(sink, &err), SNAPJAR_DIAG_RENAME_FAILED, ENOENT, "file");
    snapjar_sink_free(sink);
    assert_holds("file", "old");
}

static void test_folder_that_cannot_be_written(void **state)
{
    (void)state;
    snapjar_sink *sink;
    assert_int_equal(mkdir("sub", 0755), 0);
    write_file("sub/file", "old", 0666);
    assert_int_equal(chmod("sub", 0555), 0);
    assert_int_equal(chmod(".", 0755), 0);
    bool is_root = geteuid() == 0;
    if (is_root)
        assert_int_equal(seteuid(4321), 0);
    snapjar_status status = open_sink(&sink, "sub/file", SNAPJAR_DURABILITY_SYNC, false);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_io_error(status, SNAPJAR_DIAG_OPEN_FAILED, EACCES, "sub/file");
    assert_null(sink);
    assert_holds("sub/file", "old");
}

static void test_folder_that_cannot_be_listed(void **state)
{
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(chown("sub", 4321, 4321), 0);
        assert_int_equal(chmod(".", 0755), 0);
    }
    assert_int_equal(chmod("sub", 0300), 0);
    if (is_root)
        assert_int_equal(seteuid(4321), 0);
    snapjar_status status = replace_file("sub/file", "new", SNAPJAR_DURABILITY_SYNC, false);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_ok(status);
    assert_int_equal(chmod("sub", 0700), 0);
    assert_holds("sub/file", "new");
}

static void test_file_that_cannot_be_written(void **state)
{
    (void)state;
    write_file("file", "old", 0444);
    bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(chown(".", 4321, 4321), 0);
        assert_int_equal(chown("file", 4321, 4321), 0);
        assert_int_equal(seteuid(4321), 0);
    }
    snapjar_status status = replace_file("file", "new", SNAPJAR_DURABILITY_NONE, false);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_ok(status);
    assert_holds("file", "new");
    assert_int_equal(look("file").st_mode & 07777, 0444);
}

/* ---- the lock ---- */

static void test_waits_for_an_appender(void **state)
{
    (void)state;
    snapjar_sink *sink;
    bool *is_released;
    write_file("file", "old", 0600);
    pid_t appender = lock_for_a_while("file", &is_released);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    assert_true(was_released(is_released));
    wait_for(appender);
    snapjar_sink_free(sink);
    forget_release(is_released);
}

static void test_holds_the_lock_until_it_is_freed(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0600);
    int fd = open("file", O_RDWR);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    assert_true(is_locked(fd, F_WRLCK));
    assert_ok(snapjar_sink_finish(sink, &err));
    assert_true(is_locked(fd, F_WRLCK));
    snapjar_sink_free(sink);
    assert_false(is_locked(fd, F_WRLCK));
    close(fd);
}

static void replace_by_new(void)
{
    if (rename("new", "file") != 0)
        _exit(1);
}

static void lengthen(void)
{
    int out = open("file", O_WRONLY | O_APPEND);
    if (write(out, "er", 2) != 2)
        _exit(1);
}

/* Readers share a lock that writers wait for, and what is no file has none. */
static void test_opened_and_locked(void **state)
{
    (void)state;
    int readers[2];
    int writer;
    struct stat opened;
    bool *is_released;
    write_file("file", "old", 0600);
    write_file("new", "new", 0640);
    pid_t other = lock_and("file", replace_by_new, &is_released);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(sj_fd_open_locked(&readers[i], &opened, "file", O_RDONLY, &err));
        assert_true(was_released(is_released));
        assert_int_equal(opened.st_ino, look("file").st_ino);
    }
    wait_for(other);
    forget_release(is_released);
    int fd = open("file", O_RDWR);
    assert_true(is_locked(fd, F_WRLCK));
    assert_false(is_locked(fd, F_RDLCK));
    close(readers[0]);
    close(readers[1]);
    other = lock_and("file", lengthen, &is_released);
    assert_ok(sj_fd_open_locked(&writer, &opened, "file", O_RDWR, &err));
    assert_int_equal(opened.st_size, 5);
    wait_for(other);
    forget_release(is_released);
    assert_true(is_locked(fd, F_RDLCK));
    close(writer);
    close(fd);
    assert_ok(sj_fd_open_locked(&fd, &opened, "/dev/null", O_RDWR, &err));
    close(fd);
    assert_io_error(sj_fd_open_locked(&fd, &opened, "gone", O_RDONLY, &err), SNAPJAR_DIAG_OPEN_FAILED, ENOENT, "gone");
    assert_int_equal(fd, -1);
}

static void test_locks_the_file_that_took_its_place(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0600);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    /* Somebody without manners replaces the file meanwhile; an appender has the lock of the new one. */
    write_file("theirs", "theirs", 0640);
    assert_int_equal(rename("theirs", "file"), 0);
    bool *is_released;
    pid_t appender = lock_for_a_while("file", &is_released);
    assert_ok(snapjar_sink_write(sink, "new", 3, &err));
    assert_ok(snapjar_sink_finish(sink, &err));
    assert_true(was_released(is_released));
    wait_for(appender);
    forget_release(is_released);
    snapjar_sink_free(sink);
    assert_holds("file", "new");
    assert_int_equal(look("file").st_mode & 07777, 0640);
    assert_int_equal(count_names(), 1);
}

static void test_file_that_is_removed_meanwhile(void **state)
{
    (void)state;
    snapjar_sink *sink;
    write_file("file", "old", 0640);
    assert_ok(open_sink(&sink, "file", SNAPJAR_DURABILITY_NONE, false));
    assert_int_equal(unlink("file"), 0);
    assert_ok(snapjar_sink_finish(sink, &err));
    assert_int_equal(snapjar_sink_replaced_links(sink), 0);
    snapjar_sink_free(sink);
    /* What was not for everybody stays so. */
    assert_int_equal(look("file").st_mode & 07777, 0640);
}

static int replace_often(const char *text)
{
    snapjar_context *own;
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    options.durability = SNAPJAR_DURABILITY_NONE;
    int failures = snapjar_context_new(&own, NULL, NULL) != SNAPJAR_OK;
    for (int i = 0; i < 200 && !failures; i++) {
        snapjar_sink *sink;
        snapjar_status status = snapjar_sink_open_path(&sink, own, "file", &options, NULL);
        if (status == SNAPJAR_OK)
            status = snapjar_sink_write(sink, text, strlen(text), NULL);
        if (status == SNAPJAR_OK)
            status = snapjar_sink_finish(sink, NULL);
        failures += status != SNAPJAR_OK;
        snapjar_sink_free(sink);
    }
    snapjar_context_free(own);
    return failures;
}

static void test_many_replacers(void **state)
{
    (void)state;
    static const char texts[4][9] = {"11111111", "22222222", "33333333", "44444444"};
    pid_t children[4];
    for (size_t i = 0; i < 4; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(replace_often(texts[i]));
    }
    for (size_t i = 0; i < 4; i++)
        wait_for(children[i]);
    assert_int_equal(look("file").st_size, 8);
    assert_int_equal(count_names(), 1);
}

/* ---- refused memory ---- */

static snapjar_status replace_with(snapjar_context *own, void *state, snapjar_error *error)
{
    (void)state;
    snapjar_sink *sink;
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    options.durability = SNAPJAR_DURABILITY_NONE;
    snapjar_status status = snapjar_sink_open_path(&sink, own, "file", &options, error);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, "new", 3, error);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, error);
    if (status != SNAPJAR_OK)
        assert_holds("file", "old");
    snapjar_sink_free(sink);
    assert_int_equal(count_names(), 1);
    return status;
}

static void test_refused_memory(void **state)
{
    (void)state;
    write_file("file", "old", 0600);
    bool has_attributes = setxattr("file", "user.note", "hello", 5, 0) == 0;
    assert_int_equal(fail_alloc_run(replace_with, NULL), has_attributes ? 5 : 4);
    assert_holds("file", "new");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_new_file),
        TEST(test_late),
        TEST(test_many_writes),
        TEST(test_replacing_keeps_mode_and_attributes),
        TEST(test_replacing_keeps_owner),
        TEST(test_group_that_cannot_be_kept_gets_no_more),
        TEST(test_mode_is_taken_when_finishing),
        TEST(test_symbolic_links_are_followed),
        TEST(test_hard_links_are_counted),
        TEST(test_long_names),
        TEST(test_temporary_file_is_hidden),
        TEST(test_must_not_exist),
        TEST(test_targets_that_are_no_files),
        TEST(test_arguments),
        TEST(test_device_is_written_in_place),
        TEST(test_pipe_is_written_in_place),
        TEST(test_unfinished_leaves_all_as_it_was),
        TEST(test_failed_write_leaves_all_as_it_was),
        TEST(test_target_that_becomes_a_folder),
        TEST(test_temporary_file_that_vanishes),
        TEST(test_folder_that_cannot_be_written),
        TEST(test_folder_that_cannot_be_listed),
        TEST(test_file_that_cannot_be_written),
        TEST(test_waits_for_an_appender),
        TEST(test_holds_the_lock_until_it_is_freed),
        TEST(test_opened_and_locked),
        TEST(test_locks_the_file_that_took_its_place),
        TEST(test_file_that_is_removed_meanwhile),
        TEST(test_many_replacers),
        TEST(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
