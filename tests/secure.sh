#!/bin/sh
# A set-group-ID program obeys no variable of the one who starts it.
. "${top_srcdir:-.}/tests/tap.sh"
if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
    echo "1..0 # SKIP this takes root, and setpriv (of util-linux)"
    exit 0
fi
case $built_cflags in
    *sanitize*)
        echo "1..0 # SKIP a sanitizer refuses such a program"
        exit 0
        ;;
esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -m 1777 "$work/out"
cp "$top_builddir/tests/secure" "$work/plain"
cp "$work/plain" "$work/secure"
chgrp 1 "$work/secure"
chmod 2755 "$work/secure"
plugin=$top_builddir/tests/unit/.libs/plugin_alpha.so
echo "MEMHEAP_REPORT = $work/out/report" >"$work/params"

# as_another WANTED COMMAND...: run, as another user.
as_another()
{
    status_wanted=$1
    shift
    run "$status_wanted" setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

as_another 0 "$work/secure"
case $output in
    *"with rights"*) ;;
    *)
        echo "1..0 # SKIP no program of $work can be run with rights of its file by another user"
        exit 0
        ;;
esac
own=$output

# program | its status with an unknown variable
while read -r program unknown; do
    rm -f "$work"/out/*
    as_another 0 env \
        MEMHEAP_PARAM_FILE="$work/params" MEMHEAP_TRACE="$work/out/trace" \
        MEMHEAP_PLUGIN_PATH="$plugin" MEMHEAP_LEAKS=1 OMPI_MCA_memheap_check=1 \
        "$work/$program"
    if [ "$program" = secure ]; then
        [ "$output" = "$own" ] || miss "is not as without the variables"
        [ -z "$(ls "$work/out")" ] || miss "writes files"
    else
        [ -s "$work/out/trace" ] || miss "writes no trace"
        [ -s "$work/out/report" ] || miss "reads no parameter file"
        says "leak: 100 bytes"
        [ ! -r "$plugin" ] || says "component alpha"
    fi
    as_another "$unknown" env MEMHEAP_NONSENSE=1 "$work/$program"
    fact "files, plug-ins and messages by the environment: $program"
done <<LIST
plain 1
secure 0
LIST
finish
