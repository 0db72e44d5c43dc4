/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout of .BTF.ext is the kernel's Documentation/bpf/btf.rst; libbpf has it for itself. */
#include "line_info.h"

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <string.h>

#include "elffile.h"

struct ext_header {
	__u16 magic;
	__u8 version, flags;
	__u32 header_size;
	__u32 func_offset, func_size;
	__u32 line_offset, line_size; /* from the header's end */
};

struct ext_section {
	__u32 name; /* offset in the strings of .BTF */
	__u32 records;
};

/* A part of the section that has still to be read. */
struct rest {
	const unsigned char *at;
	size_t size;
};

/* The next `size` bytes, NULL if there are not as many. */
static const void *take(struct rest *r, size_t size)
{
	const void *taken = r->at;

	if (size > r->size)
		return NULL;
	r->at += size;
	r->size -= size;
	return taken;
}

static bool find_section(const struct iop_object *o, const char *name, struct rest *out)
{
	struct elf_section s;
	struct elf_file f;
	char error[128];

	if (!o->elf || elf_file_open(&f, o->elf, o->elf_size, error, sizeof(error)))
		return false;
	for (uint32_t i = 0; i < f.n_sections; i++) {
		if (elf_file_section(&f, i, &s, error, sizeof(error)))
			return false;
		if (strcmp(s.name, name) != 0)
			continue;
		*out = (struct rest){ s.bytes, s.size };
		return true;
	}
	return false;
}

/* All line records: the size of one, then section after section. */
static bool open_lines(const struct iop_object *o, struct rest *lines, __u32 *record_size)
{
	struct ext_header header;
	struct rest whole;
	const void *p;

	if (!find_section(o, ".BTF.ext", &whole) || whole.size < sizeof(header))
		return false;
	memcpy(&header, whole.at, sizeof(header));
	if (!take(&whole, header.header_size) || !take(&whole, header.line_offset) ||
	    header.line_size > whole.size)
		return false;
	*lines = (struct rest){ whole.at, header.line_size };
	p = take(lines, sizeof(*record_size));
	if (!p)
		return false;
	memcpy(record_size, p, sizeof(*record_size));
	return *record_size >= sizeof(struct bpf_line_info);
}

/* The last record at or before the instruction: records are in their order. */
static bool find_record(struct rest records, __u32 record_size, __u32 instruction,
			struct bpf_line_info *found)
{
	const void *p;
	bool any = false;

	while ((p = take(&records, record_size))) {
		struct bpf_line_info info;

		memcpy(&info, p, sizeof(info));
		/* In the object it counts bytes. */
		if (info.insn_off / sizeof(struct bpf_insn) > instruction)
			break;
		*found = info;
		any = true;
	}
	return any;
}

bool line_info_find(const struct iop_object *o, const struct bpf_object *obj,
		    const struct bpf_program *program, __u32 instruction, struct line_info *out)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct rest lines, records;
	struct ext_section section;
	struct bpf_line_info found;
	__u32 record_size;
	const void *p;

	if (!btf || !open_lines(o, &lines, &record_size))
		return false;
	while ((p = take(&lines, sizeof(section)))) {
		const char *name;

		memcpy(&section, p, sizeof(section));
		records.at = lines.at;
		records.size = (size_t)section.records * record_size;
		if (!take(&lines, records.size))
			return false;
		name = btf__name_by_offset(btf, section.name);
		if (!name || strcmp(name, bpf_program__section_name(program)) != 0)
			continue;
		if (!find_record(records, record_size, instruction, &found))
			return false;
		out->file = btf__name_by_offset(btf, found.file_name_off);
		out->source = btf__name_by_offset(btf, found.line_off);
		out->line = BPF_LINE_INFO_LINE_NUM(found.line_col);
		out->column = BPF_LINE_INFO_LINE_COL(found.line_col);
		return out->file && out->source && out->line;
	}
	return false;
}
