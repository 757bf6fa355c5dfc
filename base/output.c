/*
 * Opening files for output (output.h).
 *
 * The folder is opened first, so the file is looked for in the folder that was
 * examined.
 */
#define _GNU_SOURCE /* O_PATH */
#include "config.h"

#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Open the folder of a path, and find the name in it. */
static int open_folder(const char *path, const char **name_p)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    *name_p = slash == NULL ? path : slash + 1;
    int length = slash == NULL ? 0 : (int)(slash + 1 - path);
    snprintf(folder, sizeof(folder), "%.*s", length, path);
    return open(length == 0 ? "." : folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Whether users other than this one and root may put files into a folder. */
static bool is_shared(int folder)
{
    struct stat info;
    return fstat(folder, &info) != 0 ||
           (info.st_uid != geteuid() && info.st_uid != 0) ||
           (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* Whether a file of a shared folder is this user's, and nothing else. */
static bool is_own(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_uid == geteuid() && info.st_nlink == 1;
}

static int open_file(int folder, const char *name, int flags,
                     const char **problem_p)
{
    const mode_t mode = 0666;
    flags |= O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(folder, name, flags | O_CREAT | O_EXCL, mode);
    if (fd >= 0 || errno != EEXIST)
        return fd;
    if (!is_shared(folder))
        return openat(folder, name, flags | O_CREAT, mode);
    fd = openat(folder, name, flags | O_NOFOLLOW);
    if ((fd < 0 && errno != ELOOP) || (fd >= 0 && is_own(fd)))
        return fd;
    *problem_p = "it is a link, or not a regular file of this user, in a "
                 "folder that others may write to";
    if (fd >= 0)
        close(fd);
    return -1;
}

int memheap_output_open(const char *path, int flags, const char **problem_p)
{
    const char *name;
    int folder = open_folder(path, &name);
    *problem_p = NULL;
    int fd = folder < 0 ? -1 : open_file(folder, name, flags, problem_p);
    if (fd < 0 && *problem_p == NULL)
        *problem_p = errno == ENXIO ? "it is a pipe that no process reads"
                                    : strerror(errno);
    if (folder >= 0)
        close(folder);
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}
