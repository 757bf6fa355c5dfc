# Writes docs/environment.md out of `memheap-info --parsable`, or, with -v form=man,
# docs/man/memheap-environment.7.
BEGIN {
    FS = ":"
}
# The rest of a line behind its first three fields.
function rest(   text) {
    text = $0
    sub(/^[^:]*:[^:]*:[^:]*:/, "", text)
    gsub(/\\:/, ":", text)
    return text
}
$1 == "param" {
    if (!($2 in seen)) {
        seen[$2] = 1
        name[++count] = $2
    }
    field[$2, $3] = rest()
}
# The type of a parameter, with its unit.
function type_of(n) {
    return field[n, "unit"] == "" ? field[n, "type"] : \
        field[n, "type"] ", " field[n, "unit"]
}
function write_markdown(   i, n, value, help) {
    print "# Environment variables"
    print ""
    print "All parameters, with their defaults. `make environment` in the build folder writes"
    print "this page out of the library's registry. `memheap-info` shows the values in effect"
    print "and where each came from. From the strongest source on, a value comes from: the"
    print "program's own configuration of one heap; the environment; `mpirun --mca memheap_NAME"
    print "VALUE` for MEMHEAP_NAME; the file that MEMHEAP_PARAM_FILE names; the default."
    print ""
    print "*Scope* is *heap* (a program can set it for one heap), *process* (read once), or *job*"
    print "(read when the job starts). PEs must agree on all but those marked *per PE*."
    print "Sizes take k, m, g, t for powers of 1024. Names that begin with MEMHEAP_ and that are"
    print "not here are errors."
    print ""
    print "| variable | type | default | scope | |"
    print "|---|---|---|---|---|"
    for (i = 1; i <= count; i++) {
        n = name[i]
        value = field[n, "default"]
        help = field[n, "help"]
        gsub(/\|/, "\\|", help)
        others = field[n, "old_name"]
        gsub(/ /, "`, `", others)
        printf "| `%s`%s | %s | %s | %s | %s |\n", n,
            others == "" ? "" : ", `" others "`",
            type_of(n), value == "" ? "" : "`" value "`", field[n, "scope"], help
    }
    print ""
    print "UCX and MPI have variables of their own, which apply: `UCX_TLS`, `UCX_NET_DEVICES`."
}
# Text of a page of the manual: hyphens of options and names are minus signs.
function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.\047]/, "\\\\\\&&", text)
    return text
}
function write_man(   i, n, value) {
    print ".TH MEMHEAP-ENVIRONMENT 7 \"\" memheap \"Miscellaneous Information Manual\""
    print ".nh"
    print ".SH NAME"
    print "memheap\\-environment \\- environment variables of memheap"
    print ".SH DESCRIPTION"
    print ".BR memheap (7),"
    print "section"
    print ".BR Parameters ,"
    print "says where values come from, and what forms they have. Behind the name of each"
    print "variable are its type, its default, and its scope. Scope"
    print ".I heap"
    print "means that a program can set the parameter for one heap,"
    print ".I process"
    print "that the process reads it once, and"
    print ".I job"
    print "that it is read when the job starts. All PEs must have the same values, except for"
    print "variables with"
    print ".IR \"per PE\" ."
    print ".SH VARIABLES"
    for (i = 1; i <= count; i++) {
        n = name[i]
        value = field[n, "default"]
        print ".TP"
        printf ".BR %s \" (%s; default: %s; scope: %s)\"\n", n, roff(type_of(n)),
            value == "" ? "none" : roff(value), roff(field[n, "scope"])
        print roff(toupper(substr(field[n, "help"], 1, 1)) \
            substr(field[n, "help"], 2)) "."
        others = field[n, "old_name"]
        gsub(/ /, " ,\n.BR ", others)
        if (others != "")
            printf "%s\n.BR %s .\n", others ~ / / ? "Other names are" : \
                "Another name is", others
    }
    print ".SH SEE ALSO"
    print ".BR memheap\\-info (1),"
    print ".BR memheap (7)"
}
END {
    if (form == "man")
        write_man()
    else
        write_markdown()
}
