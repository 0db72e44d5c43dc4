/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a policy lives when no process of ours runs: its folder in the BPF file
 * system.
 *
 *	/sys/fs/bpf/iop/POLICY/		mode 0700
 *		description		the object's description (array of 1)
 *		record			what loading has done (record.h)
 *		maps/NAME		those of scope POLICY
 *		programs/NAME
 *		links/rx_DEVICE, tx_DEVICE
 *		workers/0/ …		an instance of the socket program each:
 *			record, program, maps/NAME
 *
 * The file system takes no dot in a name: those of maps lose the first and get
 * '_' for others, those of devices get ':', which no device has.
 */
#ifndef IOP_RUNTIME_PIN_H
#define IOP_RUNTIME_PIN_H

#include <limits.h>
#include <stdbool.h>

#include "report.h"

#define PIN_MOUNT "/sys/fs/bpf"
#define PIN_ROOT PIN_MOUNT "/iop"
#define PIN_PATH 512

/* [A-Za-z_][A-Za-z0-9_]*, at most IOP_NAME_MAX: nothing that leaves the folder. */
bool pin_name_is_valid(const char *policy);

/* PIN_ROOT/POLICY/ and what the format says; -ENAMETOOLONG if it does not fit. */
int pin_path(char path[PIN_PATH], const char *policy, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The file's name for a map or a device; cut to NAME_MAX. */
void pin_name_of_map(const char *map, char name[NAME_MAX + 1]);
void pin_name_of_device(const char *device, char name[NAME_MAX + 1]);

enum pin_mount {
	PIN_MOUNTED,
	PIN_NOT_MOUNTED,
	PIN_HIDDEN, /* by `ip netns exec`, which mounts a /sys of its own */
};

/* How /sys/fs/bpf looks from here. PIN_HIDDEN adds an error that says what to run. */
enum pin_mount pin_look(struct iop_report *report);

/* Mounts the file system; takes it away again if nothing is in it. */
int pin_mount(struct iop_report *report);
int pin_unmount(struct iop_report *report);

/*
 * Makes PIN_ROOT and locks it, so that one iopctl at a time loads or unloads. Returns a
 * descriptor, whose end is pin_unlock(): it removes PIN_ROOT if no policy is left. A
 * negative errno otherwise, -EBUSY after some seconds with another one in there.
 */
int pin_lock(struct iop_report *report);
void pin_unlock(int *lock);
#define _cleanup_lock_ __attribute__((cleanup(pin_unlock)))

/* 0: it is there; -ENOENT without a message: it is not; else an error. */
int pin_check(const char *path, struct iop_report *report);
int pin_make_folder(const char *path, struct iop_report *report);

/* Pins a program, map or link. */
int pin_object(int fd, const char *path, struct iop_report *report);

/* Removes a file, or a folder with all in it; what is not there is no error. */
int pin_remove(const char *path, struct iop_report *report);

#endif
