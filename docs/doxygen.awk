# The public headers as Doxygen is to see them; comes after docs/headers.awk.
#
# The headers are written for those who read them: a comment stands above all
# the declarations that it is about, and a family of typed routines is a macro.
# Here each declaration gets the comment for itself, and a routine of a family
# is declared once, as the standard does: shmem_TYPENAME_put(TYPE *dest, ...).

END {
    parse()
    for (i = 1; i <= items; i++) {
        if (kind[i] == "file") {
            top = doc[i]
            print "/** @file\n" top "\n*/"
        } else if (kind[i] == "page" && title[i] != "") {
            print "/** @page " page[i] " " title[i] "\n" doc[i] "\n*/"
        }
        for (k = 1; k <= count[i]; k++) {
            text = doc[i]
            # An enumeration that the file begins with is what it is about.
            if (text == "" && decl[i, k] ~ /^typedef enum/)
                text = top
            if (text != "")
                print "/** " comment(text, decl[i, k]) "\n*/"
            print members(decl[i, k]) "\n"
        }
    }
}

# A comment for one declaration: without parameters that it does not have, and
# without a result where it returns nothing.
function comment(text, declaration,   part, n, j, all, skip, word)
{
    n = split(text, part, "\n")
    for (j = 1; j <= n; j++) {
        if (part[j] !~ /^ /)
            skip = 0
        if (declaration ~ /^void [^*]/ && part[j] ~ /@return/) {
            sub(/ *@return.*/, "", part[j])
            skip = 1
            all = all "\n" part[j]
        } else if (part[j] ~ /^@param /) {
            word = part[j]
            sub(/^@param +/, "", word)
            sub(/ .*/, "", word)
            skip = declaration !~ "[ *]" word "[])[,]"
        }
        if (!skip)
            all = all (j > 1 ? "\n" : "") part[j]
    }
    return all
}

# Let a comment behind a member be the member's.
function members(text)
{
    if (text !~ /^#/ && text ~ /\{/) {
        gsub(/; +\/\* /, "&<<", text)
        gsub(/, +\/\* /, "&<<", text)
        gsub(/\/\* <</, "/**< ", text)
    }
    return text
}
