/*
 * Counts how often each word occurs in a text. The table of words is
 * distributed over the PEs. Each PE reads its part of the file and counts its
 * words in the tables of all PEs, with atomic operations only. A word is a run
 * of ASCII letters, in upper or lower case. Words of more than 31 letters are
 * cut.
 *
 *     oshcc -O2 histogram.c -o histogram
 *     oshrun -n 4 ./histogram FILE [words to print]
 */
#include <shmem.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LETTERS = 32,   /* bytes of a word, with the final 0 */
    SLOTS = 1 << 15 /* per PE */
};

/* A 64-bit hash identifies a word. A collision within one text is too unlikely
 * to matter. */
typedef struct slot {
    uint64_t hash; /* 0: free */
    uint64_t count;
    char word[LETTERS];
} slot_t;

static uint64_t hash_of(const char *word)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *word != 0; word++)
        hash = (hash ^ (unsigned char)*word) * UINT64_C(1099511628211);
    return hash == 0 ? 1 : hash;
}

/* Increment the count of a word. The search starts at the slot that the hash
 * gives, and ends at the word's slot or at a free slot, which it claims. */
static void count(slot_t *table, const char *word, int n)
{
    uint64_t hash = hash_of(word);
    uint64_t slots = (uint64_t)n * SLOTS;
    for (uint64_t i = 0; i < slots; i++) {
        uint64_t place = (hash + i) % slots;
        slot_t *slot = &table[place % SLOTS];
        int pe = (int)(place / SLOTS);
        uint64_t old =
            shmem_uint64_atomic_compare_swap(&slot->hash, 0, hash, pe);
        if (old == 0)
            shmem_putmem(slot->word, word, LETTERS, pe);
        if (old == 0 || old == hash) {
            shmem_uint64_atomic_inc(&slot->count, pe);
            return;
        }
    }
    fprintf(stderr, "histogram: more than %zu words\n", (size_t)slots);
    shmem_global_exit(1);
}

/* Count the words that start in bytes [start, end) of the file. */
static void read_part(FILE *file, long start, long end, slot_t *table, int n)
{
    char word[LETTERS] = "";
    size_t length = 0;
    /* A word that started earlier belongs to another PE. */
    int inside = 0;
    if (start > 0) {
        fseek(file, start - 1, SEEK_SET);
        inside = isalpha(getc(file)) != 0;
    }
    for (long at = start; at < end || length > 0; at++) {
        int c = getc(file);
        if (c != EOF && isalpha(c)) {
            if (!inside && length < LETTERS - 1)
                word[length++] = (char)tolower(c);
            continue;
        }
        if (length > 0)
            count(table, word, n);
        memset(word, 0, sizeof(word));
        length = 0;
        inside = 0;
        if (c == EOF)
            return;
    }
}

/* Order by descending count, and words of equal counts by name. */
static int compare(const void *a, const void *b)
{
    const slot_t *left = a;
    const slot_t *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->word, right->word);
}

int main(int argc, char **argv)
{
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    size_t top = argc > 2 ? strtoul(argv[2], NULL, 10) : 10;
    if (argc < 2 || argc > 3 || top < 1 || top > SLOTS) {
        if (me == 0)
            fprintf(stderr, "Usage: histogram FILE [words to print]\n");
        shmem_finalize();
        return 2;
    }
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(argv[1]);
        shmem_global_exit(1);
    }
    long size = ftell(file);

    slot_t *table = shmem_calloc(SLOTS, sizeof(*table));
    if (table == NULL)
        shmem_global_exit(1);
    rewind(file);
    read_part(file, (long)((long long)size * me / n),
              (long)((long long)size * (me + 1) / n), table, n);
    fclose(file);
    shmem_barrier_all();

    /* Each PE moves its own most frequent words to the front of its table. The
     * most frequent words of all PEs are among these, so PE 0 reads only them.
     */
    static uint64_t mine[2]; /* number of words, and of distinct words */
    static uint64_t all[2];
    for (size_t i = 0; i < SLOTS; i++) {
        mine[0] += table[i].count;
        mine[1] += table[i].count > 0;
    }
    shmem_uint64_sum_reduce(SHMEM_TEAM_WORLD, all, mine, 2);
    qsort(table, SLOTS, sizeof(*table), compare);
    shmem_barrier_all();

    if (me == 0) {
        slot_t *best = malloc((size_t)n * top * sizeof(*best));
        if (best == NULL)
            shmem_global_exit(1);
        for (int pe = 0; pe < n; pe++)
            shmem_getmem(&best[(size_t)pe * top], table, top * sizeof(*table),
                         pe);
        qsort(best, (size_t)n * top, sizeof(*best), compare);
        printf("%llu words, %llu different ones\n", (unsigned long long)all[0],
               (unsigned long long)all[1]);
        for (size_t i = 0; i < top && best[i].count > 0; i++)
            printf("%7llu %s\n", (unsigned long long)best[i].count,
                   best[i].word);
        free(best);
    }
    shmem_free(table);
    shmem_finalize();
    return 0;
}
