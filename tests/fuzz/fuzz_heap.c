/*
 * Fuzzes the calls of one heap against a model.
 *
 * The input begins with bytes that choose the component, the flags and
 * parameters, the size of the range, and a request for metadata that fails.
 * Operations of four bytes follow: the kind, whose upper bit moves the
 * operation to a second thread; an index or number; a size. The threads take
 * turns, so a run can be repeated. Some checks are made in a child of the
 * process, which uses the heap too. At the end all blocks are freed, and then a
 * block of the whole range has to fit.
 *
 * The model is a list of the live blocks. They have patterns, do not overlap,
 * and agree with the statistics and with walks. A call that fails has a valid
 * reason, and changes nothing.
 */
#include "config.h"

#include "memheap/debug/sanitizer.h"
#include "tests/fuzz/fuzz.h"

#include <memheap/memheap.h>
#include <memheap/call_sites.h>

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BLOCKS = 512,
    FREED = 16,      /* addresses to free twice */
    BATCH = 200,     /* more than a heap keeps on the stack */
    OPERATIONS = 250 /* of an input, at most */
};

/* Bits of the second byte; the lower two are the flags. */
enum {
    OWN_RANGE = 4,
    CHECK = 8,
    TRIM = 16,
    CHECKERS = 32,
    GUARD = 64,
    WALKS = 128 /* compare walks before and after a call that fails */
};

typedef struct block {
    char *at;
    size_t asked;
    size_t usable;
    uint8_t seed; /* of the pattern */
} block_t;

static struct {
    fuzz_memory_t memory;
    memheap_t *heap;
    char *base;
    size_t size;
    size_t max_size;
    size_t padding;
    unsigned flags;   /* of the heap */
    unsigned options; /* the second byte */
    block_t block[BLOCKS];
    unsigned count;
    char *freed[FREED];
    unsigned next_freed;
    uint64_t allocations;
    uint64_t frees;
    uint64_t resizes;
    uint8_t seed;
    uint64_t walk; /* digest before the operation */
} run;

/* The range of the caller's heaps. */
enum {
    ARENA = 8 << 20
};
static char *arena;

static bool has(unsigned option)
{
    return (run.options & option) != 0;
}

/* Whether several threads may have blocks in caches. */
static bool is_cached(void)
{
    return run.flags == 0 && !has(CHECK) && !has(CHECKERS) && !has(GUARD);
}

static block_t *find(const void *at)
{
    for (unsigned i = 0; i < run.count; i++) {
        if (run.block[i].at == at)
            return &run.block[i];
    }
    return NULL;
}

static bool overlaps(const char *at, size_t size)
{
    for (unsigned i = 0; i < run.count; i++) {
        if (at < run.block[i].at + run.block[i].usable &&
            run.block[i].at < at + size)
            return true;
    }
    return false;
}

static bool digest_block(void *context, const memheap_block_t *block)
{
    uint64_t *digest = context;
    *digest = (*digest ^ (uintptr_t)block->address) * UINT64_C(0x100000001B3);
    *digest =
        (*digest ^ block->size << 1 ^ block->live) * UINT64_C(0x100000001B3);
    return true;
}

/* A digest of all blocks. A walk would empty the thread caches. */
static uint64_t walk_digest(void)
{
    uint64_t digest = 1;
    if (has(WALKS) && !is_cached())
        memheap_walk(run.heap, digest_block, &digest);
    return digest;
}

/* Check why a call for size bytes failed. size 0: several blocks. */
static void check_failure(memheap_status_t status, size_t align, size_t size)
{
    memheap_stats_t stats;
    fuzz_require(walk_digest() == run.walk);
    if (status == MEMHEAP_ERR_NO_METADATA) {
        fuzz_require(fuzz_memory_failed(&run.memory));
        return;
    }
    fuzz_require(status == MEMHEAP_ERR_NO_MEMORY);
    if (size == 0 || align > MEMHEAP_MIN_ALIGN || size > run.size ||
        has(GUARD) || fuzz_memory_failed(&run.memory))
        return;
    memheap_get_stats(run.heap, &stats);
    fuzz_require(size + run.padding > stats.largest_free);
}

static void check_place(const char *at, size_t size)
{
    fuzz_require(at >= run.base);
    fuzz_require(size <= run.size);
    fuzz_require((size_t)(at - run.base) <= run.size - size);
    fuzz_require((uintptr_t)at % MEMHEAP_MIN_ALIGN == 0);
    fuzz_require(!overlaps(at, size));
}

static void set_block(block_t *block, void *at, size_t size)
{
    size_t usable = 0;
    fuzz_require(memheap_usable_size(run.heap, at, &usable) == MEMHEAP_OK);
    fuzz_require(usable >= size);
    *block = (block_t){.at = run.base}; /* overlaps nothing */
    check_place(at, usable);
    *block = (block_t){at, size, usable, run.seed += 29};
    fuzz_stamp(at, size, block->seed);
}

static void add_block(void *at, size_t size)
{
    set_block(&run.block[run.count], at, size);
    run.count++;
    run.allocations++;
}

static void check_block(const block_t *block)
{
    fuzz_require(
        fuzz_is_stamped(block->at, block->asked, block->seed, block->asked));
}

/* Remove a block from the model: it is free. */
static void forget(block_t *block)
{
    run.freed[run.next_freed++ % FREED] = block->at;
    *block = run.block[--run.count];
    run.frees++;
}

static bool is_request(size_t align, size_t size)
{
    size_t most = (size_t)run.base;
    most = memheap_min(most & (~most + 1), MEMHEAP_GIB);
    return size > 0 && align > 0 && (align & (align - 1)) == 0 && align <= most;
}

static void alloc(size_t align, size_t size)
{
    void *at = &run;
    if (run.count == BLOCKS)
        return;
    memheap_status_t status =
        align == MEMHEAP_MIN_ALIGN
            ? memheap_alloc(run.heap, size, &at)
            : memheap_alloc_aligned(run.heap, align, size, &at);
    if (status == MEMHEAP_OK) {
        fuzz_require((uintptr_t)at % align == 0);
        add_block(at, size);
        return;
    }
    fuzz_require(at == &run);
    if (status == MEMHEAP_ERR_BAD_ARGUMENT)
        fuzz_require(!is_request(align, size));
    else
        check_failure(status, align, size);
}

static void alloc_zeroed(size_t count, size_t size)
{
    void *at = &run;
    size_t total;
    if (run.count == BLOCKS)
        return;
    bool overflows = __builtin_mul_overflow(count, size, &total);
    memheap_status_t status = memheap_alloc_zeroed(run.heap, count, size, &at);
    if (status == MEMHEAP_OK) {
        fuzz_require(!overflows && fuzz_is_zero(at, total));
        add_block(at, total);
        return;
    }
    fuzz_require(at == &run);
    if (status == MEMHEAP_ERR_BAD_ARGUMENT)
        fuzz_require(total == 0);
    else
        check_failure(status, MEMHEAP_MIN_ALIGN, overflows ? SIZE_MAX : total);
}

static void alloc_batch(size_t count, size_t align, size_t size)
{
    size_t sizes[BATCH];
    void *blocks[BATCH];
    if (count > BLOCKS - run.count)
        return;
    for (size_t i = 0; i < count; i++)
        sizes[i] = size + i % 4 * 8;
    memheap_status_t status =
        memheap_alloc_batch(run.heap, count, align, sizes, blocks);
    if (status == MEMHEAP_ERR_BAD_ARGUMENT)
        fuzz_require(count > 0 && !is_request(align, size));
    else if (status != MEMHEAP_OK)
        check_failure(status, align, 0);
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++)
        add_block(blocks[i], sizes[i]);
}

static void free_block(block_t *block)
{
    check_block(block);
    fuzz_require(memheap_free(run.heap, block->at) == MEMHEAP_OK);
    forget(block);
}

/* Free several blocks. If `wrong` is odd, one of the addresses may be wrong. */
static void free_batch(size_t first, size_t count, size_t wrong)
{
    void *blocks[BATCH];
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = run.block[(first + i) % run.count].at;
        check_block(&run.block[(first + i) % run.count]);
    }
    if (wrong % 2 == 1)
        blocks[wrong / 2 % count] = (char *)blocks[0] + wrong / 16 * 8;
    for (size_t i = 0; i < count; i++) {
        good = good && find(blocks[i]) != NULL;
        for (size_t k = 0; k < i; k++)
            good = good && blocks[i] != blocks[k];
    }
    memheap_status_t status = memheap_free_batch(run.heap, count, blocks);
    if (status == MEMHEAP_ERR_NO_METADATA)
        fuzz_require(fuzz_memory_failed(&run.memory));
    else
        fuzz_require(status == (good ? MEMHEAP_OK : MEMHEAP_ERR_BAD_ADDRESS));
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++)
        forget(find(blocks[i]));
    if (status != MEMHEAP_OK)
        fuzz_require(walk_digest() == run.walk);
}

static void resize(block_t *block, size_t size)
{
    block_t old = *block;
    void *at = &run;
    check_block(block);
    memheap_status_t status = memheap_resize(run.heap, old.at, size, &at);
    if (status != MEMHEAP_OK) {
        fuzz_require(at == &run);
        if (status == MEMHEAP_ERR_BAD_ARGUMENT)
            fuzz_require(size == 0);
        else
            check_failure(status, MEMHEAP_MIN_ALIGN, size);
        return;
    }
    fuzz_require(
        fuzz_is_stamped(at, old.asked, old.seed, memheap_min(old.asked, size)));
    if (at != old.at)
        run.freed[run.next_freed++ % FREED] = old.at;
    set_block(block, at, size);
    run.resizes++;
}

static void reserve(char *at, size_t size)
{
    if (run.count == BLOCKS)
        return;
    size_t offset = (size_t)((uintptr_t)at - (uintptr_t)run.base);
    bool valid = size > 0 && offset % MEMHEAP_MIN_ALIGN == 0 &&
                 offset < run.size && size <= run.size - offset;
    memheap_at(__FILE__, __LINE__);
    memheap_status_t status = memheap_reserve(run.heap, at, size);
    if (status == MEMHEAP_OK) {
        fuzz_require(valid);
        add_block(at, size);
        return;
    }
    fuzz_require(walk_digest() == run.walk);
    fuzz_require(valid || status == MEMHEAP_ERR_BAD_ARGUMENT);
    fuzz_require(
        status == MEMHEAP_ERR_BAD_ARGUMENT || status == MEMHEAP_ERR_BUSY ||
        status == MEMHEAP_ERR_UNSUPPORTED || status == MEMHEAP_ERR_NO_MEMORY ||
        (status == MEMHEAP_ERR_NO_METADATA && fuzz_memory_failed(&run.memory)));
}

/* Pass an address to calls that take a block, unless it is one. */
static void pass_wrong(char *at, unsigned call, size_t size)
{
    void *moved = &run;
    size_t usable = 77;
    char text[100];
    memheap_status_t status;
    if (size % 4 == 0) /* it takes the blocks of the thread caches */
        memheap_describe(run.heap, at, text, sizeof(text));
    if (find(at) != NULL || at == NULL)
        return;
    if (call == 0)
        status = memheap_free(run.heap, at);
    else if (call == 1)
        status = memheap_resize(run.heap, at, size | 1, &moved);
    else
        status = memheap_usable_size(run.heap, at, &usable);
    fuzz_require(status == MEMHEAP_ERR_BAD_ADDRESS);
    fuzz_require(moved == &run && usable == 77);
    fuzz_require(walk_digest() == run.walk);
}

static void grow(size_t size)
{
    size_t new_size = run.size + size;
    if (new_size < run.size)
        return;
    memheap_status_t status = memheap_grow(run.heap, new_size);
    bool valid = run.max_size > 0 && new_size <= run.max_size;
    if (status == MEMHEAP_OK) {
        fuzz_require(valid || has(GUARD));
        memheap_stats_t stats;
        memheap_get_stats(run.heap, &stats);
        fuzz_require(has(GUARD) || stats.size == new_size);
        run.size = stats.size;
        return;
    }
    fuzz_require(
        status == MEMHEAP_ERR_UNSUPPORTED ||
        (status == MEMHEAP_ERR_BAD_ARGUMENT && (!valid || has(GUARD))) ||
        (status == MEMHEAP_ERR_NO_METADATA && fuzz_memory_failed(&run.memory)));
}

/* What a walk has seen. */
typedef struct walked {
    char *next; /* where the next block must start */
    unsigned live;
    size_t live_bytes;
    size_t usable; /* of the blocks of the model */
} walked_t;

static bool check_walk(void *context, const memheap_block_t *block)
{
    walked_t *walked = context;
    fuzz_require(block->address == walked->next && block->size > 0);
    walked->next += block->size;
    if (!block->live)
        return true;
    const block_t *known = find(block->address);
    fuzz_require(known != NULL && known->usable <= block->size);
    if (run.flags == MEMHEAP_RECORDED)
        fuzz_require(block->asked == known->asked && block->number > 0);
    walked->live++;
    walked->live_bytes += block->size;
    walked->usable += known->usable;
    return true;
}

static void check_stats(memheap_stats_t *stats)
{
    memheap_get_stats(run.heap, stats);
    fuzz_require(stats->size == run.size);
    fuzz_require(stats->live_blocks == run.count);
    fuzz_require(stats->allocations == run.allocations);
    fuzz_require(stats->frees == run.frees);
    fuzz_require(stats->resizes == run.resizes);
    fuzz_require(stats->used <= stats->peak && stats->peak <= stats->size);
    fuzz_require(stats->used + stats->free == stats->size);
    fuzz_require(stats->largest_free <= stats->free);
    fuzz_require(stats->committed <= stats->size);
    fuzz_require(stats->high_water <= stats->committed);
}

static void check_all(bool walks)
{
    memheap_stats_t stats;
    size_t usable = 0;
    fuzz_require(memheap_check(run.heap) == MEMHEAP_OK);
    check_stats(&stats);
    for (unsigned i = 0; i < run.count; i++) {
        const block_t *block = &run.block[i];
        check_block(block);
        usable += block->usable;
        fuzz_require(block->at + block->usable <= run.base + stats.high_water);
    }
    fuzz_require(usable <= stats.used);
    if (!is_cached() && !has(CHECKERS) && !has(GUARD))
        fuzz_require(usable == stats.used);
    if (!walks)
        return;
    walked_t walked = {.next = run.base};
    memheap_walk(run.heap, check_walk, &walked);
    fuzz_require(walked.next == run.base + run.size);
    fuzz_require(walked.live == run.count);
    fuzz_require(walked.live_bytes >= stats.used);
}

/* Use the heap in a child of this process, which has a copy of it and one
 * thread. The heap of the parent stays as it is. */
static void fork_and_use(size_t size)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        check_all(true);
        alloc(MEMHEAP_MIN_ALIGN, size);
        while (run.count > 0)
            free_block(&run.block[run.count - 1]);
        check_all(true);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) != child)
        continue;
    fuzz_require(child < 0 || status == 0);
    check_all(true);
}

/* Whether a trim succeeded or is not supported. */
static void trim(size_t least)
{
    memheap_status_t status = memheap_trim(run.heap, least);
    fuzz_require(status ==
                 (has(OWN_RANGE) ? MEMHEAP_OK : MEMHEAP_ERR_UNSUPPORTED));
}

/* An address at or near a block, live or freed, or anywhere. */
static char *some_address(unsigned index, size_t size)
{
    uintptr_t near = (uintptr_t)run.base;
    if (index % 4 < 2 && run.count > 0)
        near = (uintptr_t)run.block[index / 4 % run.count].at;
    else if (index % 4 == 2)
        return run.freed[index / 4 % FREED];
    return (char *)(near + (index % 2 == 0 ? size : size & ~(size_t)15));
}

typedef struct operation {
    unsigned kind;
    unsigned index;
    size_t size;
} operation_t;

static void execute(const operation_t *op)
{
    unsigned index = op->index;
    size_t size = op->size;
    block_t *block = run.count == 0 ? NULL : &run.block[index % run.count];
    run.walk = walk_digest();
    switch (op->kind) {
    case 0:
    case 1:
        alloc(MEMHEAP_MIN_ALIGN, size);
        break;
    case 2:
        alloc(index < 240 ? (size_t)1 << index % 22 : index, size);
        break;
    case 3:
        alloc_zeroed(index % 16, size);
        break;
    case 4:
        alloc_batch(index % BATCH, index < 128 ? 16 : 64, size);
        break;
    case 5:
        for (unsigned i = 0; i < index; i++, run.walk = walk_digest())
            alloc(MEMHEAP_MIN_ALIGN, size);
        break;
    case 6:
    case 7:
        if (block != NULL)
            free_block(block);
        break;
    case 8: /* the newest blocks */
        for (unsigned i = 0; i < index && run.count > 0; i++)
            free_block(&run.block[run.count - 1]);
        break;
    case 9: /* every other block */
        for (unsigned i = index % 2; i < run.count; i++)
            free_block(&run.block[i]);
        break;
    case 10:
        if (block != NULL)
            free_batch(index, 1 + size % memheap_min(run.count, BATCH - 1),
                       size / 8);
        break;
    case 11:
    case 12:
        if (block != NULL)
            resize(block, size);
        break;
    case 13: /* by a little */
        if (block != NULL)
            resize(block, block->asked + size % 64);
        break;
    case 14:
        reserve(some_address(index, size / 16 * 16), 1 + size % 5000);
        break;
    case 15:
        pass_wrong(some_address(index, size), index / 64 % 3, size);
        break;
    case 16:
        trim(size);
        break;
    case 17:
        grow(size);
        break;
    case 18:
        if (index == 255) /* it takes long */
            fork_and_use(size);
        else
            check_all(index % 2 == 0);
        break;
    }
}

enum {
    KINDS = 19,
    SECOND_ENDS = KINDS /* the second thread ends; another one takes its place
                           when it is needed */
};

/* The second thread. It executes an operation at a time, while the first one
 * waits. */
static struct {
    pthread_t thread;
    bool runs;
    sem_t start;
    sem_t done;
    const operation_t *op; /* NULL: end */
} second;

/* A signal of libFuzzer's may interrupt the wait. */
static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

static void *second_main(void *context)
{
    for (;;) {
        wait_for(&second.start);
        const operation_t *op = second.op;
        if (op == NULL)
            return context;
        execute(op);
        sem_post(&second.done);
    }
}

static void second_execute(const operation_t *op)
{
    if (!second.runs)
        second.runs =
            pthread_create(&second.thread, NULL, second_main, NULL) == 0;
    second.op = op;
    sem_post(&second.start);
    wait_for(&second.done);
}

static void second_end(void)
{
    if (!second.runs)
        return;
    second.op = NULL;
    sem_post(&second.start);
    pthread_join(second.thread, NULL);
    second.runs = false;
}

static memheap_status_t create(fuzz_input_t *input)
{
    static const unsigned flags[] = {0, MEMHEAP_SINGLE_THREADED,
                                     MEMHEAP_ORDERED, MEMHEAP_RECORDED};
    unsigned component = fuzz_byte(input) % fuzz_component_count();
    run.options = fuzz_byte(input);
    run.flags = flags[run.options % 4];
    unsigned size = fuzz_byte(input);
    unsigned more = fuzz_byte(input);
    const char *params[] = {fuzz_component(component),
                            has(CHECK) ? "MEMHEAP_CHECK=1" : "MEMHEAP_CHECK=0",
                            has(TRIM) ? "MEMHEAP_TRIM=64k" : "MEMHEAP_TRIM=0",
                            has(CHECKERS) ? "MEMHEAP_CHECKERS=1"
                                          : "MEMHEAP_CHECKERS=0",
                            has(GUARD) ? "MEMHEAP_GUARD=1" : "MEMHEAP_GUARD=0",
                            fuzz_component_setting(component),
                            NULL};
    run.size = ((size_t)64 << 10 << size % 7) - size / 7 * 40;
    memheap_config_t config = {.size = run.size,
                               .flags = run.flags,
                               .params = params,
                               .log = &fuzz_log,
                               .memory = &run.memory.memory};
    fuzz_memory_init(&run.memory, more < 64 ? 0 : more - 63);
    if (!has(OWN_RANGE)) {
        config.base = arena + (more % 2 == 0 ? 4096 : 16);
        config.max_size = more % 4 < 2 ? 0 : run.size + run.size / 4;
        memset(config.base, 0x77, memheap_max(run.size, config.max_size));
    }
    run.max_size = has(OWN_RANGE) ? 0 : memheap_max(run.size, config.max_size);
    return memheap_create(&config, &run.heap);
}

static void free_all(void)
{
    memheap_stats_t stats;
    void *block;
    check_all(true);
    while (run.count > 0)
        free_block(&run.block[run.count / 2]);
    check_all(false);
    check_stats(&stats);
    fuzz_require(stats.used == 0);
    run.memory.fail_at = 0; /* no other request fails */
    size_t whole = memheap_align_down(run.size, MEMHEAP_MIN_ALIGN);
    if (has(GUARD))
        return;
    fuzz_require(memheap_alloc(run.heap, whole - run.padding, &block) ==
                 MEMHEAP_OK);
    fuzz_require(memheap_free(run.heap, block) == MEMHEAP_OK);
}

static void start(void)
{
    arena = mmap(NULL, 2 * ARENA, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    fuzz_require(arena != MAP_FAILED);
    arena = (char *)memheap_align_up((size_t)arena, ARENA);
    sem_init(&second.start, 0, 0);
    sem_init(&second.done, 0, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t input = {data, size};
    if (arena == NULL)
        start();
    memset(&run, 0, sizeof(run));
    memheap_status_t status = create(&input);
    if (status != MEMHEAP_OK) {
        fuzz_require(fuzz_memory_failed(&run.memory));
        fuzz_require(run.memory.bytes == 0);
        return 0;
    }
    memheap_stats_t stats;
    memheap_get_stats(run.heap, &stats);
    run.base = memheap_base(run.heap);
    run.size = stats.size;
    run.padding = has(CHECKERS) && !has(GUARD) ? MEMHEAP_REDZONE : 0;
    for (unsigned i = 0; i < OPERATIONS && input.left > 0; i++) {
        unsigned kind = fuzz_byte(&input);
        operation_t op = {.kind = kind % 128 % (KINDS + 1)};
        op.index = fuzz_byte(&input);
        op.size = fuzz_size(&input);
        fuzz_say("%s thread: operation %u, index %u, size %zu; %u blocks\n",
                 kind < 128 ? "first" : "second", op.kind, op.index, op.size,
                 run.count);
        if (op.kind == SECOND_ENDS)
            second_end();
        else if (kind < 128)
            execute(&op);
        else
            second_execute(&op);
    }
    if (size % 2 == 0)
        second_end();
    free_all();
    fuzz_require(memheap_destroy(run.heap) == MEMHEAP_OK);
    fuzz_require(run.memory.bytes == 0);
    second_end();
    return 0;
}
