/*
 * The PEs of a job, by MPI.
 *
 * MPI is called by its profiling names (PMPI_), because the plain names of some
 * calls are wrapped by this library.
 */
#include "config.h"

#include "comm/job.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void memheap_mpi_check(const char *call, int error)
{
    if (error == MPI_SUCCESS)
        return;
    char text[MPI_MAX_ERROR_STRING] = "?";
    int length;
    int pe = -1;
    PMPI_Error_string(error, text, &length);
    PMPI_Comm_rank(MPI_COMM_WORLD, &pe);
    memheap_log_write(&memheap_log_stderr, MEMHEAP_LOG_ERROR,
                      "PE %d: %s failed (%s)", pe, call, text);
    memheap_job_abort(NULL, EXIT_FAILURE);
}

void memheap_job_open(memheap_job_t *job, MPI_Comm comm, int machine)
{
    *job = (memheap_job_t){.node = MPI_COMM_NULL, .leaders = MPI_COMM_NULL};
    MEMHEAP_MPI(MPI_Comm_dup, comm, &job->world);
    MEMHEAP_MPI(MPI_Comm_rank, job->world, &job->rank);
    MEMHEAP_MPI(MPI_Comm_size, job->world, &job->size);
    if (machine < 0)
        MEMHEAP_MPI(MPI_Comm_split_type, job->world, MPI_COMM_TYPE_SHARED,
                    job->rank, MPI_INFO_NULL, &job->machine);
    else
        MEMHEAP_MPI(MPI_Comm_split, job->world, machine, job->rank,
                    &job->machine);
    MEMHEAP_MPI(MPI_Comm_size, job->machine, &job->machine_size);
}

/* Cut the PEs of the machine into arithmetic progressions of at most `most`
 * PEs, greedily; return the index of the one that has PE `mine`. */
static int progression_of(const int *pe, int count, size_t most, int mine)
{
    int number = 0;
    for (int first = 0; first < count; number++) {
        int end = first + 1;
        while (end < count && (size_t)(end - first) < most &&
               (end == first + 1 ||
                pe[end] - pe[end - 1] == pe[first + 1] - pe[first]))
            end++;
        for (; first < end; first++) {
            if (pe[first] == mine)
                return number;
        }
    }
    return number;
}

/* Compute the constants of memheap_job_node_rank(). */
static void init_node_rank(memheap_job_t *job)
{
    const memheap_node_t *node = &job->nodes[job->node_number];
    uint32_t stride = (uint32_t)node->stride;
    job->node_pe_start = node->start;
    job->node_pe_shift = (unsigned)__builtin_ctz(stride);
    uint32_t odd = stride >> job->node_pe_shift;
    uint32_t inverse = odd; /* correct in the lowest 3 bits */
    for (int bits = 3; bits < 32; bits *= 2)
        inverse *= 2 - odd * inverse; /* Newton step: twice as many bits */
    job->node_pe_inverse = inverse;
}

static memheap_process_t this_process(void)
{
    struct stat file;
    memheap_process_t process = {.pid = getpid()};
    if (stat("/proc/self/ns/pid", &file) == 0)
        process.pid_namespace = file.st_ino;
    return process;
}

/* The machine is one node and has all PEs: this takes no communication. */
static void form_one_node(memheap_job_t *job)
{
    job->node = job->machine;
    job->node_rank = job->rank;
    job->node_size = job->size;
    if (job->rank == 0)
        MEMHEAP_MPI(MPI_Comm_dup, MPI_COMM_SELF, &job->leaders);
    job->nodes[0] = (memheap_node_t){0, 1, job->size};
    job->node_count = 1;
    job->node_number = 0;
}

/* Form nodes of the PEs of a machine that have the same color. */
static void form_several_nodes(memheap_job_t *job, int color)
{
    MEMHEAP_MPI(MPI_Comm_split, job->machine, color, job->rank, &job->node);
    MEMHEAP_MPI(MPI_Comm_rank, job->node, &job->node_rank);
    MEMHEAP_MPI(MPI_Comm_size, job->node, &job->node_size);
    MEMHEAP_MPI(MPI_Comm_split, job->world,
                job->node_rank == 0 ? 0 : MPI_UNDEFINED, job->rank,
                &job->leaders);

    memheap_node_t mine = {job->rank, 1, job->node_size};
    int second = job->rank;
    MEMHEAP_MPI(MPI_Bcast, &second, 1, MPI_INT, job->node_size > 1, job->node);
    if (job->node_size > 1)
        mine.stride = second - job->rank;
    if (job->node_rank == 0) {
        MEMHEAP_MPI(MPI_Comm_size, job->leaders, &job->node_count);
        MEMHEAP_MPI(MPI_Comm_rank, job->leaders, &job->node_number);
        MEMHEAP_MPI(MPI_Allgather, &mine, (int)sizeof(mine), MPI_BYTE,
                    job->nodes, (int)sizeof(mine), MPI_BYTE, job->leaders);
    }
    MEMHEAP_MPI(MPI_Bcast, &job->node_count, 1, MPI_INT, 0, job->node);
    MEMHEAP_MPI(MPI_Bcast, &job->node_number, 1, MPI_INT, 0, job->node);
    MEMHEAP_MPI(MPI_Bcast, job->nodes, job->node_count * (int)sizeof(mine),
                MPI_BYTE, 0, job->node);
}

memheap_status_t memheap_job_form_nodes(memheap_job_t *job, size_t most)
{
    size_t count = (size_t)job->machine_size;
    int *pe = calloc(count, sizeof(*pe));
    job->nodes = calloc((size_t)job->size, sizeof(*job->nodes));
    job->processes = calloc(count, sizeof(*job->processes));
    job->gathered = calloc(count, MEMHEAP_JOB_GATHER_MAX);
    bool failed = pe == NULL || job->nodes == NULL || job->processes == NULL ||
                  job->gathered == NULL;
    size_t min = memheap_job_min(job, failed ? 0 : most, NULL);
    if (min == 0) {
        free(pe);
        return MEMHEAP_ERR_NO_METADATA;
    }
    struct member {
        int pe;
        memheap_process_t process;
    } mine = {job->rank, this_process()}, *members = job->gathered;
    _Static_assert(sizeof(mine) <= MEMHEAP_JOB_GATHER_MAX, "it is gathered");
    MEMHEAP_MPI(MPI_Allgather, &mine, (int)sizeof(mine), MPI_BYTE, members,
                (int)sizeof(mine), MPI_BYTE, job->machine);
    for (size_t i = 0; i < count; i++) {
        pe[i] = members[i].pe;
        job->processes[i] = members[i].process;
    }
    job->machine_first = pe[0];
    if (job->machine_size == job->size && min >= count)
        form_one_node(job);
    else
        form_several_nodes(
            job, progression_of(pe, job->machine_size, min, job->rank));
    free(pe);
    memheap_node_t *nodes =
        realloc(job->nodes, (size_t)job->node_count * sizeof(*nodes));
    job->nodes = nodes == NULL ? job->nodes : nodes;
    init_node_rank(job);
    return MEMHEAP_OK;
}

memheap_status_t memheap_job_subset(const memheap_job_t *job, bool takes_part,
                                    memheap_subset_t *part)
{
    *part = (memheap_subset_t){.stride = 1};
    MEMHEAP_MPI(MPI_Comm_split, job->world, takes_part ? 0 : MPI_UNDEFINED,
                job->rank, &part->comm);
    bool fits = true;
    if (takes_part) {
        MEMHEAP_MPI(MPI_Comm_size, part->comm, &part->size);
        MEMHEAP_MPI(MPI_Comm_rank, part->comm, &part->rank);
        part->start = job->rank;
        MEMHEAP_MPI(MPI_Bcast, &part->start, 1, MPI_INT, 0, part->comm);
        int second = job->rank;
        MEMHEAP_MPI(MPI_Bcast, &second, 1, MPI_INT, part->size > 1, part->comm);
        if (part->size > 1)
            part->stride = second - part->start;
        fits = part->start + part->rank * part->stride == job->rank;
    }
    return memheap_job_worst(job, fits ? MEMHEAP_OK : MEMHEAP_ERR_UNSUPPORTED);
}

void memheap_job_subset_end(memheap_subset_t *part)
{
    if (part->comm != MPI_COMM_NULL)
        PMPI_Comm_free(&part->comm);
}

void memheap_job_close(memheap_job_t *job)
{
    if (job->leaders != MPI_COMM_NULL)
        PMPI_Comm_free(&job->leaders);
    if (job->node != MPI_COMM_NULL && job->node != job->machine)
        PMPI_Comm_free(&job->node);
    PMPI_Comm_free(&job->machine);
    PMPI_Comm_free(&job->world);
    free(job->nodes);
    free(job->processes);
    free(job->gathered);
    job->nodes = NULL;
    job->processes = NULL;
    job->gathered = NULL;
}

/* Wait for a request, and make progress meanwhile. MPI_Wait() may keep the core
 * from the PE that it waits for. */
static void wait_for(const memheap_job_t *job, MPI_Request request)
{
    memheap_wait_t wait = memheap_wait_begin(&job->wait, NULL);
    int done = 0;
    for (;;) {
        MEMHEAP_MPI(MPI_Test, &request, &done, MPI_STATUS_IGNORE);
        if (done)
            return;
        memheap_wait_step(&wait);
    }
}

static uint64_t and_words(uint64_t a, uint64_t b)
{
    return a & b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Reduce a word by `reduce`, or by the operation of MPI that does the same. */
static uint64_t reduce_word(const memheap_job_t *job, uint64_t mine,
                            uint64_t (*reduce)(uint64_t a, uint64_t b),
                            MPI_Op operation)
{
    uint64_t all;
    MPI_Request request;
    if (job->reduce != NULL)
        return job->reduce(job->reduce_context, mine, reduce);
    MEMHEAP_MPI(MPI_Iallreduce, &mine, &all, 1, MPI_UINT64_T, operation,
                job->world, &request);
    wait_for(job, request);
    return all;
}

memheap_status_t memheap_job_worst(const memheap_job_t *job,
                                   memheap_status_t mine)
{
    /* Statuses are 0 or negative: the worst is the least. */
    return (memheap_status_t) -
           (int)reduce_word(job, (uint64_t) - (int)mine, greater, MPI_MAX);
}

uint64_t memheap_job_and(const memheap_job_t *job, uint64_t bits)
{
    return reduce_word(job, bits, and_words, MPI_BAND);
}

size_t memheap_job_min(const memheap_job_t *job, size_t value, int *pe_p)
{
    uint64_t min = reduce_word(job, value, lesser, MPI_MIN);
    if (pe_p != NULL)
        *pe_p = (int)reduce_word(
            job, (uint64_t)(value == min ? job->rank : job->size), lesser,
            MPI_MIN);
    return (size_t)min;
}

void memheap_job_gather(const memheap_job_t *job, const void *mine, size_t size,
                        void *all)
{
    MEMHEAP_MPI(MPI_Gather, mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE,
                0, job->world);
}

/* Broadcast over a communicator of the job. */
static void broadcast(const memheap_job_t *job, MPI_Comm comm, int root,
                      void *data, size_t size)
{
    MPI_Request request;
    MEMHEAP_MPI(MPI_Ibcast, data, (int)size, MPI_BYTE, root, comm, &request);
    wait_for(job, request);
}

void memheap_job_broadcast(const memheap_job_t *job, int root, void *data,
                           size_t size)
{
    broadcast(job, job->world, root, data, size);
}

void memheap_job_node_broadcast(const memheap_job_t *job, int root, void *data,
                                size_t size)
{
    broadcast(job, job->node, root, data, size);
}

const void *memheap_job_node_gather(const memheap_job_t *job, const void *mine,
                                    size_t size)
{
    MPI_Request request;
    MEMHEAP_MPI(MPI_Iallgather, mine, (int)size, MPI_BYTE, job->gathered,
                (int)size, MPI_BYTE, job->node, &request);
    wait_for(job, request);
    return job->gathered;
}

void memheap_job_node_barrier(const memheap_job_t *job)
{
    MPI_Request request;
    MEMHEAP_MPI(MPI_Ibarrier, job->node, &request);
    wait_for(job, request);
}

void memheap_job_leaders_gather(const memheap_job_t *job, const void *mine,
                                const int *sizes, const int *displacements,
                                void *all)
{
    MPI_Request request;
    MEMHEAP_MPI(MPI_Iallgatherv, mine, sizes[job->node_number], MPI_BYTE, all,
                sizes, displacements, MPI_BYTE, job->leaders, &request);
    wait_for(job, request);
}

void memheap_job_leaders_shift(const memheap_job_t *job, const void *mine,
                               void *next, size_t size)
{
    int count = job->node_count;
    MPI_Request from;
    MPI_Request to;
    MEMHEAP_MPI(MPI_Irecv, next, (int)size, MPI_BYTE,
                (job->node_number + 1) % count, 0, job->leaders, &from);
    MEMHEAP_MPI(MPI_Isend, mine, (int)size, MPI_BYTE,
                (job->node_number + count - 1) % count, 0, job->leaders, &to);
    wait_for(job, from);
    wait_for(job, to);
}

void memheap_job_abort(const memheap_job_t *job, int status)
{
    /* Launchers drop output that a PE writes just before the abort. */
    const struct timespec forwarding = {.tv_nsec = 100000000};
    (void)job;
    nanosleep(&forwarding, NULL);
    PMPI_Abort(MPI_COMM_WORLD, status);
    _exit(status == 0 ? EXIT_FAILURE : status);
}

/* Open MPI's function behind MPI_Abort() ends the job in the same way and
 * prints nothing. It is not part of MPI, so it is looked up at run time. Other
 * MPIs print to standard error. */
void memheap_job_end(int status)
{
    int (*quiet)(MPI_Comm comm, int status);
    void *symbol = dlsym(RTLD_DEFAULT, "ompi_mpi_abort");
    if (symbol != NULL) {
        memcpy(&quiet, &symbol, sizeof(quiet)); /* as POSIX says for dlsym() */
        quiet(MPI_COMM_WORLD, status);
    }
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0)
        dup2(nothing, STDERR_FILENO);
    PMPI_Abort(MPI_COMM_WORLD, status);
    _exit(status);
}
