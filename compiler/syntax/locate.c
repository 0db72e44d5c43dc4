/* SPDX-License-Identifier: BSD-2-Clause */
/* Which file is meant by a name that another file has in it. */
#include "syntax/locate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/source.h"

/* The folder of a path, with its slash; empty if it has none. */
static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_strndup(a, path, slash ? (size_t)(slash - path) + 1 : 0);
}

/* `a/./b/../c` as `a/c`. What leads out at the front stays. */
static const char *without_dots(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t n = 0, fixed = 0; /* `fixed`: the leading slash or the leading `../` */

	if (path[0] == '/')
		fixed = n = 1, out[0] = '/';
	for (const char *part = path, *end; *part; part = end) {
		size_t len;

		part += strspn(part, "/");
		end = part + strcspn(part, "/");
		len = (size_t)(end - part);
		if (len == 0 || (len == 1 && part[0] == '.'))
			continue;
		if (len == 2 && part[0] == '.' && part[1] == '.' && n > fixed) {
			for (n--; n > fixed && out[n - 1] != '/'; n--)
				;
			continue;
		}
		memcpy(out + n, part, len);
		n += len;
		out[n++] = '/';
		if (len == 2 && part[0] == '.' && part[1] == '.')
			fixed = n;
	}
	out[n > 1 ? n - 1 : n] = '\0';
	return out;
}

const char *identity_of(struct arena *a, const char *path)
{
	char *real = realpath(path, NULL);
	const char *identity = real ? arena_strdup(a, real) : NULL;

	free(real);
	return identity;
}

const char *locate(struct arena *a, const struct source *from, const char *text,
		   struct located *out)
{
	bool absolute = text[0] == '/';
	const char *name;
	struct stat st;

	if (!text[0])
		return "a name of a file is needed";
	/* `./` keeps a file that is called `-` from being the standard input */
	out->path = absolute ? text : arena_printf(a, "./%s", text);
	if (!absolute && strchr(from->path, '/'))
		out->path = arena_printf(a, "%s%s", folder_of(a, from->path), text);
	name = absolute ? text : arena_printf(a, "%s%s", folder_of(a, from->name), text);
	out->name = without_dots(a, name);
	out->identity = identity_of(a, out->path);
	if (!out->identity || stat(out->identity, &st) != 0)
		return strerror(errno);
	return S_ISREG(st.st_mode) ? NULL : "it is not a regular file";
}
