/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unloading is loading backwards, from the records alone, and does not stop: what cannot
 * be taken away is said, and the rest goes all the same. So it also cleans up after a
 * load or an unload that was killed.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "adopt.h"
#include "hook.h"
#include "pin.h"
#include "probe.h"
#include "proc.h"
#include "transaction.h"

/* The kernel ends programs a moment after their last user has gone. */
#define PROGRAM_WAIT_MS 500
#define PROGRAM_RETRY_MS 10

static int begin(void *context, __u32 subject, struct iop_report *report)
{
	struct installed *is = context;

	(void)subject;
	installed_policy(is)->state = RECORD_UNLOADING;
	return record_write(&is->record, &is->record.rows[0], report);
}

static int detach(void *context, __u32 subject, struct iop_report *report)
{
	return hook_of(HOOK_OF_SUBJECT(subject))
		->detach(context, HOOK_SUBJECT_NUMBER(subject), report);
}

/* Those that no record tells of: removing a pin alone detaches some time later only. */
static void detach_links(const struct installed *is)
{
	char path[PIN_PATH];
	DIR *folder;
	const struct dirent *entry;

	(void)pin_path(path, is->name, "/links");
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		_cleanup_fd_ int link = -1;

		if (entry->d_name[0] == '.' || pin_path(path, is->name, "/links/%s", entry->d_name))
			continue;
		link = bpf_obj_get(path);
		if (link >= 0)
			(void)bpf_link_detach(link);
	}
	if (folder)
		(void)closedir(folder);
}

static int remove_pins(void *context, __u32 subject, struct iop_report *report)
{
	const struct installed *is = context;
	char path[PIN_PATH];

	(void)subject;
	detach_links(is);
	(void)pin_path(path, is->name, "/");
	return pin_remove(path, report);
}

/* --- programs that live on --- */

static bool is_alive(__u32 program)
{
	__u32 next = 0;

	return program && !bpf_prog_get_next_id(program - 1, &next) && next == program;
}

static bool ends_soon(__u32 program)
{
	struct timespec wait = { 0, PROGRAM_RETRY_MS * 1000000L };

	for (int ms = 0; ms < PROGRAM_WAIT_MS && is_alive(program); ms += PROGRAM_RETRY_MS)
		(void)nanosleep(&wait, NULL);
	return !is_alive(program);
}

/* All workers that we knew are gone, but a socket that came later keeps the group and its
 * program. We know the group by its address; that the program lives tells that it is still the
 * same group. */
static int detach_by_address(void *context, pid_t pid, int number, ino_t inode)
{
	const struct record_group *group = context;
	struct record_group found = { 0 };
	struct record_worker worker = { 0 };
	_cleanup_fd_ int fd = proc_borrow(pid, number);
	bool shared;
	int unused = 0;

	(void)inode;
	if (fd < 0 || !socket_look(fd, &found, &worker, &shared) || !shared ||
	    !socket_group_equal(&found, group))
		return 0;
	return !setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof(unused));
}

static int visit_process(void *context, pid_t pid)
{
	int found = proc_each_socket(pid, detach_by_address, context);

	return found < 0 ? 0 : found;
}

static int end_program(void *context, __u32 subject, struct iop_report *report)
{
	const struct installed *is = context;
	struct record_group *group = installed_group(is, subject);
	char address[SOCKET_ADDRESS];

	if (!group->attached || ends_soon(group->program))
		return 0;
	if (proc_each(visit_process, group) > 0 && ends_soon(group->program))
		return 0;
	report_warning(
		report,
		"the program of the sockets at %s (id %u) is still in use; it ends when they "
		"are closed",
		socket_address(group, address), group->program);
	return 0;
}

/* --- the list --- */

static int add_detach_steps(const struct installed *is, __u32 hook, struct transaction *t)
{
	int err = 0;

	for (__u32 i = hook_of(hook)->count(is); !err && i-- > 0;) {
		char text[160];

		hook_of(hook)->describe(is, i, false, text, sizeof(text));
		err = transaction_add(t, detach, NULL, HOOK_SUBJECT(hook, i), "%s", text);
	}
	return err;
}

static int list_steps(struct installed *is, struct transaction *t)
{
	__u32 stages = is->description ? object_count(is->description, IOP_TABLE_STAGES) : 0;
	int err = 0;

	if (installed_policy(is))
		err = transaction_add(t, begin, NULL, 0, "note that policy %s is being unloaded",
				      is->name);
	for (__u32 i = stages; !err && i-- > 0;)
		err = add_detach_steps(is, object_stage(is->description, i)->hook, t);
	if (!err)
		err = transaction_add(t, remove_pins, NULL, 0, "remove %s/%s", PIN_ROOT, is->name);
	for (__u32 g = 0; !err && g < is->n_groups; g++)
		err = transaction_add(t, end_program, NULL, g, "see socket program %u end", g);
	return err;
}

int unload_locked(struct installed *is,
		  void (*on_step)(void *told, const struct iop_step_event *event), void *told,
		  struct iop_report *report)
{
	struct transaction t = { .context = is, .on_step = on_step, .told = told };
	int err = list_steps(is, &t);

	err = err ? report_no_memory(report) : transaction_run_all(&t, report);
	transaction_free(&t);
	return err;
}

int iop_unload(const char *policy,
	       void (*on_step)(void *context, const struct iop_step_event *event), void *context,
	       struct iop_report *report)
{
	static const struct probe_capabilities needs = { .sockets = true };
	_cleanup_installed_ struct installed is = INSTALLED_EMPTY;
	_cleanup_lock_ int lock = -1;
	int err = installed_open(&is, policy, report);

	if (!err)
		err = probe_capabilities(&needs, report);
	if (err)
		return err;
	lock = pin_lock(report);
	if (lock < 0)
		return lock;
	/* As it is now that nobody else changes it. */
	installed_close(&is);
	err = installed_open(&is, policy, report);
	return err ? err : unload_locked(&is, on_step, context, report);
}
