/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounds-checked reading of an ELF file. Headers are copied out before they are
 * read, because nothing says that an enemy's offsets are aligned.
 */
#include "elffile.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#ifndef EM_BPF
#define EM_BPF 247
#endif

/* Far more than a policy has; they bound what hostile files can cost. */
#define MAX_NAME 4096
#define MAX_SECTIONS 4096

#define ELFDATA_HOST (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

static int problem(char *error, size_t error_size, const char *text)
{
	(void)snprintf(error, error_size, "%s", text);
	return -1;
}

/* Are `length` bytes at `offset` inside? */
static bool inside(uint64_t size, uint64_t offset, uint64_t length)
{
	return offset <= size && length <= size - offset;
}

static int read_header(const struct elf_file *f, uint32_t index, Elf64_Shdr *out)
{
	if (index >= f->n_sections)
		return -1;
	/* elf_file_open() has checked that all of them are inside. */
	memcpy(out, f->bytes + f->sections + (uint64_t)index * sizeof(*out), sizeof(*out));
	return 0;
}

static int check_ident(const Elf64_Ehdr *h, char *error, size_t error_size)
{
	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return problem(error, error_size, "not a 64-bit ELF file");
	if (h->e_ident[EI_DATA] != ELFDATA_HOST)
		return problem(error, error_size, "compiled for the other byte order");
	if (h->e_ident[EI_VERSION] != EV_CURRENT || h->e_version != EV_CURRENT)
		return problem(error, error_size, "unknown version of ELF");
	if (h->e_machine != EM_BPF) {
		(void)snprintf(error, error_size, "an ELF file for machine %u, not for BPF",
			       h->e_machine);
		return -1;
	}
	if (h->e_type != ET_REL)
		return problem(error, error_size, "an ELF file, but not a relocatable one");
	if (h->e_shentsize != sizeof(Elf64_Shdr))
		return problem(error, error_size, "bad size of ELF section headers");
	return 0;
}

/* ELF has one symbol table. */
static void find_symbols(struct elf_file *f)
{
	Elf64_Shdr h;

	for (uint32_t i = 1; i < f->n_sections && !f->symbols; i++)
		if (read_header(f, i, &h) == 0 && h.sh_type == SHT_SYMTAB &&
		    inside(f->size, h.sh_offset, h.sh_size))
			f->symbols = i;
}

int elf_file_open(struct elf_file *f, const void *bytes, size_t size, char *error,
		  size_t error_size)
{
	Elf64_Ehdr h;

	if (size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return problem(error, error_size, "not an ELF file");
	if (size < sizeof(h))
		return problem(error, error_size, "cut short within its ELF header");
	memcpy(&h, bytes, sizeof(h));
	if (check_ident(&h, error, error_size))
		return -1;

	*f = (struct elf_file){
		.bytes = bytes,
		.size = size,
		.sections = h.e_shoff,
		.n_sections = h.e_shnum,
		.names = h.e_shstrndx,
	};
	if (!h.e_shoff || !h.e_shnum)
		return problem(error, error_size, "its ELF section headers are missing");
	if (h.e_shnum > MAX_SECTIONS)
		return problem(error, error_size, "too many ELF sections");
	if (!inside(size, h.e_shoff, (uint64_t)f->n_sections * sizeof(Elf64_Shdr)))
		return problem(error, error_size, "cut short within its ELF section headers");
	if (f->names >= f->n_sections)
		return problem(error, error_size, "its ELF section names are missing");
	find_symbols(f);
	return 0;
}

/* The string at `offset` of section `strings`, NULL unless it ends within it and is of a
 * sensible length: a file of 64 MiB that is all names must not take minutes. */
static const char *string_at(const struct elf_file *f, const Elf64_Shdr *strings, uint64_t offset)
{
	const char *text;
	uint64_t left;

	if (strings->sh_type != SHT_STRTAB ||
	    !inside(f->size, strings->sh_offset, strings->sh_size) || offset >= strings->sh_size)
		return NULL;
	text = (const char *)f->bytes + strings->sh_offset + offset;
	left = strings->sh_size - offset;
	return memchr(text, '\0', left < MAX_NAME ? left : MAX_NAME) ? text : NULL;
}

int elf_file_section(const struct elf_file *f, uint32_t index, struct elf_section *out, char *error,
		     size_t error_size)
{
	Elf64_Shdr h, names;

	if (read_header(f, index, &h) || read_header(f, f->names, &names)) {
		(void)snprintf(error, error_size, "no ELF section %u", index);
		return -1;
	}
	*out = (struct elf_section){
		.name = string_at(f, &names, h.sh_name),
		.index = index,
		.type = h.sh_type,
		.link = h.sh_link,
		.info = h.sh_info,
		.flags = h.sh_flags,
	};
	if (!out->name) {
		(void)snprintf(error, error_size, "ELF section %u has a bad name", index);
		return -1;
	}
	if (h.sh_type == SHT_NOBITS || h.sh_type == SHT_NULL)
		return 0;
	if (!inside(f->size, h.sh_offset, h.sh_size)) {
		(void)snprintf(error, error_size, "ELF section %u is cut short", index);
		return -1;
	}
	out->bytes = f->bytes + h.sh_offset;
	out->size = h.sh_size;
	return 0;
}

/* The function that symbol `i` of `table` is, if it is one. */
static bool function_at(const struct elf_file *f, const Elf64_Shdr *table, uint64_t i,
			struct elf_function *out)
{
	Elf64_Shdr strings, section, names;
	Elf64_Sym s;

	memcpy(&s, f->bytes + table->sh_offset + i * sizeof(s), sizeof(s));
	if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || read_header(f, table->sh_link, &strings) ||
	    read_header(f, s.st_shndx, &section) || read_header(f, f->names, &names))
		return false;
	*out = (struct elf_function){
		.name = string_at(f, &strings, s.st_name),
		.section = string_at(f, &names, section.sh_name),
		.size = s.st_size,
		.global = ELF64_ST_BIND(s.st_info) != STB_LOCAL,
	};
	return out->name && out->section && inside(section.sh_size, s.st_value, s.st_size);
}

bool elf_file_next_function(const struct elf_file *f, uint64_t *cursor, struct elf_function *out)
{
	Elf64_Shdr table;

	if (!f->symbols || read_header(f, f->symbols, &table))
		return false;
	while (*cursor < table.sh_size / sizeof(Elf64_Sym))
		if (function_at(f, &table, (*cursor)++, out))
			return true;
	return false;
}
