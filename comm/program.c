/*
 * The executable that this process runs.
 *
 * Linkers store a build ID in an executable, which is a digest of it. An
 * executable without one is read. The program headers are part of the digest in
 * both cases, because a user can choose the build ID.
 */
#include "config.h"

#include "comm/program.h"
#include "comm/call.h"
#include "base/util.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const executable = "/proc/self/exe";

/* Add the build ID in a segment of notes to a digest. False if it has none. */
static bool add_build_id(const char *notes, size_t size, size_t align,
                         uint64_t *digest)
{
    size_t at = 0;
    while (at + sizeof(ElfW(Nhdr)) <= size) {
        ElfW(Nhdr) note;
        memcpy(&note, notes + at, sizeof(note));
        size_t name = at + sizeof(note);
        size_t text = memheap_align_up(name + note.n_namesz, align);
        at = memheap_align_up(text + note.n_descsz, align);
        if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
            text + note.n_descsz > size || memcmp(notes + name, "GNU", 4) != 0)
            continue;
        *digest = memheap_digest_bytes(*digest, notes + text, note.n_descsz);
        return true;
    }
    return false;
}

/* Add a part of the executable's file to a digest. */
static uint64_t add_file(uint64_t digest, int fd, off_t at, size_t size)
{
    char bytes[8192];
    while (size > 0) {
        ssize_t count = pread(fd, bytes, memheap_min(size, sizeof(bytes)), at);
        if (count <= 0)
            break;
        digest = memheap_digest_bytes(digest, bytes, (size_t)count);
        at += count;
        size -= (size_t)count;
    }
    return digest;
}

/* Callback of dl_iterate_phdr(), for the first object: the executable. */
static int digest_executable(struct dl_phdr_info *info, size_t size,
                             void *context)
{
    uint64_t digest = 0;
    bool has_id = false;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const uint64_t words[] = {header->p_type, header->p_vaddr,
                                  header->p_memsz};
        digest = memheap_digest_bytes(digest, words, sizeof(words));
        if (header->p_type == PT_NOTE && !has_id)
            has_id = add_build_id(
                (const char *)(info->dlpi_addr + header->p_vaddr),
                header->p_memsz, header->p_align == 8 ? 8 : 4, &digest);
    }
    int fd = has_id ? -1 : open(executable, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < info->dlpi_phnum && fd >= 0; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_LOAD)
            digest =
                add_file(digest, fd, (off_t)header->p_offset, header->p_filesz);
    }
    if (fd >= 0)
        close(fd);
    *(uint64_t *)context = digest;
    return 1;
}

uint64_t memheap_program_digest(void)
{
    uint64_t digest = 0;
    dl_iterate_phdr(digest_executable, &digest);
    return digest;
}

void memheap_program_path(char *path, size_t room)
{
    ssize_t length = readlink(executable, path, room - 1);
    path[length > 0 ? length : 0] = '\0';
    if (length <= 0)
        snprintf(path, room, "?");
}
