/*
 * The tree of fragments.h. Each walk descends from the root and visits one path
 * of nodes and their eight children.
 */
#include "config.h"

#include "components/mempool/fragments.h"

enum {
    FANOUT = 8,
    WORD = 64
};

/* Fragments of a node; level 0 is a word. */
static size_t span_of(unsigned level)
{
    return (size_t)WORD << (3 * level);
}

/* Bits at which runs of 2^i set bits start, for each i. */
typedef struct powers {
    uint64_t begins[6];
} powers_t;

static powers_t powers_of(uint64_t word)
{
    powers_t p = {{word}};
    for (unsigned i = 0; i < 5; i++)
        p.begins[i + 1] = p.begins[i] & p.begins[i] >> (1u << i);
    return p;
}

/* Length of the longest run of set bits in a word. */
static unsigned longest_run(uint64_t word)
{
    if (word == 0 || word == UINT64_MAX)
        return word == 0 ? 0 : WORD;
    powers_t p = powers_of(word);
    unsigned i = 5;
    while (p.begins[i] == 0)
        i--;
    uint64_t begins = p.begins[i];
    unsigned length = 1u << i;
    while (i-- > 0) {
        uint64_t longer = begins & p.begins[i] >> length;
        if (longer != 0) {
            begins = longer;
            length += 1u << i;
        }
    }
    return length;
}

/* The lowest bit at which `count` set bits start, 1 to 64; 64 if there are
 * none. */
static unsigned lowest_run(uint64_t word, unsigned count)
{
    for (unsigned length = 1; length < count;) {
        unsigned step = length < count - length ? length : count - length;
        word &= word >> step;
        length += step;
    }
    return word == 0 ? WORD : (unsigned)__builtin_ctzll(word);
}

static fragment_run_t word_run(uint64_t word, unsigned best)
{
    if (word == UINT64_MAX)
        return (fragment_run_t){WORD, WORD, WORD};
    return (fragment_run_t){(unsigned)__builtin_ctzll(~word),
                            (unsigned)__builtin_clzll(~word), best};
}

static fragment_run_t run_of(const fragments_t *f, unsigned level, size_t index)
{
    return level == 0 ? word_run(f->bits[index], f->best[index])
                      : f->node[level][index];
}

static bool run_equal(const fragment_run_t *a, const fragment_run_t *b)
{
    return a->prefix == b->prefix && a->suffix == b->suffix &&
           a->best == b->best;
}

/* The value of a node, computed from its children. */
static fragment_run_t combine(const fragments_t *f, unsigned level,
                              size_t index)
{
    size_t span = span_of(level - 1);
    fragment_run_t sum = {0, 0, 0};
    for (size_t i = 0; i < FANOUT; i++) {
        fragment_run_t child = run_of(f, level - 1, index * FANOUT + i);
        if (sum.prefix == i * span)
            sum.prefix += child.prefix;
        sum.best = memheap_max(sum.best, sum.suffix + child.prefix);
        sum.best = memheap_max(sum.best, child.best);
        sum.suffix =
            child.prefix == span ? sum.suffix + span : (size_t)child.suffix;
    }
    return sum;
}

/* Set all fragments of a node. Returns whether it changed. */
static bool fill(fragments_t *f, unsigned level, size_t index, bool is_free)
{
    if (level == 0) {
        uint64_t before = f->bits[index];
        f->bits[index] = is_free ? UINT64_MAX : 0;
        f->best[index] = is_free ? WORD : 0;
        return before != f->bits[index];
    }
    size_t all = is_free ? span_of(level) : 0;
    fragment_run_t whole = {all, all, all};
    bool changed = !run_equal(&f->node[level][index], &whole);
    f->node[level][index] = whole;
    return changed;
}

/* Fast path of set_range(): the fragments are in one word, and no node above
 * is entirely free or in use. Updates upwards while nodes change. Returns
 * false if the fast path does not apply. */
static bool set_in_word(fragments_t *f, size_t first, size_t end, bool is_free)
{
    size_t word = first / WORD;
    if ((end - 1) / WORD != word || end - first == WORD)
        return false;
    for (unsigned level = f->root_level; level > 0; level--) {
        size_t best = f->node[level][word >> (3 * level)].best;
        if (best == 0 || best == span_of(level))
            return false;
    }
    uint64_t mask = (((uint64_t)1 << (end - first)) - 1) << first % WORD;
    fragment_run_t before = run_of(f, 0, word);
    f->bits[word] = is_free ? f->bits[word] | mask : f->bits[word] & ~mask;
    f->best[word] = (uint8_t)longest_run(f->bits[word]);
    fragment_run_t after = run_of(f, 0, word);
    for (unsigned level = 1;
         level <= f->root_level && !run_equal(&before, &after); level++) {
        fragment_run_t *run = &f->node[level][word >> (3 * level)];
        before = *run;
        *run = after = combine(f, level, word >> (3 * level));
    }
    return true;
}

/* Set the fragments of [first, end) that are in a node. Returns whether the
 * node, or the word at level 0, changed. */
static bool set(fragments_t *f, unsigned level, size_t index, size_t first,
                size_t end, bool is_free)
{
    size_t span = span_of(level);
    size_t start = index * span;
    if (first <= start && start + span <= end)
        return fill(f, level, index, is_free);
    size_t from = memheap_max(first, start);
    size_t to = memheap_min(end, start + span);
    if (level == 0) {
        uint64_t mask = (((uint64_t)1 << (to - from)) - 1) << (from - start);
        if (is_free)
            f->bits[index] |= mask;
        else
            f->bits[index] &= ~mask;
        f->best[index] = (uint8_t)longest_run(f->bits[index]);
        return true;
    }
    fragment_run_t *run = &f->node[level][index];
    if (run->best == 0 || run->best == span) {
        for (size_t i = 0; i < FANOUT; i++)
            fill(f, level - 1, index * FANOUT + i, run->best != 0);
    }
    size_t child = span / FANOUT;
    bool changed = false;
    for (size_t i = from / child; i <= (to - 1) / child; i++)
        changed = set(f, level - 1, i, first, end, is_free) || changed;
    if (!changed)
        return false;
    fragment_run_t sum = combine(f, level, index);
    changed = !run_equal(run, &sum);
    *run = sum;
    return changed;
}

/* Find `count` free fragments in a node that is neither entirely free nor in
 * use. On entry *run_p is the length of the free run that ends where the node
 * starts; on return, of the one that ends where the node ends. */
static bool find(const fragments_t *f, unsigned level, size_t index,
                 size_t count, size_t from, size_t *run_p, size_t *first_p)
{
    size_t span = span_of(level - 1);
    size_t before = *run_p;
    for (size_t i = index * FANOUT; i < (index + 1) * FANOUT; i++) {
        size_t start = i * span;
        if (start + span <= from)
            continue;
        fragment_run_t run = run_of(f, level - 1, i);
        uint64_t word = level == 1 ? f->bits[i] : 0;
        bool down = level > 1 && run.best != 0 && run.best != span;
        if (MEMHEAP_UNLIKELY(start < from)) {
            if (level == 1) {
                word = word >> (from - start) << (from - start);
                run = word_run(word, longest_run(word));
            } else if (run.best == span) {
                run.prefix = run.suffix = run.best = start + span - from;
                start = from;
            } else if (down) {
                *run_p = 0;
                if (find(f, level - 1, i, count, from, run_p, first_p))
                    return true;
                before = *run_p;
                continue;
            }
        }
        if (before + run.prefix >= count) {
            *first_p = start - before;
            return true;
        }
        if (run.best >= count) {
            *run_p = 0;
            if (down)
                return find(f, level - 1, i, count, from, run_p, first_p);
            *first_p = start + lowest_run(word, (unsigned)count);
            return true;
        }
        before = run.prefix == span ? before + span : (size_t)run.suffix;
    }
    *run_p = before;
    return false;
}

size_t fragments_find(const fragments_t *f, size_t count, size_t from)
{
    size_t run = 0;
    size_t first;
    size_t best = f->node[f->root_level][0].best;
    if (best < count || from >= f->top ||
        !find(f, f->root_level, 0, count, from, &run, &first))
        return FRAGMENT_NONE;
    return first;
}

/* The first fragment at or after `first` that is in use, or the node's end. */
static size_t end_of(const fragments_t *f, unsigned level, size_t index,
                     size_t first)
{
    size_t span = span_of(level);
    size_t start = index * span;
    if (level == 0) {
        uint64_t used = ~f->bits[index];
        if (start < first)
            used = used >> (first - start) << (first - start);
        return used == 0 ? start + span
                         : start + (unsigned)__builtin_ctzll(used);
    }
    const fragment_run_t *run = &f->node[level][index];
    if (run->best == span)
        return start + span;
    if (run->best == 0)
        return memheap_max(start, first);
    if (first <= start && run->prefix > 0)
        return start + run->prefix;
    size_t child = span / FANOUT;
    size_t i = first <= start ? 0 : (first - start) / child;
    for (; i < FANOUT; i++) {
        size_t end = end_of(f, level - 1, index * FANOUT + i, first);
        if (end < start + (i + 1) * child)
            return end;
    }
    return start + span;
}

size_t fragments_end(const fragments_t *f, size_t first)
{
    if (first >= f->top)
        return SIZE_MAX;
    size_t end = end_of(f, f->root_level, 0, first);
    return end >= f->top ? SIZE_MAX : end;
}

/* The start of the free run that ends at `end`, or at the node's end if that
 * is lower. Not below the node's start. */
static size_t begin_of(const fragments_t *f, unsigned level, size_t index,
                       size_t end)
{
    size_t span = span_of(level);
    size_t start = index * span;
    size_t stop = memheap_min(end, start + span);
    if (level == 0) {
        uint64_t used = ~f->bits[index] << (WORD - (stop - start));
        return used == 0 ? start : stop - (unsigned)__builtin_clzll(used);
    }
    const fragment_run_t *run = &f->node[level][index];
    if (run->best == span)
        return start;
    if (run->best == 0)
        return stop;
    size_t child = span / FANOUT;
    for (size_t i = (stop - start - 1) / child + 1; i-- > 0;) {
        size_t begin = begin_of(f, level - 1, index * FANOUT + i, stop);
        if (begin > start + i * child)
            return begin;
    }
    return start;
}

static void set_range(fragments_t *f, size_t first, size_t end, bool is_free)
{
    if (!set_in_word(f, first, end, is_free))
        set(f, f->root_level, 0, first, end, is_free);
}

/* Raise the top. The tree gets another level if the top exceeds its root. */
static void top_raise(fragments_t *f, size_t top)
{
    f->top = top;
    while (span_of(f->root_level) < top) {
        f->root_level++;
        f->node[f->root_level][0] = combine(f, f->root_level, 0);
    }
}

void fragments_take(fragments_t *f, size_t first, size_t count)
{
    size_t old = f->top;
    if (first + count > old) {
        top_raise(f, first + count);
        if (first > old)
            set_range(f, old, first, true);
    }
    if (first < old)
        set_range(f, first, memheap_min(first + count, old), false);
}

void fragments_give(fragments_t *f, size_t first, size_t count)
{
    if (first + count < f->top) {
        set_range(f, first, first + count, true);
        return;
    }
    f->top = first == 0 ? 0 : begin_of(f, f->root_level, 0, first);
    if (f->top < first)
        set_range(f, f->top, first, false);
}

size_t fragments_best(const fragments_t *f)
{
    return f->node[f->root_level][0].best;
}

static bool check(const fragments_t *f, unsigned level, size_t index)
{
    size_t span = span_of(level);
    size_t start = index * span;
    fragment_run_t run = run_of(f, level, index);
    if (start >= f->top)
        return run.best == 0;
    if (start + span >= f->top && run.best != 0 &&
        begin_of(f, level, index, f->top) < memheap_min(f->top, start + span))
        return false;
    if (level == 0)
        return start + span <= f->top ||
               f->bits[index] >> (f->top - start) == 0;
    if (run.best == 0 || run.best == span)
        return run.prefix == run.best && run.suffix == run.best;
    fragment_run_t sum = combine(f, level, index);
    bool right = run_equal(&run, &sum);
    for (size_t i = 0; i < FANOUT && level == 1; i++) {
        size_t word = index * FANOUT + i;
        right = right && f->best[word] == longest_run(f->bits[word]);
    }
    for (size_t i = 0; i < FANOUT && right; i++)
        right = check(f, level - 1, index * FANOUT + i);
    return right;
}

bool fragments_check(const fragments_t *f)
{
    return check(f, f->root_level, 0);
}

memheap_status_t fragments_open(fragments_t *f, const memheap_memory_t *memory,
                                size_t max_size)
{
    size_t offset[FRAGMENT_LEVELS];
    size_t words = memheap_align_up(max_size / FRAGMENT / WORD + 1, FANOUT);
    size_t bytes = words * sizeof(uint64_t);
    unsigned levels = 1;
    for (size_t nodes = words / FANOUT; levels < FRAGMENT_LEVELS; levels++) {
        offset[levels] = bytes;
        bytes += memheap_align_up(nodes, FANOUT) * sizeof(fragment_run_t);
        if (nodes == 1)
            break;
        nodes = memheap_align_up(nodes, FANOUT) / FANOUT;
    }
    size_t best = bytes;
    bytes += words;
    char *base = memheap_memory_new(memory, bytes);
    if (base == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    *f = (fragments_t){.root_level = 1, .memory = memory, .bytes = bytes};
    f->bits = (uint64_t *)(void *)base;
    f->best = (uint8_t *)(void *)(base + best);
    for (unsigned level = 1; level <= levels && level < FRAGMENT_LEVELS;
         level++)
        f->node[level] = (fragment_run_t *)(void *)(base + offset[level]);
    return MEMHEAP_OK;
}

void fragments_close(fragments_t *f)
{
    if (f->bits != NULL)
        memheap_memory_delete(f->memory, f->bits, f->bytes);
    *f = (fragments_t){0};
}
