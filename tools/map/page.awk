# Writes the page of memheap-map as C: its lines, with NULL for that of the data.
BEGIN { print "static const char *const page[] = {" }
$0 == "@DATA@" { print "    NULL,"; next }
{
    gsub(/["\\]/, "\\\\&")
    print "    \"" $0 "\\n\","
}
END { print "};" }
