# The public headers as Doxygen is to see them.
#
# The headers are written for those who read them: a comment stands above all
# the declarations that it is about, and a family of typed routines is a macro.
# Here each declaration gets the comment for itself, and a routine of a family
# is declared once, as the standard does: shmem_TYPENAME_put(TYPE *dest, ...).

{
    line[NR] = $0
}

# Print lines first to last as a comment for Doxygen, of a declaration or, if
# there is none, of the file. What returns nothing takes no @return along.
function comment(first, last, declaration,   i, text)
{
    for (i = first; i <= last; i++) {
        text = line[i]
        if (declaration ~ /^void [^*]/)
            sub(/@return.*/, i == last ? "*/" : "", text)
        if (i == first)
            sub(/^\/\*\*?/, declaration == "" ? "/** @file" : "/**", text)
        print text
    }
}

# Print lines from i on up to a blank one, with the comment in first to last
# before each declaration.
function paragraph(i, first, last,   depth, text)
{
    for (; i <= NR && line[i] != ""; i++) {
        text = line[i]
        if (depth > 0 && text ~ /[;,] +\/\* /)
            sub(/\/\* /, "/**< ", text)
        print text
        depth += gsub(/[{]/, "{", text) - gsub(/[}]/, "}", text)
        if (depth == 0 && text !~ /\\$/ && (text ~ /;$/ || text ~ /^#define/) &&
            line[i + 1] ~ /^[a-zA-Z#]/ && line[i + 1] !~ /^#(undef|if|el|endif)/)
            comment(first, last, line[i + 1])
    }
    return i
}

# Print the routines that the macro at i declares, with the comment before each.
function family(i, first, last,   name, typename, type, text, routine)
{
    name = line[i]
    typename = name ~ /_SIZED_/ ? "SIZE" : "TYPENAME"
    type = name ~ /_SIZED_/ ? "void" : "TYPE"
    while (line[i] ~ /\\$/) {
        text = line[++i]
        sub(/ *\\$/, "", text)
        if (text ~ /^ *SHMEM_/)
            continue
        gsub(/P##/, "shmem_", text)
        gsub(/##N##|##N|N##/, typename, text)
        gsub(/##O##|##O|O##/, "OPERATION", text)
        gsub(/ T /, " " type " ", text)
        gsub(/\(T /, "(" type " ", text)
        routine = routine text "\n"
        if (text ~ /;$/) {
            comment(first, last, routine)
            printf "%s", routine
            routine = ""
        }
    }
    return i
}

END {
    first = last = 0
    for (i = 1; i <= NR; i++) {
        if (line[i] ~ /^\/\*/) {
            first = i
            while (line[i] !~ /\*\/$/)
                i++
            last = i
            if (first == 1) {
                top = last
                comment(first, last)
            } else if (line[i + 1] == "") {
                # It is about all that follows, and for readers of the header.
            } else if (line[i + 1] !~ /^#define SHMEM_[A-Z_]*_\(P/) {
                comment(first, last, line[i + 1])
                i = paragraph(i + 1, first, last)
                print ""
            }
        } else if (line[i] ~ /^#define SHMEM_[A-Z_]*_\(P/) {
            i = family(i, first, last)
        } else {
            # An enumeration that the file begins with is what it is about.
            if (line[i] ~ /^typedef enum/)
                comment(1, top, line[i])
            print line[i]
        }
    }
}
