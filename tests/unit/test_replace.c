/* SPDX-License-Identifier: MIT
 *
 * Replacing many files together: what is kept, what is refused, that two who replace the same files do not wait for
 * each other for ever, and that nothing is left behind. Every test has an empty folder of its own.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include <snapjar/replace.h>

#include "fail_alloc.h"
#include "folder.h"
#include "util/io.h"

#define assert_ok(call) assert_int_equal((call), SNAPJAR_OK)
#define TOLD_MAX 600

static snapjar_context *context;
static snapjar_replacing *replacing;
static snapjar_error err;

/* What `replaced` was told. */
static struct {
    size_t count;
    intptr_t items[TOLD_MAX];
    uint64_t links[TOLD_MAX];
    snapjar_diagnostic diagnostics[TOLD_MAX];
} told;

static void replaced(void *state, void *item, uint64_t links, const snapjar_error *failure)
{
    assert_ptr_equal(state, &told);
    assert_true(told.count < TOLD_MAX);
    told.items[told.count] = (intptr_t)item;
    told.links[told.count] = links;
    told.diagnostics[told.count++] = failure ? failure->diagnostic : SNAPJAR_DIAG_NONE;
}

static void make(const char *backup_suffix, size_t file_count_max)
{
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;
    snapjar_replacing_free(replacing);
    options.backup_suffix = backup_suffix;
    options.file_count_max = file_count_max;
    options.replaced = replaced;
    options.state = &told;
    assert_ok(snapjar_replacing_new(&replacing, context, &options, &err));
}

static int set_up(void **state)
{
    (void)state;
    if (!enter_folder())
        return -1;
    memset(&told, 0, sizeof told);
    return snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_replacing_free(replacing);
    replacing = NULL;
    snapjar_context_free(context);
    return leave_folder() ? 0 : -1;
}

/* Opens, which must give `old`, and stages `text`. */
static void stage(const char *path, const char *old, const char *text, intptr_t item)
{
    snapjar_source *source;
    snapjar_sink *sink;
    uint8_t bytes[100];
    size_t got;
    assert_ok(snapjar_replacing_open(replacing, path, &source, &err));
    assert_ok(snapjar_source_read_at(source, bytes, sizeof bytes, 0, &got, &err));
    assert_int_equal(got, strlen(old));
    assert_memory_equal(bytes, old, got);
    assert_ok(snapjar_replacing_sink(replacing, &sink, &err));
    assert_ok(snapjar_sink_write(sink, text, strlen(text), &err));
    assert_ok(snapjar_replacing_stage(replacing, (void *)item, &err));
}

/* ---- what is done ---- */

static void test_nothing_before_commit(void **state)
{
    (void)state;
    write_file("a", "old a", 0604);
    write_file("b", "old b", 0640);
    make(NULL, 0);
    bool has_attributes = setxattr("a", "user.note", "hello", 5, 0) == 0;
    ino_t inode = look("a").st_ino;
    stage("a", "old a", "new a", 1);
    stage("b", "old b", "", 2);
    assert_holds("a", "old a");
    assert_holds("b", "old b");
    assert_int_equal(count_names(), 4);
    assert_int_equal(told.count, 0);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("a", "new a");
    assert_holds("b", "");
    assert_true(look("a").st_ino != inode);
    assert_int_equal(look("a").st_mode & 07777, 0604);
    assert_int_equal(look("b").st_mode & 07777, 0640);
    assert_int_equal(count_names(), 2);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.items[0], 1);
    assert_int_equal(told.items[1], 2);
    assert_int_equal(told.diagnostics[0], SNAPJAR_DIAG_NONE);
    if (has_attributes) {
        char value[10];
        assert_int_equal(getxattr("a", "user.note", value, sizeof value), 5);
    }
    /* A batch can be used again. */
    stage("a", "new a", "newer a", 3);
    assert_ok(snapjar_replacing_commit(replacing, NULL));
    assert_holds("a", "newer a");
    assert_ok(snapjar_replacing_commit(replacing, NULL));
    assert_int_equal(told.count, 3);
}

static void test_freed_without_commit(void **state)
{
    (void)state;
    snapjar_source *source;
    snapjar_sink *sink;
    write_file("a", "old", 0600);
    write_file("b", "old", 0600);
    make(NULL, 0);
    stage("a", "old", "new", 1);
    assert_ok(snapjar_replacing_open(replacing, "b", &source, &err));
    assert_ok(snapjar_replacing_sink(replacing, &sink, &err));
    snapjar_replacing_free(replacing);
    replacing = NULL;
    assert_holds("a", "old");
    assert_holds("b", "old");
    assert_int_equal(count_names(), 2);
    assert_int_equal(told.count, 0);
}

static void test_skipped(void **state)
{
    (void)state;
    snapjar_source *source;
    snapjar_sink *sink;
    write_file("a", "old", 0600);
    make(NULL, 0);
    struct stat before = look("a");
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    snapjar_replacing_skip(replacing);
    snapjar_replacing_skip(replacing);
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    assert_ok(snapjar_replacing_sink(replacing, &sink, &err));
    assert_ok(snapjar_sink_write(sink, "new", 3, &err));
    snapjar_replacing_skip(replacing);
    assert_int_equal(count_names(), 1);
    /* What was gathered for the one is not the other's. */
    stage("a", "old", "newer", 1);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("a", "newer");
    assert_true(before.st_ino != look("a").st_ino);
}

static void test_written_is_read_back(void **state)
{
    (void)state;
    static char text[200000];
    char *read = malloc(sizeof text);
    snapjar_source *source;
    snapjar_sink *sink;
    uint64_t size;
    size_t got;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    write_file("a", "old", 0600);
    make(NULL, 0);
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    assert_int_equal(snapjar_replacing_written(replacing, &source, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_ok(snapjar_replacing_sink(replacing, &sink, &err));
    assert_ok(snapjar_sink_write(sink, text, 65535, &err));
    assert_ok(snapjar_sink_write(sink, text + 65535, 2, &err));
    assert_ok(snapjar_sink_write(sink, text + 65537, sizeof text - 65537, &err));
    assert_ok(snapjar_replacing_written(replacing, &source, &err));
    assert_ok(snapjar_source_size(source, &size, &err));
    assert_int_equal(size, sizeof text);
    assert_ok(snapjar_source_read_at(source, read, sizeof text, 0, &got, &err));
    assert_int_equal(got, sizeof text);
    assert_memory_equal(read, text, sizeof text);
    assert_int_equal(snapjar_sink_write(sink, "x", 1, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_ok(snapjar_replacing_stage(replacing, NULL, &err));
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_int_equal(look("a").st_size, sizeof text);
    /* One that is too large to be read at once. */
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    assert_ok(snapjar_source_size(source, &size, &err));
    assert_int_equal(size, sizeof text);
    free(read);
}

static void test_links(void **state)
{
    (void)state;
    write_file("a", "old", 0600);
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(symlink("../a", "sub/soft"), 0);
    assert_int_equal(link("a", "hard"), 0);
    make(NULL, 0);
    stage("sub/soft", "old", "new", 1);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("a", "new");
    assert_holds("hard", "old");
    assert_true(S_ISLNK(look("sub/soft").st_mode));
    assert_int_equal(told.links[0], 1);
}

static void test_backup(void **state)
{
    (void)state;
    snapjar_source *source;
    snapjar_sink *sink;
    write_file("a", "old", 0640);
    make("~", 0);
    ino_t inode = look("a").st_ino;
    stage("a", "old", "new", 1);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("a", "new");
    assert_holds("a~", "old");
    assert_int_equal(look("a~").st_ino, inode);
    assert_int_equal(told.links[0], 0);
    /* A backup is never overwritten. */
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    assert_int_equal(snapjar_replacing_sink(replacing, &sink, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_EXISTS);
    assert_int_equal(snapjar_replacing_sink(replacing, &sink, NULL), SNAPJAR_IO);
    snapjar_replacing_skip(replacing);
    assert_holds("a~", "old");
    /* A file to which nothing is done may have one. */
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    snapjar_replacing_skip(replacing);
    /* One that an interrupted run has just made is this file itself. */
    write_file("b", "old", 0600);
    assert_int_equal(link("b", "b~"), 0);
    stage("b", "old", "new", 2);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("b", "new");
    assert_holds("b~", "old");
    assert_int_equal(told.links[1], 0);
    assert_int_equal(count_names(), 4);
}

static void test_backup_taken_meanwhile(void **state)
{
    (void)state;
    write_file("a", "old", 0600);
    make(".bak", 0);
    stage("a", "old", "new", 1);
    write_file("a.bak", "mine", 0600);
    assert_int_equal(snapjar_replacing_commit(replacing, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_EXISTS);
    assert_holds("a", "old");
    assert_holds("a.bak", "mine");
    assert_int_equal(told.diagnostics[0], SNAPJAR_DIAG_TARGET_EXISTS);
    assert_int_equal(count_names(), 2);
}

/* ---- others ---- */

static void test_changed_by_others(void **state)
{
    (void)state;
    write_file("replaced", "old", 0600);
    write_file("written", "old", 0600);
    write_file("gone", "old", 0600);
    write_file("left", "old", 0600);
    make(NULL, 0);
    stage("replaced", "old", "new", 1);
    stage("written", "old", "new", 2);
    stage("gone", "old", "new", 3);
    stage("left", "old", "new", 4);
    write_file("other", "theirs", 0600);
    assert_int_equal(rename("other", "replaced"), 0);
    assert_int_equal(truncate("written", 1), 0);
    assert_int_equal(unlink("gone"), 0);
    assert_int_equal(snapjar_replacing_commit(replacing, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_SOURCE_CHANGED);
    assert_string_equal(err.place, "replaced");
    assert_holds("replaced", "theirs");
    assert_holds("written", "o");
    assert_int_equal(access("gone", F_OK), -1);
    assert_holds("left", "new");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(told.diagnostics[i], SNAPJAR_DIAG_SOURCE_CHANGED);
    assert_int_equal(told.diagnostics[3], SNAPJAR_DIAG_NONE);
    assert_int_equal(count_names(), 3);
}

static void test_same_file_twice(void **state)
{
    (void)state;
    write_file("a", "old", 0600);
    assert_int_equal(symlink("a", "soft"), 0);
    make(NULL, 0);
    stage("a", "old", "new", 1);
    /* Our own lock is in the way: the first is committed, and the second sees what it made. */
    stage("soft", "new", "newer", 2);
    assert_int_equal(told.count, 1);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("a", "newer");
    assert_int_equal(count_names(), 2);
}

static void test_lock_is_held(void **state)
{
    (void)state;
    snapjar_source *source;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    write_file("a", "old", 0600);
    make(NULL, 0);
    int fd = open("a", O_RDWR);
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), -1);
    snapjar_replacing_skip(replacing);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    close(fd);
    stage("a", "old", "new", 1);
    fd = open("a", O_RDWR);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), -1);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    close(fd);
}

static void test_limit_of_files(void **state)
{
    (void)state;
    char name[32];
    make(NULL, 3);
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "f%d", i);
        write_file(name, "old", 0600);
        stage(name, "old", "new", i);
        assert_int_equal(told.count, i >= 5 ? 6 : i >= 2 ? 3 : 0);
    }
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_int_equal(told.count, 7);
    assert_int_equal(count_names(), 7);
}

static void test_many_folders(void **state)
{
    (void)state;
    char name[32];
    make(NULL, 0);
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "d%d", i % 75);
        if (i < 75)
            assert_int_equal(mkdir(name, 0700), 0);
        snprintf(name, sizeof name, "d%d/f%d", i % 75, i);
        write_file(name, "old", 0600);
        stage(name, "old", "new", i);
    }
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_int_equal(told.count, 150);
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "d%d/f%d", i % 75, i);
        assert_int_equal(told.items[i], i);
        assert_holds(name, "new");
    }
}

static void test_few_descriptors(void **state)
{
    (void)state;
    /* It calls an open() failed whose descriptor is above the limit, and leaves the file that was made. */
    if (getenv("SNAPJAR_UNDER_VALGRIND"))
        skip();
    char name[32];
    struct rlimit old, few;
    make(NULL, 500);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){40, old.rlim_max};
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%d", i);
        write_file(name, "old", 0600);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%d", i);
        stage(name, "old", "new", i);
    }
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(told.count, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(told.diagnostics[i], SNAPJAR_DIAG_NONE);
    assert_int_equal(count_names(), 100);
}

/* ---- what is refused ---- */

static void test_refused_targets(void **state)
{
    (void)state;
    snapjar_source *source;
    make(NULL, 0);
    assert_int_equal(snapjar_replacing_open(replacing, "none", &source, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_OPEN_FAILED);
    assert_int_equal(err.system_errno, ENOENT);
    assert_null(source);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(snapjar_replacing_open(replacing, "d", &source, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_UNSAFE);
    assert_int_equal(snapjar_replacing_open(replacing, "d/", &source, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_IS_DIRECTORY);
    assert_int_equal(snapjar_replacing_open(replacing, "/dev/null", &source, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_UNSAFE);
    assert_int_equal(snapjar_replacing_open(replacing, NULL, &source, NULL), SNAPJAR_INVALID_ARGUMENT);
    write_file("a", "old", 0600);
    assert_ok(snapjar_replacing_open(replacing, "a", &source, &err));
    assert_int_equal(snapjar_replacing_open(replacing, "a", &source, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_replacing_stage(replacing, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
}

static void test_refused_options(void **state)
{
    (void)state;
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;
    options.backup_suffix = "";
    assert_int_equal(snapjar_replacing_new(&replacing, context, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.backup_suffix = "/x";
    assert_int_equal(snapjar_replacing_new(&replacing, context, &options, &err), SNAPJAR_INVALID_ARGUMENT);
    options.backup_suffix = NULL;
    options.file_count_max = 65537;
    assert_int_equal(snapjar_replacing_new(&replacing, context, &options, &err), SNAPJAR_INVALID_ARGUMENT);
    options.file_count_max = 65536;
    options.durability = (snapjar_durability)2;
    assert_int_equal(snapjar_replacing_new(&replacing, context, &options, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_null(replacing);
    options.durability = SNAPJAR_DURABILITY_NONE;
    assert_ok(snapjar_replacing_new(&replacing, context, &options, &err));
    write_file("a", "old", 0600);
    stage("a", "old", "new", 1);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    assert_holds("a", "new");
    snapjar_replacing_free(NULL);
}

/* ---- what an interrupted run leaves ---- */

static void test_clean(void **state)
{
    (void)state;
    int is_removed;
    write_file("a.snapjar", "old", 0600);
    write_file(".a.snapjar.together.snapjar-abc123", "half", 0600);
    write_file(".a.snapjar.snapjar-abc123", "another's", 0600);
    write_file(".b.together.snapjar-abc123", "of none", 0600);
    assert_ok(snapjar_replacing_clean(context, ".a.snapjar.snapjar-abc123", &is_removed, &err));
    assert_false(is_removed);
    assert_ok(snapjar_replacing_clean(context, ".b.together.snapjar-abc123", &is_removed, &err));
    assert_false(is_removed);
    assert_ok(snapjar_replacing_clean(context, "a.snapjar", &is_removed, &err));
    assert_false(is_removed);
    /* While somebody replaces the file it may be his. */
    make(NULL, 0);
    stage("a.snapjar", "old", "new", 1);
    assert_ok(snapjar_replacing_clean(context, ".a.snapjar.together.snapjar-abc123", &is_removed, &err));
    assert_false(is_removed);
    assert_ok(snapjar_replacing_commit(replacing, &err));
    char path[200];
    snprintf(path, sizeof path, "%s/.a.snapjar.together.snapjar-abc123", folder);
    assert_ok(snapjar_replacing_clean(context, path, &is_removed, NULL));
    assert_true(is_removed);
    assert_int_equal(count_names(), 3);
    assert_int_equal(snapjar_replacing_clean(context, NULL, &is_removed, NULL), SNAPJAR_INVALID_ARGUMENT);
}

/* ---- memory ---- */

static snapjar_status replace_with(snapjar_context *refusing, void *state, snapjar_error *fault)
{
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;
    snapjar_replacing *own = NULL;
    snapjar_source *source;
    snapjar_sink *sink;
    int is_removed;
    (void)state;
    options.backup_suffix = "~";
    snapjar_status status = snapjar_replacing_new(&own, refusing, &options, fault);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_open(own, "a", &source, fault);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_sink(own, &sink, fault);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_written(own, &source, fault);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_stage(own, NULL, fault);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_clean(refusing, ".b.together.snapjar-abc123", &is_removed, fault);
    snapjar_replacing_free(own);
    assert_int_equal(count_names(), 1);
    assert_holds("a", "old");
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    write_file("a", "old", 0600);
    assert_true(fail_alloc_run(replace_with, NULL) > 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_before_commit),
        TEST(test_freed_without_commit),
        TEST(test_skipped),
        TEST(test_written_is_read_back),
        TEST(test_links),
        TEST(test_backup),
        TEST(test_backup_taken_meanwhile),
        TEST(test_changed_by_others),
        TEST(test_same_file_twice),
        TEST(test_lock_is_held),
        TEST(test_limit_of_files),
        TEST(test_many_folders),
        TEST(test_few_descriptors),
        TEST(test_refused_targets),
        TEST(test_refused_options),
        TEST(test_clean),
        TEST(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
