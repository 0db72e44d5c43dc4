/* SPDX-License-Identifier: BSD-2-Clause */
/* A new hook is a row here and a file of its own. */
#include "hook.h"

#include "program.h"

static const struct hook *const hooks[IOP_HOOKS] = {
	[IOP_HOOK_SOCKET] = &hook_socket,
	[IOP_HOOK_CONNECTIONS] = &hook_connections,
	[IOP_HOOK_LOOKUP] = &hook_lookup,
	[IOP_HOOK_TX] = &hook_tx,
	[IOP_HOOK_STACK] = &hook_stack,
	[IOP_HOOK_RX] = &hook_rx,
};

const struct hook *hook_of(__u32 hook)
{
	return hooks[hook];
}

void hook_tell_owner(const char *owner, enum iop_hook hook, struct iop_report *report)
{
	_cleanup_installed_ struct installed there = INSTALLED_EMPTY;
	const struct iop_desc_stage *stage;
	struct report_place place;

	if (installed_open(&there, owner, NULL) || !there.description)
		return;
	stage = program_stage(there.description, hook);
	if (!stage)
		return;
	place = report_place(there.description, &stage->place);
	report_help(report, "policy %s asks for it at %s:%u; iopctl unload %s makes room", owner,
		    place.file, place.line, owner);
}
