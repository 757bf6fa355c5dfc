#!/bin/sh
# A release: it has all files, it is the same however it is made, and its list of
# files is right.
. "${top_srcdir:-.}/tests/tap.sh"
work=$(mktemp -d "$(cd "$top_builddir" && pwd)/release.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
MEMHEAP_TEST_TIME=300
MAKEFLAGS=
export MAKEFLAGS

if ! make -s -C "$top_builddir" dist-needs 2>/dev/null; then
    run error make -C "$top_builddir" dist
    says "make dist needs a build with"
    fact "make dist refuses a build that does not have all files"
    finish
    exit
fi
run 0 make -C "$top_builddir" release
says SHA256SUMS
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$top_builddir/Makefile")
name=memheap-$version
for file in "$name.tar.xz" "$name.spdx" package.py SHA256SUMS; do
    mv "$top_builddir/$file" "$work" || miss "did not write $file"
done
cd "$work" || exit 1
run 0 sha256sum -c SHA256SUMS
says "$name.tar.xz: OK" "$name.spdx: OK"
grep -q "sha256=\"$(sha256sum "$name.tar.xz" | cut -d ' ' -f 1)\"" package.py ||
    miss "has another checksum in package.py"
fact "make release writes a tarball, a list of files, a recipe and checksums"

output=$(cd "$top_srcdir" &&
    grep -L "^memheap ($version-\|^Version: *$version\$\|version(\"$version\"\|^version: $version\$" \
        debian/changelog packaging/memheap.spec packaging/spack/package.py CITATION.cff)
[ -z "$output" ] || miss "name another version than $version"
head -n 1 "$top_srcdir/debian/changelog" | grep -q "($version-" ||
    miss "debian/changelog begins with another version"
head -n 1 "$top_srcdir/NEWS" | grep -q "memheap $version" || miss "NEWS begins with another version"
fact "all recipes have the version of version.h"

tar -xf "$name.tar.xz"
cd "$name" || exit 1
sed -n 's/^FileName: //p' "../$name.spdx" | sort >../listed
output=$(find . -type f | sort | diff - ../listed) || miss "is not the list of files"
sed -n 's/^FileName: /  /p; s/^FileChecksum: SHA256: //p' "../$name.spdx" |
    awk '/^ / { file = $0; next } { print $0 file }' >../sums
run 0 sha256sum --quiet -c ../sums
fact "the SPDX document lists all files with their checksums"

if [ -e "$top_srcdir/.git" ] && command -v git >/dev/null; then
    output=$(git -C "$top_srcdir" -c safe.directory='*' ls-files |
        grep -vx .gitignore | sort >../tracked &&
        find . -type f | sed 's|^\./||' | sort | comm -13 - ../tracked)
    [ -z "$output" ] || miss "are not in the release"
    fact "a release has each file of the repository"
else
    skip "a release has each file of the repository" "this is no clone"
fi

# Another configuration, umask, time zone and locale.
umask 077
mkdir ../again && cd ../again || exit 1
run 0 "../$name/configure" --enable-components=buddy --disable-plugins CC="$CC" \
    MPICC="${MPICC:-}"
run 0 env TZ=Asia/Tokyo LC_ALL="$(comma_locale)" make dist
cmp "$name.tar.xz" "../$name.tar.xz" || miss "is another one"
fact "a release of a release is the same, byte for byte"
run 0 env SOURCE_DATE_EPOCH=1000000000 make dist
[ "$(tar -tvf "$name.tar.xz" --utc --full-time | grep -vc '2001-09-09 01:46:40')" = 0 ] ||
    miss "has files of another time"
fact "SOURCE_DATE_EPOCH is the time of all files"
finish
