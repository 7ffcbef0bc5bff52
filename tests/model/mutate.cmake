# cmake -DNAME=mutant -DSOURCE_DIR=project -DCOPY=file -P mutate.cmake
# Writes the copy of a file with the mutant's change. Each text to replace must be there exactly once; if not,
# the copy says so and the mutant's test fails (the build goes on).

get_filename_component(here "${CMAKE_CURRENT_LIST_FILE}" DIRECTORY)

function(replace_once variable from to result)
  set(all "${${variable}}")
  string(FIND "${all}" "${from}" first)
  string(FIND "${all}" "${from}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    set(${result} FALSE PARENT_SCOPE)
    return()
  endif()
  string(LENGTH "${from}" length)
  math(EXPR after "${first} + ${length}")
  string(SUBSTRING "${all}" 0 ${first} head)
  string(SUBSTRING "${all}" ${after} -1 tail)
  set(${variable} "${head}${to}${tail}" PARENT_SCOPE)
  set(${result} TRUE PARENT_SCOPE)
endfunction()

function(mutant name)
  if(NOT name STREQUAL NAME)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CHECKER;FILE" "DEFINES;FROM;TO;FROM2;TO2")
  foreach(text_of FROM TO FROM2 TO2)
    string(REPLACE "\\;" ";" arg_${text_of} "${arg_${text_of}}") # cmake_parse_arguments quotes them
  endforeach()
  file(READ "${SOURCE_DIR}/${arg_FILE}" text)
  set(ok TRUE)
  foreach(n "" 2)
    if(ok AND NOT arg_FROM${n} STREQUAL "")
      replace_once(text "${arg_FROM${n}}" "${arg_TO${n}}" ok)
    endif()
  endforeach()
  if(NOT ok)
    message(WARNING "mutant ${name} no longer applies to ${arg_FILE}")
    if(arg_FILE MATCHES "\\.pml$")
      set(text "/* the mutation no longer applies */\ninit { assert(true) }\n")
    else()
      string(APPEND text "
        #include <cstdio>
        #include <cstdlib>
        static const struct model_mutation_failed {
          model_mutation_failed() {
            std::puts(\"the mutation ${name} no longer applies\");
            std::fflush(stdout);
            std::_Exit(2);
          }
        } model_mutation_failed_;
      ")
    endif()
  endif()
  file(WRITE "${COPY}" "${text}")
endfunction()

include("${here}/mutants.cmake")
