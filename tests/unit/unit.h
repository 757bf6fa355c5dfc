/*
 * What all unit tests share.
 *
 * A test program makes a case, adds its tests and runs it:
 *
 *     int main(void)
 *     {
 *         TCase *tests = unit_case();
 *         tcase_add_test(tests, free_of_null_is_ignored);
 *         return unit_run("heap", tests);
 *     }
 *
 * Before each test, everything that steers memheap is taken out of the
 * environment, so tests see the same under any user and with CK_FORK=no.
 */
#ifndef MEMHEAP_TESTS_UNIT_UNIT_H
#define MEMHEAP_TESTS_UNIT_UNIT_H

#include "base/framework.h"
#include "base/util.h"
#include "memheap/heap.h"

#include <check.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

/* Check writes the place of each assertion that holds to a file, in case that
 * the test crashes. Tests with millions of assertions would take a minute. */
#define _mark_point(file, line) ((void)0)

#define KIB MEMHEAP_KIB
#define MIB MEMHEAP_MIB
#define GIB MEMHEAP_GIB
#define TIB ((size_t)1 << 40)

/** Whether ThreadSanitizer has functions in place of libc's. */
#ifdef __SANITIZE_THREAD__
#define UNIT_TSAN 1
#elif defined(__has_feature)
#define UNIT_TSAN __has_feature(thread_sanitizer)
#else
#define UNIT_TSAN 0
#endif

TCase *unit_case(void);
/** Run the tests of a program. @return its exit status */
int unit_run(const char *name, TCase *tests);

#define ck_assert_ok(call) ck_assert_int_eq((call), MEMHEAP_OK)

/** A log that keeps all messages, one a line. */
typedef struct unit_log {
    memheap_log_t log;
    unsigned count;
    size_t used;
    char text[16384];
} unit_log_t;

/** An empty log of errors and warnings. */
void unit_log_init(unit_log_t *log);
void unit_log_clear(unit_log_t *log);

/** The messages so far contain a text. */
#define ck_assert_logged(unit_log, part)                                       \
    ck_assert_msg(strstr((unit_log)->text, (part)) != NULL,                    \
                  "no \"%s\" in \"%s\"", (part), (unit_log)->text)

/** A source of metadata that counts requests, and makes a chosen one fail. */
typedef struct unit_memory {
    memheap_memory_t memory;
    size_t requests; /* reserve() and commit() so far */
    size_t fail_at;  /* the request that fails, from 1 on; 0: none */
    size_t pieces;   /* reserved and not released */
    size_t bytes;
    size_t committed; /* bytes, of all pieces so far */
} unit_memory_t;

void unit_memory_init(unit_memory_t *memory);

/** The built-in components. A component with a parameter that is one of several
 * words, such as a strategy, appears once for each word. */
unsigned unit_component_count(void);
const char *unit_component_name(int index);
/** "NAME=VALUE" that chooses the word, or NULL. */
const char *unit_component_setting(int index);

/** A bare module, and the framework that made it. */
typedef struct unit_module {
    memheap_framework_t framework;
    memheap_module_t *module;
    const memheap_module_ops_t *ops;
    char component[64];
    const char *setting; /* unit_component_setting(), or "" */
    const char *arguments[3];
} unit_module_t;

/** In place of an index: the component of guarded heaps. */
#define UNIT_GUARD (-1)

/** Create a module of a component, or fail the test. memory is the source of
 * metadata; NULL: the system. */
void unit_module_open(unit_module_t *unit, int component, size_t size,
                      size_t max_size, const memheap_memory_t *memory);
/** Close it. If it is the last one that is open, and something stays mapped
 * that was not before, the test fails. */
void unit_module_close(unit_module_t *unit);

/** A heap with its log and range. */
typedef struct unit_heap {
    memheap_t *heap;
    unit_log_t log;
    char *base;
    void *range; /* of the test, or NULL */
    size_t range_size;
    char component[64];
    const char *params[4];
} unit_heap_t;

/** Kinds of heaps: each component over memory of the heap's own (even
 *  indexes), and over a range of the test's at an odd multiple of 4096. */
int unit_heap_kinds(void);

/** Create a heap of a kind, of size bytes; over a range, it may grow to
 *  max_size. param is one more parameter or NULL. Fails the test if that
 *  fails. */
void unit_heap_open(unit_heap_t *unit, int kind, size_t size, size_t max_size,
                    const char *param);
/** Close it. If it is the last one that is open, and something stays mapped
 * that was not before, the test fails. */
void unit_heap_close(unit_heap_t *unit);

/** A digest of all blocks that memheap_walk() visits. */
uint64_t unit_heap_digest(memheap_t *heap);

/** Have the kernel answer a system call, or an advice of madvise(), with an
 *  error, in this process from now on. @return false if seccomp is not
 *  available */
bool unit_refuse_call(unsigned call, int error);
bool unit_refuse_advice(int advice, int error);

/** Whether the process cannot reserve a tebibyte, or not without memory: it
 * runs under memcheck. */
bool unit_lacks_addresses(void);

/** Whether qemu runs the process: limits of memory, filters of system calls,
 * and advice about fork() have no effect. */
bool unit_is_emulated(void);

/** Whether the test contains the library, instead of loading it: nothing tells
 * the library's functions from those of the program then. */
bool unit_contains_library(void);

/** Resident memory of this process in KiB. */
long unit_resident_kib(void);

/** Bytes in blocks of malloc(). 0: libc does not tell. */
size_t unit_malloced(void);

/** The number of open descriptors below 256. */
int unit_open_files(void);

/** Set a soft limit of this process. @return the old limit */
rlim_t unit_limit(__rlimit_resource_t resource, rlim_t value);

/** Leave the process this number of bytes of address space to map. */
void unit_limit_memory(size_t bytes);

/** The next random number; seed is the state. */
uint64_t unit_random(uint64_t *seed);
size_t unit_random_below(uint64_t *seed, size_t end);
/** MEMHEAP_TEST_SEED, or a different number in each run. */
uint64_t unit_seed(void);

enum {
    UNIT_PATH = 64
};

/** Write a text to a new file in the current folder. */
void unit_file_new(char path[UNIT_PATH], const char *text);
/** Create a folder in the current folder. */
void unit_folder_new(char path[UNIT_PATH]);
/** Write a program NAME into a folder, which must not run: it runs `command`.
 *  Makes PATH find it first. */
void unit_program_new(const char *folder, const char *name,
                      const char *command);
/** Remove a folder with the files in it. */
void unit_folder_delete(const char *path);

#endif
