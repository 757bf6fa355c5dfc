#!/bin/sh
# Bash completion for the programs of the build folder.
. "${top_srcdir:-.}/tests/tap.sh"
if ! command -v bash >/dev/null; then
    echo "1..0 # SKIP there is no bash"
    exit 0
fi
LC_ALL=C
export LC_ALL
PATH=$top_builddir/tools:$top_builddir/tools/osh:$PATH
work=$(mktemp -d "$top_builddir/completion.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/folder"
: >"$work/file.svg"

# complete_line LINE: print the completions at the end of LINE, one per line.
complete_line()
{
    # shellcheck disable=SC2016 # expanded by bash
    output=$(cd "$work" && timeout 60 bash --norc --noprofile -c '
        . "$1" || exit
        COMP_LINE=$2 COMP_POINT=${#2}
        read -r program _ <<<"$2"
        spec=$(complete -p "${program##*/}") || exit
        [[ $spec == *" -F _memheap "* ]] || exit
        _memheap "$program"
        [ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$top_srcdir/tools/completion/memheap" "$1" 2>&1) || miss "fails"
}

# completes LINE: check that the completions are exactly the lines on standard input.
completes()
{
    complete_line "$1"
    wanted=$(sort)
    [ "$(printf '%s\n' "$output" | sort)" = "$wanted" ] ||
        miss "completes \"$1\" to something else than: $wanted"
}

programs="memheap-info memheap-top"
for program in memheap-map memheap-replay memheap-report oshcc oshc++ oshfort oshrun; do
    if command -v $program | grep -q "^$top_builddir/"; then
        programs="$programs $program"
    fi
done
for program in $programs; do
    options=$($program --help 2>/dev/null | sed -n 's/^  *-/-/p' |
        sed 's/  .*//' | grep -oE -e '--[a-z][-a-z]*' | sort -u)
    printf '%s\n' "$options" | grep -qx -e --help || miss "--help has no --help"
    complete_line "$program --"
    for option in $options; do
        printf '%s\n' "$output" | grep -qx -e "$option" || miss "misses $option"
    done
    strange=$(printf '%s\n' "$output" | grep -vxE -e '--[a-z][-a-z:]*')
    [ -z "$strange" ] || miss "completes to $strange"
    fact "$program: completes all of its long options"
done
completes "memheap-top --j" <<'TEXT'
--job
--json
TEXT
completes "memheap-info -" <<'TEXT'
--help
--json
--param
--parsable
--version
-V
-h
-p
-s
TEXT
completes "$top_builddir/tools/memheap-info --ve" <<'TEXT'
--version
TEXT
fact "an option is completed from its beginning"
completes "memheap-info --param MEMHEAP_COMP" <<'TEXT'
MEMHEAP_COMPONENT
TEXT
completes "memheap-info -p MEMHEAP_COMP" <<'TEXT'
MEMHEAP_COMPONENT
TEXT
fact "the name of a parameter is completed"
complete_line "memheap-top --job $$"
printf '%s\n' "$output" | grep -qx $$ || miss "does not know this process"
fact "the number of a process is completed"
completes "memheap-top --interval " </dev/null
fact "a value with no known candidates is not completed"
case $programs in
    *memheap-map*)
        echo "$built_components" | tr , '\n' >"$work/components"
        completes "memheap-map --component " <"$work/components"
        completes "memheap-map --json -c " <"$work/components"
        fact "the name of a component is completed"
        completes "memheap-map --output " </dev/null
        completes "memheap-map file" </dev/null
        fact "file names are left to the shell"
        ;;
esac
case $programs in
    *memheap-replay*)
        completes "memheap-replay --traces f" <<'TEXT'
folder
TEXT
        fact "the name of a folder is completed"
        ;;
esac
case $programs in
    *memheap-report*)
        completes "memheap-report " <<'TEXT'
diff
folded
show
TEXT
        completes "memheap-report diff " </dev/null
        completes "memheap-report show --by t" <<'TEXT'
total
TEXT
        fact "the commands of memheap-report are completed"
        ;;
esac
case $programs in
    *oshcc*)
        completes "oshcc --showme:lib" <<'TEXT'
libdirs
libs
TEXT
        fact "a switch with a colon is completed"
        completes "oshrun -n 4 --hostf" <<'TEXT'
--hostfile
TEXT
        completes "oshrun -n 4 memheap-inf" <<'TEXT'
memheap-info
TEXT
        fact "oshrun: options and programs are completed"
        ;;
esac
finish
