# The warnings that every part is built with. PC_WERROR (on in CI) makes them errors.
add_library(pc_warnings INTERFACE)
target_compile_options(pc_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
    -Wwrite-strings -Wvla -Wundef -Wformat=2
    $<$<BOOL:${PC_WERROR}>:-Werror>)
