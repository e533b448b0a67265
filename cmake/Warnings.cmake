# The warnings that every part is built with. PC_WERROR (on in CI) makes them errors.
add_library(pc_warnings INTERFACE)
target_compile_options(pc_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
    -Wwrite-strings -Wvla -Wundef -Wformat=2
    # clang sees the casts in protobuf-c's initialisers as ours, and texts that are joined on purpose
    # as mistakes.
    $<$<C_COMPILER_ID:Clang>:-Wno-cast-qual -Wno-string-concatenation>
    $<$<BOOL:${PC_WERROR}>:-Werror>)
