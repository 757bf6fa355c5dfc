/*
 * Agreement through one cache line a PE.
 *
 * There are two rows of lines, used in turn. To agree, a PE writes its line of
 * the row whose turn it is, the number of the agreement last, and reads those
 * of all others until each has that number. One phase is enough: a PE that is
 * past agreement n can write line n + 1, in the other row, but cannot write
 * row n again before all have come to n + 1, and so have read row n.
 *
 * Each group of PEs has rows of its own, and in them one line for each PE of
 * the job, of which it uses those of its members: so groups without a common
 * PE can share rows. A group ends by a meeting whose lines are waited for and
 * not read: a PE that is past it may write them again, in another group of the
 * same rows, while a slow one still waits, which any later number satisfies.
 *
 * Source: the flat sense of it is P. Brooks, "The butterfly barrier", Int. J.
 * Parallel Programming 15(4), 1986, with all partners in one round.
 */
#include "config.h"

#include "comm/agree.h"
#include "comm/wait.h"
#include "comm/window.h"
#include "base/util.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LINE_SIZE = 128, /* two cache lines: processors fetch them in pairs */
    ROWS = 2,
    STATUS_BITS = 8
};

struct memheap_agree_line {
    _Alignas(LINE_SIZE) _Atomic uint64_t stamp; /* number, then status */
    uint64_t digest;
    uint64_t result;
};

/* The line of the PE of number i among those that agree. */
static memheap_agree_line_t *line_of(const memheap_agree_t *agree,
                                     uint64_t number, int i)
{
    return agree->lines + (int)(number % ROWS) * agree->row + agree->start +
           i * agree->stride;
}

static int pe_of(const memheap_agree_t *agree, int i)
{
    return agree->start + i * agree->stride;
}

static char *text_of(const memheap_agree_t *agree, int i)
{
    return agree->texts + (size_t)pe_of(agree, i) * MEMHEAP_CALL_TEXT;
}

/* Equal for equal calls on all PEs, and for others by chance alone: a sum whose
 * terms can be computed at once. The factors are random odd numbers. */
static uint64_t digest_of(const memheap_call_t *call)
{
    return call->what * UINT64_C(0x9E3779B97F4A7C15) +
           call->argument[0] * UINT64_C(0xC2B2AE3D27D4EB4F) +
           call->argument[1] * UINT64_C(0x165667B19E3779F9) +
           call->argument[2] * UINT64_C(0xD6E8FEB86659FD93);
}

static uint64_t stamp_of(uint64_t number, memheap_status_t status)
{
    return number << STATUS_BITS | (uint64_t) - (int)status;
}

static memheap_status_t status_of(uint64_t stamp)
{
    int worse = (int)(stamp & ((1u << STATUS_BITS) - 1));
    return (memheap_status_t)-worse;
}

/* Wait until a line has come to the agreement of that number, or is past it. */
static void await(memheap_agree_line_t *line, uint64_t number, unsigned spins)
{
    while (atomic_load_explicit(&line->stamp, memory_order_acquire) >>
           STATUS_BITS < number)
        memheap_wait_step(&spins);
}

/* Write this PE's line and wait for those of all. */
static void meet(memheap_agree_t *agree, uint64_t digest, memheap_status_t mine,
                 uint64_t result)
{
    uint64_t number = ++agree->number;
    memheap_agree_line_t *line = line_of(agree, number, agree->rank);
    line->digest = digest;
    line->result = result;
    atomic_store_explicit(&line->stamp, stamp_of(number, mine),
                          memory_order_release);
    /* Own the line of the next agreement before it is needed. */
    __builtin_prefetch(line_of(agree, number + 1, agree->rank), 1);
    for (int i = agree->rank + 1; i < agree->size; i++)
        await(line_of(agree, number, i), number, agree->spins);
    for (int i = 0; i < agree->rank; i++)
        await(line_of(agree, number, i), number, agree->spins);
}

/* Print the calls of all PEs, neighbours with the same call together. */
static void report(const memheap_agree_t *agree, uint64_t number)
{
    char message[1000];
    size_t used = (size_t)snprintf(
        message, sizeof(message),
        "the PEs differ in collective call %llu, which all must make alike:",
        (unsigned long long)number);
    for (int i = 0; i < agree->size && used < sizeof(message);) {
        int last = i;
        while (agree->stride == 1 && last + 1 < agree->size &&
               strcmp(text_of(agree, last + 1), text_of(agree, i)) == 0)
            last++;
        const char *separator = i == 0 ? "" : ";";
        size_t room = sizeof(message) - used;
        if (last > i)
            used += (size_t)snprintf(
                message + used, room, "%s PEs %d to %d called %s", separator,
                pe_of(agree, i), pe_of(agree, last), text_of(agree, i));
        else
            used +=
                (size_t)snprintf(message + used, room, "%s PE %d called %s",
                                 separator, pe_of(agree, i), text_of(agree, i));
        i = last + 1;
    }
    memheap_log_write(agree->log, MEMHEAP_LOG_ERROR, "%s", message);
}

/* All PEs come here, or none: each has seen the lines of all. */
static memheap_status_t diverge(memheap_agree_t *agree,
                                const memheap_call_t *call, uint64_t result,
                                bool results_differ)
{
    uint64_t number = agree->number;
    char *text = text_of(agree, agree->rank);
    agree->describe(call, text, MEMHEAP_CALL_TEXT);
    if (results_differ) {
        size_t used = strlen(text);
        snprintf(text + used, MEMHEAP_CALL_TEXT - used, " with result %#llx",
                 (unsigned long long)result);
    }
    meet(agree, 0, MEMHEAP_OK, 0);
    if (agree->rank == 0)
        report(agree, number);
    meet(agree, 0, MEMHEAP_OK, 0);
    return MEMHEAP_ERR_DIVERGED;
}

/* What the lines of one agreement say together. */
typedef struct verdict {
    memheap_status_t worst;
    int worst_pe;
    bool same_call;
    bool same_result;
} verdict_t;

static verdict_t judge(const memheap_agree_t *agree, uint64_t digest,
                       uint64_t result)
{
    verdict_t verdict = {MEMHEAP_OK, agree->start, true, true};
    for (int i = 0; i < agree->size; i++) {
        const memheap_agree_line_t *line = line_of(agree, agree->number, i);
        memheap_status_t status =
            status_of(atomic_load_explicit(&line->stamp, memory_order_relaxed));
        if (MEMHEAP_UNLIKELY(status < verdict.worst)) {
            verdict.worst = status;
            verdict.worst_pe = pe_of(agree, i);
        }
        verdict.same_call = verdict.same_call && line->digest == digest;
        verdict.same_result = verdict.same_result && line->result == result;
    }
    return verdict;
}

memheap_status_t memheap_agree(memheap_agree_t *agree,
                               const memheap_call_t *call,
                               memheap_status_t mine, uint64_t result,
                               int *pe_p)
{
    if (agree->size == 1) {
        agree->number++;
        if (pe_p != NULL)
            *pe_p = agree->start;
        return mine;
    }
    uint64_t digest = digest_of(call);
    meet(agree, digest, mine, result);
    verdict_t verdict = judge(agree, digest, result);
    if (MEMHEAP_UNLIKELY(!verdict.same_call ||
                         (verdict.worst == MEMHEAP_OK && !verdict.same_result)))
        return diverge(agree, call, result, verdict.same_call);
    if (pe_p != NULL)
        *pe_p = verdict.worst_pe;
    return verdict.worst;
}

memheap_status_t memheap_agree_fold(memheap_agree_t *agree,
                                    const memheap_call_t *call, uint64_t word,
                                    uint64_t (*fold)(uint64_t a, uint64_t b),
                                    uint64_t *all_p)
{
    uint64_t digest = digest_of(call);
    meet(agree, digest, MEMHEAP_OK, word);
    if (!judge(agree, digest, word).same_call)
        return diverge(agree, call, 0, false);
    uint64_t all = line_of(agree, agree->number, 0)->result;
    for (int i = 1; i < agree->size; i++)
        all = fold(all, line_of(agree, agree->number, i)->result);
    *all_p = all;
    return MEMHEAP_OK;
}

static memheap_agree_line_t *lines_of(const memheap_agree_t *world, int group)
{
    return world->lines + (ptrdiff_t)group * ROWS * world->row;
}

uint64_t memheap_agree_last(const memheap_agree_t *world, int group)
{
    const memheap_agree_line_t *line = lines_of(world, group) + world->rank;
    uint64_t last = 0;
    for (int row = 0; row < ROWS; row++, line += world->row) {
        uint64_t number =
            atomic_load_explicit(&line->stamp, memory_order_relaxed) >>
            STATUS_BITS;
        last = number > last ? number : last;
    }
    return last;
}

void memheap_agree_split(const memheap_agree_t *world, int group,
                         uint64_t number, int start, int stride, int size,
                         int rank, memheap_agree_t *agree)
{
    *agree = *world;
    agree->lines = lines_of(world, group);
    agree->number = number;
    agree->start = start;
    agree->stride = stride;
    agree->size = size;
    agree->rank = rank;
    agree->bytes = 0;
}

void memheap_agree_end(memheap_agree_t *agree)
{
    meet(agree, 0, MEMHEAP_OK, 0);
}

memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log)
{
    size_t lines = MEMHEAP_AGREE_GROUPS * ROWS * (size_t)job->size *
                   sizeof(memheap_agree_line_t);
    size_t texts = (size_t)job->size * MEMHEAP_CALL_TEXT;
    size_t bytes =
        memheap_align_up(lines + texts, (size_t)sysconf(_SC_PAGESIZE));
    memheap_status_t status = MEMHEAP_OK;
    void *address = NULL;
    int fd = -1;
    if (job->node_size != job->size) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the job has %d PEs, and %d of them on this node; "
                          "this version reaches the PEs of one node alone",
                          job->size, job->node_size);
        status = MEMHEAP_ERR_UNSUPPORTED;
    } else if (job->node_rank == 0) {
        status = memheap_window_file("memheap-agree", bytes, &fd, log);
    }
    memheap_status_t mapped =
        memheap_window_share(job, fd, bytes, log, &address);
    if (status == MEMHEAP_OK)
        status = mapped;
    memheap_status_t worst = memheap_job_worst(job, status);
    if (fd >= 0)
        close(fd);
    if (worst != MEMHEAP_OK) {
        if (address != NULL)
            munmap(address, bytes);
        return worst;
    }
    *agree = (memheap_agree_t){.lines = address,
                               .texts = (char *)address + lines,
                               .bytes = bytes,
                               .rank = job->rank,
                               .size = job->size,
                               .stride = 1,
                               .row = job->size,
                               .spins = job->crowded ? 0 : MEMHEAP_WAIT_SPINS,
                               .describe = describe,
                               .log = log};
    return MEMHEAP_OK;
}

void memheap_agree_close(memheap_agree_t *agree)
{
    if (agree->lines != NULL)
        munmap(agree->lines, agree->bytes);
    *agree = (memheap_agree_t){0};
}
