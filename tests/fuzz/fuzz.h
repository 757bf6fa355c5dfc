/*
 * What all fuzz targets share: input as a program of small numbers, checks,
 * logs, sources of metadata, and patterns in blocks.
 *
 * A target is a function LLVMFuzzerTestOneInput() of libFuzzer. It must do the
 * same each time it is called with the same input, and leave nothing behind.
 */
#ifndef MEMHEAP_TESTS_FUZZ_FUZZ_H
#define MEMHEAP_TESTS_FUZZ_FUZZ_H

#include "base/util.h"

#include <memheap/component.h>
#include <memheap/log.h>
#include <memheap/memory.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Abort, as libFuzzer expects of a target that found a mistake. */
#define fuzz_require(condition)                                                \
    do {                                                                       \
        if (!(condition))                                                      \
            fuzz_fail(__FILE__, __LINE__, #condition);                         \
    } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/** Print a step of the run, if MEMHEAP_TEST_STEPS is set. */
void fuzz_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The unread part of the input. */
typedef struct fuzz_input {
    const uint8_t *next;
    size_t left;
} fuzz_input_t;

/** Read a number. Past the end, it is 0. */
uint8_t fuzz_byte(fuzz_input_t *input);
uint16_t fuzz_short(fuzz_input_t *input);

/** Read the size of a block: mostly small, at most a few MiB; rarely 0, or more
 *  than any heap has. */
size_t fuzz_size(fuzz_input_t *input);

/** Takes messages and drops them. Aborts at those that tell of a bug. */
extern const memheap_log_t fuzz_log;

/** A source of metadata that counts what is reserved, and makes one request
 *  fail. */
typedef struct fuzz_memory {
    memheap_memory_t memory;
    size_t requests;
    size_t fail_at; /* the request that fails, from 1 on; 0: none */
    size_t bytes;   /* reserved and not released */
} fuzz_memory_t;

void fuzz_memory_init(fuzz_memory_t *memory, size_t fail_at);

/** Whether a request has failed. */
static inline bool fuzz_memory_failed(const fuzz_memory_t *memory)
{
    return memory->fail_at != 0 && memory->requests >= memory->fail_at;
}

/** Write a pattern into a block, or check it up to a size: bytes at regular
 *  distances, and the last one. */
void fuzz_stamp(void *block, size_t size, uint8_t seed);
bool fuzz_is_stamped(const void *block, size_t size, uint8_t seed,
                     size_t checked);

/** Whether all bytes of a block are 0. */
bool fuzz_is_zero(const void *block, size_t size);

/** The built-in components, each with the words of its parameter. */
unsigned fuzz_component_count(void);
/** "MEMHEAP_COMPONENT=NAME", and "NAME=WORD" or NULL. */
const char *fuzz_component(unsigned index);
const char *fuzz_component_setting(unsigned index);

/** Write the input to a memory file. @return its path, valid until the next
 *  call; empty if there is no memory */
const char *fuzz_file(const void *data, size_t size);

#endif
