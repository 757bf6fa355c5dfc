/*
 * Memory of the program that is made symmetric: shmemx_register().
 *
 * A registration is a segment, as the program's variables are one: each PE has
 * its own base address, and a call takes the calling PE's address of an object.
 * Private memory moves into a memory file, in place (comm/moved_pages.h), and
 * back when it is deregistered. A shared mapping of a file stays: the other PEs
 * of the node map that file.
 *
 * One lock protects the moves against a fork, which copies what has moved.
 */
#include "config.h"

#include "shmem/user_memory.h"
#include "shmem/access.h"
#include "shmem/call_description.h"
#include "comm/moved_pages.h"
#include "base/address.h"
#include "base/sysinfo.h"

#include <pshmem.h>
#include <shmemx.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Registered memory. Never freed: another thread may be searching all segments
 * for an address of its own. */
typedef struct registration {
    memheap_segment_t segment;
    memheap_moved_pages_t pages; /* count 0: a shared mapping of a file */
    char name[48];               /* of the pages, for messages */
    int file;                    /* that is mapped, or -1 */
    void *fork_copy;
} registration_t;

static registration_t registrations[MEMHEAP_SEGMENTS]; /* by segment id */
static pthread_mutex_t moves = PTHREAD_MUTEX_INITIALIZER;

/* Open the file of a shared mapping. @return a descriptor, or -1, logged */
static int open_mapped(const memheap_mapping_t *mapping)
{
    const memheap_log_t *log = &memheap_runtime.log;
    struct stat file;
    int fd = open(mapping->name, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the memory is a shared mapping of %s, which cannot "
                          "be opened (%s)",
                          mapping->name, strerror(errno));
        return -1;
    }
    if (fstat(fd, &file) == 0 && file.st_ino == mapping->inode)
        return fd;
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "the memory is a shared mapping of %s, but another file "
                      "has that name now",
                      mapping->name);
    close(fd);
    return -1;
}

/* Whether memory overlaps a segment of a space or of registered memory. */
static bool overlaps(const char *start, size_t size)
{
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        const memheap_segment_t *segment = memheap_runtime.segments[id];
        if (segment != NULL && segment->base < start + size &&
            start < segment->base + segment->accessible)
            return true;
    }
    return false;
}

/* Whether memory can be registered: it is wholly mapped, can be written, and is
 * private or one shared mapping. If not, log why. *mapping_p takes its first
 * mapping. */
static bool check_mappings(const char *start, size_t size,
                           memheap_mapping_t *mapping_p)
{
    const memheap_log_t *log = &memheap_runtime.log;
    const char *end = start + size;
    const char *why = NULL;
    const char *at = start;
    for (; at < end && why == NULL; at = (const char *)mapping_p->high) {
        if (!memheap_address_find_mapping(at, mapping_p))
            why = "is not mapped";
        else if (strncmp(mapping_p->protection, "rw", 2) != 0)
            why = "cannot be written";
        else if (mapping_p->is_stack)
            why = "is on the stack";
        else if (overlaps(start, size) ||
                 strncmp(mapping_p->name, "/memfd:memheap", 14) == 0)
            why = "is symmetric already, or belongs to this library";
        else if (mapping_p->shared &&
                 (at != start || mapping_p->high < (uintptr_t)end))
            why = "lies in several mappings, and one is shared";
        if (why != NULL)
            break;
    }
    if (why != NULL)
        memheap_log_write(log, MEMHEAP_LOG_ERROR, "the memory at %p %s",
                          (const void *)at, why);
    return why == NULL;
}

/* Check the memory, and put this PE's part where other processes can map it.
 * Local. */
static memheap_status_t make_shareable(registration_t *made, void *address,
                                       size_t size, off_t *position_p)
{
    const memheap_log_t *log = &memheap_runtime.log;
    size_t page = memheap_page_size();
    memheap_mapping_t mapping;
    *made = (registration_t){.file = -1, .pages = {.fd = -1}};
    if (size == 0 || ((uintptr_t)address | size) % page != 0 ||
        (uintptr_t)address + size < size) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "address and size must be multiples of a page of %zu "
                          "bytes",
                          page);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    if (!check_mappings(address, size, &mapping))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (mapping.shared) {
        made->file = open_mapped(&mapping);
        *position_p =
            mapping.position + (off_t)((uintptr_t)address - mapping.low);
        return made->file < 0 ? MEMHEAP_ERR_SYSTEM : MEMHEAP_OK;
    }
    snprintf(made->name, sizeof(made->name), "the memory at %p", address);
    made->pages =
        (memheap_moved_pages_t){.name = made->name,
                                .base = address,
                                .size = size,
                                .count = 1,
                                .range = {{0, size, PROT_READ | PROT_WRITE}},
                                .fd = -1};
    memheap_status_t status = memheap_moved_pages_move(&made->pages, log);
    *position_p = (off_t)made->pages.lead;
    return status;
}

/* Undo make_shareable(). The memory keeps its contents. */
static memheap_status_t make_private(registration_t *made)
{
    memheap_status_t status =
        memheap_moved_pages_restore(&made->pages, &memheap_runtime.log);
    if (made->file >= 0)
        close(made->file);
    made->file = -1;
    return status;
}

/* Make the shared memory accessible to all PEs. Collective. */
static memheap_status_t publish(registration_t *made, memheap_segment_id_t id,
                                char *address, size_t size, off_t position)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_segment_t *segment = &made->segment;
    int fd = made->file >= 0 ? made->file : made->pages.fd;
    *segment = (memheap_segment_t){
        .id = id, .members = {&rt->job, 0, 1}, .base = address};
    memheap_status_t status = memheap_job_worst(
        &rt->job, memheap_windows_open(&segment->windows, &rt->job, fd,
                                       (size_t)position, size, &rt->log));
    if (status == MEMHEAP_OK && rt->transport != NULL)
        status = memheap_transport_register(
            rt->transport, id, &segment->members, address, 0, size);
    if (status != MEMHEAP_OK) {
        memheap_windows_close(&segment->windows);
        return status;
    }
    segment->accessible = segment->registered = size;
    __atomic_store_n(&rt->segments[id], segment, __ATOMIC_RELEASE);
    return MEMHEAP_OK;
}

/* Print the error of a step that failed on some PE. Collective. */
static void report(const char *call, memheap_status_t status)
{
    memheap_runtime_t *rt = &memheap_runtime;
    int pe;
    memheap_job_min(&rt->job, rt->message[0] == '\0', &pe);
    if (pe == rt->job.rank)
        memheap_runtime_error("%s: %s", call,
                              rt->message[0] == '\0'
                                  ? memheap_status_string(status)
                                  : rt->message);
}

void *pshmemx_register(void *address, size_t size)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_call_t call = {.kind = MEMHEAP_CALL_REGISTER,
                           .argument = {size, 0, 0}};
    memheap_runtime_begin("shmemx_register");
    memheap_runtime_barrier(&rt->agree, &call);
    memheap_segment_id_t id = memheap_segment_unused_id(&rt->job);
    if (id == 0) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                          "there are %d spaces and registrations already, "
                          "which is the maximum; end one first",
                          MEMHEAP_SEGMENTS - MEMHEAP_SEGMENT_MORE);
        report("shmemx_register", MEMHEAP_ERR_NO_MEMORY);
        return NULL;
    }
    registration_t *made = &registrations[id];
    off_t position = 0;
    pthread_mutex_lock(&moves);
    memheap_status_t mine = make_shareable(made, address, size, &position);
    pthread_mutex_unlock(&moves);
    memheap_status_t status = memheap_job_worst(&rt->job, mine);
    if (status == MEMHEAP_OK)
        status = publish(made, id, address, size, position);
    if (status != MEMHEAP_OK) {
        report("shmemx_register", status);
        pthread_mutex_lock(&moves);
        make_private(made);
        pthread_mutex_unlock(&moves);
        return NULL;
    }
    /* No PE returns before all PEs have published the memory. */
    memheap_runtime_barrier(&rt->agree, &call);
    return address;
}
MEMHEAP_PROFILED(shmemx_register)

/* The registration that starts at an address; NULL: there is none. */
static registration_t *registration_at(const void *address)
{
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        registration_t *made = &registrations[id];
        if (memheap_runtime.segments[id] == &made->segment &&
            made->segment.base == address)
            return made;
    }
    return NULL;
}

int pshmemx_deregister(void *address)
{
    memheap_runtime_t *rt = &memheap_runtime;
    if (memheap_runtime_has_ended("shmemx_deregister"))
        return -1;
    memheap_runtime_begin("shmemx_deregister");
    registration_t *made = registration_at(address);
    memheap_segment_id_t id = made == NULL ? 0 : made->segment.id;
    memheap_call_t call = {.kind = MEMHEAP_CALL_DEREGISTER,
                           .argument = {id, 0, 0}};
    /* Two agreements: after the first, all PEs are quiet; after the second, no
     * PE accesses the memory any more. */
    pshmem_quiet();
    int pe;
    memheap_status_t status = memheap_runtime_agree(
        &rt->agree, &call, made == NULL ? MEMHEAP_ERR_BAD_ADDRESS : MEMHEAP_OK,
        0, &pe);
    if (status != MEMHEAP_OK) {
        if (pe == rt->job.rank)
            memheap_runtime_error("shmemx_deregister: no registered memory "
                                  "starts at %p",
                                  address);
        return -1;
    }
    memheap_runtime_barrier(&rt->agree, &call);
    __atomic_store_n(&rt->segments[id], NULL, __ATOMIC_RELEASE);
    if (rt->transport != NULL)
        memheap_transport_deregister(rt->transport, id);
    memheap_windows_close(&made->segment.windows);
    pthread_mutex_lock(&moves);
    status = memheap_job_worst(&rt->job, make_private(made));
    pthread_mutex_unlock(&moves);
    if (status != MEMHEAP_OK)
        report("shmemx_deregister", status);
    return status == MEMHEAP_OK ? 0 : -1;
}
MEMHEAP_PROFILED(shmemx_deregister)

void memheap_user_memory_stop(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    pthread_mutex_lock(&moves);
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        registration_t *made = &registrations[id];
        if (rt->segments[id] != &made->segment)
            continue;
        rt->segments[id] = NULL;
        memheap_windows_close(&made->segment.windows);
        /* The program may unmap the memory, or its descriptors, from now on. */
        if (made->file >= 0)
            close(made->file);
        if (memheap_moved_pages_is_moved(&made->pages))
            close(made->pages.fd);
        made->pages = (memheap_moved_pages_t){.fd = -1};
    }
    pthread_mutex_unlock(&moves);
}

void memheap_user_memory_before_fork(void)
{
    pthread_mutex_lock(&moves);
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++)
        registrations[id].fork_copy =
            memheap_moved_pages_copy(&registrations[id].pages);
}

void memheap_user_memory_after_fork(void)
{
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++)
        memheap_moved_pages_drop_copy(&registrations[id].pages,
                                      registrations[id].fork_copy);
    pthread_mutex_unlock(&moves);
}

bool memheap_user_memory_in_child(void)
{
    bool good = true;
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        registration_t *made = &registrations[id];
        if (made->fork_copy == MAP_FAILED)
            good = false;
        else if (made->fork_copy != NULL)
            memheap_moved_pages_use_copy(&made->pages, made->fork_copy);
    }
    pthread_mutex_init(&moves, NULL);
    return good;
}
