/*
 * The meaning of return addresses.
 *
 * Frames in memheap's own libraries are left out, so that a call site is the
 * line of the program that made the call. dladdr() finds the object of a frame;
 * addr2line(1), run as a process, finds function and line. Without addr2line,
 * the description has the object and the offset in it, which does not depend
 * on where the object is loaded. The path of addr2line is fixed when the
 * library is configured: the caller's PATH may lead elsewhere.
 */
#define _GNU_SOURCE /* dladdr() */
#include "config.h"

#include "memheap/debug/frames.h"
#include <memheap/memheap.h>
#include "base/child.h"
#include "base/util.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RUN_FRAMES = 64 /* looked up by one run of addr2line */
};

bool memheap_call_site_is_library(const char *object)
{
    static const char *const names[] = {
        "libmemheap.", "libmemheap_", "libc.",      "libuc",
        "libmpi.",     "libopen-",    "liboshmem.", "mca_memheap",
        "libasan.",    "libclang_rt", "vgpreload",  "linux-vdso"};
    const char *name = strrchr(object, '/');
    name = name == NULL ? object : name + 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* Whether a function is the unwinder that a sanitizer links into a program. */
static bool is_unwinder(const char *name)
{
    return name != NULL && (strcmp(name, "backtrace") == 0 ||
                            strstr(name, "interceptor_backtrace") != NULL);
}

/* Whether a function is the part of libc that calls main(). */
static bool is_start(const char *name)
{
    return name != NULL && strncmp(name, "__libc_start_", 13) == 0;
}

/* Find the object of a return address. The address is behind the call
 * instruction, which may be the last of its function. @return the address of
 * the call, or 0 */
static uintptr_t find_object(void *address, Dl_info *object)
{
    uintptr_t call = (uintptr_t)address - 1;
    return dladdr((void *)call, object) != 0 ? call : 0;
}

/* An address as addr2line expects it: relative to the object's file. */
static uintptr_t file_address(const Dl_info *object, uintptr_t address)
{
    const ElfW(Ehdr) *header = object->dli_fbase;
    return header->e_type == ET_EXEC ? address
                                     : address - (uintptr_t)object->dli_fbase;
}

bool memheap_call_site_shorten(const char *line, char *text, size_t size)
{
    const char *at = strstr(line, " at ");
    if (line[0] == '?' || at == NULL || at[4] == '?')
        return false;
    const char *file = strrchr(at, '/');
    const char *end = strstr(at, " (discriminator");
    file = file == NULL ? at + 4 : file + 1;
    size_t length = end == NULL ? strlen(file) : (size_t)(end - file);
    /* A symbol table without lines. */
    if (length > 2 && strncmp(file + length - 2, ":?", 2) == 0)
        length -= 2;
    snprintf(text, size, "%.*s at %.*s", (int)(at - line), line, (int)length,
             file);
    return true;
}

/* Add a line of addr2line to the text of a frame, if it fits behind others. */
static void add_line(memheap_frame_t *frame, const char *line)
{
    char text[MEMHEAP_FRAME_TEXT];
    size_t used = strlen(frame->text);
    if (!memheap_call_site_shorten(line, text, sizeof(text)))
        return;
    size_t length = strlen(text);
    if (used > 0 && used + 1 + length < sizeof(frame->text))
        frame->text[used++] = '\n';
    else if (used > 0)
        return;
    memcpy(frame->text + used, text, length + 1);
}

/* Read the output of addr2line: a line for each frame, and further ones for the
 * functions that it is inlined in. */
static void read_lines(int fd, memheap_frame_t *frames, size_t count)
{
    static const char inlined[] = " (inlined by) ";
    const size_t inlined_length = sizeof(inlined) - 1;
    char buffer[512];
    char line[1024];
    size_t length = 0;
    size_t number = 0;
    ssize_t got;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0 ||
           (got < 0 && errno == EINTR)) {
        for (ssize_t i = 0; i < got; i++) {
            if (buffer[i] != '\n') {
                line[length] = buffer[i];
                length += length + 1 < sizeof(line);
                continue;
            }
            line[length] = '\0';
            length = 0;
            bool more = strncmp(line, inlined, inlined_length) == 0;
            number += !more;
            if (number > 0 && number <= count)
                add_line(&frames[number - 1],
                         line + (more ? inlined_length : 0));
        }
    }
}

/* Describe a frame for which addr2line found nothing. */
static void describe_offset(const char *path, memheap_frame_t *frame)
{
    Dl_info object;
    uintptr_t address = find_object(frame->address, &object);
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    if (object.dli_sname != NULL)
        snprintf(frame->text, sizeof(frame->text), "%s+0x%zx in %.255s",
                 object.dli_sname,
                 (size_t)(address - (uintptr_t)object.dli_saddr), name);
    else
        snprintf(frame->text, sizeof(frame->text), "%.255s+0x%zx", name,
                 (size_t)file_address(&object, address));
}

/* Describe frames of one object. */
static void resolve_in(const Dl_info *object, memheap_frame_t *frames,
                       size_t count)
{
    char hex[RUN_FRAMES][2 + 16 + 1];
    char exe[1024];
    char *argv[3 + RUN_FRAMES + 1] = {(char *)(uintptr_t)MEMHEAP_ADDR2LINE,
                                      (char *)(uintptr_t) "-ifCpe"};
    char *path = (char *)(uintptr_t)object->dli_fname;
    /* The path of the executable may be relative to another folder. */
    if (strchr(path, '/') == NULL || access(path, R_OK) != 0) {
        ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
        exe[length < 0 ? 0 : length] = '\0';
        path = exe;
    }
    argv[2] = path;
    for (size_t i = 0; i < count; i++) {
        uintptr_t call = (uintptr_t)frames[i].address - 1;
        snprintf(hex[i], sizeof(hex[i]), "0x%zx",
                 (size_t)file_address(object, call));
        argv[3 + i] = hex[i];
    }
    pid_t child;
    int output = memheap_child_start(argv, &child);
    if (output >= 0) {
        read_lines(output, frames, count);
        close(output);
        memheap_child_wait(child);
    }
    for (size_t i = 0; i < count; i++) {
        if (frames[i].text[0] == '\0')
            describe_offset(path, &frames[i]);
    }
}

void memheap_frames_resolve(memheap_frame_t *frames, size_t count)
{
    size_t end;
    for (size_t first = 0; first < count; first = end) {
        Dl_info object;
        Dl_info other;
        bool known = find_object(frames[first].address, &object) != 0;
        snprintf(frames[first].text, sizeof(frames[first].text), "%s",
                 known ? "" : "an unknown call site");
        end = first + 1;
        while (known && end < count && end - first < RUN_FRAMES &&
               find_object(frames[end].address, &other) != 0 &&
               other.dli_fbase == object.dli_fbase)
            frames[end++].text[0] = '\0';
        if (known)
            resolve_in(&object, frames + first, end - first);
    }
}

void *const *memheap_frames_of_program(void *const *frames, int *count_p)
{
    Dl_info object;
    int count = *count_p;
    int first = 0;
    while (first < count && (find_object(frames[first], &object) == 0 ||
                             memheap_call_site_is_library(object.dli_fname) ||
                             is_unwinder(object.dli_sname)))
        first++;
    /* What libc calls main() from is left out, and _start before it. */
    int end = first;
    for (int i = first; i < count; i++) {
        bool known = find_object(frames[i], &object) != 0;
        if (known && is_start(object.dli_sname))
            break;
        if (!known || !memheap_call_site_is_library(object.dli_fname))
            end = i + 1;
    }
    *count_p = end - first;
    return frames + first;
}

char *memheap_frames_describe(void *const *frames, int count, char *text,
                              size_t size)
{
    memheap_frame_t frame = {.text = "an unknown call site"};
    frames = memheap_frames_of_program(frames, &count);
    if (count > 0) {
        frame.address = frames[0];
        memheap_frames_resolve(&frame, 1);
    }
    snprintf(text, size, "%.*s", (int)strcspn(frame.text, "\n"), frame.text);
    return text;
}
