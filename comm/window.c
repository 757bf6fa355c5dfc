/*
 * Maps the memory files of the node's PEs.
 *
 * The windows lie in one reservation at equal distances, so the window of a PE
 * is found by a multiplication:
 *
 *     base         base + stride       base + 2 * stride
 *     +------------+-------------------+----------------+
 *     | PE 0       | PE 1              | PE 2           |
 *     +------------+-------------------+----------------+
 *
 * Address and position in the file are equal modulo the size of a huge page:
 * the kernel can use one for both.
 */
#include "config.h"

#include "comm/window.h"
#include "base/sysinfo.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Identifies the memory file of a PE for other processes. */
typedef struct file_id {
    pid_t pid;
    int fd;
    off_t position; /* where the window starts in it */
    /* Device and inode confirm the file: in another container, the same pid may
     * be another process. */
    dev_t device;
    ino_t inode;
} file_id_t;
_Static_assert(sizeof(file_id_t) <= MEMHEAP_JOB_GATHER_MAX,
               "the PEs of a node gather these");

memheap_status_t memheap_memory_file_create(const char *name,
                                            const char *folder, size_t size,
                                            int *fd_p, const memheap_log_t *log)
{
    struct rlimit limit;
    /* Past this limit, ftruncate() would raise a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the limit on file sizes (ulimit -f) is below the "
                          "%zu bytes of a memory file; raise it",
                          size);
        return MEMHEAP_ERR_SYSTEM;
    }
    int fd = folder == NULL
                 ? memfd_create(name, MFD_CLOEXEC)
                 : open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        ftruncate(fd, (off_t)size) != 0) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "cannot create a memory file%s%s (%s)",
                          folder == NULL ? "" : " in ",
                          folder == NULL ? "" : folder, strerror(errno));
        if (fd >= 0)
            close(fd);
        return MEMHEAP_ERR_SYSTEM;
    }
    *fd_p = fd;
    return MEMHEAP_OK;
}

/* Map a PE's file at [address, address + size), or anywhere if address is NULL.
 * A PE without a file has logged why. */
static memheap_status_t map_file(const file_id_t *file_id, void *address,
                                 size_t size, const memheap_log_t *log,
                                 void **mapped_p)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)file_id->pid,
             file_id->fd);
    if (file_id->fd < 0)
        return MEMHEAP_ERR_SYSTEM;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = MAP_FAILED;
    struct stat file;
    if (fd >= 0)
        errno = ESRCH; /* if it is another file: of another process */
    if (fd >= 0 && fstat(fd, &file) == 0 && file.st_dev == file_id->device &&
        file.st_ino == file_id->inode)
        mapped =
            mmap(address, size, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_NORESERVE | (address == NULL ? 0 : MAP_FIXED),
                 fd, file_id->position);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (mapped == MAP_FAILED) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "cannot map the memory of process %ld through %s "
                          "(%s); all PEs of a node must belong to one user and "
                          "see each other in /proc",
                          (long)file_id->pid, path, strerror(error));
        return MEMHEAP_ERR_SYSTEM;
    }
    *mapped_p = mapped;
    return MEMHEAP_OK;
}

static file_id_t file_id_of(int fd, size_t position)
{
    file_id_t file_id = {
        .pid = getpid(), .fd = fd, .position = (off_t)position};
    struct stat file;
    if (fd >= 0 && fstat(fd, &file) == 0) {
        file_id.device = file.st_dev;
        file_id.inode = file.st_ino;
    }
    return file_id;
}

/* Reserve address space, aligned to the lowest set bit of the windows' size but
 * at most to 1 GiB: huge pages of a file can then be huge pages of its window.
 */
static void *reserve_aligned(size_t size, size_t align)
{
    align = memheap_min(align, MEMHEAP_GIB);
    if (size > SIZE_MAX - align)
        return MAP_FAILED;
    char *start = mmap(NULL, size + align, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return MAP_FAILED;
    size_t lead = memheap_align_up((size_t)start, align) - (size_t)start;
    if (lead > 0)
        munmap(start, lead);
    if (lead < align)
        munmap(start + lead + size, align - lead);
    return start + lead;
}

memheap_status_t memheap_windows_open(memheap_windows_t *windows,
                                      const memheap_job_t *job, int fd,
                                      size_t position, size_t size,
                                      const memheap_log_t *log)
{
    int count = job->node_size;
    size_t huge = memheap_sysinfo_transparent_huge_size();
    size_t stride = size < huge ? size : memheap_align_up(size, huge);
    size_t lead = position % huge;
    size_t total;
    char *base = MAP_FAILED;
    errno = ENOMEM;
    if (!__builtin_mul_overflow(stride, (size_t)count, &total) &&
        !__builtin_add_overflow(total, lead, &total))
        base = reserve_aligned(total, stride & (~stride + 1));
    memheap_status_t status = MEMHEAP_OK;
    if (base == MAP_FAILED) {
        char text[MEMHEAP_SIZE_TEXT];
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no address space for %d windows of %s (%s); try a "
                          "smaller SHMEM_SYMMETRIC_SIZE",
                          count, memheap_format_size(text, size),
                          strerror(errno));
        status = MEMHEAP_ERR_SYSTEM;
    }
    const file_id_t mine = file_id_of(fd, position);
    const file_id_t *ids = memheap_job_node_gather(job, &mine, sizeof(mine));
    for (int i = 0; i < count; i++) {
        void *mapped;
        if (status == MEMHEAP_OK)
            status = map_file(&ids[i], base + lead + (size_t)i * stride, size,
                              log, &mapped);
    }
    if (status == MEMHEAP_OK)
        *windows = (memheap_windows_t){base + lead, stride, count, lead};
    else if (base != MAP_FAILED)
        munmap(base, total);
    return status;
}

void memheap_windows_close(memheap_windows_t *windows)
{
    if (windows->base != NULL)
        munmap(windows->base - windows->lead,
               windows->lead + windows->stride * (size_t)windows->count);
    *windows = (memheap_windows_t){0};
}

memheap_status_t memheap_window_open_first(const memheap_job_t *job, int fd,
                                           size_t size,
                                           const memheap_log_t *log,
                                           void **address_p)
{
    file_id_t file_id = file_id_of(fd, 0);
    memheap_job_node_broadcast(job, 0, &file_id, sizeof(file_id));
    return map_file(&file_id, NULL, size, log, address_p);
}
