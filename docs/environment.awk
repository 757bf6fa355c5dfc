# Writes docs/environment.md out of `memheap-info --parsable`.
BEGIN {
    FS = ":"
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
}
# The rest of a line behind its first three fields.
function rest(   text) {
    text = $0
    sub(/^[^:]*:[^:]*:[^:]*:/, "", text)
    gsub(/\\:/, ":", text)
    gsub(/\|/, "\\|", text)
    return text
}
$1 == "param" {
    if (!($2 in seen)) {
        seen[$2] = 1
        name[++count] = $2
    }
    field[$2, $3] = rest()
}
END {
    for (i = 1; i <= count; i++) {
        n = name[i]
        type = field[n, "type"]
        if (field[n, "unit"] != "")
            type = type ", " field[n, "unit"]
        value = field[n, "default"]
        value = value == "" ? "" : "`" value "`"
        old = field[n, "old_name"]
        printf "| `%s`%s | %s | %s | %s | %s |\n", n,
            old == "" ? "" : ", `" old "`", type, value, field[n, "scope"],
            field[n, "help"]
    }
    print ""
    print "UCX and MPI have variables of their own, which apply: `UCX_TLS`, `UCX_NET_DEVICES`."
}
