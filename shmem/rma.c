/*
 * Remote memory access and signals.
 *
 * A put to a PE of this node is a copy through its window, and is complete on
 * return; the nonblocking forms are the same. A put to a PE of another node
 * uses the transport. A signal is an atomic update after the data.
 */
#include "config.h"

#include "shmem/access.h"
#include "shmem/copy.h"

#include <pshmem.h>

#include <stdatomic.h>
#include <string.h>

typedef void put_function_t(memheap_transport_t *transport,
                            const memheap_remote_addr_t *remote,
                            const void *source, size_t size);
typedef void get_function_t(memheap_transport_t *transport,
                            const memheap_remote_addr_t *remote, void *dest,
                            size_t size);

/* Copies of one block; the last argument is the transport's function. */
static inline void put_by(const char *call, shmem_ctx_t ctx, void *dest,
                          const void *source, size_t size, int pe,
                          put_function_t *transport_put)
{
    memheap_remote_addr_t remote;
    int target = memheap_world_pe(call, ctx, pe);
    if (size == 0)
        return;
    char *local = memheap_locate(call, dest, size, target, &remote);
    if (MEMHEAP_LIKELY(local != NULL)) {
        memheap_copy(local, source, size);
        return;
    }
    transport_put(memheap_runtime.transport, &remote, source, size);
    memheap_ctx_note_issued(ctx);
}

static inline void get_by(const char *call, shmem_ctx_t ctx, void *dest,
                          const void *source, size_t size, int pe,
                          get_function_t *transport_get)
{
    memheap_remote_addr_t remote;
    int target = memheap_world_pe(call, ctx, pe);
    if (size == 0)
        return;
    char *local = memheap_locate(call, source, size, target, &remote);
    if (MEMHEAP_LIKELY(local != NULL)) {
        memheap_copy(dest, local, size);
        return;
    }
    transport_get(memheap_runtime.transport, &remote, dest, size);
    if (transport_get != memheap_transport_get)
        memheap_ctx_note_issued(ctx);
}

static void put(const char *call, shmem_ctx_t ctx, void *dest,
                const void *source, size_t size, int pe)
{
    put_by(call, ctx, dest, source, size, pe, memheap_transport_put);
}

static void put_nbi(const char *call, shmem_ctx_t ctx, void *dest,
                    const void *source, size_t size, int pe)
{
    put_by(call, ctx, dest, source, size, pe, memheap_transport_put_nbi);
}

static void get(const char *call, shmem_ctx_t ctx, void *dest,
                const void *source, size_t size, int pe)
{
    get_by(call, ctx, dest, source, size, pe, memheap_transport_get);
}

static void get_nbi(const char *call, shmem_ctx_t ctx, void *dest,
                    const void *source, size_t size, int pe)
{
    get_by(call, ctx, dest, source, size, pe, memheap_transport_get_nbi);
}

/* A stride in bytes. An invalid stride, less than one element, becomes
 * SIZE_MAX, which makes any extent too long. */
static size_t step_of(ptrdiff_t stride, size_t size)
{
    return stride < 1 ? SIZE_MAX : memheap_bytes((size_t)stride, size);
}

/* Bytes from the start of the first of count blocks to the end of the last;
 * SIZE_MAX on overflow. */
static size_t extent_of(size_t count, size_t step, size_t block)
{
    size_t distance = memheap_bytes(count - 1, step);
    return distance > SIZE_MAX - block ? SIZE_MAX : distance + block;
}

__attribute__((always_inline)) static inline void
copy_each(char *dest, size_t dest_step, const char *source, size_t source_step,
          size_t block, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memheap_copy(dest + i * dest_step, source + i * source_step, block);
}

/* Copy count blocks, with a step in bytes on each side. Blocks of one word are
 * loaded and stored, without a call. */
static void copy_blocks(char *dest, size_t dest_step, const char *source,
                        size_t source_step, size_t block, size_t count)
{
    if (block == sizeof(uint64_t))
        copy_each(dest, dest_step, source, source_step, sizeof(uint64_t),
                  count);
    else if (block == sizeof(uint32_t))
        copy_each(dest, dest_step, source, source_step, sizeof(uint32_t),
                  count);
    else
        copy_each(dest, dest_step, source, source_step, block, count);
}

/* End the job if the extent of the local blocks overflows. */
static void check_local(const char *call, const void *address, size_t count,
                        size_t step, size_t block, int pe)
{
    if (extent_of(count, step, block) == SIZE_MAX)
        memheap_wrong_address(call, address, SIZE_MAX, pe);
}

/* Put and get of blocks. Strides and block sizes are in bytes. */
static void put_blocks(const char *call, shmem_ctx_t ctx, void *dest,
                       const void *source, size_t dst, size_t sst, size_t block,
                       size_t count, int pe)
{
    memheap_remote_addr_t remote;
    int target = memheap_world_pe(call, ctx, pe);
    if (count == 0 || block == 0)
        return;
    check_local(call, source, count, sst, block, pe);
    char *local = memheap_locate(call, dest, extent_of(count, dst, block),
                                 target, &remote);
    if (MEMHEAP_LIKELY(local != NULL)) {
        copy_blocks(local, dst, source, sst, block, count);
        return;
    }
    memheap_transport_t *transport = memheap_runtime.transport;
    for (size_t i = 0; i < count; i++, remote.offset += dst)
        memheap_transport_put(transport, &remote,
                              (const char *)source + i * sst, block);
    memheap_ctx_note_issued(ctx);
}

static void get_blocks(const char *call, shmem_ctx_t ctx, void *dest,
                       const void *source, size_t dst, size_t sst, size_t block,
                       size_t count, int pe)
{
    memheap_remote_addr_t remote;
    int target = memheap_world_pe(call, ctx, pe);
    if (count == 0 || block == 0)
        return;
    check_local(call, dest, count, dst, block, pe);
    char *local = memheap_locate(call, source, extent_of(count, sst, block),
                                 target, &remote);
    if (MEMHEAP_LIKELY(local != NULL)) {
        copy_blocks(dest, dst, local, sst, block, count);
        return;
    }
    memheap_transport_t *transport = memheap_runtime.transport;
    for (size_t i = 0; i < count; i++, remote.offset += sst)
        memheap_transport_get_nbi(transport, &remote, (char *)dest + i * dst,
                                  block);
    memheap_transport_wait_gets(transport);
}

static void update_signal(const char *call, shmem_ctx_t ctx, uint64_t *sig_addr,
                          uint64_t signal, int sig_op, int pe)
{
    memheap_remote_addr_t remote;
    _Atomic uint64_t *word = (_Atomic uint64_t *)(void *)memheap_locate_ctx(
        call, ctx, sig_addr, sizeof(*sig_addr), pe, &remote);
    if (MEMHEAP_UNLIKELY(word == NULL))
        memheap_remote_update(ctx, &remote,
                              sig_op == SHMEM_SIGNAL_ADD ? MEMHEAP_ATOMIC_ADD
                                                         : MEMHEAP_ATOMIC_SWAP,
                              sizeof(signal), &signal, NULL, NULL);
    else if (sig_op == SHMEM_SIGNAL_ADD)
        atomic_fetch_add(word, signal);
    else
        atomic_store(word, signal);
}

/* Update a signal after the data before it, which may take another route. */
static void signal_after(const char *call, shmem_ctx_t ctx, uint64_t *sig_addr,
                         uint64_t signal, int sig_op, int pe)
{
    if (MEMHEAP_UNLIKELY(memheap_runtime.transport != NULL))
        memheap_transport_fence(memheap_runtime.transport);
    update_signal(call, ctx, sig_addr, signal, sig_op, pe);
}

/* Send short data and the signal to a PE of another node in one message. False
 * if that is not possible. */
static bool put_in_signal(const char *call, shmem_ctx_t ctx, void *dest,
                          const void *source, size_t size, uint64_t *sig_addr,
                          uint64_t signal, int sig_op, int pe)
{
    memheap_remote_addr_t data;
    memheap_remote_addr_t word;
    const memheap_atomic_t atomic = {
        sig_op == SHMEM_SIGNAL_ADD ? MEMHEAP_ATOMIC_ADD : MEMHEAP_ATOMIC_SWAP,
        sizeof(signal), signal, 0};
    int target = memheap_world_pe(call, ctx, pe);
    if (size == 0 || size > MEMHEAP_TRANSPORT_SIGNALLED ||
        memheap_locate(call, dest, size, target, &data) != NULL ||
        memheap_locate(call, sig_addr, sizeof(signal), target, &word) != NULL)
        return false;
    memheap_transport_put_signal(memheap_runtime.transport, &data, source, size,
                                 &word, &atomic);
    memheap_ctx_note_issued(ctx);
    return true;
}

static inline void put_signal_by(const char *call, shmem_ctx_t ctx, void *dest,
                                 const void *source, size_t size,
                                 uint64_t *sig_addr, uint64_t signal,
                                 int sig_op, int pe,
                                 put_function_t *transport_put)
{
    if (MEMHEAP_UNLIKELY(memheap_runtime.transport != NULL) &&
        put_in_signal(call, ctx, dest, source, size, sig_addr, signal, sig_op,
                      pe))
        return;
    put_by(call, ctx, dest, source, size, pe, transport_put);
    signal_after(call, ctx, sig_addr, signal, sig_op, pe);
}

static void put_signal(const char *call, shmem_ctx_t ctx, void *dest,
                       const void *source, size_t size, uint64_t *sig_addr,
                       uint64_t signal, int sig_op, int pe)
{
    put_signal_by(call, ctx, dest, source, size, sig_addr, signal, sig_op, pe,
                  memheap_transport_put);
}

static void put_signal_nbi(const char *call, shmem_ctx_t ctx, void *dest,
                           const void *source, size_t size, uint64_t *sig_addr,
                           uint64_t signal, int sig_op, int pe)
{
    put_signal_by(call, ctx, dest, source, size, sig_addr, signal, sig_op, pe,
                  memheap_transport_put_nbi);
}

/*
 * All forms of a call: with a context and without, under both names. NAME is
 * what follows shmem_ and shmem_ctx_, PARAMETERS and ARGUMENTS are in
 * parentheses, and BODY calls one of the above.
 */
#define STRIP(...) __VA_ARGS__
#define BOTH(NAME, PARAMETERS, FUNCTION, ...)                                  \
    void pshmem_##NAME(STRIP PARAMETERS)                                       \
    {                                                                          \
        FUNCTION("shmem_" #NAME, SHMEM_CTX_DEFAULT, __VA_ARGS__);              \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)                                             \
    void pshmem_ctx_##NAME(shmem_ctx_t ctx, STRIP PARAMETERS)                  \
    {                                                                          \
        FUNCTION("shmem_ctx_" #NAME, ctx, __VA_ARGS__);                        \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_ctx_##NAME)

#define MOVES(T, PUT, GET, PUT_NBI, GET_NBI, SIZE)                             \
    BOTH(PUT, (T * dest, const T *source, size_t nelems, int pe), put, dest,   \
         source, memheap_bytes(nelems, SIZE), pe)                              \
    BOTH(PUT_NBI, (T * dest, const T *source, size_t nelems, int pe), put_nbi, \
         dest, source, memheap_bytes(nelems, SIZE), pe)                        \
    BOTH(GET, (T * dest, const T *source, size_t nelems, int pe), get, dest,   \
         source, memheap_bytes(nelems, SIZE), pe)                              \
    BOTH(GET_NBI, (T * dest, const T *source, size_t nelems, int pe), get_nbi, \
         dest, source, memheap_bytes(nelems, SIZE), pe)

#define SIGNALS(T, PUT_SIGNAL, PUT_SIGNAL_NBI, SIZE)                           \
    BOTH(PUT_SIGNAL,                                                           \
         (T * dest, const T *source, size_t nelems, uint64_t *sig_addr,        \
          uint64_t signal, int sig_op, int pe),                                \
         put_signal, dest, source, memheap_bytes(nelems, SIZE), sig_addr,      \
         signal, sig_op, pe)                                                   \
    BOTH(PUT_SIGNAL_NBI,                                                       \
         (T * dest, const T *source, size_t nelems, uint64_t *sig_addr,        \
          uint64_t signal, int sig_op, int pe),                                \
         put_signal_nbi, dest, source, memheap_bytes(nelems, SIZE), sig_addr,  \
         signal, sig_op, pe)

#define STRIDES(T, IPUT, IGET, IBPUT, IBGET, SIZE)                             \
    BOTH(IPUT,                                                                 \
         (T * dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,             \
          size_t nelems, int pe),                                              \
         put_blocks, dest, source, step_of(dst, SIZE), step_of(sst, SIZE),     \
         SIZE, nelems, pe)                                                     \
    BOTH(IGET,                                                                 \
         (T * dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,             \
          size_t nelems, int pe),                                              \
         get_blocks, dest, source, step_of(dst, SIZE), step_of(sst, SIZE),     \
         SIZE, nelems, pe)                                                     \
    BOTH(IBPUT,                                                                \
         (T * dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,             \
          size_t bsize, size_t nblocks, int pe),                               \
         put_blocks, dest, source, step_of(dst, SIZE), step_of(sst, SIZE),     \
         memheap_bytes(bsize, SIZE), nblocks, pe)                              \
    BOTH(IBGET,                                                                \
         (T * dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,             \
          size_t bsize, size_t nblocks, int pe),                               \
         get_blocks, dest, source, step_of(dst, SIZE), step_of(sst, SIZE),     \
         memheap_bytes(bsize, SIZE), nblocks, pe)

/* One element: a plain load or store, on this node. */
#define PUT_ONE(T, NAME, HEAD, CTX)                                            \
    void pshmem_##NAME HEAD                                                    \
    {                                                                          \
        memheap_remote_addr_t remote;                                          \
        T *local = (T *)(void *)memheap_locate_ctx("shmem_" #NAME, CTX, dest,  \
                                                   sizeof(T), pe, &remote);    \
        if (MEMHEAP_LIKELY(local != NULL))                                     \
            *local = value;                                                    \
        else                                                                   \
            put("shmem_" #NAME, CTX, dest, &value, sizeof(T), pe);             \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define GET_ONE(T, NAME, HEAD, CTX)                                            \
    T pshmem_##NAME HEAD                                                       \
    {                                                                          \
        memheap_remote_addr_t remote;                                          \
        const T *local = (const T *)(void *)memheap_locate_ctx(                \
            "shmem_" #NAME, CTX, source, sizeof(T), pe, &remote);              \
        if (MEMHEAP_LIKELY(local != NULL))                                     \
            return *local;                                                     \
        T value;                                                               \
        get("shmem_" #NAME, CTX, &value, source, sizeof(T), pe);               \
        return value;                                                          \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define ONE(T, P, G)                                                           \
    PUT_ONE(T, P, (T * dest, T value, int pe), SHMEM_CTX_DEFAULT)              \
    PUT_ONE(T, ctx_##P, (shmem_ctx_t ctx, T * dest, T value, int pe), ctx)     \
    GET_ONE(T, G, (const T *source, int pe), SHMEM_CTX_DEFAULT)                \
    GET_ONE(T, ctx_##G, (shmem_ctx_t ctx, const T *source, int pe), ctx)

#define TYPED(A, T, N)                                                         \
    MOVES(T, N##_put, N##_get, N##_put_nbi, N##_get_nbi, sizeof(T))            \
    SIGNALS(T, N##_put_signal, N##_put_signal_nbi, sizeof(T))                  \
    STRIDES(T, N##_iput, N##_iget, N##_ibput, N##_ibget, sizeof(T))            \
    ONE(T, N##_p, N##_g)

#define SIZED(A, T, N)                                                         \
    MOVES(T, put##N, get##N, put##N##_nbi, get##N##_nbi, N / 8)                \
    SIGNALS(T, put##N##_signal, put##N##_signal_nbi, N / 8)                    \
    STRIDES(T, iput##N, iget##N, ibput##N, ibget##N, N / 8)

SHMEM_RMA_TYPES_(TYPED, 0)
SHMEM_SIZES_(SIZED, 0)
MOVES(void, putmem, getmem, putmem_nbi, getmem_nbi, 1)
SIGNALS(void, putmem_signal, putmem_signal_nbi, 1)
BOTH(signal_add, (uint64_t * sig_addr, uint64_t signal, int pe), update_signal,
     sig_addr, signal, SHMEM_SIGNAL_ADD, pe)
BOTH(signal_set, (uint64_t * sig_addr, uint64_t signal, int pe), update_signal,
     sig_addr, signal, SHMEM_SIGNAL_SET, pe)

uint64_t pshmem_signal_fetch(const uint64_t *sig_addr)
{
    memheap_runtime_progress();
    return atomic_load((const _Atomic uint64_t *)sig_addr);
}
MEMHEAP_PROFILED(shmem_signal_fetch)
