#!/bin/sh
# The documents: their links are valid, in the source tree and installed, and the
# tables of variables match the library.
. "${top_srcdir:-.}/tests/tap.sh"
work=$(mktemp -d "$top_builddir/docs.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# check_links FOLDER: check that each relative link of a document leads to a file.
check_links()
{
    output=
    for page in "$1"/*.md "$1"/docs/*.md "$1"/tests/*.md; do
        grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' |
            grep -vE '^(https?:|#)' | sed 's/#.*//' | sort -u >"$work/links"
        while read -r link; do
            [ -e "$(dirname "$page")/$link" ] ||
                miss "$page has a link to $link, which is not there"
        done <"$work/links"
    done
}

# check_anchors FOLDER: check that each link to a heading matches one.
check_anchors()
{
    output=
    for page in "$1"/docs/*.md; do
        grep -oE '\]\(#[^)]+\)' "$page" | sed 's/^](#//; s/)$//' | sort -u \
            >"$work/anchors"
        while read -r anchor; do
            sed -n 's/^##* //p' "$page" | tr '[:upper:] ' '[:lower:]-' |
                tr -cd 'a-z0-9\n-' | grep -qx -e "$anchor" ||
                miss "$page has no heading for #$anchor"
        done <"$work/anchors"
    done
}

check_links "$top_srcdir"
fact "relative links of the documents lead to files"
check_anchors "$top_srcdir"
fact "links to headings match headings"

output=$(MAKEFLAGS='' make -C "$top_builddir" install-dist_docDATA \
    install-dist_docsubDATA install-dist_doctestsDATA install-dist_exampleDATA \
    install-dist_examplecmakeDATA DESTDIR="$work" 2>&1) ||
    miss "do not install"
folder=$(dirname "$(find "$work" -name NEWS)")
check_links "$folder"
fact "both hold for the installed documents"

output=
lines=$(wc -l <"$top_srcdir/README.md")
[ "$lines" -le 160 ] || miss "has $lines lines"
fact "README is short"

# The messages in troubleshooting.md have variable parts: "...", quoted text, names
# in capitals, and numbers. Each fixed part of two words or more must be in the
# sources.
cat "$top_srcdir"/*/*.[ch] "$top_srcdir"/*/*/*.[ch] | tr '\n' ' ' |
    sed 's/"  *"//g; s/%[-0-9.*]*[lz]*[a-zA-Z]/%/g' >"$work/sources"
grep -oE '^\| `[^|]*' "$top_srcdir/docs/troubleshooting.md" | tr '`' '\n' |
    sed -E 's/\.\.\.|"[^"]*"|[,;/=()]|\b([A-Z]+|PE [0-9])\b/\n/g' |
    sed 's/^[ |]*//; s/ *$//' | grep '[a-z] [a-z]' >"$work/parts"
output=
[ "$(wc -l <"$work/parts")" -gt 25 ] || miss "has too few messages"
while read -r part; do
    grep -qF -e "$part" "$work/sources" || miss "no message has \"$part\""
done <"$work/parts"
fact "the messages in docs/troubleshooting.md match the sources"

# Same as `make environment`. A library without some parts has fewer variables.
case $built_components in
    buddy,fit,mempool,ptmalloc)
        output=
        if [ -x "$top_builddir/tools/osh/oshcc" ]; then
            env -i PATH="$PATH" LC_ALL=C "$top_builddir/tools/memheap-info" \
                --parsable >"$work/params"
            while read -r page form; do
                output=$(awk -v form=$form -f "$top_srcdir/docs/environment.awk" \
                    "$work/params" | diff "$top_srcdir/docs/$page" -) ||
                    miss "is not what \`make environment\` writes"
                fact "docs/$page matches the parameters of the library"
            done <<END
environment.md markdown
man/memheap-environment.7 man
END
        fi
        ;;
esac
finish
