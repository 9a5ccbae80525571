# What is installed where, and the Debian package of it: ./dev package.
include(GNUInstallDirs)
install(TARGETS ratebook RUNTIME DESTINATION bin)
install(FILES packaging/ratebook.toml DESTINATION /etc/ratebook)
install(FILES packaging/ratebook.service packaging/ratebook.socket DESTINATION lib/systemd/system)
install(DIRECTORY docs/ DESTINATION share/doc/ratebook FILES_MATCHING PATTERN "*.md")
install(FILES packaging/debian/copyright DESTINATION share/doc/ratebook)

# What the program tells of itself. Written straight to its place: several may make a package of one build at once.
install(CODE [[
  function(write_generated path)
    set(file "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share/${path}")
    get_filename_component(folder "${file}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    execute_process(COMMAND ${ARGN} OUTPUT_FILE "${file}" COMMAND_ERROR_IS_FATAL ANY)
    file(CHMOD "${file}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endfunction()
  set(program "$<TARGET_FILE:ratebook>")
  write_generated(bash-completion/completions/ratebook "${program}" completion bash)
  write_generated(zsh/vendor-completions/_ratebook "${program}" completion zsh)
  write_generated(man/man1/ratebook.1.gz
    help2man --no-info "--name=freight prices in by batches, rates out" "${program}" COMMAND gzip -9n)
]])

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ratebook)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "the operators of this host <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "freight prices in by batches, rates out
Receives batches of freight prices, each all or nothing, and answers what a
route costs on a day. One process, one file; nothing else is needed.")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_DEPENDS passwd) # useradd
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles
  ${CMAKE_SOURCE_DIR}/packaging/debian/postinst
  ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
  ${CMAKE_SOURCE_DIR}/packaging/debian/postrm)
include(CPack)
