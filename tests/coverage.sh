#!/bin/sh
# Which lines and branches do the tests reach? `make coverage` runs this.
#
# Builds everything in coverage/ of the build folder, runs the unit tests, the
# injection of faults, the tools' tests and small MPI jobs, and prints a table by
# folder. coverage/html/index.html has each file, and coverage/files.csv each figure.
# It takes about 45 minutes. tests/faults.sh fails in it: the calls of libgcov are
# made from the libraries, and count as theirs.
#
# Processes that end by _exit() or abort() write their counters too (coverage.h). One
# that another ends by a signal does not.
# tests/faults.sh makes more calls fail than in `make check`.
#
#     COVERAGE_TESTS="..."  these tests only
#     MEMHEAP_TEST_NP=...   the jobs of each MPI test (default: "2 2+ucx 5+2")
# shellcheck disable=SC2154 # make sets top_srcdir and top_builddir
if ! command -v gcovr >/dev/null; then
    echo "There is no gcovr: install it, and try again."
    exit 0
fi
top_srcdir=$(cd "$top_srcdir" && pwd -P) # gcovr takes no ".." in its filter
folder=$top_builddir/coverage
mkdir -p "$folder" && cd "$folder" || exit 1
export MEMHEAP_TEST_NP="${MEMHEAP_TEST_NP:-2 2+ucx 5+2}"
export MEMHEAP_TEST_FAULTS="${MEMHEAP_TEST_FAULTS:-all}"
export MEMHEAP_TEST_POINTS="${MEMHEAP_TEST_POINTS:-40}"
cores=$(nproc)
log=$folder/build.log
flags='-g -O0 --coverage -fprofile-update=atomic'

if [ ! -f Makefile ]; then
    "$top_srcdir/configure" -q CFLAGS="$flags" >"$log" 2>&1 || {
        tail "$log"
        exit 1
    }
    rm -f ./*conftest* # left by configure
fi
# Not for configure, whose tests declare functions that the header declares.
flags="$flags -include $top_srcdir/tests/coverage.h"
if ! make -j "$cores" CFLAGS="$flags" >>"$log" 2>&1 ||
    ! make -j "$cores" check TESTS= CFLAGS="$flags" >>"$log" 2>&1; then
    tail "$log"
    exit 1
fi
find . -name '*.gcda' -delete

if [ -z "$COVERAGE_TESTS" ]; then
    COVERAGE_TESTS=$(make -s -f - print-tests <<'END_OF_RULE'
include Makefile
print-tests:
	@echo $(filter-out tests/bench.sh tests/configure.sh tests/docs.sh \
		tests/doxygen.sh tests/exports.sh tests/fuzz.sh tests/install.sh tests/manual.sh \
		tests/model.sh tests/mpi/headers.sh,$(TESTS))
END_OF_RULE
    )
fi
make -k -j "$cores" check TESTS="$COVERAGE_TESTS" CFLAGS="$flags" >check.log 2>&1
grep -E '^(FAIL|ERROR)|^# (PASS|FAIL|ERROR|SKIP):' check.log

mkdir -p html
gcovr --root "$top_srcdir" --object-directory . --exclude-unreachable-branches \
    --exclude-throw-branches --gcov-ignore-parse-errors -j "$cores" \
    --filter "$top_srcdir/(adapters|base|components|memheap|comm|shmem|tools)/" \
    --html-details html/index.html --csv files.csv . >gcovr.log 2>&1 || {
    tail gcovr.log
    exit 1
}
awk -F, '
    NR > 1 {
        folder = $1
        sub(/\/.*/, "", folder)
        for (i = 2; i <= 6; i++)
            sum[folder, i] += $i
        folders[folder]
    }
    END {
        printf "%-12s %7s %7s   %8s %7s\n", "folder", "lines", "reached",
            "branches", "reached"
        for (name in folders) {
            printf "%-12s %7d %6.1f%%   %8d %6.1f%%\n", name, sum[name, 2],
                100 * sum[name, 3] / sum[name, 2], sum[name, 5],
                100 * sum[name, 6] / sum[name, 5] | "sort"
        }
    }' files.csv
echo "The lines: $folder/html/index.html"
