# What makes a mistake in our code harder to use against it. Optimised builds only: the checks of
# _FORTIFY_SOURCE need an optimiser, and sanitizers check more. tests/hardening looks at the programs.
if(CMAKE_BUILD_TYPE MATCHES "^Rel|^MinSizeRel" AND NOT PC_SANITIZE AND NOT PC_FUZZ)
    # Distributions that set a level themselves would see it redefined.
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
        -fstack-clash-protection)
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()
