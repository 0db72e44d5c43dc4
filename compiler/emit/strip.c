/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object without DWARF. LLVM makes none for us but `.debug_frame`, which it
 * writes for every module with debug information and which nobody reads of a BPF
 * program. Sections are left out and those behind them move up; what refers to
 * a section by its number is renumbered.
 */
#include "emit/strip.h"

#include <elf.h>
#include <string.h>

#include "base/arena.h"

#define DROPPED 0xffffu

struct stripping {
	const uint8_t *in;
	size_t size;
	const Elf64_Ehdr *header;
	const Elf64_Shdr *sections;
	const char *names;
	uint16_t *number; /* new number of each section, or DROPPED */
};

static bool is_debug(const char *name)
{
	return strncmp(name, ".debug_", 7) == 0 || strncmp(name, ".rel.debug_", 11) == 0;
}

/* LLVM's own output a moment ago: what does not look like it is left as it is. */
static bool open_object(struct arena *a, struct stripping *s)
{
	uint16_t next = 0;

	s->header = (const void *)s->in;
	if (s->size < sizeof(*s->header) || memcmp(s->in, ELFMAG, SELFMAG) != 0 ||
	    s->header->e_shentsize != sizeof(Elf64_Shdr) ||
	    s->header->e_shoff + (uint64_t)s->header->e_shnum * sizeof(Elf64_Shdr) > s->size ||
	    s->header->e_shstrndx >= s->header->e_shnum)
		return false;
	s->sections = (const void *)(s->in + s->header->e_shoff);
	s->names = (const char *)s->in + s->sections[s->header->e_shstrndx].sh_offset;
	s->number = arena_alloc(a, s->header->e_shnum * sizeof(*s->number));
	for (uint16_t i = 0; i < s->header->e_shnum; i++)
		s->number[i] = is_debug(s->names + s->sections[i].sh_name) ? DROPPED : next++;
	return next < s->header->e_shnum;
}

static void renumber_symbols(const struct stripping *s, uint8_t *symbols, size_t size)
{
	for (size_t at = 0; at + sizeof(Elf64_Sym) <= size; at += sizeof(Elf64_Sym)) {
		Elf64_Sym *sym = (void *)(symbols + at);

		if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= s->header->e_shnum)
			continue;
		sym->st_shndx = s->number[sym->st_shndx] == DROPPED ? SHN_ABS : s->number[sym->st_shndx];
	}
}

static size_t align(size_t at, size_t to)
{
	return to > 1 ? (at + to - 1) / to * to : at;
}

const void *strip_debug(struct arena *a, const void *object, size_t size, size_t *out_size)
{
	struct stripping s = { .in = object, .size = size };
	Elf64_Shdr *headers;
	Elf64_Ehdr *header;
	uint8_t *out;
	size_t at = sizeof(Elf64_Ehdr);
	uint16_t n = 0;

	*out_size = size;
	if (!open_object(a, &s))
		return object;
	out = arena_alloc(a, size + 16u * s.header->e_shnum);
	headers = arena_alloc(a, s.header->e_shnum * sizeof(*headers));
	for (uint16_t i = 0; i < s.header->e_shnum; i++) {
		const Elf64_Shdr *from = &s.sections[i];
		Elf64_Shdr *to = &headers[n];

		if (s.number[i] == DROPPED)
			continue;
		n++;
		*to = *from;
		to->sh_link = s.number[from->sh_link];
		if (from->sh_type == SHT_REL)
			to->sh_info = s.number[from->sh_info];
		if (from->sh_type == SHT_NULL)
			continue;
		at = align(at, from->sh_addralign);
		to->sh_offset = at;
		if (from->sh_type == SHT_NOBITS)
			continue;
		memcpy(out + at, s.in + from->sh_offset, from->sh_size);
		if (from->sh_type == SHT_SYMTAB)
			renumber_symbols(&s, out + at, from->sh_size);
		at += from->sh_size;
	}
	at = align(at, 8);
	memcpy(out + at, headers, n * sizeof(*headers));
	memcpy(out, s.header, sizeof(*s.header));
	header = (void *)out;
	header->e_shoff = at;
	header->e_shnum = n;
	header->e_shstrndx = s.number[s.header->e_shstrndx];
	*out_size = at + n * sizeof(*headers);
	return out;
}
