#!/bin/sh
# The installed manual. Each program, each routine of the standard, and each function
# of an installed header has a page. Formatters show the pages without warnings, and
# the examples in the pages work.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
# shellcheck disable=SC2154 # make sets the undefined variables
stage=$(mktemp -d "$top_builddir/manual.XXXXXX") || exit 1
trap 'rm -rf "$stage"' EXIT

prefix=$top_builddir/tests/installed$configured_prefix
man=$prefix/share/man
headers=$prefix/include/memheap
includes="-I$prefix/include -I$headers/shmem"
[ -f "$man/man3/shmem_put.3" ] || miss "no shmem_put.3 in $man"
fact "the manual is installed"

# page_of ROUTINE: print the file with the text of its page.
page_of()
{
    if read -r so page <"$man/man3/$1.3" 2>/dev/null; then
        [ "$so" = .so ] || page=man3/$1.3
        [ -f "$man/$page" ] && echo "$man/$page"
    fi
}

output=
for page in man1/memheap-info.1 man1/memheap-map.1 man1/memheap-replay.1 \
    man1/memheap-top.1 man1/oshcc.1 man1/oshc++.1 man1/oshrun.1 man7/memheap.7 \
    ${built_fc:+man1/oshfort.1}; do
    [ -f "$man/$page" ] || miss "no $page"
done
for program in "$prefix"/bin/*; do
    name=$(basename "$program")
    [ -f "$man/man1/$name.1" ] || miss "no page of $name"
    grep -q "^\.BR* .*$name" "$man/man7/memheap.7" ||
        miss "memheap.7 does not name $name"
done
fact "each program has a manual page"

awk -f "$top_srcdir/tests/standard/symbols.awk" \
    "$top_srcdir/tests/standard/types.tsv" \
    "$top_srcdir/tests/standard/routines.tsv" >"$stage/routines"
awk -F '\t' '$2 == "C11" { print $1 }' \
    "$top_srcdir/tests/standard/routines.tsv" >>"$stage/routines"
[ "$(wc -l <"$stage/routines")" -gt 1800 ] || miss "the table is not whole"
while read -r name; do
    [ -n "$(page_of "$name")" ] || miss "no page of $name"
done <"$stage/routines"
fact "each routine of the standard has a page"

# Print the functions of a header. Headers that it includes do not count.
functions_of()
{
    echo "#include <$1>" >"$stage/a.c"
    # shellcheck disable=SC2086 # flags
    $MPICC -E $includes "$stage/a.c" |
        awk -v header="/${1##*/}\"" '/^# [0-9]+ / { ours = index($0, header) }
            ours && !/^#/' |
        grep -oE '\<(memheap_|mspace_|shmemx?_|sh[a-z]*|start_pes|_)[a-z_]*\(' |
        sed 's/($//' | grep -v '^__' | sort -u
}

for header in memheap/memheap.h memheap/cache.h memheap/context.h \
    memheap/pool.h memheap/page_pool.h memheap/range_pool.h \
    memheap/placement.h memheap/mpi.h memheap/mspace.h memheap/status.h memheap/log.h \
    memheap/memory.h memheap/version.h shmem.h shmemx.h shmemx_pools.h; do
    found=0
    for name in $(functions_of $header); do
        found=$((found + 1))
        page=$(page_of "$name")
        if [ -z "$page" ]; then
            miss "no page of $name, which $header declares"
        else
            grep -qE "[ *]$name\(|TYPENAME" "$page" ||
                miss "the page of $name does not show it"
        fi
    done
    [ $found -gt 0 ] || miss "$header has no functions"
done
fact "each function of the headers is on a page"

for page in "$man"/man3/*.3; do
    for name in $(sed -n 's/^\.BR \([a-z_0-9]*\) (3).*/\1/p
        s/.*\\fB\([a-zA-Z_0-9]*\)\\fP(3).*/\1/p' "$page"); do
        [ -f "$man/man3/$name.3" ] ||
            miss "$page refers to $name, which has no page"
    done
done
fact "each page that another refers to exists"

# Text of formatted pages: page | text
if command -v groff >/dev/null; then
    while IFS='|' read -r page text; do
        output=$(groff -man -Tascii -P-c -rLL=78n "$man/man3/$page.3" |
            sed "s/.$(printf '\b')//g")
        says "$text"
        output=
    done <<'END'
shmem_put|void shmem_TYPENAME_put(TYPE *dest, const TYPE *source, size_t nelems,
shmem_put|void shmem_ctx_putSIZE(shmem_ctx_t ctx, void *dest, const void *source,
shmem_put|void shmem_put(shmem_ctx_t ctx, TYPE *dest, const TYPE *source,
shmem_put|ptrdiff     ptrdiff_t
shmem_put|SIZE is 8, 16, 32, 64 or 128.
shmem_put|when shmem_quiet(3) or a barrier returns
shmem_reduce|int shmem_OPERATION_reduce(shmem_team_t team, TYPE *dest,
shmem_reduce|TYPENAME and TYPE, where OPERATION is and, or, xor:
shmem_reduce|complexd    double _Complex
shmem_malloc|NULL on every PE if size is 0
shmem_wait_until|#define SHMEM_CMP_EQ 1
shmemx_space_create|SHMEMX_DEVICE_HOST or another */
END
    fact "pages show declarations, types and results"
else
    facts=$((facts + 1))
    echo "ok $facts - pages show what they have # SKIP there is no groff"
fi

# Two headers with every form of comment, and the expected text of their page.
mkdir "$stage/own"
cat >"$stage/own/a.h" <<'END'
/* The first comment is about the header. */
#ifndef A_H
#define A_H

/**
 * @page one  the title
 *
 * See two().
 *
 * @retval E_ANY  of any call
 *
 * Source: a paper.
 */

/** What memory is like. */
typedef struct kind {
    /** A member. */
    int member;
} kind_t;

/**
 * Do one. Use `-x`:
 *
 *     one(1);
 *
 * - an item
 *
 * @param number  a number,
 *                of two lines
 * @return a status
 * @retval E_BUSY  it is in use
 *
 * More.
 */
int one(int number);
void no_result(int number);

#endif
END
cat >"$stage/own/b.h" <<'END'
/* Another header. */

/** @page one */

/** Do what one() does. @return the same */
static inline int same(void)
{

    return one(2);
}

/** @page two  another title */

/** Do two. */
void two(bool (*visit)(void *context), ...)
    __attribute__((warn_unused_result));
END
awk -v out="$stage/own" -v package=own -f "$top_srcdir/docs/headers.awk" \
    -f "$top_srcdir/docs/man3.awk" installed=own.h "$stage/own/a.h" \
    installed= "$stage/own/b.h" || miss "ends with an error"
while IFS='|' read -r page text; do
    output=$(cat "$stage/own/$page")
    says "$text"
    output=
done <<'END'
index|no_result one
index|same one
index|two two
one.3|the title
one.3|.B #include <own.h>
one.3|b.h>
one.3|/* What memory is like. */
one.3|    /* A member. */
one.3|\fBint one(int \fInumber\fB);\fR
one.3|\fBint same(void);\fR
one.3|See \fBtwo\fP(3).
one.3|Use \fB\-x\fP:
one.3|one(1);
one.3|.IP \(bu 2
one.3|a number,
one.3|of two lines
one.3|More.
one.3|A status.
one.3|.SH ERRORS
one.3|.B E_ANY
one.3|\fBone\fP():
one.3|.B E_BUSY
one.3|it is in use
one.3|The same.
one.3|Source: a paper.
one.3|.BR two (3),
two.3|\fBvoid two(bool (*\fIvisit\fB)(void *\fIcontext\fB), ...);\fR
END
fact "a page contains all parts of its comments"

# Make pages from all installed headers, also from those without manual pages.
mkdir "$stage/written"
output=$(awk -v out="$stage/written" -v package=memheap \
    -f "$top_srcdir/docs/headers.awk" -f "$top_srcdir/docs/man3.awk" \
    "$headers"/*.h 2>&1) || miss "ends with an error"
[ -s "$stage/written/memheap_alloc.3" ] || miss "no memheap_alloc.3"
[ -z "$output" ] || miss "says something"
fact "pages can be made from any public header"

# Each available formatter: name | command that prints warnings only
while IFS='|' read -r name command; do
    if ! command -v "$name" >/dev/null; then
        facts=$((facts + 1))
        echo "ok $facts - $name shows all pages # SKIP there is no $name"
        continue
    fi
    output=$(for page in "$man"/man[17]/* "$man"/man3/* "$stage"/written/*.3; do
        [ -h "$page" ] || { read -r so rest && [ "$so" = .so ]; } <"$page" ||
            LC_ALL=C.UTF-8 $command "$page" 2>&1 >/dev/null
    done | grep -vE ': missing date|: see above ') # pages have no date
    [ -z "$output" ] || miss "there are warnings"
    fact "$name shows all pages without a warning"
    output=
done <<'END'
man|man --warnings -l
groff|groff -man -ww -Tutf8 -rLL=78n
mandoc|mandoc -T utf8 -W warning
END

for tool in mawk gawk 'busybox awk' original-awk; do
    command -v "${tool%% *}" >/dev/null || continue
    rm -rf "$stage/again"
    mkdir "$stage/again"
    $tool -v out="$stage/again" -v package=memheap \
        -f "$top_srcdir/docs/headers.awk" -f "$top_srcdir/docs/man3.awk" \
        "$headers"/*.h
    output=$(diff -r "$stage/written" "$stage/again" 2>&1) ||
        miss "writes others"
    fact "$tool writes the same pages"
done

# Print the flags of a package in the staged installation.
flags()
{
    PKG_CONFIG_PATH="$prefix/lib/pkgconfig" \
        pkg-config --define-variable=prefix="$prefix" --cflags --libs "$1"
}
LD_LIBRARY_PATH=$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
# If the library is built with a sanitizer, its programs need the sanitizer too.
sanitizer=$(printf '%s\n' "$built_cflags" | tr ' ' '\n' | grep '^-fsanitize')

# Build and run the program in a page: page | PEs, or 0 without a job | output
while IFS='|' read -r page pes text; do
    program=$stage/example
    awk '/^\.SH/ { in_example = $2 == "EXAMPLE" }
        in_example && /^\.fi/ { exit }
        in_example && !/^\./ && started { print }
        in_example && /^\.nf/ { started = 1 }' "$man/$page" |
        sed 's/\\e/\\/g; s/\\-/-/g' >"$program.c"
    package=shmem
    [ "$pes" != 0 ] || package=memheap
    compiler=$CC
    case $page in
        *memheap_mpi*) compiler=$MPICC package=memheap-mpi ;;
        *memheap_mspace*) package=memheap-mspace ;;
    esac
    # shellcheck disable=SC2046,SC2086
    if output=$($compiler -O2 -Wall -Wextra -Werror $sanitizer "$program.c" \
        $(flags $package) -o "$program" 2>&1); then
        if [ "$pes" = 0 ]; then
            output=$("$program" 2>&1)
            status=$?
            check_status 0
        else
            job 0 -n "$pes" "$program"
        fi
        says "$text"
    else
        miss "does not compile"
    fi
    rm -f "$program"
    fact "the example of $page works"
done <<'END'
man7/memheap.7|4|PE 0: greeted by PE 3
man3/memheap.3|0|offset 0
man3/memheap_alloc.3|0|
man3/memheap_cache.3|0|101 items of 24 bytes in 1 slab
man3/memheap_context.3|0|800 bytes at a multiple of 64
man3/memheap_get_stats.3|0|it lies 8 bytes into the block
man3/memheap_placement.3|0|which is the nearest but 0
man3/memheap_page_pool.3|0|the block starts at page 3
man3/memheap_mspace.3|0|the first block is at 0, the second is aligned
man3/memheap_mpi.3|4|rank 3 has 0x
man3/shmem_atomic_add.3|4|4 numbers are taken
man3/shmem_ctx_create.3|4|PE 3 has 42
man3/shmem_init.3|4|PE 3 of 4
man3/shmem_malloc.3|4|PE 2: 101
man3/shmem_put.3|4|PE 2 has 1 1
man3/shmem_put_signal.3|4|PE 3 got 2.5
man3/shmem_reduce.3|4|PE 1: sum 10, greatest 4
man3/shmem_set_lock.3|4|4 and 40
man3/shmem_team_split_strided.3|4|PE 2 is number 1 of 2
man3/shmem_wait_until.3|4|PE 3 may go on
man3/shmemx_heap_size.3|4|bytes are free
man3/shmemx_space_create.3|4|the sum is 6
END
finish
