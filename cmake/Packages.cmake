# Debian packages, a component each; deploy/build-packages builds them. PC_PACKAGES lays files out for
# /usr and /etc of the machine that the packages are installed on.
set(PC_CONTACT "ProfileContext maintainers <root@localhost>" CACHE STRING
    "Who answers for the Debian packages")
option(PC_PACKAGES "Lay files out for Debian packages (deploy/build-packages sets it)" OFF)

set(PC_UNIT_DIR lib/systemd/system)
set(debian ${PROJECT_SOURCE_DIR}/deploy/debian)
configure_file(${PROJECT_SOURCE_DIR}/deploy/systemd/profile-contextd.service
    ${PROJECT_BINARY_DIR}/profile-contextd.service @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/profile-contextd.service
    ${PROJECT_SOURCE_DIR}/deploy/systemd/profile-contextd.socket
    DESTINATION ${PC_UNIT_DIR}
    COMPONENT server)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/systemd/credentials.conf
    ${PROJECT_SOURCE_DIR}/deploy/prometheus/rules.yaml
    ${PROJECT_SOURCE_DIR}/deploy/grafana/profile-context.json
    DESTINATION ${PC_SERVER_DOCDIR}/examples COMPONENT server)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/server/ERRORS.md
    ${PROJECT_SOURCE_DIR}/server/BEHAVIOUR.md ${PROJECT_SOURCE_DIR}/deploy/docs/OPERATING.md
    DESTINATION ${PC_SERVER_DOCDIR} COMPONENT server)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/docs/CHANGELOG.md DESTINATION ${PC_SERVER_DOCDIR}
    RENAME changelog COMPONENT server)
if(NOT PC_PACKAGES)
    return()
endif()

install(FILES ${debian}/profile-contextd.yaml DESTINATION /etc/profile-context
    COMPONENT server)

set(packages_server profile-contextd)
set(packages_client profilectl)
set(packages_sandbox entity-sandbox)
set(packages_library libprofilecontext${PC_SOVERSION})
set(packages_dev libprofilecontext-dev)
set(CPACK_COMPONENTS_ALL server client sandbox library dev)

pc_release_date(PC_CHANGE_DATE -R)
configure_file(${debian}/changelog.in ${PROJECT_BINARY_DIR}/debian/changelog.Debian @ONLY)
foreach(component ${CPACK_COMPONENTS_ALL})
    set(doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/${packages_${component}})
    install(FILES ${PROJECT_BINARY_DIR}/debian/changelog.Debian ${debian}/copyright DESTINATION ${doc}
        COMPONENT ${component})
    string(TOUPPER ${component} name)
    set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${packages_${component}})
    set(CPACK_DEBIAN_${name}_FILE_NAME DEB-DEFAULT)
    if(EXISTS ${debian}/${packages_${component}}.lintian-overrides)
        install(FILES ${debian}/${packages_${component}}.lintian-overrides
            DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/lintian/overrides
            RENAME ${packages_${component}} COMPONENT ${component})
    endif()
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT ${PC_CONTACT})
set(CPACK_PACKAGE_NAME profilecontext)
set(CPACK_PACKAGE_VENDOR ProfileContext)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/CompressDocs.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# Two lines each: the synopsis, and what it is for.
set(CPACK_COMPONENT_SERVER_DESCRIPTION "gRPC service in front of Real-Time Customer Profile
 profile-contextd answers typed gRPC requests about customers from Adobe
 Experience Platform's Real-Time Customer Profile: profile, events, segment
 memberships, identities and insights, each with its status and age.")
set(CPACK_COMPONENT_CLIENT_DESCRIPTION "command line client of the ProfileContext service
 profilectl asks a ProfileContext server for customers' contexts, profiles,
 events and segments, and shows them as tables or JSON.")
set(CPACK_COMPONENT_SANDBOX_DESCRIPTION "local Entity API with made-up customers
 entity-sandbox serves the parts of Adobe Experience Platform's Entity API
 that profile-contextd uses, from a database of its own, with delays and
 faults at will: for trying, developing and testing without an account.")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "client library of the ProfileContext service
 libprofilecontext lets C programs call the ProfileContext service with
 typed messages, deadlines and error details. This is the shared library.")
set(CPACK_COMPONENT_DEV_DESCRIPTION "client library of the ProfileContext service, development files
 libprofilecontext lets C programs call the ProfileContext service. Here are
 its headers, the static library, what pkg-config and CMake want to know,
 and the .proto files for stubs in other languages.")
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "entity-sandbox, profilectl")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    "${debian}/conffiles;${debian}/postinst;${debian}/prerm;${debian}/postrm")
set(CPACK_DEBIAN_CLIENT_PACKAGE_SUGGESTS entity-sandbox)
set(CPACK_DEBIAN_SANDBOX_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${debian}/library/triggers)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "${packages_library} (= ${PROJECT_VERSION}-1), libprotobuf-c-dev, libgrpc-dev")
include(CPack)
