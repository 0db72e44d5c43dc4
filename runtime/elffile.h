/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sections of an ELF file in memory, read with every offset checked: the file
 * may come from an enemy, and libelf trusts more than we may. Only what a BPF
 * object is: ELF64, relocatable, of this machine's byte order.
 */
#ifndef IOP_RUNTIME_ELFFILE_H
#define IOP_RUNTIME_ELFFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Points into bytes that the caller owns. */
struct elf_file {
	const unsigned char *bytes;
	size_t size;
	uint64_t sections;   /* offset of the section headers */
	uint32_t n_sections;
	uint32_t names;      /* section with the sections' names */
	uint32_t symbols;    /* section with the symbols; 0: none */
};

struct elf_section {
	const char *name; /* ends with a NUL within the file */
	const unsigned char *bytes;
	size_t size;      /* bytes in the file: 0 for SHT_NOBITS */
	uint32_t index;
	uint32_t type, link, info;
	uint64_t flags;
};

/* Both return 0, or -1 with a sentence in `error`. */
int elf_file_open(struct elf_file *f, const void *bytes, size_t size, char *error,
		  size_t error_size);
int elf_file_section(const struct elf_file *f, uint32_t index, struct elf_section *out,
		     char *error, size_t error_size);

/* A function of the object: what symbol tables call FUNC. */
struct elf_function {
	const char *name;    /* ends with a NUL within the file */
	const char *section; /* likewise */
	uint64_t size;       /* bytes */
	bool global;
};

/* The next function from *cursor (0 at first) on; false at the end. Symbols that
 * make no sense are left out: this is for telling people, and loads nothing. */
bool elf_file_next_function(const struct elf_file *f, uint64_t *cursor, struct elf_function *out);

#endif
