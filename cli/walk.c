/* SPDX-License-Identifier: MIT
 *
 * Walking directories.
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* A descriptor is held open for each level. */
#define DEPTH_MAX 200
#define BLOCK_SIZE ((size_t)32 << 10)

struct entry {
    const char *name;
    unsigned char type;
};

struct entries {
    struct entry *items;
    size_t count;
    struct walk_block *names;
};

/* Names and paths are many and small, and all go at the same time. */
struct walk_block {
    struct walk_block *next;
    size_t used;
    char bytes[BLOCK_SIZE];
};

static char *block_get(struct walk_block **blocks, size_t size)
{
    if (!*blocks || (*blocks)->used + size > BLOCK_SIZE) {
        size_t extra = size > BLOCK_SIZE ? size - BLOCK_SIZE : 0;
        struct walk_block *block = memory_resize(NULL, sizeof(*block) + extra);
        block->next = *blocks;
        block->used = 0;
        *blocks = block;
    }
    char *made = (*blocks)->bytes + (*blocks)->used;
    (*blocks)->used += size;
    return made;
}

static void blocks_free(struct walk_block *blocks)
{
    while (blocks) {
        struct walk_block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

static struct walk_item *add_item(struct walk *walk, const char *folder, const char *name, enum walk_kind kind)
{
    if (!(walk->count & (walk->count - 1)))
        walk->items = memory_resize(walk->items, (walk->count ? walk->count * 2 : 1) * sizeof(*walk->items));
    struct walk_item *item = &walk->items[walk->count++];
    *item = (struct walk_item){NULL, kind, 0};
    size_t folder_size = folder ? strlen(folder) : 0;
    size_t name_size = strlen(name);
    bool needs_slash = folder_size && folder[folder_size - 1] != '/';
    item->path = block_get(&walk->paths, folder_size + needs_slash + name_size + 1);
    if (folder_size)
        memcpy(item->path, folder, folder_size);
    if (needs_slash)
        item->path[folder_size] = '/';
    memcpy(item->path + folder_size + needs_slash, name, name_size + 1);
    return item;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t name_size = strlen(name);
    size_t size = strlen(suffix);
    return name_size > size && !memcmp(name + name_size - size, suffix, size);
}

/* ".NAME.snapjar-XXXXXX", "NAME.torn-OFFSET" and "NAME.torn-OFFSET-NUMBER" */
static bool is_leftover(const char *name)
{
    static const char digits[] = "0123456789";
    const char *torn = strstr(name, ".torn-");
    const char *temporary = strstr(name, ".snapjar-");

    if (torn) {
        const char *end = torn + 6 + strspn(torn + 6, digits);
        if (end > torn + 6 && *end == '-' && end[1])
            end += 1 + strspn(end + 1, digits);
        if (end > torn + 6 && !*end)
            return true;
    }
    return name[0] == '.' && temporary && strlen(temporary) == strlen(".snapjar-XXXXXX") && !strchr(temporary + 1, '.');
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Takes `fd`. Returns 0 or errno. */
static int read_folder(struct entries *entries, int fd)
{
    DIR *folder = fdopendir(fd);
    int reason = 0;

    if (!folder) {
        reason = errno;
        close(fd);
        return reason;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            reason = errno;
            break;
        }
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (!(entries->count & (entries->count - 1)))
            entries->items =
                memory_resize(entries->items, (entries->count ? entries->count * 2 : 1) * sizeof(*entries->items));
        size_t name_size = strlen(entry->d_name) + 1;
        const char *name = memcpy(block_get(&entries->names, name_size), entry->d_name, name_size);
        entries->items[entries->count++] = (struct entry){name, entry->d_type};
    }
    closedir(folder);
    if (entries->count)
        qsort(entries->items, entries->count, sizeof(*entries->items), compare_entries);
    return reason;
}

/* The type behind the name: a link to a file is a file, a link to a directory is none that is walked. */
static unsigned char type_of(int folder_fd, const struct entry *entry)
{
    struct stat info;

    if (entry->type != DT_UNKNOWN && entry->type != DT_LNK)
        return entry->type;
    if (entry->type == DT_UNKNOWN) {
        if (fstatat(folder_fd, entry->name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            return DT_UNKNOWN;
        if (!S_ISLNK(info.st_mode))
            return (unsigned char)IFTODT(info.st_mode);
    }
    if (fstatat(folder_fd, entry->name, &info, 0) != 0 || S_ISDIR(info.st_mode))
        return DT_LNK;
    return (unsigned char)IFTODT(info.st_mode);
}

static void walk_folder(struct walk *walk, int parent_fd, const char *name, const char *path, unsigned depth);

static void walk_entry(struct walk *walk, int folder_fd, const char *path, const struct entry *entry, unsigned depth)
{
    unsigned char type = type_of(folder_fd, entry);

    if (type == DT_DIR) {
        struct walk_item *item = add_item(walk, path, entry->name, WALK_FAILED);
        const char *child = item->path;
        walk->count--; /* only its path was wanted */
        walk_folder(walk, folder_fd, entry->name, child, depth + 1);
    } else if (type != DT_REG) {
        walk->special_count++;
    } else if (is_leftover(entry->name)) {
        add_item(walk, path, entry->name, WALK_LEFTOVER);
    } else {
        add_item(walk, path, entry->name, ends_with(entry->name, ".snapjar") ? WALK_FOUND : WALK_OTHER);
    }
}

static void walk_folder(struct walk *walk, int parent_fd, const char *name, const char *path, unsigned depth)
{
    struct entries entries = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0);
    int fd = depth < DEPTH_MAX ? openat(parent_fd, name, flags) : -1;
    int list_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    int reason = list_fd >= 0 ? 0 : depth < DEPTH_MAX ? errno : ELOOP;

    if (list_fd >= 0)
        reason = read_folder(&entries, list_fd);
    if (reason)
        add_item(walk, NULL, path, WALK_FAILED)->reason = reason;
    for (size_t i = 0; i < entries.count; i++)
        walk_entry(walk, fd, path, &entries.items[i], depth);
    blocks_free(entries.names);
    free(entries.items);
    if (fd >= 0)
        close(fd);
}

void walk_paths(struct walk *walk, const struct string_list *paths)
{
    *walk = (struct walk){0};
    for (size_t i = 0; i < paths->count; i++) {
        const char *path = paths->items[i];
        struct stat info;
        if (strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            walk_folder(walk, AT_FDCWD, path, path, 0);
        else
            add_item(walk, NULL, path, WALK_NAMED);
    }
}

void walk_free(struct walk *walk)
{
    blocks_free(walk->paths);
    free(walk->items);
    *walk = (struct walk){0};
}
