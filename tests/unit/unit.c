/*
 * The helpers of unit.h. Those that make things for a test fail it if they
 * cannot.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "config.h"

#include "base/fork_guard.h"
#include "memheap/debug/access.h"
#include "memheap/debug/guard_pages.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* For mkstemp() and mkdtemp(), in the build folder. */
static const char temporary[] = "./unit-XXXXXX";

enum {
    /* For a machine under load and a sanitized build; no test waits for it. */
    TIMEOUT_S = 300
};

/* Bytes that the program and the library have mapped and not unmapped: ranges,
 * metadata, files. What libc maps for itself is not counted. */
static _Atomic long long mapped;
static long long mapped_before; /* the test */
static int files_before;

/* For functions that call one of libc, which has no types for control-flow
 * integrity. */
#ifdef __clang__
#define CALLS_LIBC __attribute__((no_sanitize("cfi")))
#else
#define CALLS_LIBC
#endif

#if !UNIT_TSAN /* which has functions of its own in this place */
/* A call that unlocks what it has not locked would be noticed by chance only.
 * This takes the place of libc's function for the library too. */
CALLS_LIBC int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static int (*unlock)(pthread_mutex_t * mutex);
    if (unlock == NULL)
        unlock = (int (*)(pthread_mutex_t *))(uintptr_t)dlsym(
            RTLD_NEXT, "pthread_mutex_unlock");
    if (pthread_mutex_trylock(mutex) == 0) {
        fputs("a mutex is unlocked that was not locked\n", stderr);
        abort();
    }
    return unlock(mutex);
}

CALLS_LIBC void *mmap(void *address, size_t size, int protection, int flags,
                      int fd, off_t offset)
{
    static void *(*map)(void *, size_t, int, int, int, off_t);
    if (map == NULL)
        map = (void *(*)(void *, size_t, int, int, int, off_t))(uintptr_t)dlsym(
            RTLD_NEXT, "mmap");
    void *made = map(address, size, protection, flags, fd, offset);
    int error = errno;
    if (made != MAP_FAILED && (flags & MAP_FIXED) == 0)
        mapped += (long long)memheap_page_round(size);
    /* A kernel may unmap what was there, and fail then. */
    if (made == MAP_FAILED && (flags & MAP_FIXED) != 0 &&
        msync(address, 1, MS_ASYNC) != 0)
        mapped -= (long long)memheap_page_round(size);
    errno = error;
    return made;
}

CALLS_LIBC int munmap(void *address, size_t size)
{
    static int (*unmap)(void *, size_t);
    if (unmap == NULL)
        unmap = (int (*)(void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "munmap");
    int status = unmap(address, size);
    if (status == 0)
        mapped -= (long long)memheap_page_round(size);
    return status;
}
#endif

/* Whether an environment variable affects memheap. */
static bool steers(const char *line)
{
    return (strncasecmp(line, "MEMHEAP_", 8) == 0 &&
            strncmp(line, "MEMHEAP_TEST_SEED=", 18) != 0) ||
           strncmp(line, "OMPI_MCA_memheap", 16) == 0;
}

static void clear_environment(void)
{
    char name[256];
    for (char **line = environ; line != NULL && *line != NULL;) {
        if (!steers(*line)) {
            line++;
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*line, "="), *line);
        unsetenv(name);
        line = environ;
    }
    /* Where a checker runs, heaps are to be what they are elsewhere; the tests
     * of checkers say so. */
    setenv("MEMHEAP_CHECKERS", "0", 1);
}

static void begin_test(void)
{
    clear_environment();
    memheap_fork_guard_get(); /* a page that stays */
    mapped_before = mapped;
    files_before = unit_open_files();
}

/* After a test, no more is mapped, and no more files are open, than before. */
static void end_test(void)
{
    ck_assert_int_le(mapped, mapped_before);
    ck_assert_int_le(unit_open_files(), files_before);
}

TCase *unit_case(void)
{
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, begin_test, end_test);
    tcase_set_timeout(tests, TIMEOUT_S);
    return tests;
}

int unit_run(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void log_sink(void *context, memheap_log_level_t level,
                     const char *message)
{
    (void)level;
    unit_log_t *log = context;
    size_t room = sizeof(log->text) - log->used;
    int size = snprintf(log->text + log->used, room, "%s\n", message);
    log->used += memheap_min((size_t)size, room - 1);
    log->count++;
}

void unit_log_clear(unit_log_t *log)
{
    log->count = 0;
    log->used = 0;
    log->text[0] = '\0';
}

void unit_log_init(unit_log_t *log)
{
    log->log = (memheap_log_t){log_sink, log, MEMHEAP_LOG_WARNING};
    unit_log_clear(log);
}

/* The counters are in the source, which users have as const. */
static unit_memory_t *memory_of(const memheap_memory_t *self)
{
    return (unit_memory_t *)(uintptr_t)self;
}

static bool grants(unit_memory_t *memory)
{
    return ++memory->requests != memory->fail_at;
}

static void *memory_reserve(const memheap_memory_t *self, size_t size)
{
    unit_memory_t *memory = memory_of(self);
    if (!grants(memory))
        return NULL;
    void *address = memheap_memory_system.reserve(&memheap_memory_system, size);
    if (address != NULL) {
        memory->pieces++;
        memory->bytes += size;
    }
    return address;
}

static bool memory_commit(const memheap_memory_t *self, void *address,
                          size_t size)
{
    unit_memory_t *memory = memory_of(self);
    bool done = grants(memory) && memheap_memory_system.commit(
                                      &memheap_memory_system, address, size);
    memory->committed += done ? size : 0;
    return done;
}

static void memory_release(const memheap_memory_t *self, void *address,
                           size_t size)
{
    unit_memory_t *memory = memory_of(self);
    memory->pieces--;
    memory->bytes -= size;
    memheap_memory_system.release(&memheap_memory_system, address, size);
}

void unit_memory_init(unit_memory_t *memory)
{
    *memory = (unit_memory_t){
        .memory = {memory_reserve, memory_commit, memory_release}};
}

/* The components of unit.h, and their number. */
typedef struct components {
    unsigned count;
    struct {
        char name[48];
        char setting[64];
    } one[2 * MEMHEAP_COMPONENT_MAX];
} components_t;

static void add_component(components_t *known, const char *name,
                          const char *param, const char *word)
{
    char *setting = known->one[known->count].setting;
    snprintf(known->one[known->count++].name, sizeof(known->one[0].name), "%s",
             name);
    if (word != NULL)
        snprintf(setting, sizeof(known->one[0].setting), "MEMHEAP_%s_%s=%s",
                 name, param, word);
}

static void add_with_words(components_t *known, const memheap_component_t *c)
{
    const memheap_param_def_t *def = c->params;
    const memheap_param_def_t *end = def + c->param_count;
    while (def < end && def->words == NULL)
        def++;
    if (def == end)
        add_component(known, c->name, NULL, NULL);
    for (size_t i = 0; def < end && def->words[i] != NULL; i++)
        add_component(known, c->name, def->name, def->words[i]);
}

static const components_t *components(void)
{
    static components_t known;
    if (known.count > 0)
        return &known;
    clear_environment();
    memheap_framework_t framework;
    memheap_framework_config_t config = {.log = NULL};
    if (memheap_framework_open(&framework, &config) != MEMHEAP_OK)
        abort();
    for (size_t i = 0; i < memheap_framework_count(&framework); i++) {
        if (framework.usable[i])
            add_with_words(&known, memheap_framework_component(&framework, i));
    }
    memheap_framework_close(&framework);
    return &known;
}

unsigned unit_component_count(void)
{
    return components()->count;
}

const char *unit_component_name(int index)
{
    return components()->one[index].name;
}

const char *unit_component_setting(int index)
{
    const char *setting = components()->one[index].setting;
    return setting[0] == '\0' ? NULL : setting;
}

void unit_module_open(unit_module_t *unit, int component, size_t size,
                      size_t max_size, const memheap_memory_t *memory)
{
    bool guarded = component == UNIT_GUARD;
    snprintf(unit->component, sizeof(unit->component), "%s%s",
             guarded ? "MEMHEAP_GUARD=1" : "MEMHEAP_COMPONENT=",
             guarded ? "" : unit_component_name(component));
    const char *setting = guarded ? NULL : unit_component_setting(component);
    unit->setting = setting == NULL ? "" : setting;
    unit->arguments[0] = unit->component;
    unit->arguments[1] = setting;
    unit->arguments[2] = NULL;
    memheap_framework_config_t open = {.arguments = unit->arguments};
    memheap_module_config_t config = {
        .size = size,
        .max_size = memheap_max(size, max_size),
        .memory = memory == NULL ? &memheap_memory_system : memory};
    ck_assert_ok(memheap_framework_open(&unit->framework, &open));
    if (guarded)
        ck_assert_ok(memheap_framework_use(&unit->framework,
                                           &memheap_guard_component, &config,
                                           &unit->module));
    else
        ck_assert_ok(
            memheap_framework_select(&unit->framework, &config, &unit->module));
    unit->ops = unit->module->ops;
}

void unit_module_close(unit_module_t *unit)
{
    unit->ops->destroy(unit->module);
    memheap_framework_close(&unit->framework);
}

int unit_heap_kinds(void)
{
    return 2 * (int)unit_component_count();
}

void unit_heap_open(unit_heap_t *unit, int kind, size_t size, size_t max_size,
                    const char *param)
{
    memset(unit, 0, sizeof(*unit));
    unit_log_init(&unit->log);
    const char *name = unit_component_name(kind / 2);
    snprintf(unit->component, sizeof(unit->component), "MEMHEAP_COMPONENT=%s",
             name);
    const char *setting = unit_component_setting(kind / 2);
    unit->params[0] = unit->component;
    unit->params[1] = setting == NULL ? param : setting;
    unit->params[2] = setting == NULL ? NULL : param;
    memheap_config_t config = {
        .size = size, .params = unit->params, .log = &unit->log.log};
    if (kind % 2 == 1) {
        unit->range_size = memheap_max(size, max_size) + 8192;
        unit->range = mmap(NULL, unit->range_size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ck_assert_ptr_ne(unit->range, MAP_FAILED);
        size_t odd = (uintptr_t)unit->range / 4096 % 2;
        config.base = (char *)unit->range + (1 - odd) * 4096;
        config.max_size = max_size;
    }
    memheap_status_t status = memheap_create(&config, &unit->heap);
    ck_assert_msg(status == MEMHEAP_OK, "%s", unit->log.text);
    unit->base = memheap_base(unit->heap);
}

void unit_heap_close(unit_heap_t *unit)
{
    memheap_destroy(unit->heap);
    if (unit->range != NULL)
        munmap(unit->range, unit->range_size);
}

typedef struct digest {
    uint64_t value;
    const char *base; /* of the heap */
} digest_t;

static bool digest_block(void *context, const memheap_block_t *block)
{
    digest_t *digest = context;
    digest->value ^= (uint64_t)((const char *)block->address - digest->base);
    digest->value = unit_random(&digest->value);
    digest->value ^= block->size << 1 | block->live;
    digest->value = unit_random(&digest->value);
    return true;
}

uint64_t unit_heap_digest(memheap_t *heap)
{
    digest_t digest = {1, memheap_base(heap)};
    memheap_walk(heap, digest_block, &digest);
    return digest.value;
}

static bool filter_calls(struct sock_filter *filter, size_t count)
{
    struct sock_fprog program = {(unsigned short)count, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool unit_refuse_call(unsigned call, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return filter_calls(filter, sizeof(filter) / sizeof(filter[0]));
}

bool unit_refuse_advice(int advice, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)advice, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return filter_calls(filter, sizeof(filter) / sizeof(filter[0]));
}

bool unit_lacks_addresses(void)
{
    return memheap_has_memcheck();
}

bool unit_is_emulated(void)
{
    return prctl(PR_GET_SECCOMP) < 0;
}

bool unit_contains_library(void)
{
    Dl_info library;
    Dl_info test;
    return dladdr((void *)(uintptr_t)memheap_create, &library) != 0 &&
           dladdr((void *)(uintptr_t)unit_contains_library, &test) != 0 &&
           library.dli_fbase == test.dli_fbase;
}

long unit_resident_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(status);
    while (fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    }
    fclose(status);
    ck_assert_int_gt(kib, 0);
    return kib;
}

size_t unit_malloced(void)
{
#if __GLIBC_PREREQ(2, 33)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

int unit_open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

void unit_limit_memory(size_t bytes)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    unit_limit(RLIMIT_AS, pages * (size_t)sysconf(_SC_PAGESIZE) + bytes);
}

rlim_t unit_limit(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(resource, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = value;
    ck_assert_int_eq(setrlimit(resource, &limit), 0);
    return before;
}

/* Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014 (SplitMix64). */
uint64_t unit_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

size_t unit_random_below(uint64_t *seed, size_t end)
{
    return (size_t)(unit_random(seed) % end);
}

uint64_t unit_seed(void)
{
    const char *text = getenv("MEMHEAP_TEST_SEED");
    if (text != NULL)
        return strtoull(text, NULL, 0);
    uint32_t seed;
    ck_assert_int_eq(getrandom(&seed, sizeof(seed), 0), sizeof(seed));
    return seed;
}

void unit_file_new(char path[UNIT_PATH], const char *text)
{
    snprintf(path, UNIT_PATH, "%s", temporary);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void unit_folder_new(char path[UNIT_PATH])
{
    snprintf(path, UNIT_PATH, "%s", temporary);
    ck_assert_ptr_nonnull(mkdtemp(path));
}

void unit_program_new(const char *folder, const char *name, const char *command)
{
    char path[2 * UNIT_PATH];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "#!/bin/sh\n%s\n", command);
    fclose(file);
    ck_assert_int_eq(chmod(path, 0755), 0);
    setenv("PATH", folder, 1);
}

void unit_folder_delete(const char *path)
{
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}
