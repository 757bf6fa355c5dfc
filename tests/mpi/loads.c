/*
 * A program and the library that it loads: what happens to the program's
 * variables. Each mode is a test; the exit status is 0 if it passes.
 *
 * With -DHOST, it is not linked with the library, and loads PLUGIN, which is
 * plugin.c.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HOST
#include <shmem.h>
#endif

enum {
    BALLAST = 64 << 20 /* a move takes so long that a thread loses writes */
};

static char ballast[BALLAST];
/* Counted by a thread. Initialized, so that it lies before the ballast. */
static _Atomic long count = 1;
static long counted;
static atomic_bool stop;
static long variable = 1;

static void *count_up(void *unused)
{
    long writes = 1;
    (void)unused;
    while (!atomic_load(&stop)) {
        atomic_fetch_add(&count, 1);
        writes++;
    }
    counted = writes;
    return NULL;
}

static pthread_t start_thread(void)
{
    pthread_t thread;
    memset(ballast, 1, sizeof(ballast));
    if (pthread_create(&thread, NULL, count_up, NULL) != 0)
        exit(2);
    while (atomic_load(&count) < 1000)
        continue;
    return thread;
}

/* Whether all writes of the thread were kept. */
static bool end_thread(pthread_t thread)
{
    long now = atomic_load(&count);
    while (atomic_load(&count) < now + 1000)
        continue;
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    return atomic_load(&count) == counted;
}

/* Whether a child has a variable as it was at the fork, and the parent keeps
 * it as it is. */
static bool is_forked_well(void)
{
    for (long i = 10; i < 30; i++) {
        int status = -1;
        variable = i;
        pid_t child = fork();
        if (child == 0) {
            bool kept = variable == i;
            variable = -2;
            _exit(kept ? 0 : 1);
        }
        variable = -1;
        waitpid(child, &status, 0);
        if (status != 0 || variable != -1)
            return false;
    }
    return true;
}

#ifdef HOST
static int run(const char *mode, const char *plugin)
{
    bool with_thread = strcmp(mode, "plain") != 0;
    pthread_t thread = with_thread ? start_thread() : pthread_self();
    if (strcmp(mode, "put") == 0)
        variable = 0;
    void *handle = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        printf("%s\n", dlerror());
        return 2;
    }
    int (*use)(long *variable);
    void *symbol = dlsym(handle, "use");
    memcpy(&use, &symbol, sizeof(use));
    int status = use(&variable);
    if (dlclose(handle) != 0)
        return 2;
    return with_thread && !end_thread(thread) ? 1 : status;
}
#else
static void close_file_of_library(void)
{
    for (int fd = 3; fd < 200; fd++) {
        char path[40];
        char file[40] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, file, sizeof(file) - 1) > 0 &&
            strstr(file, "memheap-data") != NULL)
            close(fd);
    }
}

static pthread_t exit_thread;

/* Runs after the library has ended. */
static void check_at_exit(void)
{
    if (!end_thread(exit_thread))
        _exit(1);
}

static int run(const char *mode, const char *unused)
{
    (void)unused;
    if (strcmp(mode, "uncalled") == 0) {
        pthread_t thread = start_thread();
        bool forked = is_forked_well();
        return end_thread(thread) && forked ? 0 : 1;
    }
    if (strcmp(mode, "closed") == 0) {
        const char *launcher = getenv("PMI_FD"); /* MPICH's connection */
        for (int fd = 3; fd < 200; fd++) {
            if (launcher == NULL || fd != atoi(launcher))
                close(fd);
        }
        shmem_init();
        int me = shmem_my_pe();
        int n = shmem_n_pes();
        shmem_long_p(&variable, 100 + me, (me + 1) % n);
        shmem_barrier_all();
        return variable == 100 + (me + n - 1) % n && is_forked_well() ? 0 : 1;
    }
    if (strcmp(mode, "closed-late") == 0) {
        shmem_init(); /* MPI starts threads */
        shmem_finalize();
        close_file_of_library();
        shmem_init();
        shmem_long_p(&variable, 100, 0);
        return 0;
    }
    if (strcmp(mode, "limit") == 0) {
        struct rlimit limit;
        int status = 0;
        getrlimit(RLIMIT_AS, &limit);
        struct rlimit none = {1, limit.rlim_max};
        setrlimit(RLIMIT_AS, &none);
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        pid_t spawned = vfork(); /* needs no copy */
        if (spawned == 0)
            _exit(7);
        setrlimit(RLIMIT_AS, &limit);
        waitpid(child, &status, 0);
        bool refused = status != 0;
        waitpid(spawned, &status, 0);
        return refused && WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : 1;
    }
    if (strcmp(mode, "child") == 0) { /* the child is the PE */
        int status = -1;
        pid_t child = fork();
        if (child > 0) {
            waitpid(child, &status, 0);
            return status == 0 ? 0 : 1;
        }
        shmem_init();
        bool symmetric = shmem_addr_accessible(&variable, 0) == 1;
        shmem_finalize();
        return symmetric ? 0 : 1;
    }
    if (strcmp(mode, "exit") == 0) {
        atexit(check_at_exit);
        shmem_init();
        exit_thread = start_thread();
        exit(0);
    }
    pthread_t thread = start_thread();
    int level;
    shmem_init_thread(SHMEM_THREAD_MULTIPLE, &level);
    long now = atomic_load(&count);
    while (atomic_load(&count) < now + 1000)
        continue;
    shmem_finalize();
    return end_thread(thread) ? 0 : 1;
}
#endif

int main(int argc, char **argv)
{
    return run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
}
