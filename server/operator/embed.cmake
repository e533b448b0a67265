# Writes OUTPUT, a C file with the bytes of INPUT as status_html.h declares them.
file(READ "${INPUT}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE "${OUTPUT}" "/* Made from status.html by embed.cmake. */\n"
    "#include \"operator/status_html.h\"\n\n"
    "const char pc_status_html[] = {${bytes}};\n"
    "const size_t pc_status_html_size = sizeof pc_status_html;\n")
