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

static const char magic[] = "SHT";
static const char no_memory[] = "there is no memory for so long a trace";

enum {
    FIRST_CAPACITY = 4096,
    MAX_ALIGN_ORDER = 62,
    SITES_MAX = 1 << 22,
    TAGS_MAX = 1 << 16,
    NAME_MAX_SIZE = 1 << 16, /* of a name */
    NAMES_MAX_SIZE = 1 << 28 /* of all names */
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
    bool labelled;
    /* In labels, call sites and tags are numbered anew, from 1 on in the order
     * in which they come: by number in the file. 0: it did not come yet */
    uint32_t *site, *tag;
    size_t allocations;
    uint32_t *slot; /* slot of each allocation, or FREED */
    size_t *size;   /* size of each allocation */
    uint32_t *unused;
    size_t unused_count;
    size_t live;
    size_t names_size; /* bytes of the names so far */
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
        !lengthen(&loading->unused, capacity, sizeof(*loading->unused)) ||
        (loading->labelled &&
         !lengthen(&trace->labels, capacity, sizeof(*trace->labels))))
        return fail(loading, no_memory);
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

/* Read a number of a label, and number it anew. */
static bool read_label(loading_t *loading, uint32_t *numbers, uint64_t limit,
                       trace_names_t *names, uint32_t *number_p)
{
    uint64_t number;
    if (!read_number(loading, &number))
        return false;
    if (number >= limit)
        return fail(loading, "the number of a call site or tag is too large");
    if (number != 0 && numbers[number] == 0)
        numbers[number] = (uint32_t)names->count++;
    *number_p = numbers[number];
    return true;
}

static bool read_labels(loading_t *loading, const trace_op_t *op)
{
    trace_t *trace = loading->trace;
    trace_label_t *label = &trace->labels[trace->count];
    *label = (trace_label_t){.site = 0};
    return op->kind == TRACE_FREE || op->kind == TRACE_RESIZE ||
           (read_label(loading, loading->site, SITES_MAX, &trace->sites,
                       &label->site) &&
            read_label(loading, loading->tag, TAGS_MAX, &trace->tags,
                       &label->tag));
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
    if (loading->labelled && !read_labels(loading, op))
        return false;
    if (op->kind == TRACE_RESIZE)
        return add_change(loading, op, w);
    return op->kind == TRACE_FREE ? add_change(loading, op, v)
                                  : add_alloc(loading, op);
}

static bool read_header(loading_t *loading, uint64_t *count_p)
{
    int first[sizeof(magic) + 1];
    bool good = true;
    for (size_t i = 0; i <= sizeof(magic); i++) {
        first[i] = reader_byte(&loading->reader);
        good = good && (i >= sizeof(magic) - 1 || first[i] == magic[i]);
    }
    int version = first[sizeof(magic) - 1];
    loading->labelled = version == '2';
    if (loading->labelled) {
        loading->site = calloc(SITES_MAX, sizeof(*loading->site));
        loading->tag = calloc(TAGS_MAX, sizeof(*loading->tag));
        if (loading->site == NULL || loading->tag == NULL)
            return fail(loading, no_memory);
        loading->trace->sites.count = loading->trace->tags.count = 1;
    }
    if (!good || (version != '1' && version != '2') ||
        first[sizeof(magic)] != '\n')
        return fail(loading, loading->reader.problem != NULL
                                 ? loading->reader.problem
                                 : "it does not begin with SHT1 or SHT2");
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
                        sizeof(size_t) + sizeof(block_t) +
                        (loading->labelled ? sizeof(trace_label_t) : 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t most = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * page;
    if (loading->wanted <= most / each)
        return true;
    return fail(loading, "its operations take more than half of this machine's "
                         "memory");
}

/* Replace control characters, but for the ends of lines. */
static void clean_lines(char *text)
{
    for (char *line = text; *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        char last = *end;
        *end = '\0';
        memheap_text_clean(line);
        *end = last;
        line = last == '\0' ? end : end + 1;
    }
}

/* Read a name. If the program died while it wrote the name, zeros follow what
 * it has written; the number may be wrong then. */
static bool read_name(loading_t *loading)
{
    trace_t *trace = loading->trace;
    uint64_t number;
    uint64_t length;
    if (!read_number(loading, &number) || !read_number(loading, &length))
        return false;
    number--;
    if (length >= NAME_MAX_SIZE ||
        length > NAMES_MAX_SIZE - loading->names_size)
        return fail(loading, "its names are too long");
    loading->names_size += (size_t)length;
    char *name = malloc((size_t)length + 1);
    if (name == NULL)
        return fail(loading, no_memory);
    size_t size = 0;
    while (size < length && reader_peek(&loading->reader) > 0)
        name[size++] = (char)reader_byte(&loading->reader);
    name[size] = '\0';
    clean_lines(name);
    bool is_site = number % 2 == 0;
    uint32_t known = 0;
    number /= 2;
    if (is_site && number < SITES_MAX)
        known = loading->site[number];
    else if (!is_site && number < TAGS_MAX)
        known = loading->tag[number];
    char **known_name = &(is_site ? &trace->sites : &trace->tags)->name[known];
    if (size == 0 || known == 0 || *known_name != NULL)
        free(name);
    else
        *known_name = name;
    return true;
}

/* Read the names, and the zeros to the end of the file. This also verifies the
 * checksum of a compressed file. A program that died before it finished its
 * trace leaves zeros. */
static bool read_end(loading_t *loading)
{
    trace_t *trace = loading->trace;
    if (loading->labelled) {
        trace->sites.name = calloc(trace->sites.count, sizeof(char *));
        trace->tags.name = calloc(trace->tags.count, sizeof(char *));
        if (trace->sites.name == NULL || trace->tags.name == NULL)
            return fail(loading, no_memory);
    }
    while (reader_peek(&loading->reader) > 0) {
        if (!loading->labelled)
            return fail(loading, "more follows behind its last operation");
        if (!read_name(loading))
            return false;
    }
    int byte = 0;
    while (byte == 0)
        byte = reader_byte(&loading->reader);
    if (loading->reader.problem != NULL)
        return fail(loading, loading->reader.problem);
    return byte < 0 || fail(loading, "more follows behind its last operation");
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
    return loading->wanted < count || read_end(loading);
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
    free(loading->site);
    free(loading->tag);
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

static void free_names(trace_names_t *names)
{
    for (size_t i = 0; i < names->count && names->name != NULL; i++)
        free(names->name[i]);
    free(names->name);
}

void trace_free(trace_t *trace)
{
    free_names(&trace->sites);
    free_names(&trace->tags);
    free(trace->labels);
    free(trace->ops);
    free(trace->name);
    *trace = (trace_t){.ops = NULL};
}

const char *trace_site_name(const trace_t *trace, uint32_t site,
                            char text[TRACE_SITE_TEXT])
{
    if (site == 0)
        return "an unknown call site";
    if (trace->sites.name != NULL && trace->sites.name[site] != NULL)
        return trace->sites.name[site];
    snprintf(text, TRACE_SITE_TEXT, "call site %" PRIu32, site);
    return text;
}
