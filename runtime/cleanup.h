/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who owns a descriptor, a piece of memory or a stream is said where it is
 * declared, so that a function can be checked without reading its callees:
 *
 *	_cleanup_fd_ int fd = open(…);
 *	_cleanup_free_ char *text = strdup(…);
 *	…
 *	return TAKE_FD(fd);	 // the caller's from here on
 *
 * errno survives each of them.
 */
#ifndef IOP_RUNTIME_CLEANUP_H
#define IOP_RUNTIME_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* DEFINE_CLEANUP(name, type, call): for a pointer type whose end is call(p). */
#define DEFINE_CLEANUP(name, type, call)                                                           \
	static inline void name(type *p)                                                           \
	{                                                                                          \
		if (*p) {                                                                          \
			int iop_saved_errno = errno;                                               \
			call(*p);                                                                  \
			errno = iop_saved_errno;                                                   \
		}                                                                                  \
	}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void)close(*fd); /* Linux has closed it, whatever is returned */
		errno = saved;
	}
}

static inline void cleanup_free(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void cleanup_file(FILE **f)
{
	if (*f) {
		int saved = errno;

		(void)fclose(*f); /* who writes checks before; this is the way out after an error */
		errno = saved;
	}
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_fd_ _cleanup_(cleanup_fd)
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_file_ _cleanup_(cleanup_file)

/* Gives up ownership and returns what was owned. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int iop_taken_fd = (fd);                                                           \
		(fd) = -1;                                                                         \
		iop_taken_fd;                                                                      \
	})
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) iop_taken_ptr = (p);                                                 \
		(p) = NULL;                                                                        \
		iop_taken_ptr;                                                                     \
	})

#endif
