/*
 * The system refuses memory files to one PE, or to all. This program's
 * memfd_create() and fchmod() come before those of libc.
 *
 *   refused CALL PE [NAME]   CALL fails on that PE (-1: on all), for memory
 *                            files of this name (default: all)
 */
#define _GNU_SOURCE /* memfd_create() */
#include "tests/mpi/tap.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *refused = "", *name = "memheap";

static int refuse(const char *call)
{
    if (strcmp(call, refused) != 0)
        return 0;
    errno = EPERM;
    return -1;
}

int memfd_create(const char *file, unsigned flags)
{
    if (strncmp(file, name, strlen(name)) == 0 && refuse("memfd_create") != 0)
        return -1;
    return (int)syscall(SYS_memfd_create, file, flags);
}

int fchmod(int fd, mode_t mode)
{
    return refuse("fchmod") != 0 ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int main(int argc, char **argv)
{
    int pe;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &pe);
    if (argc > 2 && (atoi(argv[2]) < 0 || atoi(argv[2]) == pe))
        refused = argv[1];
    if (argc > 3)
        name = argv[3];
    shmem_init();
    printf("started\n");
    shmem_finalize();
    MPI_Finalize();
    return 0;
}
