/*
 * The report of a divergence.
 *
 * Each PE writes its call as text into its buffer on the node, or sends it to
 * rank 0. After a barrier, the first PE that is present logs the calls of all.
 *
 * After rooted agreements on one node, the difference may lie some agreements
 * back. Each PE then finds the first epoch in which lines differ, and describes
 * the call that it made there. A PE that does not notice the difference, for
 * example the root of a broadcast that never agrees again, does not come. Its
 * call is described from its flag line.
 */
#include "config.h"

#include "comm/agree_report.h"
#include "comm/agree_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The text of rank i; NULL if it has not arrived. For rank 0, or on one node.
 */
static const char *text_of_rank(const memheap_agree_t *agree, int i)
{
    const memheap_job_t *job = agree->state->job;
    uint32_t node_rank = memheap_job_node_rank(job, pe_of(agree, i));
    if (node_rank < (uint32_t)job->node_size)
        return agree->state->texts + (size_t)node_rank * MEMHEAP_CALL_TEXT;
    for (const remote_text_t *remote = agree->state->remote_texts;
         remote != NULL; remote = remote->next) {
        if (remote->group == agree->group && remote->rank == i)
            return remote->text;
    }
    return NULL;
}

/* The call of rank i, after the texts of all present PEs have arrived. An
 * absent PE has the call of a present PE whose line has the same digest; if
 * there is none, its call is read from its line. */
static const char *describe_pe(const memheap_agree_t *agree, int epoch, int i,
                               char *room)
{
    const char *text = text_of_rank(agree, i);
    if (text != NULL && text[0] != '\0')
        return text;
    const memheap_flag_line_t *line = line_at(agree, epoch, i);
    for (int k = 0; k < agree->size; k++) {
        text = text_of_rank(agree, k);
        if (text != NULL && text[0] != '\0' &&
            line_at(agree, epoch, k)->digest == line->digest)
            return text;
    }
    const memheap_call_t call = {line->kind, {line->result, line->aux}, NULL};
    agree->state->describe(&call, room, MEMHEAP_CALL_TEXT);
    return room;
}

/* Log the calls of all PEs; adjacent PEs with equal calls share one entry. */
static void report(memheap_agree_t *agree, uint64_t number, int epoch)
{
    char message[1000];
    char texts[2][MEMHEAP_CALL_TEXT];
    size_t used = (size_t)snprintf(
        message, sizeof(message),
        "the PEs differ in collective call %llu; all must make the same call:",
        (unsigned long long)number);
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = begin_wait(agree);
        while (text_of_rank(agree, i) == NULL)
            memheap_wait_step(&wait);
    }
    for (int i = 0; i < agree->size && used < sizeof(message);) {
        const char *text = describe_pe(agree, epoch, i, texts[0]);
        int last = i;
        while (agree->stride == 1 && last + 1 < agree->size &&
               strcmp(describe_pe(agree, epoch, last + 1, texts[1]), text) == 0)
            last++;
        const char *separator = i == 0 ? "" : ";";
        size_t room = sizeof(message) - used;
        if (last > i)
            used += (size_t)snprintf(message + used, room,
                                     "%s PEs %d to %d called %s", separator,
                                     pe_of(agree, i), pe_of(agree, last), text);
        else
            used += (size_t)snprintf(message + used, room, "%s PE %d called %s",
                                     separator, pe_of(agree, i), text);
        i = last + 1;
    }
    memheap_log_write(agree->state->log, MEMHEAP_LOG_ERROR, "%s", message);
    agree->logged_divergence = true;
}

/* Write this PE's remaining lines of the half, with a digest that no other PE
 * has, so that the others neither wait for it nor agree with it. */
static void poison(const memheap_agree_t *agree)
{
    uint64_t digest = line_of(agree, agree->node_rank)->digest;
    for (int i = agree->pending + 1; i < MEMHEAP_AGREE_PENDING_MAX; i++) {
        int ahead = i - agree->pending;
        memheap_flag_line_t *line =
            line_at(agree, agree->epoch + ahead, agree->node_rank);
        line->digest = ~digest;
        line->result = 0;
        atomic_store_explicit(
            &line->stamp, stamp_of(agree->number + (uint64_t)ahead, MEMHEAP_OK),
            memory_order_release);
    }
}

/* How many agreements ago the PEs first differed, in a group on one node. All
 * PEs have written the lines up to that agreement. */
static int first_difference(const memheap_agree_t *agree)
{
    for (int ago = agree->pending; ago > 0; ago--) {
        uint64_t number = agree->number - (uint64_t)ago;
        for (int i = 0; i < agree->size; i++) {
            memheap_flag_line_t *line = line_at(agree, agree->epoch - ago, i);
            await(agree, &line->stamp, number);
            if (line->digest != line_at(agree, agree->epoch - ago, 0)->digest)
                return ago;
        }
    }
    return 0;
}

/* Wait for all PEs, but not longer than ABSENT_SECONDS. Returns whether all
 * came; *first_p takes the first rank that came. */
static bool barrier_with_timeout(memheap_agree_t *agree, int *first_p)
{
    struct timespec start;
    struct timespec now;
    bool all = true;
    write_line(agree, 0, MEMHEAP_OK, 0);
    start_next_half(agree);
    *first_p = agree->size;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = begin_wait(agree);
        const _Atomic uint64_t *stamp = &line_of(agree, i)->stamp;
        bool here;
        do {
            here = has_reached(stamp, agree->number);
            memheap_wait_step(&wait);
            clock_gettime(CLOCK_MONOTONIC, &now);
        } while (!here && now.tv_sec - start.tv_sec < ABSENT_SECONDS);
        all = all && here;
        if (here && i < *first_p)
            *first_p = i;
    }
    return all;
}

/* Wait for all PEs of a group on several nodes. */
static void barrier_between_nodes(memheap_agree_t *agree)
{
    write_line(agree, 0, MEMHEAP_OK, 0);
    memheap_agree_between_nodes(agree, 0, 0, NULL, NULL);
    start_next_half(agree);
}

memheap_status_t memheap_agree_diverge(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       uint64_t result, bool results_differ)
{
    const memheap_barrier_state_t *state = agree->state;
    bool on_node = memheap_agree_is_one_node(agree);
    int ago = 0;
    int first = 0;
    bool all = true;
    if (on_node) {
        poison(agree);
        ago = first_difference(agree);
    }
    uint64_t number = agree->number - (uint64_t)ago;
    int epoch = agree->epoch - ago;
    char *text = text_on_node(agree, agree->node_rank);
    state->describe(ago == 0 ? call
                             : &agree->pending_calls[agree->pending - ago],
                    text, MEMHEAP_CALL_TEXT);
    if (results_differ) {
        size_t used = strlen(text);
        snprintf(text + used, MEMHEAP_CALL_TEXT - used, " with result %#llx",
                 (unsigned long long)result);
    }
    if (on_node) {
        /* All PEs continue with the same number, in the other half. */
        agree->number += (uint64_t)(MEMHEAP_AGREE_PENDING_MAX - agree->pending);
        start_next_half(agree);
        all = barrier_with_timeout(agree, &first);
    } else {
        if (memheap_job_node_rank(state->job, agree->start) >=
            (uint32_t)state->job->node_size) {
            message_t message = {.group = agree->group,
                                 .round = ROUND_TEXT,
                                 .rank = agree->rank};
            memheap_transport_send(state->transport, agree->start, &message,
                                   sizeof(message), text, MEMHEAP_CALL_TEXT);
        }
        barrier_between_nodes(agree);
    }
    if (agree->rank == first)
        report(agree, number, epoch);
    if (!on_node)
        barrier_between_nodes(agree);
    else if (all)
        barrier_with_timeout(agree, &first);
    return MEMHEAP_ERR_DIVERGED;
}
