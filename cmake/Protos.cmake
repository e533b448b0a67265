# One descriptor set from protoc serves three uses: message code for C (through protoc-gen-c, after
# proto_tool has made proto3 `optional` digestible for it), the mapping tables, and reflection.
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_GEN_C NAMES protoc-gen-c REQUIRED)
find_path(GRPC_PROTO_DIR grpc/health/v1/health.proto
    PATHS /usr/share/grpc-proto /usr/local/share/grpc-proto REQUIRED)
find_path(PROTOBUF_PROTO_DIR google/protobuf/descriptor.proto REQUIRED)

set(PC_PROTO_DIR ${PROJECT_SOURCE_DIR}/proto)
set(PC_GEN_DIR ${PROJECT_BINARY_DIR}/generated)
file(GLOB own_protos RELATIVE ${PC_PROTO_DIR} CONFIGURE_DEPENDS
    ${PC_PROTO_DIR}/profilecontext/v1/*.proto ${PC_PROTO_DIR}/google/rpc/*.proto
    ${PC_PROTO_DIR}/google/type/*.proto)
set(standard_protos grpc/channelz/v1/channelz.proto grpc/health/v1/health.proto
    grpc/reflection/v1/reflection.proto grpc/reflection/v1alpha/reflection.proto)
set(well_known_protos)
foreach(name any duration field_mask struct timestamp wrappers)
    list(APPEND well_known_protos google/protobuf/${name}.proto)
endforeach()
set(own_proto_paths ${own_protos})
list(TRANSFORM own_proto_paths PREPEND ${PC_PROTO_DIR}/)

file(MAKE_DIRECTORY ${PC_GEN_DIR}/tool)
add_custom_command(OUTPUT ${PC_GEN_DIR}/tool/google/protobuf/descriptor.pb-c.c
        ${PC_GEN_DIR}/tool/google/protobuf/descriptor.pb-c.h
    COMMAND ${PROTOC} --plugin=protoc-gen-c=${PROTOC_GEN_C} -I${PROTOBUF_PROTO_DIR}
        --c_out=${PC_GEN_DIR}/tool google/protobuf/descriptor.proto
    VERBATIM)
foreach(tool proto_tool xdm_paths_tool api_reference_tool)
    string(REGEX REPLACE "(xdm_paths|api_reference)_tool" "\\1" source ${tool})
    add_executable(${tool} ${PC_PROTO_DIR}/tools/${source}.c
        ${PC_PROTO_DIR}/tools/descriptor_set.c
        ${PC_GEN_DIR}/tool/google/protobuf/descriptor.pb-c.c)
    target_include_directories(${tool} PRIVATE ${PC_GEN_DIR}/tool)
    target_link_libraries(${tool} PRIVATE PkgConfig::PROTOBUF_C)
endforeach()
# They free nothing on purpose, so leak checks would only fail the build.
set(run_tool ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0)
set(run_proto_tool ${run_tool} $<TARGET_FILE:proto_tool>)

add_custom_command(OUTPUT ${PC_GEN_DIR}/descriptors.pb
    COMMAND ${PROTOC} -I${PC_PROTO_DIR} -I${GRPC_PROTO_DIR} -I${PROTOBUF_PROTO_DIR}
        --include_imports --descriptor_set_out=${PC_GEN_DIR}/descriptors.pb
        ${own_protos} ${standard_protos}
    DEPENDS ${own_proto_paths}
    COMMENT "Compiling the .proto files"
    VERBATIM)

set(c_protos ${own_protos} ${standard_protos} ${well_known_protos})
list(REMOVE_ITEM c_protos profilecontext/v1/annotations.proto)
set(generated_sources ${c_protos})
list(TRANSFORM generated_sources REPLACE "[.]proto$" ".pb-c.c")
list(TRANSFORM generated_sources PREPEND ${PC_GEN_DIR}/)
set(generated_headers ${generated_sources})
list(TRANSFORM generated_headers REPLACE "[.]c$" ".h")
add_custom_command(OUTPUT ${generated_sources} ${generated_headers}
    COMMAND ${run_proto_tool} c-descriptors ${PC_GEN_DIR}/descriptors.pb
        ${PC_GEN_DIR}/c_descriptors.pb
    COMMAND ${PROTOC} --plugin=protoc-gen-c=${PROTOC_GEN_C}
        --descriptor_set_in=${PC_GEN_DIR}/c_descriptors.pb --c_out=${PC_GEN_DIR} ${c_protos}
    DEPENDS ${PC_GEN_DIR}/descriptors.pb proto_tool
    COMMENT "Generating message code"
    VERBATIM)
add_library(pc_messages STATIC ${generated_sources} ${generated_headers})
set_target_properties(pc_messages PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(pc_messages SYSTEM PUBLIC ${PC_GEN_DIR})
target_link_libraries(pc_messages PUBLIC PkgConfig::PROTOBUF_C)

add_custom_command(OUTPUT ${PC_GEN_DIR}/mapping/mapping_tables.c
        ${PC_GEN_DIR}/mapping/mapping_tables.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PC_GEN_DIR}/mapping
    COMMAND ${run_proto_tool} mapping ${PC_GEN_DIR}/descriptors.pb
        ${PC_GEN_DIR}/mapping/mapping_tables.c ${PC_GEN_DIR}/mapping/mapping_tables.h
    DEPENDS ${PC_GEN_DIR}/descriptors.pb proto_tool
    COMMENT "Generating mapping tables"
    VERBATIM)
add_custom_command(OUTPUT ${PC_GEN_DIR}/descriptor_files.c
    COMMAND ${run_proto_tool} reflection ${PC_GEN_DIR}/descriptors.pb
        ${PC_GEN_DIR}/descriptor_files.c
    DEPENDS ${PC_GEN_DIR}/descriptors.pb proto_tool
    COMMENT "Generating descriptors for reflection"
    VERBATIM)

# For parts in other folders that compile these files: add_dependencies(part pc_generated).
add_custom_target(pc_generated DEPENDS ${PC_GEN_DIR}/mapping/mapping_tables.c
    ${PC_GEN_DIR}/mapping/mapping_tables.h ${PC_GEN_DIR}/descriptor_files.c)

# The documentation of the mapping, kept in the source tree; a test compares the two.
add_custom_command(OUTPUT ${PC_GEN_DIR}/XDM_PATHS.md
    COMMAND ${run_tool} $<TARGET_FILE:xdm_paths_tool> ${PC_GEN_DIR}/descriptors.pb
        ${PC_GEN_DIR}/XDM_PATHS.md
    DEPENDS ${PC_GEN_DIR}/descriptors.pb xdm_paths_tool
    VERBATIM)
add_custom_target(xdm_paths_table ALL DEPENDS ${PC_GEN_DIR}/XDM_PATHS.md)
add_custom_target(xdm_paths
    COMMAND ${CMAKE_COMMAND} -E copy ${PC_GEN_DIR}/XDM_PATHS.md ${PC_PROTO_DIR}/XDM_PATHS.md
    DEPENDS ${PC_GEN_DIR}/XDM_PATHS.md
    COMMENT "Writing proto/XDM_PATHS.md"
    VERBATIM)

# The reference of the service, from the comments of its declarations; installed with the client
# library's headers.
add_custom_command(OUTPUT ${PC_GEN_DIR}/API.md
    COMMAND ${PROTOC} -I${PC_PROTO_DIR} -I${GRPC_PROTO_DIR} -I${PROTOBUF_PROTO_DIR}
        --include_source_info --descriptor_set_out=${PC_GEN_DIR}/commented.pb ${own_protos}
    COMMAND ${run_tool} $<TARGET_FILE:api_reference_tool> ${PC_GEN_DIR}/commented.pb
        ${PC_GEN_DIR}/API.md
    DEPENDS ${own_proto_paths} api_reference_tool
    COMMENT "Writing the reference of the service"
    VERBATIM)
add_custom_target(api_reference ALL DEPENDS ${PC_GEN_DIR}/API.md)
install(FILES ${PC_GEN_DIR}/API.md
    DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libprofilecontext-dev COMPONENT dev)
