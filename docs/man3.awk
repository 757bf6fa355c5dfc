# Writes section 3 of the manual out of the public headers.
#
#   awk -v out=FOLDER -v package=NAME -v examples=FOLDER -f docs/headers.awk \
#       -f docs/man3.awk [installed=HEADER.h] FILE.h ...
#
# Each page goes to a file of the folder `out`, which exists. Its file `index`
# has a line "NAME PAGE" for each name that has a page, to make links from.
# `package` is what pkg-config knows the library as. A page NAME shows the
# program NAME.c of `examples`, if there is one; the program's first comment
# introduces it.
#
# What comes after a page comment is on that page; pages of one name in several
# headers are one. In a header without page comments, each block with a function
# is a page of its own, named after the function, and has the types that stand
# before it. docs/headers.awk has the rules for comments.

END {
    parse()
    sort_into_pages()
    find_families()
    find_names()
    for (p = 1; p <= pages; p++)
        write_page(pages_name[p])
    for (p = 1; p <= names; p++)
        print names_name[p], page_of[names_name[p]] >(out "/index")
}

# ---- Which items are on which page.

function open_page(name_of, title_of)
{
    if (!(name_of in title_on)) {
        pages_name[++pages] = name_of
        title_on[name_of] = title_of
        blocks[name_of] = 0
    }
    if (title_on[name_of] == "")
        title_on[name_of] = title_of
}

function sort_into_pages(   i, k, at, current, held, first)
{
    for (i = 1; i <= items; i++) {
        if (kind[i] == "file" || header[i] != header[i - 1]) {
            # Types without a function before or after them have no page.
            current = ""
            held = 0
        }
        if (kind[i] == "page") {
            current = page[i]
            open_page(current, title[i])
            if (doc[i] != "")
                intro[current] = doc[i]
        }
        if (kind[i] != "block" || count[i] == 0)
            continue
        first = ""
        for (k = count[i]; k > 0; k--) {
            if (type[i, k] == "function")
                first = name[i, k]
        }
        at = current
        if (at == "" && first == "") {
            hold[++held] = i
            continue
        }
        if (at == "") {
            at = first
            open_page(at, first_sentence(doc[i]))
            for (k = 1; k <= held; k++)
                block[at, ++blocks[at]] = hold[k]
            held = 0
        }
        block[at, ++blocks[at]] = i
    }
}

function first_sentence(text)
{
    sub(/[.:;]([ \n](.|\n)*)?$/, "", text)
    sub(/[.;:][ \n](.|\n)*/, "", text)
    gsub(/\n/, " ", text)
    return tolower(substr(text, 1, 1)) substr(text, 2)
}

# ---- The routines of families.

# Note that a macro's routines exist for a table of types, and with OPERATION.
function use(named, table, operation)
{
    if (!((named, table) in operations)) {
        tables[named] = tables[named] " " table
        operations[named, table] = operation
    } else {
        operations[named, table] = operations[named, table] " " operation
    }
}

function find_families(   body, call, part)
{
    body = macros["SHMEM_TYPED_ROUTINES_"]
    while (match(body, /SHMEM_[A-Z_]*_\(SHMEM_[A-Z_]*_, P\)/)) {
        call = substr(body, RSTART, RLENGTH)
        body = substr(body, RSTART + RLENGTH)
        split(call, part, /[(,]/)
        walk_family(part[2], part[1], "")
    }
}

function walk_family(named, table, operation,   body, part)
{
    use(named, table, operation)
    body = macros[named]
    while (match(body, /SHMEM_[A-Z_]*_\(P, T, N(, [a-z]*)?\)/)) {
        split(substr(body, RSTART, RLENGTH), part, /[(), ]+/)
        body = substr(body, RSTART + RLENGTH)
        walk_family(part[1], table, part[5])
    }
}

# The types of a table as "NAME=TYPE;", one after the other.
function types_of(table,   body, all, call)
{
    body = macros[table]
    while (match(body, /X\(A, [^,]*, [a-z0-9]*\)|SHMEM_[A-Z_]*_\(X, A\)/)) {
        call = substr(body, RSTART, RLENGTH)
        body = substr(body, RSTART + RLENGTH)
        all = all expand(call)
    }
    return all
}

function expand(call,   part)
{
    if (call ~ /^SHMEM_/) {
        sub(/\(.*/, "", call)
        return types_of(call)
    }
    if (call ~ /SHMEM_COMPLEX_/) {
        sub(/SHMEM_COMPLEX_\(/, "", call)
        sub(/\)/, " _Complex", call)
    }
    split(call, part, /, |\)/)
    return part[3] "=" part[2] ";"
}

# ---- Names, and the pages that have them.

function add_name(named, at)
{
    if (named in page_of)
        return
    page_of[named] = at
    names_name[++names] = named
}

# The name in C11 of a routine of a family; "" if it has none.
function generic_of(named, operation)
{
    sub(/TYPENAME_/, "", named)
    sub(/shmem_ctx_/, "shmem_", named)
    sub(/OPERATION/, operation, named)
    return named in generics ? named : ""
}

function find_names(   p, b, k, i, at, t, o, all, each, n, m, j, l, named,
                    operation, type_in)
{
    for (p = 1; p <= pages; p++) {
        at = pages_name[p]
        add_name(at, at)
        for (b = 1; b <= blocks[at]; b++) {
            i = block[at, b]
            for (k = 1; k <= count[i]; k++) {
                if (type[i, k] != "function")
                    continue
                if (family[i, k] == "") {
                    add_name(name[i, k], at)
                    continue
                }
                n = split(tables[family[i, k]], all, " ")
                for (t = 1; t <= n; t++) {
                    m = split(operations[family[i, k], all[t]], each, " ")
                    for (o = m > 0 ? 1 : 0; o <= m; o++) {
                        operation = o > 0 ? each[o] : ""
                        named = generic_of(name[i, k], operation)
                        if (named != "")
                            add_name(named, at)
                        l = split(types_of(all[t]), type_in, /;/)
                        for (j = 1; j < l; j++) {
                            named = name[i, k]
                            sub(/=.*/, "", type_in[j])
                            sub(/TYPENAME|SIZE/, type_in[j], named)
                            sub(/OPERATION/, operation, named)
                            add_name(named, at)
                        }
                    }
                }
            }
        }
    }
}

# ---- Text.

# Roff of a line of code.
function code(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\&" text
    return text
}

# A reference to a routine; notes the page that it is on.
function reference(named,   at)
{
    at = named in page_of ? page_of[named] : named
    if (at == this_page)
        return "\\fB" named "\\fP()"
    if (!((this_page, at) in seen) &&
        (at in title_on || at ~ /^(memheap|p?shmemx?)_/)) {
        seen[this_page, at] = 1
        see = see " " at
    }
    return "\\fB" named "\\fP(3)"
}

# Roff of a line of text.
function prose(text,   all, word)
{
    gsub(/\\/, "\\e", text)
    while (match(text, /`[^`]*`|[a-zA-Z_][a-zA-Z_0-9-]*\([0-9]?\)|[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]|NULL|SHMEM_\.\.\./)) {
        word = substr(text, RSTART, RLENGTH)
        all = all substr(text, 1, RSTART - 1)
        text = substr(text, RSTART + RLENGTH)
        if (word ~ /^`/) {
            word = "\\fB" code(substr(word, 2, length(word) - 2)) "\\fP"
        } else if (word ~ /\(\)$/) {
            word = reference(substr(word, 1, length(word) - 2))
        } else if (word ~ /\([0-9]\)$/) {
            gsub(/-/, "\\-", word)
            sub(/\(/, "\\fP(", word)
            word = "\\fB" word
        } else {
            word = "\\fB" word "\\fP"
        }
        all = all word
    }
    all = all text
    sub(/^ +/, "", all)
    if (all ~ /^[.']/)
        all = "\\&" all
    return all
}

# Write text of several paragraphs.
function write_text(text,   part, n, i, verbatim, blank, begun)
{
    n = split(text, part, "\n")
    for (i = 1; i <= n; i++) {
        if (part[i] == "") {
            blank = 1
            continue
        }
        if (part[i] ~ /^    / && (blank || verbatim || !begun)) {
            if (!verbatim)
                put(".PP\n.nf\n.RS 4")
            else if (blank)
                put("")
            verbatim = 1
            put(code(substr(part[i], 5)))
        } else {
            if (verbatim)
                put(".RE\n.fi")
            if (part[i] ~ /^- /) {
                put(".IP \\(bu 2")
                sub(/^- /, "", part[i])
            } else if (verbatim || (blank && begun)) {
                put(".PP")
            }
            verbatim = 0
            put(prose(part[i]))
        }
        blank = 0
        begun = 1
    }
    if (verbatim)
        put(".RE\n.fi")
}

function put(text)
{
    print text >file_out
}

# Take a comment apart: what_text, what_return, the parameters param_name[] and
# param_text[], the statuses error_name[] and error_text[], and notes; what
# @see names is for SEE ALSO.
function take(text,   part, n, i, tag, word)
{
    what_text = what_return = ""
    params = errors = 0
    gsub(/ @return /, "\n&", text)
    gsub(/\n @return /, "\n@return ", text)
    n = split(text, part, "\n")
    for (i = 1; i <= n; i++) {
        text = part[i]
        if (text ~ /^@/) {
            tag = text
            sub(/^@/, "", tag)
            sub(/ .*/, "", tag)
            sub(/^@[a-z]* +/, "", text)
            if (tag != "return") {
                word = text
                sub(/ .*/, "", word)
                sub(/^[^ ]+ */, "", text)
            }
            if (tag == "param") {
                param_name[++params] = word
                param_text[params] = text
            } else if (tag == "retval") {
                error_name[++errors] = word
                error_text[errors] = text
            } else if (tag == "see") {
                prose(word " " text)
            } else {
                what_return = text
            }
        } else if (tag != "" && text ~ /^ /) {
            sub(/^ +/, "", text)
            if (tag == "param")
                param_text[params] = param_text[params] "\n" text
            else if (tag == "retval")
                error_text[errors] = error_text[errors] "\n" text
            else
                what_return = what_return "\n" text
        } else if (text ~ /^(Source|Threads): / || tag == "note") {
            if (tag != "note") {
                tag = "note"
                notes++
                note[notes] = text
            } else if (text == "") {
                tag = ""
            } else {
                note[notes] = note[notes] "\n" text
            }
        } else {
            tag = ""
            what_text = what_text text "\n"
        }
    }
    gsub(/^\n+|\n+$/, "", what_text)
    gsub(/\n\n\n+/, "\n\n", what_text)
}

# ---- Pages.

# A declaration in lines of up to 72 characters, to be shown on 80.
function wrapped(text,   head, part, n, i, all, column, width, longest)
{
    gsub(/\n */, " ", text)
    gsub(/\( /, "(", text)
    sub(/^SHMEM_NORETURN_/, "_Noreturn", text)
    if (length(text) <= 72)
        return text
    head = text
    sub(/\(.*/, "(", head)
    n = split(substr(text, length(head) + 1), part, /, /)
    for (i = 1; i <= n; i++)
        longest = length(part[i]) > longest ? length(part[i]) : longest
    column = length(head)
    all = head
    if (column + longest > 71) {
        column = 8
        all = all "\n        "
    }
    width = column
    for (i = 1; i <= n; i++) {
        if (i > 1 && width + length(part[i]) + 2 > 72) {
            all = all "\n" sprintf("%" column "s", "")
            width = column
        } else if (i > 1) {
            all = all " "
            width++
        }
        all = all part[i] (i < n ? "," : "")
        width += length(part[i]) + 1
    }
    return all
}

# Write a function's declaration: bold, with its parameters in italics.
function write_function(text,   part, n, i, all, word)
{
    n = split(wrapped(text), part, "\n")
    for (i = 1; i <= n; i++) {
        all = ""
        text = part[i]
        while (match(text, /[ *][a-zA-Z_][a-zA-Z_0-9]*[,)]/)) {
            word = substr(text, RSTART + 1, RLENGTH - 2)
            all = all code(substr(text, 1, RSTART)) \
                "\\fI" word "\\fB" substr(text, RSTART + RLENGTH - 1, 1)
            text = substr(text, RSTART + RLENGTH)
        }
        put("\\fB" all code(text) "\\fR")
    }
}

function write_data(text,   part, n, i)
{
    n = split(text, part, "\n")
    for (i = 1; i <= n; i++) {
        sub(/\/\*\*/, "/*", part[i])
        put(code(part[i]))
    }
}

# Write the comment of types and constants.
function write_comment(text,   part, n, i, all)
{
    n = split(text, part, /[ \n]+/)
    all = "/*"
    for (i = 1; i <= n; i++) {
        if (length(all) + length(part[i]) + 4 > 72) {
            put(code(all))
            all = "  "
        }
        all = all " " part[i]
    }
    put(code(all " */"))
}

# The function of block i whose number is k, in C11; "" if it has no such form.
function generic_form(i, k,   named, text, n, each, all, operation)
{
    if (family[i, k] == "" || name[i, k] !~ /TYPENAME/)
        return ""
    split(tables[family[i, k]], all, " ")
    n = split(operations[family[i, k], all[1]], each, " ")
    operation = n > 0 ? each[1] : ""
    if (generic_of(name[i, k], operation) == "")
        return ""
    text = decl[i, k]
    sub(/TYPENAME_/, "", text)
    sub(/shmem_ctx_/, "shmem_", text)
    return text
}

function write_synopsis(at,   b, i, k, from, alone, last, c11, text)
{
    put(".SH SYNOPSIS\n.nf")
    for (b = 1; b <= blocks[at]; b++) {
        i = block[at, b]
        if (header[i] != from) {
            from = header[i]
            alone = 0
            put((b > 1 ? "\n" : "") ".B #include <" from ">")
        }
        # A row of single functions is one paragraph.
        if (!alone || count[i] > 1 || type[i, 1] == "data")
            put("")
        alone = count[i] == 1 && type[i, 1] == "function"
        if (type[i, 1] == "data" && doc[i] != "")
            write_comment(doc[i])
        for (k = 1; k <= count[i]; k++) {
            if (type[i, k] == "data")
                write_data(decl[i, k])
            else
                write_function(decl[i, k])
        }
    }
    for (b = 1; b <= blocks[at]; b++) {
        i = block[at, b]
        for (k = 1; k <= count[i]; k++) {
            text = generic_form(i, k)
            if (text == "")
                continue
            if (!c11)
                put("\nC11:\n")
            else if (b != last)
                put("")
            last = b
            c11 = 1
            write_function(text)
        }
    }
    put(".fi\n.PP")
    if (package == "shmem")
        put("Compile and link with\n.BR oshcc (1),\nor\n" \
            ".BR \"pkg\\-config \\-\\-cflags \\-\\-libs shmem\" .")
    else
        put("Compile and link with\n.BR \"pkg\\-config \\-\\-cflags \\-\\-libs " \
            package "\" .")
}

# The functions of block i as a list, without the forms for a context of those
# that have another; with `returning`, only those that return a value.
function functions_of(i, returning,   k, all, plain, other)
{
    for (k = 1; k <= count[i]; k++)
        other[name[i, k]] = 1
    for (k = 1; k <= count[i]; k++) {
        plain = name[i, k]
        if (type[i, k] == "function" && !(sub(/_ctx_/, "_", plain) && plain in other) &&
            !(returning && decl[i, k] ~ /^void [^*]/))
            all = all (all == "" ? "" : ", ") name[i, k] "()"
    }
    return all
}

# Rows of a table of types.
function write_types(table,   part, n, i, half, each, text)
{
    n = split(types_of(table), part, ";") - 1
    if (table == "SHMEM_SIZES_") {
        for (i = 1; i <= n; i++) {
            sub(/=.*/, "", part[i])
            text = text (i == 1 ? "" : i == n ? " or " : ", ") part[i]
        }
        put(".PP\nSIZE is " text ".")
        return
    }
    half = int((n + 1) / 2)
    put(".PP\n.nf\n.RS 4")
    put(sprintf("%-11s %-21s %-11s %s", "TYPENAME", "TYPE", "TYPENAME", "TYPE"))
    for (i = 1; i <= half; i++) {
        text = ""
        split(part[i], each, "=")
        text = sprintf("%-11s %-21s ", each[1], each[2])
        if (i + half <= n) {
            split(part[i + half], each, "=")
            text = text sprintf("%-11s %s", each[1], each[2])
        }
        sub(/ +$/, "", text)
        put(text)
    }
    put(".RE\n.fi")
}

# The types that the page's families exist for. Families of one table and the
# same operations have one list.
function write_families(at,   b, i, k, n, t, all, key, keys, who, key_at, part,
                        text)
{
    for (b = 1; b <= blocks[at]; b++) {
        i = block[at, b]
        for (k = 1; k <= count[i]; k++) {
            if (family[i, k] == "")
                continue
            n = split(tables[family[i, k]], all, " ")
            for (t = 1; t <= n; t++) {
                key = all[t] ":" operations[family[i, k], all[t]]
                if (!(key in who))
                    key_at[++keys] = key
                if (name[i, k] !~ /_ctx_/)
                    who[key] = who[key] (who[key] == "" ? "" : ", ") \
                        "\\fB" name[i, k] "\\fP()"
                else
                    who[key] = who[key] ""
            }
        }
    }
    if (keys == 0)
        return
    put(".SH TYPES")
    n = 0
    for (k = 1; k <= keys; k++)
        n += key_at[k] !~ /^SHMEM_SIZES_/
    for (k = 1; k <= keys; k++) {
        split(key_at[k], part, ":")
        if (part[1] != "SHMEM_SIZES_") {
            text = who[key_at[k]]
            if (part[2] ~ /[a-z]/) {
                gsub(/^ +| +$/, "", part[2])
                gsub(/ +/, ", ", part[2])
                text = "where OPERATION is " part[2]
            }
            put((k > 1 ? ".PP\n" : "") (n > 1 ? \
                "TYPENAME and TYPE, " (text ~ /^where/ ? "" : "for ") text ":" : \
                "TYPENAME is one of these, and TYPE the type beside it:"))
        }
        write_types(part[1])
    }
}

# The names of the NAME section: the page's, that of C11, and all others but
# those for contexts.
function write_name(at,   b, i, k, done, n, part, text)
{
    text = at
    done[at] = 1
    for (b = 1; b <= blocks[at]; b++) {
        i = block[at, b]
        n = split(functions_of(i), part, /\(\)(, )?/)
        for (k = 1; k < n; k++) {
            if (!(part[k] in done))
                text = text ",\n" part[k]
            done[part[k]] = 1
        }
    }
    put(".SH NAME\n" text " \\-\n" prose(title_on[at]))
}

function write_example(at,   file_in, text, state)
{
    file_in = examples "/" at ".c"
    if ((getline text <file_in) <= 0)
        return
    put(".SH EXAMPLE")
    if (text ~ /^\/\*/) {
        do {
            state = text ~ /\*\/$/
            sub(/^ ?\/?\*+\/? ?/, "", text)
            sub(/ *\*\/$/, "", text)
            if (text != "")
                put(prose(text))
        } while (!state && (getline text <file_in) > 0)
        put(".PP")
        getline text <file_in
    }
    put(".nf\n.RS 4")
    do
        put(code(text))
    while ((getline text <file_in) > 0)
    put(".RE\n.fi")
    close(file_in)
}

# Keep what take() found of results, of these functions; "" for all of a page.
function keep_results(functions,   j)
{
    if (what_return != "") {
        # Those with the same results are listed once.
        for (j = 1; j <= returns && return_text[j] != what_return; j++)
            continue
        if (j > returns) {
            return_text[++returns] = what_return
            return_of[j] = functions
        } else if (return_of[j] != "") {
            return_of[j] = return_of[j] ", " functions
        }
    }
    if (errors > 0 && functions != "") {
        paragraph = error_lines > 0 ? ".PP\n" : ""
        error_line[++error_lines] = paragraph bold(functions) ":"
    }
    for (j = 1; j <= errors; j++)
        error_line[++error_lines] = \
            ".TP 7\n.B " error_name[j] "\n" prose_lines(error_text[j])
}

# Roff of a list of functions.
function bold(functions)
{
    gsub(/[a-zA-Z_0-9]+/, "\\fB&\\fP", functions)
    return functions
}

function write_page(at,   b, i, j, n, blocks_doc, text, part)
{
    this_page = at
    file_out = out "/" at ".3"
    see = ""
    notes = returns = error_lines = 0
    put(".TH " toupper(at) " 3 \"\" memheap \"Library Functions Manual\"")
    put(".nh\n.ad l\n.ss 12 0")
    write_name(at)
    if (blocks[at] > 0)
        write_synopsis(at)
    put(".SH DESCRIPTION")
    take(intro[at])
    text = what_text
    if (text != "")
        write_text(text)
    keep_results("")
    for (b = 1; b <= blocks[at]; b++)
        blocks_doc += functions_of(block[at, b]) != ""
    for (b = 1; b <= blocks[at]; b++) {
        i = block[at, b]
        if (functions_of(i) == "")
            continue
        take(doc[i])
        if (blocks_doc > 1)
            put(".SS " functions_of(i))
        else if (text != "")
            put(".PP")
        write_text(what_text)
        for (j = 1; j <= params; j++) {
            put(".TP 7\n.I " param_name[j])
            write_text(param_text[j])
        }
        keep_results(blocks_doc > 1 ? functions_of(i, 1) : "")
    }
    write_families(at)
    if (returns > 0)
        put(".SH RETURN VALUE")
    for (j = 1; j <= returns; j++) {
        if (return_of[j] != "")
            put(".TP 7\n" bold(return_of[j]))
        write_text(sentence(return_text[j]))
    }
    if (error_lines > 0)
        put(".SH ERRORS")
    for (j = 1; j <= error_lines; j++)
        put(error_line[j])
    if (notes > 0) {
        put(".SH NOTES")
        for (j = 1; j <= notes; j++) {
            if (j > 1)
                put(".PP")
            write_text(note[j])
        }
    }
    write_example(at)
    put(".SH SEE ALSO")
    n = split(see, part, " ")
    for (j = 1; j <= n; j++)
        put(".BR " part[j] " (3),")
    if (package == "shmem" && at != "shmem")
        put(".BR shmem (3),")
    put(".BR memheap (7)")
    close(file_out)
}

function sentence(text)
{
    return toupper(substr(text, 1, 1)) substr(text, 2) \
        (text ~ /[.:;]$/ ? "" : ".")
}

function prose_lines(text,   part, n, i, all)
{
    n = split(text, part, "\n")
    for (i = 1; i <= n; i++)
        all = all (i > 1 ? "\n" : "") prose(part[i])
    return all
}
