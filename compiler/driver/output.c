/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files are written beside their place and renamed into it, so that neither a full
 * disk nor a killed compiler leaves half an object where a loader looks for one.
 */
#include "driver/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define TRIES 100 /* names that another compiler, or one that was killed, has taken */

const char *output_stem(const char *source, size_t *len)
{
	const char *slash = strrchr(source, '/'), *base = slash ? slash + 1 : source;
	size_t n = strlen(base);

	*len = n > 4 && strcmp(base + n - 4, ".iop") == 0 ? n - 4 : n;
	return base;
}

const char *output_name(struct arena *a, const char *source)
{
	size_t n;
	const char *base = output_stem(source, &n);

	return arena_printf(a, "%.*s.bpf.o", (int)n, base);
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Errors of a disk that was full may come as late as this. */
static int close_after(int fd, int error)
{
	if (close(fd) != 0 && !error)
		return errno;
	return error;
}

static int write_through(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	return close_after(fd, write_all(fd, data, size));
}

static int write_beside(struct arena *a, const char *path, const void *data, size_t size)
{
	const char *temporary = NULL;
	int fd = -1, error;

	for (int i = 0; fd < 0 && i < TRIES; i++) {
		temporary = arena_printf(a, "%s.%ld.%d", path, (long)getpid(), i);
		fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			return errno;
	}
	if (fd < 0)
		return errno;
	error = close_after(fd, write_all(fd, data, size));
	if (!error && rename(temporary, path) != 0)
		error = errno;
	if (error)
		(void)unlink(temporary);
	return error;
}

int output_write(struct arena *a, const char *path, const void *data, size_t size)
{
	char *real = realpath(path, NULL); /* a link goes on naming what it names */
	const char *place = real ? arena_strdup(a, real) : path;
	struct stat st;

	free(real);
	if (stat(place, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : write_through(place, data, size);
	return write_beside(a, place, data, size);
}

int output_print(const void *data, size_t size)
{
	fflush(stdout);
	return write_all(STDOUT_FILENO, data, size);
}
