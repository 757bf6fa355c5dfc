/*
 * Finds the data segment of the executable.
 *
 * Each writable load segment of the executable, without the part that the
 * loader makes read-only (RELRO), rounded to pages, is a range.
 */
#include "config.h"

#include "comm/data_segment.h"
#include "base/util.h"

#include <link.h>
#include <sys/mman.h>

/* Add the pages of [start, end) as a range. Ranges come in ascending order; a
 * page that two of them share belongs to the first. */
static void add_range(memheap_moved_pages_t *data, size_t start, size_t end,
                      int protection)
{
    start = memheap_align_down(start, memheap_page_size());
    end = memheap_page_round(end);
    if (data->base == NULL)
        data->base = (char *)start;
    size_t from = memheap_max(start - (size_t)data->base, data->size);
    size_t to = end - (size_t)data->base;
    if (from >= to || data->count == MEMHEAP_PAGE_RANGES)
        return;
    data->range[data->count++] = (memheap_page_range_t){from, to, protection};
    data->size = to;
}

/* Callback of dl_iterate_phdr(), for the first object: the executable. */
static int find_executable(struct dl_phdr_info *info, size_t size,
                           void *context)
{
    memheap_moved_pages_t *data = context;
    const size_t page = memheap_page_size();
    size_t hidden = 0; /* the range that the loader makes read-only */
    size_t hidden_end = 0;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        size_t first = header->p_vaddr;
        size_t last = first + header->p_memsz;
        if (header->p_type == PT_GNU_RELRO) {
            hidden = memheap_align_down(info->dlpi_addr + first, page);
            hidden_end = memheap_align_down(info->dlpi_addr + last, page);
        }
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        size_t start = info->dlpi_addr + header->p_vaddr;
        size_t end = start + header->p_memsz;
        int protection = PROT_READ | PROT_WRITE |
                         ((header->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W) == 0)
            continue;
        if (start < hidden_end && hidden < end) {
            if (start < hidden)
                add_range(data, start, hidden, protection);
            start = hidden_end;
        }
        if (start < end)
            add_range(data, start, end, protection);
    }
    return 1;
}

void memheap_data_segment_find(memheap_moved_pages_t *data)
{
    *data =
        (memheap_moved_pages_t){.name = "the program's variables", .fd = -1};
    dl_iterate_phdr(find_executable, data);
}
