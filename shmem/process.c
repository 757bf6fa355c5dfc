/*
 * What happens to this process outside of calls.
 *
 * When the library is loaded, it moves the program's variables into a memory
 * file, where they stay until the process ends. A library that is loaded with
 * the program does so before any code of the program runs, and so before a
 * thread of the program can write to a variable. A library that is loaded by
 * dlopen() moves them only if there are no other threads.
 *
 * A forked child gets the variables and the registered memory as they are at
 * the fork. Handlers of pthread_atfork() run in the reverse order of
 * registration before the fork, and in the order of registration after it. Ours
 * are registered at the load, before those of the program. So the parent copies
 * the variables after the program's last handler, and the child uses the copy
 * before its first handler. (After dlopen() there may be older handlers, which
 * run outside of that.)
 *
 * The child of a PE is not a PE. Its state looks like that of a process that
 * has not called shmem_init(), so that the checks of all calls find it.
 */
#include "config.h"

#include "shmem/process.h"
#include "shmem/runtime.h"
#include "shmem/user_memory.h"
#include "base/sysinfo.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pshmem.h>

/* From before the fork until after it, on the thread that forks. The model
 * saves a call of malloc(), whose locks a handler before ours may have taken.
 */
static _Thread_local void *fork_copy __attribute__((tls_model("initial-exec")));

static void before_fork(void)
{
    fork_copy = memheap_moved_pages_copy(&memheap_runtime.data_pages);
    memheap_user_memory_before_fork();
}

static void after_fork(void)
{
    memheap_user_memory_after_fork();
    memheap_moved_pages_drop_copy(&memheap_runtime.data_pages, fork_copy);
}

static void in_child(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    if (!memheap_user_memory_in_child() || fork_copy == MAP_FAILED) {
        memheap_runtime_error("a forked child has no memory for the program's "
                              "variables and its registered memory; start "
                              "processes by posix_spawn(), "
                              "or raise the limit (ulimit -v)");
        _exit(EXIT_FAILURE);
    }
    if (fork_copy != NULL)
        memheap_moved_pages_use_copy(&rt->data_pages, fork_copy);
    if (rt->depth == 0)
        return;
    rt->depth = 0;
    rt->job.size = 0;
    rt->job.wait.progress = memheap_refuse_to_wait;
    rt->transport = NULL;
    rt->heap_segment.accessible = 0;
    rt->data_segment.accessible = 0;
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        if (rt->segments[id] != NULL)
            rt->segments[id]->accessible = 0;
    }
    pthread_mutex_init(&rt->lists_lock, NULL);
}

/* Whether the library was loaded together with the program. The symbols of one
 * that dlopen() loads are not visible to the program while it is loaded. */
static bool is_loaded_with_program(void)
{
    void *program = dlopen(NULL, RTLD_LAZY);
    bool found = program != NULL && dlsym(program, "pshmem_init") != NULL;
    if (program != NULL)
        dlclose(program);
    dlerror(); /* the program must not find an error of ours */
    return found;
}

memheap_status_t memheap_move_data(void)
{
    memheap_moved_pages_t *data = &memheap_runtime.data_pages;
    if (memheap_runtime.fork_error != 0) {
        memheap_log_write(&memheap_runtime.log, MEMHEAP_LOG_ERROR,
                          "cannot register fork handlers (%s)",
                          strerror(memheap_runtime.fork_error));
        return MEMHEAP_ERR_SYSTEM;
    }
    if (data->count == 0 || memheap_moved_pages_is_moved(data) ||
        memheap_sysinfo_threads() > 1)
        return MEMHEAP_OK;
    return memheap_moved_pages_move(data, &memheap_runtime.log);
}

/* A failure is not reported: the program may never call this library. If it
 * does, shmem_init() tries again. */
__attribute__((constructor)) static void on_load(void)
{
    memheap_moved_pages_t *data = &memheap_runtime.data_pages;
    memheap_runtime.fork_error =
        pthread_atfork(before_fork, after_fork, in_child);
    if (memheap_runtime.fork_error != 0)
        return;
    memheap_data_segment_find(data);
    if (data->count > 0 &&
        (is_loaded_with_program() || memheap_sysinfo_threads() == 1))
        memheap_moved_pages_move(data, &memheap_runtime.log);
}
