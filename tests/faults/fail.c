/*
 * Makes chosen calls of memheap fail: an object for LD_PRELOAD.
 *
 * It defines the functions of libc, MPI and UCX that memheap calls and that can
 * fail. A call counts if code of memheap's own libraries and tools makes it;
 * all others go straight to the real function.
 *
 *     MEMHEAP_TEST_FAIL=mmap:3      the third counted call of mmap() fails,
 * with the first error of the table below MEMHEAP_TEST_FAIL=read:1:4    the
 * first call of read() fails with error 4 MEMHEAP_TEST_FAIL_PE=1        in PE 1
 * only MEMHEAP_TEST_FAIL_LOG=FILE    each counted call appends "mmap 12 0" to
 *                                   FILE, its name and errors; if a call is
 *                                   chosen, it alone appends "failed" and the
 *                                   text of its error. Of several PEs, the
 *                                   first counts
 *
 * All arguments are passed on as words, in registers and on the stack. So one
 * definition serves functions of any type that take and return integers and
 * pointers, also those with a variable number of arguments.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    WORDS = 10,         /* arguments, at most */
    ERRORS = 2,         /* that a function is tried with */
    PAGE_SHIFT = 12,    /* of the cache below */
    CACHED_PAGES = 4096 /* a power of two */
};

/* How a call fails: it returns this, and sets errno if that is how the function
 * reports errors. */
typedef enum failure {
    MINUS_ONE,   /* -1, and errno */
    NOTHING,     /* 0, and errno */
    DONE,        /* the call is made, and -1 and errno are returned */
    ERROR,       /* the error is returned */
    MINUS_ERROR, /* the negative error is returned */
} failure_t;

/* Errors of MPI, UCX and liblzma. */
enum {
    OTHER = 16,        /* MPI_ERR_OTHER of Open MPI */
    UCX_NO_MEMORY = 4, /* -UCS_ERR_NO_MEMORY */
    LZMA_NO_MEMORY = 5,
    LZMA_BAD_DATA = 9
};

/* The functions, how they fail, and with which errors. */
#define FUNCTIONS(X)                                                           \
    X(__register_atfork, ERROR, ENOMEM, 0)                                     \
    X(accept4, MINUS_ONE, EMFILE, 0)                                           \
    X(access, MINUS_ONE, EACCES, 0)                                            \
    X(asprintf, MINUS_ONE, ENOMEM, 0)                                          \
    X(backtrace, NOTHING, 0, 0)                                                \
    X(bind, MINUS_ONE, EADDRINUSE, 0)                                          \
    X(calloc, NOTHING, ENOMEM, 0)                                              \
    X(clock_nanosleep, ERROR, EINTR, 0)                                        \
    X(close, DONE, EIO, 0)                                                     \
    X(connect, MINUS_ONE, ENETUNREACH, 0)                                      \
    X(dladdr, NOTHING, 0, 0)                                                   \
    X(dladdr1, NOTHING, 0, 0)                                                  \
    X(dlopen, NOTHING, ENOMEM, 0)                                              \
    X(dup2, MINUS_ONE, EMFILE, 0)                                              \
    X(fallocate, MINUS_ONE, ENOSPC, 0)                                         \
    X(fchmod, MINUS_ONE, EPERM, 0)                                             \
    X(fclose, DONE, ENOSPC, 0)                                                 \
    X(fcntl, MINUS_ONE, EINVAL, 0)                                             \
    X(fdopen, NOTHING, ENOMEM, 0)                                              \
    X(fflush, DONE, ENOSPC, 0)                                                 \
    X(fgets, NOTHING, EIO, 0)                                                  \
    X(flock, MINUS_ONE, EWOULDBLOCK, ENOLCK)                                   \
    X(fopen, NOTHING, EMFILE, 0)                                               \
    X(fseeko, MINUS_ONE, ESPIPE, 0)                                            \
    X(fstat, MINUS_ONE, EOVERFLOW, 0)                                          \
    X(fstatat, MINUS_ONE, EACCES, 0)                                           \
    X(ftruncate, MINUS_ONE, ENOSPC, 0)                                         \
    X(gethostname, MINUS_ONE, ENAMETOOLONG, 0)                                 \
    X(getifaddrs, MINUS_ONE, EMFILE, 0)                                        \
    X(getrandom, MINUS_ONE, ENOSYS, EINTR)                                     \
    X(getrlimit, MINUS_ONE, EPERM, 0)                                          \
    X(getrusage, MINUS_ONE, EPERM, 0)                                          \
    X(getsockname, MINUS_ONE, ENOBUFS, 0)                                      \
    X(getsockopt, MINUS_ONE, ENOBUFS, 0)                                       \
    X(ioctl, MINUS_ONE, ENOTTY, 0)                                             \
    X(isatty, NOTHING, ENOTTY, 0)                                              \
    X(listen, MINUS_ONE, EADDRINUSE, 0)                                        \
    X(localtime_r, NOTHING, EOVERFLOW, 0)                                      \
    X(lseek, MINUS_ONE, EINVAL, 0)                                             \
    X(lzma_code, ERROR, LZMA_NO_MEMORY, LZMA_BAD_DATA)                         \
    X(lzma_stream_decoder, ERROR, LZMA_NO_MEMORY, 0)                           \
    X(madvise, MINUS_ONE, EINVAL, ENOMEM)                                      \
    X(malloc, NOTHING, ENOMEM, 0)                                              \
    X(memfd_create, MINUS_ONE, EMFILE, 0)                                      \
    X(mincore, MINUS_ONE, ENOMEM, 0)                                           \
    X(mmap, MINUS_ONE, ENOMEM, 0)                                              \
    X(mprotect, MINUS_ONE, ENOMEM, 0)                                          \
    X(munmap, MINUS_ONE, ENOMEM, 0)                                            \
    X(nanosleep, MINUS_ONE, EINTR, 0)                                          \
    X(on_exit, ERROR, ENOMEM, 0)                                               \
    X(open, MINUS_ONE, EMFILE, 0)                                              \
    X(openat, MINUS_ONE, EMFILE, 0)                                            \
    X(opendir, NOTHING, EMFILE, 0)                                             \
    X(pipe, MINUS_ONE, EMFILE, 0)                                              \
    X(pipe2, MINUS_ONE, EMFILE, 0)                                             \
    X(poll, MINUS_ONE, EINTR, 0)                                               \
    X(posix_fallocate, ERROR, ENOSPC, EINTR)                                   \
    X(posix_spawn, ERROR, EAGAIN, 0)                                           \
    X(posix_spawn_file_actions_addclose, ERROR, ENOMEM, 0)                     \
    X(posix_spawn_file_actions_adddup2, ERROR, ENOMEM, 0)                      \
    X(posix_spawn_file_actions_addopen, ERROR, ENOMEM, 0)                      \
    X(posix_spawn_file_actions_init, ERROR, ENOMEM, 0)                         \
    X(ppoll, MINUS_ONE, EINTR, 0)                                              \
    X(prctl, MINUS_ONE, EINVAL, 0)                                             \
    X(pread, MINUS_ONE, EIO, 0)                                                \
    X(pthread_create, ERROR, EAGAIN, 0)                                        \
    X(pthread_key_create, ERROR, EAGAIN, 0)                                    \
    X(pthread_setspecific, ERROR, ENOMEM, 0)                                   \
    X(pwrite, MINUS_ONE, ENOSPC, 0)                                            \
    X(read, MINUS_ONE, EIO, EINTR)                                             \
    X(readdir, NOTHING, EBADF, 0)                                              \
    X(readlink, MINUS_ONE, EACCES, 0)                                          \
    X(readlinkat, MINUS_ONE, EACCES, 0)                                        \
    X(realloc, NOTHING, ENOMEM, 0)                                             \
    X(reallocarray, NOTHING, ENOMEM, 0)                                        \
    X(recv, MINUS_ONE, ECONNRESET, 0)                                          \
    X(scandir, MINUS_ONE, ENOMEM, 0)                                           \
    X(send, MINUS_ONE, ECONNRESET, 0)                                          \
    X(setenv, MINUS_ONE, ENOMEM, 0)                                            \
    X(setsockopt, MINUS_ONE, ENOMEM, 0)                                        \
    X(sigqueue, MINUS_ONE, EAGAIN, 0)                                          \
    X(socket, MINUS_ONE, EMFILE, 0)                                            \
    X(stat, MINUS_ONE, EACCES, 0)                                              \
    X(strdup, NOTHING, ENOMEM, 0)                                              \
    X(strndup, NOTHING, ENOMEM, 0)                                             \
    X(syscall, MINUS_ONE, ENOSYS, ENOMEM)                                      \
    X(tcgetattr, MINUS_ONE, ENOTTY, 0)                                         \
    X(tcsetattr, MINUS_ONE, EINTR, 0)                                          \
    X(waitpid, DONE, ECHILD, EINTR)                                            \
    X(write, MINUS_ONE, EIO, EINTR)                                            \
    X(PMPI_Allgather, ERROR, OTHER, 0)                                         \
    X(PMPI_Allreduce, ERROR, OTHER, 0)                                         \
    X(PMPI_Bcast, ERROR, OTHER, 0)                                             \
    X(PMPI_Comm_dup, ERROR, OTHER, 0)                                          \
    X(PMPI_Comm_free, ERROR, OTHER, 0)                                         \
    X(PMPI_Comm_rank, ERROR, OTHER, 0)                                         \
    X(PMPI_Comm_size, ERROR, OTHER, 0)                                         \
    X(PMPI_Comm_split, ERROR, OTHER, 0)                                        \
    X(PMPI_Comm_split_type, ERROR, OTHER, 0)                                   \
    X(PMPI_Comm_test_inter, ERROR, OTHER, 0)                                   \
    X(PMPI_Finalize, ERROR, OTHER, 0)                                          \
    X(PMPI_Gather, ERROR, OTHER, 0)                                            \
    X(PMPI_Iallgather, ERROR, OTHER, 0)                                        \
    X(PMPI_Iallgatherv, ERROR, OTHER, 0)                                       \
    X(PMPI_Iallreduce, ERROR, OTHER, 0)                                        \
    X(PMPI_Ibarrier, ERROR, OTHER, 0)                                          \
    X(PMPI_Ibcast, ERROR, OTHER, 0)                                            \
    X(PMPI_Init_thread, ERROR, OTHER, 0)                                       \
    X(PMPI_Irecv, ERROR, OTHER, 0)                                             \
    X(PMPI_Isend, ERROR, OTHER, 0)                                             \
    X(PMPI_Test, ERROR, OTHER, 0)                                              \
    X(ucp_am_send_nbx, MINUS_ERROR, UCX_NO_MEMORY, 0)                          \
    X(ucp_config_modify, MINUS_ERROR, UCX_NO_MEMORY, 0)                        \
    X(ucp_config_read, MINUS_ERROR, UCX_NO_MEMORY, 0)                          \
    X(ucp_ep_close_nbx, MINUS_ERROR, UCX_NO_MEMORY, 0)                         \
    X(ucp_ep_create, MINUS_ERROR, UCX_NO_MEMORY, 0)                            \
    X(ucp_ep_flush_nbx, MINUS_ERROR, UCX_NO_MEMORY, 0)                         \
    X(ucp_ep_rkey_unpack, MINUS_ERROR, UCX_NO_MEMORY, 0)                       \
    X(ucp_get_nbx, MINUS_ERROR, UCX_NO_MEMORY, 0)                              \
    X(ucp_init_version, MINUS_ERROR, UCX_NO_MEMORY, 0)                         \
    X(ucp_mem_map, MINUS_ERROR, UCX_NO_MEMORY, 0)                              \
    X(ucp_mem_unmap, MINUS_ERROR, UCX_NO_MEMORY, 0)                            \
    X(ucp_put_nbx, MINUS_ERROR, UCX_NO_MEMORY, 0)                              \
    X(ucp_rkey_pack, MINUS_ERROR, UCX_NO_MEMORY, 0)                            \
    X(ucp_worker_arm, MINUS_ERROR, UCX_NO_MEMORY, 0)                           \
    X(ucp_worker_create, MINUS_ERROR, UCX_NO_MEMORY, 0)                        \
    X(ucp_worker_fence, MINUS_ERROR, UCX_NO_MEMORY, 0)                         \
    X(ucp_worker_flush_nbx, MINUS_ERROR, UCX_NO_MEMORY, 0)                     \
    X(ucp_worker_get_address, MINUS_ERROR, UCX_NO_MEMORY, 0)                   \
    X(ucp_worker_get_efd, MINUS_ERROR, UCX_NO_MEMORY, 0)                       \
    X(ucp_worker_set_am_recv_handler, MINUS_ERROR, UCX_NO_MEMORY, 0)           \
    X(ucp_worker_signal, MINUS_ERROR, UCX_NO_MEMORY, 0)

/* Words in and out. The number of words of a call is not known, so all are
 * passed on. */
typedef long function_t(long, long, long, long, long, long, long, long, long,
                        long);

typedef struct point {
    const char *name;
    failure_t failure;
    int error[ERRORS];
    _Atomic(function_t *) real;
    atomic_uint calls; /* that counted */
} point_t;

/* The call that is to fail. number 0: none. */
static const char *chosen = "";
static size_t chosen_length;
static unsigned chosen_number;
static int chosen_error;
static const char *log_file;
static const char *prefix; /* of files; NULL: those of memheap */
static bool is_active;

static void append(const char *text)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log_file,
                          O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    syscall(SYS_write, fd, text, strlen(text));
    syscall(SYS_close, fd);
}

/* Find a function behind this object, and store its address, as POSIX says for
 * dlsym(). dlsym() itself is not replaced. */
static void find(void *pointer_p, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(pointer_p, &symbol, sizeof(symbol));
}

/* Whether code at an address belongs to memheap. Answers are cached by page. */
static bool is_memheap(const void *address)
{
    static _Atomic uintptr_t cache[CACHED_PAGES];
    uintptr_t page = (uintptr_t)address >> PAGE_SHIFT;
    _Atomic uintptr_t *entry = &cache[page % CACHED_PAGES];
    uintptr_t known = *entry;
    if (known >> 1 == page)
        return known & 1;
    static int (*real_dladdr)(const void *address, Dl_info *info);
    if (real_dladdr == NULL)
        find(&real_dladdr, "dladdr");
    Dl_info info;
    bool is = false;
    if (real_dladdr(address, &info) != 0 && info.dli_fname != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        const char *name = slash == NULL ? info.dli_fname : slash + 1;
        is = prefix != NULL ? strncmp(name, prefix, strlen(prefix)) == 0
                            : strncmp(name, "libmemheap", 10) == 0 ||
                                  strncmp(name, "memheap-", 8) == 0;
    }
    *entry = page << 1 | is;
    return is;
}

__attribute__((constructor)) static void start(void)
{
    static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                                        "PMI_RANK"};
    const char *pe = getenv("MEMHEAP_TEST_FAIL_PE");
    const char *rank = NULL;
    for (size_t i = 0; i < 3 && rank == NULL; i++)
        rank = getenv(ranks[i]);
    log_file = getenv("MEMHEAP_TEST_FAIL_LOG");
    prefix = getenv("MEMHEAP_TEST_FAIL_IN");
    const char *text = getenv("MEMHEAP_TEST_FAIL");
    if (pe != NULL && rank != NULL && strcmp(pe, rank) != 0)
        text = log_file = NULL;
    if (text != NULL) {
        char *end;
        chosen = text;
        chosen_length = strcspn(text, ":");
        text += chosen_length + (text[chosen_length] == ':');
        chosen_number = (unsigned)strtoul(text, &end, 10); /* "none": 0 */
        chosen_error = *end == ':' ? atoi(end + 1) : 0;
    }
    if (chosen_number == 0 && pe == NULL && rank != NULL &&
        strcmp(rank, "0") != 0)
        log_file = NULL;
    is_active = true;
    strerror(EIO); /* glibc 2.41 allocates memory at the first call */
}

static int error_of(const point_t *point)
{
    return chosen_error == 0 ? point->error[0] : chosen_error;
}

/* Count a call. @return whether it is to fail */
static bool is_to_fail(point_t *point)
{
    unsigned number = ++point->calls;
    bool fails = number == chosen_number &&
                 strncmp(point->name, chosen, chosen_length) == 0 &&
                 point->name[chosen_length] == '\0';
    if (log_file != NULL && (fails || chosen_number == 0)) {
        char line[80];
        if (fails)
            snprintf(line, sizeof(line), "failed %s\n",
                     strerror(error_of(point)));
        else
            snprintf(line, sizeof(line), "%s %d %d\n", point->name,
                     point->error[0], point->error[1]);
        append(line);
    }
    return fails;
}

static function_t *real_of(point_t *point)
{
    function_t *real = point->real;
    if (real == NULL) {
        find(&real, point->name);
        point->real = real;
    }
    return real;
}

#define PARAMETERS                                                             \
    long a, long b, long c, long d, long e, long f, long g, long h, long i,    \
        long j
#define ARGUMENTS a, b, c, d, e, f, g, h, i, j

static long call(point_t *point, const void *from, PARAMETERS)
{
    int before = errno;
    if (!is_active)
        start();
    bool fails = is_memheap(from) && is_to_fail(point);
    errno = before;
    if (!fails)
        return real_of(point)(ARGUMENTS);
    int error = error_of(point);
    if (point->failure == DONE)
        real_of(point)(ARGUMENTS);
    if (point->failure == ERROR)
        return error;
    if (point->failure == MINUS_ERROR)
        return -error;
    errno = error;
    return point->failure == NOTHING ? 0 : -1;
}

/* The functions have names of their own here, since a compiler knows the types
 * of some. */
#define DEFINE(function, failure_kind, first, other)                           \
    long fail_##function(PARAMETERS) __asm__(#function);                       \
    long fail_##function(PARAMETERS)                                           \
    {                                                                          \
        static point_t point = {.name = #function,                             \
                                .failure = failure_kind,                       \
                                .error = {first, other}};                      \
        return call(&point, __builtin_return_address(0), ARGUMENTS);           \
    }
FUNCTIONS(DEFINE)
