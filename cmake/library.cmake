# The library target. A new source or header in these folders is picked up by the next build.
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS context)

file(GLOB_RECURSE weft_sources CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/runtime/*.cpp" "${PROJECT_SOURCE_DIR}/netpoll/*.cpp")
file(GLOB_RECURSE weft_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/weft/*.hpp")

add_library(weft ${weft_sources})
add_library(weft::weft ALIAS weft)

target_sources(weft PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${weft_headers})
target_include_directories(weft PRIVATE "${PROJECT_SOURCE_DIR}")
target_compile_features(weft PUBLIC cxx_std_23)
target_link_libraries(weft PRIVATE Boost::context PUBLIC Threads::Threads)
target_link_options(weft INTERFACE -Wl,-z,now) # lazy binding takes 3 KB of the first fiber's stack that calls

# Profilers and our own dumps walk frame pointers; the runtime's one thread-local must cost one load.
target_compile_options(weft PRIVATE -fno-omit-frame-pointer -ftls-model=initial-exec
  -fno-semantic-interposition) # and nobody replaces a function of ours, so calls inside may be inlined
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|aarch64")
  target_compile_options(weft PRIVATE -mno-omit-leaf-frame-pointer)
endif()

set_target_properties(weft PROPERTIES
  CXX_EXTENSIONS OFF
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON
  POSITION_INDEPENDENT_CODE ON
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
