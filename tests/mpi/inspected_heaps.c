/*
 * Heaps with known blocks, to be inspected by tools; for top.sh and map.sh.
 *
 *     shown FILE [still | own | strange | tags | crash]
 *
 * In the symmetric heap, 20 blocks of 1000 bytes are live, and 10 of 50000
 * bytes with holes between them. PE 0 then prints "ready". Every PE allocates
 * and frees until FILE exists; with "still", it only waits. With "own", each PE
 * also has a heap "mine" of three blocks; with "strange", its name has an
 * escape sequence. With "tags", 10 more blocks have a tag each.
 */
#include <shmem.h>
#include <shmemx.h>

#include <memheap/memheap.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fill(void)
{
    void *gaps[10];
    shmemx_set_tag("small");
    for (int i = 0; i < 20; i++)
        shmem_malloc(1000);
    shmemx_set_tag("large");
    for (int i = 0; i < 10; i++) {
        shmem_malloc(50000);
        gaps[i] = shmem_malloc(30000);
    }
    shmemx_set_tag(NULL);
    for (int i = 0; i < 9; i++)
        shmem_free(gaps[i]);
    shmem_free(gaps[9]);
}

static memheap_t *own_heap(const char *name)
{
    memheap_t *heap;
    void *block;
    memheap_config_t config = {.name = name, .size = 1 << 20};
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        exit(EXIT_FAILURE);
    for (int i = 0; i < 3; i++) {
        if (memheap_alloc(heap, 5000, &block) != MEMHEAP_OK)
            exit(EXIT_FAILURE);
        memset(block, 1, 5000);
    }
    return heap;
}

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[2] : "";
    memheap_t *heap = NULL;
    shmem_init();
    fill();
    if (strcmp(how, "own") == 0)
        heap = own_heap("mine");
    if (strcmp(how, "strange") == 0)
        heap = own_heap("a\033[2Jb");
    for (int i = 0; i < 10 && strcmp(how, "tags") == 0; i++) {
        char tag[] = {(char)('a' + i), '\0'};
        shmemx_set_tag(tag);
        shmem_malloc(100);
    }
    shmemx_set_tag(NULL);
    if (strcmp(how, "crash") == 0)
        raise(SIGKILL);
    shmem_barrier_all();
    if (shmem_my_pe() == 0) {
        puts("ready");
        fflush(stdout);
    }
    int *over = shmem_calloc(1, sizeof(*over));
    while (*over == 0) {
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
        if (strcmp(how, "still") != 0)
            shmem_free(shmem_malloc(64));
        void *block;
        if (heap != NULL && memheap_alloc(heap, 64, &block) == MEMHEAP_OK)
            memheap_free(heap, block);
        int ended = access(argv[1], F_OK) == 0;
        if (shmem_my_pe() == 0)
            *over = ended;
        shmem_broadcastmem(SHMEM_TEAM_WORLD, over, over, sizeof(*over), 0);
    }
    memheap_destroy(heap);
    shmem_finalize();
    return EXIT_SUCCESS;
}
