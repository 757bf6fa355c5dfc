/*
 * A distributed bucket sort of integers. Each PE draws random keys, sends each
 * key to the PE that owns its part of the range, and sorts the keys that it
 * received. The receive buffers of all PEs must have the same size, that of the
 * largest bucket. shmem_realloc() enlarges them from round to round.
 *
 *     mpicc sort.c $(pkg-config --cflags --libs shmem) -o sort
 *     mpirun -n 4 ./sort [keys for each PE]
 */
#include <shmem.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ROUNDS = 4
};

static const uint32_t key_end = UINT32_C(1) << 28;

static uint32_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % key_end;
}

static int owner(uint32_t key, int n)
{
    return (int)((uint64_t)key * (uint64_t)n / key_end);
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Order keys by owner. start[pe] is the index of the first key of a PE. */
static void bucket(const uint32_t *keys, size_t count, uint32_t *ordered,
                   size_t *start, int n)
{
    for (int pe = 0; pe <= n; pe++)
        start[pe] = 0;
    for (size_t i = 0; i < count; i++)
        start[owner(keys[i], n) + 1]++;
    for (int pe = 0; pe < n; pe++)
        start[pe + 1] += start[pe];
    size_t *next = malloc((size_t)n * sizeof(*next));
    for (int pe = 0; pe < n; pe++)
        next[pe] = start[pe];
    for (size_t i = 0; i < count; i++)
        ordered[next[owner(keys[i], n)]++] = keys[i];
    free(next);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    uint64_t state = (uint64_t)me + 1;

    /* sent[from * n + to]: after the exchange, every PE has the same table. */
    size_t table = (size_t)n * (size_t)n;
    size_t *sent = shmem_calloc(table, sizeof(*sent));
    size_t *start = malloc(((size_t)n + 1) * sizeof(*start));
    uint32_t *received = NULL;
    size_t capacity = 0;
    int wrong = 0;

    for (int round = 1; round <= ROUNDS; round++) {
        size_t keys_now = count * (size_t)round;
        uint32_t *keys = malloc(keys_now * sizeof(*keys));
        uint32_t *ordered = malloc(keys_now * sizeof(*ordered));
        for (size_t i = 0; i < keys_now; i++)
            keys[i] = draw(&state);
        bucket(keys, keys_now, ordered, start, n);

        /* Send my row of the table to every PE. */
        for (int to = 0; to < n; to++)
            sent[me * n + to] = start[to + 1] - start[to];
        for (int pe = 0; pe < n; pe++)
            shmem_putmem(&sent[me * n], &sent[me * n],
                         (size_t)n * sizeof(*sent), pe);
        shmem_barrier_all();

        /* All PEs compute the same size, so all make the same call. */
        size_t fullest = 0;
        for (int to = 0; to < n; to++) {
            size_t sum = 0;
            for (int from = 0; from < n; from++)
                sum += sent[from * n + to];
            fullest = sum > fullest ? sum : fullest;
        }
        if (fullest > capacity) {
            received = shmem_realloc(received, fullest * sizeof(*received));
            if (received == NULL)
                shmem_global_exit(1);
            capacity = fullest;
        }

        /* My keys for a PE follow those of all PEs with lower numbers. */
        for (int to = 0; to < n; to++) {
            size_t place = 0;
            for (int from = 0; from < me; from++)
                place += sent[from * n + to];
            shmem_putmem(received + place, ordered + start[to],
                         sent[me * n + to] * sizeof(*received), to);
        }
        shmem_barrier_all();

        size_t mine = 0;
        for (int from = 0; from < n; from++)
            mine += sent[from * n + me];
        qsort(received, mine, sizeof(*received), compare);
        for (size_t i = 0; i < mine; i++)
            wrong += owner(received[i], n) != me;
        shmem_barrier_all();
        if (me == 0)
            printf("round %d: %zu keys, receive buffers of %zu at %p\n", round,
                   keys_now * (size_t)n, capacity, (void *)received);
        free(keys);
        free(ordered);
    }
    if (wrong > 0)
        printf("PE %d: %d keys are in the wrong place\n", me, wrong);
    else if (me == 0)
        printf("sorted\n");
    free(start);
    shmem_free(received);
    shmem_free(sent);
    shmem_finalize();
    return wrong > 0;
}
