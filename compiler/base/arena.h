/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arena: one per compilation, owns every value that the compilation makes.
 * Nothing is freed alone; arena_free() frees all. Allocation never returns
 * NULL: without memory the process ends with a message (exit 70).
 */
#ifndef IOP_BASE_ARENA_H
#define IOP_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new, empty arena; the caller ends it with arena_free(). */
struct arena *arena_new(void);
void arena_free(struct arena *a);

/* `size` zeroed bytes, aligned for any type; valid until arena_free(). */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of `n` bytes at `s`, with a NUL behind it. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);

/* printf into the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))

/*
 * A growing array in the arena. `struct { T *v; size_t n, cap; }` is its shape;
 * vec_push() evaluates to a pointer to the new, zeroed element. Pointers to
 * elements are valid until the next push.
 */
#define vec(T) struct { T *v; size_t n, cap; }
#define vec_push(a, vec_ptr)                                                         \
	((vec_ptr)->v = arena_grow((a), (vec_ptr)->v, (vec_ptr)->n, &(vec_ptr)->cap, \
				   sizeof(*(vec_ptr)->v)),                           \
	 &(vec_ptr)->v[(vec_ptr)->n++])

/* Room for one more element behind `n`: the array, moved if it had to grow. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t elem_size);

#endif
