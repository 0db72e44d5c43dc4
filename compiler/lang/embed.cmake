# SPDX-License-Identifier: BSD-2-Clause
# cmake -DOUT=file.c "-DFILES=a.iop;b.iop" -P embed.cmake
set(text "#include \"lang/protocols.h\"\n\n")
set(rows "")
foreach(file IN LISTS FILES)
	get_filename_component(name ${file} NAME_WE)
	file(READ ${file} hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND text "static const char text_${name}[] = { ${bytes} 0 };\n")
	string(APPEND rows
		"\t{ \"${name}\", \"protocols/${name}.iop\", text_${name}, sizeof(text_${name}) - 1 },\n")
endforeach()
string(APPEND text "\nconst struct lang_protocol lang_protocols[] = {\n${rows}\t{ 0, 0, 0, 0 },\n};\n")
file(WRITE ${OUT} "${text}")
