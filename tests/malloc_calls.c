/*
 * Calls malloc and the like, and checks what a program relies on. Run with
 * bench/preload.c, which replaces them all. Prints each check that fails.
 */
#define _GNU_SOURCE /* pvalloc() */

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;
static atomic_bool ends;
/* So that the compiler does not know what a call returns. */
static void *volatile block;
static volatile size_t huge = SIZE_MAX - 4;

#define CHECK(condition) check(condition, #condition)

static void check(bool holds, const char *text)
{
    failures += !holds;
    if (!holds)
        printf("does not hold: %s\n", text);
}

static bool is_at(const void *address, size_t align)
{
    return address != NULL && (uintptr_t)address % align == 0;
}

static bool is_filled(const char *bytes, size_t size, char value)
{
    size_t i = 0;
    while (i < size && bytes[i] == value)
        i++;
    return i == size;
}

static void check_sizes(void)
{
    void *empty = malloc(0);
    block = malloc(0);
    CHECK(block != NULL && block != empty);
    free(empty);
    CHECK(malloc_usable_size(NULL) == 0);
    block = realloc(block, 100);
    CHECK(is_at(block, 16) && malloc_usable_size(block) >= 100);
    memset(block, 7, 100);
    block = realloc(block, 100000);
    CHECK(is_filled(block, 100, 7));
    block = realloc(block, 10);
    CHECK(is_filled(block, 10, 7));
    CHECK(realloc(block, 0) == NULL);
    free(NULL);
    block = malloc(1000);
    memset(block, 7, 1000);
    free(block);
    block = calloc(10, 100);
    CHECK(is_filled(block, 1000, 0));
    free(block);
}

static void check_aligned(void)
{
    void *got = NULL;
    CHECK(posix_memalign(&got, 8, 10) == 0 && is_at(got, 16));
    free(got);
    CHECK(posix_memalign(&got, 4096, 10) == 0 && is_at(got, 4096));
    free(got);
    CHECK(posix_memalign(&got, 3, 10) == EINVAL);
    CHECK(posix_memalign(&got, 64, huge) == ENOMEM);
    free(block = aligned_alloc(1 << 20, 1 << 20));
    CHECK(is_at(block, 1 << 20));
    free(block = memalign(64, 10));
    CHECK(is_at(block, 64));
    free(block = valloc(10));
    CHECK(is_at(block, 4096));
    block = pvalloc(4097);
    CHECK(is_at(block, 4096) && malloc_usable_size(block) >= 8192);
    free(block);
}

static void check_failures(void)
{
    errno = 0;
    CHECK(malloc(huge) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(huge, 2) == NULL && errno == ENOMEM);
    errno = 0;
    block = malloc(10);
    CHECK(realloc(block, huge) == NULL && errno == ENOMEM);
    free(block);
    errno = 0;
    CHECK(pvalloc(huge) == NULL && errno == ENOMEM);
}

static void *allocate_until_end(void *context)
{
    while (!atomic_load(&ends))
        free(malloc(40));
    return context;
}

/* A child that waits for a lock is ended by its alarm. */
static void check_fork(void)
{
    pthread_t thread[2];
    int status = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, allocate_until_end, NULL);
    for (int i = 0; i < 200 && status == 0; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            for (int n = 0; n < 100; n++)
                free(malloc(40 + (size_t)n));
            _exit(0);
        }
        waitpid(child, &status, 0);
    }
    CHECK(status == 0);
    atomic_store(&ends, true);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
}

int main(void)
{
    check_sizes();
    check_aligned();
    check_failures();
    check_fork();
    return failures > 0;
}
