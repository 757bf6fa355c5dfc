/*
 * Registers memory of segments, and finds that of other PEs.
 */
#include "config.h"

#include "comm/ucx_segments.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

/* The piece of a segment that has an offset. */
static int piece_of(const segment_t *segment, size_t offset)
{
    int i = 0;
    while (i < segment->count && offset >= segment->piece[i].end)
        i++;
    return i;
}

/* The number that a PE has among the owners of a segment. */
static int number_of(const memheap_members_t *owners, int pe)
{
    return owners->stride == 0 ? 0 : (pe - owners->start) / owners->stride;
}

/* The first of the spans that size bytes at a place consist of. */
span_t memheap_ucx_span(memheap_transport_t *t,
                        const memheap_remote_addr_t *place, size_t size)
{
    const segment_t *segment = t->segment[place->segment];
    int i = segment == NULL ? 0 : piece_of(segment, place->offset);
    peer_t *peer = memheap_ucx_peer(t, place->pe);
    far_piece_t **pieces = &peer->pieces[place->segment];
    if (segment == NULL ||
        i == segment->count) /* not covered: nobody was given it */
        memheap_ucx_lost(t, place->pe, UCS_ERR_INVALID_ADDR);
    if (*pieces == NULL)
        *pieces = calloc(PIECES, sizeof(**pieces));
    if (*pieces == NULL)
        memheap_ucx_lost(t, place->pe, UCS_ERR_NO_MEMORY);
    far_piece_t *piece = *pieces + i;
    if (piece->key == NULL) {
        size_t bytes;
        const char *record = memheap_address_table_at(
            &segment->piece[i].keys, number_of(&segment->owners, place->pe),
            &bytes);
        memcpy(&piece->base, record, sizeof(piece->base));
        ucs_status_t status = ucp_ep_rkey_unpack(
            peer->endpoint, record + sizeof(piece->base), &piece->key);
        if (status != UCS_OK)
            memheap_ucx_lost(t, place->pe, status);
    }
    return (span_t){peer, piece->base + place->offset, piece->key,
                    memheap_min(size, segment->piece[i].end - place->offset)};
}

/* The segment of a number; made, if it is not there. */
static segment_t *segment_of(memheap_transport_t *t, memheap_segment_id_t id,
                             const memheap_members_t *owners)
{
    if (t->segment[id] != NULL)
        return t->segment[id];
    segment_t *segment = calloc(1, sizeof(*segment));
    if (segment != NULL)
        segment->owners = *owners;
    return t->segment[id] = segment;
}

memheap_status_t memheap_transport_register(memheap_transport_t *t,
                                            memheap_segment_id_t id,
                                            const memheap_members_t *owners,
                                            char *base, size_t from, size_t to)
{
    segment_t *segment = segment_of(t, id, owners);
    piece_t piece = {.end = to};
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
    enter(t);
    ucs_status_t mapped = ucp_mem_map(t->context, &params, &piece.memory);
    ucs_status_t outcome = mapped;
    if (outcome == UCS_OK)
        outcome =
            ucp_rkey_pack(t->context, piece.memory, &packed, &packed_size);
    leave(t);
    if (outcome != UCS_OK)
        status = memheap_ucx_failed(
            t,
            "register memory for other nodes; a higher limit "
            "on locked memory (ulimit -l) may help",
            outcome);
    uint64_t address = (uintptr_t)base;
    char *record = malloc(sizeof(address) + packed_size);
    if (status == MEMHEAP_OK &&
        (record == NULL || segment == NULL || segment->count == PIECES))
        status = MEMHEAP_ERR_NO_METADATA;
    status = memheap_job_worst(owners->job, status);
    if (status == MEMHEAP_OK) {
        memcpy(record, &address, sizeof(address));
        memcpy(record + sizeof(address), packed, packed_size);
        status =
            memheap_address_table_open(&piece.keys, owners->job, record,
                                       sizeof(address) + packed_size, t->log);
    }
    enter(t);
    if (status == MEMHEAP_OK)
        segment->piece[segment->count++] = piece;
    else if (mapped == UCS_OK)
        ucp_mem_unmap(t->context, piece.memory);
    if (packed != NULL)
        ucp_rkey_buffer_release(packed);
    leave(t);
    free(record);
    return status;
}

/* Forget what peers have said of their part of a segment; with the lock. */
void memheap_ucx_release_keys(memheap_transport_t *t, memheap_segment_id_t id)
{
    for (peer_t *peer = t->first; peer != NULL; peer = peer->next) {
        for (int i = 0; i < PIECES && peer->pieces[id] != NULL; i++) {
            if (peer->pieces[id][i].key != NULL)
                ucp_rkey_destroy(peer->pieces[id][i].key);
        }
        free(peer->pieces[id]);
        peer->pieces[id] = NULL;
    }
}

/* Let go of this PE's part of a segment. */
void memheap_ucx_release_segment(memheap_transport_t *t,
                                 memheap_segment_id_t id)
{
    segment_t *segment = t->segment[id];
    for (int i = 0; segment != NULL && i < segment->count; i++) {
        ucp_mem_unmap(t->context, segment->piece[i].memory);
        memheap_address_table_close(&segment->piece[i].keys);
    }
    free(segment);
    t->segment[id] = NULL;
}

void memheap_transport_deregister(memheap_transport_t *t,
                                  memheap_segment_id_t id)
{
    enter(t);
    memheap_ucx_release_keys(t, id);
    memheap_ucx_release_segment(t, id);
    leave(t);
}
