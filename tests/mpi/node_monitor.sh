#!/bin/sh
# The node monitor among strangers, and without descriptors.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
command -v ip >/dev/null && [ -z "$(ip -4 -o addr show scope global up)" ] && {
    echo "1..0 # SKIP this machine has no address"
    exit 0
}
job 0 -n 2 "$top_builddir/tests/mpi/monitored"
printf '%s\n' "$output" | grep -E '^(not )?ok '
facts=$(printf '%s\n' "$output" | grep -cE '^(not )?ok ')
[ "$facts" = 7 ] || miss "has $facts facts"
fact "the job ends normally"
finish
