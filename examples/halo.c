/*
 * A halo exchange: heat flows along a rod. Each PE holds one part of the rod,
 * with a ghost cell at either end. A ghost cell is a copy of the neighbour's
 * outermost cell. In each step, a PE puts its own outermost cells into the
 * ghost cells of its neighbours.
 *
 *     mpicc halo.c $(pkg-config --cflags --libs shmem) -o halo
 *     mpirun -n 4 ./halo
 */
#include <shmem.h>

#include <stdio.h>

enum {
    CELLS = 200, /* per PE */
    STEPS = 2000
};

int main(void)
{
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();

    /* Two generations. Cells 0 and CELLS + 1 are ghosts. The left end of the
     * rod is kept at 1, the right end at 0. */
    double *now = shmem_calloc(CELLS + 2, sizeof(*now));
    double *next = shmem_calloc(CELLS + 2, sizeof(*next));
    if (now == NULL || next == NULL)
        shmem_global_exit(1);
    if (me == 0)
        now[0] = next[0] = 1;
    shmem_barrier_all();

    for (int step = 0; step < STEPS; step++) {
        if (me > 0)
            shmem_putmem(&now[CELLS + 1], &now[1], sizeof(*now), me - 1);
        if (me < n - 1)
            shmem_putmem(&now[0], &now[CELLS], sizeof(*now), me + 1);
        shmem_barrier_all();
        for (int i = 1; i <= CELLS; i++)
            next[i] = now[i] + 0.25 * (now[i - 1] - 2 * now[i] + now[i + 1]);
        double *swap = now;
        now = next;
        next = swap;
    }

    /* Heat flows from left to right only, so values never rise. */
    int sound = 1;
    for (int i = 1; i < CELLS; i++)
        sound = sound && now[i] >= now[i + 1] && now[i] <= 1 && now[i] >= 0;
    printf("PE %d: from %.6f to %.6f%s\n", me, now[1], now[CELLS],
           sound ? "" : ", which is wrong");
    shmem_free(next);
    shmem_free(now);
    shmem_finalize();
    return sound ? 0 : 1;
}
