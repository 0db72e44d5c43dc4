/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row per suffix, as in the language (compiler/syntax/literal.c), so that what an
 * operator may write after --set is what stands in the policy. Nothing is rounded:
 * a value that its unit cannot hold whole is an error.
 */
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_FRACTION 9 /* digits behind the point */

struct unit {
	const char *suffix;
	enum iop_param_type type;
	__u64 worth;
	int shown; /* values are printed with it */
};

static const struct unit units[] = {
	{ "G", IOP_PARAM_NUMBER, 1000000000, 1 },
	{ "M", IOP_PARAM_NUMBER, 1000000, 1 },
	{ "k", IOP_PARAM_NUMBER, 1000, 1 },
	{ "", IOP_PARAM_NUMBER, 1, 1 },
	{ "Gi", IOP_PARAM_NUMBER, 1 << 30, 0 },
	{ "Mi", IOP_PARAM_NUMBER, 1 << 20, 0 },
	{ "Ki", IOP_PARAM_NUMBER, 1 << 10, 0 },
	{ "G/s", IOP_PARAM_RATE, 1000000000, 1 },
	{ "M/s", IOP_PARAM_RATE, 1000000, 1 },
	{ "k/s", IOP_PARAM_RATE, 1000, 1 },
	{ "/s", IOP_PARAM_RATE, 1, 1 },
	{ "Gi/s", IOP_PARAM_RATE, 1 << 30, 0 },
	{ "Mi/s", IOP_PARAM_RATE, 1 << 20, 0 },
	{ "Ki/s", IOP_PARAM_RATE, 1 << 10, 0 },
	{ "gbit", IOP_PARAM_BITRATE, 1000000000, 1 },
	{ "mbit", IOP_PARAM_BITRATE, 1000000, 1 },
	{ "kbit", IOP_PARAM_BITRATE, 1000, 1 },
	{ "s", IOP_PARAM_DURATION, 1000000000, 1 },
	{ "ms", IOP_PARAM_DURATION, 1000000, 1 },
	{ "us", IOP_PARAM_DURATION, 1000, 1 },
	{ "ns", IOP_PARAM_DURATION, 1, 1 },
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

static const struct {
	const char *what, *example, *smallest;
} types[IOP_PARAM_TYPES] = {
	[IOP_PARAM_NUMBER] = { "a number", "4k", "a whole number" },
	[IOP_PARAM_RATE] = { "a rate", "5k/s", "a whole number a second" },
	[IOP_PARAM_BITRATE] = { "a bit rate", "10mbit", "a whole number of bits a second" },
	[IOP_PARAM_DURATION] = { "a duration", "100us", "a whole number of nanoseconds" },
};

/* What was written: value / scale. */
struct decimal {
	unsigned __int128 value;
	__u64 scale;
};

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns where the unit begins, NULL if no number stands there. What is too large
 * for 64 bits stays too large. */
static const char *parse_decimal(const char *at, struct decimal *d)
{
	const char *first = at;

	*d = (struct decimal){ .scale = 1 };
	if (at[0] == '0' && (at[1] | 0x20) == 'x') {
		for (first = at += 2; hex_digit(*at) >= 0; at++)
			if (d->value <= UINT64_MAX)
				d->value = d->value * 16 + (unsigned)hex_digit(*at);
		return at > first ? at : NULL;
	}
	for (; is_digit(*at); at++)
		if (d->value <= UINT64_MAX)
			d->value = d->value * 10 + (unsigned)(*at - '0');
	if (at == first || *at != '.')
		return at > first ? at : NULL;
	first = ++at;
	for (; is_digit(*at); at++) {
		if (at - first == MAX_FRACTION)
			return NULL;
		if (d->value <= UINT64_MAX) {
			d->value = d->value * 10 + (unsigned)(*at - '0');
			d->scale *= 10;
		}
	}
	return at > first ? at : NULL;
}

static const struct unit *unit_of(const char *suffix, enum iop_param_type type)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (units[i].type == type && !strcmp(units[i].suffix, suffix))
			return &units[i];
	return NULL;
}

int units_parse(const char *text, enum iop_param_type type, __u64 *value, char *error,
		size_t error_size)
{
	struct decimal d;
	const char *suffix = parse_decimal(text, &d);
	const struct unit *unit = suffix ? unit_of(suffix, type) : NULL;

	if (!unit) {
		snprintf(error, error_size, "\"%s\" is not %s; one is written like %s", text,
			 types[type].what, types[type].example);
		return -EINVAL;
	}
	/* Below 2^68 * 2^30: fits. */
	d.value *= unit->worth;
	if (d.value / d.scale > UINT64_MAX) {
		snprintf(error, error_size, "\"%s\" is too large: 64 bits are the most", text);
		return -ERANGE;
	}
	if (d.value % d.scale) {
		snprintf(error, error_size, "\"%s\" is not %s", text, types[type].smallest);
		return -EINVAL;
	}
	*value = (__u64)(d.value / d.scale);
	return 0;
}

const char *units_format(__u64 value, enum iop_param_type type, char out[UNITS_TEXT])
{
	const struct unit *best = NULL;
	char rest[5], *end;

	/* From the largest unit of the type down to the first that holds the value whole. */
	for (size_t i = 0; i < N_UNITS; i++) {
		if (units[i].type != type || !units[i].shown)
			continue;
		best = &units[i];
		if (value && value % best->worth == 0)
			break;
	}
	/* Below the smallest unit, which is a thousand for bit rates and one else. */
	snprintf(rest, sizeof(rest), ".%03u", (unsigned)(value % best->worth % 1000));
	for (end = rest + 3; *end == '0'; end--)
		*end = '\0';
	snprintf(out, UNITS_TEXT, "%" PRIu64 "%s%s", (uint64_t)(value / best->worth),
		 end > rest ? rest : "", best->suffix);
	return out;
}
