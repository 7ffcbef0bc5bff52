# Warnings are errors in weft's own build and never in a build that merely uses weft.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Werror)
