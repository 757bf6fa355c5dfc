# The C symbols of the standard, one a line, out of types.tsv and routines.tsv.
BEGIN { FS = "\t" }
FNR == 1 { next }
FILENAME ~ /types\.tsv$/ {
    names[$1] = names[$1] " " $4
    next
}
$2 == "C" {
    if ($1 !~ /</) {
        print $1
        next
    }
    count = split(names[$3], list, " ")
    for (i = 1; i <= count; i++) {
        symbol = $1
        sub(/<(TYPENAME|SIZE)>/, list[i], symbol)
        print symbol
    }
}
