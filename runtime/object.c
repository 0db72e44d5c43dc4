/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening a policy object: reads the file, finds the description in it, and
 * hands out nothing that object_check.c has not accepted.
 */
#include "object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "elffile.h"
#include "object_check.h"

#define MAX_FILE_SIZE (64u << 20)
#define READ_AT_ONCE (64u << 10)
#define MAX_REASON 512

/* Where a message goes, and what it is about. */
struct report {
	const char *name;
	char *error;
	size_t error_size;
};

static struct iop_object *refuse(const struct report *r, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static struct iop_object *refuse(const struct report *r, int code, const char *fmt, ...)
{
	char why[MAX_REASON];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	(void)snprintf(r->error, r->error_size, "%s: %s", r->name, why);
	errno = code;
	return NULL;
}

void object_close(struct iop_object *o)
{
	if (!o)
		return;
	free(o->elf);
	free(o->path);
	free(o->desc_copy);
	free(o);
}

DEFINE_CLEANUP(cleanup_object, struct iop_object *, object_close)

/* A copy of a section that is aligned for the rows in it, checked. */
static struct iop_object *from_section(const struct report *r, const void *section, size_t size)
{
	_cleanup_(cleanup_object) struct iop_object *o = calloc(1, sizeof(*o));
	char why[MAX_REASON];

	if (size > IOP_DESC_MAX_SIZE)
		return refuse(r, EBADMSG, "the description is larger than %u MiB",
			      IOP_DESC_MAX_SIZE >> 20);
	if (!o)
		return refuse(r, ENOMEM, "out of memory");
	/* malloc() aligns to more than the 8 bytes that rows need. */
	o->desc_copy = malloc(size ? size : 1);
	o->path = strdup(r->name);
	if (!o->desc_copy || !o->path)
		return refuse(r, ENOMEM, "out of memory");
	if (size)
		memcpy(o->desc_copy, section, size);
	if (object_check(o->desc_copy, size, why, sizeof(why)))
		return refuse(r, errno, "%s", why);
	o->desc = o->desc_copy;
	return TAKE_PTR(o);
}

struct iop_object *object_from_description(const void *section, size_t size, const char *name,
					   char *error, size_t error_size)
{
	struct report r = { name, error, error_size };

	return from_section(&r, section, size);
}

/* Finds the one description section. */
static int find_section(const struct report *r, const struct elf_file *f, struct elf_section *out)
{
	char why[MAX_REASON];
	bool found = false;

	for (uint32_t i = 0; i < f->n_sections; i++) {
		struct elf_section s;

		if (elf_file_section(f, i, &s, why, sizeof(why))) {
			(void)refuse(r, EBADMSG, "%s", why);
			return -1;
		}
		if (strcmp(s.name, IOP_DESC_SECTION) != 0)
			continue;
		if (found) {
			(void)refuse(r, EBADMSG, "more than one section %s", IOP_DESC_SECTION);
			return -1;
		}
		if (s.type != SHT_PROGBITS || (s.flags & SHF_COMPRESSED)) {
			(void)refuse(r, EBADMSG, "section %s is not plain bytes", IOP_DESC_SECTION);
			return -1;
		}
		*out = s;
		found = true;
	}
	if (!found) {
		(void)refuse(r, EBADMSG, "no section %s: not an object that iopc wrote",
			     IOP_DESC_SECTION);
		return -1;
	}
	return 0;
}

/* Takes `bytes` over, also when it fails. */
static struct iop_object *from_elf(const struct report *r, void *bytes, size_t size)
{
	_cleanup_free_ void *owned = bytes;
	struct iop_object *o;
	struct elf_section section;
	struct elf_file elf;
	char why[MAX_REASON];

	if (elf_file_open(&elf, owned, size, why, sizeof(why)))
		return refuse(r, EBADMSG, "%s", why);
	if (find_section(r, &elf, &section))
		return NULL;
	o = from_section(r, section.bytes, section.size);
	if (!o)
		return NULL;
	o->elf = TAKE_PTR(owned);
	o->elf_size = size;
	return o;
}

struct iop_object *object_open_memory(const void *bytes, size_t size, const char *name, char *error,
				      size_t error_size)
{
	struct report r = { name, error, error_size };
	void *copy;

	if (size > MAX_FILE_SIZE)
		return refuse(&r, EFBIG, "larger than %u MiB", MAX_FILE_SIZE >> 20);
	copy = malloc(size ? size : 1);
	if (!copy)
		return refuse(&r, ENOMEM, "out of memory");
	if (size)
		memcpy(copy, bytes, size);
	return from_elf(&r, copy, size);
}

/* Reads all there is, so that a pipe will do. */
static int read_all(int fd, void **bytes, size_t *size)
{
	_cleanup_free_ char *buffer = NULL;
	size_t used = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - used < READ_AT_ONCE) {
			char *larger = realloc(buffer, room * 2 + READ_AT_ONCE);

			if (!larger)
				return -1;
			buffer = larger;
			room = room * 2 + READ_AT_ONCE;
		}
		n = read(fd, buffer + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > MAX_FILE_SIZE) {
			errno = EFBIG;
			return -1;
		}
	}
	*bytes = TAKE_PTR(buffer);
	*size = used;
	return 0;
}

struct iop_object *object_open(const char *path, char *error, size_t error_size)
{
	struct report r = { path, error, error_size };
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *bytes = NULL;
	size_t size = 0;

	if (fd < 0)
		return refuse(&r, errno, "cannot open: %s", strerror(errno));
	if (read_all(fd, &bytes, &size)) {
		if (errno == EFBIG)
			return refuse(&r, EFBIG, "larger than %u MiB", MAX_FILE_SIZE >> 20);
		return refuse(&r, errno, "cannot read: %s", strerror(errno));
	}
	return from_elf(&r, bytes, size);
}
