# find_package(ProfileContext) gives ProfileContext::client and ProfileContext::client_static.
include(CMakeFindDependencyMacro)
find_dependency(PkgConfig)
find_dependency(Threads)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc)
include(${CMAKE_CURRENT_LIST_DIR}/ProfileContextTargets.cmake)
