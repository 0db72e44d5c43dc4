/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "proc.h"

DEFINE_CLEANUP(cleanup_folder, DIR *, closedir)
#define _cleanup_folder_ _cleanup_(cleanup_folder)

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

/* A number alone, without sign or space; false: it is something else. */
static bool number_of(const char *text, unsigned *n)
{
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	*n = (unsigned)value;
	return !errno && !*end && value <= INT_MAX;
}

/* The first line of a file, without its end. */
static int read_line(const char *path, char *text, size_t size)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if ((size_t)n == size - 1 && !strchr(text, '\n'))
		return -E2BIG;
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static int write_line(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	return n < 0 ? -errno : 0;
}

/* --- finding --- */

/* Without message-signalled interrupts a device has one line, which it may share. */
static int find_line(const char *root, const char *bus, unsigned *irqs, size_t room)
{
	char path[PATH_MAX], text[32];
	unsigned irq;
	int err;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/irq", root, bus);
	err = read_line(path, text, sizeof(text));
	if (err)
		return err == -ENOENT ? 0 : err;
	if (!number_of(text, &irq) || !irq || !room)
		return 0;
	irqs[0] = irq;
	return 1;
}

int irq_find(const char *root, const char *bus, unsigned *irqs, size_t room)
{
	_cleanup_folder_ DIR *folder = NULL;
	const struct dirent *entry;
	char path[PATH_MAX];
	size_t n = 0;

	if (!bus[0] || strchr(bus, '/'))
		return 0;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/msi_irqs", root, bus);
	folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? find_line(root, bus, irqs, room) : -errno;
	while (n < room && (entry = readdir(folder)))
		n += number_of(entry->d_name, &irqs[n]);
	qsort(irqs, n, sizeof(*irqs), by_number);
	return (int)n;
}

void irq_bus_of(const char *device, char *bus, size_t size)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };

	bus[0] = '\0';
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request))
		snprintf(bus, size, "%.*s", (int)sizeof(info.bus_info), info.bus_info);
}

/* --- affinity --- */

void irq_list(__u32 *cores, __u32 n, char text[RECORD_IRQ_CORES])
{
	size_t at = 0;

	if (n)
		qsort(cores, n, sizeof(*cores), by_number);
	text[0] = '\0';
	for (__u32 i = 0, end; i < n && at < RECORD_IRQ_CORES - 16; i = end) {
		for (end = i + 1; end < n && cores[end] == cores[end - 1] + 1; end++)
			;
		at += (size_t)snprintf(text + at, RECORD_IRQ_CORES - at, "%s%u", at ? "," : "",
				       cores[i]);
		if (end > i + 1)
			at += (size_t)snprintf(text + at, RECORD_IRQ_CORES - at, "-%u",
					       cores[end - 1]);
	}
}

static void affinity_path(const char *root, unsigned irq, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/proc/irq/%u/smp_affinity_list", root, irq);
}

int irq_read(const char *root, unsigned irq, char cores[RECORD_IRQ_CORES])
{
	char path[PATH_MAX];

	affinity_path(root, irq, path);
	return read_line(path, cores, RECORD_IRQ_CORES);
}

int irq_apply(const char *root, const struct record_irq *row)
{
	char path[PATH_MAX];

	affinity_path(root, row->irq, path);
	return write_line(path, row->after);
}

int irq_revert(const char *root, const struct record_irq *row, struct iop_report *report)
{
	char now[RECORD_IRQ_CORES], path[PATH_MAX];
	int err = irq_read(root, row->irq, now);

	if (row->fixed || err == -ENOENT || (!err && strcmp(now, row->after) != 0))
		return 0;
	affinity_path(root, row->irq, path);
	if (!err)
		err = write_line(path, row->before);
	if (!err)
		return 0;
	err = report_error(report, err, IOP_CAUSE_ENVIRONMENT,
			   "interrupt %u of %s cannot be sent back to cores %s: %s", row->irq,
			   row->device, row->before, strerror(-err));
	report_help(report, "echo %s >/proc/irq/%u/smp_affinity_list", row->before, row->irq);
	return err;
}

/* --- who else moves them --- */

static int is_balancer(void *context, pid_t pid)
{
	(void)context;
	return proc_has_comm(pid, "irqbalance");
}

bool irq_balancer_runs(void)
{
	return proc_each(is_balancer, NULL) > 0;
}
