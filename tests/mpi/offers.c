/*
 * Prints what a PE offers to other processes since MPI_Init(): ports, and SysV
 * segments; for strangers.sh.
 */
#include "tests/mpi/tap.h"

#include <sys/socket.h>

enum {
    FIRST_FDS = 256 /* descriptors that are looked at */
};

static int listeners(void)
{
    int count = 0;
    for (int fd = 0; fd < FIRST_FDS; fd++) {
        int listens = 0;
        int domain = AF_UNIX;
        socklen_t size = sizeof(int);
        count +=
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
            getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
            listens && domain != AF_UNIX;
    }
    return count;
}

static int segments(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
        count += strstr(line, "/SYSV") != NULL;
    if (maps != NULL)
        fclose(maps);
    return count;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    /* MPI opens what it uses itself at the first message. */
    int all;
    int mine = 1;
    MPI_Comm node;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                        &node);
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Comm_free(&node);
    int before[2] = {listeners(), segments()};
    shmem_init();
    int *block = shmem_calloc(1, sizeof(*block));
    int next = (shmem_my_pe() + 1) % shmem_n_pes();
    shmem_int_p(block, 1, next);
    shmem_barrier_all();
    int more[2] = {listeners() - before[0], segments() - before[1]};
    int most[2];
    MPI_Allreduce(more, most, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (shmem_my_pe() == 0)
        printf("%d ports, %d segments\n", most[0], most[1]);
    bool good = *block == 1;
    shmem_finalize();
    MPI_Finalize();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
