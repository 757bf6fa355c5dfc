#!/bin/sh
# Checks the models of the agreement with spin: each holds in its smallest sizes,
# and spin finds each mistake that is built into a model. With
# MEMHEAP_TEST_MODEL=long, the sizes are those of docs/testing.md; that takes half
# an hour and 10 GiB.
. "${top_srcdir:-.}/tests/tap.sh"
length=${MEMHEAP_TEST_MODEL:-short}
work=$(mktemp -d "$top_builddir/model.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
compiler=${CC:-cc}
if ! command -v spin >/dev/null || ! $compiler --version >/dev/null 2>&1; then
    echo "1..0 # SKIP this takes spin (Debian: spin) and a C compiler"
    exit 0
fi

# search MODEL FLAG...: let spin try all orders of the steps. HC4 stores a hash of
# 40 bits or more of a state; a state is missed if its hash is that of another.
search()
{
    model=$1
    shift
    cp "$top_srcdir/tests/model/$model.pml" "$work"
    output=$(cd "$work" && rm -f pan ./*.trail &&
        spin -a "$@" "$model.pml" 2>&1 &&
        $compiler -w -O1 -DSAFETY -DVECTORSZ=4096 -DHC4 -o pan pan.c 2>&1 &&
        timeout "${MEMHEAP_TEST_TIME:-3600}" ./pan -m1000000 2>&1)
}

# figures: of the last search.
figures()
{
    printf '%s\n' "$output" | awk '
        / states, stored/ { states = $1 }
        /depth reached/ { sub(/,$/, ""); match($0, /reached [0-9]+/); depth = substr($0, RSTART + 8, RLENGTH - 8) }
        /elapsed time/ { seconds = $4 }
        END { printf "%s states, depth %s, %s s", states, depth, seconds }'
}

# holds MODEL FLAG...: no order of the steps violates a property.
holds()
{
    search "$@"
    says "errors: 0"
    case $output in
        *"Search not completed"*) miss "the search did not end" ;;
    esac
    fact "$*: $(figures)"
}

# finds MODEL MISTAKE FLAG...: the mistake violates a property.
finds()
{
    model=$1 mistake=$2
    shift 2
    search "$model" "-DMISTAKE_$mistake" "$@"
    says "errors: 1"
    case $output in
        *"assertion violated"* | *"invalid end state"*) ;;
        *) miss "no property is violated" ;;
    esac
    fact "$model finds $mistake in $*"
}

nodes_of_two="-DNODES=2 -DNODE_PES=2"
nodes_of_one="-DNODES=3 -DNODE_PES=1"

holds groups -DGROUPS=2
holds node -DPES=2 -DHALF=3 -DCALLS=6
holds node -DPES=3 -DHALF=2 -DCALLS=3
# shellcheck disable=SC2086 # words
holds nodes $nodes_of_two -DCALLS=3 -DROOTS=2 -DODD=0
in_groups=START_AT_ZERO
in_node="NO_POISON NO_WAIT_FOR_HALF ONE_HALF STAMP_FIRST"
in_nodes="NO_ALARM OUTCOME_EARLY"
if [ "$length" = long ]; then
    holds groups -DGROUPS=3
    holds node -DPES=3 -DHALF=2 -DCALLS=6
    holds node -DPES=3 -DHALF=3 -DCALLS=6 -DROOTS=2
    # Five calls ahead of the others.
    holds node -DPES=3 -DHALF=6 -DCALLS=8 -DROOTS=1
    holds node -DPES=4 -DHALF=2 -DCALLS=4 -DROOTS=2
    for odd in 1 2 4 8 16; do
        # shellcheck disable=SC2086
        holds nodes $nodes_of_two -DCALLS=3 -DROOTS=2 -DODD=$odd
        # shellcheck disable=SC2086
        holds nodes $nodes_of_one -DCALLS=2 -DROOTS=2 -DODD=$odd
    done
    # shellcheck disable=SC2086
    holds nodes $nodes_of_two -DCALLS=4 -DROOTS=2 -DODD=0
    # Two rooted agreements in a half.
    # shellcheck disable=SC2086
    holds nodes $nodes_of_two -DHALF=3 -DCALLS=4 -DROOTS=1 -DODD=1
    # shellcheck disable=SC2086
    finds nodes LOOK_BACK_ONCE $nodes_of_two -DHALF=3 -DCALLS=4 -DROOTS=1 -DODD=1
    in_groups="$in_groups END_READS NO_END"
    in_node="$in_node LONG_HALF NO_CHAIN NO_LOOK_BACK NO_RAISE"
    in_node="$in_node NO_SECOND_BARRIER NO_WAIT_FOR_LAST"
    in_nodes="$in_nodes ALARM_TOO_LATE NO_ASK NO_LOOK_BACK"
fi
for mistake in $in_groups; do
    finds groups "$mistake" -DGROUPS=3
done
for mistake in $in_node; do
    finds node "$mistake" -DPES=3 -DHALF=3 -DCALLS=5
done
for mistake in $in_nodes; do
    # shellcheck disable=SC2086
    finds nodes "$mistake" $nodes_of_two -DCALLS=3 -DROOTS=2
done
# shellcheck disable=SC2086
finds nodes ROUND_MISSING $nodes_of_one -DCALLS=3 -DROOTS=2
# shellcheck disable=SC2086
finds nodes NO_PAYLOAD_CHECK $nodes_of_one -DCALLS=2 -DROOTS=1 -DODD=2
finish
