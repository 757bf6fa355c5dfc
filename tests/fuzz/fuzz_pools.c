/*
 * Fuzzes pools, and what stands on them: heaps, page pools, range pools,
 * contexts, caches and proximities, on top of each other.
 *
 * The input begins with the number of a request for metadata that fails.
 * Operations of five bytes follow: the kind, two numbers, and a size. The model
 * knows what stands on what, and the blocks that the program has: they have
 * patterns, and no two overlap, whatever pools they are from.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <memheap/cache.h>
#include <memheap/call_sites.h>
#include <memheap/context.h>
#include <memheap/page_pool.h>
#include <memheap/placement.h>
#include <memheap/range_pool.h>

#include <string.h>
#include <sys/mman.h>

enum {
    OBJECTS = 12,
    SOURCES = 3, /* of a proximity, at most */
    BLOCKS = 256,
    BATCH = 40,
    OPERATIONS = 200,
    RANGE = 128 << 10, /* of a page pool or a range pool; each has two */
    NONE = -1
};

typedef enum kind {
    NOTHING,
    HEAP,
    PAGE_POOL,
    RANGE_POOL,
    CONTEXT,
    CACHE,
    PROXIMITY,
    KINDS
} kind_t;

typedef struct object {
    kind_t kind;
    union {
        memheap_t *heap;
        memheap_page_pool_t *pages;
        memheap_range_pool_t *ranges;
        memheap_context_t *context;
        memheap_cache_t *cache;
        memheap_proximity_t *proximity;
    } is;
    memheap_pool_t pool;
    int under[SOURCES]; /* the objects that it stands on */
    int parent;         /* of a sub-context */
    size_t item;        /* of a cache: size and alignment */
    size_t align;
    size_t page; /* of a page pool */
    bool extended;
    char *freed; /* the last block that was returned */
} object_t;

typedef struct block {
    int owner;
    char *at;
    size_t size;
    uint8_t seed;
    bool unset; /* of a context: new bytes are not zero */
    uint64_t tag;
} block_t;

static struct {
    fuzz_memory_t memory;
    object_t object[OBJECTS];
    block_t block[BLOCKS];
    unsigned count;
    uint8_t seed;
} run;

/* The ranges of all objects, two for each. */
static char *arena;

/* A call may fail for lack of metadata after the request that failed. */
static bool lacks_metadata(memheap_status_t status)
{
    return status == MEMHEAP_ERR_NO_METADATA && fuzz_memory_failed(&run.memory);
}

static object_t *object_at(unsigned index)
{
    return &run.object[index % OBJECTS];
}

static int number_of(const object_t *object)
{
    return (int)(object - run.object);
}

static bool stands_on(const object_t *object, int number)
{
    for (int i = 0; i < SOURCES; i++) {
        if (object->kind != NOTHING && object->under[i] == number)
            return true;
    }
    return false;
}

/* The same, directly or by what lies between them. */
static bool stands_above(const object_t *object, int number)
{
    bool above = object->kind != NOTHING && number_of(object) == number;
    for (int i = 0; i < SOURCES && object->kind != NOTHING && !above; i++)
        above = object->under[i] != NONE &&
                stands_above(&run.object[object->under[i]], number);
    return above;
}

/* Whether something stands on an object, or on a sub-context of it. */
static bool is_busy(int number)
{
    for (int i = 0; i < OBJECTS; i++) {
        const object_t *other = &run.object[i];
        if (stands_on(other, number) ||
            (other->kind == CONTEXT && other->parent == number && is_busy(i)))
            return true;
    }
    return false;
}

static bool overlaps(const char *at, size_t size)
{
    for (unsigned i = 0; i < run.count; i++) {
        if (at < run.block[i].at + run.block[i].size &&
            run.block[i].at < at + size)
            return true;
    }
    return false;
}

static block_t *find(const object_t *object, const char *at)
{
    for (unsigned i = 0; i < run.count; i++) {
        if (run.block[i].owner == number_of(object) && run.block[i].at == at)
            return &run.block[i];
    }
    return NULL;
}

/* A block of an object; NULL if it has none. */
static block_t *block_of(const object_t *object, unsigned index)
{
    for (unsigned i = 0; i < run.count; i++) {
        block_t *block = &run.block[(index + i) % run.count];
        if (block->owner == number_of(object))
            return block;
    }
    return NULL;
}

static void check_block(const block_t *block)
{
    fuzz_require(
        fuzz_is_stamped(block->at, block->size, block->seed, block->size));
}

static block_t *add_block(const object_t *owner, void *at, size_t size)
{
    block_t *block = &run.block[run.count];
    size_t usable = 0;
    fuzz_require(owner->pool.getsize(owner->pool.state, at, &usable) ==
                 MEMHEAP_OK);
    fuzz_require(usable >= size);
    fuzz_require(!overlaps(at, size));
    *block = (block_t){.owner = number_of(owner),
                       .at = at,
                       .size = size,
                       .seed = run.seed += 29,
                       .unset = true};
    fuzz_stamp(at, size, block->seed);
    run.count++;
    return block;
}

static void forget(block_t *block)
{
    fuzz_require(block != NULL);
    run.object[block->owner].freed = block->at;
    *block = run.block[--run.count];
}

/* Use a slot for an object. */
static object_t *new_object(object_t *object, kind_t kind)
{
    *object =
        (object_t){.kind = kind, .under = {NONE, NONE, NONE}, .parent = NONE};
    return object;
}

static memheap_status_t create_heap(object_t *object, unsigned choice)
{
    const char *params[] = {
        fuzz_component(choice % fuzz_component_count()), "MEMHEAP_CHECKERS=0",
        fuzz_component_setting(choice % fuzz_component_count()), NULL};
    memheap_config_t config = {.size = (size_t)RANGE << choice / 64,
                               .flags = choice / 32 % 2,
                               .params = params,
                               .log = &fuzz_log,
                               .memory = &run.memory.memory};
    memheap_status_t status = memheap_create(&config, &object->is.heap);
    if (status == MEMHEAP_OK)
        object->pool = memheap_heap_as_pool(object->is.heap);
    return status;
}

static memheap_status_t create_page_pool(object_t *object, unsigned choice)
{
    object->page = (size_t)16 << choice % 13;
    memheap_page_pool_config_t config = {
        .base = arena + (size_t)number_of(object) * 2 * RANGE,
        .size = RANGE,
        .page_size = object->page,
        .log = &fuzz_log,
        .memory = &run.memory.memory};
    memheap_status_t status =
        memheap_page_pool_create(&config, &object->is.pages);
    if (status == MEMHEAP_OK)
        object->pool = memheap_page_pool_as_pool(object->is.pages);
    return status;
}

static memheap_status_t create_range_pool(object_t *object, unsigned choice)
{
    static const char *params[] = {"MEMHEAP_CHECKERS=0", NULL};
    memheap_config_t config = {.base = arena +
                                       (size_t)number_of(object) * 2 * RANGE,
                               .size = RANGE,
                               .flags = choice % 2,
                               .params = params,
                               .log = &fuzz_log,
                               .memory = &run.memory.memory};
    memheap_status_t status =
        memheap_range_pool_create(&config, &object->is.ranges);
    if (status == MEMHEAP_OK)
        object->pool = memheap_range_pool_as_pool(object->is.ranges);
    return status;
}

static memheap_status_t create_context(object_t *object, object_t *below,
                                       unsigned choice)
{
    bool is_sub = below->kind == CONTEXT && choice % 2 == 0;
    memheap_context_config_t config = {.parent =
                                           is_sub ? below->is.context : NULL,
                                       .pool = is_sub ? NULL : &below->pool,
                                       .flags = choice / 2 % 2,
                                       .log = &fuzz_log,
                                       .memory = &run.memory.memory};
    memheap_status_t status =
        memheap_context_create(&config, &object->is.context);
    if (status != MEMHEAP_OK)
        return status;
    object->pool = memheap_context_as_pool(object->is.context);
    if (is_sub)
        object->parent = number_of(below);
    /* The pool of a parent is what a sub-context stands on. */
    object->under[0] = is_sub ? below->under[0] : number_of(below);
    return status;
}

static memheap_status_t create_cache(object_t *object, const object_t *below,
                                     unsigned choice, size_t size)
{
    memheap_cache_config_t config = {
        .item_size = 1 + size % 2000,
        .align = choice % 4 == 0 ? (size_t)1 << choice / 4 % 9 : 0,
        .slab_size = choice % 3 == 0 ? (size_t)4096 << choice % 5 : 0,
        .pool = &below->pool,
        .flags = choice / 2 % 2,
        .log = &fuzz_log,
        .memory = &run.memory.memory};
    memheap_status_t status = memheap_cache_create(&config, &object->is.cache);
    if (status != MEMHEAP_OK)
        return status;
    object->pool = memheap_cache_as_pool(object->is.cache);
    object->under[0] = number_of(below);
    object->item = config.item_size;
    object->align = config.align;
    return status;
}

/* Whether an object stands on a source, or the other way round. A block could
 * be of both. */
static bool shares_blocks(const object_t *below, const object_t *proximity)
{
    for (int i = 0; i < SOURCES; i++) {
        int source = proximity->under[i];
        if (source != NONE &&
            (stands_above(below, source) ||
             stands_above(&run.object[source], number_of(below))))
            return true;
    }
    return false;
}

/* A proximity of an object and those next to it. */
static memheap_status_t create_proximity(object_t *object, unsigned first,
                                         unsigned choice)
{
    memheap_source_t sources[SOURCES];
    size_t count = 0;
    for (unsigned i = 0; i < OBJECTS && count < SOURCES; i++) {
        const object_t *below = object_at(first + i);
        if (below->kind == NOTHING || below->kind == PROXIMITY ||
            shares_blocks(below, object))
            continue;
        object->under[count] = number_of(below);
        sources[count++] = (memheap_source_t){
            .pool = below->pool,
            .reachability =
                choice % 2 == 0 ? MEMHEAP_REACH_PE : MEMHEAP_REACH_NODE,
            .node = MEMHEAP_NODE_NONE};
    }
    memheap_proximity_config_t config = {
        .sources = sources,
        .count = count,
        .order = choice / 2 % 2 == 0 ? MEMHEAP_NEAREST_FIRST : MEMHEAP_IN_TURN,
        .log = &fuzz_log,
        .memory = &run.memory.memory};
    memheap_status_t status =
        memheap_proximity_create(&config, &object->is.proximity);
    if (status == MEMHEAP_OK)
        object->pool =
            memheap_proximity_as_pool(object->is.proximity, MEMHEAP_REACH_PE);
    return status;
}

/* Create an object in the first free slot. */
static void create(unsigned first, unsigned choice, size_t size)
{
    object_t *below = object_at(first);
    object_t *object = run.object;
    while (object < run.object + OBJECTS && object->kind != NOTHING)
        object++;
    if (object == run.object + OBJECTS)
        return;
    kind_t kind = HEAP + first / OBJECTS % (KINDS - HEAP);
    if (kind > RANGE_POOL && below->kind == NOTHING)
        kind = HEAP + kind % 3;
    if (below->kind == PROXIMITY && kind == PROXIMITY)
        return;
    new_object(object, kind);
    memheap_status_t status = MEMHEAP_OK;
    switch (kind) {
    case HEAP:
        status = create_heap(object, choice);
        break;
    case PAGE_POOL:
        status = create_page_pool(object, choice);
        break;
    case RANGE_POOL:
        status = create_range_pool(object, choice);
        break;
    case CONTEXT:
        status = create_context(object, below, choice);
        break;
    case CACHE:
        status = create_cache(object, below, choice, size);
        break;
    default:
        status = create_proximity(object, first, choice);
    }
    if (status == MEMHEAP_OK)
        return;
    object->kind = NOTHING;
    fuzz_require(lacks_metadata(status) ||
                 (kind == CACHE && status == MEMHEAP_ERR_BAD_ARGUMENT));
}

static memheap_status_t destroy_object(const object_t *object)
{
    switch (object->kind) {
    case HEAP:
        return memheap_destroy(object->is.heap);
    case PAGE_POOL:
        return memheap_page_pool_destroy(object->is.pages);
    case RANGE_POOL:
        return memheap_range_pool_destroy(object->is.ranges);
    case CONTEXT:
        return memheap_context_destroy(object->is.context);
    case CACHE:
        return memheap_cache_destroy(object->is.cache);
    case PROXIMITY:
        return memheap_proximity_destroy(object->is.proximity);
    default:
        return MEMHEAP_OK;
    }
}

/* An object is gone, with its sub-contexts and all their blocks. */
static void forget_object(object_t *object)
{
    block_t *block;
    while ((block = block_of(object, 0)) != NULL)
        forget(block);
    object->kind = NOTHING;
    for (int i = 0; i < OBJECTS; i++) {
        if (run.object[i].kind == CONTEXT &&
            run.object[i].parent == number_of(object))
            forget_object(&run.object[i]);
    }
}

static void destroy(object_t *object)
{
    for (unsigned i = 0; i < run.count; i++)
        check_block(&run.block[i]);
    bool busy = is_busy(number_of(object));
    memheap_status_t status = destroy_object(object);
    fuzz_require(status == (busy ? MEMHEAP_ERR_BUSY : MEMHEAP_OK));
    if (!busy)
        forget_object(object);
}

/* The object that has a block of a pool: a source, if that is a proximity. */
static const object_t *owner_of(const object_t *object, const void *at)
{
    size_t source;
    if (object->kind != PROXIMITY)
        return object;
    fuzz_require(memheap_placement_query(object->is.proximity, at, NULL,
                                         &source) == MEMHEAP_OK);
    return &run.object[object->under[source]];
}

static void pop(object_t *object, size_t align, size_t size)
{
    void *at = &run;
    memheap_status_t status =
        object->pool.pop(object->pool.state, align, size, &at);
    if (status != MEMHEAP_OK) {
        fuzz_require(at == &run);
        fuzz_require(status == MEMHEAP_ERR_NO_MEMORY ||
                     status == MEMHEAP_ERR_BAD_ARGUMENT ||
                     lacks_metadata(status));
        return;
    }
    fuzz_require(size > 0 && (uintptr_t)at % align == 0);
    add_block(owner_of(object, at), at, size);
}

static void push(object_t *object, block_t *block)
{
    check_block(block);
    fuzz_require(object->pool.push(object->pool.state, block->at) ==
                 MEMHEAP_OK);
    forget(block);
}

/* Return what is no block. An address may be that of a block which something
 * that stands on the pool has taken. */
static void pass_wrong(object_t *object, unsigned choice)
{
    const block_t *block = block_of(object, choice);
    char *at = object->freed;
    if (choice % 2 == 0 && block != NULL)
        at = block->at + 1;
    else if (is_busy(number_of(object)) || object->kind == PROXIMITY)
        return;
    size_t size = 77;
    if (at == NULL || find(object, at) != NULL)
        return;
    fuzz_require(object->pool.getsize(object->pool.state, at, &size) ==
                 MEMHEAP_ERR_BAD_ADDRESS);
    fuzz_require(object->pool.push(object->pool.state, at) ==
                 MEMHEAP_ERR_BAD_ADDRESS);
    fuzz_require(size == 77);
}

static void use_context(object_t *object, unsigned choice, size_t size)
{
    memheap_block_info_t info = {.size = size,
                                 .align = (size_t)1 << choice % 10,
                                 .unset = choice / 16 % 2 == 1,
                                 .tag = choice};
    memheap_status_t status =
        memheap_context_alloc_info(object->is.context, &info);
    if (status != MEMHEAP_OK)
        return;
    fuzz_require(info.size == size && info.tag == choice);
    fuzz_require((uintptr_t)info.pointer % info.align == 0);
    fuzz_require(info.unset || fuzz_is_zero(info.pointer, size));
    block_t *block = add_block(object, info.pointer, size);
    block->unset = info.unset;
    block->tag = choice;
}

static void resize_in_context(object_t *object, unsigned choice, size_t size)
{
    block_t *block = block_of(object, choice);
    if (block == NULL)
        return;
    block_t old = *block;
    void *at = block->at;
    check_block(block);
    memheap_status_t status =
        memheap_context_resize(object->is.context, block->at, size, &at);
    if (status != MEMHEAP_OK) {
        check_block(block);
        return;
    }
    fuzz_require(
        fuzz_is_stamped(at, old.size, old.seed, memheap_min(old.size, size)));
    fuzz_require(old.unset || size <= old.size ||
                 fuzz_is_zero((char *)at + old.size, size - old.size));
    *block = run.block[--run.count];
    block = add_block(object, at, size);
    block->unset = old.unset;
    block->tag = old.tag;
    memheap_block_info_t info;
    fuzz_require(memheap_context_get_info(object->is.context, at, &info) ==
                 MEMHEAP_OK);
    fuzz_require(info.size == size && info.unset == old.unset);
    fuzz_require(old.tag == 0 || info.tag == old.tag);
}

static void use_cache(object_t *object, unsigned choice)
{
    void *items[BATCH] = {NULL};
    size_t count = choice % BATCH;
    if (choice >= 128) {
        if (memheap_cache_alloc_batch(object->is.cache, count, items) !=
            MEMHEAP_OK)
            return;
        for (size_t i = 0; i < count; i++)
            add_block(object, items[i], object->item);
        return;
    }
    size_t found = 0;
    for (unsigned i = 0; i < run.count && found < count; i++) {
        if (run.block[i].owner == number_of(object)) {
            check_block(&run.block[i]);
            items[found++] = run.block[i].at;
        }
    }
    fuzz_require(memheap_cache_free_batch(object->is.cache, found, items) ==
                 MEMHEAP_OK);
    for (size_t i = 0; i < found; i++)
        forget(find(object, items[i]));
}

static void extend_or_reserve(object_t *object, unsigned choice, size_t size)
{
    char *base = arena + (size_t)number_of(object) * 2 * RANGE;
    char *at = base + size * 16 % (2 * (size_t)RANGE);
    memheap_status_t status;
    size = 1 + choice * 20;
    if (choice % 8 == 0) {
        status = object->kind == PAGE_POOL
                     ? memheap_page_pool_extend(object->is.pages, base + RANGE,
                                                RANGE)
                     : memheap_range_pool_extend(object->is.ranges,
                                                 base + RANGE, RANGE);
        fuzz_require(status == (object->extended ? MEMHEAP_ERR_BAD_ARGUMENT
                                                 : MEMHEAP_OK) ||
                     lacks_metadata(status));
        object->extended = object->extended || status == MEMHEAP_OK;
        return;
    }
    status = object->kind == PAGE_POOL
                 ? memheap_page_pool_reserve(object->is.pages, at, size)
                 : memheap_range_pool_reserve(object->is.ranges, at, size);
    if (status == MEMHEAP_OK)
        add_block(object, at, size);
}

static void resize_in_ranges(object_t *object, unsigned choice, size_t size)
{
    block_t *block = block_of(object, choice);
    void *at;
    if (block == NULL)
        return;
    check_block(block);
    block_t old = *block;
    if (memheap_range_pool_resize(object->is.ranges, old.at, size, &at) !=
        MEMHEAP_OK) {
        check_block(block);
        return;
    }
    fuzz_require(
        fuzz_is_stamped(at, old.size, old.seed, memheap_min(old.size, size)));
    *block = run.block[--run.count];
    add_block(object, at, size);
}

/* What only objects of this kind can do. */
static void use(object_t *object, unsigned choice, size_t size)
{
    if (object->kind == CONTEXT && choice % 2 == 0)
        use_context(object, choice, size);
    else if (object->kind == CONTEXT)
        resize_in_context(object, choice, size);
    else if (object->kind == CACHE)
        use_cache(object, choice);
    else if (object->kind == RANGE_POOL && choice % 2 == 1)
        resize_in_ranges(object, choice, size);
    else if (object->kind == RANGE_POOL || object->kind == PAGE_POOL)
        extend_or_reserve(object, choice, size);
}

static void check_object(object_t *object)
{
    memheap_cache_stats_t cache;
    memheap_context_stats_t context;
    size_t blocks = 0;
    size_t bytes = 0;
    size_t pages = 0;
    for (unsigned i = 0; i < run.count; i++) {
        if (run.block[i].owner != number_of(object))
            continue;
        check_block(&run.block[i]);
        blocks++;
        bytes += run.block[i].size;
        if (object->kind == PAGE_POOL)
            pages += (run.block[i].size + object->page - 1) / object->page;
    }
    bool busy = is_busy(number_of(object));
    size_t all;
    size_t unused;
    switch (object->kind) {
    case HEAP:
        fuzz_require(memheap_check(object->is.heap) == MEMHEAP_OK);
        break;
    case PAGE_POOL:
        memheap_page_pool_count(object->is.pages, &all, &unused);
        fuzz_require(all ==
                     (object->extended ? 2u : 1u) * RANGE / object->page);
        fuzz_require(busy ? all - unused >= pages : all - unused == pages);
        break;
    case CONTEXT:
        memheap_context_get_stats(object->is.context, &context);
        fuzz_require(busy ||
                     (context.blocks == blocks && context.bytes == bytes));
        break;
    case CACHE:
        fuzz_require(memheap_cache_check(object->is.cache) == MEMHEAP_OK);
        memheap_cache_get_stats(object->is.cache, &cache);
        fuzz_require(busy || cache.live == blocks);
        break;
    default:
        break;
    }
}

static void execute(unsigned kind, unsigned first, unsigned choice, size_t size)
{
    object_t *object = object_at(first);
    if (kind % 8 == 0) {
        create(first, choice, size);
        return;
    }
    if (object->kind == NOTHING)
        return;
    block_t *block = block_of(object, choice);
    switch (kind % 8) {
    case 1:
    case 2:
        if (run.count < BLOCKS)
            pop(object, (size_t)1 << choice % 13, size);
        break;
    case 3:
        if (block != NULL)
            push(object, block);
        break;
    case 4:
    case 5:
        if (run.count + BATCH < BLOCKS)
            use(object, choice, size);
        break;
    case 6:
        pass_wrong(object, choice);
        check_object(object);
        break;
    case 7:
        if (choice % 4 == 0)
            destroy(object);
        break;
    }
}

static void start(void)
{
    arena = mmap(NULL, ((size_t)OBJECTS + 1) * 2 * RANGE,
                 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fuzz_require(arena != MAP_FAILED);
    arena = (char *)memheap_align_up((size_t)arena, (size_t)2 * RANGE);
    fuzz_component_count(); /* opens the framework */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t input = {data, size};
    if (arena == NULL)
        start();
    memset(&run, 0, sizeof(run));
    fuzz_memory_init(&run.memory, fuzz_byte(&input) % 128);
    for (unsigned i = 0; i < OPERATIONS && input.left > 0; i++) {
        unsigned kind = fuzz_byte(&input);
        unsigned first = fuzz_byte(&input);
        unsigned choice = fuzz_byte(&input);
        size_t bytes = fuzz_size(&input);
        fuzz_say("operation %u on %u, %u, size %zu; %u blocks\n", kind % 8,
                 first % OBJECTS, choice, bytes, run.count);
        execute(kind, first, choice, bytes);
    }
    /* Again and again, until nothing stands on anything. */
    for (unsigned left = 1; left > 0;) {
        left = 0;
        for (unsigned i = OBJECTS; i-- > 0;) {
            check_object(&run.object[i]);
            destroy(&run.object[i]);
            left += run.object[i].kind != NOTHING;
        }
    }
    fuzz_require(run.memory.bytes == 0);
    return 0;
}
