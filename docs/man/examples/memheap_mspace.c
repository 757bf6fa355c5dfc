/* A runtime that places blocks in a segment by dlmalloc's calls. */
#include <memheap/mspace.h>
#include <stdio.h>

static char segment[1 << 20] __attribute__((aligned(4096)));

int main(void)
{
    mspace space = create_mspace_with_base(segment, sizeof(segment), 1);
    if (space == NULL)
        return 1;
    char *first = mspace_malloc(space, 1000);
    char *second = mspace_memalign(space, 4096, 1000);
    printf("the first block is at %td, the second is%s aligned\n",
           first - segment, (second - segment) % 4096 == 0 ? "" : " not");
    mspace_free(space, first);
    destroy_mspace(space);
    return second == NULL;
}
