# A version has one place, project() in CMakeLists.txt; what changed in it has another, the CHANGELOG,
# whose newest entry must be about this version. PC_RELEASE_DATE is its date, YEAR-MONTH-DAY.
set(changelog ${PROJECT_SOURCE_DIR}/deploy/docs/CHANGELOG.md)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${changelog})
file(STRINGS ${changelog} newest REGEX "^## " LIMIT_COUNT 1)
if(NOT newest MATCHES "^## ([0-9.]+) - ([0-9]+-[0-9]+-[0-9]+)$" OR
        NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
    message(FATAL_ERROR "deploy/docs/CHANGELOG.md: its first entry must be "
        "'## ${PROJECT_VERSION} - YEAR-MONTH-DAY', and is '${newest}'")
endif()
set(PC_RELEASE_DATE ${CMAKE_MATCH_2})

# PC_RELEASE_DATE in another form of date(1).
function(pc_release_date out format)
    execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -d ${PC_RELEASE_DATE} ${format}
        OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    set(${out} ${text} PARENT_SCOPE)
endfunction()
