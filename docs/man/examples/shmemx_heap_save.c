/* A counter that goes on where the last run of the program ended. */
#include <fcntl.h>
#include <shmem.h>
#include <shmemx.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char name[64];
    void *root = NULL;
    shmem_init();
    snprintf(name, sizeof(name), "/tmp/counter.%d", shmem_my_pe());
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    if (lseek(fd, 0, SEEK_END) == 0)
        root = shmem_calloc(1, sizeof(long));
    else if (lseek(fd, 0, SEEK_SET) != 0 || shmemx_heap_load(fd, &root) != 0)
        shmem_global_exit(1);
    long *count = root;
    ++*count;
    lseek(fd, 0, SEEK_SET);
    int status = shmemx_heap_save(count, fd);
    if (shmem_my_pe() == 0)
        printf("run %ld of this program\n", *count);
    shmem_finalize();
    return status;
}
