/* SPDX-License-Identifier: MIT
 *
 * Reading headers with few system calls.
 */
#include "head_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"
#include "text.h"

#define HEAD_MAX (16u << 10)

snapjar_status head_read(int fd, char *to, size_t size, uint64_t offset, size_t *got, snapjar_error *err)
{
    *got = 0;
    while (*got < size) {
        ssize_t done = pread(fd, to + *got, size - *got, (off_t)(offset + *got));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            report_make_errno(err, SNAPJAR_DIAG_READ_FAILED, "cannot read");
            return err->status;
        }
        if (done == 0)
            break;
        *got += (size_t)done;
    }
    return SNAPJAR_OK;
}

static snapjar_status read_at(void *state, void *buffer, size_t size, uint64_t offset, size_t *got, snapjar_error *err)
{
    struct head_source *head = state;
    uint64_t end = offset + size;

    *got = 0;
    if (end > HEAD_MAX || offset > head->filled)
        return head_read(head->fd, buffer, size, offset, got, err);
    if (end > head->filled) {
        size_t more;
        snapjar_status status =
            head_read(head->fd, head->bytes + head->filled, (size_t)end - head->filled, head->filled, &more, err);
        if (status != SNAPJAR_OK)
            return status;
        head->filled += more;
    }
    if (offset < head->filled) {
        *got = end < head->filled ? size : head->filled - (size_t)offset;
        memcpy(buffer, head->bytes + offset, *got);
    }
    return SNAPJAR_OK;
}

static snapjar_status get_size(void *state, uint64_t *size, snapjar_error *err)
{
    (void)err;
    *size = ((struct head_source *)state)->file_size;
    return SNAPJAR_OK;
}

snapjar_status head_source_open(struct head_source *head, snapjar_source **source, snapjar_context *context, int fd,
                                snapjar_error *err)
{
    static const snapjar_source_functions functions = {sizeof(snapjar_source_functions), read_at, get_size, NULL};
    struct stat info;

    *source = NULL;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return SNAPJAR_OK;
    if (!head->bytes)
        head->bytes = memory_get(HEAD_MAX);
    head->fd = fd;
    head->file_size = (uint64_t)info.st_size;
    head->filled = 0;
    return snapjar_source_from_functions(source, context, &functions, head, err);
}

void head_source_clear(struct head_source *head)
{
    free(head->bytes);
    head->bytes = NULL;
}
