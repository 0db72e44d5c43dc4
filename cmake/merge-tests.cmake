# SPDX-License-Identifier: BSD-2-Clause
#
# Joins the tests of several builds into one list, so that one run of ctest counts them
# all. Labels alone decide in which build a test runs:
#
#   cmake -DOUT=build/all -DQUICK=build/asan -DMAIN=build -P cmake/merge-tests.cmake
#
# takes what is labelled quick or fuzz from QUICK, and everything else from MAIN. The
# latter load programs, move packets and measure: they run one after the other, unless
# they are labelled parallel.

cmake_minimum_required(VERSION 3.25)

# write_tests(BUILD TAG WANT): appends to `script` the tests of a build; WANT tells
# whether it is those labelled quick or fuzz, or the others.
function(write_tests build tag want)
    execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${build} --show-only=json-v1
                    OUTPUT_VARIABLE json ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
    string(JSON last LENGTH "${json}" tests)
    if(last EQUAL 0)
        return()
    endif()
    math(EXPR last "${last} - 1")
    foreach(i RANGE ${last})
        string(JSON test GET "${json}" tests ${i})
        write_test("${test}" ${tag} ${want})
    endforeach()
    set(script "${script}" PARENT_SCOPE)
endfunction()

# A test that was not built has no command; ctest reports it as one that failed.
function(write_test test tag want)
    string(JSON name GET "${test}" name)
    set(command "")
    string(JSON words ERROR_VARIABLE no_command LENGTH "${test}" command)
    if(no_command)
        set(command " [==[not-built]==]")
    else()
        math(EXPR words "${words} - 1")
        foreach(i RANGE ${words})
            string(JSON word GET "${test}" command ${i})
            string(APPEND command " [==[${word}]==]")
        endforeach()
    endif()

    set(properties "")
    set(labels "")
    string(JSON rows ERROR_VARIABLE no_properties LENGTH "${test}" properties)
    if(NOT no_properties AND rows GREATER 0)
        math(EXPR rows "${rows} - 1")
        foreach(i RANGE ${rows})
            string(JSON row GET "${test}" properties ${i})
            read_property("${row}" key value)
            if(key STREQUAL "LABELS")
                set(labels "${value}")
            elseif(key MATCHES "^(DEPENDS|FIXTURES_.*)$")
                # These name other tests, which are those of the same build.
                list(TRANSFORM value PREPEND "${tag}:")
            endif()
            string(APPEND properties " ${key} [==[${value}]==]")
        endforeach()
    endif()

    set(is_quick OFF)
    if("quick" IN_LIST labels OR "fuzz" IN_LIST labels)
        set(is_quick ON)
    elseif(NOT "parallel" IN_LIST labels)
        string(APPEND properties " RUN_SERIAL ON")
    endif()
    if(NOT is_quick STREQUAL want)
        return()
    endif()
    set(name "${tag}:${name}")
    string(APPEND script "add_test([==[${name}]==]${command})\n")
    if(properties)
        string(APPEND script
               "set_tests_properties([==[${name}]==] PROPERTIES${properties})\n")
    endif()
    set(script "${script}" PARENT_SCOPE)
endfunction()

# read_property(ROW KEY VALUE): a row of ctest's JSON; lists come as arrays.
function(read_property row key value)
    string(JSON name GET "${row}" name)
    string(JSON type TYPE "${row}" value)
    set(text "")
    if(type STREQUAL "ARRAY")
        string(JSON length LENGTH "${row}" value)
        if(length GREATER 0)
            math(EXPR length "${length} - 1")
            foreach(i RANGE ${length})
                string(JSON item GET "${row}" value ${i})
                list(APPEND text "${item}")
            endforeach()
        endif()
    else()
        string(JSON text GET "${row}" value)
    endif()
    set(${key} "${name}" PARENT_SCOPE)
    set(${value} "${text}" PARENT_SCOPE)
endfunction()

set(script "# Written by cmake/merge-tests.cmake.\n")
write_tests(${QUICK} asan ON)
write_tests(${MAIN} release OFF)
file(WRITE ${OUT}/CTestTestfile.cmake "${script}")
