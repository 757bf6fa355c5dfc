/*
 * Registers memory of segments with UCX, and finds the memory of other PEs.
 *
 * A segment grows at its end. Each growth registers the new part and exchanges
 * the keys of all members. So a segment is a list of registered parts, and an
 * access is cut into one span per part:
 *
 *     segment   | part 0 | part 1 | part 2        |
 *     access          |---+--------+---|
 *     spans             0      1     2
 */
#include "config.h"

#include "comm/ucx_segments.h"
#include "base/sysinfo.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

/* The index of the registered part that has an offset; count if there is none.
 */
static int registration_at(const segment_t *segment, size_t offset)
{
    int i = 0;
    while (i < segment->count && offset >= segment->registration[i].end)
        i++;
    return i;
}

/* The index of a PE among the members of a segment. */
static int member_number(const memheap_members_t *members, int pe)
{
    return members->stride == 0 ? 0 : (pe - members->start) / members->stride;
}

span_t memheap_ucx_span(memheap_transport_t *t,
                        const memheap_remote_addr_t *remote, size_t size)
{
    const segment_t *segment = t->segment[remote->segment];
    int i = segment == NULL ? 0 : registration_at(segment, remote->offset);
    peer_t *peer = memheap_ucx_peer(t, remote->pe);
    remote_key_t **remote_keys = &peer->remote_keys[remote->segment];
    if (segment == NULL || i == segment->count) /* not registered */
        memheap_ucx_lost(t, remote->pe, UCS_ERR_INVALID_ADDR);
    if (*remote_keys == NULL)
        *remote_keys = calloc(MAX_REGISTRATIONS, sizeof(**remote_keys));
    if (*remote_keys == NULL)
        memheap_ucx_lost(t, remote->pe, UCS_ERR_NO_MEMORY);
    remote_key_t *registration = *remote_keys + i;
    if (registration->key == NULL) {
        size_t bytes;
        const char *record = memheap_address_table_at(
            &segment->registration[i].keys,
            member_number(&segment->members, remote->pe), &bytes);
        memcpy(&registration->base, record, sizeof(registration->base));
        ucs_status_t status = ucp_ep_rkey_unpack(
            peer->endpoint, record + sizeof(registration->base),
            &registration->key);
        if (status != UCS_OK)
            memheap_ucx_lost(t, remote->pe, status);
    }
    return (span_t){
        peer, registration->base + remote->offset, registration->key,
        memheap_min(size, segment->registration[i].end - remote->offset)};
}

/* The segment with an id, created on first use. NULL if there is no memory. */
static segment_t *segment_of(memheap_transport_t *t, memheap_segment_id_t id,
                             const memheap_members_t *members)
{
    if (t->segment[id] != NULL)
        return t->segment[id];
    segment_t *segment = calloc(1, sizeof(*segment));
    if (segment != NULL)
        segment->members = *members;
    return t->segment[id] = segment;
}

memheap_status_t memheap_transport_register(memheap_transport_t *t,
                                            memheap_segment_id_t id,
                                            const memheap_members_t *members,
                                            char *base, size_t from, size_t to)
{
    segment_t *segment = segment_of(t, id, members);
    registration_t registration = {.end = to};
    void *packed = NULL;
    size_t packed_size = 0;
    memheap_status_t status = MEMHEAP_OK;
    ucp_mem_map_params_t params = {
        .field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS |
                      UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                      UCP_MEM_MAP_PARAM_FIELD_FLAGS,
        .address = base + from,
        .length = to - from,
        .flags = t->config.map_nonblocking ? UCP_MEM_MAP_NONBLOCK : 0};
    size_t pinned = memheap_sysinfo_pinned();
    lock_worker(t);
    ucs_status_t mapped =
        ucp_mem_map(t->context, &params, &registration.memory);
    t->pins = t->pins || memheap_sysinfo_pinned() > pinned;
    ucs_status_t outcome = mapped;
    if (outcome == UCS_OK)
        outcome = ucp_rkey_pack(t->context, registration.memory, &packed,
                                &packed_size);
    unlock_worker(t);
    if (outcome != UCS_OK)
        status = memheap_ucx_failed(
            t,
            "register memory for other nodes; a higher limit "
            "on locked memory (ulimit -l) may help",
            outcome);
    uint64_t address = (uintptr_t)base;
    char *record = malloc(sizeof(address) + packed_size);
    if (status == MEMHEAP_OK && (record == NULL || segment == NULL ||
                                 segment->count == MAX_REGISTRATIONS))
        status = MEMHEAP_ERR_NO_METADATA;
    status = memheap_job_worst(members->job, status);
    if (status == MEMHEAP_OK) {
        memcpy(record, &address, sizeof(address));
        memcpy(record + sizeof(address), packed, packed_size);
        status =
            memheap_address_table_open(&registration.keys, members->job, record,
                                       sizeof(address) + packed_size, t->log);
    }
    lock_worker(t);
    if (status == MEMHEAP_OK)
        segment->registration[segment->count++] = registration;
    else if (mapped == UCS_OK)
        ucp_mem_unmap(t->context, registration.memory);
    if (packed != NULL)
        ucp_rkey_buffer_release(packed);
    unlock_worker(t);
    free(record);
    return status;
}

bool memheap_transport_pins(const memheap_transport_t *t)
{
    return t->pins;
}

void memheap_ucx_release_keys(memheap_transport_t *t, memheap_segment_id_t id)
{
    for (peer_t *peer = t->first; peer != NULL; peer = peer->next) {
        for (int i = 0; i < MAX_REGISTRATIONS && peer->remote_keys[id] != NULL;
             i++) {
            if (peer->remote_keys[id][i].key != NULL)
                ucp_rkey_destroy(peer->remote_keys[id][i].key);
        }
        free(peer->remote_keys[id]);
        peer->remote_keys[id] = NULL;
    }
}

void memheap_ucx_release_segment(memheap_transport_t *t,
                                 memheap_segment_id_t id)
{
    segment_t *segment = t->segment[id];
    for (int i = 0; segment != NULL && i < segment->count; i++) {
        ucp_mem_unmap(t->context, segment->registration[i].memory);
        memheap_address_table_close(&segment->registration[i].keys);
    }
    free(segment);
    t->segment[id] = NULL;
}

void memheap_transport_deregister(memheap_transport_t *t,
                                  memheap_segment_id_t id)
{
    lock_worker(t);
    memheap_ucx_release_keys(t, id);
    memheap_ucx_release_segment(t, id);
    unlock_worker(t);
}
