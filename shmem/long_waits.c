/*
 * Long waits: reports what the PEs wait for.
 *
 * Each PE has a note in memory that its node shares. A wait that takes a second
 * writes its reason there, and renews the note while it goes on. It does not
 * clear the note: a note is void if it is not renewed. So short waits cost
 * nothing, and the reason of a long one is known to the other PEs of the node
 * and to memheap-top.
 *
 *     1 s                      the note gets the call
 *     MEMHEAP_WAIT_REPORT      the note gets the place in the program
 *     half a second later      one PE of the node reports the notes of all
 *
 * A report covers all waits that began before it. It also ends a job that
 * cannot go on: if all PEs of the job wait, and one of them waits in
 * shmem_finalize(), the wait of the others never ends. This is known only if
 * the job has one node and no PE has threads.
 *
 * In such a job, PEs may also wait for each other: each is in a collective call
 * for which another does not come, as when one calls for another team than the
 * others. They notice it by themselves, and one of them ends the job.
 */
#include "config.h"

#include "shmem/long_waits.h"
#include "shmem/group.h"
#include "memheap/debug/stack_depot.h"

#include <pshmem.h>

#include <execinfo.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PLACE_TEXT = 256,
    REPORT_TEXT = 1000,
    CERTAIN_S = 2 /* notes that stay the same for this long are no accident */
};

#define SECOND UINT64_C(1000000000)
#define STALE (2 * SECOND)
#define REPORT_DELAY (SECOND / 2)
#define LOOK_PAUSE (SECOND / 4)
#define RENEWED (SECOND / 2) /* by a PE that polls what it waits for */

typedef struct note {
    _Atomic uint64_t since_ns; /* 0: the note is being written */
    _Atomic uint64_t renewed_ns;
    _Atomic uint64_t reported_ns; /* of the first PE's note: the last report */
    _Atomic bool told; /* of the first PE's note: a PE ends the job */
    bool has_threads;
    bool is_collective; /* only a collective call of others ends the wait */
    bool ends;          /* the PE is in shmem_finalize(), or in exit() */
    char call[MEMHEAP_CALL_TEXT];
    char place[PLACE_TEXT]; /* "": not looked up yet */
} note_t;
_Static_assert(sizeof(note_t) <= MEMHEAP_AGREE_NOTE, "a note must fit");

static note_t *note_of(const memheap_runtime_t *rt, int node_rank)
{
    return memheap_agree_note(&rt->agree, node_rank);
}

/* Write the reason of a wait. */
static void write_note(const memheap_runtime_t *rt, note_t *note,
                       const memheap_wait_t *wait)
{
    note->since_ns = 0;
    if (wait->reason == NULL)
        snprintf(note->call, sizeof(note->call), "a step of the library");
    else
        wait->reason->describe(wait->reason, note->call, sizeof(note->call));
    note->place[0] = '\0';
    note->is_collective =
        wait->reason != NULL && (memheap_agree_is_reason(wait->reason) ||
                                 memheap_group_is_reason(wait->reason));
    note->has_threads = rt->thread_level != SHMEM_THREAD_SINGLE;
    note->ends = rt->ending;
    note->since_ns = wait->start_ns;
}

/* Find the place in the program from which this wait was called. */
static void find_place(note_t *note)
{
    void *frame[MEMHEAP_CALL_SITE_FRAMES];
    int count = backtrace(frame, MEMHEAP_CALL_SITE_FRAMES);
    memheap_frames_describe(frame, count, note->place, sizeof(note->place));
}

/* Copy the note of a PE. @return whether it waits */
static bool read_note(const memheap_runtime_t *rt, int node_rank, uint64_t now,
                      note_t *copy)
{
    const note_t *note = note_of(rt, node_rank);
    uint64_t since = note->since_ns;
    memcpy(copy, note, sizeof(*copy));
    copy->call[sizeof(copy->call) - 1] = '\0';
    copy->place[sizeof(copy->place) - 1] = '\0';
    return since != 0 && since == note->since_ns &&
           note->renewed_ns + STALE > now;
}

/* Write what the PE of a note does. */
static void describe(const note_t *note, bool waits, bool many, uint64_t now,
                     char text[REPORT_TEXT])
{
    if (!waits)
        snprintf(text, REPORT_TEXT, "%s in no call that waits",
                 many ? "are" : "is");
    else
        snprintf(text, REPORT_TEXT, "%s in %s%s%s since %llu s",
                 many ? "wait" : "waits", note->call,
                 note->place[0] == '\0' ? "" : " at ", note->place,
                 (unsigned long long)((now - note->since_ns) / SECOND));
}

/* Write what all PEs of this node do. Adjacent PEs that do the same share an
 * entry. */
static void describe_all(const memheap_runtime_t *rt, uint64_t now,
                         char message[REPORT_TEXT])
{
    char text[REPORT_TEXT];
    const memheap_job_t *job = &rt->job;
    bool adjacent = job->nodes[job->node_number].stride == 1;
    size_t used = 0;
    for (int i = 0; i < job->node_size && used < REPORT_TEXT;) {
        note_t note;
        note_t next;
        bool waits = read_note(rt, i, now, &note);
        int last = i;
        while (adjacent && last + 1 < job->node_size &&
               read_note(rt, last + 1, now, &next) == waits &&
               (!waits || (strcmp(next.call, note.call) == 0 &&
                           strcmp(next.place, note.place) == 0)))
            last++;
        describe(&note, waits, last > i, now, text);
        const char *separator = i == 0 ? "" : "; ";
        size_t room = REPORT_TEXT - used;
        int pe = memheap_job_pe_on_node(job, i);
        if (last > i)
            used += (size_t)snprintf(message + used, room, "%sPEs %d to %d %s",
                                     separator, pe,
                                     memheap_job_pe_on_node(job, last), text);
        else
            used += (size_t)snprintf(message + used, room, "%sPE %d %s",
                                     separator, pe, text);
        i = last + 1;
    }
}

/* Whether no PE can end its wait; *ended_p takes a PE that has ended. */
static bool is_stuck(const memheap_runtime_t *rt, int *ended_p)
{
    const memheap_job_t *job = &rt->job;
    uint64_t sum[2] = {0, 0};
    bool ended = false;
    if (job->node_size < job->size)
        return false;
    for (int look = 0; look < 2; look++) {
        uint64_t now = memheap_wait_now();
        for (int i = 0; i < job->size; i++) {
            note_t note;
            bool me = i == job->node_rank;
            if ((!read_note(rt, i, now, &note) && !me) || note.has_threads)
                return false;
            if (note.ends && !ended)
                *ended_p = i;
            ended = ended || note.ends;
            sum[look] += note.since_ns;
        }
        if (!ended)
            return false;
        for (unsigned left = look == 0 ? CERTAIN_S : 0; left > 0;)
            left = sleep(left);
    }
    return sum[0] == sum[1];
}

/* Report for the node, unless another PE has done so since this wait began. */
static void report_once(const memheap_runtime_t *rt, const memheap_wait_t *wait,
                        uint64_t now)
{
    _Atomic uint64_t *reported = &note_of(rt, 0)->reported_ns;
    uint64_t last = *reported;
    char message[REPORT_TEXT];
    int ended;
    if (wait->start_ns < last ||
        !atomic_compare_exchange_strong(reported, &last, now))
        return;
    describe_all(rt, now, message);
    memheap_log_write(&rt->log, MEMHEAP_LOG_REPORT, "%s", message);
    if (!is_stuck(rt, &ended))
        return;
    memheap_runtime_error("PE %d has ended, so the waits above cannot end",
                          ended);
    memheap_runtime_abort();
}

/* The sum of the times at which the PEs began to wait, if each of the job waits
 * in a collective call; else 0. It grows when a PE goes on. A PE that was not
 * scheduled may have what it waits for, and not know yet: it does not count. */
static uint64_t sum_of_waits(const memheap_runtime_t *rt, uint64_t now)
{
    const memheap_job_t *job = &rt->job;
    uint64_t sum = 0;
    for (int i = 0; i < job->node_size; i++) {
        note_t note;
        if (!read_note(rt, i, now, &note) || note.has_threads ||
            !note.is_collective || note.renewed_ns + RENEWED < now)
            return 0;
        sum += note.since_ns;
    }
    return job->node_size == job->size ? sum : 0;
}

/* End the job if all PEs wait for each other. */
static void look_at_all(memheap_runtime_t *rt, note_t *note, uint64_t now)
{
    char message[REPORT_TEXT];
    if (now - rt->waits.looked_ns < LOOK_PAUSE)
        return;
    rt->waits.looked_ns = now;
    uint64_t sum = sum_of_waits(rt, now);
    if (sum == 0 || sum != rt->waits.sum)
        rt->waits.since_ns = now;
    rt->waits.sum = sum;
    if (sum != 0 && note->place[0] == '\0')
        find_place(note);
    if (now - rt->waits.since_ns < CERTAIN_S * SECOND ||
        atomic_exchange(&note_of(rt, 0)->told, true))
        return;
    describe_all(rt, now, message);
    memheap_runtime_error(
        "the PEs wait for each other in different collective calls: %s",
        message);
    memheap_runtime_abort();
}

/* The callback of a long wait. */
static void on_long(const memheap_wait_t *wait, uint64_t now)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT; /* threads take turns */
    memheap_runtime_t *rt = &memheap_runtime;
    uint64_t limit = (uint64_t)rt->wait_report_s * SECOND;
    uint64_t waited = now - wait->start_ns;
    note_t *note = note_of(rt, rt->job.node_rank);
    if (atomic_flag_test_and_set(&busy))
        return;
    bool mine = note->since_ns == wait->start_ns;
    bool other = !mine && note->renewed_ns + STALE > now;
    if (!mine && !other)
        write_note(rt, note, wait);
    if (!other) {
        note->renewed_ns = now;
        if (rt->space.heap != NULL)
            memheap_publish_wait(rt->space.heap, note->call, wait->start_ns,
                                 now);
    }
    if (!other && limit > 0 && waited > limit && note->place[0] == '\0')
        find_place(note);
    if (!other && limit > 0 && waited > limit + REPORT_DELAY)
        report_once(rt, wait, now);
    if (!other)
        look_at_all(rt, note, now);
    atomic_flag_clear(&busy);
}

void memheap_long_waits_start(memheap_runtime_t *rt)
{
    rt->wait_report_s =
        memheap_params_value(rt->params, "MEMHEAP_WAIT_REPORT")->integer;
    rt->job.wait.on_long = on_long;
}

void memheap_long_waits_stop(memheap_runtime_t *rt)
{
    rt->job.wait.on_long = NULL;
}
