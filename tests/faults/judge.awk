# Judges the runs of a scenario of tests/faults.sh.
#
#     awk -v folder=F -v kind=process|job|tool -f judge.awk index
#
# A line of the index is "NUMBER POINT STATUS EFFECTS": a run, the call that failed
# in it, its exit status, and a word for the files that it has left as it should.
# Run 0 is the one in which no call failed. F/out.N and F/err.N are the output of a
# run, and F/met.N says with which error the call failed.
#
# A run may end in one of these ways:
#
#     on       the output and the effects are those of run 0
#     warned   there is a message, and else as "on"
#     status   a call of the program has returned a failure; in a job, all PEs have
#              got the same, and there is a message
#     ended    the exit status is not 0, and there is a message
#
# All else is a fault. Prints a row for each function, and a line for each fault.

function read_run(number,    file, line, part) {
    out = lines = messages = open_files = ""
    broken = done = 0
    split("", of_pe)
    file = folder "/out." number
    while ((getline line < file) > 0) {
        if (line ~ /broken/)
            broken = line
        if (line ~ /^open /)
            open_files = line
        else if (kind == "job" && line ~ /^PE [0-9?]+: /) {
            match(line, /^PE [0-9?]+: /)
            of_pe[substr(line, 1, RLENGTH)] = of_pe[substr(line, 1, RLENGTH)] \
                substr(line, RLENGTH + 1) "; "
            if (line ~ /done$/)
                done++
        }
        if (kind == "tool")
            gsub(/[0-9.]+/, "#", line)
        if (line !~ /^open /)
            out = out (kind == "job" ? "" : line "\n")
    }
    close(file)
    file = folder "/err." number
    while ((getline line < file) > 0) {
        plain = line
        sub(/ from [^,]*$/, " from SITE", plain)
        gsub(/0x[0-9a-f]+/, "X", plain)
        gsub(/[0-9.]+/, "#", plain)
        if (number == 0)
            usual[plain] = 1
        else if (!(plain in usual) && line ~ /memheap/)
            messages = messages line "\n"
    }
    close(file)
    same = ""
    alike = 1
    for (pe in of_pe) {
        if (same != "" && same != of_pe[pe])
            alike = 0
        same = of_pe[pe]
    }
    if (kind == "job")
        out = same
    file = folder "/met." number
    met = ""
    while ((getline line < file) > 0)
        met = substr(line, 8)
    close(file)
}

# Whether more is open than at the end of run 0. A call that does not close or unmap
# what it should leaves that.
function leaks(    now, before, i) {
    if (kind != "process" || name == "munmap" || open_files == "")
        return 0
    split(open_files, now)
    split(first_open, before)
    for (i = 2; i <= 4; i++) {
        if (now[i] > before[i])
            return 1
    }
    return 0
}

# Whether a message names the cause: the text of the error, the function, or the
# file of the kernel that is missing.
function is_explained(    function_name) {
    # What could not be unmapped is in the way of what is loaded there.
    if (point ~ /^munmap:/ && messages ~ /the range is taken/)
        return 1
    function_name = name
    sub(/^PMPI/, "MPI", function_name)
    return index(messages, met) > 0 || index(messages, function_name) > 0 || \
        messages ~ /\/(sys|proc)\// || \
        (name ~ /^lzma/ && messages ~ /memory|damaged|liblzma/) || \
        (name ~ /^ucp/ && messages ~ /Out of memory/) || \
        (name == "fstat" && messages ~ /descriptor|No such process/) || \
        (name == "flock" && messages ~ /another heap writes it/) || \
        (met == "Cannot allocate memory" && messages ~ /memory/)
}

function fault(what) {
    faults++
    detail = messages == "" ? out : messages
    gsub(/\n/, " | ", detail)
    print "fault " point ": " what " (" met "): " substr(detail, 1, 300)
    return "fault"
}

function judge() {
    if (met == "")
        return "not met"
    if (status == 124 || status == 137)
        return fault("hangs")
    if (status > 128)
        return fault("ends by signal " (status - 128))
    if (broken)
        return fault(broken)
    if (leaks())
        return fault("leaves more open: " open_files " after " first_open)
    if (kind == "process" && status != 0)
        return fault("ends with status " status)
    if (status != 0 && messages == "")
        return fault("ends with status " status " and no message")
    if (messages != "" && !is_explained())
        return fault("message without the cause")
    if (status != 0)
        return "ended"
    if (!alike)
        return fault("the PEs differ")
    if (out != first_out) {
        if (messages == "" && kind != "process")
            return fault("other output and no message")
        return kind == "tool" ? "warned" : "status"
    }
    if (effects != first_effects && messages == "")
        return fault("no effect and no message: " effects)
    return messages == "" ? "on" : "warned"
}

{
    number = $1
    point = $2
    status = $3
    effects = $4
    name = point
    sub(/:.*/, "", name)
    read_run(number)
    if (number == 0) {
        first_out = out
        first_open = open_files
        first_effects = effects
        if (status != 0 || !alike || broken)
            print "fault: the scenario itself fails: " status
        next
    }
    how = judge()
    if (verbose)
        print "run " point " " how " (" met ") " messages
    count[name]++
    outcome[name, how]++
    total[how]++
    all++
}

END {
    for (name in count)
        printf "row %s %d %d %d %d %d %d %d\n", name, count[name], \
            outcome[name, "not met"], outcome[name, "on"], \
            outcome[name, "warned"], outcome[name, "status"], \
            outcome[name, "ended"], outcome[name, "fault"]
    printf "sum %d points, %d met: %d went on, %d warned, %d returned a status, %d ended the program, %d faults\n", \
        all, all - total["not met"], total["on"], total["warned"], \
        total["status"], total["ended"], total["fault"]
}
