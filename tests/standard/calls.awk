# A call of each routine of the standard that takes a PE, a team, an active set or a
# comparison, and what can be wrong in it, out of types.tsv and routines.tsv. The
# lines are for the preprocessor; `a` has the arguments:
#
#     CALL(shmem_int_p, " dest pe ", (shmem_int_p)(a->dest, 1, a->pe))
#
# Sections 9.1 to 9.5, about the job, its memory, teams and contexts, are left out.
BEGIN {
    FS = "\t"
    # Parameters that can be wrong, and under which name.
    split("pe pe PE_root pe ctx ctx team team PE_size PE_size cmp cmp dest dest" \
        " source source sig_addr sig_addr dst dst sst sst nelems count" \
        " nblocks count nreduce count", word, " ")
    for (i = 1; i in word; i += 2) {
        can_be_wrong[word[i]] = word[i + 1]
        argument[word[i]] = "a->" word[i + 1]
    }
    # Others. All objects are the same bytes, which are 0.
    split("fetch a->fetch ivar a->dest ivars a->dest cmp_values a->source" \
        " indices a->fetch pWrk a->pWrk pSync a->pSync status NULL bsize 1" \
        " value 1 cond 1 cmp_value 0 signal 1 sig_op SHMEM_SIGNAL_SET" \
        " PE_start 0 logPE_stride 0", word, " ")
    for (i = 1; i in word; i += 2)
        argument[word[i]] = word[i + 1]
}
FNR == 1 { next }
FILENAME ~ /types\.tsv$/ {
    types[$1] = types[$1] " " $4
    next
}
$2 != "C" || $7 ~ /^9\.[1-5]\./ || $6 !~ /(pe|team|PE_size|int cmp)(,|$)/ { next }
{
    together = $6 ~ /team|PE_size/ # a collective checks both addresses
    reads = $1 ~ /get|_g$|fetch(_nbi)?$/
    wrong = values = ""
    count = split($6, parameter, ", ")
    for (i = 1; i <= count; i++) {
        name = parameter[i]
        sub(/.*[ *]/, "", name)
        values = values (i > 1 ? ", " : "") \
            (parameter[i] == "int nreduce" ? 1 : argument[name])
        if (!(name in can_be_wrong) || $6 ~ /int cmp/ && name != "cmp" ||
            parameter[i] == "int nreduce" || together && name ~ /^.st$/ ||
            !together && name == (reads ? "dest" : "source") ||
            name == "dest" && $1 ~ /broadcast(32|64)/) # the root's is unused
            continue
        wrong = wrong " " can_be_wrong[name]
    }
    for (i = split($3 == "-" ? "-" : types[$3], type, " "); i > 0; i--) {
        routine = $1
        sub(/<(TYPENAME|SIZE)>/, type[i], routine)
        printf "CALL(%s, \"%s \", (%s)(%s))\n", routine, wrong, routine, values
    }
}
