#!/bin/sh
# Many PEs with a few blocks each take a tenth and a huge page more than with small
# pages, at most. The tenth is for buddy, whose blocks are touched in part.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/pages.mpi

# take PAGES: set $bytes to what 64 heaps take in all.
take()
{
    job 0 -x MEMHEAP_PAGES="$1" -n 64 "$program" little
    bytes=$(printf '%s\n' "$output" | grep -x '[1-9][0-9]*')
    [ -n "$bytes" ] || miss "prints no number"
}

take 4k
small=$bytes
fact "64 PEs take memory for their blocks"
for pages in default thp; do
    take $pages
    [ "${bytes:-0}" -le $((small + small / 10 + 64 * 2097152)) ] ||
        miss "takes $bytes bytes, with small pages $small"
    fact "64 PEs take a tenth and a huge page more each at most: $pages"
done
finish
