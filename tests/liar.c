/*
 * A process whose stats page claims a list of a million blocks that is not
 * there, for map.sh. Prints "ready", and ends with its standard input.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "config.h"

#include "memheap/debug/stats_page.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    static const memheap_stats_t stats = {.size = 4096};
    const memheap_stats_page_t content = {.magic = MEMHEAP_STATS_MAGIC,
                                          .version = MEMHEAP_STATS_VERSION,
                                          .size = sizeof(content),
                                          .pid = getpid(),
                                          .heap_fd = -1,
                                          .name = "liar",
                                          .component = "none",
                                          .pe = -1,
                                          .pes = -1,
                                          .list_stats = stats,
                                          .list_blocks = 1 << 20};
    int fd = memfd_create(MEMHEAP_STATS_FILE, MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)1 << 32) != 0)
        return EXIT_FAILURE;
    memheap_stats_page_t *page =
        mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return EXIT_FAILURE;
    *page = content;
    puts("ready");
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 1) == 0) {
        /* Serve each request. */
        uint64_t requested =
            __atomic_load_n(&page->list_requested, __ATOMIC_RELAXED);
        __atomic_store_n(&page->list_published, requested, __ATOMIC_RELEASE);
    }
    return EXIT_SUCCESS;
}
