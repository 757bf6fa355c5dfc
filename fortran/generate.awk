# Writes a part of the Fortran interface out of fortran/routines.tsv. The constants
# come from the C headers, which are read before the table. -v form= says which part:
#
#   c          the routines, in C
#   include    shmem.fh: constants, all subroutines, and the functions whose type no
#              program declares itself
#   functions  shmem_functions.fh: all other functions
#   module     the module `shmem`: all of it, and kinds are checked
#
# The Fortran text is valid in fixed form and in free form: statements begin in
# column 7 and end before column 73, and & joins lines in both forms.
BEGIN {
    FS = "\t"
    c_type["any"] = "void *"
    c_type["int"] = c_type["int4"] = "int "
    c_type["int8"] = "long long "
    c_type["real4"] = "float "
    c_type["real8"] = "double "
    c_type["logical"] = "int "
    c_type["sync"] = "int *"
    c_type["address"] = "void *"
    c_type["text"] = "char *"
    fortran_type["int"] = fortran_type["sync"] = "integer"
    fortran_type["int4"] = "integer(4)"
    fortran_type["int8"] = fortran_type["address"] = "integer(8)"
    fortran_type["real4"] = "real(4)"
    fortran_type["real8"] = "real(8)"
    fortran_type["real16"] = "real(16)"
    fortran_type["comp4"] = "complex(4)"
    fortran_type["comp8"] = "complex(8)"
    fortran_type["logical"] = "logical"
    fortran_type["text"] = "character(len=*)"
    # Programs declare the other functions, as the standard's synopses do.
    split("shmem_pe_accessible shmem_addr_accessible shmem_ptr", names, " ")
    for (i in names)
        is_declared_here[names[i]] = 1
    written = "out of fortran/routines.tsv by fortran/generate.awk."
}

# The values of constants in the C headers.
/^#define (SHMEM|MEMHEAP_VERSION)_[A-Z_]+ / {
    split($0, word, " ")
    value[word[2]] = word[3]
}
FILENAME !~ /\.tsv$/ || /^#/ { next }
!begun { begin(); begun = 1 }
form == "c" { write_c(); next }
form == "module" || (form == "include") == ($2 == "-" || $1 in is_declared_here) {
    write_interface()
}
END { end() }

function begin()
{
    if (form == "c") {
        print "/* Written " written " */"
        print "#include \"config.h\"\n\n#include \"fortran/fortran.h\""
        return
    }
    print "!     Written " written
    if (form == "module") {
        line("module shmem")
        line("implicit none")
    }
    if (form != "functions")
        constants()
    line("interface")
}

function end()
{
    if (form != "c")
        line("end interface")
    if (form == "module")
        line("end module shmem")
}

# A statement; one that is too long continues behind a comma.
function line(text,    i)
{
    text = "      " text
    while (length(text) > 72) {
        for (i = 72; substr(text, i, 1) != ","; i--)
            ;
        printf "%-72s&\n", substr(text, 1, i)
        text = "     & " substr(text, i + 1)
    }
    print text
}

function constant(name, number)
{
    line("integer " name)
    line("parameter (" name " = " number ")")
}

function constants(    text, i, name)
{
    constant("SHMEM_MAJOR_VERSION", value["SHMEM_MAJOR_VERSION"])
    constant("SHMEM_MINOR_VERSION", value["SHMEM_MINOR_VERSION"])
    constant("SHMEM_MAX_NAME_LEN", value["SHMEM_MAX_NAME_LEN"])
    text = "memheap " value["MEMHEAP_VERSION_MAJOR"] "." \
           value["MEMHEAP_VERSION_MINOR"] "." value["MEMHEAP_VERSION_PATCH"]
    line("character(len=SHMEM_MAX_NAME_LEN) SHMEM_VENDOR_STRING")
    line("parameter (SHMEM_VENDOR_STRING = '" text "')")
    split("EQ NE GT LE LT GE", names, " ")
    for (i = 1; i <= 6; i++)
        constant("SHMEM_CMP_" names[i], value["SHMEM_CMP_" names[i]])
    constant("SHMEM_SYNC_VALUE", value["SHMEM_SYNC_VALUE"] + 0)
    # In C, the elements are twice as long; two more are for the alignment.
    constant("SHMEM_SYNC_SIZE", 2 * value["SHMEM_SYNC_SIZE"] + 2)
    split("BARRIER BCAST REDUCE COLLECT ALLTOALL ALLTOALLS", names, " ")
    for (i = 1; i <= 6; i++)
        constant("SHMEM_" names[i] "_SYNC_SIZE", "SHMEM_SYNC_SIZE")
    constant("SHMEM_REDUCE_MIN_WRKDATA_SIZE",
             value["SHMEM_REDUCE_MIN_WRKDATA_SIZE"])
}

# Split the arguments into name[] and kind[].
function read_arguments(    n, i, pair, parts)
{
    n = $3 == "-" ? 0 : split($3, pair, " ")
    for (i = 1; i <= n; i++) {
        split(pair[i], parts, ":")
        name[i] = parts[1]
        kind[i] = parts[2]
    }
    return n
}

function write_c(    n, i, parameters, type, tail, call)
{
    n = read_arguments()
    for (i = 1; i <= n; i++) {
        type = kind[i]
        if (type ~ /_out$/ || type ~ /^sym_/) {
            sub(/_out$|^sym_/, "", type)
            type = c_type[type] "*"
        } else if (type == "any" || type ~ /^array_/) {
            type = c_type["any"]
        } else if (type == "sync" || type == "text") {
            type = c_type[type]
        } else if (type == "address") {
            type = "void *const *"
        } else {
            type = "const " c_type[type] "*"
        }
        if (kind[i] == "text")
            tail = tail ", size_t " name[i] "_length"
        parameters = parameters (i > 1 ? ", " : "") type name[i]
    }
    parameters = n == 0 ? "void" : parameters tail
    type = $2 == "-" ? "void " : c_type[$2]
    call = ($2 == "-" ? "" : "return ") $4
    printf "\n%s%s_(%s);\n%s%s_(%s)\n{\n    %s;\n}\n", type, $1, parameters,
           type, $1, parameters, call
}

function write_interface(    n, i, list, keyword, type, checked)
{
    n = read_arguments()
    for (i = 1; i <= n; i++)
        list = list (i > 1 ? ", " : "") name[i]
    keyword = $2 == "-" ? "subroutine" : "function"
    line(keyword " " $1 "(" list ")")
    if ($2 != "-")
        line(fortran_type[$2] " " $1)
    for (i = 1; i <= n; i++) {
        type = kind[i]
        checked = form == "module" || type !~ /^(sym|array)_|^sync$/
        # Other PEs may use the data after the call: without "target", a
        # compiler may keep it in a register.
        if (type == "any" || !checked) {
            line("type(*), dimension(*), target :: " name[i])
            print "!GCC$ attributes NO_ARG_CHECK :: " name[i]
        } else if (type ~ /^sym_/) {
            line(fortran_type[substr(type, 5)] ", target :: " name[i])
        } else if (type ~ /^array_/ || type == "sync") {
            sub(/^array_/, "", type)
            line(fortran_type[type] ", dimension(*), target :: " name[i])
        } else if (type ~ /_out$/) {
            sub(/_out$/, "", type)
            line(fortran_type[type] " :: " name[i])
        } else {
            line(fortran_type[type] ", intent(" (type == "text" ? "out" : "in") \
                 ") :: " name[i])
        }
    }
    line("end " keyword " " $1)
}
