/*
 * Compares the ways of shmem/copy.c to copy a block, by size and by where the
 * blocks are.
 *
 *   copy-ways [FROM TO [SOURCE DEST [ROUNDS]]]
 *
 * Sizes are FROM, one and a half times that, twice that and so on, up to TO
 * (default: 8 bytes to 64 MiB). SOURCE and DEST are added to the addresses of
 * the blocks, which begin at cache lines otherwise.
 *
 * Each line has the GB/s of a way, as the median over ROUNDS (default: 21)
 * batches, in which the ways alternate; the best way but the last column's; and
 * the share of it that memheap has. The blocks:
 *
 *   same         the same two blocks in each call
 *   window       64 consecutive blocks in turn, on both sides
 *   from memory  source blocks from all over 256 MiB, in order; one destination
 *   to memory    the reverse
 *   both         both in memory, in order
 *   apart        the same, with gaps
 */
#define _GNU_SOURCE     /* memfd_create() */
#include "shmem/copy.c" /* its ways are static */

#include "common/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    POOL = 256 << 20,
    MAX_ROUNDS = 1001,
    WINDOW = 64,
    BATCH = 1024 * 1024 /* bytes of a batch, at least */
};

typedef void way_t(char *dest, const char *source, size_t size);

static void by_memcpy(char *dest, const char *source, size_t size)
{
    memcpy(dest, source, size);
}

static void by_memheap(char *dest, const char *source, size_t size)
{
    memheap_copy(dest, source, size);
}

#ifdef __x86_64__
static void by_string(char *dest, const char *source, size_t size)
{
    __asm__ volatile("rep movsb"
                     : "+D"(dest), "+S"(source), "+c"(size)
                     :
                     : "memory");
}

static void by_wide(char *dest, const char *source, size_t size)
{
    if (size < STEP)
        memcpy(dest, source, size);
    else
        copy_wide(dest, source, size);
}

static void by_stream(char *dest, const char *source, size_t size)
{
    if (size < STEP)
        memcpy(dest, source, size);
    else
        copy_past_caches(dest, source, size);
}
#endif

static const struct {
    const char *name;
    way_t *copy;
    int wide; /* it takes AVX-512 */
} ways[] = {{"memcpy", by_memcpy, 0},
#ifdef __x86_64__
            {"string", by_string, 0},
            {"wide", by_wide, 1},
            {"stream", by_stream, 1},
#endif
            {"memheap", by_memheap, 0}};

enum {
    WAYS = sizeof(ways) / sizeof(ways[0])
};

/* Where the blocks are: how many of them a side has (0: all of the pool), and
 * whether there are gaps. */
static const struct {
    const char *name;
    size_t sources, dests;
    int apart;
} places[] = {{"same", 1, 1, 0},        {"window", WINDOW, WINDOW, 0},
              {"from memory", 0, 1, 0}, {"to memory", 1, 0, 0},
              {"both", 0, 0, 0},        {"apart", 0, 0, 1}};

/* Memory as that of a heap: a shared memory file. */
static char *pool(void)
{
    size_t room = POOL + 4096;
    int file = memfd_create("copy-ways", 0);
    char *base = MAP_FAILED;
    if (file >= 0 && ftruncate(file, (off_t)room) == 0)
        base = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (base == MAP_FAILED) {
        perror("copy-ways");
        exit(1);
    }
    return memset(base, 1, room);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void measure(int place, size_t size, char *from, char *to, int rounds)
{
    static double sample[WAYS][MAX_ROUNDS];
    size_t line = (size + 63) / 64 * 64;
    size_t step = places[place].apart ? line * 3 + 5 * 4096 : line;
    size_t all = step < POOL ? POOL / step : 1;
    size_t sources =
        least(places[place].sources ? places[place].sources : all, all);
    size_t dests = least(places[place].dests ? places[place].dests : all, all);
    size_t calls = least(BATCH / size + 1, 512);
    size_t i = 0;
    double best = 0;
    double rate = 0;
    int best_way = 0;
    for (int round = 0; round < rounds; round++) {
        for (int k = 0; k < WAYS; k++) {
            int way = (k + round) % WAYS;
            double start = 0;
#ifdef __x86_64__
            if (ways[way].wide && !__builtin_cpu_supports("avx512f"))
                continue;
#endif
            /* Not the first half: the caches are as the way before left them.
             */
            for (size_t n = 0; n < 2 * calls; n++, i++) {
                if (n == calls)
                    start = now();
                ways[way].copy(to + i % dests * step, from + i % sources * step,
                               size);
            }
            sample[way][round] = (now() - start) / (double)calls;
        }
    }
    printf("%-12s %9zu", places[place].name, size);
    for (int way = 0; way < WAYS; way++) {
        qsort(sample[way], (size_t)rounds, sizeof(double), compare);
        double median = sample[way][rounds / 2];
        rate = median > 0 ? (double)size / median : 0;
        if (rate > best && way < WAYS - 1) {
            best = rate;
            best_way = way;
        }
        printf(" %8.2f", rate);
    }
    printf("  %-8s %5.2f\n", ways[best_way].name, rate / best);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t first = argc > 2 ? strtoull(argv[1], NULL, 0) : 8;
    size_t last = argc > 2 ? strtoull(argv[2], NULL, 0) : 64 << 20;
    size_t source = argc > 4 ? strtoull(argv[3], NULL, 0) : 0;
    size_t dest = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
    int rounds = argc > 5 ? atoi(argv[5]) : 21;
    if (first < 1 || last > 64 << 20 || source > 4096 || dest > 4096 ||
        rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: copy-ways [FROM TO [SOURCE DEST [ROUNDS]]]\n");
        return 2;
    }
    char *from = pool();
    char *to = pool();
    printf("%-12s %9s", "blocks", "bytes");
    for (int way = 0; way < WAYS; way++)
        printf(" %8s", ways[way].name);
    printf("  %-8s %5s\n", "best", "share");
    for (size_t place = 0; place < sizeof(places) / sizeof(places[0]);
         place++) {
        for (size_t size = first; size <= last; size *= 2) {
            measure((int)place, size, from + source, to + dest, rounds);
            if (size / 2 * 3 <= last && size > 1)
                measure((int)place, size / 2 * 3, from + source, to + dest,
                        rounds);
        }
    }
    return 0;
}
