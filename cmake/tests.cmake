# One test program a folder: few links, and one precompiled header for all of them.

find_path(WEFT_DOCTEST_INCLUDE_DIR doctest/doctest.h REQUIRED)

# The support library has main() and what every test program shares.
function(weft_add_test_support)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/support/*.cpp")
  add_library(weft_test_support OBJECT ${sources})
  target_include_directories(weft_test_support PUBLIC "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  target_include_directories(weft_test_support SYSTEM PUBLIC "${WEFT_DOCTEST_INCLUDE_DIR}")
  # doctest's own handlers would take SIGSEGV and the alternate stack away from the runtime.
  target_compile_definitions(weft_test_support PUBLIC DOCTEST_CONFIG_NO_POSIX_SIGNALS)
  target_link_libraries(weft_test_support PUBLIC weft::weft)
  target_precompile_headers(weft_test_support PRIVATE
    <doctest/doctest.h>
    <algorithm> <array> <atomic> <chrono> <cstdint> <functional> <memory> <mutex> <optional>
    <string> <string_view> <system_error> <thread> <utility> <vector>)
endfunction()

# weft_add_test_program(FOLDER folder LABEL label PROCS n... TIMEOUT seconds [SERIAL])
# makes the program test_<folder, / as _> from all sources below the folder, and a test <label>.pN for each N.
function(weft_add_test_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SERIAL" "FOLDER;LABEL;TIMEOUT" "PROCS")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER}/*.cpp")
  if(NOT sources)
    return()
  endif()

  string(REPLACE "/" "_" program "test_${arg_FOLDER}")
  add_executable(${program} ${sources})
  target_link_libraries(${program} PRIVATE weft_test_support)
  target_precompile_headers(${program} REUSE_FROM weft_test_support)

  math(EXPR timeout "${arg_TIMEOUT} * ${WEFT_TEST_TIMEOUT_FACTOR}")
  foreach(procs IN LISTS arg_PROCS)
    set(name ${arg_LABEL}.p${procs})
    add_test(NAME ${name} COMMAND ${program})
    set_tests_properties(${name} PROPERTIES
      LABELS ${arg_LABEL}
      ENVIRONMENT WEFT_TEST_PROCS=${procs}
      SKIP_RETURN_CODE 77
      TIMEOUT ${timeout})
    if(arg_SERIAL)
      set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
    endif()
  endforeach()
endfunction()
