# SPDX-License-Identifier: BSD-2-Clause
#
# What every room's CMakeLists.txt uses:
#   iop_flags                      warnings, sanitizers; comes along with every room
#   iop_room(NAME sources… …)      a static library iop_NAME
#   iop_fuzzer(NAME sources… …)    a libFuzzer program and its test, if IOP_FUZZ
#   iop_find_llvm()                clang and LLVM 19; defines iop_llvm (for emit only)

add_library(iop_flags INTERFACE)

target_compile_options(iop_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    # No absolute path in a binary or in an assertion: builds are reproducible.
    "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(IOP_WERROR)
    target_compile_options(iop_flags INTERFACE -Werror)
endif()

# Empty, so that a source file's own `#define _GNU_SOURCE` is the same definition.
target_compile_definitions(iop_flags INTERFACE _GNU_SOURCE=)

if(IOP_SANITIZE)
    set(iop_sanitizers address,undefined)
    if(IOP_FUZZ)
        set(iop_sanitizers ${iop_sanitizers},fuzzer-no-link)
    endif()
    target_compile_options(iop_flags INTERFACE
        -fsanitize=${iop_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(iop_flags INTERFACE -fsanitize=${iop_sanitizers})
elseif(IOP_FUZZ)
    target_compile_options(iop_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(IOP_COVERAGE)
    target_compile_options(iop_flags INTERFACE --coverage)
    target_link_options(iop_flags INTERFACE --coverage)
endif()

# iop_room(NAME sources… [DEPENDS rooms…] [LIBS libraries…])
#
# DEPENDS are the rooms that this one may see; what it does not name does not link.
# LIBS are libraries from outside, whose headers stay in this room. The room's headers
# are included with its name in front ("base/arena.h"), those shared with BPF programs
# as "abi/object.h"; files that are generated into the room's build folder are found,
# too.
function(iop_room name)
    cmake_parse_arguments(PARSE_ARGV 1 room "" "" "DEPENDS;LIBS")
    add_library(iop_${name} STATIC ${room_UNPARSED_ARGUMENTS})

    cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR
               BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE where)
    string(REGEX MATCH "^[^/]+" house "${where}")
    target_include_directories(iop_${name}
        PUBLIC ${CMAKE_SOURCE_DIR}/${house} ${CMAKE_SOURCE_DIR}/bpf
        PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
    if(house STREQUAL "runtime")
        target_include_directories(iop_${name} PUBLIC ${CMAKE_SOURCE_DIR}/runtime/include)
    endif()

    list(TRANSFORM room_DEPENDS PREPEND iop_)
    target_link_libraries(iop_${name}
        PUBLIC ${room_DEPENDS} PRIVATE ${room_LIBS} PUBLIC iop_flags)
endfunction()

# iop_fuzzer(NAME sources… [DEPENDS rooms…] [LIBS libraries…] [SECONDS n] [CORPUS folder])
#
# Builds tests/NAME and a test fuzz.NAME of that many seconds (60), which begins with
# the corpus' files and leaves what it finds in the build folder.
function(iop_fuzzer name)
    if(NOT IOP_FUZZ)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 1 fuzz "" "SECONDS;CORPUS" "DEPENDS;LIBS")
    if(NOT fuzz_SECONDS)
        set(fuzz_SECONDS 60)
    endif()
    list(TRANSFORM fuzz_DEPENDS PREPEND iop_)
    add_executable(${name} ${fuzz_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE ${fuzz_DEPENDS} ${fuzz_LIBS} iop_flags)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)

    set(found ${CMAKE_CURRENT_BINARY_DIR}/${name}.found)
    file(MAKE_DIRECTORY ${found})
    math(EXPR timeout "${fuzz_SECONDS} + 120")
    add_test(NAME fuzz.${name}
        COMMAND ${name} -max_total_time=${fuzz_SECONDS} -timeout=10 -rss_limit_mb=2048
                -print_final_stats=1 -artifact_prefix=${found}/crash- ${found} ${fuzz_CORPUS})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT ${timeout})
endfunction()

# The stage library is bitcode of clang that iopc's LLVM reads and links, so both must
# be the same release.
function(iop_find_llvm)
    find_program(IOP_CLANG NAMES clang-19 clang REQUIRED
                 DOC "clang 19, which compiles the BPF side")
    find_program(IOP_LLVM_CONFIG NAMES llvm-config-19 llvm-config REQUIRED
                 DOC "llvm-config of LLVM 19")

    execute_process(COMMAND ${IOP_CLANG} --version
                    OUTPUT_VARIABLE clang_says COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCH "clang version ([0-9]+\\.[0-9]+\\.[0-9]+)" _ "${clang_says}")
    set(clang_version "${CMAKE_MATCH_1}")
    iop_ask_llvm(llvm_version --version)
    if(NOT clang_version MATCHES "^19\\." OR NOT llvm_version MATCHES "^19\\.")
        message(FATAL_ERROR "clang and LLVM 19 are needed: ${IOP_CLANG} is of "
            "${clang_version}, ${IOP_LLVM_CONFIG} of ${llvm_version} "
            "(set IOP_CLANG and IOP_LLVM_CONFIG)")
    endif()
    if(NOT clang_version STREQUAL llvm_version)
        message(FATAL_ERROR "${IOP_CLANG} is of ${clang_version}, but ${IOP_LLVM_CONFIG} "
            "of ${llvm_version}: the stage library's bitcode and the LLVM that reads it "
            "must be of one release")
    endif()
    message(STATUS "LLVM and clang ${llvm_version}, linked ${IOP_LLVM}")

    iop_ask_llvm(includes --includedir)
    iop_ask_llvm(libdir --libdir)
    add_library(iop_llvm INTERFACE)
    target_include_directories(iop_llvm SYSTEM INTERFACE ${includes})
    target_link_directories(iop_llvm INTERFACE ${libdir})
    if(IOP_LLVM STREQUAL "static")
        iop_ask_llvm(libs --link-static --libs
                     core bpf passes linker bitreader bitwriter irreader)
        iop_ask_llvm(system_libs --link-static --system-libs)
        # The C++ run time goes in as well, so that iopc needs no more than libc.
        # gc-sections drops what BPF needs no solver and no XML for.
        target_link_libraries(iop_llvm INTERFACE
            ${libs} -Wl,--as-needed ${system_libs} -l:libstdc++.a -static-libgcc -lm)
        target_link_options(iop_llvm INTERFACE -Wl,--gc-sections)
    else()
        iop_ask_llvm(libs --link-shared --libs)
        target_link_libraries(iop_llvm INTERFACE ${libs})
    endif()
endfunction()

# iop_ask_llvm(VARIABLE arguments…): a list, as llvm-config answers.
function(iop_ask_llvm variable)
    execute_process(COMMAND ${IOP_LLVM_CONFIG} ${ARGN} OUTPUT_VARIABLE answer
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    separate_arguments(answer UNIX_COMMAND "${answer}")
    set(${variable} "${answer}" PARENT_SCOPE)
endfunction()
