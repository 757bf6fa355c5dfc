/*
 * The agreement, with threads for PEs and with random delays.
 *
 * Each thread has the state of a PE: a job and its groups. The threads of a
 * node share the flag lines. Messages between nodes go through a queue for each
 * PE; the PE takes them while it waits, or another thread does at any time. The
 * functions of job.c, window.c and the transport that the agreement calls are
 * here. tests/model has the same as models; this is the code itself, and
 * ThreadSanitizer sees what its memory orders promise.
 *
 * All PEs draw the same calls from one seed: MEMHEAP_TEST_SEED repeats it.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "comm/agree.h"
#include "comm/agree_exchange.h"
#include "comm/window.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum {
    MAX_PES = 5,
    CALLS = 3000,       /* of each PE, in a test without a mistake */
    MISTAKES = 24,      /* jobs with one, for each layout on one node */
    NODE_MISTAKES = 8,  /* and on several: some PEs wait a second */
    AFTER_MISTAKE = 40, /* calls, in which all PEs notice it */
    STAGED = 4096       /* bytes of a payload in a stage */
};

/* What one PE does in a different way. */
typedef enum how {
    SAME,
    OTHER_ARGUMENT,
    ALL_FOR_ROOTED, /* an agreement of all PEs instead of a rooted one */
    ROOTED_FOR_ALL, /* the other way around, with itself as the root */
    OTHER_ROOT,
    OTHER_RESULT,
    HOWS
} how_t;

typedef struct letter {
    struct letter *next;
    size_t head_size, size;
    char bytes[];
} letter_t;

struct memheap_transport {
    pthread_mutex_t mutex;
    letter_t *first, **last;
    const memheap_agree_t *world;
    bool served; /* by another thread: the PE itself takes none */
};

typedef struct pe {
    int rank;
    memheap_job_t job;
    memheap_transport_t transport;
    memheap_agree_t world;
    uint64_t drawn;   /* state of the common sequence */
    bool all_succeed; /* in this call */
    memheap_status_t status;
} pe_t;

static struct {
    int size, node_count;
    memheap_node_t nodes[MAX_PES];
    pe_t pes[MAX_PES];
    pthread_barrier_t barrier;
    memheap_status_t statuses[MAX_PES];
    void *lines[MAX_PES]; /* of each node */
    uint64_t seed;
    bool served;
    how_t how;
    int odd;            /* the PE that differs */
    int odd_call;       /* the call, from 0 on */
    char odd_text[100]; /* what it calls, and the others */
    char common_text[100];
    _Atomic bool ended; /* a PE has logged a difference: the job ends */
    unit_log_t log;
} test;

/* Of the sequence that all PEs draw alike. */
static int draw(pe_t *pe, int below)
{
    return (int)unit_random_below(&pe->drawn, (size_t)below);
}

void unit_delay(void)
{
    static _Thread_local uint64_t state;
    if (state == 0)
        state = (uint64_t)(uintptr_t)&state ^ test.seed;
    uint64_t drawn = unit_random(&state);
    if (drawn % 1024 == 0)
        nanosleep(&(struct timespec){0, (long)(drawn >> 16) % 200000}, NULL);
    else if (drawn % 32 == 0)
        sched_yield();
}

memheap_status_t memheap_job_worst(const memheap_job_t *job,
                                   memheap_status_t mine)
{
    memheap_status_t worst = MEMHEAP_OK;
    test.statuses[job->rank] = mine;
    pthread_barrier_wait(&test.barrier);
    for (int i = 0; i < test.size; i++)
        worst = test.statuses[i] < worst ? test.statuses[i] : worst;
    pthread_barrier_wait(&test.barrier);
    return worst;
}

void memheap_job_abort(const memheap_job_t *job, int status)
{
    (void)job;
    exit(status);
}

memheap_status_t memheap_memory_file_create(const char *name,
                                            const char *folder, size_t size,
                                            int *fd_p, const memheap_log_t *log)
{
    (void)name, (void)folder, (void)size, (void)log;
    *fd_p = -1;
    return MEMHEAP_OK;
}

/* Each mapping of a memory file is of its own in a job; here all are the same,
 * and the last PE that closes the state unmaps it. */
memheap_status_t memheap_window_open_first(const memheap_job_t *job, int fd,
                                           size_t size,
                                           const memheap_log_t *log,
                                           void **address_p)
{
    (void)fd, (void)log;
    if (job->node_rank == 0)
        test.lines[job->node_number] =
            mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pthread_barrier_wait(&test.barrier);
    *address_p = test.lines[job->node_number];
    return MEMHEAP_OK;
}

void memheap_transport_send(memheap_transport_t *transport, int pe,
                            const void *head, size_t head_size,
                            const void *data, size_t size)
{
    (void)transport;
    memheap_transport_t *to = &test.pes[pe].transport;
    letter_t *message = malloc(sizeof(*message) + head_size + size);
    if (message == NULL)
        abort();
    *message = (letter_t){.head_size = head_size, .size = size};
    memcpy(message->bytes, head, head_size);
    if (size > 0)
        memcpy(message->bytes + head_size, data, size);
    unit_delay();
    pthread_mutex_lock(&to->mutex);
    *to->last = message;
    to->last = &message->next;
    pthread_mutex_unlock(&to->mutex);
}

/* Take a message of a PE. */
static bool receive(memheap_transport_t *transport)
{
    pthread_mutex_lock(&transport->mutex);
    letter_t *message = transport->first;
    if (message != NULL) {
        transport->first = message->next;
        if (transport->first == NULL)
            transport->last = &transport->first;
        memheap_agree_receive(transport->world, message->bytes,
                              message->bytes + message->head_size,
                              message->size);
        free(message);
    }
    pthread_mutex_unlock(&transport->mutex);
    return message != NULL;
}

/* A PE serves others while it waits. If the job has ended, so does the PE: in
 * a job it would be killed. */
static bool progress(void *context)
{
    pe_t *pe = context;
    if (test.ended) {
        pe->status = MEMHEAP_ERR_DIVERGED;
        pthread_exit(NULL);
    }
    return !pe->transport.served && receive(&pe->transport);
}

static _Atomic bool stop_serving;

static void *serve(void *context)
{
    memheap_transport_t *transport = context;
    while (!stop_serving) {
        if (!receive(transport))
            sched_yield();
        unit_delay();
    }
    return NULL;
}

static void describe(const memheap_call_t *call, char *text, size_t room)
{
    snprintf(text, room, "kind %llu (%llu, %llu)",
             (unsigned long long)call->kind,
             (unsigned long long)call->argument[0],
             (unsigned long long)call->argument[1]);
}

/* The payload of a PE in a call, which the others know. */
typedef struct payload {
    uint64_t rank, drawn;
} payload_t;

static payload_t payload_of(const pe_t *pe, int rank)
{
    return (payload_t){(uint64_t)rank, pe->drawn};
}

static void assert_payload(const pe_t *pe, const void *data, int rank)
{
    payload_t wanted = payload_of(pe, rank);
    ck_assert_mem_eq(data, &wanted, sizeof(wanted));
}

static uint64_t word_of(const pe_t *pe, int rank)
{
    uint64_t state = pe->drawn + (uint64_t)rank + 1;
    return unit_random(&state);
}

/* The payload of a node is that of its first PE in the group. */
typedef struct exchanged {
    const pe_t *pe;
    const memheap_agree_t *agree;
} exchanged_t;

static size_t pack(void *context, void *to)
{
    const exchanged_t *exchanged = context;
    payload_t mine = payload_of(exchanged->pe, exchanged->agree->first);
    if (to != NULL)
        memcpy(to, &mine, sizeof(mine));
    return sizeof(mine);
}

static void unpack(void *context, const memheap_node_payload_t *payloads,
                   int count)
{
    const exchanged_t *exchanged = context;
    int members = 0;
    for (int i = 0; i < count; i++) {
        ck_assert_uint_eq(payloads[i].size, sizeof(payload_t));
        assert_payload(exchanged->pe, payloads[i].data, payloads[i].first);
        members += payloads[i].count;
    }
    ck_assert_int_eq(members, exchanged->agree->size);
}

/* The ranks that fail in a call; -1: none. */
typedef struct failing {
    int bad, also, worse;
} failing_t;

static memheap_status_t status_of_rank(const failing_t *failing, int rank)
{
    return rank == failing->worse ? MEMHEAP_ERR_SYSTEM
           : rank == failing->bad || rank == failing->also
               ? MEMHEAP_ERR_NO_MEMORY
               : MEMHEAP_OK;
}

/* A longer payload, in a stage. */
static void write_stage(const pe_t *pe, char *stage, int rank)
{
    payload_t words = payload_of(pe, rank);
    for (size_t at = 0; at < STAGED; at += sizeof(words), words.drawn++)
        memcpy(stage + at, &words, sizeof(words));
}

static void assert_staged(const pe_t *pe, const memheap_agree_t *agree)
{
    char wanted[STAGED];
    for (int i = 0; i < agree->size; i++) {
        write_stage(pe, wanted, i);
        ck_assert_mem_eq(memheap_agree_staged(agree, i), wanted, STAGED);
    }
}

static memheap_status_t agree_all(pe_t *pe, memheap_agree_t *agree,
                                  const memheap_call_t *call, uint64_t result)
{
    failing_t failing = {-1, -1, -1};
    if (!pe->all_succeed && draw(pe, 4) == 0) {
        failing.bad = draw(pe, agree->size);
        failing.also = draw(pe, agree->size);
        if (draw(pe, 2) == 0)
            failing.worse = draw(pe, agree->size);
    }
    char *stage = memheap_agree_stage(agree, STAGED);
    if (stage != NULL)
        write_stage(pe, stage, agree->rank);
    payload_t mine = payload_of(pe, agree->rank);
    int worst_pe = -1;
    memheap_agree_attach(agree, &mine, agree->size > 1 ? sizeof(mine) : 0);
    memheap_status_t status = memheap_agree(
        agree, call, status_of_rank(&failing, agree->rank), result, &worst_pe);
    if (status == MEMHEAP_ERR_DIVERGED)
        return status;
    memheap_status_t worst = MEMHEAP_OK;
    int rank = 0;
    for (int i = 0; i < agree->size; i++) {
        if (status_of_rank(&failing, i) < worst) {
            worst = status_of_rank(&failing, i);
            rank = i;
        }
    }
    ck_assert_int_eq(status, worst);
    if (worst != MEMHEAP_OK)
        ck_assert_int_eq(worst_pe, agree->start + rank * agree->stride);
    for (int i = 0; i < agree->node_size && agree->size > 1; i++)
        assert_payload(pe, memheap_agree_payload(agree, i),
                       agree->first + i * agree->step);
    if (stage != NULL)
        assert_staged(pe, agree);
    return MEMHEAP_OK;
}

static memheap_status_t agree_rooted(pe_t *pe, memheap_agree_t *agree,
                                     const memheap_call_t *call, int root)
{
    payload_t mine = payload_of(pe, root);
    bool reaches_all = memheap_agree_may_run_ahead(agree);
    if (reaches_all && agree->rank == root)
        memheap_agree_attach(agree, &mine, sizeof(mine));
    memheap_status_t status = memheap_agree_rooted(agree, call, root);
    if (status == MEMHEAP_OK && reaches_all)
        assert_payload(pe, memheap_agree_root_payload(agree, root), root);
    return status;
}

static memheap_status_t agree_reduced(pe_t *pe, memheap_agree_t *agree,
                                      const memheap_call_t *call)
{
    uint64_t all = 0;
    uint64_t most = 0;
    memheap_status_t status = memheap_agree_reduce(
        agree, call, word_of(pe, agree->rank), memheap_agree_max, &all);
    for (int i = 0; i < agree->size; i++)
        most = memheap_agree_max(most, word_of(pe, i));
    if (status == MEMHEAP_OK)
        ck_assert_uint_eq(all, most);
    return status;
}

/* Make the next call of the sequence in a group. `how` is how this PE differs
 * in it. */
static memheap_status_t next_call(pe_t *pe, memheap_agree_t *agree, how_t how)
{
    enum {
        ALL,
        REDUCED = 3,
        EXCHANGED,
        ROOTED,
        KINDS = ROOTED + 5
    };
    int kind = draw(pe, KINDS);
    int root = draw(pe, agree->size);
    /* Only an agreement of all PEs that succeed compares their results. */
    if (pe->all_succeed)
        kind = ALL;
    kind = kind >= ROOTED ? ROOTED : kind < REDUCED ? ALL : kind;
    memheap_call_t call = {
        (uint64_t)kind + 1, {(uint64_t)draw(pe, 100), (uint64_t)root, 3}, NULL};
    uint64_t result = 7;
    if (how != SAME)
        describe(&call, test.common_text, sizeof(test.common_text));
    switch (how) {
    case OTHER_ARGUMENT:
        call.argument[0] += 1000;
        break;
    case ALL_FOR_ROOTED:
        kind = ALL;
        call.kind = 100;
        break;
    case ROOTED_FOR_ALL:
        kind = ROOTED;
        call.kind = 101;
        root = agree->rank;
        call.argument[1] = (uint64_t)root;
        break;
    case OTHER_ROOT:
        root = (root + 1) % agree->size;
        call.argument[1] = (uint64_t)root + 100;
        break;
    case OTHER_RESULT:
        result++;
        break;
    default:
        break;
    }
    if (how != SAME)
        describe(&call, test.odd_text, sizeof(test.odd_text));
    if (kind == EXCHANGED && !memheap_agree_is_one_node(agree)) {
        exchanged_t exchanged = {pe, agree};
        return memheap_agree_exchange(
            agree, &call,
            &(memheap_agree_exchange_t){pack, unpack, &exchanged});
    }
    if (kind == ROOTED)
        return agree_rooted(pe, agree, &call, root);
    if (kind == REDUCED)
        return agree_reduced(pe, agree, &call);
    return agree_all(pe, agree, &call, result);
}

/* Create a group of some PEs, make calls in it and destroy it. */
static void try_group(pe_t *pe)
{
    int group = 1 + draw(pe, 2);
    int start = draw(pe, test.size);
    int stride = 1 + draw(pe, 2);
    int size = 1 + draw(pe, (test.size - start - 1) / stride + 1);
    int calls = draw(pe, 40);
    uint64_t number = 0;
    memheap_call_t call = {50, {0, 0, 0}, NULL};
    memheap_status_t status = memheap_agree_reduce(
        &pe->world, &call, memheap_agree_last(&pe->world, group),
        memheap_agree_max, &number);
    ck_assert_ok(status);
    int distance = pe->rank - start;
    bool is_member =
        distance >= 0 && distance % stride == 0 && distance / stride < size;
    uint64_t drawn = pe->drawn;
    if (is_member) {
        memheap_agree_t agree;
        memheap_agree_split(&pe->world, group, number, start, stride, size,
                            distance / stride, &agree);
        for (int i = 0; i < calls; i++)
            ck_assert_ok(next_call(pe, &agree, SAME));
        memheap_agree_end(&agree);
    }
    pe->drawn = drawn; /* of PEs that are no members too */
}

static void open_world(pe_t *pe)
{
    ck_assert_ok(memheap_agree_open(&pe->world, &pe->job,
                                    test.node_count > 1 ? &pe->transport : NULL,
                                    describe, &test.log.log));
    pe->transport.world = &pe->world;
    pthread_barrier_wait(&test.barrier);
}

static void *run_pe(void *context)
{
    pe_t *pe = context;
    open_world(pe);
    int calls = test.how == SAME ? CALLS : test.odd_call + AFTER_MISTAKE;
    for (int i = 0; i < calls && pe->status == MEMHEAP_OK; i++) {
        bool odd = i == test.odd_call && pe->rank == test.odd;
        if (test.how == SAME && draw(pe, 50) == 0)
            try_group(pe);
        pe->all_succeed = i == test.odd_call && test.how == OTHER_RESULT;
        pe->status = next_call(pe, &pe->world, odd ? test.how : SAME);
    }
    if (pe->world.logged_divergence)
        test.ended = true;
    return NULL;
}

/* The last PE makes another rooted call, is its root, and leaves. It waits for
 * no other PE, and the others would wait for it. */
static void *run_leaver(void *context)
{
    pe_t *pe = context;
    memheap_call_t rooted = {1, {5, 0, 0}, NULL};
    const memheap_call_t all = {2, {6, 0, 0}, NULL};
    open_world(pe);
    if (pe->rank == test.size - 1) {
        rooted = (memheap_call_t){101, {5, (uint64_t)pe->rank, 0}, NULL};
        ck_assert_ok(memheap_agree_rooted(&pe->world, &rooted, pe->rank));
        return NULL;
    }
    pe->status = memheap_agree_rooted(&pe->world, &rooted, 0);
    if (pe->status == MEMHEAP_OK)
        pe->status = memheap_agree(&pe->world, &all, MEMHEAP_OK, 7, NULL);
    if (pe->world.logged_divergence)
        test.ended = true;
    return NULL;
}

/* PE 1 makes no call, and PE 2 differs from the root. */
static void *run_without_one(void *context)
{
    pe_t *pe = context;
    const memheap_call_t rooted = {1, {5, 0, 0}, NULL};
    const memheap_call_t other = {101, {5, 0, 0}, NULL};
    const memheap_call_t all = {2, {6, 0, 0}, NULL};
    open_world(pe);
    if (pe->rank == 1)
        return NULL;
    pe->status =
        memheap_agree_rooted(&pe->world, pe->rank == 2 ? &other : &rooted, 0);
    if (pe->status == MEMHEAP_OK)
        pe->status = memheap_agree(&pe->world, &all, MEMHEAP_OK, 7, NULL);
    if (pe->world.logged_divergence)
        test.ended = true;
    return NULL;
}

static void open_pe(pe_t *pe, int rank)
{
    int number = 0;
    while (rank >= test.nodes[number].start + test.nodes[number].size)
        number++;
    const memheap_node_t *node = &test.nodes[number];
    *pe = (pe_t){.rank = rank, .drawn = test.seed};
    pe->job = (memheap_job_t){.rank = rank,
                              .size = test.size,
                              .machine_size = INT_MAX, /* it is crowded */
                              .node_rank = rank - node->start,
                              .node_size = node->size,
                              .nodes = test.nodes,
                              .node_count = test.node_count,
                              .node_number = number,
                              .node_pe_start = node->start,
                              .node_pe_inverse = 1};
    pe->job.wait = (memheap_wait_policy_t){.progress = progress, .context = pe};
    pthread_mutex_init(&pe->transport.mutex, NULL);
    pe->transport.last = &pe->transport.first;
    pe->transport.served = test.served;
}

/* Run a job. node_sizes has the number of PEs of each node, and 0 at the end.
 */
static void run_job(const int *node_sizes, void *(*run)(void *pe))
{
    pthread_t threads[MAX_PES];
    pthread_t servers[MAX_PES];
    test.size = 0;
    test.node_count = 0;
    for (int i = 0; node_sizes[i] != 0; i++) {
        test.nodes[i] = (memheap_node_t){test.size, 1, node_sizes[i]};
        test.size += node_sizes[i];
        test.node_count++;
    }
    test.ended = false;
    stop_serving = false;
    unit_log_init(&test.log);
    pthread_barrier_init(&test.barrier, NULL, (unsigned)test.size);
    for (int i = 0; i < test.size; i++)
        open_pe(&test.pes[i], i);
    for (int i = 0; i < test.size; i++)
        pthread_create(&threads[i], NULL, run, &test.pes[i]);
    for (int i = 0; i < test.size && test.served; i++)
        pthread_create(&servers[i], NULL, serve, &test.pes[i].transport);
    for (int i = 0; i < test.size; i++)
        pthread_join(threads[i], NULL);
    stop_serving = true;
    for (int i = 0; i < test.size && test.served; i++)
        pthread_join(servers[i], NULL);
    for (int i = 0; i < test.size; i++)
        while (receive(&test.pes[i].transport))
            continue;
    for (int i = 0; i < test.size; i++)
        memheap_agree_close(&test.pes[i].world);
    pthread_barrier_destroy(&test.barrier);
}

static const int layouts[][MAX_PES + 1] = {
    {2}, {3}, {5}, {2, 2}, {1, 1, 1}, {3, 2}, {1, 2, 1, 1}};

enum {
    LAYOUTS = (int)(sizeof(layouts) / sizeof(layouts[0]))
};

/* The i-th seed of a test, or the one that is given. */
static void choose_seed(unsigned i)
{
    const char *given = getenv("MEMHEAP_TEST_SEED");
    test.seed = given == NULL ? 20261130 + i : strtoull(given, NULL, 10);
    test.served = test.seed % 2 == 0;
}

START_TEST(all_calls_agree)
{
    for (unsigned i = 0; i < 2; i++) {
        choose_seed(i);
        test.how = SAME;
        run_job(layouts[_i], run_pe);
        for (int k = 0; k < test.size; k++)
            ck_assert_ok(test.pes[k].status);
        ck_assert_uint_eq(test.log.count, 0);
    }
}
END_TEST

/* What a PE says while it waits in a call. */
static void assert_reason(memheap_agree_t *agree, const memheap_call_t *call,
                          const char *wanted)
{
    char text[200];
    char cut[40];
    agree->call = call;
    ck_assert(memheap_agree_is_reason(&agree->reason));
    agree->reason.describe(&agree->reason, text, sizeof(text));
    ck_assert_str_eq(text, wanted);
    for (size_t room = 1; room <= sizeof(cut); room++) {
        memset(cut, '#', sizeof(cut));
        agree->reason.describe(&agree->reason, cut, room);
        ck_assert_uint_eq(strlen(cut), memheap_min(room - 1, strlen(wanted)));
        ck_assert_int_eq(strncmp(cut, wanted, strlen(cut)), 0);
        for (size_t i = room; i < sizeof(cut); i++)
            ck_assert_int_eq(cut[i], '#');
    }
}

/* Each PE of a node has a note, apart from those of the others. */
static void *run_noting(void *context)
{
    pe_t *pe = context;
    open_world(pe);
    pthread_barrier_wait(&test.barrier);
    memset(memheap_agree_note(&pe->world, pe->job.node_rank), pe->rank + 1,
           MEMHEAP_AGREE_NOTE);
    pthread_barrier_wait(&test.barrier);
    for (int i = 0; i < pe->job.node_size; i++) {
        const char *note = memheap_agree_note(&pe->world, i);
        for (size_t k = 0; k < MEMHEAP_AGREE_NOTE; k++)
            ck_assert_int_eq(note[k], pe->rank - pe->job.node_rank + i + 1);
    }
    return NULL;
}

START_TEST(notes_lie_side_by_side)
{
    choose_seed(0);
    run_job((const int[]){3, 2, 0}, run_noting);
    ck_assert_uint_eq(test.log.count, 0);
}
END_TEST

static void *run_waiting(void *context)
{
    pe_t *pe = context;
    const memheap_call_t call = {4, {5, 6, 0}, NULL};
    memheap_agree_t team;
    memheap_wait_reason_t other = {NULL};
    open_world(pe);
    if (pe->rank == 2) {
        ck_assert(!memheap_agree_is_reason(&other));
        assert_reason(&pe->world, NULL, "a step of the library");
        assert_reason(&pe->world, &call, "kind 4 (5, 6), collective call 0");
        memheap_agree_split(&pe->world, 3, 17, 0, 2, 2, 1, &team);
        assert_reason(&team, &call,
                      "kind 4 (5, 6), collective call 17 of team 3 (2 PEs from "
                      "0, 2 apart)");
    }
    return NULL;
}

START_TEST(reason_of_a_wait_is_the_call)
{
    choose_seed(0);
    run_job((const int[]){3, 0}, run_waiting);
}
END_TEST

START_TEST(one_pe_differs)
{
    const int *layout = layouts[_i];
    for (unsigned i = 0; i < (layout[1] == 0 ? MISTAKES : NODE_MISTAKES); i++) {
        char odd[200];
        choose_seed(i);
        uint64_t state = test.seed;
        int size = 0;
        for (int k = 0; layout[k] != 0; k++)
            size += layout[k];
        test.how = (how_t)(1 + unit_random(&state) % (HOWS - 1));
        test.odd = (int)(unit_random(&state) % (unsigned)size);
        test.odd_call = (int)(unit_random(&state) % 60);
        run_job(layout, run_pe);
        for (int k = 0; k < test.size; k++)
            ck_assert_msg(test.pes[k].status == MEMHEAP_ERR_DIVERGED,
                          "PE %d of %d returns %d: MEMHEAP_TEST_SEED=%llu", k,
                          test.size, test.pes[k].status,
                          (unsigned long long)test.seed);
        snprintf(odd, sizeof(odd), "PE %d called %s", test.odd, test.odd_text);
        ck_assert_msg(
            test.log.count == 1 && strstr(test.log.text, odd) != NULL &&
                strstr(test.log.text, test.common_text) != NULL,
            "no \"%s\" and \"%s\" in \"%s\": MEMHEAP_TEST_SEED=%llu", odd,
            test.common_text, test.log.text, (unsigned long long)test.seed);
    }
}
END_TEST

/* On one node, and on two. The others wait some seconds for the PE. */
START_TEST(pe_that_differs_and_leaves_is_noticed)
{
    char odd[100];
    choose_seed(0);
    test.how = SAME;
    run_job(_i == 0 ? (const int[]){3, 0} : (const int[]){2, 2, 0}, run_leaver);
    for (int k = 0; k < test.size - 1; k++)
        ck_assert_int_eq(test.pes[k].status, MEMHEAP_ERR_DIVERGED);
    snprintf(odd, sizeof(odd), "PE %d called kind 101 (5, %d)", test.size - 1,
             test.size - 1);
    ck_assert_uint_eq(test.log.count, 1);
    ck_assert_logged(&test.log, odd);
    ck_assert_logged(&test.log, " called kind 1 (5, 0)");
}
END_TEST

START_TEST(difference_is_reported_without_a_pe_that_makes_no_call)
{
    choose_seed(0);
    run_job((const int[]){3, 0}, run_without_one);
    ck_assert_int_eq(test.pes[0].status, MEMHEAP_ERR_DIVERGED);
    ck_assert_int_eq(test.pes[2].status, MEMHEAP_ERR_DIVERGED);
    ck_assert_uint_eq(test.log.count, 1);
    ck_assert_logged(&test.log, "PE 0 called kind 1 (5, 0)");
    ck_assert_logged(&test.log, "PE 2 called kind 101 (5, 0)");
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, all_calls_agree, 0, LAYOUTS);
    tcase_add_test(tests, notes_lie_side_by_side);
    tcase_add_test(tests, reason_of_a_wait_is_the_call);
    tcase_add_loop_test(tests, one_pe_differs, 0, LAYOUTS);
    tcase_add_loop_test(tests, pe_that_differs_and_leaves_is_noticed, 0, 2);
    tcase_add_test(tests,
                   difference_is_reported_without_a_pe_that_makes_no_call);
    return unit_run("agree", tests);
}
