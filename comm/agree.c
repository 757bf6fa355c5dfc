/*
 * Agreement through one cache line a PE.
 *
 * There are two rows of lines, used in turn. To agree, a PE writes its line of
 * the row whose turn it is, the number of the agreement last, and reads those
 * of all others until each has that number. One phase is enough: a PE that is
 * past agreement n can write line n + 1, in the other row, but cannot write
 * row n again before all have come to n + 1, and so have read row n.
 *
 * Where each PE has a core of its own, waiting spins for a while; where it has
 * none, the one that is waited for needs the core, and it is given away at
 * once.
 *
 * Source: the flat sense of it is P. Brooks, "The butterfly barrier", Int. J.
 * Parallel Programming 15(4), 1986, with all partners in one round.
 */
#include "config.h"

#include "comm/agree.h"
#include "comm/window.h"
#include "base/util.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LINE_SIZE = 128, /* two cache lines: processors fetch them in pairs */
    ROWS = 2,
    STATUS_BITS = 8,
    EAGER = 100, /* looks without a pause, about as long as PEs differ */
    SPINS = 4000 /* about as long as a system call that gives the core away */
};

struct memheap_agree_line {
    _Alignas(LINE_SIZE) _Atomic uint64_t stamp; /* number, then status */
    uint64_t digest;
    uint64_t result;
};

static memheap_agree_line_t *row_of(const memheap_agree_t *agree,
                                    uint64_t number)
{
    return agree->lines + number % ROWS * (unsigned)agree->size;
}

static char *text_of(const memheap_agree_t *agree, int pe)
{
    char *texts = (char *)(agree->lines + ROWS * agree->size);
    return texts + (size_t)pe * MEMHEAP_CALL_TEXT;
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

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Wait until a line has come to the agreement of that number. */
static uint64_t await(memheap_agree_line_t *line, uint64_t number,
                      unsigned spins)
{
    for (;;) {
        uint64_t stamp =
            atomic_load_explicit(&line->stamp, memory_order_acquire);
        if (MEMHEAP_LIKELY(stamp >> STATUS_BITS == number))
            return stamp;
        if (spins == 0) {
            sched_yield();
        } else if (--spins < SPINS - EAGER) {
            relax();
        }
    }
}

/* Write this PE's line and wait for all; what the lines say is in the row. */
static memheap_agree_line_t *meet(memheap_agree_t *agree, uint64_t digest,
                                  memheap_status_t mine, uint64_t result)
{
    uint64_t number = ++agree->number;
    memheap_agree_line_t *row = row_of(agree, number);
    memheap_agree_line_t *line = &row[agree->rank];
    line->digest = digest;
    line->result = result;
    atomic_store_explicit(&line->stamp, stamp_of(number, mine),
                          memory_order_release);
    /* Own the line of the next agreement before it is needed. */
    __builtin_prefetch(&row_of(agree, number + 1)[agree->rank], 1);
    for (int pe = agree->rank + 1; pe < agree->size; pe++)
        await(&row[pe], number, agree->spins);
    for (int pe = 0; pe < agree->rank; pe++)
        await(&row[pe], number, agree->spins);
    return row;
}

/* Print the calls of all PEs, neighbours with the same call together. */
static void report(const memheap_agree_t *agree, uint64_t number)
{
    char message[1000];
    size_t used = (size_t)snprintf(
        message, sizeof(message),
        "the PEs differ in collective call %llu, which all must make alike:",
        (unsigned long long)number);
    for (int pe = 0; pe < agree->size && used < sizeof(message);) {
        int last = pe;
        while (last + 1 < agree->size &&
               strcmp(text_of(agree, last + 1), text_of(agree, pe)) == 0)
            last++;
        const char *separator = pe == 0 ? "" : ";";
        size_t room = sizeof(message) - used;
        if (last > pe)
            used += (size_t)snprintf(message + used, room,
                                     "%s PEs %d to %d called %s", separator, pe,
                                     last, text_of(agree, pe));
        else
            used += (size_t)snprintf(message + used, room, "%s PE %d called %s",
                                     separator, pe, text_of(agree, pe));
        pe = last + 1;
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

memheap_status_t memheap_agree(memheap_agree_t *agree,
                               const memheap_call_t *call,
                               memheap_status_t mine, uint64_t result,
                               int *pe_p)
{
    if (agree->size == 1) {
        agree->number++;
        if (pe_p != NULL)
            *pe_p = 0;
        return mine;
    }
    uint64_t digest = digest_of(call);
    const memheap_agree_line_t *row = meet(agree, digest, mine, result);
    memheap_status_t worst = MEMHEAP_OK;
    int worst_pe = 0;
    bool same_call = true;
    bool same_result = true;
    for (int pe = 0; pe < agree->size; pe++) {
        memheap_status_t status = status_of(
            atomic_load_explicit(&row[pe].stamp, memory_order_relaxed));
        if (status < worst) {
            worst = status;
            worst_pe = pe;
        }
        same_call = same_call && row[pe].digest == digest;
        same_result = same_result && row[pe].result == result;
    }
    if (MEMHEAP_UNLIKELY(!same_call || (worst == MEMHEAP_OK && !same_result)))
        return diverge(agree, call, result, same_call);
    if (pe_p != NULL)
        *pe_p = worst_pe;
    return worst;
}

memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log)
{
    size_t lines = ROWS * (size_t)job->size * sizeof(memheap_agree_line_t);
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
        status = memheap_window_file("memheap-agree", &fd, log);
        if (status == MEMHEAP_OK && ftruncate(fd, (off_t)bytes) != 0)
            status = MEMHEAP_ERR_SYSTEM;
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
                               .bytes = bytes,
                               .rank = job->rank,
                               .size = job->size,
                               .spins = job->crowded ? 0 : SPINS,
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
