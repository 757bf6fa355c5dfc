#!/bin/sh
# Doxygen finds every declaration of the public headers documented.
facts=0

fact()
{
    facts=$((facts + 1))
    if [ "$1" = 0 ]; then
        echo "ok $facts - $2"
    else
        printf '%s\n' "$output" | sed 's/^/#   /'
        echo "not ok $facts - $2"
    fi
}

# shellcheck disable=SC2154 # make sets it
output=$(MAKEFLAGS='' make -C "$top_builddir" doxygen DOXYGEN= 2>&1)
status=$?
case $status:$output in
    0:*"There is no doxygen: install it"*) ;;
    *) status=1 ;;
esac
fact $status "without doxygen, make doxygen says what to do"

# shellcheck disable=SC2154
if [ -z "$DOXYGEN" ]; then
    echo "ok 2 # SKIP there is no doxygen"
    echo "1..2"
    exit
fi
output=$(MAKEFLAGS='' make -C "$top_builddir" doxygen 2>&1)
fact $? "make doxygen has no warnings"
while IFS='|' read -r page text; do
    output=$page
    sed 's/<[^>]*>//g' "$top_builddir/docs/html/$page" | grep -q "$text"
    fact $? "the reference has $text"
done <<END
memheap_8h.html|memheap_create
structmemheap__config__t.html|max_size
shmem_8h.html|shmem_align
shmem_8h.html|shmem_ctx_putmem_signal_nbi
shmem__typed_8h.html|shmem_TYPENAME_put_signal
shmem__typed_8h.html|shmem_TYPENAME_OPERATION_reduce
shmemx_8h.html|shmemx_malloc_batch
index.html|shmem_double_put
END
echo "1..$facts"
