# A Debian package of the library, libnn-dev, built by `cpack` in the build
# folder. For Debian's own folders configure with -DCMAKE_INSTALL_PREFIX=/usr:
# libraries then go to lib/<architecture>. Included at the end of the top
# CMakeLists.txt.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME nn)
set(CPACK_PACKAGE_VENDOR "The libnn authors")
set(CPACK_PACKAGE_CONTACT "The libnn authors <libnn@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)

# Programs, tests and documents stay out: one component, one package.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL nn_development)
set(CPACK_COMPONENT_NN_DEVELOPMENT_DESCRIPTION
  "Neural-network layers on Eigen matrices: static library and headers
 Layers, losses and optimizers in C++17, trained on the processor. The library
 chooses its instruction set at run time and needs no compiler flags.
 .
 Use it through find_package(nn) of CMake, or through pkg-config.")
set(CPACK_DEBIAN_NN_DEVELOPMENT_PACKAGE_NAME libnn-dev)
set(CPACK_DEBIAN_NN_DEVELOPMENT_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_NN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

# What using the package takes. An archive and headers link nothing by
# themselves, so dpkg-shlibdeps has nothing to say; Highway stays inside the
# archive.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_NN_DEVELOPMENT_PACKAGE_DEPENDS "libeigen3-dev (>= 3.3)")
if(ZLIB_FOUND)
  string(APPEND CPACK_DEBIAN_NN_DEVELOPMENT_PACKAGE_DEPENDS ", zlib1g-dev")
endif()
if(PNG_FOUND)
  string(APPEND CPACK_DEBIAN_NN_DEVELOPMENT_PACKAGE_DEPENDS ", libpng-dev")
endif()
if(JPEG_FOUND)
  string(APPEND CPACK_DEBIAN_NN_DEVELOPMENT_PACKAGE_DEPENDS ", libjpeg-dev")
endif()

include(CPack)
