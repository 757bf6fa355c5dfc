/*
 * Reads traces. A file is untrusted input: every count, age and size is checked
 * here, so that a replay need not check them again.
 */
#include "config.h"

#include "tools/common/trace.h"
#include "tools/common/reader.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char magic[] = "SHT1\n";

enum {
    MAGIC_SIZE = sizeof(magic) - 1,
    FIRST_CAPACITY = 4096,
    MAX_ALIGN_ORDER = 62
};

/* Marks an allocation that was freed. */
#define FREED UINT32_MAX

/* The state of the reader. All arrays have the same capacity, because there are
 * never more allocations or free slots than operations. */
typedef struct loading {
    reader_t reader;
    trace_t *trace;
    size_t wanted; /* number of operations to read */
    size_t capacity;
    size_t allocations;
    uint32_t *slot; /* slot of each allocation, or FREED */
    size_t *size;   /* size of each allocation */
    uint32_t *unused;
    size_t unused_count;
    size_t live;
    const char *problem;
} loading_t;

static bool fail(loading_t *loading, const char *problem)
{
    loading->problem = problem;
    return false;
}

/* Grow an array. Returns false if memory is short; the array does not change
 * then. */
static bool lengthen(void *array_p, size_t count, size_t element)
{
    void **array = array_p;
    void *longer = reallocarray(*array, count, element);
    if (longer == NULL)
        return false;
    *array = longer;
    return true;
}

static bool make_room(loading_t *loading)
{
    trace_t *trace = loading->trace;
    if (trace->count < loading->capacity)
        return true;
    size_t capacity =
        loading->capacity == 0 ? FIRST_CAPACITY : loading->capacity * 2;
    if (capacity > loading->wanted)
        capacity = loading->wanted;
    if (!lengthen(&trace->ops, capacity, sizeof(*trace->ops)) ||
        !lengthen(&loading->slot, capacity, sizeof(*loading->slot)) ||
        !lengthen(&loading->size, capacity, sizeof(*loading->size)) ||
        !lengthen(&loading->unused, capacity, sizeof(*loading->unused)))
        return fail(loading, "there is no memory for so long a trace");
    loading->capacity = capacity;
    return true;
}

static bool read_number(loading_t *loading, uint64_t *number_p)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        int byte = reader_byte(&loading->reader);
        if (byte < 0)
            return fail(loading, loading->reader.problem != NULL
                                     ? loading->reader.problem
                                     : "it ends too early");
        uint64_t bits = (uint64_t)byte & 127;
        if (shift > 63 || bits << shift >> shift != bits)
            return fail(loading, "a number is too large");
        number |= bits << shift;
        if (byte < 128)
            break;
    }
    *number_p = number;
    return true;
}

/* Replace before bytes by after bytes in the count of live bytes. */
static bool count_live(loading_t *loading, size_t before, size_t after)
{
    trace_t *trace = loading->trace;
    loading->live -= before;
    if (after > SIZE_MAX - loading->live)
        return fail(loading, "more bytes live than can be counted");
    loading->live += after;
    if (loading->live > trace->peak)
        trace->peak = loading->live;
    return true;
}

static bool add_alloc(loading_t *loading, trace_op_t *op)
{
    trace_t *trace = loading->trace;
    op->slot = loading->unused_count > 0
                   ? loading->unused[--loading->unused_count]
                   : (uint32_t)trace->slots++;
    loading->slot[loading->allocations] = op->slot;
    loading->size[loading->allocations] = op->size;
    loading->allocations++;
    return count_live(loading, 0, op->size);
}

/* Add a resize or a free. A free has size 0. */
static bool add_change(loading_t *loading, trace_op_t *op, uint64_t age)
{
    if (age == 0 || age > loading->allocations ||
        loading->slot[loading->allocations - age] == FREED)
        return fail(loading, op->kind == TRACE_FREE
                                 ? "it frees what is not allocated"
                                 : "it reallocates what is not allocated");
    size_t number = loading->allocations - (size_t)age;
    op->slot = loading->slot[number];
    size_t before = loading->size[number];
    loading->size[number] = op->size;
    if (op->kind == TRACE_FREE) {
        loading->slot[number] = FREED;
        loading->unused[loading->unused_count++] = op->slot;
    }
    return count_live(loading, before, op->size);
}

static bool read_op(loading_t *loading, trace_op_t *op)
{
    uint64_t v;
    uint64_t w = 0;
    if (!read_number(loading, &v))
        return false;
    *op = (trace_op_t){.kind = (uint8_t)(v & 3)};
    v >>= 2;
    if (op->kind != TRACE_FREE)
        op->size = v == 0 ? 1 : v;
    if ((op->kind == TRACE_ALIGN || op->kind == TRACE_RESIZE) &&
        !read_number(loading, &w))
        return false;
    if (op->kind == TRACE_ALIGN && w > MAX_ALIGN_ORDER)
        return fail(loading, "an alignment is too large");
    op->align_order = op->kind == TRACE_ALIGN ? (uint8_t)w : 0;
    if (op->kind == TRACE_RESIZE)
        return add_change(loading, op, w);
    return op->kind == TRACE_FREE ? add_change(loading, op, v)
                                  : add_alloc(loading, op);
}

static bool read_header(loading_t *loading, uint64_t *count_p)
{
    for (size_t i = 0; i < MAGIC_SIZE; i++) {
        if (reader_byte(&loading->reader) != magic[i])
            return fail(loading, loading->reader.problem != NULL
                                     ? loading->reader.problem
                                     : "it does not begin with SHT1");
    }
    if (!read_number(loading, count_p))
        return false;
    if (*count_p == 0)
        return fail(loading, "it holds no operations");
    if (*count_p >= FREED)
        return fail(loading, "it claims more than 4 billion operations");
    return true;
}

/* Check that this machine has memory for the trace. Otherwise a small file that
 * unpacks to billions of operations would take all of it. */
static bool has_memory(loading_t *loading)
{
    const size_t each = sizeof(trace_op_t) + 2 * sizeof(uint32_t) +
                        sizeof(size_t) + sizeof(block_t);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t most = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * page;
    if (loading->wanted <= most / each)
        return true;
    return fail(loading, "its operations take more than half of this machine's "
                         "memory");
}

static bool read_trace(loading_t *loading, size_t limit)
{
    trace_t *trace = loading->trace;
    uint64_t count;
    if (!read_header(loading, &count))
        return false;
    loading->wanted = count < limit ? (size_t)count : limit;
    if (!has_memory(loading))
        return false;
    for (; trace->count < loading->wanted; trace->count++) {
        if (!make_room(loading) || !read_op(loading, &trace->ops[trace->count]))
            return false;
    }
    if (loading->wanted < count)
        return true;
    /* Read to the end of the file. This also verifies the checksum of a
     * compressed file. A program that died before it finished its trace leaves
     * zeros. */
    int byte = 0;
    while (byte == 0)
        byte = reader_byte(&loading->reader);
    bool ended = byte < 0;
    if (loading->reader.problem != NULL)
        return fail(loading, loading->reader.problem);
    return ended || fail(loading, "more follows behind its last operation");
}

/* The file name without its folder, without everything from the first dot on,
 * and without control characters. */
static char *short_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char *copy = strndup(name, strcspn(name, "."));
    return copy == NULL ? NULL : memheap_text_clean(copy);
}

bool trace_load(trace_t *trace, const char *path, size_t limit, char *message,
                size_t room)
{
    *trace = (trace_t){.name = short_name(path)};
    loading_t *loading = calloc(1, sizeof(*loading));
    if (loading == NULL || trace->name == NULL) {
        snprintf(message, room, "%s: there is no memory to read it", path);
        goto err_free;
    }
    const char *problem = reader_open(&loading->reader, path);
    if (problem != NULL) {
        snprintf(message, room, "cannot read the trace %s: %s", path, problem);
        goto err_free;
    }
    loading->trace = trace;
    bool good = read_trace(loading, limit);
    reader_close(&loading->reader);
    free(loading->slot);
    free(loading->size);
    free(loading->unused);
    if (good) {
        free(loading);
        return true;
    }
    snprintf(message, room, "%s is no trace, or is damaged: %s (operation %zu)",
             path, loading->problem, trace->count);

err_free:
    free(loading);
    trace_free(trace);
    return false;
}

void trace_free(trace_t *trace)
{
    free(trace->ops);
    free(trace->name);
    *trace = (trace_t){.ops = NULL};
}
