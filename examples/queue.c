/*
 * A queue of tasks of different lengths. Each task counts the primes in a part
 * of a range. The queue is on PE 0. An idle PE locks the queue and takes the
 * next task. It puts the result to PE 0 with a signal, so PE 0 knows when all
 * results have arrived.
 *
 *     oshcc -O2 queue.c -o queue
 *     oshrun -n 4 ./queue [end of the range]
 */
#include <shmem.h>

#include <stdio.h>
#include <stdlib.h>

enum {
    TASKS = 100
};

typedef struct task {
    unsigned long first;
    unsigned long end;
} task_t;

typedef struct result {
    unsigned long primes;
    int pe; /* that counted them */
} result_t;

/* Global variables are symmetric. All PEs use those of PE 0. */
static struct {
    size_t next; /* next task to take */
    task_t tasks[TASKS];
} queue;
static long lock;
static result_t results[TASKS];
static uint64_t reported;

/* Take the next task. Returns its number, or TASKS if none is left. */
static size_t take(task_t *task)
{
    size_t number;
    shmem_set_lock(&lock);
    shmem_getmem(&number, &queue.next, sizeof(number), 0);
    if (number < TASKS) {
        size_t next = number + 1;
        shmem_putmem(&queue.next, &next, sizeof(next), 0);
        shmem_getmem(task, &queue.tasks[number], sizeof(*task), 0);
    }
    shmem_clear_lock(&lock); /* completes the put first */
    return number;
}

static int is_prime(unsigned long number)
{
    for (unsigned long i = 2; i * i <= number; i++)
        if (number % i == 0)
            return 0;
    return number > 1;
}

/* Count the primes below end, with the sieve of Eratosthenes. */
static unsigned long sieve(unsigned long end)
{
    unsigned char *struck = calloc(end + 1, 1);
    unsigned long primes = 0;
    if (struck == NULL)
        shmem_global_exit(1);
    for (unsigned long i = 2; i < end; i++) {
        primes += !struck[i];
        for (unsigned long j = i * i; i * i < end && !struck[i] && j < end;
             j += i)
            struck[j] = 1;
    }
    free(struck);
    return primes;
}

int main(int argc, char **argv)
{
    unsigned long end = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    if (end > 1000000000) {
        if (me == 0)
            fprintf(stderr, "queue: the range ends at 1000000000 or before\n");
        shmem_finalize();
        return 2;
    }
    /* The first tasks have the largest numbers, because these take longest. */
    for (unsigned long i = 0; me == 0 && i < TASKS; i++)
        queue.tasks[i] =
            (task_t){end * (TASKS - 1 - i) / TASKS, end * (TASKS - i) / TASKS};
    shmem_barrier_all();

    task_t task;
    for (size_t number = take(&task); number < TASKS; number = take(&task)) {
        result_t result = {0, me};
        for (unsigned long i = task.first; i < task.end; i++)
            result.primes += (unsigned long)is_prime(i);
        shmem_putmem_signal(&results[number], &result, sizeof(result),
                            &reported, 1, SHMEM_SIGNAL_ADD, 0);
    }

    int good = 1;
    if (me == 0) {
        shmem_signal_wait_until(&reported, SHMEM_CMP_EQ, TASKS);
        unsigned long primes = 0;
        for (int pe = 0; pe < n; pe++) {
            unsigned tasks = 0;
            for (size_t i = 0; i < TASKS; i++) {
                if (results[i].pe != pe)
                    continue;
                tasks++;
                primes += results[i].primes;
            }
            printf("PE %d did %u of %d tasks\n", pe, tasks, TASKS);
        }
        good = primes == sieve(end);
        printf("%lu primes below %lu%s\n", primes, end,
               good ? "" : ", which is wrong");
    }
    shmem_finalize();
    return good ? 0 : 1;
}
