/*
 * The report of a divergence.
 *
 * On one node, each PE writes its call as text into its buffer on the node.
 * After a barrier, the first PE that is present logs the calls of all.
 *
 * After rooted agreements, the difference may lie some agreements back. Each PE
 * then finds the first epoch in which lines differ, and describes the call that
 * it made there. A PE that does not notice the difference, for example the root
 * of a broadcast that never agrees again, does not come. Its call is described
 * from its flag line.
 *
 * On several nodes, each PE sends a description of all its calls of the half to
 * the first ranks. With it go the calls of roots on other nodes that differ,
 * which the PE knows from their payloads: those PEs may be absent, and so may
 * the PEs that have got the payload. The first ranks wait for the other PEs for
 * a while. The lowest one that is present finds the first difference, and logs
 * the calls.
 */
#include "config.h"

#include "comm/agree_report.h"
#include "comm/agree_exchange.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WITNESSES = 64 /* ranks to which the PEs of several nodes report */
};

/* The call of rank i of a group on one node, after the texts of all present PEs
 * have been written. An absent PE has the call of a present PE whose line has
 * the same digest; if there is none, its call is read from its line. */
static void describe_on_node(const memheap_agree_t *agree, int epoch, int i,
                             char *text)
{
    const memheap_flag_line_t *line = line_at(agree, epoch, i);
    const char *found = text_on_node(agree, i);
    for (int k = 0; k < agree->size && found[0] == '\0'; k++) {
        if (line_at(agree, epoch, k)->digest == line->digest)
            found = text_on_node(agree, k);
    }
    if (found[0] != '\0') {
        memcpy(text, found, MEMHEAP_CALL_TEXT);
        return;
    }
    const memheap_call_t call = {line->kind, {line->result, line->aux}, NULL};
    agree->state->describe(&call, text, MEMHEAP_CALL_TEXT);
}

/* The call that a report has for a number; NULL if it has none. */
static const reported_call_t *call_at(const report_t *report, uint64_t number)
{
    uint64_t i = number - report->first;
    return i < (uint64_t)report->count ? &report->calls[i] : NULL;
}

/* The report of rank i. */
static const report_t *report_of(const memheap_agree_t *agree, int i,
                                 bool heard)
{
    const report_t *report = agree->state->reports;
    while (report != NULL && (report->group != agree->group ||
                              report->rank != i || report->heard != heard))
        report = report->next;
    return report;
}

/* The call of rank i of a group on several nodes. If only its payload was heard
 * of, it has the call of another PE that reports the same digest. */
static void describe_by_reports(const memheap_agree_t *agree, uint64_t number,
                                int i, char *text)
{
    const report_t *report = report_of(agree, i, false);
    bool heard = report == NULL;
    if (heard)
        report = report_of(agree, i, true);
    const reported_call_t *found =
        report == NULL ? NULL : call_at(report, number);
    for (int k = 0; heard && found != NULL && k < agree->size; k++) {
        report = report_of(agree, k, false);
        const reported_call_t *other =
            report == NULL ? NULL : call_at(report, number);
        if (other != NULL && other->digest == found->digest) {
            found = other;
            break;
        }
    }
    snprintf(text, MEMHEAP_CALL_TEXT, "%s",
             found == NULL ? "nothing yet, or a call that has returned"
                           : found->text);
}

static void describe_pe(const memheap_agree_t *agree, uint64_t number,
                        int epoch, int i, char *text)
{
    if (memheap_agree_is_one_node(agree))
        describe_on_node(agree, epoch, i, text);
    else
        describe_by_reports(agree, number, i, text);
}

/* Log the calls of all PEs; adjacent PEs with equal calls share one entry. */
static void log_calls(memheap_agree_t *agree, uint64_t number, int epoch)
{
    char message[1000];
    char text[MEMHEAP_CALL_TEXT];
    char next[MEMHEAP_CALL_TEXT];
    size_t used = (size_t)snprintf(
        message, sizeof(message),
        "the PEs differ in collective call %llu; all must make the same call:",
        (unsigned long long)number);
    describe_pe(agree, number, epoch, 0, next);
    for (int i = 0; i < agree->size && used < sizeof(message);) {
        int last = i;
        memcpy(text, next, sizeof(text));
        while (last + 1 < agree->size) {
            describe_pe(agree, number, epoch, last + 1, next);
            if (agree->stride != 1 || strcmp(next, text) != 0)
                break;
            last++;
        }
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

/* Wait for the lines of all PEs in an epoch, but not longer than `seconds`.
 * Returns the first rank that came; *all_p takes whether all did. */
static int await_present(const memheap_agree_t *agree, int epoch,
                         uint64_t number, int seconds, bool *all_p)
{
    uint64_t end = memheap_wait_now() + (uint64_t)seconds * 1000000000;
    int first = agree->size;
    *all_p = true;
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = begin_wait(agree);
        const _Atomic uint64_t *stamp = &line_at(agree, epoch, i)->stamp;
        bool here = has_reached(stamp, number);
        while (!here && memheap_wait_now() < end) {
            memheap_wait_step(&wait);
            here = has_reached(stamp, number);
        }
        *all_p = *all_p && here;
        if (here && i < first)
            first = i;
    }
    return first;
}

/* Wait for all PEs, but not longer than ABSENT_SECONDS. Returns as
 * await_present(). */
static int barrier_with_timeout(memheap_agree_t *agree, bool *all_p)
{
    write_line(agree, 0, MEMHEAP_OK, 0);
    start_next_half(agree);
    return await_present(agree, agree->epoch, agree->number, ABSENT_SECONDS,
                         all_p);
}

static void append_result(char *text, uint64_t result)
{
    size_t used = strlen(text);
    snprintf(text + used, MEMHEAP_CALL_TEXT - used, " with result %#llx",
             (unsigned long long)result);
}

static memheap_status_t diverge_on_node(memheap_agree_t *agree,
                                        const memheap_call_t *call,
                                        uint64_t result, bool results_differ)
{
    bool all;
    poison(agree);
    int ago = first_difference(agree);
    uint64_t number = agree->number - (uint64_t)ago;
    int epoch = agree->epoch - ago;
    char *text = text_on_node(agree, agree->node_rank);
    agree->state->describe(
        ago == 0 ? call : &agree->pending_calls[agree->pending - ago], text,
        MEMHEAP_CALL_TEXT);
    if (results_differ)
        append_result(text, result);
    /* A PE may still read the other half until it begins this one. */
    await_present(agree, agree->epoch - agree->pending,
                  agree->number - (uint64_t)agree->pending, SLOW_SECONDS, &all);
    /* All PEs continue with the same number, in the other half. */
    agree->number += (uint64_t)(MEMHEAP_AGREE_PENDING_MAX - agree->pending);
    start_next_half(agree);
    if (barrier_with_timeout(agree, &all) == agree->rank)
        log_calls(agree, number, epoch);
    if (all)
        barrier_with_timeout(agree, &all);
    return MEMHEAP_ERR_DIVERGED;
}

/* Keep a report. Another thread may do so at the same time. */
static void keep(memheap_barrier_state_t *state, report_t *report)
{
    report->next = atomic_load(&state->reports);
    while (
        !atomic_compare_exchange_weak(&state->reports, &report->next, report))
        continue;
}

static report_t *report_new(const memheap_barrier_state_t *state, int group,
                            int rank, uint64_t first, int count)
{
    report_t *report =
        calloc(1, sizeof(*report) + (size_t)count * sizeof(reported_call_t));
    if (report == NULL)
        memheap_agree_no_memory(state, (size_t)count * sizeof(reported_call_t));
    report->group = group;
    report->rank = rank;
    report->first = first;
    report->count = count;
    return report;
}

void memheap_agree_hear(memheap_barrier_state_t *state, int group, int rank,
                        uint64_t number, packed_outcome_t word, uint64_t kind)
{
    const memheap_call_t call = {kind, {word.result, word.aux}, NULL};
    report_t *report = report_new(state, group, rank, number, 1);
    report->heard = true;
    report->calls[0].digest = word.digest;
    state->describe(&call, report->calls[0].text, MEMHEAP_CALL_TEXT);
    keep(state, report);
}

void memheap_agree_receive_report(memheap_barrier_state_t *state,
                                  const message_t *message, const void *data,
                                  size_t size)
{
    report_t *report = report_new(state, message->group, (int)message->rank,
                                  message->word.stamp >> STATUS_BITS,
                                  (int)(size / sizeof(reported_call_t)));
    report->result = message->word.result;
    report->heard = message->word.aux != 0;
    memcpy(report->calls, data, size);
    keep(state, report);
}

/* Keep the calls of this PE in the half, and those of roots on other nodes that
 * differ from them. */
static void report_own(const memheap_agree_t *agree, const memheap_call_t *call,
                       uint64_t result)
{
    memheap_barrier_state_t *state = agree->state;
    uint64_t first = first_of_half(agree->number, agree->epoch);
    report_t *report =
        report_new(state, agree->group, agree->rank, first, agree->pending + 1);
    report->result = result;
    uint64_t digest = 0;
    for (int i = 0; i < report->count; i++) {
        reported_call_t *to = &report->calls[i];
        uint64_t number = first + (uint64_t)i;
        const memheap_flag_line_t *line =
            outcome_line_at(agree, agree->epoch - agree->pending + i);
        const memheap_call_t *made =
            i < agree->pending ? &agree->pending_calls[i] : call;
        digest = digest_after(digest, made);
        to->digest = digest;
        state->describe(made, to->text, MEMHEAP_CALL_TEXT);
        if (has_reached(&line->stamp, number) && line->sender != 0 &&
            line->digest != digest)
            memheap_agree_hear(state, agree->group, (int)line->sender - 1,
                               number,
                               (packed_outcome_t){.digest = line->digest,
                                                  .result = line->result,
                                                  .aux = line->aux},
                               line->kind);
    }
    keep(state, report);
}

/* Send the reports of this PE to a rank. */
static void send_reports(const memheap_agree_t *agree, int rank)
{
    const memheap_barrier_state_t *state = agree->state;
    for (const report_t *report = state->reports; report != NULL;
         report = report->next) {
        message_t message = {
            .group = agree->group,
            .round = ROUND_REPORT,
            .rank = (uint32_t)report->rank,
            .word = {.stamp = stamp_of(report->first, MEMHEAP_OK),
                     .result = report->result,
                     .aux = report->heard}};
        if (report->group == agree->group &&
            (report->heard || report->rank == agree->rank))
            memheap_transport_send(
                state->transport, pe_of(agree, rank), &message, sizeof(message),
                report->calls, (size_t)report->count * sizeof(reported_call_t));
    }
}

/* Whether the reports of the group differ in a number. */
static bool reports_differ(const memheap_agree_t *agree, uint64_t number)
{
    const reported_call_t *some = NULL;
    for (const report_t *report = agree->state->reports; report != NULL;
         report = report->next) {
        const reported_call_t *call = call_at(report, number);
        if (report->group != agree->group || call == NULL)
            continue;
        if (some != NULL && some->digest != call->digest)
            return true;
        some = call;
    }
    return false;
}

/* Log the calls in the first number in which the reports differ. If there is
 * none, the results differ, in the current agreement. */
static void log_reported_calls(memheap_agree_t *agree)
{
    uint64_t number = first_of_half(agree->number, agree->epoch);
    while (number < agree->number && !reports_differ(agree, number))
        number++;
    bool results_differ = !reports_differ(agree, number);
    for (report_t *report = agree->state->reports;
         report != NULL && results_differ; report = report->next) {
        if (report->group == agree->group && call_at(report, number) != NULL)
            append_result(report->calls[number - report->first].text,
                          report->result);
    }
    log_calls(agree, number, agree->epoch);
}

/* Make progress until the reports of all PEs are here, or for some seconds. */
static void await_reports(memheap_agree_t *agree, int seconds)
{
    memheap_wait_t wait = begin_wait(agree);
    uint64_t end = memheap_wait_now() + (uint64_t)seconds * 1000000000;
    int i = 0; /* ranks that have reported */
    while (i < agree->size && memheap_wait_now() < end) {
        if (report_of(agree, i, false) != NULL)
            i++;
        else
            memheap_wait_step(&wait);
    }
}

/* The lowest rank that has reported. */
static int first_present(const memheap_agree_t *agree)
{
    int rank = 0;
    while (report_of(agree, rank, false) == NULL)
        rank++;
    return rank;
}

static memheap_status_t diverge_between_nodes(memheap_agree_t *agree,
                                              const memheap_call_t *call,
                                              uint64_t result)
{
    memheap_agree_raise_alarm(agree);
    report_own(agree, call, result);
    for (int rank = 0; rank < agree->size && rank < WITNESSES; rank++) {
        if (rank != agree->rank)
            send_reports(agree, rank);
    }
    /* The PE that logs ends the job. The others make progress until then. */
    if (agree->rank == 0)
        await_reports(agree, ABSENT_SECONDS);
    else if (agree->rank < WITNESSES)
        await_reports(agree, 2 * ABSENT_SECONDS);
    else
        await_reports(agree, 10 * ABSENT_SECONDS);
    if (agree->rank == first_present(agree))
        log_reported_calls(agree);
    return MEMHEAP_ERR_DIVERGED;
}

memheap_status_t memheap_agree_diverge(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       uint64_t result, bool results_differ)
{
    return memheap_agree_is_one_node(agree)
               ? diverge_on_node(agree, call, result, results_differ)
               : diverge_between_nodes(agree, call, result);
}
