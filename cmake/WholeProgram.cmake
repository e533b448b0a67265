# Optimised builds are optimised as a whole: an answer from memory goes through small functions of many
# files, and costs a tenth less so (tests/bench/run hit).
if(CMAKE_BUILD_TYPE MATCHES "^Rel" AND NOT PC_SANITIZE AND NOT PC_FUZZ
    AND NOT DEFINED CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT CMAKE_INTERPROCEDURAL_OPTIMIZATION OUTPUT unused LANGUAGES C)
endif()
