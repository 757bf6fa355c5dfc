/*
 * Heat in a square plate. Each PE holds a band of rows. The upper edge is kept
 * hot, the other edges are kept cold, and a hot disc cools down. Each band has
 * a ghost row above and one below, for the outermost rows of its neighbours. A
 * PE puts its outermost rows there, with a signal that holds the number of the
 * step. So a PE waits for its two neighbours only, and no barrier is needed.
 * PE 0 gets the rows of all PEs and draws the plate.
 *
 *     oshcc -O2 -DPICTURE_PNG heat.c -lpng -o heat
 *     oshrun -n 4 ./heat                        # writes heat.png
 *     oshrun -n 4 ./heat 500 20000 large.png
 *     oshrun -n 4 ./heat 500 20000 large.png saved 1000
 *
 * The last form saves the symmetric heap after each 1000 steps, to saved.0 and
 * so on. If it is ended half way, the same command goes on from there. Without
 * libpng, oshcc -O2 heat.c -o heat is enough, and the pictures are PPM.
 */
#include "picture.h"

#include <shmem.h>
#include <shmemx.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each step reads one generation of the plate and writes the other. A neighbour
 * overwrites the ghost row of step s in its step s + 2. It starts that step
 * only after it has my row of step s + 1, and I send that row after I have read
 * the ghost row. So two generations are enough, and two signals: from above and
 * from below. */
static uint64_t arrived[2];

enum {
    ABOVE,
    BELOW
};

/* What a PE has of the plate, in the symmetric heap. */
typedef struct state {
    size_t size, done; /* cells in a row; steps */
    double *now, *next;
} state_t;

/* Return the first row of a PE's band. For PE n, return the number of rows. */
static size_t first_row(size_t size, int pe, int n)
{
    return size * (size_t)pe / (size_t)n;
}

/* Get a row of the plate from the PE that has it. Row 0 is above the plate. */
static void get_row(double *row, const double *plate, size_t size, size_t i,
                    int n)
{
    int pe = 0;
    while (pe < n - 1 && i > first_row(size, pe + 1, n))
        pe++;
    shmem_double_get(row, &plate[(i - first_row(size, pe, n)) * (size + 2)],
                     size + 2, pe);
}

/* Draw the plate, whatever its size, as a square picture: each pixel has its
 * colour from the four cells around it. */
static int draw(const char *name, const double *plate, size_t size, int n)
{
    enum {
        SIDE = 1024 /* pixels */
    };
    double *above = malloc((size + 2) * sizeof(*above));
    double *below = malloc((size + 2) * sizeof(*below));
    unsigned char *pixels = malloc(3 * SIDE * SIDE);
    size_t last = size + 2; /* the row in `below`; at first none */
    if (above == NULL || below == NULL || pixels == NULL)
        shmem_global_exit(1);
    for (size_t y = 0; y < SIDE; y++) {
        double v = ((double)y + 0.5) / SIDE * (double)size + 0.5;
        size_t i = (size_t)v;
        if (last != i + 1) {
            get_row(above, plate, size, i, n);
            get_row(below, plate, size, i + 1, n);
            last = i + 1;
        }
        v -= (double)i;
        for (size_t x = 0; x < SIDE; x++) {
            double u = ((double)x + 0.5) / SIDE * (double)size + 0.5;
            size_t j = (size_t)u;
            u -= (double)j;
            picture_colour((1 - v) * ((1 - u) * above[j] + u * above[j + 1]) +
                               v * ((1 - u) * below[j] + u * below[j + 1]),
                           &pixels[3 * (y * SIDE + x)]);
        }
    }
    int good = picture_write(name, pixels, SIDE, SIDE);
    free(pixels);
    free(below);
    free(above);
    return good;
}

/* Save the heap to NAME.PE. It replaces an older save after all PEs have
 * written theirs. */
static void save(const char *name, const state_t *state)
{
    char old[4096];
    char path[4096];
    snprintf(old, sizeof(old), "%s.%d", name, shmem_my_pe());
    snprintf(path, sizeof(path), "%s.%d.new", name, shmem_my_pe());
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    int failed = shmemx_heap_save(state, fd);
    if (fd >= 0)
        close(fd);
    if (!failed && rename(path, old) != 0) {
        perror(path);
        failed = 1;
    }
    if (failed)
        shmem_global_exit(1);
}

/* Load a heap that save() has written. Return NULL if there is none. */
static state_t *load(const char *name)
{
    char path[4096];
    void *state = NULL;
    snprintf(path, sizeof(path), "%s.%d", name, shmem_my_pe());
    int fd = open(path, O_RDONLY);
    static int found, any;
    found = fd >= 0;
    shmem_int_max_reduce(SHMEM_TEAM_WORLD, &any, &found, 1);
    if (any && shmemx_heap_load(fd, &state) != 0)
        shmem_global_exit(1);
    if (fd >= 0)
        close(fd);
    return state;
}

/* Allocate the same size on every PE: the longest band and its ghost rows. The
 * arrays include the cells around the plate, which never change. */
static state_t *begin(size_t size, size_t first, size_t rows)
{
    size_t width = size + 2;
    size_t cells = (size / (size_t)shmem_n_pes() + 3) * width;
    state_t *state = shmem_malloc(sizeof(*state));
    double *now = shmem_calloc(cells, sizeof(*now));
    double *next = shmem_calloc(cells, sizeof(*next));
    if (state == NULL || now == NULL || next == NULL)
        shmem_global_exit(1);
    for (size_t j = 0; shmem_my_pe() == 0 && j < width; j++)
        now[j] = next[j] = 1;
    for (size_t i = 0; i < rows + 2; i++) {
        for (size_t j = 1; j <= size; j++) {
            double y = ((double)(first + i) - 0.5) / (double)size - 0.6;
            double x = ((double)j - 0.5) / (double)size - 0.5;
            if (x * x + y * y < 0.04)
                now[i * width + j] = 1;
        }
    }
    *state = (state_t){size, 0, now, next};
    return state;
}

int main(int argc, char **argv)
{
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    int help = argc > 1 && strcmp(argv[1], "--help") == 0;
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 256;
    size_t steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 4000;
    const char *name = argc > 3 ? argv[3] : PICTURE_NAME;
    const char *saved = argc > 4 ? argv[4] : NULL;
    size_t each = argc > 5 ? strtoul(argv[5], NULL, 10) : 1000;
    if (help || argc > 6 || each == 0 || size < (size_t)n || size > 100000) {
        if (me == 0)
            fprintf(help ? stdout : stderr,
                    "Usage: heat [SIZE [STEPS [FILE [SAVED [EACH]]]]]\n"
                    "Draws a plate of SIZE x SIZE cells (256, and at least the "
                    "number of PEs)\nafter STEPS steps (4000) into the picture "
                    "FILE (" PICTURE_NAME
                    "). Saves its state to\nSAVED.0, SAVED.1 and "
                    "so on after EACH steps (1000), and goes on from there.\n");
        shmem_finalize();
        return help ? 0 : 2;
    }

    size_t width = size + 2;
    size_t first = first_row(size, me, n);
    size_t rows = first_row(size, me + 1, n) - first;
    state_t *state = saved == NULL ? NULL : load(saved);
    if (state == NULL)
        state = begin(size, first, rows);
    if (state->size != size) {
        if (me == 0)
            fprintf(stderr, "%s.0 has a plate of %zu x %zu cells\n", saved,
                    state->size, state->size);
        shmem_barrier_all();
        shmem_global_exit(2);
    }
    arrived[ABOVE] = arrived[BELOW] = state->done;
    /* Index of the lower ghost row of the neighbour above. */
    size_t rows_above = me > 0 ? first - first_row(size, me - 1, n) : 0;
    shmem_barrier_all();

    while (state->done < steps) {
        size_t step = state->done + 1;
        const double *now = state->now;
        double *next = state->next;
        if (me > 0)
            shmem_signal_wait_until(&arrived[ABOVE], SHMEM_CMP_GE, step - 1);
        if (me < n - 1)
            shmem_signal_wait_until(&arrived[BELOW], SHMEM_CMP_GE, step - 1);
        for (size_t i = 1; i <= rows; i++) {
            const double *row = &now[i * width];
            for (size_t j = 1; j <= size; j++)
                next[i * width + j] =
                    row[j] + 0.2 * (row[j - 1] + row[j + 1] + row[j - width] +
                                    row[j + width] - 4 * row[j]);
        }
        if (me > 0)
            shmem_double_put_signal(&next[(rows_above + 1) * width],
                                    &next[width], width, &arrived[BELOW], step,
                                    SHMEM_SIGNAL_SET, me - 1);
        if (me < n - 1)
            shmem_double_put_signal(&next[0], &next[rows * width], width,
                                    &arrived[ABOVE], step, SHMEM_SIGNAL_SET,
                                    me + 1);
        state->next = state->now;
        state->now = next;
        state->done = step;
        if (saved != NULL && step % each == 0)
            save(saved, state);
    }
    shmem_barrier_all();

    int good = 1;
    if (me == 0) {
        good = draw(name, state->now, size, n);
        if (good)
            printf("%s: %zu x %zu cells after %zu steps on %d PEs\n", name,
                   size, size, steps, n);
    }
    shmem_free(state->next);
    shmem_free(state->now);
    shmem_free(state);
    shmem_finalize();
    return good ? 0 : 1;
}
