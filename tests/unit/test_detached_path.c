/* SPDX-License-Identifier: MIT
 *
 * Detached seals as files: made, renewed and taken away, under whose locks, over what, and what is left of it all when
 * it fails. Every test has an empty folder of its own.
 */
#include "detached.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

#include "fail_alloc.h"
#include "locker.h"

#define FILE_PATH "a.snapjar"
#define SEAL_PATH FILE_PATH SNAPJAR_DETACHED_SUFFIX
/* Of a signature of `key`. */
#define LINE_SIZE strlen("signature ed25519 " ID " " ID " " DIGEST DIGEST "\n")
#define NOT_ROOT 65534

static snapjar_error err;

static int begin(void **state)
{
    if (folder_begin(state) != 0)
        return -1;
    write_blob(FILE_PATH, &file);
    return 0;
}

static blob read_blob(const char *name)
{
    blob out = {must_alloc(1 << 16), 0};
    FILE *in = fopen(name, "rb");

    assert_non_null(in);
    out.size = fread(out.bytes, 1, 1 << 16, in);
    assert_int_equal(fclose(in), 0);
    return out;
}

static void assert_file_is(const char *name, const blob *wanted)
{
    blob got = read_blob(name);

    assert_int_equal(got.size, wanted->size);
    assert_memory_equal(got.bytes, wanted->bytes, wanted->size);
    free(got.bytes);
}

static bool is_there(const char *name)
{
    return access(name, F_OK) == 0;
}

/* Seals FILE_PATH or another file; `*blamed` as the call has it. */
static snapjar_status seal_as(const char *path, const char *seal_path, const snapjar_key *by,
                              const snapjar_seal_options *options, const char **blamed)
{
    snapjar_sealer *sealer = fixed_sealer(context, &by, 1, NULL);
    uint64_t count = 99;

    *blamed = "nothing";
    snapjar_status status =
        snapjar_seal_detached_path(sealer, path, seal_path, SNAPJAR_DURABILITY_NONE, options, &count, blamed, &err);
    assert_true(status == SNAPJAR_OK ? count > 0 && !*blamed : count == 0);
    snapjar_sealer_free(sealer);
    return status;
}

static void seal(const snapjar_key *by, bool replace)
{
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    const char *blamed;

    options.replace = replace;
    if (seal_as(FILE_PATH, SEAL_PATH, by, &options, &blamed) != SNAPJAR_OK)
        fail_msg("%s", err.message);
}

static void expect_refused(const char *path, const char *seal_path, bool replace, const char *wanted_blamed,
                           snapjar_status wanted, snapjar_diagnostic diagnostic, uint64_t offset)
{
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    const char *blamed;

    options.replace = replace;
    snapjar_status status = seal_as(path, seal_path, other_key, &options, &blamed);
    assert_fault(status, &err, wanted, diagnostic,
                 offset == SNAPJAR_OFFSET_NONE ? SNAPJAR_SPACE_NONE : SNAPJAR_SPACE_FILE, offset);
    assert_string_equal(blamed, wanted_blamed);
}

static snapjar_status unseal_with(const char *key_id, uint64_t *removed)
{
    *removed = 99;
    return snapjar_unseal_detached_path(context, SEAL_PATH, key_id, SNAPJAR_DURABILITY_SYNC, removed, &err);
}

static void unseal(const char *key_id, uint64_t wanted)
{
    uint64_t removed;

    if (unseal_with(key_id, &removed) != SNAPJAR_OK)
        fail_msg("%s", err.message);
    assert_int_equal(removed, wanted);
}

static void expect_not_unsealed(const char *key_id, snapjar_status wanted, snapjar_diagnostic diagnostic,
                                uint64_t offset)
{
    uint64_t removed;
    snapjar_status status = unseal_with(key_id, &removed);

    assert_fault(status, &err, wanted, diagnostic,
                 offset == SNAPJAR_OFFSET_NONE ? SNAPJAR_SPACE_NONE : SNAPJAR_SPACE_FILE, offset);
    assert_string_equal(err.place, SEAL_PATH);
    assert_int_equal(removed, 0);
}

/* ---- what is made ---- */

static void test_made(void **state)
{
    (void)state;
    snapjar_sealer *sealer = fixed_sealer(context, (const snapjar_key *const *)&key, 1, NULL);
    blob text = detach(&file, key, NULL);
    uint64_t count = 0;

    assert_ok(
        snapjar_seal_detached_path(sealer, FILE_PATH, SEAL_PATH, SNAPJAR_DURABILITY_SYNC, NULL, &count, NULL, err));
    assert_int_equal(count, RECORDS);
    assert_file_is(SEAL_PATH, &text);
    assert_file_is(FILE_PATH, &file);
    assert_int_equal(count_names(), 2);
    /* Results and errors that nobody asks for. */
    assert_int_equal(
        snapjar_seal_detached_path(sealer, FILE_PATH, "elsewhere", SNAPJAR_DURABILITY_NONE, NULL, NULL, NULL, NULL),
        SNAPJAR_OK);
    assert_file_is("elsewhere", &text);
    assert_int_equal(
        snapjar_seal_detached_path(sealer, "gone", "elsewhere", SNAPJAR_DURABILITY_NONE, NULL, NULL, NULL, NULL),
        SNAPJAR_IO);
    free(text.bytes);
    snapjar_sealer_free(sealer);
}

static void test_renewed(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);
    blob other = detach(&file, other_key, NULL);

    seal(key, false);
    assert_int_equal(chmod(SEAL_PATH, 0640), 0);
    seal(other_key, false);
    assert_int_equal(look(SEAL_PATH).st_mode & 07777, 0640);
    blob both = read_blob(SEAL_PATH);
    assert_int_equal(both.size, text.size + other.size - (text.size - LINE_SIZE));
    assert_memory_equal(both.bytes, text.bytes, text.size);
    /* The key's own signature is made anew, that of the other one stays. */
    seal(other_key, false);
    assert_file_is(SEAL_PATH, &both);
    seal(other_key, true);
    assert_file_is(SEAL_PATH, &other);
    assert_int_equal(count_names(), 2);
    free(both.bytes);
    free(other.bytes);
    free(text.bytes);
}

static void test_is_beside(void **state)
{
    char long_path[PATH_MAX + 16];

    (void)state;
    assert_false(snapjar_detached_is_beside(FILE_PATH));
    seal(key, false);
    assert_true(snapjar_detached_is_beside(FILE_PATH));
    assert_false(snapjar_detached_is_beside(SEAL_PATH));
    assert_int_equal(symlink("nowhere", "b.seal"), 0);
    assert_true(snapjar_detached_is_beside("b"));
    assert_false(snapjar_detached_is_beside(NULL));
    memset(long_path, '/', sizeof(long_path));
    strcpy(long_path + sizeof(long_path) - 2, "b");
    assert_false(snapjar_detached_is_beside(long_path));
}

/* ---- what is refused ---- */

static void test_other_records(void **state)
{
    (void)state;
    blob fewer = {file.bytes, starts[2]};
    blob of_fewer = detach(&fewer, other_key, NULL);
    seal(key, false);
    blob text = read_blob(SEAL_PATH);

    write_blob(FILE_PATH, &fewer);
    expect_refused(FILE_PATH, SEAL_PATH, false, FILE_PATH, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_SEAL_NEEDS_REPLACE,
                   SNAPJAR_OFFSET_NONE);
    assert_file_is(SEAL_PATH, &text);
    assert_int_equal(count_names(), 2);
    seal(other_key, true);
    assert_file_is(SEAL_PATH, &of_fewer);
    free(text.bytes);
    free(of_fewer.bytes);
}

/* What is no detached seal is somebody's file. */
static void test_damaged_seal(void **state)
{
    (void)state;
    blob text = detach(&file, other_key, NULL);

    write_file(SEAL_PATH, "somebody's\n", 0600);
    expect_refused(FILE_PATH, SEAL_PATH, false, SEAL_PATH, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, 0);
    assert_string_equal(err.place, SEAL_PATH);
    expect_not_unsealed(NULL, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, 0);
    expect_not_unsealed(snapjar_key_id(key), SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, 0);
    assert_holds(SEAL_PATH, "somebody's\n");
    assert_int_equal(count_names(), 2);
    seal(other_key, true);
    assert_file_is(SEAL_PATH, &text);
    free(text.bytes);
}

static void test_damaged_snapshot(void **state)
{
    (void)state;
    seal(key, false);
    blob text = read_blob(SEAL_PATH);
    blob damaged = blob_copy(file.bytes, file.size);
    size_t at = starts[1] + area_at(file.bytes + starts[1]);

    damaged.bytes[at] ^= 1;
    write_blob(FILE_PATH, &damaged);
    for (int replace = 0; replace < 2; replace++) {
        expect_refused(FILE_PATH, SEAL_PATH, replace, FILE_PATH, SNAPJAR_DAMAGED,
                       SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, at);
        assert_int_equal(err.record_index, 1);
    }
    assert_file_is(SEAL_PATH, &text);
    assert_int_equal(count_names(), 2);
    free(damaged.bytes);
    free(text.bytes);
}

static void test_arguments(void **state)
{
    (void)state;
    snapjar_sealer *sealer = fixed_sealer(context, (const snapjar_key *const *)&key, 1, NULL);
    const snapjar_durability none = (snapjar_durability)7;
    const snapjar_durability sync = SNAPJAR_DURABILITY_SYNC;
    uint64_t count = 5;

    assert_int_equal(snapjar_seal_detached_path(NULL, "a", "b", sync, NULL, &count, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(count, 0);
    assert_int_equal(snapjar_seal_detached_path(sealer, NULL, "b", sync, NULL, NULL, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_seal_detached_path(sealer, "a", NULL, sync, NULL, NULL, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_seal_detached_path(sealer, FILE_PATH, SEAL_PATH, none, NULL, NULL, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_false(is_there(SEAL_PATH));
    assert_int_equal(snapjar_unseal_detached_path(NULL, "b", NULL, sync, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_unseal_detached_path(context, NULL, NULL, sync, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    seal(key, false);
    count = 5;
    assert_int_equal(snapjar_unseal_detached_path(context, SEAL_PATH, "12", sync, &count, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(count, 0);
    assert_int_equal(snapjar_unseal_detached_path(context, SEAL_PATH, NULL, none, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_true(is_there(SEAL_PATH));
    snapjar_sealer_free(sealer);
}

/* ---- what the paths lead to ---- */

static void test_seal_that_is_no_file(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i ? mkdir(SEAL_PATH, 0700) : mkfifo(SEAL_PATH, 0600), 0);
        for (int replace = 0; replace < 2; replace++) {
            expect_refused(FILE_PATH, SEAL_PATH, replace, SEAL_PATH, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
                           SNAPJAR_OFFSET_NONE);
            assert_string_equal(err.place, SEAL_PATH);
        }
        expect_not_unsealed(NULL, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, SNAPJAR_OFFSET_NONE);
        assert_int_equal(i ? rmdir(SEAL_PATH) : unlink(SEAL_PATH), 0);
    }
    assert_int_equal(count_names(), 1);
}

/* It would be lost, and whoever waited for its lock would wait for itself. */
static void test_seal_that_is_the_snapshot(void **state)
{
    (void)state;
    assert_int_equal(symlink(FILE_PATH, "soft"), 0);
    assert_int_equal(link(FILE_PATH, "hard"), 0);
    const char *const names[] = {FILE_PATH, "soft", "hard", "./" FILE_PATH};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        for (int replace = 0; replace < 2; replace++) {
            expect_refused(FILE_PATH, names[i], replace, names[i], SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TARGET_UNSAFE,
                           SNAPJAR_OFFSET_NONE);
            assert_string_equal(err.place, names[i]);
        }
    }
    assert_file_is(FILE_PATH, &file);
    assert_int_equal(count_names(), 3);
}

static void test_links_are_followed(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);
    blob both;
    const char *blamed;

    assert_int_equal(mkdir("far", 0700), 0);
    assert_int_equal(symlink("far/seal", SEAL_PATH), 0);
    assert_int_equal(symlink(FILE_PATH, "link"), 0);
    assert_int_equal(seal_as("link", SEAL_PATH, key, NULL, &blamed), SNAPJAR_OK);
    assert_file_is("far/seal", &text);
    seal(other_key, false);
    both = read_blob("far/seal");
    assert_true(both.size > text.size);
    unseal(snapjar_key_id(other_key), 1);
    assert_file_is("far/seal", &text);
    assert_true(S_ISLNK(look(SEAL_PATH).st_mode));
    /* Without signatures the link goes, and not what it leads to. */
    unseal(snapjar_key_id(key), 1);
    assert_false(snapjar_detached_is_beside(FILE_PATH));
    assert_file_is("far/seal", &text);
    free(both.bytes);
    free(text.bytes);
}

static void test_files_that_are_not_there(void **state)
{
    (void)state;
    uint64_t removed;

    expect_refused("gone", "gone.seal", false, "gone", SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED, SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, ENOENT);
    expect_refused(".", "a.seal", false, ".", SNAPJAR_IO, SNAPJAR_DIAG_IS_DIRECTORY, SNAPJAR_OFFSET_NONE);
    expect_refused(FILE_PATH, "none/seal", false, "none/seal", SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED,
                   SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, ENOENT);
    assert_string_equal(err.place, "none/seal");
    unseal(NULL, 0);
    unseal(snapjar_key_id(key), 0);
    removed = 9;
    assert_ok(snapjar_unseal_detached_path(context, "none/seal", NULL, SNAPJAR_DURABILITY_SYNC, &removed, err));
    assert_int_equal(removed, 0);
    assert_int_equal(count_names(), 1);
}

/* A pipe has no lock and cannot change behind us. */
static void test_snapshot_from_a_pipe(void **state)
{
    (void)state;
    const char *blamed;

    assert_int_equal(mkfifo("pipe", 0600), 0);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        int fd = open("pipe", O_WRONLY);
        _exit(write(fd, file.bytes, file.size) == (ssize_t)file.size ? 0 : 1);
    }
    assert_int_equal(seal_as("pipe", "pipe.seal", key, NULL, &blamed), SNAPJAR_OK);
    wait_for(writer);
    blob text = detach(&file, key, NULL);
    assert_file_is("pipe.seal", &text);
    free(text.bytes);
}

/* ---- locks ---- */

static void test_waits_for_others(void **state)
{
    (void)state;
    static const char *const held[] = {FILE_PATH, SEAL_PATH};
    bool *is_released;

    seal(key, false);
    for (size_t i = 0; i < 2; i++) {
        pid_t other = lock_for_a_while(held[i], &is_released);
        seal(other_key, false);
        assert_true(was_released(is_released));
        wait_for(other);
        forget_release(is_released);
    }
    pid_t other = lock_for_a_while(SEAL_PATH, &is_released);
    unseal(NULL, 2);
    assert_true(was_released(is_released));
    wait_for(other);
    forget_release(is_released);
}

static void put_new_snapshot(void)
{
    if (rename("new", FILE_PATH) != 0)
        _exit(1);
}

static void put_new_seal(void)
{
    if (rename("new", SEAL_PATH) != 0)
        _exit(1);
}

static void append_last(void)
{
    int out = open(FILE_PATH, O_WRONLY | O_APPEND);

    if (write(out, file.bytes + starts[2], file.size - starts[2]) != (ssize_t)(file.size - starts[2]))
        _exit(1);
}

/* That SEAL_PATH is of these records, by `key`. */
static void assert_sealed(const blob *of)
{
    blob text = detach(of, key, NULL);

    assert_file_is(SEAL_PATH, &text);
    free(text.bytes);
}

/* What the file is once we have its lock is what counts. */
static void test_changed_while_waiting(void **state)
{
    (void)state;
    blob fewer = {file.bytes, starts[2]};
    bool *is_released;

    write_blob("new", &fewer);
    pid_t other = lock_and(FILE_PATH, put_new_snapshot, &is_released);
    seal(key, false);
    wait_for(other);
    forget_release(is_released);
    assert_sealed(&fewer);
    other = lock_and(FILE_PATH, append_last, &is_released);
    seal(key, true);
    wait_for(other);
    forget_release(is_released);
    assert_sealed(&file);
}

/* A signature that somebody adds meanwhile is kept, or taken off as well. */
static void test_signed_while_waiting(void **state)
{
    (void)state;
    bool *is_released;

    for (int i = 0; i < 2; i++) {
        seal(key, true);
        seal(other_key, false);
        assert_int_equal(rename(SEAL_PATH, "new"), 0);
        const off_t both_size = look("new").st_size;
        seal(key, true);
        assert_true(look(SEAL_PATH).st_size < both_size);
        pid_t other = lock_and(SEAL_PATH, put_new_seal, &is_released);
        if (i)
            unseal(NULL, 2);
        else
            seal(key, false);
        wait_for(other);
        forget_release(is_released);
        if (!i)
            assert_int_equal(look(SEAL_PATH).st_size, both_size);
    }
    assert_int_equal(count_names(), 1);
}

/* What a test does, and looks at, when the last record was read. */
typedef struct meanwhile {
    void (*act)(void);
    bool (*goes_on)(void);
} meanwhile;

static bool at_last(void *state, uint64_t done, uint64_t total)
{
    const meanwhile *own = state;

    if (done < total)
        return true;
    if (own->act)
        own->act();
    return own->goes_on == NULL || own->goes_on();
}

static snapjar_status seal_while(void (*act)(void), bool (*goes_on)(void), const char **blamed)
{
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    meanwhile own = {act, goes_on};

    options.progress = at_last;
    options.progress_state = &own;
    return seal_as(FILE_PATH, SEAL_PATH, other_key, &options, blamed);
}

static void look_at_locks(void)
{
    int fd = open(FILE_PATH, O_RDWR);
    int seal_fd = open(SEAL_PATH, O_RDWR);

    /* Others may read and seal it, and nobody may write. */
    assert_true(is_locked(fd, F_WRLCK));
    assert_false(is_locked(fd, F_RDLCK));
    assert_true(is_locked(seal_fd, F_RDLCK));
    close(fd);
    close(seal_fd);
}

static void test_holds_the_locks(void **state)
{
    (void)state;
    const char *blamed;

    seal(key, false);
    assert_int_equal(seal_while(look_at_locks, NULL, &blamed), SNAPJAR_OK);
    int fd = open(FILE_PATH, O_RDWR);
    assert_false(is_locked(fd, F_WRLCK));
    close(fd);
}

static void replace_it(void)
{
    blob same = read_blob(FILE_PATH);

    write_blob("new", &same);
    assert_int_equal(rename("new", FILE_PATH), 0);
    free(same.bytes);
}

static void remove_it(void)
{
    assert_int_equal(unlink(FILE_PATH), 0);
}

static void lengthen_it(void)
{
    FILE *out = fopen(FILE_PATH, "ab");

    assert_int_equal(fputc(0, out), 0);
    assert_int_equal(fclose(out), 0);
}

static void touch_it(void)
{
    const struct timespec times[2] = {{1, 0}, {1, 0}};

    assert_int_equal(utimensat(AT_FDCWD, FILE_PATH, times, 0), 0);
}

/* Not everybody asks for the lock. */
static void test_changed_meanwhile(void **state)
{
    (void)state;
    void (*const acts[])(void) = {replace_it, touch_it, lengthen_it, remove_it};
    const char *blamed;

    seal(key, false);
    blob text = read_blob(SEAL_PATH);
    for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
        write_blob(FILE_PATH, &file);
        snapjar_status status = seal_while(acts[i], NULL, &blamed);
        assert_fault(status, &err, SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
        assert_string_equal(err.place, FILE_PATH);
        assert_string_equal(blamed, FILE_PATH);
        assert_file_is(SEAL_PATH, &text);
    }
    assert_int_equal(count_names(), 1);
    free(text.bytes);
}

static bool stop(void)
{
    return false;
}

static void test_cancelled(void **state)
{
    (void)state;
    const char *blamed;

    seal(key, false);
    blob text = read_blob(SEAL_PATH);
    assert_int_equal(seal_while(NULL, stop, &blamed), SNAPJAR_CANCELLED);
    assert_file_is(SEAL_PATH, &text);
    assert_int_equal(count_names(), 2);
    free(text.bytes);
}

/* ---- signatures taken off ---- */

static void test_unsealed(void **state)
{
    (void)state;
    seal(key, false);
    blob text = read_blob(SEAL_PATH);
    seal(other_key, false);
    struct stat both = look(SEAL_PATH);

    unseal(ID, 0);
    assert_int_equal(look(SEAL_PATH).st_ino, both.st_ino);
    assert_int_equal(chmod(SEAL_PATH, 0640), 0);
    unseal(snapjar_key_id(other_key), 1);
    assert_file_is(SEAL_PATH, &text);
    assert_int_equal(look(SEAL_PATH).st_mode & 07777, 0640);
    assert_int_equal(unlink(FILE_PATH), 0);
    unseal(snapjar_key_id(key), 1);
    assert_int_equal(count_names(), 0);
    write_blob(FILE_PATH, &file);
    seal(key, false);
    seal(other_key, false);
    assert_int_equal(snapjar_unseal_detached_path(context, SEAL_PATH, NULL, SNAPJAR_DURABILITY_NONE, NULL, NULL),
                     SNAPJAR_OK);
    assert_int_equal(count_names(), 1);
    /* A list that nobody signed any more is good for nothing. */
    text.size -= LINE_SIZE;
    write_blob(SEAL_PATH, &text);
    unseal(snapjar_key_id(key), 0);
    assert_int_equal(count_names(), 1);
    free(text.bytes);
}

/* ---- what the system refuses ---- */

/* From now on no file may get longer than this. */
static struct rlimit limit_size(rlim_t size)
{
    struct rlimit old;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(const struct rlimit){size, old.rlim_max}), 0);
    return old;
}

static void test_disk_that_is_full(void **state)
{
    (void)state;
    const size_t times = 20;
    blob large = {must_alloc(times * file.size), 0};
    const char *blamed;

    seal(key, false);
    seal(other_key, false);
    blob text = read_blob(SEAL_PATH);
    for (; large.size < times * file.size; large.size += file.size)
        memcpy(large.bytes + large.size, file.bytes, file.size);
    write_blob("large", &large);
    struct rlimit old = limit_size(100);
    snapjar_status few = seal_as(FILE_PATH, SEAL_PATH, key, NULL, &blamed);
    snapjar_error of_few = err;
    bool is_seal = blamed && !strcmp(blamed, SEAL_PATH);
    /* More than is gathered before it is written. */
    snapjar_status many = seal_as("large", "large.seal", key, NULL, &blamed);
    snapjar_error of_many = err;
    bool is_large_seal = blamed && !strcmp(blamed, "large.seal");
    uint64_t removed;
    snapjar_status off = unseal_with(snapjar_key_id(key), &removed);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_fault(few, &of_few, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_fault(many, &of_many, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_fault(off, &err, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_true(is_seal && is_large_seal);
    assert_int_equal(removed, 0);
    assert_file_is(SEAL_PATH, &text);
    assert_int_equal(count_names(), 3);
    /* Taking the file away needs no room. */
    old = limit_size(0);
    unseal(NULL, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    free(text.bytes);
    free(large.bytes);
}

static snapjar_status unseal_as_other(const char *key_id, mode_t mode, uint64_t *removed)
{
    bool is_root = geteuid() == 0;

    assert_int_equal(chmod(folder, mode), 0);
    if (is_root)
        assert_int_equal(seteuid(NOT_ROOT), 0);
    snapjar_status status = unseal_with(key_id, removed);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(folder, 0700), 0);
    return status;
}

static void test_folder_that_cannot_be_written(void **state)
{
    (void)state;
    uint64_t removed;

    seal(key, false);
    assert_int_equal(chmod(SEAL_PATH, 0644), 0);
    blob text = read_blob(SEAL_PATH);
    assert_int_equal(unseal_as_other(NULL, 0555, &removed), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_WRITE_FAILED);
    assert_int_equal(err.system_errno, EACCES);
    assert_string_equal(err.place, SEAL_PATH);
    assert_int_equal(removed, 0);
    assert_file_is(SEAL_PATH, &text);
    /* One that may be written but not listed cannot be synced, and that is no failure. */
    assert_int_equal(unseal_as_other(NULL, 0333, &removed), SNAPJAR_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(count_names(), 1);
    free(text.bytes);
}

/* ---- without memory ---- */

static snapjar_status seal_and_unseal(snapjar_context *own, void *state, snapjar_error *error)
{
    snapjar_sealer_options options = SNAPJAR_SEALER_OPTIONS_INIT;
    const blob *text = state;
    snapjar_sealer *sealer = NULL;

    write_blob(SEAL_PATH, text);
    options.keys = (const snapjar_key *const *)&other_key;
    options.key_count = 1;
    snapjar_status status = snapjar_sealer_new(&sealer, own, &options, error);
    if (status == SNAPJAR_OK) {
        status =
            snapjar_seal_detached_path(sealer, FILE_PATH, SEAL_PATH, SNAPJAR_DURABILITY_NONE, NULL, NULL, NULL, error);
        if (status != SNAPJAR_OK)
            assert_file_is(SEAL_PATH, text);
    }
    if (status == SNAPJAR_OK) {
        blob both = read_blob(SEAL_PATH);
        status = snapjar_unseal_detached_path(own, SEAL_PATH, snapjar_key_id(other_key), SNAPJAR_DURABILITY_NONE, NULL,
                                              error);
        assert_file_is(SEAL_PATH, status == SNAPJAR_OK ? text : &both);
        free(both.bytes);
    }
    snapjar_sealer_free(sealer);
    assert_int_equal(count_names(), 2);
    return status;
}

static void test_refused_allocations(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);

    assert_true(fail_alloc_run(seal_and_unseal, &text) > 20);
    free(text.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_made),
        TEST(test_renewed),
        TEST(test_is_beside),
        TEST(test_other_records),
        TEST(test_damaged_seal),
        TEST(test_damaged_snapshot),
        TEST(test_arguments),
        TEST(test_seal_that_is_no_file),
        TEST(test_seal_that_is_the_snapshot),
        TEST(test_links_are_followed),
        TEST(test_files_that_are_not_there),
        TEST(test_snapshot_from_a_pipe),
        TEST(test_waits_for_others),
        TEST(test_changed_while_waiting),
        TEST(test_signed_while_waiting),
        TEST(test_holds_the_locks),
        TEST(test_changed_meanwhile),
        TEST(test_cancelled),
        TEST(test_unsealed),
        TEST(test_disk_that_is_full),
        TEST(test_folder_that_cannot_be_written),
        TEST(test_refused_allocations),
    };

    return cmocka_run_group_tests_name("detached path", tests, set_up, tear_down);
}
