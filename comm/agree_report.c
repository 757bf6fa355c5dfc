/*
 * The report of a divergence.
 */
#include "config.h"

#include "comm/agree_report.h"
#include "comm/agree_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The text of number i of the group, on its first PE. NULL if it has not come.
 */
static const char *any_text_of(const memheap_agree_t *agree, int i)
{
    const memheap_job_t *job = agree->hub->job;
    uint32_t near = memheap_job_node_rank(job, pe_of(agree, i));
    if (near < (uint32_t)job->node_size)
        return agree->hub->texts + (size_t)near * MEMHEAP_CALL_TEXT;
    for (const far_text_t *far = agree->hub->far_texts; far != NULL;
         far = far->next) {
        if (far->group == agree->group && far->rank == i)
            return far->text;
    }
    return NULL;
}

/* What number i of the group called, where texts have come of all PEs that are
 * not absent. An absent one's line tells with whom it came, or what it did. */
static const char *told_by(const memheap_agree_t *agree, int row, int i,
                           char *room)
{
    const char *text = any_text_of(agree, i);
    if (text != NULL && text[0] != '\0')
        return text;
    const memheap_flag_line_t *line = line_in(agree, row, i);
    for (int k = 0; k < agree->size; k++) {
        text = any_text_of(agree, k);
        if (text != NULL && text[0] != '\0' &&
            line_in(agree, row, k)->digest == line->digest)
            return text;
    }
    const memheap_call_t call = {line->what, {line->result, line->more}, NULL};
    agree->hub->describe(&call, room, MEMHEAP_CALL_TEXT);
    return room;
}

/* Log the calls of all PEs, neighbours with the same call together. */
static void report(memheap_agree_t *agree, uint64_t number, int row)
{
    char message[1000];
    char said[2][MEMHEAP_CALL_TEXT];
    size_t used = (size_t)snprintf(
        message, sizeof(message),
        "the PEs differ in collective call %llu, which all must make alike:",
        (unsigned long long)number);
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = agree->hub->job->wait;
        while (any_text_of(agree, i) == NULL)
            memheap_wait_step(&wait);
    }
    for (int i = 0; i < agree->size && used < sizeof(message);) {
        const char *text = told_by(agree, row, i, said[0]);
        int last = i;
        while (agree->stride == 1 && last + 1 < agree->size &&
               strcmp(told_by(agree, row, last + 1, said[1]), text) == 0)
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
    memheap_log_write(agree->hub->log, MEMHEAP_LOG_ERROR, "%s", message);
    agree->reports = true;
}

/* Fill up this PE's lines of the set, up to where all agree: with digests that
 * are nobody's. */
static void fill_up(const memheap_agree_t *agree)
{
    uint64_t digest = line_of(agree, agree->node_rank)->digest;
    for (int i = agree->lag + 1; i < MEMHEAP_AGREE_PENDING_MAX; i++) {
        int ahead = i - agree->lag;
        memheap_flag_line_t *line =
            line_in(agree, agree->row + ahead, agree->node_rank);
        line->digest = ~digest;
        line->result = 0;
        atomic_store_explicit(
            &line->stamp, stamp_of(agree->number + (uint64_t)ahead, MEMHEAP_OK),
            memory_order_release);
    }
}

/* How many agreements ago the PEs differed first, in a group on one node. All
 * have written their lines of then. */
static int first_difference(const memheap_agree_t *agree)
{
    for (int ago = agree->lag; ago > 0; ago--) {
        uint64_t number = agree->number - (uint64_t)ago;
        for (int i = 0; i < agree->size; i++) {
            memheap_flag_line_t *line = line_in(agree, agree->row - ago, i);
            await(&line->stamp, number, agree->hub->job->wait);
            if (line->digest != line_in(agree, agree->row - ago, 0)->digest)
                return ago;
        }
    }
    return 0;
}

/* As memheap_agree_barrier(), but give up waiting for PEs that do not come.
 * Whether all came; *first_p takes the first that did. */
static bool meet_present(memheap_agree_t *agree, int *first_p)
{
    struct timespec start;
    struct timespec now;
    bool all = true;
    write_line(agree, 0, MEMHEAP_OK, 0);
    agreed(agree);
    *first_p = agree->size;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = agree->hub->job->wait;
        const _Atomic uint64_t *stamp = &line_of(agree, i)->stamp;
        bool here;
        do {
            here = is_at(stamp, agree->number);
            memheap_wait_step(&wait);
            clock_gettime(CLOCK_MONOTONIC, &now);
        } while (!here && now.tv_sec - start.tv_sec < ABSENT_SECONDS);
        all = all && here;
        if (here && i < *first_p)
            *first_p = i;
    }
    return all;
}

/* All PEs come here, or none: each has the same verdict; or each that makes
 * another call after agreements with one. */
memheap_status_t memheap_agree_diverge(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       uint64_t result, bool results_differ)
{
    const memheap_barrier_state_t *hub = agree->hub;
    bool near = memheap_agree_is_one_node(agree);
    int ago = 0;
    int first = 0;
    bool all = true;
    if (near) {
        fill_up(agree);
        ago = first_difference(agree);
    }
    uint64_t number = agree->number - (uint64_t)ago;
    int row = agree->row - ago;
    char *text = text_of(agree, agree->node_rank);
    hub->describe(ago == 0 ? call : &agree->calls[agree->lag - ago], text,
                  MEMHEAP_CALL_TEXT);
    if (results_differ) {
        size_t used = strlen(text);
        snprintf(text + used, MEMHEAP_CALL_TEXT - used, " with result %#llx",
                 (unsigned long long)result);
    }
    if (near) {
        /* All go on from the same number, in the other set. */
        agree->number += (uint64_t)(MEMHEAP_AGREE_PENDING_MAX - agree->lag);
        agreed(agree);
        all = meet_present(agree, &first);
    } else {
        if (memheap_job_node_rank(hub->job, agree->start) >=
            (uint32_t)hub->job->node_size) {
            message_t message = {
                .group = agree->group, .round = TEXT, .rank = agree->rank};
            memheap_transport_send(hub->transport, agree->start, &message,
                                   sizeof(message), text, MEMHEAP_CALL_TEXT);
        }
        memheap_agree_barrier(agree);
    }
    if (agree->rank == first)
        report(agree, number, row);
    if (!near)
        memheap_agree_barrier(agree);
    else if (all)
        meet_present(agree, &first);
    return MEMHEAP_ERR_DIVERGED;
}

void memheap_agree_receive_text(memheap_barrier_state_t *hub,
                                const message_t *message, const void *data,
                                size_t size)
{
    far_text_t *text = malloc(sizeof(*text));
    if (text == NULL)
        memheap_agree_no_memory(hub, sizeof(*text));
    text->group = message->group;
    text->rank = message->rank;
    memcpy(text->text, data, memheap_min(size, sizeof(text->text)));
    text->next = hub->far_texts;
    hub->far_texts = text;
}
