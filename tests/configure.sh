#!/bin/sh
# configure and quickstart refuse bad paths and compilers; configure without options.
. "${top_srcdir:-.}/tests/tap.sh"
source=$(cd "$top_srcdir" && pwd)
work=$(mktemp -d "$(cd "$top_builddir" && pwd)/configure.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
MEMHEAP_TEST_TIME=300
mkdir "$work/a blank" "$work/plain"

# refuses_blank: check that configure reports a blank before all other checks.
refuses_blank()
{
    says "there is a blank in the path" "$work/a blank" "a path without blanks"
    case $output in
        *checking* | *==*) miss "says so late" ;;
    esac
}

cd "$work/a blank" || exit 1
run 1 "$source/configure"
refuses_blank
fact "configure refuses a build folder with a blank in its path"
cd "$work/plain" || exit 1
ln -s "$source" "$work/a blank/source"
run 1 "$work/a blank/source/configure"
refuses_blank
fact "configure refuses a source folder with a blank in its path"
cp "$source/quickstart" "$work/a blank"
run 1 "$work/a blank/quickstart"
refuses_blank
fact "quickstart refuses a folder with a blank in its path"

# A compiler for a C library without backtrace(), such as musl-gcc.
cat >"$work/cc" <<END
#!/bin/sh
! grep -q execinfo.h conftest.c 2>/dev/null || exit 1
exec $CC "\$@"
END
chmod +x "$work/cc"
run 1 "$source/configure" --without-mpi CC="$work/cc"
says "memheap needs <execinfo.h>, which $work/cc does not find" "CC=gcc"
fact "configure refuses a C library that is not glibc"

run 1 "$source/configure" --without-mpi --with-openmpi-component CC="$CC"
says "the component for Open MPI cannot be built: no (without MPI)" libopenmpi-dev
fact "configure refuses a component for Open MPI that cannot be built"

run 1 "$source/configure" --with-fortran CC="$CC" FC="$work/nothing"
says "the Fortran interface cannot be built: no (no gfortran)" "FC=..."
fact "configure refuses a Fortran interface that cannot be built"

run 0 "$source/configure" --without-mpi --without-lzma --disable-rpath CC="$CC" \
    CFLAGS='-O2 -flto -g'
says "traces        no (--without-lzma)" "MPI           no" \
    "reports       no (without liblzma)" \
    "Fortran       no (without MPI)" \
    "for Open MPI  no (without MPI)"
grep -q '^CFLAGS = -O2 -flto=auto -g$' Makefile || miss "has $(grep '^CFLAGS' Makefile)"
MAKEFLAGS='' make -n all >plan 2>&1
grep -q memheap-top plan || miss "does not build memheap-top"
grep -qE 'memheap-(map|report)' plan && miss "builds memheap-map or memheap-report"
fact "configure --without-mpi --without-lzma works, with -flto"
run 0 env MAKEFLAGS= make -j2
case $output in
    *warning*) miss "has a warning" ;;
esac
run 0 tools/memheap-info
says "MEMHEAP_COMPONENT"
fact "a library without MPI and lzma builds, with -flto, and no warning"

output=$(grep -E '^(ORIGIN_|osh_rpath)' Makefile; cat ./*.pc)
says ORIGIN_LDFLAGS osh_rpath -lmemheap
case $output in
    *-rpath*) miss "has a run path" ;;
esac
fact "configure --disable-rpath leaves out the run paths"
finish
