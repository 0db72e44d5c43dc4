/* SPDX-License-Identifier: BSD-2-Clause */
/* Multi-line messages (libbpf prints whole verifier logs) are cut after their first line:
 * we keep the verifier's log ourselves. */
#include "libbpf_log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <string.h>

struct libbpf_log {
	char *text; /* NULL: nothing yet */
	size_t size;
	libbpf_print_fn_t before;
};

static _Thread_local struct libbpf_log *listening;

static int listen(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *line, *grown;
	size_t n;

	if (level != LIBBPF_WARN || !listening || vasprintf(&line, fmt, ap) < 0)
		return 0;
	n = strcspn(line, "\n");
	grown = realloc(listening->text, listening->size + n + 2);
	if (grown) {
		if (listening->size)
			grown[listening->size++] = '\n';
		memcpy(grown + listening->size, line, n);
		listening->size += n;
		grown[listening->size] = '\0';
		listening->text = grown;
	}
	free(line);
	return 0;
}

struct libbpf_log *libbpf_log_begin(void)
{
	struct libbpf_log *log = calloc(1, sizeof(*log));

	if (log)
		log->before = libbpf_set_print(listen);
	listening = log;
	return log;
}

void libbpf_log_end(struct libbpf_log *log)
{
	if (!log)
		return;
	listening = NULL;
	libbpf_set_print(log->before);
	free(log->text);
	free(log);
}

const char *libbpf_log_text(const struct libbpf_log *log)
{
	return log && log->text ? log->text : "";
}

const char *libbpf_log_last(const struct libbpf_log *log)
{
	static const char prefix[] = "libbpf: ";
	const char *text = libbpf_log_text(log), *at = text + strlen(text);

	while (at > text && at[-1] != '\n')
		at--;
	return strncmp(at, prefix, sizeof(prefix) - 1) ? at : at + sizeof(prefix) - 1;
}
