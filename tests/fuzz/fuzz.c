/*
 * The helpers of fuzz.h.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "base/framework.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
    abort();
}

void fuzz_say(const char *format, ...)
{
    static int says = -1;
    if (says < 0)
        says = getenv("MEMHEAP_TEST_STEPS") != NULL;
    if (says == 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

uint8_t fuzz_byte(fuzz_input_t *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->next++;
}

uint16_t fuzz_short(fuzz_input_t *input)
{
    unsigned low = fuzz_byte(input);
    unsigned high = fuzz_byte(input);
    return (uint16_t)(high << 8 | low);
}

/* The upper four bits choose how far the others are shifted. */
size_t fuzz_size(fuzz_input_t *input)
{
    unsigned code = fuzz_short(input);
    size_t bits = code & 0xFFF;
    unsigned scale = code >> 12;
    if (code >= 0xFFF0)
        return SIZE_MAX - (code - 0xFFF0) * 4096;
    if (scale < 6)
        return bits % 512;
    return scale < 8 ? bits : bits << (scale - 6);
}

static void sink(void *context, memheap_log_level_t level, const char *message)
{
    (void)context;
    (void)level;
    static const char corrupt[] = "MEMHEAP_CHECK: the metadata";
    static const char freed[] = "memheap_free: two threads";
    if (strncmp(message, corrupt, sizeof(corrupt) - 1) != 0 &&
        strncmp(message, freed, sizeof(freed) - 1) != 0)
        return;
    fprintf(stderr, "%s\n", message);
    abort();
}

const memheap_log_t fuzz_log = {sink, NULL, MEMHEAP_LOG_WARNING};

/* The counters are in the source, which users have as const. */
static fuzz_memory_t *memory_of(const memheap_memory_t *self)
{
    return (fuzz_memory_t *)(uintptr_t)self;
}

static bool grants(fuzz_memory_t *memory)
{
    return ++memory->requests != memory->fail_at;
}

static void *memory_reserve(const memheap_memory_t *self, size_t size)
{
    fuzz_memory_t *memory = memory_of(self);
    if (!grants(memory))
        return NULL;
    void *address = memheap_memory_system.reserve(&memheap_memory_system, size);
    if (address != NULL)
        memory->bytes += size;
    return address;
}

static bool memory_commit(const memheap_memory_t *self, void *address,
                          size_t size)
{
    return grants(memory_of(self)) &&
           memheap_memory_system.commit(&memheap_memory_system, address, size);
}

static void memory_release(const memheap_memory_t *self, void *address,
                           size_t size)
{
    memory_of(self)->bytes -= size;
    memheap_memory_system.release(&memheap_memory_system, address, size);
}

void fuzz_memory_init(fuzz_memory_t *memory, size_t fail_at)
{
    *memory = (fuzz_memory_t){
        .memory = {memory_reserve, memory_commit, memory_release},
        .fail_at = fail_at};
}

/* The distance of the bytes that have the pattern. */
static size_t stride(size_t size)
{
    return 1 + size / 512;
}

static uint8_t pattern(size_t i, uint8_t seed)
{
    return (uint8_t)(i * 167 + i / 256 + seed);
}

void fuzz_stamp(void *block, size_t size, uint8_t seed)
{
    uint8_t *bytes = block;
    for (size_t i = 0; i < size; i += stride(size))
        bytes[i] = pattern(i, seed);
    bytes[size - 1] = pattern(size - 1, seed);
}

bool fuzz_is_stamped(const void *block, size_t size, uint8_t seed,
                     size_t checked)
{
    const uint8_t *bytes = block;
    for (size_t i = 0; i < checked; i += stride(size)) {
        if (bytes[i] != pattern(i, seed))
            return false;
    }
    return checked < size || bytes[size - 1] == pattern(size - 1, seed);
}

bool fuzz_is_zero(const void *block, size_t size)
{
    const uint8_t *bytes = block;
    return size == 0 ||
           (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static struct {
    unsigned count;
    struct {
        char name[64];
        char setting[64];
    } one[2 * MEMHEAP_COMPONENT_MAX];
} components;

static void add_component(const char *name, const char *param, const char *word)
{
    snprintf(components.one[components.count].name,
             sizeof(components.one[0].name), "MEMHEAP_COMPONENT=%s", name);
    if (word != NULL)
        snprintf(components.one[components.count].setting,
                 sizeof(components.one[0].setting), "MEMHEAP_%s_%s=%s", name,
                 param, word);
    components.count++;
}

static void add_with_words(const memheap_component_t *component)
{
    const char *const *words = NULL;
    const char *name = NULL;
    for (size_t i = 0; i < component->param_count && words == NULL; i++) {
        name = component->params[i].name;
        words = component->params[i].words;
    }
    if (words == NULL)
        add_component(component->name, NULL, NULL);
    for (; words != NULL && *words != NULL; words++)
        add_component(component->name, name, *words);
}

/* The framework stays open, so that heaps need not read the environment. */
static void find_components(void)
{
    static memheap_framework_t framework;
    static const memheap_framework_config_t config;
    if (components.count > 0)
        return;
    if (memheap_framework_open(&framework, &config) != MEMHEAP_OK)
        abort();
    for (size_t i = 0; i < memheap_framework_count(&framework); i++)
        add_with_words(memheap_framework_component(&framework, i));
}

unsigned fuzz_component_count(void)
{
    find_components();
    return components.count;
}

const char *fuzz_component(unsigned index)
{
    find_components();
    return components.one[index].name;
}

const char *fuzz_component_setting(unsigned index)
{
    find_components();
    const char *setting = components.one[index].setting;
    return setting[0] == '\0' ? NULL : setting;
}

const char *fuzz_file(const void *data, size_t size)
{
    static char path[32];
    static int file = -1;
    if (file < 0)
        file = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    bool good = file >= 0 && ftruncate(file, 0) == 0 &&
                pwrite(file, data, size, 0) == (ssize_t)size;
    return good ? path : "";
}
