/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a device's interrupts are served. A device that interrupts the cores of the application
 * takes them away from it, whatever cores the stack runs on; so where a policy has a stack stage,
 * the interrupts of its devices go to the pool, to cores that the stages leave alone if there are
 * such. What was before is put back at unload.
 */
#ifndef IOP_RUNTIME_IRQ_H
#define IOP_RUNTIME_IRQ_H

#include <stddef.h>

#include "record.h"
#include "report.h"

/* What stands before /proc and /sys: "", but for tests. */
#define IRQ_ROOT ""

/*
 * The interrupts of a device by the address of its bus ("0000:00:03.0"; "": it has none), ascending;
 * how many there are, at most `room`, or a negative errno. A device without any is no
 * error.
 */
int irq_find(const char *root, const char *bus, unsigned *irqs, size_t room);

/* The bus address of a device of this network namespace; "" if it has none. */
void irq_bus_of(const char *device, char *bus, size_t size);

/* Cores as a list, as the kernel writes it ("0-3,8"), which is how it is known again; sorts them. What
 * does not fit is left out. */
void irq_list(__u32 *cores, __u32 n, char text[RECORD_IRQ_CORES]);

/* The cores that serve an interrupt, as a list ("0-3,8"); 0 or a negative errno. */
int irq_read(const char *root, unsigned irq, char cores[RECORD_IRQ_CORES]);

/*
 * Sends it to row->after, or back to row->before. Where it is not as we have left it, somebody has
 * moved it since, and it is left alone; one that is gone is no error. -EIO or -EPERM, without a
 * message: the kernel does not let this one be moved.
 */
int irq_apply(const char *root, const struct record_irq *row);
int irq_revert(const char *root, const struct record_irq *row, struct iop_report *report);

/* Is an irqbalance running, which would move them again? */
bool irq_balancer_runs(void);

#endif
