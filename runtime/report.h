/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the library speaks: messages are added to the caller's report and an error
 * code is passed up. Each of the functions that add an error returns its code, so
 * that `return report_error(…)` is a whole answer.
 */
#ifndef IOP_RUNTIME_REPORT_H
#define IOP_RUNTIME_REPORT_H

#include "iop.h"

struct iop_object;
struct iop_desc_place;

/* A line of the policy's sources; file "" or NULL: none. */
struct report_place {
	const char *file;
	uint32_t line, column;
};

#define REPORT_NOWHERE ((struct report_place){ 0 })

struct report_place report_place(const struct iop_object *o, const struct iop_desc_place *place);

/* `code` is a negative errno and is returned. */
int report_error(struct iop_report *r, int code, enum iop_cause cause, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int report_error_at(struct iop_report *r, int code, enum iop_cause cause, struct report_place place,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
int report_no_memory(struct iop_report *r);

void report_warning(struct iop_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void report_warning_at(struct iop_report *r, struct report_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_note(struct iop_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* These add to the message before them; detail is kept if the report's owner wants it. */
void report_help(struct iop_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_source(struct iop_report *r, const char *line);
void report_detail(struct iop_report *r, const char *text);

#endif
