/*
 * The page of fork_guard.h. There is one, which is never released.
 */
#include "config.h"

#include "base/fork_guard.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static int unknown;
static volatile int *page = &unknown;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_page(void)
{
    long size = sysconf(_SC_PAGESIZE);
    void *made = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        return;
    if (madvise(made, (size_t)size, MADV_WIPEONFORK) == 0)
        page = made;
    else
        munmap(made, (size_t)size);
}

memheap_fork_guard_t memheap_fork_guard_get(void)
{
    pthread_once(&once, make_page);
    if (page != &unknown && *page == 0)
        *page = (int)getpid();
    return (memheap_fork_guard_t){page, *page};
}
