# Whether the input is one value of JSON: RFC 8259. Says where it is not, and
# ends with status 1 then. Bytes that are not UTF-8 are for iconv to find.
function fail(what)
{
    print "no JSON: " what " before: " substr(text, 1, 60)
    failed = 1
    exit 1
}
# Takes what a pattern matches off the text; false if it does not begin so.
function take(pattern)
{
    if (match(text, "^[ \t\r\n]*(" pattern ")") == 0)
        return 0
    text = substr(text, RLENGTH + 1)
    return 1
}
function value()
{
    if (take("\\{"))
        members("\\}", 1)
    else if (take("\\["))
        members("\\]", 0)
    else if (!take(string) && !take(number) && !take("true|false|null"))
        fail("a value is missing")
}
function members(closing, keys)
{
    if (take(closing))
        return
    do {
        if (keys && (!take(string) || !take(":")))
            fail("a key is missing")
        value()
    } while (take(","))
    if (!take(closing))
        fail("a bracket is missing")
}
BEGIN {
    hex = "[0-9a-fA-F]"
    string = "\"([^\"\\\\\001-\037]|\\\\([\"\\\\/bfnrt]|u" hex hex hex hex "))*\""
    number = "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?"
}
{ text = text $0 "\n" }
END {
    if (failed)
        exit 1
    value()
    if (text !~ /^[ \t\r\n]*$/)
        fail("there is more")
}
