# Reads public headers, for docs/man3.awk and docs/doxygen.awk.
#
# A comment stands above the declarations that it is about:
#
#     /**
#      * @page shmem_ptr  reach the objects of other PEs
#      *
#      * Text about all that follows, up to the next @page. A page that another
#      * header began goes on after "@page shmem_ptr" alone.
#      *
#      * @see shmem_put()
#      *
#      * Threads: this paragraph and the next go to NOTES.
#      *
#      * Source: OpenSHMEM 1.6, shmem_ptr.
#      */
#
#     /**
#      * What the call does. Local or collective.
#      *
#      * - an item of a list;
#      *
#      *     four spaces more: shown as it is
#      *
#      * @param dest  what it is; goes on in lines that are further in
#      * @return the result
#      * @retval MEMHEAP_ERR_BUSY  when it is that; shown under ERRORS
#      */
#
# A @page comment may have @return and @retval too, for all that follows.
# name() is a reference to a routine, name(7) to a page, `this` is code. The
# comment of types and constants is shown with them, as it is.
#
# A header is a row of items. A comment and the declarations below it, up to a
# blank line, are one item, a block. A comment that begins with "@page" is an
# item of its own: it opens a page of the manual. Other comments that stand
# alone, guards and helper macros are no items. The arrays, for item i:
#
#   kind[i]           "file" (the first comment of a header), "page" or "block"
#   header[i]         what a program includes to have it
#   doc[i]            the text of its comment, lines joined by newlines
#   page[i], title[i] of a page: the words behind @page
#   count[i]          of a block: the number of its declarations; each has a
#   decl[i, k]        text, lines joined by newlines
#   type[i, k]        "function", "data" (types, constants and variables)
#   name[i, k]        and a name, if it is a function
#   family[i, k]      and if it is of a family of typed routines, the macro
#
# macros[] has the bodies of helper macros, by their names: the names end in _.
# generics[] has the names that shmem_generic.h defines. The variable `installed`
# may be set before each file; otherwise header[] is the file's own name.

FNR == 1 {
    parse()
    lines = 0
    file = installed != "" ? installed : FILENAME
}

{
    line[++lines] = $0
}

# The words of comment lines first to last.
function words(first, last,   i, text, all, more)
{
    for (i = first; i <= last; i++) {
        text = line[i]
        if (i == first)
            sub(/^ *\/\*\*?/, "", text)
        else if (i < last || text !~ /^ *\*\/$/)
            sub(/^ *\*/, "", text)
        sub(/ *\*\/$/, "", text)
        sub(/^ /, "", text)
        # Where the text begins beside the mark, the rest is one further in.
        if (i == first)
            more = text != ""
        else if (more)
            sub(/^ /, "", text)
        all = all (i == first ? "" : "\n") text
    }
    gsub(/^\n+|\n+$/, "", all)
    return all
}

# Add a declaration to the block under way.
function declare(text, kind_of, family_of,   at)
{
    at = ++count[items]
    decl[items, at] = text
    type[items, at] = kind_of
    family[items, at] = family_of
    if (kind_of == "function" &&
        match(text, /[A-Za-z_][A-Za-z_0-9]*\(/))
        name[items, at] = substr(text, RSTART, RLENGTH - 1)
}

# Take the macro at line i: the routines of a family, a table of types, the
# name of a generic or a constant. Returns its last line.
function macro(i,   text, named, body, routine, sized)
{
    text = line[i]
    while (text ~ /\\$/) {
        sub(/ *\\$/, "", text)
        text = text "\n" line[++i]
    }
    named = text
    sub(/^#define /, "", named)
    body = named
    sub(/[^A-Za-z_0-9](.|\n)*/, "", named)
    if (named ~ /^shmem_/) {
        generics[named] = 1
    } else if (named ~ /_$/) {
        sub(/^[A-Za-z_0-9]*(\([^)]*\))?/, "", body)
        macros[named] = body
        sized = named ~ /_SIZED_/
        while (text ~ /\(P, T, N/ && match(body, /[a-zA-Z_][^;]*;/)) {
            routine = substr(body, RSTART, RLENGTH)
            body = substr(body, RSTART + RLENGTH)
            if (routine ~ /^SHMEM_/)
                break
            gsub(/P##/, "shmem_", routine)
            gsub(/##N##|##N|N##/, sized ? "SIZE" : "TYPENAME", routine)
            gsub(/##O##|##O|O##/, "OPERATION", routine)
            if (sized)
                gsub(/T \*/, "void *", routine)
            routine = " " routine
            gsub(/[ (]T /, "&YPE ", routine)
            gsub(/T YPE/, "TYPE", routine)
            sub(/^ /, "", routine)
            declare(routine, "function", named)
        }
    } else if (named !~ /^_/ && text ~ / / && text !~ /^#define [A-Z_]*_H$/) {
        declare(text, "data")
    }
    return i
}

# Take the declaration at line i; returns its last line.
function declaration(i,   text, depth, all, inside, body)
{
    for (; i <= lines; i++) {
        text = line[i]
        if (text ~ /^#/)
            continue
        sub(/^ *__attribute__\(\(.*\)\)/, "", text)
        if (text ~ /^ *;$/)
            all = all ";"
        else if (!body && text != "")
            all = all (all == "" ? "" : "\n") text
        inside = text
        gsub(/\/\*.*\*\//, "", inside)
        if (all ~ /\)[ \n]*\{$/ && !body) {
            body = 1 # of an inline function: only its head is shown
            sub(/[ \n]*\{$/, ";", all)
        }
        depth += gsub(/[{(]/, "", inside) - gsub(/[})]/, "", inside)
        if (depth == 0 && (text ~ /;( *\/\*.*\*\/)?$/ || (body && text ~ /^\}/)))
            break
    }
    if (all ~ /^static inline /)
        sub(/^static inline /, "", all)
    declare(all, all !~ /^(typedef|extern|struct|enum|union)/ && all ~ /\(/ ? \
        "function" : "data")
    return i
}

# Take the lines of a header that was read.
function parse(   i, first, text)
{
    for (i = 1; i <= lines; i++) {
        if (line[i] ~ /^\/\*/) {
            first = i
            while (line[i] !~ /\*\/$/ && i < lines)
                i++
            text = words(first, i)
            if (first > 1 && text !~ /^@page/ && line[i + 1] == "")
                continue # for readers of the header
            items++
            header[items] = file
            doc[items] = text
            count[items] = 0
            kind[items] = "block"
            if (text ~ /^@page /) {
                kind[items] = "page"
                sub(/^@page /, "", text)
                page[items] = title[items] = text
                sub(/[ \n](.|\n)*/, "", page[items])
                sub(/^[^ \n]+ */, "", title[items])
                doc[items] = title[items]
                if (sub(/\n(.|\n)*/, "", title[items]))
                    sub(/^[^\n]*\n+/, "", doc[items])
                else
                    doc[items] = ""
            } else if (first == 1) {
                kind[items] = "file"
            }
        } else if (line[i] ~ /^#define /) {
            i = macro(i)
        } else if (line[i] ~ /^[a-z_][a-z_0-9 ]*[ *(]|^SHMEM_NORETURN_ /) {
            if (line[i] !~ /^extern "C"/)
                i = declaration(i)
        } else if (line[i] == "" && kind[items] == "block") {
            # What comes next has no comment.
            items++
            header[items] = file
            doc[items] = ""
            count[items] = 0
            kind[items] = "block"
        }
    }
}
