/*
 * Measures the memory of a PE: before and after shmem_init(), and after the PE
 * has communicated with no other PE, with one, and with all.
 *
 * Memory is the proportional set size that the kernel reports: each process
 * counts its share of a shared page. So the sum over the PEs of a node is the
 * memory that the job takes from the node. Time is that of shmem_init() when
 * MPI is already initialized. Memory figures are means over the PEs; the time
 * is the maximum.
 */
#include <mpi.h>
#include <shmem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Return the bytes of this process in a line of smaps_rollup. */
static double bytes_of(const char *what)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL) {
        perror("/proc/self/smaps_rollup");
        exit(EXIT_FAILURE);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t length = strlen(what);
        if (strncmp(line, what, length) == 0)
            kib = strtod(line + length, NULL);
    }
    fclose(file);
    return kib * 1024;
}

static double mean(double value)
{
    double sum;
    int size;
    MPI_Allreduce(&value, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return sum / size;
}

/* Print the growth since the last call. */
static void report(const char *when)
{
    static double before[2];
    double now[] = {mean(bytes_of("Pss_Anon:")), mean(bytes_of("Pss_Shmem:"))};
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 0)
        printf("%-28s %10.0f %10.0f\n", when, now[0] - before[0],
               now[1] - before[1]);
    before[0] = now[0];
    before[1] = now[1];
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 0)
        printf("%-28s %10s %10s\n", "bytes of a PE, added by", "its own",
               "its share");
    report("MPI_Init");
    double start = MPI_Wtime();
    shmem_init();
    double mine = MPI_Wtime() - start;
    double seconds;
    MPI_Reduce(&mine, &seconds, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    report("shmem_init");
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    long *word = shmem_calloc(1, sizeof(*word));
    report("a block, and its agreement");
    shmem_long_atomic_inc(word, (me + 1) % n);
    shmem_barrier_all();
    report("talking to the next PE");
    for (int i = 0; i < n; i++) {
        shmem_long_atomic_inc(word, (me + i) % n);
        shmem_quiet();
    }
    shmem_barrier_all();
    report("talking to all PEs");
    if (me == 0)
        printf("shmem_init took %.1f ms\n", seconds * 1e3);
    shmem_finalize();
    MPI_Finalize();
    return 0;
}
